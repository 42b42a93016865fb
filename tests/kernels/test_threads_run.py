"""Several threads really compute: each is seen where it works, or by the room that it alone writes.

That their results are those of one thread (test_threads.py) would be just as true of one thread.
"""

import numpy as np
import pytest

import cases
from deltaloop.kernels.memory import CUT, LISTED, PIECE, Work
from deltaloop.kernels.sparse_rows import SparseRows
from watching import watched_case

RULES = {name: optimizer.rule() for name, optimizer in cases.RULES.items()}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(
    ("batch_size", "room", "n_threads", "expected"),
    [
        (48, 48, 1, 1),
        (48, 48, 2, 2),
        (48, 48, 3, 3),
        (50, 50, 3, 2),  # in shares of 32 and 18
        (16, 16, 3, 1),  # one share is all there is
        (200, 200, 8, 7),
        (2 * PIECE, 2 * PIECE, 4, 4),
    ],
)
def test_training(
    threaded, dtype, rule, sparse, shuffled, batch_size, room, n_threads, expected
):  # fmt: skip
    n_samples = batch_size + 7  # the last mini-batch is for one thread
    watched, plan, theta, X, Y = watched_case(dtype, n_samples)
    X = SparseRows.from_dense(X) if sparse else X
    order = np.random.default_rng(1).permutation(n_samples) if shuffled else None
    case = cases.Case(plan, theta, X, Y)
    if sparse and room < batch_size:
        room = batch_size  # lists do not go through in pieces
    work = Work(plan, room, n_threads)
    cases.trained(threaded, case, RULES[rule], order, batch_size, work=work)
    assert sum(watched.calls.values()) == n_samples
    watched.assert_shared(expected)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("n_samples", "room", "n_threads", "expected"),
    [(100, 128, 1, 1), (100, 128, 2, 2), (65, 64, 2, 2), (1000, 320, 5, 5), (30, 64, 2, 1),
     (7, 3, 8, 3)],
)  # fmt: skip
def test_prediction(threaded, dtype, sparse, n_samples, room, n_threads, expected):
    watched, plan, theta, X, _ = watched_case(dtype, n_samples)
    object.__setattr__(watched, "n_threads", expected)
    X = SparseRows.from_dense(X) if sparse else X
    out = np.empty((n_samples, 3), dtype)
    threaded.forward(plan, theta, X, out, Work(plan, room, n_threads))
    assert sum(watched.calls.values()) == n_samples
    watched.assert_shared(expected)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 4])
def test_every_thread_moves_rows_of_its_own(threaded, dtype, n_threads):
    """16 samples are for the first thread; the others write copies of parts of delta alone."""
    case = cases.case(3, [64 * n_threads, 600], ["identity"], "mse", dtype, 16)
    work = Work(case.plan, 16, n_threads)
    first, length = int(work.places[0]["parts"]), CUT // dtype.itemsize
    rooms = [work.buffer[first + k * length :][:length] for k in range(n_threads)]
    assert not np.any(rooms)
    cases.trained(threaded, case, RULES["sgd"], None, 16, work=work)
    assert all(room.any() for room in rooms)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_every_thread_keeps_lists_of_its_own(threaded, dtype, n_threads):
    """Of sparse rows, in the place for them: what is kept for other samples stays as it is."""
    case = cases.case(3, [90, 700], ["identity"], "mse", dtype, 4000)
    work = Work(case.plan, 32 * n_threads, n_threads)
    first, length = int(work.places[0]["listed"]), 32 * LISTED // dtype.itemsize
    rooms = [work.buffer[first + k * length :][:length] for k in range(n_threads)]
    before = work.buffer[int(work.places[0]["parts"]) : first]
    before[:] = 7
    out = np.empty((len(case.X), 700), dtype)
    threaded.forward(case.plan, case.theta, SparseRows.from_dense(case.X), out, work)
    assert any(room.view(np.intp).any() for room in rooms)
    assert (before == 7).all()
