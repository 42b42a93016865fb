"""Jacobians and steps of least squares: against differences, NumPy, and themselves in parts."""

import numpy as np
import pytest

import cases
from deltaloop.kernels import interface, least_squares, reference
from deltaloop.kernels.least_squares import Search, columns_of
from deltaloop.kernels.memory import Work, aligned_zeros
from deltaloop.kernels.sparse_rows import SparseRows
from tolerances import CENTRAL_DIFFERENCE, STEP

# sizes, activations, biases: one layer, one and several outputs, widths of every padding
NETWORKS = [
    ([1, 5, 1], ["tanh", "identity"], [True, True]),
    ([6, 3, 1], ["tanh", "identity"], [True, True]),
    ([5, 20, 1], ["tanh", "identity"], [True, True]),
    ([3, 1], ["sigmoid"], [False]),
    ([7, 3], ["softmax"], [True]),
    ([4, 6, 3], ["tanh", "log_softmax"], [True, True]),
    ([2, 8, 17, 9], ["sigmoid", "silu", "tanh"], [True, False, True]),
    ([4, 6, 33], ["elu", "identity"], [False, False]),
    ([20, 1, 2], ["softplus", "identity"], [True, True]),
    ([4, 6, 3], ["tanh", "silu"], [True, True]),  # the slope of the outputs needs z
]
IDS = ["-".join(map(str, sizes)) for sizes, _, _ in NETWORKS]


def case(network, n_samples, dtype=np.float64, seed=3):
    sizes, activations, biases = network
    return cases.case(seed, sizes, activations, "mse", dtype, n_samples, biases)


def outputs(plan, theta, X):
    out = np.empty((len(X), int(plan.layers[-1]["n_out"])), plan.dtype)
    reference.forward(plan, theta, X, out, Work(plan, 1))
    return out


def jacobian(backend, plan, theta, X, room=64):
    out = np.full((len(X), int(plan.layers[-1]["n_out"]), plan.n_theta), np.nan, plan.dtype)
    backend.jacobian(plan, theta, X, out, Work(plan, room))
    return out


def descend(backend, case_, n_steps=1, n_blocks=10**6, weights=None, **settings):
    """Steps from a copy of theta: the parameters, the losses and the search."""
    plan, theta, X, Y = case_
    theta, losses = at(theta), np.zeros(n_steps)
    total = None if weights is None else float(weights.sum())
    search = Search(plan, len(X), sum_of_weights=total, **settings)
    found = 0
    while found < n_steps and not search.reason:
        found += backend.levenberg_marquardt(
            plan, theta, X, Y, search, losses[found:], n_blocks, weights
        )
    return theta, losses[:found], search


def at(theta):
    copy = aligned_zeros(theta.shape, theta.dtype)
    copy[:] = theta
    return copy


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_jacobian_matches_central_differences(backend, network):
    plan, theta, X, _ = case(network, 70)
    J = jacobian(backend, plan, theta, X)
    for j in columns_of(plan):
        moved = [at(theta), at(theta)]
        moved[0][j] += STEP
        moved[1][j] -= STEP
        difference = (outputs(plan, moved[0], X) - outputs(plan, moved[1], X)) / (2 * STEP)
        assert np.abs(J[:, :, j] - difference).max() <= CENTRAL_DIFFERENCE


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_jacobian_has_zeros_where_theta_has_padding(backend, network):
    plan, theta, X, _ = case(network, 20)
    J = jacobian(backend, plan, theta, X)
    assert not np.delete(J, columns_of(plan), axis=2).any()


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_jacobian_does_not_depend_on_the_room_nor_on_zeros_being_listed(compiled, network):
    plan, theta, X, _ = case(network, 70)
    J = jacobian(compiled, plan, theta, X)
    for rows, room in ((X, 1), (X, 70), (SparseRows.from_dense(X), 64)):
        assert jacobian(compiled, plan, theta, rows, room).tobytes() == J.tobytes()


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_jacobian_in_float32_is_that_in_float64_rounded(compiled, network):
    plan, theta, X, _ = case(network, 30, np.float32)
    wide, wide_theta, _, _ = case(network, 30)
    wide.unpack(plan.packed(theta), wide_theta)
    exact = jacobian(reference, wide, wide_theta, X.astype(np.float64))[:, :, columns_of(wide)]
    found = jacobian(compiled, plan, theta, X)[:, :, columns_of(plan)]
    assert np.abs(found - exact).max() <= 1e-5 * np.abs(exact).max()


def test_products_of_errors_and_jacobian_are_the_gradient(compiled):
    plan, theta, X, Y = case(NETWORKS[4], 50)
    grad, work = aligned_zeros(plan.n_theta, np.float64), Work(plan, 50)
    compiled.loss_gradient(plan, theta, X, Y, grad, work)
    e = outputs(plan, theta, X) - Y
    expected = np.einsum("to,toj->j", e, jacobian(compiled, plan, theta, X)) / 50
    assert np.abs(grad - expected).max() <= 1e-13 * np.abs(grad).max()


@pytest.mark.parametrize("n_samples", [1, 40, 300])
@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_first_step_is_that_of_numpy(backend, network, n_samples):
    # (J^T J / n + mu I) step = J^T e / n, from numpy.linalg.solve
    whole = case(network, n_samples)
    plan, theta, X, Y = whole
    moved, losses, search = descend(backend, whole, mu=0.1)
    mu = float(search.state["mu"][0]) / 0.1
    columns = columns_of(plan)
    J = jacobian(reference, plan, theta, X)[:, :, columns].reshape(-1, len(columns))
    e = (outputs(plan, theta, X) - Y).ravel()
    n = len(columns)
    step = np.linalg.solve(J.T @ J / n_samples + mu * np.eye(n), J.T @ e / n_samples)
    assert np.abs(theta[columns] - moved[columns] - step).max() <= 1e-10 * np.abs(step).max()
    assert losses[0] == pytest.approx(np.square(outputs(plan, moved, X) - Y).sum() / 2 / n_samples)
    assert losses[0] < np.square(e).sum() / 2 / n_samples
    assert not np.delete(moved, columns).any()


@pytest.mark.parametrize("network", NETWORKS, ids=IDS)
def test_steps_are_those_of_the_reference(every_compiled, network):
    # (with less mu, rounding decides along directions that hardly change the outputs)
    whole = case(network, 90)
    expected, expected_losses, search = descend(reference, whole, 6, mu=1e-4)
    for backend in every_compiled:
        actual, losses, own = descend(backend, whole, 6, mu=1e-4)
        assert own.state["n_tries"][0] == search.state["n_tries"][0]
        assert np.abs(actual - expected).max() <= 1e-6 * np.abs(expected).max()
        assert losses == pytest.approx(expected_losses, rel=1e-9)


@pytest.mark.parametrize("n_blocks", [1, 2, 5])
@pytest.mark.parametrize("room", [144, 1000])
def test_a_search_in_slices_gives_the_same_bits(compiled, monkeypatch, n_blocks, room):
    # with less room than samples, a and z are computed again; each sum has the same order
    whole = case(NETWORKS[4], 600)
    expected, losses, _ = descend(compiled, whole, 4)
    if room < 600:
        monkeypatch.setattr(least_squares, "_ROOM", 0)
    found, own, search = descend(compiled, whole, 4, n_blocks)
    assert search.batch_size == min(room, 600)
    assert found.tobytes() == expected.tobytes()
    assert own.tobytes() == losses.tobytes()


@pytest.mark.parametrize("room", [144, 1000])
def test_samples_in_float32_are_taken_as_they_are(compiled, monkeypatch, room):
    if room < 700:
        monkeypatch.setattr(least_squares, "_ROOM", 0)
    plan, theta, _, _ = case(NETWORKS[1], 700)
    X, Y = (values.astype(np.float32) for values in case(NETWORKS[1], 700)[2:])
    weights = np.random.default_rng(1).integers(0, 3, 700).astype(np.float64)
    for given in (None, weights):
        wide = cases.Case(plan, theta, X.astype(np.float64), Y.astype(np.float64))
        expected, _, _ = descend(compiled, wide, 3, weights=given)
        for rows in (X, SparseRows.from_dense(X)):
            whole = cases.Case(plan, theta, rows, Y)
            assert descend(compiled, whole, 3, weights=given)[0].tobytes() == expected.tobytes()
        whole = cases.Case(plan, theta, SparseRows.from_dense(wide.X), wide.Y)
        assert descend(compiled, whole, 3, weights=given)[0].tobytes() == expected.tobytes()


def test_rows_may_lie_apart_and_be_read_only(compiled):
    plan, theta, X, Y = case(NETWORKS[4], 40)
    expected, _, _ = descend(compiled, cases.Case(plan, theta, X, Y), 2)
    apart = [np.full((40, values.shape[1] + 3), np.nan) for values in (X, Y)]
    for wide, values in zip(apart, (X, Y), strict=True):
        wide[:, 1:-2] = values
        wide.flags.writeable = False
    whole = cases.Case(plan, theta, apart[0][:, 1:-2], apart[1][:, 1:-2])
    assert descend(compiled, whole, 2)[0].tobytes() == expected.tobytes()


def test_a_sample_of_weight_two_is_that_sample_twice(backend):
    plan, theta, X, Y = case(NETWORKS[4], 30)
    weights = np.random.default_rng(2).integers(0, 4, 30).astype(np.float64)
    found, losses, _ = descend(backend, cases.Case(plan, theta, X, Y), 3, weights=weights)
    times = weights.astype(int)
    repeated = cases.Case(plan, theta, np.repeat(X, times, axis=0), np.repeat(Y, times, axis=0))
    expected, expected_losses, _ = descend(backend, repeated, 3)
    assert np.abs(found - expected).max() <= 1e-9 * np.abs(expected).max()
    assert losses == pytest.approx(expected_losses, rel=1e-10)


def test_samples_of_weight_zero_leave_no_trace(backend):
    # not even where they overflow
    plan, theta, X, Y = case(([2, 3, 2], ["softplus", "identity"], [True, True]), 20)
    weights = np.ones(20)
    weights[[0, 7, 19]] = 0
    X[7] = 1e308
    kept = weights > 0
    found, _, _ = descend(backend, cases.Case(plan, theta, X, Y), 2, weights=weights)
    expected, _, _ = descend(backend, cases.Case(plan, theta, X[kept], Y[kept]), 2)
    assert np.isfinite(found).all()
    assert np.abs(found - expected).max() <= 1e-10 * np.abs(expected).max()


def test_the_same_call_gives_the_same_bits(compiled):
    whole = case(NETWORKS[1], 500)
    first, again = (descend(compiled, whole, 5)[0] for _ in range(2))
    assert first.tobytes() == again.tobytes()


@pytest.mark.parametrize("large", range(3))
def test_loss_of_a_saturated_softmax_is_finite_whichever_is_the_largest(backend, large):
    plan, theta, X, Y = case(NETWORKS[IDS.index("7-3")], 40)
    plan.b(theta, 0)[large] = 1e4  # e^10000 is infinite
    _, _, search = descend(backend, (plan, theta, X, Y))
    assert float(search.state["loss"][0]) == pytest.approx(
        np.square(np.eye(3)[large] - Y).sum() / 2
    )


def test_loss_of_a_saturated_softmax_is_finite_where_samples_differ(backend):
    plan, theta, X, Y = case(NETWORKS[IDS.index("7-3")], 40)
    theta *= 1e3  # another unit is the largest in every sample, and e^z is infinite
    _, _, search = descend(backend, (plan, theta, X, Y))
    largest = np.eye(3)[outputs(plan, theta, X).argmax(axis=1)]
    assert np.unique(largest, axis=0).shape == (3, 3)
    assert float(search.state["loss"][0]) == pytest.approx(
        np.square(outputs(plan, theta, X) - Y).sum() / 2
    )


def test_the_fraction_that_a_search_has_seen_grows_to_all(compiled, monkeypatch):
    whole = case(NETWORKS[0], 1200)
    monkeypatch.setattr(least_squares, "_ROOM", 0)
    search = Search(whole.plan, 1200)
    losses, seen = np.empty(1), [0.0]
    while not compiled.levenberg_marquardt(*whole, search, losses, 1):
        seen.append(search.fraction)
    assert seen[:3] == [0, 0.12, 0.24]  # blocks of 144


def test_reasons_say_why_a_search_has_ended(backend):
    whole = case(NETWORKS[0], 40)
    assert descend(backend, whole, 5)[2].reason == ""
    assert descend(backend, whole, 5, min_gradient=1e9)[2].reason == "gradient"
    start = np.square(outputs(whole.plan, whole.theta, whole.X) - whole.Y).sum() / 80
    _, losses, search = descend(backend, whole, 500, target=0.9 * start)
    assert (search.reason, losses[-1] <= 0.9 * start) == ("target_loss", True)
    assert (losses[:-1] > 0.9 * start).all()
    # at the minimum no step lowers the loss any more
    _, losses, search = descend(backend, case(NETWORKS[2], 40), 500, min_gradient=0.0)
    assert search.reason == "mu"
    assert search.state["mu"][0] > 1e10
    assert (np.diff(losses) <= 0).all()  # their sums fell, their means are rounded
    whole.Y[2] = 1e300
    assert descend(backend, whole, 5)[2].reason == "not finite"


def test_mu_falls_after_a_step_and_rises_after_a_failure(backend):
    whole = case(NETWORKS[1], 60)
    _, losses, search = descend(backend, whole, 4, mu=1e-12, decrease=0.5, increase=3.0)
    failures = int(search.state["n_tries"][0]) - len(losses)
    assert failures > 0  # else this would show half of it
    assert search.state["mu"][0] == pytest.approx(1e-12 * 0.5**4 * 3.0**failures)


def test_columns_name_every_parameter_once():
    for network in NETWORKS:
        plan = case(network, 1).plan
        theta = np.zeros(plan.n_theta)
        theta[columns_of(plan)] = 1
        for index in range(len(plan.layers)):
            assert plan.W(theta, index).all()
            assert plan.b(theta, index) is None or plan.b(theta, index).all()
        assert theta.sum() == Search(plan, 10).state["n_parameters"][0]


def test_a_matrix_beyond_the_memory_is_refused_with_the_way_out():
    plan = interface.Plan.build(10**6, [(100, "tanh", 0.0, True)], "mse", np.float64)
    with pytest.raises(ValueError, match=r"more than the memory .* use SCG\(\) or LBFGS\(\)"):
        Search(plan, 10)


@pytest.mark.parametrize("seed", range(12))
def test_nothing_but_the_given_arrays_is_written(every_compiled, seed):
    # vectors reach beyond the rows of J; random shapes, against the reference
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 20, generator.integers(2, 6)).tolist()
    activations = generator.choice(["tanh", "sigmoid", "identity"], len(sizes) - 1).tolist()
    biases = generator.integers(0, 2, len(sizes) - 1).astype(bool).tolist()
    whole = case((sizes, activations, biases), int(generator.integers(1, 80)), seed=seed)
    plan, theta, X, Y = whole
    expected, expected_losses, _ = descend(reference, whole, 3, mu=0.01)
    for backend in every_compiled:
        search, losses, fence = Search(plan, len(X), mu=0.01), np.zeros(3), 1e300
        places = np.array([len(search.buffer), plan.n_theta])
        buffer, moved = (aligned_zeros(int(n) + 32, np.float64) for n in places)
        buffer[places[0] :] = moved[places[1] :] = fence
        search.buffer = buffer[: places[0]]
        moved[: places[1]] = theta
        found = backend.levenberg_marquardt(
            plan, moved[: places[1]], X, Y, search, losses, 10**6, None
        )
        assert found == len(expected_losses)
        assert (buffer[places[0] :] == fence).all()
        assert (moved[places[1] :] == fence).all()
        assert np.abs(moved[: places[1]] - expected).max() <= 1e-7 * np.abs(expected).max()
