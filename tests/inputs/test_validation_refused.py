"""The door: every form of data that is refused, in which words, and that nothing changes."""

import contextlib
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array

import deltaloop as dl

N, N_IN, N_OUT = 12, 4, 3
VALUE, TYPE = dl.InvalidInputError, dl.InvalidTypeError
rng = np.random.default_rng(3)
X0 = rng.integers(0, 9, (N, N_IN)).astype(np.float32)
Y0 = rng.integers(0, 9, (N, N_OUT)).astype(np.float32)


class Sparse:
    """What scipy.sparse shows to the outside."""

    nnz, shape = 3, (N, N_IN)

    def toarray(self):
        return X0


def new_net(**options):
    return dl.Network([N_IN, 5, N_OUT], seed=2, activation="tanh", **options)


@contextlib.contextmanager
def nothing_changes(net):
    theta, state = net.theta.tobytes(), repr(net.generator.bit_generator.state)
    yield
    assert net.theta.tobytes() == theta
    assert repr(net.generator.bit_generator.state) == state


NAN_AT_2_1 = X0.copy()
NAN_AT_2_1[2, 1] = np.nan
INF_AT_11_3 = X0.astype("f8")
INF_AT_11_3[11, 3] = -np.inf
IMAGE = X0.copy().reshape(N, 2, 2)
IMAGE[1, 1, 0] = np.nan
BEYOND = X0.astype("f8")
BEYOND[5, 2] = 1e39
HALF = X0.astype("f2")
HALF[7, 0] = np.inf

WRONG_INPUTS = {
    "no number of values": (X0[:, :3], VALUE, r"X must have 4 values per sample, got 3"),
    "one sample, flat": (X0[0], VALUE, r"got 1 \(shape \(4,\)\).*X\.reshape\(1, -1\)"),
    "images of another size": (np.zeros((N, 3, 3)), VALUE, r"4 values per sample, got 9"),
    "a number": (3.5, VALUE, r"\(n_samples, \.\.\.\), got the single number"),
    "nan": (NAN_AT_2_1, VALUE, r"X must be finite, got nan at sample 2, value 1 \(1 of 48"),
    "infinity": (INF_AT_11_3, VALUE, r"X must be finite, got -inf at sample 11, value 3"),
    "nan in an image": (IMAGE, VALUE, r"nan at sample 1, value 2"),
    "infinity in float16": (HALF, VALUE, r"inf at sample 7, value 0"),
    "nan in a list": ([[1, 2, 3, float("nan")]], VALUE, "nan at sample 0, value 3"),
    "None in a list": ([[1, 2, 3, None]], TYPE, "X must contain numbers, found.*type NoneType"),
    "beyond float32": (BEYOND, VALUE, r"beyond the range of float32.*1e\+39.*dtype='float64'"),
    "beyond any float": ([[1, 2, 3, 10**400]], VALUE, "X cannot be read.*int too large"),
    "empty list": ([], VALUE, r"X is empty, got shape \(0,\)"),
    "no samples": (X0[:0], VALUE, r"X is empty, got shape \(0, 4\)"),
    "no values": (X0[:, :0], VALUE, r"X is empty, got shape \(12, 0\)"),
    "objects": ([[{}, 1, 2, 3]], TYPE, "must contain numbers, found a value of type dict"),
    "strings": ([["a", "b", "c", "d"]], TYPE, "X must contain real numbers, got dtype <U1"),
    "numbers as text": ([["1", "2", "3", "4"]], TYPE, "X must contain real numbers"),
    "numbers as text, object": (np.array([["1", 2, 3, 4]], object), TYPE, "found.*type str"),
    "bytes": (b"abcd", TYPE, "X must contain real numbers"),
    "complex": (X0 + 1j, TYPE, "real numbers, got dtype complex"),
    "dates": (np.zeros((N, N_IN), "M8[s]"), TYPE, r"real numbers, got dtype datetime64\[s\]"),
    "records": (np.zeros(N, [("a", "f4")]), TYPE, "must contain real numbers"),
    "sparse": (Sparse(), TYPE, r"X is a sparse Sparse; use its \.toarray\(\)"),
    "masked": (np.ma.masked_array(X0, X0 > 5), VALUE, "X has masked values; fill or remove"),
    "ragged": ([[1, 2, 3, 4], [5]], VALUE, "X cannot be read as an array of numbers"),
    "nothing": (None, TYPE, "X must contain numbers, found a value of type NoneType"),
    "generator": ((row for row in X0), TYPE, "found a value of type generator"),
    "dict": ({"a": 1}, TYPE, "found a value of type dict"),
}


@pytest.mark.parametrize("call", ["fit", "loss", "gradients", "predict"])
@pytest.mark.parametrize("case", WRONG_INPUTS)
def test_wrong_inputs_are_refused_and_change_nothing(case, call):
    X, error, text = WRONG_INPUTS[case]
    net = new_net()
    with nothing_changes(net), pytest.raises(error, match=text):
        getattr(net, call)(X, *([Y0] if call != "predict" else []))


WRONG_TARGETS = {
    "no number of samples": (Y0[:5], "mse", VALUE, r"per sample \(12\), got shape \(5, 3\)"),
    "a number": (1.0, "mse", VALUE, r"one entry per sample.*got shape \(\)"),
    "transposed": (Y0.T, "mse", VALUE, r"got shape \(3, 12\)"),
    "no number of outputs": (Y0[:, :2], "mse", VALUE, r"must have shape \(12, 3\), got.*\(12, 2\)"),
    "flat": (Y0[:, 0], "mse", VALUE, r"must have shape \(12, 3\), got shape \(12,\)"),
    "class numbers": (np.arange(N) % 3, "mse", VALUE, r"use deltaloop\.one_hot\(Y, 3\)"),
    "nan": (np.where(np.equal(Y0, Y0[4, 2]), np.nan, Y0), "mse", VALUE, "Y must be finite, got n"),
    "beyond float32": (Y0.astype("f8") * 1e39, "mse", VALUE, "Y has values beyond the range of f"),
    "beyond float32, one value": (
        np.where(np.arange(36).reshape(12, 3) == 35, 1e39, Y0.astype("f8")),
        "mse", VALUE, "Y has values beyond",
    ),
    "label too large": (
        np.arange(N) % 4, "cross_entropy", VALUE, "Y must.*from 0 to 2, got 3 at sample 3",
    ),
    "label negative": (
        -np.ones(N, int), "cross_entropy", VALUE, "Y must.*from 0 to 2, got -1 at sample 0",
    ),
    "label not whole": (np.full(N, 0.5), "cross_entropy", VALUE, "whole numbers.*got 0.5"),
    "labels as text": (["a"] * N, "cross_entropy", TYPE, "return_inverse=True"),
    "rows that are no distribution": (
        np.full((N, 3), 0.5), "cross_entropy", VALUE,
        "Y must be class numbers or rows that sum to 1 for.*got a sum of 1.5 at sample 0",
    ),
    "negative probability": (
        np.tile([-1.0, 1, 1], (N, 1)), "cross_entropy", VALUE,
        r"Y must lie in \[0, 1\] for cross_entropy, got values from -1 to 1",
    ),
    "probability above 1": (
        Y0, "binary_cross_entropy", VALUE,
        r"Y must lie in \[0, 1\] for binary_cross_entropy, got values from 0 to 8",
    ),
    "empty": ([], "mse", VALUE, "Y is empty"),
    "complex": (Y0 * 1j, "mse", TYPE, "Y must contain real numbers"),
    "masked": (np.ma.masked_array(Y0, Y0 > 5), "mse", VALUE, "Y has masked values"),
    "sparse": (Sparse(), "mse", TYPE, r"Y is a sparse Sparse; use its \.toarray\(\)"),
    "ragged": ([[1, 2, 3], [4]] * 6, "mse", VALUE, "Y cannot be read"),
    "nothing": (None, "mse", TYPE, "Y must contain numbers, found.*NoneType|Y is missing"),
}  # fmt: skip


@pytest.mark.parametrize("call", ["fit", "loss", "gradients"])
@pytest.mark.parametrize("case", WRONG_TARGETS)
def test_wrong_targets_are_refused_and_change_nothing(case, call):
    Y, loss, error, text = WRONG_TARGETS[case]
    net = new_net(loss=loss)
    with nothing_changes(net), pytest.raises(error, match=text):
        getattr(net, call)(X0, Y)


@pytest.mark.parametrize("case", WRONG_INPUTS)
def test_wrong_validation_inputs_are_refused_under_their_own_name(case):
    X, error, text = WRONG_INPUTS[case]
    net = new_net()
    with nothing_changes(net), pytest.raises(error, match=text) as caught:
        net.fit(X0, Y0, validation_data=(X, Y0))
    assert str(caught.value).startswith("validation X ")


@pytest.mark.parametrize("case", WRONG_TARGETS)
def test_wrong_validation_targets_are_refused_under_their_own_name(case):
    Y, loss, error, text = WRONG_TARGETS[case]
    good = np.eye(N_OUT)[np.arange(N) % N_OUT]  # accepted by every loss
    net = new_net(loss=loss)
    with nothing_changes(net), pytest.raises(error, match=text) as caught:
        net.fit(X0, good, validation_data=(X0, Y))
    assert str(caught.value).startswith(("validation Y ", "class labels in validation Y "))


def test_number_of_validation_samples_is_that_of_the_validation_inputs():
    with pytest.raises(VALUE, match=r"validation Y must have one entry per sample \(5\), got"):
        new_net().fit(X0, Y0, validation_data=(X0[:5], Y0))
    assert new_net().fit(X0, Y0, epochs=1, validation_data=(X0[:5], Y0[:5])).validation_loss


@pytest.mark.parametrize("pair", [5, 0.2, (X0,), (X0, Y0, Y0), True, (), X0, {"X": X0}, lambda: X0])
def test_validation_data_must_be_a_pair(pair):
    net = new_net()
    with nothing_changes(net), pytest.raises(TYPE, match=r"must be a pair \(X, Y\)"):
        net.fit(X0, Y0, validation_data=pair)


@pytest.mark.parametrize(
    "two", [X0[:2], "ab", b"ab", {"X": X0, "Y": Y0}, {1, 2}, csr_array(X0[:2])]
)
def test_validation_data_that_only_have_two_parts_are_no_pair(two):
    net = new_net()
    with (
        nothing_changes(net),
        pytest.raises(TYPE, match=r"must be a pair \(X, Y\) or a Dataset, got"),
    ):
        net.fit(X0, Y0, validation_data=two)


def test_validation_data_may_be_a_dataset():
    iris = dl.datasets.load("iris")
    net = dl.Network([4, 3], loss="cross_entropy")
    history = net.fit(iris.X, iris.y, epochs=1, validation_data=iris)
    assert history.validation_loss == [net.loss(iris.X, iris.y)]


def test_checking_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for X in (NAN_AT_2_1, INF_AT_11_3, BEYOND, HALF):
            with pytest.raises(VALUE):
                new_net().predict(X)
