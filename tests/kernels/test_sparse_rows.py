"""Sparse rows mean what the dense ones mean, in every backend."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cases
from deltaloop.kernels import reference
from deltaloop.kernels.interface import Regularization
from deltaloop.kernels.memory import Work
from deltaloop.kernels.sparse_rows import SparseRows
from tolerances import are_useful, assert_within, expected_within

RULES = {name: optimizer.rule() for name, optimizer in cases.RULES.items()}


def thinned(case, share, seed=0):
    """The case with about this share of its inputs left."""
    X = case.X.copy()
    X[np.random.default_rng(seed).random(X.shape) >= share] = 0
    return case._replace(X=X)


@given(data=st.data())
def test_listing_keeps_every_value(backend, dtype, data):
    n_samples, n_in = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    X = generator.normal(size=(n_samples, n_in)).astype(dtype)
    X[generator.random(X.shape) < data.draw(st.sampled_from([0, 0.5, 0.9, 1]))] = 0
    X[generator.random(X.shape) < 0.05] = np.nan
    rows, listed = SparseRows.from_dense(X), backend.sparse_rows(X)
    for name in ("starts", "columns", "values"):
        np.testing.assert_array_equal(getattr(listed, name), getattr(rows, name))
        assert getattr(listed, name).dtype == getattr(rows, name).dtype
    assert len(listed) == n_samples
    assert np.count_nonzero(X) == len(listed.values) == listed.starts[-1]
    np.testing.assert_array_equal(listed.dense(), X)
    order = generator.permutation(n_samples)[: n_samples // 2]
    np.testing.assert_array_equal(listed.dense(order), X[order])
    np.testing.assert_array_equal(listed.dense(slice(1, 3)), X[1:3])


@pytest.mark.parametrize("width", [1, 7, 16, 33, 48, 70, 128, 150])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("room", [1, 7, 19])
def test_prediction_and_gradient_are_those_of_the_dense_rows(
    every_backend, dtype, width, share, room
):
    case = thinned(
        cases.case(width, [37, width, 3], ["tanh", "softmax"], "cross_entropy", dtype, 19), share
    )
    rows = SparseRows.from_dense(case.X)
    n = cases.longest_sum(case.plan, len(case.X))

    def dense(theta, X, Y):
        return cases.gradient_of(reference, case.plan, theta, X, Y, room) | {
            "out": cases.forward_of(reference, case.plan, theta, X, room)
        }

    expected, tolerance = expected_within(dense, *case[1:], n)
    assert are_useful(expected, tolerance)
    for backend in every_backend:
        found = cases.gradient_of(backend, *case._replace(X=rows), room)
        found["out"] = cases.forward_of(backend, case.plan, case.theta, rows, room)
        assert_within(found, expected, tolerance)


def expected_epoch(dtype, rule, batch_size, shuffled):
    case = thinned(
        cases.case(3, [40, 33, 9, 2], ["relu", "sigmoid", "identity"], "mse", dtype, 23), 0.3
    )
    order = np.random.default_rng(5).permutation(23) if shuffled else None

    def dense(theta, X, Y):
        shaken = cases.Case(case.plan, theta, X, Y)
        return cases.trained(reference, shaken, RULES[rule], order, batch_size)

    return case, order, expected_within(dense, *case[1:], cases.longest_sum(case.plan, 23) + 23)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("batch_size", "shuffled"), [(1, True), (7, True), (7, False), (23, False)]
)
def test_training_is_that_of_the_dense_rows(every_backend, dtype, rule, batch_size, shuffled):
    case, order, (expected, tolerance) = expected_epoch(dtype, rule, batch_size, shuffled)
    assert are_useful(expected, tolerance)
    rows = SparseRows.from_dense(case.X)
    for backend in every_backend:
        found = cases.trained(backend, case._replace(X=rows), RULES[rule], order, batch_size)
        assert_within(found, expected, tolerance)


# W of the first layer is taken in blocks that fit in L1, in one panel of columns or in two
@pytest.mark.parametrize("sizes", [(300, 150, 3), (70, 600, 2)], ids=str)
@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_training_of_layers_beyond_a_block_is_that_of_the_dense_rows(
    every_backend, dtype, sizes, rule, l2
):
    case = thinned(cases.case(4, list(sizes), ["tanh", "identity"], "mse", dtype, 17), 0.2, seed=1)
    how = replace(RULES[rule], regularization=Regularization(l2=l2))

    def dense(theta, X, Y):
        return cases.trained(reference, cases.Case(case.plan, theta, X, Y), how, None, 6)

    n_terms = cases.longest_sum(case.plan, 17) + 17
    expected, tolerance = expected_within(dense, *case[1:], n_terms)
    assert are_useful(expected, tolerance)
    rows = SparseRows.from_dense(case.X)
    for backend in every_backend:
        found = cases.trained(backend, case._replace(X=rows), how, None, 6)
        assert_within(found, expected, tolerance)


def test_weights_of_inputs_that_are_never_met_keep_their_bits(backend, dtype):
    case = cases.case(3, [12, 20, 2], ["tanh", "identity"], "mse", dtype, 9)
    case.X[:, 5] = 0
    rows = SparseRows.from_dense(case.X)
    for batch_size in (1, 4):
        after = cases.trained(backend, case._replace(X=rows), RULES["sgd"], None, batch_size)
        before = cases.blocks(case.plan, case.theta)["W1"]
        assert after["W1"][:, 5].tobytes() == before[:, 5].tobytes()
        assert (after["W1"][:, 4] != before[:, 4]).any()


def test_a_nan_in_a_list_comes_through(backend, dtype):
    case = cases.case(3, [12, 20, 2], ["tanh", "identity"], "mse", dtype, 9)
    case.X[4, 7] = np.nan
    rows = SparseRows.from_dense(case.X)
    assert np.isnan(backend.loss_gradient(case.plan, case.theta, rows, case.Y, None,
                                          Work(case.plan, 9)))  # fmt: skip
    assert np.isnan(cases.forward_of(backend, case.plan, case.theta, rows)[4]).all()
