"""The gradient of every backend against central differences of its own loss, in float64."""

import numpy as np
import pytest

import cases
import deltaloop as dl
import exact
from deltaloop.kernels import functions
from deltaloop.kernels.interface import ACTIVATIONS, LOSSES
from deltaloop.kernels.memory import Work
from golden import jobs
from tolerances import CENTRAL_DIFFERENCE, STEP

KINK_DISTANCE = 0.01  # far more than STEP times any weight or activation of these networks
N_SAMPLES = 6
# (hidden, output, loss) of which PyTorch lacks one: tests/golden compares all others with its own
LACKING = sorted(
    {
        (job.hidden, job.output, job.loss)
        for job in jobs.product()
        if job.loss != jobs.GAUSSIAN  # no row, but heads: see below
        and not {job.hidden, job.output, job.loss} <= jobs.OWN.keys()
    }
)


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
    if LOSSES[case.plan.loss] in cases.LIMITED:  # limits of the logarithm, and its steep end
        nearest = min(nearest, np.abs(a).min() / 10, np.abs(1 - a).min() / 10)
    return min(nearest, np.abs(_from_kink_of_loss(case, a)).min())


def _from_kink_of_loss(case, a):
    loss = LOSSES[case.plan.loss]
    if loss in ("mae", "quantile"):
        return a - case.Y
    if loss == "huber":
        return np.abs(a - case.Y) - case.plan.loss_parameter
    return 1 - case.Y * a if loss in ("hinge", "squared_hinge") else np.inf


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


@pytest.mark.parametrize(("hidden", "output", "loss"), LACKING)
def test_gradient_of_what_pytorch_lacks_matches_central_difference(backend, hidden, output, loss):
    check(backend, far_from_kinks(["tanh", hidden, output], loss))


@pytest.mark.parametrize("hidden", sorted(set(cases.HIDDEN) - jobs.OWN.keys()))
def test_gradient_of_means_and_variances_matches_central_difference(backend, hidden):
    heads = {"y": dl.Head(2, loss=jobs.GAUSSIAN)}
    layers = [dl.Dense(5, "tanh"), dl.Dense(3, hidden), dl.Dense(heads=heads)]
    net = dl.Network(4, layers, dtype="float64", seed=1)
    net.use_backend(backend)
    generator = np.random.default_rng(2)
    X, Y = generator.normal(size=(N_SAMPLES, 4)), generator.normal(size=(N_SAMPLES, 2))
    found, start = net.plan.packed(net.gradient(X, Y)), net.parameters.copy()
    for _ in range(12):
        direction = generator.normal(size=len(start))
        direction /= np.linalg.norm(direction)
        ends = []
        for sign in (1, -1):
            net.parameters = start + sign * STEP * direction
            ends.append(net.loss(X, Y))
        difference = (ends[0] - ends[1]) / (2 * STEP)
        most = CENTRAL_DIFFERENCE * max(1, np.abs(found).max(), *ends)
        assert abs(difference - direction @ found) <= most


def test_every_function_is_that_of_pytorch_or_compared_with_differences():
    rows = [row.name for row in functions.ACTIVATIONS.values() if row.f is not None]
    for name in functions.ACTIVATIONS.keys() - jobs.OWN.keys():
        outputs = {loss for loss in functions.LOSSES if name in jobs.outputs_of(loss)}
        assert outputs == {loss for hidden, output, loss in LACKING
                           if (hidden, output) == ("tanh", name)}  # fmt: skip
        assert functions.LOSSES.keys() == {loss for hidden, _, loss in LACKING if hidden == name}
    for name in functions.LOSSES.keys() - jobs.OWN.keys():
        found = [triple for triple in LACKING if triple[2] == name]
        assert {hidden for hidden, output, _ in found} == set(rows)
        assert {output for hidden, output, _ in found} == set(jobs.outputs_of(name))
    tried = {(job.hidden, job.output, job.loss) for job in jobs.product()}
    assert {triple[2] for triple in tried} == {*functions.LOSSES, jobs.GAUSSIAN}
    tried = {triple for triple in tried if triple[2] in functions.LOSSES}
    assert all(set(triple) <= jobs.OWN.keys() or triple in LACKING for triple in tried)
