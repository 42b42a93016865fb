"""When training ends before its last epoch: by a rule, or by Ctrl-C."""

import json
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.training import slices
from small_training import X_OTHER, Y_OTHER, X, Y, new_net

# by rule


def epochs_until(losses, tol=None, patience=None, target_loss=None):
    """The rule of the docstring of `fit`, spelled out: (epochs, stop_reason)."""
    best, without = float("inf"), 0
    for epoch, loss in enumerate(losses, 1):
        if target_loss is not None and loss <= target_loss:
            return epoch, "target_loss"
        fell = loss < best - (tol or 0.0)
        best, without = (loss, 0) if fell else (best, without + 1)
        if (tol is not None or patience is not None) and without >= (patience or 1):
            return epoch, "tol" if patience is None else "patience"
    return len(losses), "epochs"


RULES = [
    {},
    {"tol": 0.0},
    {"tol": 1e-3},
    {"tol": 0.05},
    {"patience": 1},
    {"patience": 4},
    {"tol": 1e-3, "patience": 3},
    {"tol": 100.0, "patience": 5},
    {"target_loss": 0.5},
    {"target_loss": -1.0},
    {"target_loss": 0.3, "tol": 1e-4, "patience": 2},
    {"target_loss": 1e9},
]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("watched", ["training", "validation"])
def test_training_ends_where_the_rule_says(rule, watched):
    options = {"epochs": 60, "batch_size": 2, "optimizer": dl.SGD(0.3)}
    if watched == "validation":
        options["validation_data"] = (X_OTHER, Y_OTHER)
    whole = new_net().fit(X, Y, **options)
    losses = whole.validation_loss or whole.loss
    history = new_net().fit(X, Y, **options, **rule)
    assert (len(history), history.stop_reason) == epochs_until(losses, **rule)
    assert history.loss == whole.loss[: len(history)]
    assert history.validation_loss == whole.validation_loss[: len(history)]


def test_rules_above_do_end_training_in_every_way():
    whole = new_net().fit(X, Y, epochs=60, batch_size=2, optimizer=dl.SGD(0.3))
    ends = [epochs_until(whole.loss, **rule) for rule in RULES]
    assert {reason for _, reason in ends} == {"epochs", "tol", "patience", "target_loss"}
    assert len({epochs for epochs, _ in ends}) > 5


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"tol": 100.0}, "tol"),
        ({"tol": 100.0, "patience": 1}, "patience"),
        ({"tol": 100.0, "patience": 3}, "patience"),
        ({"patience": 1}, "patience"),
    ],
)
def test_stop_reason_is_the_argument_that_was_given(rule, reason):
    still = dl.SGD(0.0)  # the loss of a network that does not move never falls
    history = new_net().fit(X, Y, epochs=9, optimizer=still, shuffle=False, **rule)
    assert history.stop_reason == reason
    assert len(history) == 1 + rule.get("patience", 1)


@pytest.mark.parametrize(("seconds", "n_epochs"), [(0, 1), (1, 1), (3, 3), (2.5, 3), (99, 5)])
def test_max_seconds_are_over_when_the_clock_shows_them(seconds, n_epochs, monkeypatch):
    net, now = new_net(), [1e5]
    monkeypatch.setattr("deltaloop.training.epochs.perf_counter", lambda: now[0])

    def second(state):
        now[0] += 1 if seconds else 0

    history = net.fit(X, Y, epochs=5, max_seconds=seconds, callbacks=[second])
    assert len(history) == n_epochs
    assert history.stop_reason == ("epochs" if n_epochs == 5 else "max_seconds")


def test_target_loss_is_reached_when_it_is_equalled():
    losses = new_net().fit(X, Y, epochs=5).loss
    history = new_net().fit(X, Y, epochs=5, target_loss=losses[2])
    assert len(history) == 3


# by Ctrl-C


@pytest.mark.parametrize("epoch", [1, 2, 4])
def test_interrupt_keeps_finished_epochs_and_a_usable_network(epoch):
    finished = []

    def progress(now, fraction, history):
        if now == epoch:
            finished.append(len(history))
            raise KeyboardInterrupt

    net = new_net()
    history = net.fit(X, Y, epochs=9, progress=progress, validation_data=(X_OTHER, Y_OTHER))
    assert history.stop_reason == "interrupted"
    assert finished == [len(history)]
    assert len(history.loss) == len(history.validation_loss) == len(history.seconds)
    assert len(history) in (epoch - 1, epoch)
    assert "interrupted" in repr(history)
    assert np.isfinite(net.predict(X)).all()
    assert net.fit(X, Y, epochs=2).stop_reason == "epochs"


def test_interrupt_while_watching_leaves_no_half_row(monkeypatch):
    net, calls = new_net(), []

    def interrupted(*data):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return 0.5

    # the loss of the validation data is where Ctrl-C arrives
    monkeypatch.setattr(net, "_mean_loss", interrupted)
    history = net.fit(X, Y, epochs=9, validation_data=(X, Y))
    assert history.stop_reason == "interrupted"
    assert len(history.loss) == len(history.validation_loss) == len(history.seconds) == 2


def test_interrupt_of_a_diverging_epoch_leaves_finite_parameters(monkeypatch):
    # the second slice of an epoch is asked for while the loss is finite and theta is not
    monkeypatch.setattr(slices.Slices, "end", lambda self, start: start + 1)
    net, seen = dl.Network([1, 1], init="zeros"), []

    def progress(epoch, part, history):
        seen.append(np.isfinite(net.theta).all())
        if not seen[-1]:
            raise KeyboardInterrupt

    # the first two samples change nothing
    history = net.fit([[0.0], [0.0], [1e20], [1e20]], [0, 0, 1e18, 0], epochs=3, batch_size=1,
                      shuffle=False, optimizer=dl.SGD(10.0), progress=progress)  # fmt: skip
    assert seen == [True, True, False]
    assert history.stop_reason == "interrupted"
    assert len(history) == 0
    assert not net.theta.any()


LONG_RUN = """
    import json, signal, sys
    import numpy as np
    import deltaloop as dl

    signal.signal(signal.SIGINT, signal.default_int_handler)  # in background jobs it is ignored
    n, epochs = {n}, {epochs}
    data = np.random.default_rng(0).normal(size=(n, 12)).astype("f4")
    net = dl.Network([10, 16, 2])
    said = []

    def progress(epoch, fraction, history):
        if not said:
            said.append(print("ready", flush=True))

    history = net.fit(data[:, :10], data[:, 10:], epochs=epochs, progress=progress, batch_size=1)
    again = net.fit(data[:9, :10], data[:9, 10:], epochs=1)
    print(json.dumps([history.to_dict(), bool(np.isfinite(net.theta).all()), again.stop_reason]))
"""


@pytest.mark.parametrize(("n", "epochs"), [(100, 10**9), (500_000, 1000)])
def test_ctrl_c_ends_training_within_a_moment(n, epochs):
    script = textwrap.dedent(LONG_RUN).format(n=n, epochs=epochs)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.1)
            begin = time.perf_counter()
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=20)
            seconds = time.perf_counter() - begin
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    history, finite, again = json.loads(out)
    assert history["stop_reason"] == "interrupted"
    assert len(history["loss"]) == len(history["seconds"]) < epochs
    assert finite
    assert again == "epochs"
    assert seconds < 2
