"""Losses: values worked out by hand, canonical deltas, and logits far from zero."""

import copy
import math
import pickle
import re

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from deltaloop.kernels.functions import ACTIVATIONS, LOSSES
from stored_networks import earlier_state

BACKENDS = kernels.available()
DIVERGENCES = (
    "binary_cross_entropy", "cross_entropy", "kullback_leibler", "poisson",
    "generalized_kullback_leibler",
)  # fmt: skip


def passing(n, output, loss, **options):
    """A network whose logits are its inputs."""
    return dl.Network(n, [dl.Dense(n, output, init=np.eye(n))], loss=loss, **options)


@pytest.mark.parametrize("backend", BACKENDS)
def test_mse_is_half_the_square_summed_over_outputs_and_averaged_over_samples(backend):
    net = passing(2, "identity", "mse", backend=backend)
    # sample 1: (9 + 16) / 2, sample 2: 1 / 2
    assert net.loss([[3, 4], [1, 0]], [[0, 0], [0, 0]]) == 6.5


@pytest.mark.parametrize("backend", BACKENDS)
def test_binary_cross_entropy_is_summed_over_outputs(backend):
    net = passing(2, "sigmoid", "binary_cross_entropy", backend=backend)
    assert net.loss([[0, 0]], [[1, 0]]) == pytest.approx(2 * math.log(2), rel=1e-6)
    assert net.loss([[0, 0]], [[0.25, 0.5]]) == pytest.approx(2 * math.log(2), rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_cross_entropy_is_minus_the_logarithm_of_the_right_probability(backend):
    net = passing(3, "softmax", "cross_entropy", backend=backend)
    z = np.log([[1, 2, 5]])
    for label, probability in enumerate((1 / 8, 2 / 8, 5 / 8)):
        assert net.loss(z, [label]) == pytest.approx(-math.log(probability), rel=1e-6)
    assert net.loss(z, [[0.5, 0, 0.5]]) == pytest.approx(math.log(8) - math.log(5) / 2, rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["mse", *DIVERGENCES])
def test_delta_of_the_canonical_pair_is_output_minus_target(loss, dtype, backend):
    net = passing(3, LOSSES[loss].partner, loss, dtype=dtype, backend=backend)
    X = np.random.default_rng(0).normal(size=(20, 3))
    Y = np.eye(3)[np.arange(20) % 3]
    expected = net.predict(X) - Y.astype(dtype)
    near = 4 * float(np.finfo(dtype).eps)
    assert net.gradients(X, Y).delta[0] == pytest.approx(expected, abs=near)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huber_is_quadratic_up_to_its_threshold_and_linear_beyond(dtype, backend):
    """Exact values: 1/2 (1/4)^2, and 1/2 (|2| - 1/4) on both sides; the kink belongs to both."""
    options = {"dtype": dtype, "backend": backend}
    for n in (1, 3, 4, 5, 16, 21):  # vectors of several lengths, and what is left of them
        errors = np.resize([0.25, -0.25, 2.0, -2.0, 0.5, -0.5, 0.0], n)
        values = np.resize([1 / 32, 1 / 32, 7 / 8, 7 / 8, 1 / 8, 1 / 8, 0], n)
        slopes = np.resize([0.25, -0.25, 0.5, -0.5, 0.5, -0.5, 0], n)
        net = passing(n, "identity", dl.Loss("huber", threshold=0.5), **options)
        found = net.gradients([errors + 3], [np.full(n, 3.0)])
        assert found.loss == values.sum()
        assert found.delta[0].tolist() == [slopes.tolist()]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("y", [[0, 0, 0], [0, 2, 0], [0.5, 0.25, 0], [-1, 0, 3]])
@pytest.mark.parametrize("several", [False, True])
def test_cross_entropy_is_learned_for_targets_of_any_sum(y, several, backend):
    """C = sum_j y_j (log sum_k exp(z_k) - z_j), so dC/dz = (sum_j y_j) p - y."""
    net = passing(3, "softmax", "cross_entropy", dtype="float64", backend=backend)
    net.optimizer = dl.SGD(learning_rate=0.5)
    x, p = np.log([1, 2, 5]), np.array([1, 2, 5]) / 8
    loss = net.learn_batch([x, x], [y, y]) if several else net.learn_one(x, y)
    assert loss == pytest.approx(-np.dot(y, np.log(p)), rel=1e-14)
    assert net.b[0] == pytest.approx(-0.5 * (np.sum(y) * p - y), abs=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("z", [100.0, 1000.0, 1e30])
def test_cross_entropies_of_extreme_logits_are_exact(z, dtype, backend):
    z = float(np.dtype(dtype).type(z))
    binary = passing(1, "sigmoid", "binary_cross_entropy", dtype=dtype, backend=backend)
    assert binary.loss([[z]], [[0]]) == z
    assert binary.loss([[-z]], [[1]]) == z
    assert binary.loss([[z]], [[1]]) <= 1e-43
    several = passing(2, "softmax", "cross_entropy", dtype=dtype, backend=backend)
    assert several.loss([[z, 0]], [1]) == z
    assert several.loss([[z, 0]], [0]) <= 1e-43
    assert several.gradients([[z, 0]], [1]).delta[0].tolist() == [[1, -1]]


@pytest.mark.filterwarnings("ignore::deltaloop.DeltaloopWarning")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
@pytest.mark.parametrize("output", ["identity", "tanh", "relu", "elu", "sigmoid", "softmax"])
def test_logarithm_of_impossible_outputs_is_limited(output, loss, backend):
    net = passing(2, output, loss, backend=backend)
    for z in ([[0, 0]], [[-50, 50]], [[-1e4, -1e4]], [[1e4, 1e4]]):
        loss_value, dW, _, _ = net.gradients(z, [[1, 0]])
        assert np.isfinite(loss_value)
        assert np.isfinite(dW[0]).all()


@pytest.mark.filterwarnings("ignore::deltaloop.DeltaloopWarning")
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("output", ["identity", "sigmoid", "tanh", "softplus", "softmax", "exp"])
def test_gradient_matches_central_difference(output, loss):
    row = LOSSES[loss]
    if row.needs_positive and not ACTIVATIONS[output].is_positive:
        with pytest.raises(dl.InvalidInputError, match=f"needs outputs > 0.*output='{output}'"):
            dl.Network([3, 4, 2], output=output, loss=loss)
        return
    net = dl.Network([3, 4, 2], output=output, loss=loss, dtype="float64", seed=1)
    net.b[1] = [0.7, 0.9]  # inside (0, 1) for every output
    net.W[1] *= 0.1
    net.b[1] -= 0.6 if output == "exp" else 0
    X = np.random.default_rng(2).normal(size=(5, 3))
    Y = np.tile([-1.0, 1.0] if row.only_targets else [0.25, 0.75], (5, 1))
    _, dW, db, _ = net.gradients(X, Y)
    for index in range(2):
        for values, slope in ((net.W[index], dW[index]), (net.b[index], db[index])):
            at, h = tuple(0 for _ in values.shape), 1e-6
            middle = values[at]
            losses = []
            for values[at] in (middle - h, middle + h):
                losses.append(net.loss(X, Y))
            values[at] = middle
            assert slope[at] == pytest.approx((losses[1] - losses[0]) / (2 * h), rel=1e-6)


class CrossEntropyLoss:
    """As in PyTorch: called, and named after its function."""

    def __call__(self, a, y):
        return a


@pytest.mark.parametrize("loss", [CrossEntropyLoss(), CrossEntropyLoss])
def test_loss_of_another_library_suggests_the_one_here(loss):
    with pytest.raises(dl.InvalidTypeError, match="; did you mean 'cross_entropy'"):
        dl.Network([4, 3], loss=loss)


def test_function_in_the_place_of_a_loss_is_told_how_to_be_one():
    with pytest.raises(
        dl.InvalidTypeError, match=r"got function; .*deltaloop.custom_loss makes one"
    ):
        dl.Network([4, 3], loss=lambda a, y: (a - y) ** 2)


def test_a_loss_has_its_parameter_by_name_and_as_text():
    loss = dl.Loss("huber", threshold=2)
    assert (loss.name, loss.parameter, str(loss)) == ("huber", 2.0, "huber(2)")
    assert repr(loss) == "Loss('huber', threshold=2.0)"
    assert loss == dl.Loss("huber", threshold=2.0) != dl.Loss("huber")
    assert (str(dl.Loss("huber")), dl.Loss("mse").parameter) == ("huber", None)
    assert copy.deepcopy(loss) == pickle.loads(pickle.dumps(loss)) == loss
    net = dl.Network([2, 1], loss=loss)
    assert (net.loss_name, repr(net).split(",")[0]) == ("huber", "Network: loss huber(2)")
    assert pickle.loads(pickle.dumps(net)).plan.loss_parameter == 2.0


@pytest.mark.parametrize(
    ("name", "parameter", "error", "says"),
    [
        ("huber", {"threshold": 0}, dl.InvalidInputError, "threshold of huber must be > 0, got 0"),
        ("huber", {"threshold": -1}, dl.InvalidInputError, "must be > 0, got -1"),
        ("huber", {"threshold": math.nan}, dl.InvalidInputError, "must be finite"),
        ("huber", {"threshold": "1"}, dl.InvalidTypeError, "must be a number, got '1'"),
        ("huber", {"delta": 1}, dl.InvalidInputError, "has no delta, only threshold"),
        (
            "mse",
            {"threshold": 1},
            dl.InvalidInputError,
            "has no threshold, nor any other",
        ),
        ("hubert", {}, dl.InvalidInputError, "did you mean 'huber'"),
        (3, {}, dl.InvalidTypeError, "a loss has a name such as 'mse', got int"),
    ],
)
def test_a_loss_refuses_what_it_has_not(name, parameter, error, says):
    with pytest.raises(error, match=re.escape(says)):
        dl.Loss(name, **parameter)


@pytest.mark.parametrize("backend", BACKENDS)
def test_huber_is_less_moved_by_a_wild_target_than_the_square(backend):
    """The median of the targets, as the threshold becomes small; their mean for mse."""
    y = np.array([1.0, 1.1, 0.9, 1.05, 50.0])
    found = {}
    for loss in ("mse", dl.Loss("huber", threshold=0.01)):
        net = dl.Network(1, [dl.Dense(1, "identity")], loss=loss, backend=backend, seed=1)
        net.fit(np.zeros((5, 1)), y, epochs=3000, batch_size=5, optimizer=dl.SGD(0.5))
        found[str(loss)] = net.b[0].item()
    assert found["mse"] == pytest.approx(y.mean(), rel=1e-3)
    assert found["huber(0.01)"] == pytest.approx(1.05, abs=0.02)


@pytest.mark.parametrize("value", [1e-60, 1e60])
def test_a_parameter_that_the_dtype_cannot_hold_is_refused(value):
    """With a threshold of 0 every loss would be 0."""
    made = dl.Loss("huber", threshold=value)
    with pytest.raises(dl.InvalidInputError, match=r"threshold of huber is 1e.* in float32; use"):
        dl.Network([2, 1], loss=made)
    assert dl.Network([2, 1], loss=made, dtype="float64").loss([[1, 2]], [3]) > 0
    alpha = dl.Activation("elu", value)
    with pytest.raises(dl.InvalidInputError, match=r"alpha of elu is 1e.* in float32"):
        dl.Network([2, 3, 1], activation=alpha)


def test_a_loss_called_otherwise_is_told_how():
    with pytest.raises(dl.InvalidTypeError, match=re.escape("write Loss('huber', threshold=0.5)")):
        dl.Loss("huber", 0.5)


def test_pickles_of_versions_with_losses_as_names_are_read():
    net = dl.Network([2, 3, 1], loss="huber")
    state = earlier_state(net) | {"_loss": "huber"}
    other = dl.Network.__new__(dl.Network)
    other.__setstate__(state)
    assert other._loss == net._loss
    other.scaling = dl.Scaling([0, 0], [1, 1], [0], [1])
    assert np.isfinite(other.loss([[1, 2]], [3]))
