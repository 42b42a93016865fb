"""The progress bar: what it shows, what it leaves alone, and what is said without rich."""

import io
import sys

import pytest

import deltaloop as dl
from deltaloop.training import progress
from deltaloop.training.progress import bar, reporter

X, Y = dl.datasets.load("xor")


def screen():
    from rich.console import Console

    return Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)


def test_bar_shows_epoch_and_losses():
    console = screen()
    with bar(5, console) as report:
        report(1, 0.5, dl.History())
        report(3, 1.0, dl.History([0.75, 0.5], [0.25, 0.125], [1, 1]))
    shown = console.file.getvalue()
    assert "epoch 3/5" in shown
    assert "loss 0.5, validation 0.125" in shown


def test_bar_of_a_run_without_validation_shows_the_loss_alone():
    console = screen()
    with bar(2, console) as report:
        report(2, 1.0, dl.History([0.75], [], [1]))
    assert "loss 0.75" in console.file.getvalue()
    assert "validation" not in console.file.getvalue()


def test_bar_of_a_finished_run_shows_the_last_loss():
    console = screen()
    with bar(2, console) as report:
        history = dl.Network([2, 2, 1], seed=1).fit(X, Y, epochs=2, progress=report)
    assert "epoch 2/2" in console.file.getvalue()
    assert f"loss {history.loss[-1]:.4g}" in console.file.getvalue()


def test_fit_with_a_bar_trains_the_same_network(capsys):
    nets = [dl.Network([2, 2, 1]), dl.Network([2, 2, 1])]
    nets[0].fit(X, Y, epochs=3, progress=True)
    nets[1].fit(X, Y, epochs=3)
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()
    capsys.readouterr()


def test_nothing_is_printed_without_being_asked(capfd):
    dl.Network([2, 2, 1]).fit(X, Y, epochs=3)
    assert capfd.readouterr() == ("", "")


def test_bar_is_taken_down_when_training_fails(capsys):
    with pytest.raises(dl.DivergenceError):
        dl.Network([2, 1]).fit(
            X + 1, Y, epochs=500, batch_size=1, optimizer=dl.SGD(1e3), progress=True
        )
    capsys.readouterr()
    from rich import get_console

    assert getattr(get_console(), "_live", None) is None


@pytest.mark.parametrize("off", [False, None])
def test_no_bar_reports_to_nobody(off):
    with reporter(off, 3) as report:
        assert report is None


def test_callable_is_its_own_reporter():
    with reporter(print, 3) as report:
        assert report is print


@pytest.mark.parametrize("wrong", [1, 0, "yes", []])
def test_what_is_no_progress_is_refused(wrong):
    with pytest.raises(dl.InvalidTypeError, match="True, False or a callable, got"):
        reporter(wrong, 3).__enter__()


def test_without_rich_the_extra_is_named_and_nothing_changes(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    net = dl.Network([2, 2, 1])
    before = net.theta.tobytes()
    with pytest.raises(dl.MissingDependencyError, match=r'\'rich\'.*"deltaloop\[cli\]"'):
        net.fit(X, Y, progress=True)
    assert net.theta.tobytes() == before


# speed and time left, and lines where no bar can be drawn


def console(**options):
    from rich.console import Console

    return Console(file=io.StringIO(), width=200, color_system=None, **options)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(progress, "perf_counter", lambda: self.now)


def test_bar_shows_speed_and_the_time_that_is_left(monkeypatch):
    clock, seen = Clock(monkeypatch), console(force_terminal=True)
    with bar(10, seen, n_samples=5000) as report:
        clock.now += 2.0
        report(1, 0.5, dl.History())
        clock.now += 6.0
        report(2, 1.0, dl.History([0.5, 0.25], [], [1, 1]))
    shown = seen.file.getvalue()
    assert "1,250 samples/s" in shown  # 10,000 in 8 seconds
    assert "0:00:32 left" in shown  # 8 more epochs, 4 seconds each


def test_speed_of_a_resumed_training_is_that_of_its_own_epochs(monkeypatch):
    clock, seen = Clock(monkeypatch), console(force_terminal=True)
    with bar(110, seen, n_samples=100) as report:
        clock.now += 1.0
        report(101, 1.0, dl.History())
        clock.now += 1.0
        report(102, 1.0, dl.History())
    assert "100 samples/s" in seen.file.getvalue()
    assert "0:00:08 left" in seen.file.getvalue()


def test_output_that_is_no_terminal_gets_a_line_now_and_then_and_at_the_end(monkeypatch):
    clock, seen = Clock(monkeypatch), console()
    history = dl.History([0.5], [0.25], [1], metrics={"r2": [0.125]})
    with bar(8, seen, n_samples=1000) as report:
        for epoch in range(1, 7):
            clock.now += 4.0
            report(epoch, 1.0, history)
    assert seen.file.getvalue().splitlines() == [
        "epoch 3/8  loss 0.5, validation 0.25, r2 0.125  250 samples/s  0:00:20 left",
        "epoch 6/8  loss 0.5, validation 0.25, r2 0.125  250 samples/s  0:00:08 left",
        "epoch 6/8  loss 0.5, validation 0.25, r2 0.125  250 samples/s  0:00:08 left",
    ]


@pytest.mark.parametrize("has_widgets", [True, False])
def test_notebook_has_a_bar_where_it_can_be_redrawn(has_widgets, monkeypatch):
    found = object() if has_widgets else None
    monkeypatch.setattr(progress, "find_spec", lambda name: found)
    assert progress._can_draw(console(force_jupyter=True)) is has_widgets


def test_notebook_without_widgets_gets_lines(monkeypatch):
    jupyter = pytest.importorskip("rich.jupyter")
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    shown = []
    monkeypatch.setattr(jupyter, "display", lambda segments, text: shown.append(text))
    seen = console(force_jupyter=True)
    with bar(2, seen, n_samples=4) as report:
        dl.Network([2, 2, 1]).fit(X, Y, epochs=2, progress=report)
    assert "epoch 2/2  loss" in "".join(shown)


def test_stream_of_unknown_length_has_no_speed():
    seen = console()
    with bar(2, seen) as report:
        dl.Network([2, 2, 1]).fit(lambda: iter([(X, Y)]), epochs=2, progress=report)
    assert "epoch 2/2" in seen.file.getvalue()
    assert "samples/s" not in seen.file.getvalue()


def test_epochs_of_a_resumed_training_are_counted_together(capsys):
    net = dl.Network([2, 2, 1])
    net.fit(X, Y, epochs=3)
    net.fit(X, Y, epochs=2, resume=True, progress=True)
    assert "epoch 5/5" in capsys.readouterr().out
