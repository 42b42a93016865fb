"""The search for settings."""

import numpy as np
import pytest

import deltaloop as dl

X, Y = dl.datasets.load("iris")
X = (X - X.mean(axis=0)) / X.std(axis=0)
SPACE = {
    "learning_rate": (0.001, 1.0), "momentum": (0.0, 0.95), "weight_decay": [0.0, 1e-4, 1e-2],
    "hidden": [[4], [6, 3]], "activation": ["tanh", "relu"], "batch_size": [8, 16],
}  # fmt: skip


def test_the_best_is_the_network_of_its_settings():
    found = dl.search(SPACE, X, Y, loss="cross_entropy", n=30, budget=900, n_threads=2)
    first = found.candidates[0]
    assert len(found.candidates) == 30 and abs(found.epochs - 900) < 100
    assert found.best.sizes == (4, *first["hidden"], 3)
    assert found.best.optimizer.learning_rate == first["learning_rate"]
    generator = np.random.default_rng(0)
    held = np.sort(generator.permutation(150)[:30])
    assert found.best.loss(X[held], Y[held]) == pytest.approx(first["validation_loss"], rel=1e-5)
    assert (found.best.predict(X).argmax(axis=1) == Y.astype(int)).mean() > 0.9
    epochs = [one["epochs"] for one in found.candidates]
    assert epochs == sorted(epochs, reverse=True)
    assert sorted({epochs.count(e) for e in epochs}) == [1, 2, 7, 20]  # 30, 10, 3 and 1 are left
    for one in found.candidates:
        assert 0.001 <= one["learning_rate"] <= 1 and 0 <= one["momentum"] < 0.95
        assert one["weight_decay"] in SPACE["weight_decay"]
    assert "learning_rate" in repr(found)


def test_the_same_seed_finds_the_same():
    found = [
        dl.search({"learning_rate": (0.01, 1)}, X, Y, loss="cross_entropy", n=9, budget=60, seed=s)
        for s in (1, 1, 2)
    ]
    assert found[0].candidates == found[1].candidates != found[2].candidates
    assert (found[0].best.parameters == found[1].best.parameters).all()


def test_what_diverges_is_left():
    T = dl.one_hot(Y.astype(int), 3)
    space = {"learning_rate": [0.05, 1e8], "activation": "relu"}
    found = dl.search(space, X, T, n=9, budget=100)
    assert found.candidates[0]["learning_rate"] == 0.05
    lost = [one for one in found.candidates if one["learning_rate"] == 1e8]
    assert lost and all(one["validation_loss"] == np.inf for one in lost)
    with pytest.raises(dl.DivergenceError):
        dl.search({"learning_rate": 1e8, "activation": "relu"}, X, T, n=3, budget=60)


def test_other_optimizers_and_validation_data():
    seen = []
    found = dl.search(
        {"learning_rate": (1e-3, 1e-1)}, X[::2], Y[::2], validation_data=(X[1::2], Y[1::2]),
        loss="cross_entropy", optimizer=dl.Adam(), n=4, budget=40, eta=2, progress=seen.append,
    )  # fmt: skip
    assert isinstance(found.best.optimizer, dl.Adam) and seen[-1] == 1
    assert found.best.loss(X[1::2], Y[1::2]) == pytest.approx(
        found.candidates[0]["validation_loss"], rel=1e-5
    )


@pytest.mark.parametrize(
    ("space", "how", "text"),
    [
        ([0.1], {}, "must be a dict"),
        ({"rate": 0.1}, {}, "unknown name 'rate'"),
        ({"learning_rate": (0, 1)}, {}, "low > 0"),
        ({"learning_rate": (1, 0.1)}, {}, "low <= high"),
        ({"learning_rate": []}, {}, "no choices"),
        ({"hidden": [8]}, {}, "list of widths"),
        ({"momentum": 0.5}, {"optimizer": dl.Adam()}, "belongs to SGD"),
        ({}, {"budget": 5}, "at least"),
        ({}, {"n": 0}, "n must be"),
        ({}, {"validation_split": 1.5}, "validation_split"),
        ({}, {"validation_split": 1}, r"validation_split must be in \(0, 1\), got 1"),
        ({}, {"validation_split": 0.0}, r"validation_split must be in \(0, 1\), got 0"),
        ({}, {"validation_split": 0.999}, "leaves no sample of .* for training"),
        ({}, {"n_trials": 3}, "n=64"),
    ],
)
def test_wrong_calls_are_told(space, how, text):
    with pytest.raises(dl.DeltaloopError, match=text):
        dl.search(space, X, Y, loss="cross_entropy", **how)


@pytest.mark.parametrize("how", [{}, {"validation_data": (X, Y)}])
@pytest.mark.parametrize(
    ("X", "Y", "text"),
    [
        ([[1], [1, 2]], [0, 1], "X cannot be read as an array of numbers"),
        ([1.0, 2.0], [0, 1], r"X must have shape \(n_samples, n_in\), got shape \(2,\)"),
        ([[1.0], [2.0]], [0], r"Y must have one entry per sample \(2\), got shape \(1,\)"),
    ],
)
def test_samples_that_are_none_are_told(X, Y, text, how):
    with pytest.raises(dl.InvalidInputError, match=text):
        dl.search({"learning_rate": (0.01, 1)}, X, Y, loss="cross_entropy", **how)
