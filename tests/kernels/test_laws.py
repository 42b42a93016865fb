"""What holds for every backend, whatever it computes with: bits, buffers, threads, invariants."""

import threading
import time
import tracemalloc
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cases
from deltaloop import SGD
from deltaloop.kernels.memory import ALIGNMENT, PIECE, Work, aligned_zeros
from tolerances import assert_within, eps, expected_within

RULES = {name: optimizer.rule() for name, optimizer in cases.RULES.items()}
# sizes, activations, loss: widths on both sides of every padding, and no hidden layer at all
NETWORKS = [
    ([3, 2], ["identity"], "mse"),
    ([5, 7, 1], ["tanh", "sigmoid"], "binary_cross_entropy"),
    ([20, 33, 9, 4], ["relu", "sigmoid", "softmax"], "cross_entropy"),
    ([9, 4, 16, 30, 17], ["elu", "softplus", "leaky_relu", "tanh"], "mse"),
]
N_SAMPLES = 23


@pytest.fixture(params=NETWORKS, ids=lambda network: "-".join(map(str, network[0])))
def case(request, dtype):
    sizes, activations, loss = request.param
    biases = [True, False, True, True][: len(activations)]
    return cases.case(0, sizes, activations, loss, dtype, N_SAMPLES, biases)


@pytest.fixture(params=RULES)
def rule(request):
    return RULES[request.param]


def shuffled():
    return np.random.default_rng(7).permutation(N_SAMPLES)


# The same bits


@pytest.mark.parametrize("order", [None, shuffled()], ids=["in order", "shuffled"])
def test_epoch_equals_the_loop_of_its_steps(backend, case, rule, order):
    for n in (1, 2, 8, 10, N_SAMPLES):
        borders = [*range(0, N_SAMPLES, n), N_SAMPLES]
        whole = cases.trained(backend, case, rule, order, n)
        steps = cases.trained(backend, case, rule, order, n, slices=list(pairwise(borders)))
        # the losses are the same, their sum is not formed in the same order
        expected = pytest.approx(whole.pop("loss"), rel=N_SAMPLES * eps(np.float64))
        assert steps.pop("loss") == expected
        cases.assert_same_bits(steps, whole)


# what fills 1, 2, 3, 4, 8 and other numbers of vectors of every instruction set
@pytest.mark.parametrize("width", [1, 4, 8, 16, 24, 32, 48, 64, 80, 128, 200])
@pytest.mark.parametrize("n_in", [9, 16, 23])
def test_single_steps_of_every_width_compose_to_the_epoch(backend, dtype, n_in, width):
    case = cases.case(1, [n_in, width, 2], ["tanh", "identity"], "mse", dtype, 6)
    whole = cases.trained(backend, case, RULES["sgd"], None, 1)
    steps = cases.trained(backend, case, RULES["sgd"], None, 1, slices=list(pairwise(range(7))))
    assert steps.pop("loss") == pytest.approx(whole.pop("loss"), rel=6 * eps(np.float64))
    cases.assert_same_bits(steps, whole)


@given(data=st.data())
def test_slices_at_borders_of_batches_compose_to_the_epoch(backend, dtype, data):
    case = data.draw(cases.cases(dtype, max_depth=3, max_samples=60))
    rule = cases.gentle(SGD(0.01, momentum=0.5), case)
    n_samples = len(case.X)
    batch_size = data.draw(st.integers(1, 20))
    cuts = data.draw(st.sets(st.integers(1, 60).map(lambda k: k * batch_size)))
    borders = [0, *sorted(k for k in cuts if k < n_samples), n_samples]
    whole = cases.trained(backend, case, rule, None, batch_size)
    slices = cases.trained(backend, case, rule, None, batch_size, slices=list(pairwise(borders)))
    assert slices.pop("loss") == pytest.approx(whole.pop("loss"), rel=n_samples * eps(np.float64))
    cases.assert_same_bits(slices, whole)


@given(data=st.data())
def test_single_steps_compose_to_the_epoch_where_layers_are_tiny(backend, dtype, data):
    case = data.draw(cases.cases(dtype, widths=st.integers(1, 9), max_depth=4, max_samples=30))
    rule = cases.gentle(SGD(0.05), case)
    n_samples = len(case.X)
    whole = cases.trained(backend, case, rule, None, 1)
    steps = [(t, t + 1) for t in range(n_samples)]
    single = cases.trained(backend, case, rule, None, 1, slices=steps)
    assert single.pop("loss") == pytest.approx(whole.pop("loss"), rel=n_samples * eps(np.float64))
    cases.assert_same_bits(single, whole)


def test_slice_without_samples_does_nothing(backend, case, rule):
    before = cases.blocks(case.plan, case.theta)
    after = cases.trained(backend, case, rule, None, 4, slices=[(8, 8)])
    assert after["loss"] == 0
    cases.assert_same_bits({name: after[name] for name in before}, before)


def test_the_same_call_gives_the_same_bits(backend, case, rule):
    cases.assert_same_bits(cases.gradient_of(backend, *case), cases.gradient_of(backend, *case))
    first, second = (cases.trained(backend, case, rule, shuffled(), 5) for _ in range(2))
    cases.assert_same_bits(first, second)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("is_shuffled", [False, True])
def test_pieces_of_a_mini_batch_do_not_change_a_bit(backend, dtype, name, is_shuffled):
    rule = RULES[name]
    order = np.random.default_rng(1).permutation(1100) if is_shuffled else None
    sizes, activations = [100, 70, 130, 5], ["relu", "tanh", "softmax"]
    case = cases.case(8, sizes, activations, "cross_entropy", dtype, 1100)
    expected = cases.trained(backend, case, rule, order, 700)
    for room in (PIECE, PIECE + 100, 2 * PIECE):
        found = cases.trained(backend, case, rule, order, 700, work=Work(case.plan, room))
        cases.assert_same_bits(found, expected)


def at_offset(array, offset):
    """A copy that starts `offset` elements behind an aligned address."""
    room = aligned_zeros(array.size + offset, array.dtype)
    copy = room[offset:].reshape(array.shape)
    copy[:] = array
    return copy


@pytest.mark.parametrize("offset", [2, 15])
def test_alignment_of_the_samples_does_not_change_bits(backend, case, rule, offset):
    aligned, moved = (
        case._replace(X=at_offset(case.X, k), Y=at_offset(case.Y, k)) for k in (0, offset)
    )
    cases.assert_same_bits(cases.gradient_of(backend, *moved), cases.gradient_of(backend, *aligned))
    cases.assert_same_bits(
        {"s": cases.forward_of(backend, *moved[:3])}, {"s": cases.forward_of(backend, *aligned[:3])}
    )
    for batch_size in (1, 10):
        cases.assert_same_bits(
            cases.trained(backend, moved, rule, None, batch_size),
            cases.trained(backend, aligned, rule, None, batch_size),
        )


def test_what_was_in_work_before_does_not_matter(backend, case, rule):
    for batch_size in (1, 6):
        clean, dirty = Work(case.plan, batch_size), Work(case.plan, batch_size)
        dirty.buffer[:] = np.nan
        cases.assert_same_bits(
            cases.trained(backend, case, rule, shuffled(), batch_size, work=dirty),
            cases.trained(backend, case, rule, shuffled(), batch_size, work=clean),
        )


# Buffers

GUARD = 4096  # bytes
SENTINEL = 0xFF  # 0xFFFF... is a nan in float32 and float64: what is read there shows as well


class Guarded:
    """An aligned array between two zones of sentinel bytes."""

    def __init__(self, content):
        content = np.asarray(content)
        self._bytes = np.full(2 * GUARD + content.nbytes + ALIGNMENT, SENTINEL, np.uint8)
        self._start = GUARD + -(self._bytes.ctypes.data + GUARD) % ALIGNMENT
        self._stop = self._start + content.nbytes
        self.array = self._bytes[self._start : self._stop].view(content.dtype)
        self.array = self.array.reshape(content.shape)
        self.array[:] = content

    def assert_intact(self, name):
        for zone in (self._bytes[: self._start], self._bytes[self._stop :]):
            assert (zone == SENTINEL).all(), name


@pytest.mark.parametrize("room", [1, 8, N_SAMPLES])
def test_nothing_outside_the_buffers_is_written_or_used(backend, case, rule, room):
    plan, theta = case.plan, case.theta
    work = Work(plan, room)
    state = np.zeros((rule.n_slots, plan.n_theta), plan.dtype)
    guarded = {
        "theta": Guarded(theta),
        "state": Guarded(state),
        "grad": Guarded(theta),
        "out": Guarded(case.Y),
        "X": Guarded(case.X),
        "Y": Guarded(case.Y),
        "order": Guarded(shuffled()),
        "work": Guarded(work.buffer),
    }
    arrays = {name: one.array for name, one in guarded.items()}
    work.buffer = arrays["work"]
    X, Y, grad = (arrays[name] for name in ("X", "Y", "grad"))

    backend.forward(plan, arrays["theta"], X, arrays["out"], work)
    expected = cases.forward_of(backend, *case[:3], room)
    cases.assert_same_bits({"s": arrays["out"]}, {"s": expected})

    loss = backend.loss_gradient(plan, arrays["theta"], X, Y, grad, work)
    expected = cases.gradient_of(backend, *case, room)
    assert loss == expected["loss"]
    found = cases.blocks(plan, grad, "dC/d")
    cases.assert_same_bits(found, {name: expected[name] for name in found})

    backend.train_epoch(
        plan, arrays["theta"], arrays["state"], rule, X, Y, arrays["order"], 0, N_SAMPLES, room,
        work,
    )  # fmt: skip
    expected = cases.trained(backend, case, rule, shuffled(), room)
    found = cases.blocks(plan, arrays["theta"])
    cases.assert_same_bits(found, {name: expected[name] for name in found})

    for name, one in guarded.items():
        one.assert_intact(name)
    cases.assert_same_bits({"X": X, "Y": Y}, {"X": case.X, "Y": case.Y})


def test_inputs_may_be_read_only(backend, case, rule):
    X, Y, order = case.X.copy(), case.Y.copy(), shuffled()
    for array in (X, Y, order):
        array.flags.writeable = False
    read_only = case._replace(X=X, Y=Y)
    cases.assert_same_bits(
        cases.trained(backend, read_only, rule, order, 5),
        cases.trained(backend, case, rule, order, 5),
    )
    theta = at_offset(case.theta, 0)
    theta.flags.writeable = False  # forward and loss_gradient only read the parameters
    read_only = read_only._replace(theta=theta)
    cases.assert_same_bits(
        cases.gradient_of(backend, *read_only), cases.gradient_of(backend, *case)
    )
    cases.forward_of(backend, *read_only[:3])


@pytest.mark.parametrize("batch_size", [1, 5])
def test_parameters_that_are_read_only_are_not_trained(backend, batch_size):
    case = cases.case(3, [9, 12, 2], ["tanh", "identity"], "mse", np.dtype("float64"), 10)
    before = case.theta.copy()
    case.theta.flags.writeable = False
    with pytest.raises((ValueError, BufferError, TypeError)):
        backend.train_epoch(
            case.plan, case.theta, aligned_zeros((0, case.plan.n_theta), case.theta.dtype),
            cases.RULES["sgd"].rule(), case.X, case.Y, None, 0, 10, batch_size,
            Work(case.plan, batch_size),
        )  # fmt: skip
    assert (case.theta == before).all()


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_padding_stays_zero(backend, case, rule, batch_size):
    after = cases.trained(backend, case, rule, shuffled(), batch_size)
    assert not after["padding"].any()
    if rule.n_slots:
        assert not any(after[name].any() for name in after if name.endswith("padding"))
    assert not cases.gradient_of(backend, *case)["padding"].any()


def test_loss_alone_is_that_with_the_gradient(backend, case):
    for room in (1, 8, N_SAMPLES):
        work = Work(case.plan, room)
        alone = backend.loss_gradient(*case, None, work)
        assert alone == cases.gradient_of(backend, *case, room)["loss"]
        assert isinstance(alone, float)


def test_memory_does_not_grow_with_the_samples(compiled, dtype):
    peaks = []
    for n_samples in (10, 5000):
        plan, theta, X, Y = cases.case(1, [4, 20, 3], ["tanh", "identity"], "mse", dtype, n_samples)
        state = np.zeros((1, plan.n_theta), dtype)
        grad, out, work = np.zeros_like(theta), np.zeros_like(Y), Work(plan, 8)
        rule = RULES["momentum"]
        tracemalloc.start()
        compiled.forward(plan, theta, X, out, work)
        compiled.loss_gradient(plan, theta, X, Y, grad, work)
        compiled.train_epoch(plan, theta, state, rule, X, Y, None, 0, n_samples, 8, work)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 4096


# Threads


def ticks_while(call):
    """How often this thread gets to run while another one is inside `call`."""
    about_to_call = threading.Event()

    def work():
        about_to_call.set()
        call()

    thread = threading.Thread(target=work)
    thread.start()
    about_to_call.wait()
    ticks = 0
    while thread.is_alive():
        time.sleep(0.001)
        ticks += 1
    thread.join()
    return ticks


def test_other_threads_run_during_an_epoch(backend, dtype):
    # held back, this thread would tick two or three times, however long the epoch is
    sizes, activations = [4, 32, 32, 1], ["tanh", "tanh", "identity"]
    n_samples, ticks = 10_000, 0
    while ticks < 20 and n_samples < 3_000_000:
        n_samples *= 2
        long = cases.case(2, sizes, activations, "mse", dtype, n_samples)
        ticks = ticks_while(partial(cases.trained, backend, long, RULES["sgd"], None, 32))
    assert ticks >= 20


def test_two_trainings_at_once_do_not_disturb_each_other(backend, dtype):
    jobs = [cases.case(k, *NETWORKS[2], dtype, 400) for k in range(2)]
    alone = [cases.trained(backend, job, RULES["momentum"], None, 4) for job in jobs]
    together = [None, None]

    def train(k):
        together[k] = cases.trained(backend, jobs[k], RULES["momentum"], None, 4)

    threads = [threading.Thread(target=train, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(2):
        cases.assert_same_bits(together[k], alone[k])


# Mathematics


@pytest.mark.parametrize("layer", [0, 1])
def test_order_of_hidden_units_does_not_matter(backend, dtype, layer):
    case = cases.case(3, [6, 11, 20, 3], ["tanh", "sigmoid", "softmax"], "cross_entropy", dtype, 9)
    plan = case.plan
    moved = at_offset(case.theta, 0)
    order = np.random.default_rng(4).permutation(int(plan.layers[layer]["n_out"]))
    for view in (plan.W(moved, layer), plan.b(moved, layer), plan.W(moved, layer + 1).T):
        view[:] = view[order]
    expected, tolerance = expected_within(
        lambda theta, X, Y: {"s": cases.forward_of(backend, plan, theta, X)}, *case[1:], 21
    )
    assert_within({"s": cases.forward_of(backend, plan, moved, case.X)}, expected, tolerance)


def test_sample_given_twice_weighs_twice(backend, case):
    def weighted(theta, X, Y):
        one, two = (
            cases.gradient_of(backend, case.plan, theta, X[k : k + 1], Y[k : k + 1]) for k in (0, 1)
        )
        names = ["loss", *cases.blocks(case.plan, theta, "dC/d")]
        return {name: (2 * one[name] + two[name]) / 3 for name in names}

    expected, tolerance = expected_within(
        weighted, case.theta, case.X[:2], case.Y[:2], cases.longest_sum(case.plan, 3)
    )
    twice = [0, 1, 0]
    found = cases.gradient_of(backend, case.plan, case.theta, case.X[twice], case.Y[twice])
    assert_within({name: found[name] for name in expected}, expected, tolerance)


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
def test_linear_network_converges_to_least_squares(backend, dtype, name):
    plan, theta, X, Y = cases.case(5, [4, 2], ["identity"], "mse", dtype, 40)
    rule, work = replace(cases.RULES[name], learning_rate=0.05).rule(), Work(plan, 40)
    state = aligned_zeros((rule.n_slots, plan.n_theta), dtype)
    for _ in range(2000):
        backend.train_epoch(plan, theta, state, rule, X, Y, None, 0, 40, 40, work)
    A = np.column_stack([X, np.ones(40)]).astype(np.float64)
    solution = np.linalg.lstsq(A, Y.astype(np.float64), rcond=None)[0].T
    found = np.column_stack([plan.W(theta, 0), plan.b(theta, 0)])
    # a step below eps/2 of a weight does nothing: learning_rate lambda |w - w*| < eps/2 |w|,
    # lambda being the smallest eigenvalue of the mean of x x^T
    smallest = np.linalg.eigvalsh(A.T @ A / 40)[0]
    stuck = eps(dtype) / (rule.hyper[0] * smallest) * np.abs(solution).max()
    np.testing.assert_allclose(found, solution, rtol=0, atol=2 * stuck)
