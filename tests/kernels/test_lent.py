"""The Numba backend walks through the loops that the Cython build lends, in the same order."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import cases
import deltaloop as dl
from deltaloop import kernels
from deltaloop.kernels import lent
from deltaloop.kernels.interface import Regularization, Rule
from deltaloop.kernels.memory import PIECE, Work, aligned_zeros
from deltaloop.kernels.sparse_rows import SparseRows

RULES = {name: optimizer.rule() for name, optimizer in cases.RULES.items()}
RULES["regular"] = Rule.of(
    "momentum", 0.01, 0.9,
    regularization=Regularization(0.01, 0.02, 0.1, clip_value=0.3, clip_norm=0.5, max_norm=1.5),
)  # fmt: skip
# tiny, one unit, wide, with rows that are listed, and deep; sizes, activations, loss
NETWORKS = [
    ([4, 4, 1], ["sigmoid", "identity"], "mse"),
    ([8, 3, 8], ["tanh", "sigmoid"], "binary_cross_entropy"),
    ([17, 64, 1], ["tanh", "identity"], "huber"),
    ([60, 70, 40, 5], ["relu", "relu", "softmax"], "cross_entropy"),
    ([9, 12, 16, 30, 17], ["elu", "softplus", "silu", "softmax"], "mse"),
]
N_SAMPLES = 37


@pytest.fixture(params=NETWORKS, ids=lambda network: "-".join(map(str, network[0])))
def case(request, dtype):
    sizes, activations, loss = request.param
    biases = [True, False, True, True][: len(activations)]
    return cases.case(5, sizes, activations, loss, dtype, N_SAMPLES, biases)


def both(compute):
    """What `compute` gives with either backend."""
    return compute(kernels.load("numba")), compute(kernels.load("cython"))


# what more there is concerns the walks, which differ between fused rules and others
@pytest.mark.parametrize(
    ("rule", "more"),
    [*((rule, "") for rule in RULES),
     *product(("sgd", "adam", "rmsprop"), ("order", "weights", "rates"))],
)  # fmt: skip
@pytest.mark.parametrize("batch_size", [1, 10])
@pytest.mark.parametrize("listed", [False, True], ids=["dense", "sparse"])
def test_training_gives_the_same_bits(case, rule, batch_size, listed, more):
    rule, generator = RULES[rule], np.random.default_rng(1)
    order = generator.permutation(N_SAMPLES) if more else None
    weights = generator.choice([0, 0.5, 1, 3], N_SAMPLES) if more == "weights" else None
    n_steps = -(-N_SAMPLES // batch_size)
    rates = generator.uniform(0, 0.02, n_steps) if more == "rates" else None
    X = SparseRows.from_dense(case.X) if listed else case.X

    def trained(backend):
        theta = aligned_zeros(case.plan.n_theta, case.theta.dtype)
        theta[:] = case.theta
        state = aligned_zeros((rule.n_slots, case.plan.n_theta), theta.dtype)
        work = Work.for_batches(case.plan, X, rule, batch_size, 1)
        total = backend.train_epoch(
            case.plan, theta, state, rule, X, case.Y, order, 0, N_SAMPLES, batch_size, work, 0.5,
            3, weights, rates,
        )  # fmt: skip
        assert not np.array_equal(theta, case.theta)
        return {"total": total, "theta": theta, "state": state}

    cases.assert_same_bits(*both(trained))


def test_batches_in_pieces_give_the_same_bits(dtype):
    plan, theta, X, Y = cases.case(3, [40, 72, 3], ["relu", "identity"], "mse", dtype, PIECE + 90)
    case = cases.Case(plan, theta, X, Y)
    for name in ("sgd", "adam", "rmsprop"):

        def trained(backend, rule=RULES[name]):
            work = Work.for_batches(plan, X, rule, len(X), 1)
            return cases.trained(backend, case, rule, None, len(X), work=work)

        cases.assert_same_bits(*both(trained))


def test_gradients_and_outputs_have_the_same_bits(case):
    plan, theta, X, Y = case
    weights = np.random.default_rng(2).uniform(0, 2, N_SAMPLES)
    for batch_size in (1, 10, N_SAMPLES):
        cases.assert_same_bits(
            *both(lambda b, n=batch_size: cases.gradient_of(b, plan, theta, X, Y, n, weights))
        )
        found = both(lambda b, n=batch_size: cases.forward_of(b, plan, theta, X, n))
        assert found[0].tobytes() == found[1].tobytes()
    one = both(lambda b: cases.forward_of(b, plan, theta, X[:1]))
    assert one[0].tobytes() == one[1].tobytes()


def test_slopes_have_the_same_bits(case):
    plan, theta, X, Y = case

    def slopes(backend):
        grad, dC_dx = aligned_zeros(plan.n_theta, theta.dtype), np.zeros_like(X)
        backend.backward(plan, theta, X, Y, grad, dC_dx, Work(plan, 10))
        assert dC_dx.any()
        return {"grad": grad, "dC_dx": dC_dx}

    cases.assert_same_bits(*both(slopes))


def test_both_tell_whether_inputs_are_finite(compiled, case):
    plan, theta, X, _Y = case
    out = np.zeros((len(X), int(plan.layers[-1]["n_out"])), theta.dtype)
    assert compiled.forward(plan, theta, X, out, Work(plan, 10)) is True
    X[3, 1] = np.inf
    assert compiled.forward(plan, theta, X, out, Work(plan, 10)) is False


@pytest.mark.parametrize("name", [*lent.STRUCTS, "layer"])
def test_structs_are_whole_words(dtype, name):
    assert lent.struct(name, str(dtype)).itemsize % 8 == 0


@pytest.mark.parametrize("rule", ["sgd", "nesterov", "adam", "rmsprop"])
def test_rates_noise_and_shortcuts_give_the_same_bits(rule, dtype):
    """1.7, which is no binary number, is rounded in the same way by either backend."""
    rates = {"rate_of_W": 1.7, "rate_of_b": 0.3}
    X = np.random.default_rng(0).normal(size=(N_SAMPLES, 6))

    def trained(backend):
        layers = [dl.Dense(9, "tanh", **rates), dl.Dense(3, "identity", shortcuts=[0], **rates)]
        net = dl.Network(6, layers, dtype=dtype, seed=1, input_noise=0.1, backend="cython")
        net.use_backend(backend)
        for optimizer in (cases.RULES[rule], replace(cases.RULES[rule], weight_noise=0.1)):
            for batch_size in (1, 10):
                net.fit(X, X[:, :3], epochs=2, batch_size=batch_size, optimizer=optimizer)
        return {"theta": net.theta.copy()}

    cases.assert_same_bits(*both(trained))
