"""Callbacks: what they are told, when, and how they end training; logs in files."""

import csv
import json
import math

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.callbacks import CSVLog, JSONLines, TensorBoard, every
from small_training import X_OTHER, Y_OTHER, X, Y, new_net

WATCHED = {"validation_data": (X_OTHER, Y_OTHER), "metrics": ["mse"]}


def test_callback_is_told_of_every_epoch():
    net, seen = new_net(), []

    def tell(state):
        seen.append((state.epoch, state.step, state.loss, state.learning_rate, len(state.history)))
        assert state.net is net
        assert state.history.loss[-1] == state.loss

    history = net.fit(X, Y, epochs=3, batch_size=2, callbacks=[tell], schedule="exponential")
    assert seen == [
        (k + 1, 4 * (k + 1), history.loss[k], history.learning_rate[k], k + 1) for k in range(3)
    ]


@pytest.mark.parametrize("backend", ["reference", "cython"])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 100])
def test_callback_is_told_of_every_nth_update(n, backend):
    net, twin, seen = new_net(backend), new_net(backend), []
    net.fit(
        X, Y, epochs=3, batch_size=2,
        callbacks=[every(n, lambda state: seen.append((state.epoch, state.step)))],
    )  # fmt: skip
    twin.fit(X, Y, epochs=3, batch_size=2)
    assert seen == [((k - 1) // 4 + 1, k) for k in range(n, 13, n)]
    assert net.theta.tobytes() == twin.theta.tobytes()


def test_several_counts_of_updates_do_not_disturb_each_other():
    seen = []
    new_net().fit(
        X, Y, epochs=3, batch_size=2,
        callbacks=[every(n, lambda state, n=n: seen.append((n, state.step))) for n in (4, 3)],
    )  # fmt: skip
    assert sorted(seen) == [(3, 3), (3, 6), (3, 9), (3, 12), (4, 4), (4, 8), (4, 12)]


@pytest.mark.parametrize("weights", [None, [1.0, 2, 3, 1, 2, 3, 4]])
def test_loss_between_is_the_mean_so_far(weights):
    seen = []
    history = new_net().fit(
        X, Y, epochs=2, batch_size=2, sample_weight=weights,
        callbacks=[every(1, lambda state: seen.append(state.loss))],
    )  # fmt: skip
    assert seen[3::4] == pytest.approx(history.loss)
    assert len(set(seen)) == 8


def test_rate_between_is_that_of_the_update():
    seen = []
    new_net().fit(
        X, Y, epochs=1, batch_size=2, optimizer=dl.SGD(0.5),
        schedule=dl.schedules.per_step(lambda k: 1 / (1 + k)),
        callbacks=[every(1, lambda state: seen.append(state.learning_rate))],
    )  # fmt: skip
    assert seen == pytest.approx([0.5, 0.25, 0.5 / 3, 0.125])


def stop_at_two(state):
    return state.epoch == 2


def test_callback_that_returns_true_ends_training():
    history = new_net().fit(X, Y, epochs=9, callbacks=[stop_at_two])
    assert history.stop_reason == "callback stop_at_two"
    assert len(history) == 2


@pytest.mark.parametrize(("step", "finished"), [(1, 0), (3, 0), (4, 1), (7, 1), (8, 2)])
def test_update_that_ends_training_ends_the_epoch(step, finished):
    net, seen = new_net(), []
    history = net.fit(
        X, Y, epochs=9, batch_size=2,
        callbacks=[every(step, lambda state: seen.append(state.step) or True)],
    )  # fmt: skip
    assert seen == [step]
    assert len(history) == finished
    assert history.stop_reason == "callback <lambda>"


@pytest.mark.parametrize("value", [None, 0, 1, "yes", 17, [1], np.float64(1)])
def test_other_values_of_callbacks_mean_nothing(value):
    assert len(new_net().fit(X, Y, epochs=3, callbacks=[lambda state: value])) == 3


def test_boolean_of_numpy_is_one():
    assert len(new_net().fit(X, Y, epochs=3, callbacks=[lambda state: np.bool_(True)])) == 1


class Counts:
    """A callback with a beginning and an end."""

    def __init__(self, fails=False):
        self.calls, self.fails = [], fails

    def begin(self, state):
        self.calls.append("begin")

    def __call__(self, state):
        self.calls.append(state.epoch)
        if self.fails:
            raise LookupError("mine")

    def end(self, state):
        self.calls.append("end")


def test_callback_may_have_a_beginning_and_an_end():
    counts = Counts()
    new_net().fit(X, Y, epochs=2, callbacks=[counts])
    assert counts.calls == ["begin", 1, 2, "end"]


def test_end_comes_after_errors_too():
    counts, failing = Counts(), Counts(fails=True)
    with pytest.raises(LookupError, match="mine"):
        new_net().fit(X, Y, epochs=2, callbacks=[counts, failing])
    assert counts.calls == ["begin", 1, "end"]
    assert failing.calls == ["begin", 1, "end"]


def test_beginning_that_fails_ends_those_before_and_changes_nothing(tmp_path):
    counts, net = Counts(), new_net()
    theta, state = net.theta.tobytes(), net.generator.bit_generator.state
    with pytest.raises(OSError, match="No such file"):
        net.fit(X, Y, callbacks=[counts, CSVLog(tmp_path / "none" / "log.csv")])
    assert counts.calls == ["begin", "end"]
    assert (net.theta.tobytes(), net.generator.bit_generator.state) == (theta, state)


@pytest.mark.parametrize(
    ("callbacks", "text"),
    [
        (print, "must be a list of functions.*write callbacks=\\[f\\]"),
        ([3], r"a callback is a function f\(state\), got 3"),
        ([Counts], "make one of this class first"),
        (3, "callbacks must be a list of functions, got 3"),
        ("log", "callbacks must be a list of functions, got 'log'"),
    ],
)
def test_what_is_no_callback_is_refused(callbacks, text):
    with pytest.raises(dl.InvalidTypeError, match=text):
        new_net().fit(X, Y, callbacks=callbacks)


@pytest.mark.parametrize("n", [0, 1.5, "all"])
def test_every_takes_a_number_of_updates(n):
    with pytest.raises(
        (dl.InvalidInputError, dl.InvalidTypeError), match="n_steps must be a whole"
    ):
        every(n, print)


# logs


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_csv_log_has_a_row_per_epoch(tmp_path):
    path = tmp_path / "log.csv"
    history = new_net().fit(
        X, Y, epochs=3, batch_size=2, callbacks=[CSVLog(path)], schedule="cosine", **WATCHED
    )
    found = rows(path)
    names = ["epoch", "step", "loss", "validation_loss", "learning_rate", "seconds", "mse"]
    assert list(found[0]) == names
    assert [int(row["epoch"]) for row in found] == [1, 2, 3]
    assert [int(row["step"]) for row in found] == [4, 8, 12]
    for name in ("loss", "validation_loss", "learning_rate", "seconds"):
        assert [float(row[name]) for row in found] == getattr(history, name)
    assert [float(row["mse"]) for row in found] == history.metrics["mse"]


def test_json_lines_have_an_object_per_epoch(tmp_path):
    path = tmp_path / "log.jsonl"
    history = new_net().fit(
        X, Y, epochs=3, callbacks=[JSONLines(path)], metrics=[lambda Y, out: math.nan]
    )
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["loss"] for row in found] == history.loss
    assert [row["epoch"] for row in found] == [1, 2, 3]
    assert [row["<lambda>"] for row in found] == [None] * 3


def test_json_has_no_infinite_numbers():
    row = {"epoch": 1, "loss": -math.inf, "metric": math.inf, "other": math.nan, "last": -2.5}
    expected = {"epoch": 1, "loss": None, "metric": None, "other": None, "last": -2.5}
    assert json.loads(JSONLines("log.jsonl")._line(row)) == expected


@pytest.mark.parametrize("kind", [CSVLog, JSONLines])
def test_log_is_complete_while_training_goes_on(kind, tmp_path):
    path, seen = tmp_path / "log", []
    new_net().fit(
        X, Y, epochs=3,
        callbacks=[kind(path), lambda state: seen.append(len(path.read_text().splitlines()))],
    )  # fmt: skip
    assert seen == [1 + (kind is CSVLog), 2 + (kind is CSVLog), 3 + (kind is CSVLog)]


@pytest.mark.parametrize("kind", [CSVLog, JSONLines])
def test_log_of_a_resumed_training_goes_on(kind, tmp_path):
    once, twice = tmp_path / "once", tmp_path / "twice"
    new_net().fit(X, Y, epochs=5, callbacks=[kind(once)])
    net = new_net()
    net.fit(X, Y, epochs=2, callbacks=[kind(twice)])
    # epochs that were run but are not part of the training, and a line that was cut
    twice.write_text(twice.read_text() + twice.read_text().splitlines()[-1].replace("2", "3", 1)
                     + '\n{"epoch": 1, "lo')  # fmt: skip
    net.fit(X, Y, epochs=3, callbacks=[kind(twice)], resume=True)

    def told(path):
        if kind is CSVLog:
            return [(row["epoch"], row["step"], row["loss"]) for row in rows(path)]
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [(row["epoch"], row["step"], row["loss"]) for row in lines]

    assert told(twice) == told(once)


def test_log_of_another_training_is_written_anew(tmp_path):
    path = tmp_path / "log.csv"
    for epochs in (5, 2):
        new_net().fit(X, Y, epochs=epochs, callbacks=[CSVLog(path)])
    assert len(rows(path)) == 2


def test_log_may_be_used_again(tmp_path):
    log = CSVLog(tmp_path / "log.csv")
    for epochs in (3, 2):
        new_net().fit(X, Y, epochs=epochs, callbacks=[log])
        assert len(rows(log.path)) == epochs


def test_log_outside_of_fit_is_told_where_it_belongs(tmp_path):
    with pytest.raises(dl.InvalidInputError, match="CSVLog is called by fit: give it to callbacks"):
        CSVLog(tmp_path / "log.csv")(None)


def test_tensorboard_names_the_package_that_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "tensorboard", None)
    with pytest.raises(dl.MissingDependencyError, match=r"deltaloop\[tensorboard\]"):
        TensorBoard(tmp_path)


def test_tensorboard_reads_what_is_logged(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    history = new_net().fit(X, Y, epochs=3, callbacks=[TensorBoard(tmp_path / "run")], **WATCHED)
    events = accumulator.EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    for name in ("loss", "validation_loss"):
        found = events.Scalars(name)
        assert [event.step for event in found] == [1, 2, 3]
        assert [event.value for event in found] == pytest.approx(getattr(history, name), rel=1e-6)
