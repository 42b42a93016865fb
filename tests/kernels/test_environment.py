"""The floating-point environment: kernels round to nearest, whatever the caller does, and state
that vanishes becomes 0, because arithmetic on subnormal numbers is slow."""

import ctypes
import ctypes.util
import platform

import numpy as np
import pytest

import cases
from deltaloop import SGD, Adam, Ensemble, RMSprop
from deltaloop.kernels.interface import Plan
from deltaloop.kernels.memory import Work, aligned_zeros

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the numbers of the rounding modes are those of x86"
)
LIBM = ctypes.CDLL(ctypes.util.find_library("m"))
NEAREST, MODES = 0, {"down": 0x400, "up": 0x800, "to zero": 0xC00}
FUNCTIONS = ["sigmoid", "tanh", "elu", "softplus", "softmax"]


def rounding(mode, function):
    """What the function returns, called with another rounding mode; and the mode afterwards."""
    LIBM.fesetround(mode)
    try:
        result = function()
        after = LIBM.fegetround()
    finally:
        LIBM.fesetround(NEAREST)
    return result, after


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("n_samples", [1, 300])
def test_outputs_do_not_depend_on_the_rounding_mode(compiled, dtype, activation, mode, n_samples):
    case = cases.case(3, [1, 40], [activation], "mse", dtype, n_samples)
    theta = aligned_zeros(len(case.theta), dtype)
    case.plan.b(theta, 0)[:] = np.linspace(-800, 100, 40)  # z, beyond the range of exp
    found, after = rounding(
        MODES[mode], lambda: cases.forward_of(compiled, case.plan, theta, case.X)
    )
    assert after == MODES[mode]
    assert np.isfinite(found).all()
    assert found.tobytes() == cases.forward_of(compiled, case.plan, theta, case.X).tobytes()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("batch_size", [1, 8])
def test_training_does_not_depend_on_the_rounding_mode(compiled, dtype, mode, batch_size):
    case = cases.case(3, [9, 20, 3], ["sigmoid", "softmax"], "cross_entropy", dtype, 24)

    exact = Adam(2**-7, beta1=0.5, beta2=0.75, epsilon=2**-20)  # the same in every dtype

    def trained():
        return cases.trained(compiled, case, exact.rule(), None, batch_size)

    found, after = rounding(MODES[mode], trained)
    assert after == MODES[mode]
    for name, expected in trained().items():
        assert np.asarray(found[name]).tobytes() == np.asarray(expected).tobytes(), name


def flushing(function):
    """The control word after the function and before it, called where subnormal numbers are 0.

    glibc keeps the word of SSE at byte 28 of fenv_t; its lowest six bits are flags.
    """
    whole = (ctypes.c_uint32 * 16)()
    kept, found = (ctypes.c_uint32 * 16)(), (ctypes.c_uint32 * 16)()
    LIBM.fegetenv(whole)
    LIBM.fegetenv(kept)
    whole[7] = 0x1F80 | 0x8040  # no trap, to nearest; operands and results are flushed
    LIBM.fesetenv(whole)
    try:
        function()
        LIBM.fegetenv(found)
    finally:
        LIBM.fesetenv(kept)
    return found[7] & ~0x3F, whole[7]


@pytest.mark.skipif(platform.system() != "Linux", reason="fenv_t is as in glibc")
@pytest.mark.parametrize("call", ["forward", "gradient", "samples", "batches", "networks"])
def test_a_caller_who_flushes_subnormal_numbers_still_does_afterwards(compiled, dtype, call):
    case = cases.case(3, [9, 20, 3], ["sigmoid", "softmax"], "cross_entropy", dtype, 24)
    networks = Ensemble([9, 4, 3], n=16, activation="tanh", output="identity", dtype=dtype)
    functions = {
        "forward": lambda: cases.forward_of(compiled, *case[:3]),
        "gradient": lambda: cases.gradient_of(compiled, *case),
        "samples": lambda: cases.trained(compiled, case, SGD(0.1).rule(), None, 1),
        "batches": lambda: cases.trained(compiled, case, SGD(0.1).rule(), None, 8),
        "networks": lambda: networks.predict(case.X),
    }
    after, before = flushing(functions[call])
    assert after == before


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize(
    "rule",
    [
        SGD(0.1, momentum=0.75),
        SGD(0.1, momentum=0.75, nesterov=True),
        Adam(0.1, beta1=0.75, beta2=0.8),
        RMSprop(0.1, rho=0.75),
    ],
    ids=["momentum", "nesterov", "adam", "rmsprop"],
)
def test_state_of_vanished_gradients_is_zero(backend, dtype, rule, batch_size):
    """The gradient is 0, and the state shrinks, until it is 0 or what is taken from it is."""
    tiny = float(np.finfo(dtype).tiny)
    n_steps, start = 200, 1e6 * tiny
    plan = Plan.build(5, [(20, "tanh", 0.0, False), (3, "identity", 0.0, False)], "mse", dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    theta[:] = np.random.default_rng(0).normal(size=plan.n_theta)
    for index in range(2):  # padding is 0
        W = plan.W(theta, index).copy()
        plan.W(theta, index).base[:] = 0
        plan.W(theta, index)[:] = W
    X, Y = np.zeros((n_steps * batch_size, 5), dtype), np.zeros((n_steps * batch_size, 3), dtype)
    state = aligned_zeros((rule.rule().n_slots, plan.n_theta), dtype)
    for slot in state:
        for view in cases.blocks(plan, slot).values():
            view[:] = start
    backend.train_epoch(
        plan, theta, state, rule.rule(), X, Y, None, 0, len(X), batch_size, Work(plan, batch_size)
    )
    assert np.isfinite(theta).all()
    assert ((state == 0) | (state >= tiny)).all()
    assert state.max() < tiny / (1 - 0.8) * 1.001  # 0.2 of less than this is taken for 0


def test_subnormal_numbers_are_themselves_in_predictions_and_afterwards(compiled):
    """They are zeros while a network is trained, and nowhere else."""
    tiny = np.float32(1e-40)
    case = cases.case(3, [1, 4], ["identity"], "mse", np.float32, 1)
    theta = aligned_zeros(len(case.theta), np.float32)
    case.plan.W(theta, 0)[:] = 1
    X = np.full((1, 1), tiny)
    cases.trained(compiled, case, SGD(0.1).rule(), None, 1)
    assert (cases.forward_of(compiled, case.plan, theta, X) == tiny).all()
    assert tiny * np.float32(0.5) > 0
