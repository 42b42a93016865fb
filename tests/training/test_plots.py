"""Pictures of a training run: what is drawn, and what is said without matplotlib."""

import sys
import types

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.training.plots import plot_history


class Axes:
    """Remembers what was drawn on it."""

    def __init__(self):
        self.lines, self.calls = {}, {}

    def plot(self, x, y, label=None, **_):
        self.lines[label] = (list(x), list(y))

    def __getattr__(self, name):
        return lambda *values, **_: self.calls.setdefault(name, values)


@pytest.fixture
def pyplot(monkeypatch):
    """A stand-in for matplotlib, so that the drawing itself is tested everywhere."""
    module = types.ModuleType("matplotlib.pyplot")
    module.created = []

    def subplots(rows, columns, **_):
        axes = np.empty((rows, columns), object)
        for place in np.ndindex(axes.shape):
            axes[place] = Axes()
        module.created.extend(axes.flat)
        return object(), axes

    module.subplots = subplots
    package = types.ModuleType("matplotlib")
    package.pyplot = module
    monkeypatch.setitem(sys.modules, "matplotlib", package)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", module)
    return module


def test_losses_are_drawn_over_epochs_counted_from_one(pyplot):
    ax = dl.History([4.0, 2.0], [5.0, 3.0], [1, 1]).plot()
    assert ax is pyplot.created[0]
    assert list(ax.lines.values()) == [([1, 2], [4.0, 2.0]), ([1, 2], [5.0, 3.0])]
    assert ax.calls["set_xlabel"] == ("epoch",)
    assert ax.calls["set_ylabel"] == ("loss",)
    assert "legend" in ax.calls


def test_training_loss_alone_needs_no_legend(pyplot):
    ax = dl.History([4.0, 2.0], [], [1, 1]).plot()
    assert len(ax.lines) == 1
    assert "legend" not in ax.calls


def test_axis_is_logarithmic_only_for_positive_losses(pyplot):
    assert dl.History([4.0, 2.0], [], [1, 1]).plot().calls["set_yscale"] == ("log",)
    assert "set_yscale" not in dl.History([4.0, 0.0], [], [1, 1]).plot().calls
    assert "set_yscale" not in dl.History([4.0, 1.0], [1.0, 0.0], [1, 1]).plot().calls


def test_axes_given_by_the_user_are_used(pyplot):
    ax = Axes()
    assert dl.History([4.0], [], [1]).plot(ax=ax) is ax
    assert pyplot.created == []


def full(**more):
    return dl.History(
        [4.0, 2.0, 1.0], [5.0, 3.0, 3.5], [1, 1, 1], learning_rate=[0.1, 0.1, 0.01],
        metrics={"accuracy": [0.5, 0.75, 0.7], "mse": [100.0, 1.0, 0.1]}, **more,
    )  # fmt: skip


def test_metrics_and_changing_rates_have_panels_of_their_own(pyplot):
    ax = full().plot()
    assert ax is pyplot.created[0]
    labels = [each.calls["set_ylabel"] for each in pyplot.created]
    assert labels == [("loss",), ("accuracy",), ("mse",), ("learning rate",)]
    lines = [line for each in pyplot.created[1:] for line in each.lines.values()]
    assert lines == [
        ([1, 2, 3], [0.5, 0.75, 0.7]),
        ([1, 2, 3], [100.0, 1.0, 0.1]),
        ([1, 2, 3], [0.1, 0.1, 0.01]),
    ]
    assert ["set_yscale" in each.calls for each in pyplot.created] == [True, False, True, False]
    assert ["set_xlabel" in each.calls for each in pyplot.created] == [False, False, False, True]


def test_rate_that_never_changes_is_not_drawn(pyplot):
    dl.History([4.0, 2.0], [], [1, 1], learning_rate=[0.1, 0.1]).plot()
    assert len(pyplot.created) == 1


def test_best_epoch_is_marked_in_every_panel_unless_it_is_the_last(pyplot):
    full(best_epoch=2).plot()
    assert [each.calls["axvline"] for each in pyplot.created] == [(2,)] * 4
    for epoch in (None, 3):
        ax = full(best_epoch=epoch).plot()
        assert "axvline" not in ax.calls


def test_axes_of_the_user_get_the_losses_alone(pyplot):
    ax = Axes()
    assert full().plot(ax=ax) is ax
    assert list(ax.lines) == ["training", "validation"]
    assert ax.calls["set_xlabel"] == ("epoch",)
    assert pyplot.created == []


def test_history_without_epochs_is_refused():
    with pytest.raises(dl.InvalidInputError, match=r"no finished epoch.*at least one"):
        dl.History().plot()


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        dl.MissingDependencyError, match=r'\'matplotlib\'.*pip install "deltaloop\[plot\]"'
    ):
        dl.History([4.0], [], [1]).plot()


def test_matplotlib_draws_it():
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    ax = plot_history(dl.History([4.0, 2.0], [5.0, 3.0], [1, 1]))
    try:
        ax.figure.canvas.draw()
        assert [line.get_ydata().tolist() for line in ax.get_lines()] == [[4, 2], [5, 3]]
        assert ax.get_yscale() == "log"
    finally:
        plt.close(ax.figure)


def test_matplotlib_draws_panels_that_share_epochs():
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    ax = full(best_epoch=2).plot()
    try:
        ax.figure.canvas.draw()
        assert [each.get_ylabel() for each in ax.figure.axes] == [
            "loss", "accuracy", "mse", "learning rate",
        ]  # fmt: skip
        assert all(each.get_xlim() == ax.get_xlim() for each in ax.figure.axes)
    finally:
        plt.close(ax.figure)


@pytest.mark.parametrize("other", [[1.0, 0.5], None, {"loss": [1.0]}])
def test_what_is_no_history_is_told(other):
    with pytest.raises(dl.InvalidTypeError, match="expected the History that fit returned, got"):
        dl.plot.history(other)
