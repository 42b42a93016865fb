"""The contract: where a Plan puts everything, and that every backend offers the same doors."""

import inspect
import platform
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cases
import deltaloop as dl
import exact
from deltaloop import kernels
from deltaloop.kernels import interface, memory, reference
from deltaloop.kernels.interface import ACTIVATIONS, Plan, padded_width
from deltaloop.kernels.memory import ALIGNMENT, BLOCK, Work, aligned_zeros
from deltaloop.kernels.session import Session
from deltaloop.kernels.sparse_rows import SparseRows

SHAPES = st.tuples(
    st.integers(1, 80), st.lists(st.tuples(st.integers(1, 80), st.booleans()), min_size=1)
)
FUNCTIONS = (
    "describe", "forward", "loss_gradient", "train_epoch", "sparse_rows", "session"
)  # fmt: skip


def build(shape, dtype=np.float64):
    n_in, layers = shape
    return Plan.build(n_in, [(n_out, "tanh", 0.0, bias) for n_out, bias in layers], "mse", dtype)


@pytest.mark.parametrize(
    ("n", "of_float32", "of_float64"),
    [
        (1, 4, 4), (4, 4, 4), (5, 8, 8), (8, 8, 8), (9, 16, 16), (16, 16, 16), (17, 32, 24),
        (32, 32, 32), (33, 48, 40), (100, 112, 104), (784, 784, 784),
    ],
)  # fmt: skip
def test_width_is_padded_to_4_8_or_whole_cache_lines(n, of_float32, of_float64):
    assert padded_width(n, np.float32) == of_float32
    assert padded_width(n, np.float64) == of_float64


@given(SHAPES)
def test_walk_over_the_parameters_ends_where_theta_ends(shape):
    plan = build(shape)
    end, n_in = 0, shape[0]
    for layer, (n_out, bias) in zip(plan.layers, shape[1], strict=True):
        assert (layer["n_in"], layer["n_out"], layer["width"]) == (
            n_in,
            n_out,
            padded_width(n_out, plan.dtype),
        )
        assert layer["W"] == end
        end += n_in * layer["width"]
        assert layer["b"] == (end if bias else -1)
        end += layer["width"] if bias else 0
        end += -end % BLOCK
        n_in = n_out
    assert plan.n_theta == end


@given(SHAPES, st.sampled_from(["float32", "float64"]))
def test_layers_start_at_cache_lines(shape, dtype):
    plan = build(shape, dtype)
    for name in ("W", "z", "a", "delta"):
        assert (plan.layers[name] * plan.dtype.itemsize % ALIGNMENT == 0).all()


@given(SHAPES)
def test_weights_and_biases_are_disjoint_views_of_theta(shape):
    plan = build(shape)
    theta = aligned_zeros(plan.n_theta, plan.dtype)
    n_in, n_parameters = shape[0], 0
    for index, (n_out, bias) in enumerate(shape[1]):
        W, b = plan.W(theta, index), plan.b(theta, index)
        assert W.shape == (n_out, n_in)
        assert np.shares_memory(W, theta)
        assert (b is not None) == bias
        W += 1
        if bias:
            assert b.shape == (n_out,)
            b += 1
        n_parameters += n_out * (n_in + bias)
        n_in = n_out
    assert theta.max() == 1
    assert theta.sum() == n_parameters


def test_weights_that_leave_one_input_lie_side_by_side():
    plan = build((3, [(5, True)]))
    theta = np.arange(plan.n_theta, dtype=np.float64)
    W = plan.W(theta, 0)
    assert W[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert W[:, 2].tolist() == [16, 17, 18, 19, 20]
    assert plan.b(theta, 0).tolist() == [24, 25, 26, 27, 28]


@given(SHAPES, st.integers(1, 40), st.data())
def test_rows_of_work_are_disjoint(shape, batch_size, data):
    plan = build(shape)
    work = Work(plan, batch_size)
    n_samples = data.draw(st.integers(1, batch_size))
    last = len(plan.layers) - 1
    kinds = [(kind, index) for kind in ("a", "delta") for index in range(last + 1)] + [("z", last)]
    for kind, index in kinds:
        rows = work.rows(kind, index, n_samples)
        assert rows.shape == (n_samples, plan.layers[index]["n_out"])
        assert np.shares_memory(rows, work.buffer)
        rows += 1
    assert work.buffer.max() == 1


@given(SHAPES, st.integers(1, 40))
def test_work_has_room_for_everything_it_promises(shape, batch_size):
    plan = build(shape)
    blocks = plan.layers["width"].sum() * 2 + plan.layers[-1]["width"]
    widest = max(*plan.layers["width"], *plan.layers["n_in"][1:], 0)
    gathered = batch_size * memory.round_up(shape[0])
    turned = 2 * widest * memory.round_up(batch_size)
    without = len(Work(plan, batch_size, gathers=False).buffer)
    assert without >= batch_size * blocks + turned
    assert len(Work(plan, batch_size).buffer) == without + gathered


@pytest.mark.parametrize("gathers", [False, True])
@pytest.mark.parametrize("batch_size", [1, 15, 16, 256, 300])
@pytest.mark.parametrize("sizes", [[3, 2], [700, 33, 5], [5, 300, 1]])
def test_places_of_work_follow_each_other_without_gaps(sizes, batch_size, gathers):
    plan = build((sizes[0], [(n, True) for n in sizes[1:]]))
    work = Work(plan, batch_size, 2, gathers)
    widest = max(*plan.layers["width"], *plan.layers["n_in"][1:], 0)
    has_parts = batch_size >= 16 and len(sizes) > 2
    has_groups = plan.n_theta * plan.dtype.itemsize <= memory.MOST_GROUPED
    partial = plan.n_theta if batch_size >= memory.PIECE else 0
    lengths = {
        "turned": widest * memory.round_up(batch_size),
        "turned_prev": widest * memory.round_up(batch_size),
        "partial": partial,
        "groups": memory.GROUPS * partial if has_groups else 0,
        "parts": 2 * memory.CUT // plan.dtype.itemsize if has_parts else 0,
        "gathered": batch_size * memory.round_up(sizes[0]) if gathers else 0,
        "listed": 2 * memory.round_up(batch_size) * memory.LISTED // plan.dtype.itemsize,
    }
    names = list(memory.WORK.names)
    names.remove("n_theta")
    assert names == ["batch_size", *lengths]
    assert work.places["n_theta"] == plan.n_theta
    end = batch_size * plan.n_work
    for name, length in lengths.items():
        assert work.places[name] == (end if length else -1), name
        end += length
    assert len(work.buffer) == end
    assert work.words.tolist() == [work.places[name].item() for name in memory.WORK.names]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=3), st.sampled_from(["f4", "f8"]))
def test_aligned_zeros_are_aligned_zeros(shape, dtype):
    array = aligned_zeros(tuple(shape), dtype)
    assert array.shape == tuple(shape)
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert not array.size or array.ctypes.data % ALIGNMENT == 0
    assert not array.any()


def test_plan_cannot_be_changed():
    plan = build((2, [(3, True)]))
    with pytest.raises(ValueError, match="read-only"):
        plan.layers[0]["n_in"] = 5


def test_plan_knows_layers_by_their_codes():
    units = [(2, "leaky_relu", 0.25, False), (3, "softmax", 0.0, True)]
    plan = Plan.build(4, units, "cross_entropy", "float32")
    assert [ACTIVATIONS[code] for code in plan.layers["activation"]] == ["leaky_relu", "softmax"]
    assert plan.layers["alpha"].tolist() == [0.25, 0.0]
    assert interface.LOSSES[plan.loss] == "cross_entropy"


def test_every_backend_has_the_same_functions(backend):
    assert isinstance(backend.NAME, str)
    for name in FUNCTIONS:
        expected = inspect.signature(getattr(reference, name)).parameters
        assert list(inspect.signature(getattr(backend, name)).parameters) == list(expected), name


def test_every_session_has_the_methods_of_the_first(backend):
    plan = build((3, [(4, True)]), np.float32)
    session = backend.session(plan, aligned_zeros(plan.n_theta, np.float32))
    for name, method in inspect.getmembers(Session, inspect.isfunction):
        if not name.startswith("_"):
            found = inspect.signature(getattr(session, name)).parameters
            assert list(found) == list(inspect.signature(method).parameters)[1:], name


def test_every_backend_describes_itself(backend):
    assert isinstance(backend.describe(), str)
    assert backend.describe()


@pytest.mark.parametrize("name", kernels.available())
def test_backends_load_by_name(name):
    module = kernels.load(name)
    assert name == module.NAME
    assert all(callable(getattr(module, function)) for function in FUNCTIONS)


def test_unknown_backend_is_refused():
    with pytest.raises(dl.InvalidInputError, match=r"unknown backend .* expected one of"):
        kernels.load("fortran")


@pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64",
    reason="only Linux on x86-64 tells its flags in /proc/cpuinfo",
)
def test_no_level_of_this_processor_is_missing():
    flags = set(Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split())
    needs = {
        2: {"sse4_2", "popcnt"},
        3: {"avx2", "fma", "bmi1", "bmi2"},
        4: {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    }
    expected = [level for level, needed in needs.items() if needed <= flags]
    assert list(kernels.load("cython").levels()) == expected


@pytest.mark.parametrize("activation", cases.HIDDEN)
def test_codes_of_activations_mean_the_same_everywhere(backend, activation):
    # f(1) and f(-1) tell all activations apart
    case = cases.case(0, [1, 1], [activation], "mse", np.float64, 1, [False])
    case.theta[0] = 1
    f = [cases.forward_of(backend, case.plan, case.theta, np.array([[z]])) for z in (1.0, -1.0)]
    expected = exact.values(activation, [1.0, -1.0], cases.ALPHA.get(activation, 0.0)).tolist()
    assert np.ravel(f).tolist() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", interface.RULES)
def test_only_rules_that_move_every_weight_at_once_gather_single_sparse_rows(name):
    """All others take the gradient of the values that are there; a wide row would be much room."""
    plan, rule = build((1000, [(3, True)])), cases.RULES[name].rule()
    X = SparseRows.from_dense(np.eye(20, 1000, dtype=plan.dtype))
    for batch_size in (1, 10):
        gathers = Work.for_batches(plan, X, rule, batch_size, 1).places["gathered"] > 0
        assert gathers == (name in ("momentum", "nesterov", "adam") and batch_size == 1)


@pytest.mark.parametrize("sizes", [[3, 2], [5, 9, 3], [40, 20, 3]], ids=str)
def test_what_is_left_of_other_samples_is_not_looked_at(backend, dtype, sizes):
    """Neither rows of a call before nor what lies behind theta tells whether all is finite."""
    plan, theta, X, Y = cases.case(3, sizes, ["tanh"] * (len(sizes) - 1), "mse", dtype, 8)
    work, out = Work(plan, 8), np.empty((8, sizes[-1]), dtype)
    for n in range(1, 8):
        spoiled = X.copy()
        spoiled[n:] = np.nan
        assert not backend.forward(plan, theta, spoiled, out, work)
        assert backend.forward(plan, theta, X[:n], out[:n], work)
    longer = aligned_zeros(plan.n_theta + 64, dtype)
    longer[: plan.n_theta], longer[plan.n_theta :] = theta, np.nan
    session = backend.session(plan, longer[: plan.n_theta])
    session.set_rule(cases.RULES["sgd"].rule())
    for x, y in zip(X, Y, strict=True):
        assert np.isfinite(session.learn_one(x, y))
