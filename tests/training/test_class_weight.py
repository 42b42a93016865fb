"""Weights of classes are weights of samples."""

import numpy as np
import pytest

import deltaloop as dl
from small_training import X as X_OF_VALUES
from small_training import Y as Y_OF_VALUES
from small_training import new_net

rng = np.random.default_rng(3)
X = rng.normal(size=(12, 4))
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2])


def classifier(n_out=3, loss="cross_entropy"):
    return dl.Network([4, 5, n_out], loss=loss, dtype="float64", seed=2)


def trained(Y, net=None, **options):
    net = net or classifier()
    history = net.fit(X, Y, epochs=3, batch_size=4, **options)
    return net.theta, history.loss


@pytest.mark.parametrize("Y", [LABELS, np.eye(3)[LABELS]], ids=["numbers", "rows"])
def test_classes_weigh_as_their_samples_do(Y):
    expected = trained(Y, sample_weight=np.array([1.0, 2.0, 5.0])[LABELS])
    found = trained(Y, class_weight={1: 2.0, 2: 5.0})
    assert found[0].tobytes() == expected[0].tobytes()
    assert found[1] == expected[1]


def test_balanced_gives_every_class_the_same_weight():
    weights = 12 / (3 * np.array([6, 4, 2]))  # n_samples / (n_classes n_c), as in scikit-learn
    expected = trained(LABELS, sample_weight=weights[LABELS])
    found = trained(LABELS, class_weight="balanced")
    assert found[0] == pytest.approx(expected[0], rel=1e-13)
    of_sklearn = pytest.importorskip("sklearn.utils.class_weight")
    theirs = of_sklearn.compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    assert weights == pytest.approx(theirs)


def test_balanced_counts_only_classes_that_are_there():
    few = np.where(LABELS == 1, 0, LABELS)
    weights = np.array([12 / (2 * 10), 0, 12 / (2 * 2)])
    expected = trained(few, sample_weight=weights[few])
    assert trained(few, class_weight="balanced")[0] == pytest.approx(expected[0], rel=1e-13)


def test_weights_of_classes_and_samples_are_multiplied():
    own = rng.uniform(0.5, 2, 12)
    expected = trained(LABELS, sample_weight=own * np.array([1.0, 3.0, 0.5])[LABELS])
    found = trained(LABELS, sample_weight=own, class_weight={1: 3, 2: 0.5})
    assert found[0] == pytest.approx(expected[0], rel=1e-13)


def test_single_output_has_two_classes():
    Y = (LABELS > 0).astype(float)
    nets = [classifier(1, "binary_cross_entropy") for _ in range(2)]
    expected = trained(Y, nets[0], sample_weight=np.where(Y > 0, 4.0, 1.0))
    assert trained(Y, nets[1], class_weight={1: 4.0})[0].tobytes() == expected[0].tobytes()


def test_classes_may_have_their_names():
    net = classifier()
    net.classes = ("red", "green", "blue")
    expected = trained(LABELS, class_weight={1: 2.0})
    assert trained(LABELS, net, class_weight={"green": 2.0})[0].tobytes() == expected[0].tobytes()


def test_batches_as_they_come_weigh_too():
    expected = trained(LABELS, class_weight={1: 2.0}, shuffle=False)
    net = classifier()
    net.fit(
        [(X[k : k + 4], LABELS[k : k + 4]) for k in (0, 4, 8)], epochs=3, class_weight={1: 2.0}
    )  # fmt: skip
    assert net.theta.tobytes() == expected[0].tobytes()


@pytest.mark.parametrize(
    ("weight", "error", "text"),
    [
        ("even", dl.InvalidInputError, "'balanced' or a mapping such as .*got 'even'"),
        ([1, 2, 3], dl.InvalidTypeError, r"'balanced' or a mapping such as .*got \[1, 2, 3\]"),
        ({3: 1.0}, dl.InvalidInputError, "has the class 3; a class is a number from 0 to 2"),
        ({True: 1.0}, dl.InvalidInputError, "has the class True; a class is a number"),
        ({"red": 1.0}, dl.InvalidInputError, "has the class 'red'; a class is a number"),
        ({1: -1.0}, dl.InvalidInputError, r"class_weight\[1\] must be finite and >= 0, got -1"),
        ({1: "high"}, dl.InvalidTypeError, r"class_weight\[1\] must be a number, got 'high'"),
        ({0: 0, 1: 0, 2: 0}, dl.InvalidInputError, "is 0 for every sample"),
    ],
)
def test_wrong_weight_is_refused_before_anything_changes(weight, error, text):
    net = classifier()
    before = net.theta.tobytes()
    with pytest.raises(error, match=text):
        net.fit(X, LABELS, class_weight=weight)
    assert net.theta.tobytes() == before


def test_network_without_classes_has_no_weights_of_them():
    with pytest.raises(dl.InvalidInputError, match="2 outputs and the loss mse has none; use samp"):
        new_net().fit(X_OF_VALUES, Y_OF_VALUES, class_weight="balanced")
