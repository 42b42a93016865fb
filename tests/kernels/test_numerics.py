"""Single numbers: activations in ulp, the ends of the range, limits of logarithms, nan."""

import math
from functools import cache

import numpy as np
import pytest

import cases
import exact
from deltaloop import SGD
from deltaloop.kernels.interface import Plan
from deltaloop.kernels.memory import Work, aligned_zeros
from tolerances import ULP, UNDERFLOW, eps, most_ulp, sure

ALPHA = {"leaky_relu": 0.1, "elu": 0.75}


def unit(activation, dtype, n_units=1, loss="mse"):
    """A network with z = x in each of its n_units units: one input, weights 1, no bias."""
    plan = Plan.build(1, [(n_units, activation, ALPHA.get(activation, 0.0), False)], loss, dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    plan.W(theta, 0)[:] = 1
    return plan, theta


def values(backend, activation, z, n_units=1, room=None):
    """f(z) from every unit, shape (len(z), n_units)."""
    plan, theta = unit(activation, z.dtype, n_units)
    return cases.forward_of(backend, plan, theta, z.reshape(-1, 1), room)


@cache
def range_of_z(dtype):
    """Finite z of every size, and many where the functions bend, underflow and saturate."""
    info = np.finfo(dtype)
    far = 120 if dtype == np.float32 else 760  # exp(-far) underflows
    sizes = np.geomspace(float(info.smallest_subnormal), float(info.max) / 2, 400)
    near = np.random.default_rng(0).uniform(-4, 4, 1000)
    special = np.array([0.0, float(info.max), float(info.tiny), 1.0, math.log(2), 0.625])
    underflow = math.log(float(info.tiny)) + np.linspace(-0.01, 0.01, 40)
    z = np.concatenate([sizes, np.abs(near), np.linspace(0, far, 600), special, underflow])
    return np.unique(np.concatenate([z, -z]).astype(dtype))


def alpha_of(activation, dtype):
    """As the kernels see it."""
    return float(dtype.type(ALPHA.get(activation, 0.0)))


@cache
def exact_values(activation, dtype):
    """z, f(z) as a long double, how many ulp it may be off, and the length of an ulp."""
    alpha, z = alpha_of(activation, dtype), range_of_z(dtype)
    most = sure(activation, dtype)
    if math.isfinite(most):  # and where a period has gone by many times
        far = np.random.default_rng(0).uniform(-most, most, 1000)
        zeros = np.pi / 2 * np.rint(far / (np.pi / 2))
        z = np.unique(np.concatenate([z[abs(z) <= most], far, zeros]).astype(dtype))
    truths = [exact.value(activation, x, alpha) for x in z.tolist()]  # to 60 digits
    most = np.array([most_ulp(activation, float(truth)) for truth in truths])
    # the longest float of the machine holds what is needed of them
    truths = np.array([np.longdouble(str(truth)) for truth in truths])
    info = np.finfo(dtype)
    exponents = np.frexp(np.maximum(np.minimum(abs(truths), info.max), info.tiny))[1] - 1
    return z, truths, most, np.ldexp(np.longdouble(eps(dtype)), exponents)


def errors_in_ulp(activation, found, truths, ulp):
    """|found - truth| in units of the last place of the exact value, shape of found."""
    tiny, largest = float(np.finfo(found.dtype).tiny), float(np.finfo(found.dtype).max)
    truths, ulp = truths[:, None], ulp[:, None]
    beyond = abs(truths) > largest
    right = found == np.copysign(np.inf, truths)
    errors = abs(np.where(beyond, 0, found) - np.where(beyond, 0, truths))
    errors = np.where(errors <= UNDERFLOW[activation] * tiny, 0, errors / ulp)
    errors = np.where(beyond, np.where(right, 0, np.inf), errors)
    return np.where(np.isnan(errors), np.inf, errors)


@pytest.mark.parametrize("activation", ULP)
def test_activation_is_within_its_ulp_bound(every_backend, dtype, activation):
    z, truths, most, ulp = exact_values(activation, dtype)
    for backend in every_backend:
        for n_units, room in ((1, 1), (20, 64)):
            found = values(backend, activation, z, n_units, room)
            assert found.shape == (len(z), n_units)
            errors = errors_in_ulp(activation, found, truths, ulp).max(axis=1)
            worst = int(np.argmax(errors - most))
            assert errors[worst] <= most[worst], (
                f"{backend.describe()}: {errors[worst]:.3g} ulp at z = {z[worst]!r}"
            )


def test_errors_are_counted_in_ulp_of_the_exact_value():
    truths = np.array([1.0, 1.0, 2.0, 1e300, -1e300, 1e-45, 0.0, 1.0, 1e300], np.longdouble)
    ulp = np.ldexp(np.longdouble(eps(np.float32)), [0, 0, 1, 127, 127, -126, -126, 0, 127])
    low, high = np.float32(1) + np.float32(2**-23), np.float32(2) - np.float32(2**-22)
    found = np.array([1, low, high, np.inf, -np.inf, 0, 0, np.nan, 1], np.float32)[:, None]
    errors = errors_in_ulp("sigmoid", found, truths, ulp)[:, 0]
    assert errors.tolist() == [0, 1, 1, 0, 0, 0, 0, np.inf, np.inf]


@pytest.mark.parametrize("n_units", [1, 20])
def test_sine_beyond_its_range_is_still_one(backend, dtype, n_units):
    z = np.geomspace(sure("sin", dtype), float(np.finfo(dtype).max) / 2, 200).astype(dtype)
    found = values(backend, "sin", np.concatenate([z, -z]), n_units)
    assert (np.abs(found) <= 1).all()


@pytest.mark.parametrize("activation", ULP)
@pytest.mark.parametrize("n_units", [1, 20])
def test_activation_of_infinity_is_its_limit(backend, dtype, activation, n_units):
    ends = values(backend, activation, np.array([-np.inf, np.inf], dtype), n_units)
    limits = exact.EXACT[activation].ends(alpha_of(activation, dtype))
    for found, limit in zip(ends, limits, strict=True):
        np.testing.assert_array_equal(found, dtype.type(limit))


# f'(z) for z to minus and to plus infinity; the sine has no limit
SLOPES_AT_THE_ENDS = dict.fromkeys(ULP, (0, 1)) | {
    "identity": (1, 1), "leaky_relu": (ALPHA["leaky_relu"], 1), "selu": (0, 1.0507009873554805),
    "exp": (0, math.inf),
    **dict.fromkeys(("sigmoid", "tanh", "lecun_tanh", "softsign", "gaussian"), (0, 0)),
    **dict.fromkeys(("hard_sigmoid", "hard_tanh"), (0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("activation", [name for name in ULP if name != "sin"])
@pytest.mark.parametrize("n_units", [1, 20])
def test_slope_at_infinity_is_its_limit(backend, dtype, activation, n_units):
    plan, theta = unit(activation, dtype, n_units)
    X, found = np.array([[-np.inf], [np.inf]], dtype), np.empty((2, 1), dtype)
    dC_da, grad = np.ones((2, n_units), dtype), aligned_zeros(plan.n_theta, dtype)
    backend.backward(plan, theta, X, dC_da, grad, found, Work(plan, 2))
    expected = n_units * np.array(SLOPES_AT_THE_ENDS[activation], dtype)
    np.testing.assert_allclose(found[:, 0], expected, rtol=4 * eps(dtype), atol=4 * eps(dtype))


@pytest.mark.parametrize("activation", cases.ACTIVATIONS)
@pytest.mark.parametrize("n_units", [1, 20])
def test_activation_of_nan_is_nan(backend, dtype, activation, n_units):
    found = values(backend, activation, np.array([1, np.nan, 2], dtype), n_units)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_activations_of_both_zeros_are_the_same(backend, dtype, zero):
    for name in ULP:
        found = values(backend, name, np.array([zero], dtype)).item()
        at_zero = float(exact.value(name, 0.0, alpha_of(name, dtype)))
        assert found == pytest.approx(at_zero, rel=4 * eps(dtype), abs=0)
        assert math.copysign(1, found) == 1 or math.copysign(1, zero) == -1


@pytest.mark.parametrize("activation", [name for name in ULP if 0 in exact.EXACT[name].kinks])
@pytest.mark.parametrize("n_units", [1, 20])
def test_slope_at_the_kink_is_that_of_the_left_side(backend, dtype, activation, n_units):
    plan, theta = unit(activation, dtype, n_units)
    X, Y = np.zeros((1, 1), dtype), np.full((1, n_units), -1, dtype)  # dC/da = 0 + 1
    found = cases.gradient_of(backend, plan, theta, X, Y)["delta2"]
    slope = exact.slopes(activation, 0.0, alpha_of(activation, dtype))
    assert found == pytest.approx(np.full((1, n_units), slope), rel=2**-22)


@pytest.mark.parametrize("activation", ULP)
@pytest.mark.parametrize("n_units", [1, 20])
def test_slope_is_that_of_the_activation_even_where_it_saturates(
    backend, dtype, activation, n_units
):
    z = range_of_z(dtype)
    z = z[abs(z) < 1e4]
    if activation == "exp":  # whose slope grows as it does: (a - y) f'(z) has to be a number
        z = z[z < math.log(float(np.finfo(dtype).max)) / 2]
    plan, theta = unit(activation, dtype, n_units)
    Y = np.full((len(z), n_units), 0.5, dtype)
    found = cases.gradient_of(backend, plan, theta, z[:, None], Y)
    a, wide_z = found["a2"].astype(np.float64), z.astype(np.float64)[:, None]
    row = exact.EXACT[activation]
    slope = row.slope(wide_z, a, alpha_of(activation, dtype))
    # delta = (a - y) f'(z): the slope is hardly above 1 and known to a few eps of 1
    error = np.abs(found["delta2"] - (a - 0.5) * slope)
    known = row.known(a)
    assert (error <= known * eps(dtype) * np.abs(a - 0.5) + np.finfo(dtype).tiny).all()


@pytest.mark.parametrize("n_units", [1, 4, 20])
@pytest.mark.parametrize("n_samples", [1, 9])
def test_losses_are_added_in_double_precision(backend, n_units, n_samples):
    # next to 2^23 = 4096^2 / 2, float32 has no room for a half
    plan, theta = unit("identity", np.float32, n_units)
    X, Y = np.zeros((n_samples, 1), np.float32), np.ones((n_samples, n_units), np.float32)
    Y[0, 0] = 4096
    truth = 2.0**23 + 0.5 * (n_samples * n_units - 1)
    case, still = cases.Case(plan, theta, X, Y), SGD(0.0).rule()
    assert cases.gradient_of(backend, *case)["loss"] == truth / n_samples
    for batch_size in (1, 4, n_samples):
        assert cases.trained(backend, case, still, None, batch_size)["loss"] == truth


# Logits


def extreme_logits(dtype):
    far = 1e4 if dtype == np.float64 else 100.0
    return np.array([-far, -far / 3, -1.0, 0.0, 1.0, far / 3, far], dtype)


@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_binary_cross_entropy_of_extreme_logits_is_right(backend, dtype, target):
    plan, theta = unit("sigmoid", dtype, loss="binary_cross_entropy")
    for z in extreme_logits(dtype):
        found = cases.gradient_of(
            backend, plan, theta, np.array([[z]], dtype), np.array([[target]], dtype)
        )
        z = float(z)
        # y log(1 + exp(-z)) + (1 - y) log(1 + exp(z))
        near = math.log1p(math.exp(-abs(z)))
        truth = target * (near + max(-z, 0)) + (1 - target) * (near + max(z, 0))
        # 8 roundings, of terms as large as |z|; a tail that is exp(-|z|) all by itself may
        # be lost below the smallest normal number
        allowed = 8 * eps(dtype) * max(truth, target * (1 - target) * abs(z))
        assert found["loss"] == pytest.approx(
            truth, rel=0, abs=allowed + float(np.finfo(dtype).tiny)
        )
        a = 1 / (1 + math.exp(-z)) if z > -700 else 0.0
        assert found["delta2"].item() == pytest.approx(a - target, abs=4 * eps(dtype))
        assert np.isfinite(found["dC/dW1"]).all()


@pytest.mark.parametrize("target", [0, 1, 2])
def test_cross_entropy_of_extreme_logits_is_right(backend, dtype, target):
    # z = x w: logits of (-x, 0, x)
    plan = Plan.build(1, [(3, "softmax", 0.0, False)], "cross_entropy", dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    plan.W(theta, 0)[:] = [[-1], [0], [1]]
    Y = np.eye(3, dtype=dtype)[[target]]
    for x in extreme_logits(dtype):
        found = cases.gradient_of(backend, plan, theta, np.array([[x]], dtype), Y)
        z = [-float(x), 0.0, float(x)]
        e = [math.exp(z_k - max(z)) for z_k in z]
        truth = max(z) - z[target] + math.log(sum(e))
        # log_sum - z_j cancels: roundings of numbers as large as the largest |z|
        assert found["loss"] == pytest.approx(truth, rel=0, abs=8 * eps(dtype) * (1 + max(z)))
        a = np.array(e) / sum(e)
        assert found["a2"] == pytest.approx(a[None], abs=8 * eps(dtype) * (1 + max(z) * a.min()))
        assert found["delta2"] == pytest.approx(a[None] - Y, abs=16 * eps(dtype))
        assert np.isfinite(found["dC/dW1"]).all()


@pytest.mark.parametrize("n_out", [65, 66, 130])
def test_cross_entropy_finds_the_target_wherever_it_is(backend, dtype, n_out):
    # one sample, whose logits are x w; the targets are looked at 64 at a time
    plan = Plan.build(1, [(n_out, "softmax", 0.0, False)], "cross_entropy", dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    z = np.linspace(-1, 1, n_out)
    plan.W(theta, 0)[:] = z[:, None]
    log_sum = math.log(np.exp(z).sum())
    for target in {0, 63, 64, n_out - 2, n_out - 1, *range(16, n_out, 16)}:
        Y = np.eye(n_out, dtype=dtype)[[target]]
        found = cases.gradient_of(backend, plan, theta, np.ones((1, 1), dtype), Y)
        limit = 16 * eps(dtype) * (1 + log_sum)
        assert found["loss"] == pytest.approx(log_sum - z[target], rel=0, abs=limit), target
        assert found["delta2"] == pytest.approx(np.exp(z - log_sum)[None] - Y, abs=limit), target


# Squares


@pytest.mark.parametrize("loss", ["mse", "huber"])
@pytest.mark.parametrize("n_units", [1, 3, 4, 20])
def test_squares_are_formed_in_float64(backend, loss, n_units):
    """Errors of float32 whose squares are no float32: training with them goes on."""
    plan = Plan.build(1, [(n_units, "identity", 0.0, False)], loss, "float32", 1e30)
    theta = aligned_zeros(plan.n_theta, np.float32)
    plan.W(theta, 0)[:] = 1
    for size in (1e-30, 3e19):
        X, Y = np.full((1, 1), size, np.float32), np.zeros((1, n_units), np.float32)
        exact = n_units * float(np.float32(size)) ** 2 / 2
        found = cases.gradient_of(backend, plan, theta, X, Y)["loss"]
        assert found == pytest.approx(exact, rel=1e-6)
        case = cases.Case(plan, theta, X, Y)
        assert cases.trained(backend, case, SGD(1e-30).rule(), None, 1)["loss"] == found


# Logarithms


def costs(backend, loss, a, target, n_units):
    """Losses of outputs a, one unit a sample: those of its other units are next to 0."""
    plan, theta = unit("identity", a.dtype, n_units, loss)
    rest = 1.0 if loss == "cross_entropy" else 0.0  # -y log a is 0 where y = 0
    X, Y = a.reshape(-1, 1), np.zeros((len(a), n_units), a.dtype)
    Y[np.arange(len(a)), np.arange(len(a)) % n_units] = target * rest
    work = Work(plan, len(a))
    backend.loss_gradient(plan, theta, X, Y, None, work)
    return work.costs


def assert_ulp(found, exact, dtype, most):
    """At most so many units in the last place of `exact`, which has more digits."""
    last = np.spacing(np.abs(exact).astype(dtype)).astype(exact.dtype)
    distance = np.abs(found.astype(exact.dtype) - exact) / last
    assert (distance <= most).all(), (distance.max(), distance.argmax())


@pytest.mark.parametrize("n_units", [1, 3, 4, 20])
def test_logarithm_is_right_to_three_ulp(compiled, dtype, n_units):
    """-log a, from the smallest a that the loss lets through, and closely around 1."""
    low, high = eps(dtype), float(np.finfo(dtype).max) / 2
    a = np.concatenate([
        np.geomspace(low * 1.01, high, 4000), np.linspace(0.5, 2, 4001),
        1 + np.arange(-40, 41) * low, [1.0, 2.0, 0.5, 2**0.5, 2**-0.5],
    ]).astype(dtype)  # fmt: skip
    exact = -np.log(a.astype(np.longdouble))
    assert_ulp(costs(compiled, "cross_entropy", a, 1.0, n_units), exact, dtype, 3)


def test_logarithm_of_one_more_is_right_to_three_ulp(compiled, dtype):
    """-log(1 - a), without cancellation for small a."""
    low = eps(dtype)
    a = np.concatenate([
        np.geomspace(low * 1.01, 0.5, 3000), np.linspace(0.01, 0.99, 3001),
        1 - np.geomspace(low * 2, 0.5, 1000),
    ]).astype(dtype)  # fmt: skip
    exact = -np.log1p(-a.astype(np.longdouble))
    assert_ulp(costs(compiled, "binary_cross_entropy", a, 0.0, 1), exact, dtype, 3)


# Limits of the logarithm


@pytest.mark.parametrize("a", [-0.5, 1.5, 0.0, 1.0])
@pytest.mark.parametrize("n_units", [1, 20])
def test_binary_cross_entropy_is_constant_outside_its_limits(backend, dtype, a, n_units):
    plan, theta = unit("identity", dtype, n_units, "binary_cross_entropy")
    target = 0.25
    found = cases.gradient_of(
        backend, plan, theta, np.array([[a]], dtype), np.full((1, n_units), target, dtype)
    )
    p = eps(dtype) if a <= 0 else 1 - eps(dtype)
    truth = -(target * math.log(p) + (1 - target) * math.log(1 - p))
    assert found["loss"] == pytest.approx(n_units * truth, rel=8 * eps(dtype))
    assert not found["delta2"].any()
    assert not found["dC/dW1"].any()


@pytest.mark.parametrize("n_units", [1, 20])
def test_cross_entropy_is_constant_below_its_limit_only(backend, dtype, n_units):
    plan, theta = unit("identity", dtype, n_units, "cross_entropy")
    Y = np.full((1, n_units), 0.5, dtype)
    low, high = (
        cases.gradient_of(backend, plan, theta, np.array([[a]], dtype), Y) for a in (-0.5, 4.0)
    )
    assert low["loss"] == pytest.approx(-n_units / 2 * math.log(eps(dtype)), rel=8 * eps(dtype))
    assert not low["delta2"].any()
    assert high["loss"] == pytest.approx(-n_units / 2 * math.log(4.0), rel=8 * eps(dtype))
    assert high["delta2"] == pytest.approx(np.full((1, n_units), -0.5 / 4), rel=8 * eps(dtype))


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_just_inside_the_limit_the_slope_is_steep(backend, dtype, loss):
    plan, theta = unit("identity", dtype, loss=loss)
    a = 1.5 * eps(dtype)
    found = cases.gradient_of(backend, plan, theta, np.array([[a]], dtype), np.ones((1, 1), dtype))
    assert found["loss"] == pytest.approx(-math.log(a), rel=8 * eps(dtype))
    assert found["delta2"].item() == pytest.approx(-1 / a, rel=8 * eps(dtype))


# Trouble is a value


@pytest.mark.parametrize(("activation", "loss"), cases.PAIRS)
def test_nan_comes_back_as_the_loss(backend, dtype, activation, loss):
    for hidden in cases.HIDDEN if loss == "mse" else ["tanh", "relu"]:
        case = cases.case(0, [3, 5, 2], [hidden, activation], loss, dtype, 8)
        case.X[3, 1] = np.nan
        assert math.isnan(cases.gradient_of(backend, *case)["loss"]), hidden
        for batch_size in (1, 4):
            found = cases.trained(backend, case, SGD(1e-3).rule(), None, batch_size)
            assert math.isnan(found["loss"]), hidden


def test_sample_with_nan_leaves_the_outputs_of_others_alone(backend, dtype):
    case = cases.case(0, [3, 20, 2], ["tanh", "sigmoid"], "mse", dtype, 12)
    case.X[5] = np.nan
    out = cases.forward_of(backend, *case[:3])
    assert np.isnan(out[5]).all()
    assert np.isfinite(np.delete(out, 5, axis=0)).all()


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("activation", ["identity", "relu"])
def test_divergence_comes_back_as_the_loss(backend, dtype, batch_size, activation):
    case = cases.case(1, [3, 5, 2], [activation, "identity"], "mse", dtype, 60)
    rule, work = SGD(1e6).rule(), Work(case.plan, batch_size)
    state = np.zeros((0, case.plan.n_theta), dtype)
    losses = [
        backend.train_epoch(
            case.plan, case.theta, state, rule, case.X, case.Y, None, 0, 60, batch_size, work
        )
        for _ in range(30)
    ]
    # relu may die first, of weights so negative that it never fires again
    assert activation == "relu" or not math.isfinite(losses[-1])
    assert all(isinstance(loss, float) for loss in losses)


@pytest.mark.parametrize("n_units", [1, 2, 5, 33])
def test_softmax_sums_to_one(backend, dtype, n_units):
    plan = Plan.build(3, [(n_units, "softmax", 0.0, True)], "cross_entropy", dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    for view in cases.blocks(plan, theta).values():
        view[:] = np.random.default_rng(0).normal(0, 5, view.shape)
    X = np.random.default_rng(1).normal(size=(40, 3)).astype(dtype)
    out = cases.forward_of(backend, plan, theta, X)
    assert (out >= 0).all()
    np.testing.assert_allclose(
        out.sum(axis=1, dtype=np.float64), 1, rtol=0, atol=n_units * eps(dtype)
    )


@pytest.mark.parametrize("n_out", [2, 3, 5, 8, 10, 17, 26, 32, 33])
def test_softmax_of_a_sample_does_not_depend_on_those_beside_it(backend, dtype, n_out):
    plan = Plan.build(3, [(n_out, "softmax", 0.0, True)], "cross_entropy", dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    for view in cases.blocks(plan, theta).values():
        view[:] = np.random.default_rng(0).normal(0, 3, view.shape)
    X = np.random.default_rng(1).normal(size=(60, 3)).astype(dtype)
    together = cases.forward_of(backend, plan, theta, X)
    for n in (3, 15, 16, 21):
        parts = [cases.forward_of(backend, plan, theta, X[k : k + n]) for k in range(0, 60, n)]
        np.testing.assert_array_equal(np.concatenate(parts), together)


@pytest.mark.parametrize("n_out", [2, 4, 7, 20, 33])
def test_softmax_finds_the_largest_logit_wherever_it_is(backend, dtype, n_out):
    plan = Plan.build(n_out, [(n_out, "softmax", 0.0, False)], "cross_entropy", dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    plan.W(theta, 0)[:] = np.eye(n_out)
    one_hot = np.eye(n_out, dtype=dtype)
    np.testing.assert_array_equal(cases.forward_of(backend, plan, theta, 1e4 * one_hot), one_hot)


@pytest.mark.parametrize("n_out", [2, 3, 5, 9, 17])
@pytest.mark.parametrize("shift", [-1000.0, 1000.0])
def test_softmax_does_not_depend_on_a_shift_of_all_logits(backend, dtype, n_out, shift):
    plan = Plan.build(1, [(n_out, "softmax", 0.0, True)], "cross_entropy", dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    logits = np.arange(n_out) / 4
    plan.b(theta, 0)[:] = logits + shift
    found = cases.forward_of(backend, plan, theta, np.zeros((1, 1), dtype))
    truth = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(found[0], truth, rtol=20 * eps(dtype))


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("output", ["identity", "sigmoid"])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_nan_in_one_output_is_nan_in_loss_and_delta(backend, dtype, loss, output, y):
    plan = Plan.build(1, [(3, output, 0.0, True)], loss, dtype)
    theta, work = aligned_zeros(plan.n_theta, dtype), Work(plan, 1)
    plan.b(theta, 0)[:] = [0.25, np.nan, 0.5]
    X, Y = np.zeros((1, 1), dtype), np.full((1, 3), y, dtype)
    grad = aligned_zeros(plan.n_theta, dtype)
    assert math.isnan(backend.loss_gradient(plan, theta, X, Y, grad, work))
    assert math.isnan(plan.b(grad, 0)[1])
    assert np.isfinite(plan.b(grad, 0)[[0, 2]]).all()


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("total", [math.inf, math.nan])
def test_training_does_not_start_from_a_total_that_is_not_finite(backend, dtype, batch_size, total):
    plan, theta = unit("identity", dtype)
    before, state = theta.copy(), aligned_zeros((0, plan.n_theta), dtype)
    X, Y = np.ones((6, 1), dtype), np.zeros((6, 1), dtype)
    found = backend.train_epoch(
        plan, theta, state, SGD(0.1).rule(), X, Y, None, 0, 6, batch_size, Work(plan, 3), total
    )
    assert not math.isfinite(found)
    np.testing.assert_array_equal(theta, before)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_training_stops_at_the_batch_whose_loss_is_not_finite(backend, dtype, batch_size):
    plan, theta = unit("identity", dtype, n_units=2)
    X, Y = np.ones((6, 1), dtype), np.zeros((6, 2), dtype)
    Y[2, 0] = np.inf  # unit 0 becomes infinite; unit 1 tells which samples were learned
    found = []
    for stop in (3, 6):
        after = aligned_zeros(plan.n_theta, dtype)
        after[:] = theta
        state = aligned_zeros((0, plan.n_theta), dtype)
        total = backend.train_epoch(
            plan, after, state, SGD(0.25).rule(), X, Y, None, 0, stop, batch_size, Work(plan, 3)
        )
        assert total == math.inf
        found.append(float(plan.W(after, 0)[1, 0]))
    assert found[0] == found[1] == (0.75**3 if batch_size == 1 else 0.75)
