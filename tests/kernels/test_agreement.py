"""Every compiled backend and level against the reference: every parameter, never the loss alone."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cases
from deltaloop import SGD
from deltaloop.kernels import functions, reference
from deltaloop.kernels.interface import Plan
from deltaloop.kernels.memory import Work, aligned_zeros
from tolerances import are_useful, assert_within, expected_within

# steps small enough that rounding errors do not grow along the way
RULES = list(cases.RULES.values())
BATCHES = st.sampled_from([1, 2, 3, 4, 6, 8, 16, 17]) | st.integers(1, 70)
# sizes, samples, samples that work has room for
FUSED, FLAT = (
    [name for name in cases.RULES if functions.RULES[name].is_fused is fused]
    for fused in (True, False)
)
JOBS = [
    ([2, 4, 1], 4, 4),
    ([784, 30, 10], 23, 10),
    ([784, 128, 10], 128, 128),
    ([10, 64, 64, 1], 100, 32),
    ([10, 46, 46, 10], 128, 128),
    ([1, 300, 1], 5, 2),
    ([300, 1, 300], 5, 5),
]


def expected_gradient(case, room):
    """What the reference gives, and how far a backend may be from it."""
    return expected_within(
        lambda *shaken: cases.gradient_of(reference, case.plan, *shaken, room),
        *case[1:],
        cases.longest_sum(case.plan, len(case.X)),
    )


def expected_epoch(case, rule, order, batch_size):
    """The same after an epoch of training."""
    n_steps = -(-len(case.X) // batch_size)
    return expected_within(
        lambda *shaken: cases.trained(
            reference, cases.Case(case.plan, *shaken), rule, order, batch_size
        ),
        *case[1:],
        cases.longest_sum(case.plan, batch_size) + n_steps,
    )


def framed(case):
    """The same samples as rows of larger arrays that are nan elsewhere."""
    generator = np.random.default_rng(0)
    return case._replace(X=cases.inside(case.X, generator), Y=cases.inside(case.Y, generator))


def check_gradient(backends, case, room):
    expected, tolerance = expected_gradient(case, room)
    for backend in backends:
        assert_within(cases.gradient_of(backend, *case, room), expected, tolerance)
    return are_useful(expected, tolerance)


@pytest.mark.parametrize(("activation", "loss"), cases.PAIRS)
@pytest.mark.parametrize("room", [1, 8, 37])
def test_gradient_of_every_pair_agrees(every_compiled, dtype, activation, loss, room):
    sizes, hidden = [7, 5, 18, 33, 6], ["tanh", "elu", "sigmoid"]
    case = cases.case(3, sizes, [*hidden, activation], loss, dtype, 37)
    assert check_gradient(every_compiled, case, room)


@pytest.mark.parametrize("hidden", cases.HIDDEN)
@pytest.mark.parametrize("width", [1, 4, 7, 16, 50])
def test_gradient_through_every_hidden_activation_agrees(every_compiled, dtype, hidden, width):
    case = cases.case(4, [5, width, width, 3], [hidden, hidden, "identity"], "mse", dtype, 20)
    assert check_gradient(every_compiled, case, 20)


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
@pytest.mark.parametrize("activation", cases.UNBOUNDED)
@pytest.mark.parametrize("room", [1, 40])
def test_limits_of_the_logarithm_agree(every_compiled, dtype, activation, loss, room):
    assert check_gradient(every_compiled, cases.across_limits(activation, loss, dtype), room)


@pytest.mark.parametrize(("sizes", "n_samples", "room"), JOBS)
@pytest.mark.parametrize("hidden", ["sigmoid", "relu"])
def test_gradient_of_usual_jobs_agrees(every_compiled, dtype, sizes, n_samples, room, hidden):
    activations = [hidden] * (len(sizes) - 2) + ["identity"]
    case = cases.case(6, sizes, activations, "mse", dtype, n_samples)
    assert check_gradient(every_compiled, case, room)


@given(data=st.data())
def test_gradient_of_any_network_agrees(every_compiled, dtype, data):
    case = data.draw(cases.cases(dtype))
    room = data.draw(st.just(len(case.X)) | BATCHES)
    assume(check_gradient(every_compiled, case, room))


@given(data=st.data())
def test_outputs_of_any_network_agree(every_compiled, dtype, data):
    case = data.draw(cases.cases(dtype))
    room = data.draw(st.just(len(case.X)) | BATCHES)
    expected, tolerance = expected_within(
        lambda theta, X, Y: {"s": cases.forward_of(reference, case.plan, theta, X)},
        *case[1:],
        cases.longest_sum(case.plan, 1),
    )
    for backend in every_compiled:
        assert_within({"s": cases.forward_of(backend, *case[:3], room)}, expected, tolerance)
    assume(are_useful(expected, tolerance))


def rules_of_pair(activation, loss, batch_size):
    """Every rule with one pair, and every pair with a rule of either kind, in turn."""
    if (activation, loss) == ("identity", "mse"):
        return cases.RULES
    number = cases.PAIRS.index((activation, loss))
    names = FUSED if (number + batch_size) % 4 < 2 else [name for name in FLAT if name != "rprop"]
    return [names[number % len(names)]]


@pytest.mark.parametrize(("activation", "loss"), cases.PAIRS)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_epoch_of_every_pair_agrees(every_compiled, dtype, activation, loss, batch_size):
    case = cases.case(5, [6, 9, 20, 4], ["sigmoid", "tanh", activation], loss, dtype, 24)
    for name in rules_of_pair(activation, loss, batch_size):
        rule = cases.gentle(cases.RULES[name], case)
        expected, tolerance = expected_epoch(case, rule, None, batch_size)
        if name == "rprop" and not are_useful(expected, tolerance):
            continue  # of some gradients near 0, rounding decides the sign
        assert are_useful(expected, tolerance)
        for backend in every_compiled:
            actual = cases.trained(backend, case, rule, None, batch_size)
            assert_within(actual, expected, tolerance)


def test_pairs_meet_rules_of_either_kind():
    met = {name for pair in cases.PAIRS for n in (1, 7) for name in rules_of_pair(*pair, n)}
    assert met == cases.RULES.keys()
    for pair in cases.PAIRS:
        names = {name for n in (1, 7) for name in rules_of_pair(*pair, n)}
        assert names & set(FUSED) and names & set(FLAT)


@pytest.mark.parametrize(("sizes", "n_samples", "room"), JOBS)
def test_epoch_of_usual_jobs_agrees(every_compiled, dtype, sizes, n_samples, room):
    activations = ["tanh"] * (len(sizes) - 2) + ["sigmoid"]
    case = cases.case(7, sizes, activations, "binary_cross_entropy", dtype, n_samples)
    order = np.arange(n_samples)[::-1].copy()
    # what is special of a size is special of its products, not of what a rule does with them
    names = cases.RULES if len(case.theta) < 10_000 else ["sgd", "adam", "rmsprop"]
    for rule in (cases.RULES[name] for name in names):
        expected, tolerance = expected_epoch(case, rule.rule(), order, room)
        if rule == cases.RULES["rprop"] and not are_useful(expected, tolerance):
            continue  # of many gradients, some are so near 0 that rounding decides their sign
        assert are_useful(expected, tolerance)
        for backend in every_compiled:
            actual = cases.trained(backend, case, rule.rule(), order, room)
            assert_within(actual, expected, tolerance)


@pytest.mark.parametrize("rule", RULES, ids=cases.RULES)
@settings(max_examples=10)  # each is nine trainings of the reference
@given(data=st.data())
def test_any_epoch_agrees(every_compiled, dtype, rule, data):
    case = data.draw(cases.cases(dtype, max_samples=90))
    rule, n_samples = cases.gentle(rule, case), len(case.X)
    batch_size = data.draw(BATCHES)
    order = None
    if data.draw(st.booleans()):
        order = np.random.default_rng(n_samples).permutation(n_samples)
    cuts = data.draw(st.sets(st.integers(1, n_samples).map(lambda k: k * batch_size)))
    borders = [0, *sorted(k for k in cuts if k < n_samples), n_samples]
    work = Work(case.plan, batch_size + data.draw(st.sampled_from([0, 0, 5])))
    expected, tolerance = expected_epoch(case, rule, order, batch_size)
    assume(are_useful(expected, tolerance))
    for backend in every_compiled:
        actual = cases.trained(
            backend, framed(case), rule, order, batch_size, list(pairwise(borders)), work
        )
        assert_within(actual, expected, tolerance)


@given(data=st.data())
def test_rows_may_lie_inside_larger_arrays(compiled, dtype, data):
    case = data.draw(cases.cases(dtype, max_depth=2, max_samples=40))
    room = data.draw(BATCHES)
    inner = framed(case)
    assert_same(cases.gradient_of(compiled, *inner, room), cases.gradient_of(compiled, *case, room))
    assert_same(
        {"s": cases.forward_of(compiled, *inner[:3], room)},
        {"s": cases.forward_of(compiled, *case[:3], room)},
    )


def assert_same(actual, expected):
    assert actual.keys() == expected.keys()
    for k, v in expected.items():
        np.testing.assert_array_equal(actual[k], v, k)


# Whole numbers leave no room for rounding: here every order of summation gives the same bits,
# and a wrong index cannot hide in a tolerance.


def whole_numbers(seed, sizes, activations, dtype, n_samples):
    """A network whose gradient, and one step of it, are exact in float32."""
    generator = np.random.default_rng(seed)
    units = [
        (n_out, name, 0.5, index % 2 == 0)
        for index, (n_out, name) in enumerate(zip(sizes[1:], activations, strict=True))
    ]
    plan = Plan.build(sizes[0], units, "mse", dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    for view in cases.blocks(plan, theta).values():
        view[:] = generator.integers(-1, 2, view.shape)
        view *= generator.random(view.shape) < 3 / view.shape[-1]  # small sums
    X = generator.integers(-1, 3, (n_samples, sizes[0])).astype(dtype)
    Y = generator.integers(-1, 2, (n_samples, sizes[-1])).astype(dtype)
    return cases.Case(plan, theta, X, Y)


SHAPES = [
    [1, 1], [3, 5], [9, 17, 4], [17, 9, 33, 3], [64, 70, 31], [5, 1, 8, 48], [200, 40, 100, 12],
]  # fmt: skip


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
@pytest.mark.parametrize("n_samples", [1, 4, 16, 64])
@pytest.mark.parametrize("hidden", ["identity", "relu", "leaky_relu"])
def test_gradient_and_step_are_exact_for_whole_numbers(compiled, dtype, sizes, n_samples, hidden):
    activations = [hidden] * (len(sizes) - 2) + ["identity"]
    case = whole_numbers(8, sizes, activations, dtype, n_samples)
    found = cases.gradient_of(compiled, *case)
    expected = cases.gradient_of(reference, *case)
    assert found.pop("loss") == pytest.approx(expected.pop("loss"))
    assert_same(found, expected)
    rule = SGD(2.0**-6).rule()
    found = cases.trained(compiled, case, rule, None, n_samples)
    expected = cases.trained(reference, case, rule, None, n_samples)
    assert found.pop("loss") == pytest.approx(expected.pop("loss"))
    assert_same(found, expected)


@pytest.mark.parametrize("sizes", [shape for shape in SHAPES if len(shape) < 4], ids=str)
@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_two_steps_are_exact_for_whole_numbers(compiled, dtype, sizes, batch_size):
    activations = ["relu"] * (len(sizes) - 2) + ["identity"]
    case = whole_numbers(9, sizes, activations, dtype, 2 * batch_size)
    for rule in SGD(2.0**-3), SGD(2.0**-3, momentum=0.5):
        found = cases.trained(compiled, case, rule.rule(), None, batch_size)
        expected = cases.trained(reference, case, rule.rule(), None, batch_size)
        assert found.pop("loss") == pytest.approx(expected.pop("loss"))
        assert_same(found, expected)
