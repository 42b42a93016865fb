"""Weights of samples: a mini-batch counts with sum_t w_t C_t / sum_t w_t."""

import numpy as np
import pytest

import cases
import oracle
from deltaloop.kernels.memory import PIECE, Work
from deltaloop.kernels.sparse_rows import SparseRows
from tolerances import are_useful, assert_within, eps, expected_within

RULES = {name: optimizer.rule() for name, optimizer in cases.RULES.items()}


def weights_of(n_samples):
    """From 0 to 4, some of them 0."""
    generator = np.random.default_rng(n_samples)
    return np.where(generator.random(n_samples) < 0.2, 0, generator.uniform(0, 4, n_samples))


def make_case(loss, dtype, n_samples=23, sizes=(5, 9, 17, 3)):
    output = cases.functions.LOSSES[loss].partner
    return cases.case(3, list(sizes), ["tanh", "silu", output], loss, dtype, n_samples)


@pytest.mark.parametrize("loss", cases.LOSSES)
def test_weighted_gradient_is_that_of_the_equations(every_backend, dtype, loss):
    case = make_case(loss, dtype)
    plan, weights = case.plan, weights_of(23)

    def compute(theta, X, Y):
        mean, grads = oracle.gradient(
            cases.oracle_layers(plan, theta), cases.oracle_loss(plan), X.tolist(), Y.tolist(),
            eps(dtype), weights.tolist(),
        )  # fmt: skip
        found = {"loss": mean}
        for k, (dW, db) in enumerate(grads, start=1):
            found |= {f"dC/dW{k}": np.array(dW), f"dC/db{k}": np.array(db)}
        return found

    expected, tolerance = expected_within(compute, *case[1:], cases.longest_sum(plan, 23))
    assert are_useful(expected, tolerance)
    for backend in every_backend:
        for room in (1, 6, 23):
            found = cases.gradient_of(backend, *case, room, weights)
            assert_within({name: found[name] for name in expected}, expected, tolerance)


# what becomes of the mean gradient is the same for any batch_size
@pytest.mark.parametrize(
    ("rule", "batch_size"),
    [*((rule, 4) for rule in RULES), *((rule, n) for rule in ("sgd", "adam", "rmsprop")
                                       for n in (1, 23))],
)  # fmt: skip
def test_training_with_weights_is_that_of_the_equations(every_backend, dtype, rule, batch_size):
    case = make_case("huber", dtype)
    plan, order, how = case.plan, np.random.default_rng(1).permutation(23), RULES[rule]
    weights = np.maximum(weights_of(23), 0.1)  # the oracle would divide 0 by 0

    def compute(theta, X, Y):
        layers, _, total = oracle.epoch(
            cases.oracle_layers(plan, theta), cases.oracle_loss(plan), rule, how.hyper,
            how.n_slots, X.tolist(), Y.tolist(), order.tolist(), batch_size, eps(dtype),
            weights.tolist(),
        )  # fmt: skip
        found = {"loss": total}
        for k, (W, b, *_) in enumerate(layers, start=1):
            found |= {f"W{k}": np.array(W), f"b{k}": np.array(b)}
        return found

    n_terms = cases.longest_sum(plan, batch_size) + -(-23 // batch_size)
    expected, tolerance = expected_within(compute, *case[1:], n_terms)
    assert are_useful(expected, tolerance)
    for given in (case, case._replace(X=SparseRows.from_dense(case.X))):
        for backend in every_backend:
            found = cases.trained(backend, given, how, order, batch_size, weights=weights)
            assert_within({name: found[name] for name in expected}, expected, tolerance)


@pytest.mark.parametrize("rule", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("room", [PIECE, 300])
def test_a_sample_of_weight_0_is_not_there(backend, rule, room):
    """Whatever it is: its loss may be infinite, and what its hidden units give may be nan."""
    case = make_case("mse", np.dtype("float64"), 300)
    weights = np.ones(300)
    weights[::3] = 0
    case.Y[::3] = np.inf
    case.X[::6] = np.finfo(np.float64).max
    kept = np.flatnonzero(weights)
    alone = case._replace(X=case.X[kept], Y=case.Y[kept])
    expected = cases.trained(backend, alone, RULES[rule], None, 200, work=Work(case.plan, PIECE))
    work = Work(case.plan, room)
    found = cases.trained(backend, case, RULES[rule], None, 300, work=work, weights=weights)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("rule", RULES)
def test_a_mini_batch_without_weight_has_the_gradient_0(backend, dtype, rule):
    case = make_case("cross_entropy", dtype, 8)
    found = cases.trained(backend, case, RULES[rule], None, 4, weights=np.zeros(8))
    assert found["loss"] == 0
    for name, value in cases.blocks(case.plan, case.theta).items():
        assert np.array_equal(found[name], value), name


@pytest.mark.parametrize("loss", cases.LOSSES)
def test_a_whole_weight_is_as_many_samples(backend, loss):
    case = make_case(loss, np.dtype("float64"), 12)
    weights = np.arange(1.0, 13) % 4
    often = np.repeat(np.arange(12), weights.astype(int))
    plan, theta, X, Y = case
    expected = cases.gradient_of(backend, plan, theta, X[often], Y[often])
    found = cases.gradient_of(backend, *case, weights=weights)
    for name in found:
        if name[0] == "l" or name.startswith("dC"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("rule", RULES)
def test_threads_and_slices_and_equal_weights_change_no_bit(threaded, dtype, rule):
    """Weights of 2, of which there are 64 in a mini-batch, are exact: as if there were none."""
    case = make_case("huber", dtype, 320, (20, 40, 17, 3))
    order = np.random.default_rng(1).permutation(320)
    plain = cases.trained(threaded, case, RULES[rule], order, 64)
    even = cases.trained(threaded, case, RULES[rule], order, 64, weights=np.full(320, 2.0))
    assert even.pop("loss") == 2 * plain.pop("loss")
    assert all(even[name].tobytes() == value.tobytes() for name, value in plain.items())
    weights = weights_of(320)
    expected = cases.trained(threaded, case, RULES[rule], order, 64, weights=weights)
    for n_threads in (2, 3):
        work = Work(case.plan, 64, n_threads)
        found = cases.trained(threaded, case, RULES[rule], order, 64, work=work, weights=weights)
        assert all(np.asarray(found[k]).tobytes() == np.asarray(expected[k]).tobytes()
                   for k in expected)  # fmt: skip
