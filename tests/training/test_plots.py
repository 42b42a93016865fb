"""Pictures of a training run: what is drawn, and what is said without matplotlib."""

import sys
import types

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

    def subplots():
        module.created.append(Axes())
        return object(), module.created[-1]

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
