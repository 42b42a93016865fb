"""The NumPy reference against scalar Python written from the equations."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cases
import oracle
from deltaloop.kernels import reference
from tolerances import are_useful, assert_within, cancels, eps, expected_within

SMALL = st.integers(1, 5)
RULES = cases.RULES


def oracle_gradient(case, theta, X, Y):
    """What `cases.gradient_of` gives, from the oracle."""
    plan = case.plan
    layers = cases.oracle_layers(plan, theta)
    loss = cases.oracle_loss(plan)
    X, Y, limit = X.tolist(), Y.tolist(), eps(plan.dtype)
    mean, grads = oracle.gradient(layers, loss, X, Y, limit)
    passes = [oracle.backpropagate(layers, loss, x, y, limit) for x, y in zip(X, Y, strict=True)]
    found = {"loss": mean, "padding": np.zeros(len(cases.padding(plan, theta)))}
    found[f"z{len(layers) + 1}"] = np.array([p.z[-1] for p in passes])
    for index, (dW, db) in enumerate(grads):
        found[f"dC/dW{index + 1}"] = np.array(dW)
        if db is not None:
            found[f"dC/db{index + 1}"] = np.array(db)
        found[f"a{index + 2}"] = np.array([p.a[index] for p in passes])
        found[f"delta{index + 2}"] = np.array([p.delta[index] for p in passes])
    return found


def oracle_epoch(case, name, order, batch_size, theta, X, Y):
    """What `cases.trained` gives, from the oracle."""
    plan, rule = case.plan, cases.gentle(RULES[name], case)
    layers, slots, total = oracle.epoch(
        cases.oracle_layers(plan, theta), cases.oracle_loss(plan), name, rule.hyper,
        rule.n_slots, X.tolist(), Y.tolist(), list(order), batch_size, eps(plan.dtype),
    )  # fmt: skip
    no_padding = np.zeros(len(cases.padding(plan, theta)))
    found = {"loss": total, "padding": no_padding}
    kept = [(f"v{k} ", values) for k, values in enumerate(slots)]
    found |= {f"{prefix}padding": no_padding for prefix, _ in kept}
    for prefix, values in [("", [layer[:2] for layer in layers]), *kept]:
        for index, (W, b) in enumerate(values):
            found[f"{prefix}W{index + 1}"] = np.array(W)
            if b is not None:
                found[f"{prefix}b{index + 1}"] = np.array(b)
    return found


def check_gradient(case):
    expected, tolerance = expected_within(
        lambda *shaken: oracle_gradient(case, *shaken),
        *case[1:], cases.longest_sum(case.plan, len(case.X)),
    )  # fmt: skip
    assert_within(cases.gradient_of(reference, *case), expected, tolerance)
    return are_useful(expected, tolerance)


# every pair with a few of the hidden activations, and these with many pairs
@pytest.mark.parametrize(
    ("hidden", "activation", "loss"),
    [(hidden, *cases.PAIRS[(7 * k + n) % len(cases.PAIRS)])
     for k, hidden in enumerate(cases.HIDDEN) for n in range(7)],
)  # fmt: skip
def test_gradient_is_that_of_the_equations(activation, loss, hidden, dtype):
    case = cases.case(1, [4, 3, 5, 3], [hidden, hidden, activation], loss, dtype, 6)
    assert check_gradient(case)


@pytest.mark.parametrize("bias", [True, False])
def test_gradient_of_a_wide_network_is_that_of_the_equations(dtype, bias):
    activations = ["tanh", "elu", "softmax"]
    assert check_gradient(
        cases.case(4, [20, 17, 33, 9], activations, "cross_entropy", dtype, 3, [bias] * 3)
    )


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
@pytest.mark.parametrize("activation", cases.UNBOUNDED)
def test_limits_of_the_logarithm_are_those_of_the_equations(activation, loss, dtype):
    case = cases.across_limits(activation, loss, dtype)
    a = cases.forward_of(reference, *case[:3])
    outside = (a <= eps(dtype)) | (a >= 1 - eps(dtype))
    assert 10 < np.count_nonzero(outside) < 110
    assert check_gradient(case)


@given(st.data())
def test_gradient_of_any_network_is_that_of_the_equations(dtype, data):
    case = data.draw(cases.cases(dtype, widths=SMALL, max_depth=4, max_samples=6))
    assume(check_gradient(case))


@given(st.data())
def test_outputs_of_any_network_are_those_of_the_equations(dtype, data):
    case = data.draw(cases.cases(dtype, widths=SMALL, max_depth=4, max_samples=6))
    expected, tolerance = expected_within(
        lambda theta, X, Y: {
            "s": [oracle.forward(cases.oracle_layers(case.plan, theta), x)[1][-1]
                  for x in X.tolist()]
        },
        *case[1:], cases.longest_sum(case.plan, 1),
    )  # fmt: skip
    actual = {"s": cases.forward_of(reference, case.plan, case.theta, case.X)}
    assert_within(actual, expected, tolerance)


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=15)  # each is nine trainings of the oracle
@given(data=st.data())
def test_parameters_after_an_epoch_are_those_of_the_equations(name, dtype, data):
    case = data.draw(cases.cases(dtype, widths=SMALL, max_depth=3, max_samples=7))
    n_samples = len(case.X)
    batch_size = data.draw(st.integers(1, n_samples))
    order = data.draw(st.none() | st.permutations(range(n_samples)))
    expected, tolerance = expected_within(
        lambda *shaken: oracle_epoch(
            case, name, order or range(n_samples), batch_size, *shaken
        ),
        *case[1:],
        cases.longest_sum(case.plan, batch_size) + n_samples // batch_size,
        terms_cancel=True,
    )  # fmt: skip
    assume(are_useful(expected, tolerance) and not cancels(expected))
    order = None if order is None else np.array(order, np.intp)
    actual = cases.trained(reference, case, cases.gentle(RULES[name], case), order, batch_size)
    assert_within(actual, expected, tolerance)


@pytest.mark.parametrize("name", RULES)
def test_velocity_is_carried_from_step_to_step(name):
    case = cases.case(2, [3, 4, 2], ["tanh", "identity"], "mse", np.float64, 12)
    expected = oracle_epoch(case, name, range(12), 2, *case[1:])
    actual = cases.trained(reference, case, cases.gentle(RULES[name], case), None, 2)
    for key, value in expected.items():
        np.testing.assert_allclose(actual[key], value, rtol=0, atol=1e-13)


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_general_product_gives_the_canonical_delta(loss):
    activation = {"binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}[loss]
    z, y = [0.5, -1.0, 2.0], [0.2, 0.3, 0.5]
    a = oracle.activate(activation, z, 0.0)
    arguments = activation, 0.0, loss, z, a, y, eps(np.float64)
    special, delta = oracle.loss_and_delta(*arguments)
    general, product = oracle.general_loss_and_delta(*arguments)
    assert special == pytest.approx(general, rel=1e-14)
    assert delta == pytest.approx(product, rel=1e-13)


@pytest.mark.parametrize("hidden", cases.HIDDEN)
def test_slopes_of_the_oracle_are_derivatives_of_its_activations(hidden):
    h = 1e-6
    for z in (-2.0, -0.3, 0.4, 1.5):
        up, down = (oracle.activate(hidden, [z + d], 0.3)[0] for d in (h, -h))
        slope = oracle.jacobian(hidden, [z], oracle.activate(hidden, [z], 0.3), 0.3)[0][0]
        assert slope == pytest.approx((up - down) / (2 * h), abs=1e-9)


def test_slope_of_mish_is_0_far_below(dtype):
    z = np.array([-np.inf, -float(np.finfo(dtype).max), -1e5], dtype)
    np.testing.assert_array_equal(reference._mish_slope(z), 0)
