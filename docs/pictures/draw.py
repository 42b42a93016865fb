"""Draw the pictures of the pages in docs: python docs/pictures/draw.py [folder]."""

import sys
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

import deltaloop as dl
from deltaloop.app.explain import worked_example

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


def optimizers():
    """Losses of training, digits: every optimiser with the best of nine learning rates."""
    data = dl.datasets.load("digits")
    shown = {
        "SGD(1)": dl.SGD(1.0),
        "SGD(0.3, momentum=0.9)": dl.SGD(0.3, momentum=0.9),
        "the same, nesterov=True": dl.SGD(0.3, momentum=0.9, nesterov=True),
        "Adam(0.03)": dl.Adam(0.03),
        "Adam(0.03, amsgrad=True)": dl.Adam(0.03, amsgrad=True),
        "AdamW(0.03)": dl.AdamW(0.03),
        "NAdam(0.03)": dl.NAdam(0.03),
        "RMSprop(0.01)": dl.RMSprop(0.01),
        "Adagrad(0.3)": dl.Adagrad(0.3),
        "Adadelta(10)": dl.Adadelta(10.0),
        "Rprop(0.03), all samples": dl.Rprop(0.03),
    }
    _, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
    for number, (name, optimizer) in enumerate(shown.items()):
        batch_size = data.n_train if isinstance(optimizer, dl.Rprop) else 32
        losses = []
        for seed in range(5):
            net = dl.Network([64, 30, 10], activation="tanh", loss="cross_entropy", seed=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", dl.DeltaloopWarning)
                losses.append(
                    net.fit(
                        data.X_train / 16, data.y_train, epochs=30, batch_size=batch_size,
                        optimizer=optimizer,
                    ).loss
                )  # fmt: skip
        style = ("-", "--", ":")[number % 3]
        color = "black" if isinstance(optimizer, dl.Rprop) else f"C{number}"
        ax.plot(range(1, 31), np.median(losses, axis=0), style, color=color, label=name)
    ax.set(xlabel="epoch", ylabel="loss", yscale="log")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return ax


def dropout():
    """Losses on 200 digits and on all others, with and without dropout: means of five starts."""
    X, y = dl.datasets.load("digits")
    X = X / 16
    _, ax = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
    for color, rate in (("C0", 0.0), ("C1", 0.5)):
        training, validation = [], []
        for seed in range(5):
            net = dl.Network(
                [64, 100, 10], activation="relu", loss="cross_entropy", dropout=rate, seed=seed
            )
            history = net.fit(
                X[:200], y[:200], epochs=200, batch_size=10, optimizer=dl.SGD(0.05),
                validation_data=(X[200:], y[200:]),
            )  # fmt: skip
            training.append(history.loss)
            validation.append(history.validation_loss)
        epochs = range(1, 201)
        name = f"dropout={rate:g}"
        ax.plot(epochs, np.mean(training, axis=0), color, linestyle=":", label=f"{name}, training")
        ax.plot(epochs, np.mean(validation, axis=0), color, label=f"{name}, validation")
    ax.set(xlabel="epoch", ylabel="loss", yscale="log", ylim=(0.008, 2))
    ax.legend()
    return ax


def network():
    """The 4-2-2-1 network of explain.md, with what its units give."""
    return dl.plot.network(worked_example(), [1, 0, 2, -1], [1])


def decision_boundary():
    """The kinds of iris, by the size of their petals."""
    iris = dl.datasets.load("iris")
    X = iris.X[:, 2:]
    net = dl.Network([2, 10, 3], activation="tanh", loss="cross_entropy")
    net.scaling = dl.Scaling.standardize(X)
    net.fit(X, iris.y, epochs=200, batch_size=10, optimizer=dl.SGD(0.1))
    return dl.plot.decision_boundary(net, X, iris.y)


def gradient_flow():
    """Delta of five layers of sigmoid units: it vanishes on its way to the inputs."""
    X, y = dl.datasets.load("digits")
    X = X / 16
    flow = dl.plot.GradientFlow(X[:100], y[:100])
    net = dl.Network([64, 30, 30, 30, 30, 10], activation="sigmoid", loss="cross_entropy")
    net.fit(X, y, epochs=40, batch_size=10, optimizer=dl.SGD(0.5), callbacks=[flow])
    return dl.plot.gradient_flow(flow)


def loss_surface():
    """The loss around a network that tells two spirals apart."""
    data = dl.datasets.load("two_spirals")
    net = dl.Network(
        [2, 40, 40, 1], activation="relu", loss="binary_cross_entropy", init="he_normal", seed=1
    )
    net.scaling = dl.Scaling.standardize(data.X)
    net.fit(data.X, data.y, epochs=1000, batch_size=16, optimizer=dl.Adam(0.005))
    ax = dl.plot.loss_surface(net, data.X, data.y, resolution=25, seed=1)
    for areas in ax.collections:  # as a picture they are smaller
        areas.set_rasterized(True)
    return ax


def spirals():
    """How Lang & Witbrock's network with its shortcuts tells two spirals apart."""
    X, y = dl.datasets.load("two_spirals")
    layers = [
        dl.Dense(5), dl.Dense(5, shortcuts=[0]), dl.Dense(5, shortcuts=[0, 1]),
        dl.Dense(1, "sigmoid", shortcuts=[0, 1, 2]),
    ]  # fmt: skip
    net = dl.Network(
        2, layers, loss="binary_cross_entropy", init=("uniform", 0.1), bias_init=("uniform", 0.1),
        dtype="float64", seed=1,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl.DeltaloopWarning)
        net.fit(
            X, y, epochs=8000, batch_size=len(X), shuffle=False,
            optimizer=dl.SGD(0.002 * len(X), momentum=0.9),
        )  # fmt: skip
    _, ax = plt.subplots(figsize=(4.6, 4.6), layout="constrained", dpi=40)
    dl.plot.decision_boundary(net, X, y, ax=ax, resolution=60)
    ax.set_aspect("equal")
    ax.collections[0].set_rasterized(True)  # the areas, as a small picture
    return ax


def shortcuts():
    """A network in which every layer is connected to all before it."""
    layers = [dl.Dense(2), dl.Dense(2, shortcuts=[0]), dl.Dense(1, shortcuts=[0, 1])]
    return dl.plot.network(dl.Network(2, layers, seed=2))


def weights():
    """What the hidden units of a network for digits look at."""
    X, y = dl.datasets.load("digits")
    net = dl.Network([64, 20, 10], activation="tanh", loss="cross_entropy")
    net.fit(X / 16, y, epochs=30, optimizer=dl.SGD(0.1, l2=0.002))
    return dl.plot.weights(net, 0, shape=(8, 8))


PICTURES = {
    f.__name__: f
    for f in (
        diagnose, initial_values, history, optimizers, dropout, network, decision_boundary,
        gradient_flow, loss_surface, shortcuts, spirals, weights,
    )
}  # fmt: skip

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, draw in PICTURES.items():
        draw().figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
