"""Draw the pictures of the pages in docs: python docs/pictures/draw.py [folder]."""

import sys
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

import deltaloop as dl

# text stays text, and the same picture has the same bytes
plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "deltaloop", "font.size": 9})


def diagnose():
    """Losses on raw and on standardised years and months, each in units of a constant's loss."""
    rng = np.random.default_rng(0)
    year, month = rng.uniform(1960, 2020, 600), rng.uniform(0, 12, 600)
    X = np.column_stack([year, month])
    Y = 10 * np.sin(2 * np.pi * month / 12) + (year - 1990) / 10
    _, ax = plt.subplots(figsize=(5.5, 3), layout="constrained")
    for name, scaling in (("raw", None), ("standardised", dl.Scaling.standardize(X, Y))):
        net = dl.Network([2, 20, 1], activation="tanh")
        net.scaling = scaling
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dl.DeltaloopWarning)
            history = net.fit(X, Y, epochs=100, optimizer=dl.Adam(0.01))
        relative = np.divide(history.loss, net.diagnose(X, Y).constant_loss)
        ax.plot(range(1, len(history) + 1), relative, label=name)
    ax.axhline(1, color="grey", linestyle=":", label="best constant prediction")
    ax.set(xlabel="epoch", ylabel="loss / loss of the constant", yscale="log")
    ax.legend()
    return ax


def initial_values():
    """Deviation of the activations of ten layers."""
    X = np.random.default_rng(0).normal(size=(500, 100))
    _, ax = plt.subplots(figsize=(5.5, 3), layout="constrained")
    for init in ("he_normal", "orthogonal", "glorot_normal", "pytorch", ("normal", 0.01)):
        net = dl.Network([100] * 11, activation="relu", output="relu", init=init, bias_init="zeros")
        a, sizes = X, [X.std()]
        for W in net.W:
            a = np.maximum(a @ W.T, 0)
            sizes.append(a.std())
        ax.plot(sizes, label=init if isinstance(init, str) else str(init))
    ax.set(xlabel="layer", ylabel="deviation of the outputs", yscale="log")
    ax.legend()
    return ax


def history():
    """What `History.plot` draws."""
    X, y = dl.datasets.load("digits")
    net = dl.Network([64, 30, 10], activation="relu", loss="cross_entropy")
    done = net.fit(
        X / 16, y, epochs=40, validation_split=0.2, metrics=["accuracy"],
        optimizer=dl.SGD(0.05, momentum=0.9), schedule="cosine",
    )  # fmt: skip
    return done.plot()


PICTURES = {f.__name__: f for f in (diagnose, initial_values, history)}

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, draw in PICTURES.items():
        draw().figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
