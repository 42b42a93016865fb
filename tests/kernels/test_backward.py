"""From dC/da of a cost of one's own to dC/dtheta and dC/dx, in every backend."""

import numpy as np
import pytest

import cases
from deltaloop.kernels import reference
from deltaloop.kernels.memory import Work, aligned_zeros
from deltaloop.kernels.sparse_rows import SparseRows
from tolerances import CENTRAL_DIFFERENCE, STEP, are_useful, assert_within, expected_within

SHAPES = [
    ([5, 9, 17, 3], 23),
    ([1, 1], 1),
    ([70, 4, 4], 5),  # more inputs than the widest layer behind them
    ([300, 30, 10], 40),
    ([3, 33, 1], 300),
]


def make_case(sizes, n_samples, dtype, output="tanh"):
    activations = [*["silu", "tanh", "relu"][: len(sizes) - 2], output]
    return cases.case(4, sizes, activations, "mse", dtype, n_samples)


def both(backend, plan, theta, X, dC_da, room):
    """What `backward` gives, by name."""
    grad, dC_dx = aligned_zeros(plan.n_theta, theta.dtype), np.empty(X.shape, theta.dtype)
    grad[:], dC_dx[:] = np.nan, np.nan
    backend.backward(plan, theta, X, dC_da, grad, dC_dx, Work(plan, room, gathers=False))
    found = {"dC/dx": dC_dx, "padding": cases.padding(plan, grad)}
    return found | cases.blocks(plan, grad, "dC/d")


@pytest.mark.parametrize("output", cases.ACTIVATIONS)
@pytest.mark.parametrize(("sizes", "n_samples"), SHAPES)
def test_every_backend_agrees(compiled, dtype, sizes, n_samples, output):
    plan, theta, X, slopes = make_case(sizes, n_samples, dtype, output)
    expected, tolerance = expected_within(
        lambda *arrays: both(reference, plan, *arrays, n_samples), theta, X, slopes,
        cases.longest_sum(plan, n_samples),
    )  # fmt: skip
    for room in (n_samples, 1 + n_samples // 3):
        assert_within(both(compiled, plan, theta, X, slopes, room), expected, tolerance)


@pytest.mark.parametrize("n_in", [9, 40, 131])
@pytest.mark.parametrize("n_samples", [1, 6, 33])
def test_slopes_by_many_inputs_are_found_in_parts(compiled, dtype, n_in, n_samples):
    """There is room for as many inputs at a time as the widest layer has units."""
    for sizes in ([n_in, 1], [n_in, 3, 5]):
        plan, theta, X, slopes = make_case(sizes, n_samples, dtype)
        expected, tolerance = expected_within(
            lambda *arrays, plan=plan: both(reference, plan, *arrays, n_samples), theta, X, slopes,
            cases.longest_sum(plan, n_samples),
        )  # fmt: skip
        assert_within(both(compiled, plan, theta, X, slopes, n_samples), expected, tolerance)


@pytest.mark.parametrize("output", [*cases.HIDDEN, "softmax"])
def test_slopes_are_those_of_differences(output):
    """C = sum of c_tj a_tj, by every input and every parameter, in float64."""
    case = make_case([3, 5, 4], 4, np.dtype("float64"), output)
    plan, theta, X, slopes = case
    found = both(reference, plan, theta, X, slopes, 4)

    def cost(theta, X):
        return float((cases.forward_of(reference, plan, theta, X) * slopes).sum())

    for t, i in np.ndindex(X.shape):
        up, down = X.copy(), X.copy()
        up[t, i], down[t, i] = X[t, i] + STEP, X[t, i] - STEP
        difference = (cost(theta, up) - cost(theta, down)) / (2 * STEP)
        assert found["dC/dx"][t, i] == pytest.approx(difference, abs=CENTRAL_DIFFERENCE)
    grad = aligned_zeros(plan.n_theta, theta.dtype)
    reference.backward(plan, theta, X, slopes, grad, None, Work(plan, 4))
    is_padding = np.ones(plan.n_theta, bool)
    for view in cases.blocks(plan, is_padding).values():
        view[:] = False
    for k in np.flatnonzero(~is_padding):
        up, down = theta.copy(), theta.copy()
        up[k], down[k] = theta[k] + STEP, theta[k] - STEP
        difference = (cost(up, X) - cost(down, X)) / (2 * STEP)
        assert grad[k] == pytest.approx(difference, abs=CENTRAL_DIFFERENCE)


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax"])
def test_it_is_the_gradient_of_the_loss_where_the_slope_is_that_of_the_loss(backend, output):
    case = make_case([5, 9, 17, 3], 23, np.dtype("float64"), output)
    plan, theta, X, Y = case
    dC_da = (cases.forward_of(backend, plan, theta, X) - Y) / 23
    found = both(backend, plan, theta, X, dC_da, 23)
    expected = cases.gradient_of(backend, *case)
    assert any(name.startswith("dC/dW") for name in found)
    for name in found.keys() - {"dC/dx"}:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12, atol=1e-15)


def test_only_what_is_asked_for_is_written_and_zeros_may_be_left_out(backend, dtype):
    plan, theta, X, slopes = make_case([40, 9, 3], 23, dtype)
    expected = both(backend, plan, theta, X, slopes, 10)
    work, sparse = Work(plan, 10, gathers=False), SparseRows.from_dense(X)
    grad, dC_dx = aligned_zeros(plan.n_theta, dtype), np.empty(X.shape, dtype)
    backend.backward(plan, theta, sparse, slopes, grad, None, work)
    backend.backward(plan, theta, sparse, slopes, None, dC_dx, work)
    near = 50 * np.finfo(dtype).eps
    np.testing.assert_allclose(dC_dx, expected["dC/dx"], rtol=0, atol=near)
    for name, view in cases.blocks(plan, grad, "dC/d").items():
        np.testing.assert_allclose(view, expected[name], rtol=0, atol=near * 23)


def test_shapes_above_prove_something(dtype):
    for sizes, n_samples in SHAPES:
        plan, theta, X, slopes = make_case(sizes, n_samples, dtype, "identity")
        assert are_useful(
            *expected_within(
                lambda *arrays, plan=plan, n=n_samples: both(reference, plan, *arrays, n),
                theta, X, slopes, cases.longest_sum(plan, n_samples),
            )
        )  # fmt: skip
