"""The gradient of every backend against central differences of its own loss, in float64."""

import numpy as np
import pytest

import cases
import exact
from deltaloop.kernels.interface import ACTIVATIONS
from deltaloop.kernels.memory import Work
from tolerances import CENTRAL_DIFFERENCE, STEP

KINK_DISTANCE = 0.01  # far more than STEP times any weight or activation of these networks
N_SAMPLES = 6


def far_from_kinks(activations, loss, biases=None):
    """The first random network none of whose weighted inputs lies where a slope jumps."""
    for seed in range(100):
        case = cases.case(
            seed, [4, 5, 3, 3], activations, loss, np.float64, N_SAMPLES, biases
        )  # fmt: skip
        if distance_to_kink(case) > KINK_DISTANCE:
            return case
    raise AssertionError("no network without kinks")


def distance_to_kink(case):
    nearest, a = np.inf, case.X
    for index, layer in enumerate(case.plan.layers):
        b = case.plan.b(case.theta, index)
        z = a @ case.plan.W(case.theta, index).T + (0 if b is None else b)
        name, alpha = ACTIVATIONS[layer["activation"]], layer["alpha"]
        if name in ("softmax", "log_softmax"):
            a = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
            continue
        for kink in exact.EXACT[name].kinks:
            nearest = min(nearest, np.abs(z - kink).min())
        a = exact.values(name, z, float(alpha))
    if case.plan.loss:  # limits of the logarithm, and its steep end
        nearest = min(nearest, np.abs(a).min() / 10, np.abs(1 - a).min() / 10)
    return nearest


def check(backend, case):
    plan, theta, X, Y = case
    found = cases.gradient_of(backend, *case)
    work = Work(plan, N_SAMPLES)

    def loss(moved):
        return backend.loss_gradient(plan, moved, X, Y, None, work)

    assert loss(theta) == found["loss"]
    generator = np.random.default_rng(1)
    moved = theta.copy()
    views = cases.blocks(plan, moved)
    starts = {name: view.copy() for name, view in views.items()}
    largest = max(np.abs(found[f"dC/d{name}"]).max() for name in views)

    def central_difference(direction):
        ends = []
        for sign in (1, -1):
            for name, view in views.items():
                view[:] = starts[name] + sign * STEP * direction.get(name, 0)
            ends.append(loss(moved))
        return (ends[0] - ends[1]) / (2 * STEP)

    def compare(direction):
        slope = sum((d * found[f"dC/d{name}"]).sum() for name, d in direction.items())
        difference = central_difference(direction)
        assert abs(difference - slope) <= CENTRAL_DIFFERENCE * max(1, largest, found["loss"])

    for _ in range(4):  # all parameters at once
        direction = {name: generator.normal(size=view.shape) for name, view in views.items()}
        norm = np.sqrt(sum((d * d).sum() for d in direction.values()))
        compare({name: d / norm for name, d in direction.items()})
    for name, view in views.items():  # and single ones
        for _ in range(2):
            direction = np.zeros(view.shape)
            direction.flat[generator.integers(view.size)] = 1
            compare({name: direction})


@pytest.mark.parametrize(("activation", "loss"), cases.PAIRS)
def test_gradient_matches_central_difference(backend, activation, loss):
    check(backend, far_from_kinks(["tanh", "sigmoid", activation], loss))


@pytest.mark.parametrize("hidden", cases.HIDDEN)
def test_gradient_through_hidden_layers_matches_central_difference(backend, hidden):
    check(backend, far_from_kinks([hidden, hidden, "identity"], "mse"))


@pytest.mark.parametrize("hidden", cases.HIDDEN)
def test_gradient_without_biases_matches_central_difference(backend, hidden):
    biases = [False, False, False]
    check(backend, far_from_kinks([hidden, hidden, "softmax"], "cross_entropy", biases))
