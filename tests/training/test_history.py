"""The record of a training run: lengths, table, plain form."""

import copy
import itertools
import json
import pickle

import pytest

import deltaloop as dl


def record(epochs, validation=True):
    losses = [2.0**-k for k in range(epochs)]
    return dl.History(
        loss=losses,
        validation_loss=[2 * x for x in losses] if validation else [],
        seconds=[0.25] * epochs,
    )


def test_fit_records_one_entry_per_epoch():
    X, y = dl.datasets.load("xor")
    history = dl.Network([2, 2, 1]).fit(X, y, epochs=5, validation_data=(X, y))
    assert len(history) == 5
    assert len(history.loss) == len(history.validation_loss) == len(history.seconds) == 5
    assert all(type(x) is float for x in history.loss + history.validation_loss + history.seconds)
    assert min(history.seconds) > 0
    assert history.stop_reason == "epochs"


def test_without_validation_data_there_is_no_validation_loss():
    X, y = dl.datasets.load("xor")
    assert dl.Network([2, 2, 1]).fit(X, y, epochs=2).validation_loss == []


def test_plain_form_is_json_and_a_copy():
    history = record(3)
    plain = json.loads(json.dumps(history.to_dict(), allow_nan=False))
    assert plain == {
        "loss": [1.0, 0.5, 0.25],
        "validation_loss": [2.0, 1.0, 0.5],
        "seconds": [0.25] * 3,
        "learning_rate": [],
        "metrics": {},
        "best_epoch": None,
        "stop_reason": "epochs",
    }
    history.to_dict()["loss"].append(9)
    assert len(history.loss) == 3


def test_table_has_a_head_and_a_row_per_epoch():
    head, columns, *rows = repr(record(3)).splitlines()
    assert head == "History: 3 epochs"
    assert columns.split() == ["epoch", "loss", "validation", "loss", "seconds"]
    assert [row.split() for row in rows] == [
        ["1", "1", "2", "0.25"],
        ["2", "0.5", "1", "0.25"],
        ["3", "0.25", "0.5", "0.25"],
    ]
    assert len({len(row) for row in (columns, *rows)}) == 1


def test_table_without_validation_has_no_column_for_it():
    text = repr(record(2, validation=False))
    assert "validation" not in text
    assert text.splitlines()[-1].split() == ["2", "0.5", "0.25"]


@pytest.mark.parametrize("epochs", [12, 13, 14, 20, 99, 1000])
def test_long_table_is_shortened_and_keeps_first_and_last(epochs):
    head, _, *lines = repr(record(epochs)).splitlines()
    shown = [int(line.split()[0]) for line in lines]
    assert shown[0] == 1
    assert shown[-1] == epochs
    assert len(shown) == 12
    assert shown == sorted(set(shown))
    steps = {b - a for a, b in itertools.pairwise(shown)}
    assert max(steps) - min(steps) <= 1  # evenly spread
    assert head == f"History: {epochs} epochs" + ("" if epochs == 12 else "; 12 of them:")


def test_record_of_nothing_is_one_line():
    history = dl.History(stop_reason="interrupted")
    assert len(history) == 0
    assert len(repr(history).splitlines()) == 1
    assert "0 epochs" in repr(history)
    assert "interrupted" in repr(history)


def test_one_epoch_is_not_written_in_the_plural():
    assert repr(record(1)).splitlines()[0] == "History: 1 epoch"


def test_record_can_be_copied_and_pickled():
    history = record(3)
    assert copy.deepcopy(history) == pickle.loads(pickle.dumps(history)) == history


# what schedules, metrics and the best epoch add


def full():
    history = record(3)
    history.learning_rate, history.metrics = [0.1, 0.05, 0.025], {"r2": [0.5, 0.75, 0.7]}
    history.best_epoch = 2
    return history


def test_table_has_columns_for_metrics_and_for_a_rate_that_changes():
    _, columns, *rows = repr(full()).splitlines()
    assert columns.split("  ")[-1] == "seconds"
    assert [name in columns for name in ("r2", "learning rate", "validation loss")] == [True] * 3
    assert rows[1].split() == ["2", "0.5", "1", "0.75", "0.05", "0.25"]
    same_rate = full()
    same_rate.learning_rate = [0.1] * 3
    assert "learning rate" not in repr(same_rate)


def test_columns_are_those_with_values():
    assert list(full().columns()) == ["loss", "validation_loss", "learning_rate", "seconds", "r2"]
    assert list(record(2, validation=False).columns()) == ["loss", "seconds"]


def test_copy_shares_nothing():
    history = full()
    twin = history.copy()
    assert twin == history
    for column in (*twin.columns().values(), twin.learning_rate):
        column.append(9.0)
    twin.metrics["mse"] = []
    assert history == full()


def test_record_of_an_earlier_version_is_still_read():
    history = record(2)
    for name in ("learning_rate", "metrics", "best_epoch"):  # as pickle kept it then
        del history.__dict__[name]
    old = pickle.loads(pickle.dumps(history))
    assert old == record(2)
    assert (old.learning_rate, old.metrics, old.best_epoch) == ([], {}, None)
    assert len(repr(old).splitlines()) == 4
