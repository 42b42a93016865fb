"""Samples of scipy.sparse in calls for one sample and one mini-batch."""

import numpy as np
import pytest

import deltaloop as dl
from embedded_networks import BACKENDS, network

sparse = pytest.importorskip("scipy.sparse")

RNG = np.random.default_rng(2)
X = np.where(RNG.random((6, 5)) < 0.6, 0, RNG.normal(size=(6, 5))).astype(np.float32)
Y = RNG.normal(size=(6, 3)).astype(np.float32)
SCALINGS = {
    "none": None,
    "inputs": dl.Scaling(np.zeros(5), np.arange(1.0, 6)),
    "targets": dl.Scaling(np.zeros(5), np.ones(5), np.arange(3.0), np.full(3, 2.0)),
}
FORMS = {
    "csr_array": sparse.csr_array,
    "csr_matrix": sparse.csr_matrix,
    "csc_array": sparse.csc_array,
    "coo_array": sparse.coo_array,
}


@pytest.fixture(params=[(name, scaling) for name in BACKENDS for scaling in SCALINGS], ids=str)
def pair(request):
    """Two networks with the same bits."""
    name, scaling = request.param
    nets = [network(backend=name) for _ in range(2)]
    for net in nets:
        net.scaling = SCALINGS[scaling]
    return nets


@pytest.mark.parametrize("form", FORMS)
def test_sparse_samples_do_what_dense_ones_do(pair, form):
    net, same = pair
    make = FORMS[form]
    for t in range(3):
        row = make(X[t : t + 1])
        assert (net.predict_one(row) == same.predict_one(X[t])).all()
        assert net.learn_one(row, Y[t]) == same.learn_one(X[t], Y[t])
    assert net.learn_batch(make(X), Y) == same.learn_batch(X, Y)
    assert (net.theta == same.theta).all()


def test_row_may_have_one_dimension(pair):
    net, same = pair
    row = sparse.coo_array(X[0])
    assert row.shape == (5,)
    assert net.learn_one(row, Y[0]) == same.learn_one(X[0], Y[0])


def test_result_goes_into_the_memory_of_the_caller(pair):
    net, same = pair
    out = np.empty(3, same.predict_one(X[0]).dtype)
    assert net.predict_one(sparse.csr_array(X[:1]), out=out) is out
    assert (out == same.predict_one(X[0])).all()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda net: net.predict_one(sparse.csr_array(X[:2])), r"x must be one sample.*\(2, 5\)"),
        (
            lambda net: net.learn_one(sparse.csr_array(X[:1, :4]), Y[0]),
            r"\(n_samples, 5\), got \(1",
        ),
        (lambda net: net.learn_batch(sparse.csr_array(X), Y[:3]), r"Y must have shape \(6, 3\)"),
        (lambda net: net.learn_batch(sparse.csr_array((0, 5)), Y[:0]), r"got \(0, 5\)"),
        (lambda net: net.predict_one(sparse.csr_array(X[:1] * np.nan)), "x must be finite"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(pair, call, text):
    net, same = pair
    with pytest.raises(dl.InvalidInputError, match=text):
        call(net)
    assert (net.theta == same.theta).all()


def test_scaling_that_moves_zeros_is_refused():
    net = network()
    net.scaling = dl.Scaling(np.ones(5), np.ones(5))
    with pytest.raises(dl.InvalidInputError, match=r"net.scaling shifts.*toarray"):
        net.predict_one(sparse.csr_array(X[:1]))
