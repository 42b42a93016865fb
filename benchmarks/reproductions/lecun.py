"""LeCun, Bottou, Orr & Müller (1998), Efficient BackProp: the advice, and what it gains."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import mean

import numpy as np

import deltaloop as dl

from .table import Paper, Row

EPOCHS = 20


@cache  # most advice is held against the same networks, and the picture against the table
def curve(seed, *, activation, high, low, shift=0.0, shuffle=True):
    """Per cent of test images that are wrong, after every epoch; and the sizes of the weights."""
    data = dl.datasets.load("digits")
    X, X_test = data.X_train.astype(float), data.X_test.astype(float)
    center, scale = X.mean(axis=0), X.std(axis=0)
    scale[scale == 0] = 1
    X, X_test = (X - center) / scale + shift, (X_test - center) / scale + shift
    Y = np.where(dl.one_hot(data.y_train, 10) > 0, high, low)
    order = np.arange(len(X)) if shuffle else np.argsort(data.y_train, kind="stable")
    net = dl.Network(
        [64, 30, 10], activation=activation, output=activation, loss="mse", init="lecun_normal",
        seed=seed,
    )  # fmt: skip
    wrong: list[float] = []

    def watch(state):
        right = state.net.predict(X_test).argmax(axis=1) == data.y_test
        wrong.append(100 * float(1 - right.mean()))

    net.fit(
        X[order], Y[order], epochs=EPOCHS, batch_size=1, optimizer=dl.SGD(0.01), shuffle=shuffle,
        callbacks=[watch],
    )  # fmt: skip
    return wrong, float(np.sqrt(np.mean(np.square(net.W[1]))))


TANH = {"activation": "lecun_tanh", "high": 1.0, "low": -1.0}
# advice: (settings that follow it, settings that do not)
PAIRS = {
    "1.7159 tanh(2/3 z) against the sigmoid": (
        TANH, {"activation": "sigmoid", "high": 1.0, "low": 0.0}
    ),
    "inputs around 0 against inputs around 3": (TANH, {**TANH, "shift": 3.0}),
    "shuffled samples against one class after the other": (TANH, {**TANH, "shuffle": False}),
    "targets ±1 against the asymptotes ±1.7159": (TANH, {**TANH, "high": 1.7159, "low": -1.7159}),
}  # fmt: skip


def curves(quick: bool):
    """For every advice two lists of (errors per epoch, size of weights), one entry per seed."""
    seeds = range(2 if quick else 10)
    return {
        name: [[curve(seed, **settings) for seed in seeds] for settings in pair]
        for name, pair in PAIRS.items()
    }


def rows(quick: bool) -> Iterator[Row]:
    """Errors on the test part after a few epochs; for targets, how large the weights become."""
    for name, (followed, not_followed) in curves(quick).items():
        by_size = name.startswith("targets")
        early, late = (
            [mean(wrong[k] for wrong, _ in found) for found in (followed, not_followed)]
            for k in (2, EPOCHS - 1)
        )
        sizes = [mean(size for _, size in found) for found in (followed, not_followed)]
        text = (
            f"{early[0]:.1f} against {early[1]:.1f} % wrong after 3 epochs, "
            f"{late[0]:.1f} against {late[1]:.1f} % after {EPOCHS}"
        )
        if by_size:
            text = f"size of W² {sizes[0]:.2g} against {sizes[1]:.2g}; {text}"
        is_less = sizes[0] < sizes[1] if by_size else early[0] < early[1]
        yield Row(
            name, "smaller weights, no saturation" if by_size else "faster", text,
            "smaller weights" if by_size else "fewer errors after 3 epochs", is_less,
            len(followed), "digits, 64-30-10, mse, batch 1, η = 0.01",
        )  # fmt: skip


def draw(path: Path, quick: bool) -> None:
    """The curves of all four pieces of advice."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "deltaloop", "font.size": 9})
    figure, panels = plt.subplots(2, 2, figsize=(8, 5.4), sharex=True, layout="constrained")
    for ax, (name, pair) in zip(panels.flat, curves(quick).items(), strict=True):
        for label, found in zip(name.split(" against "), pair, strict=True):
            errors = np.mean([wrong for wrong, _ in found], axis=0)
            ax.plot(range(1, EPOCHS + 1), errors, label=label)
        ax.set(yscale="log", ylabel="% of test images wrong", ylim=(1.5, 100))
        ax.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
        ax.set_xticks([1, *range(5, EPOCHS + 1, 5)])
        ax.minorticks_off()
        ax.grid(alpha=0.3)
        ax.legend()
    for ax in panels[1]:
        ax.set_xlabel("epoch")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


PAPER = Paper(
    "Advice for fast learning",
    "LeCun, Bottou, Orr & Müller (1998), Efficient BackProp",
    rows,
    "lecun.svg",
)
