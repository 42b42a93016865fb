"""Two processes connected by MPI, or by torch.distributed: the same as in one; nobody waits."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import deltaloop as dl
from starting_ranks import mpiexec

PROGRAM = """
    import os, signal, sys
    import numpy as np
    import deltaloop as dl

    def samples():
        rng = np.random.default_rng(0)
        X = rng.normal(size=(90, 5))
        return X, np.tanh(X @ rng.normal(size=(5, 2))) + rng.normal(0, 0.1, (90, 2))

    def new():
        return dl.Network([5, 4, 2], activation="tanh", dtype="float64", seed=3)
"""
MPI = "from mpi4py import MPI\n\ncomm = MPI.COMM_WORLD\n"
GLOO = """
import sys
import torch.distributed as comm

rank, meeting = int(sys.argv[2]), f"file://{sys.argv[1]}/meeting"
comm.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
"""
PARTS = """
    X, Y = samples()
    rank = comm.rank if hasattr(comm, "rank") else comm.get_rank()
    mine = slice(0, 30) if rank == 0 else slice(30, 90)
"""
COMPARES = (
    PARTS
    + """
    for optimizer in (dl.Rprop(), dl.LBFGS(), dl.LevenbergMarquardt(mu=1.0)):
        net, alone = new(), new()
        history = net.fit(X[mine], Y[mine], epochs=4, optimizer=optimizer, comm=comm)
        its = alone.fit(X, Y, epochs=4, optimizer=optimizer)
        np.testing.assert_allclose(net.theta, alone.theta, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(history.loss, its.loss, rtol=1e-12)
    for every in (None, 3):
        net = new()
        net.fit(X[mine], Y[mine], epochs=3, batch_size=30, comm=comm, average_every=every)
        np.save(f"{sys.argv[1]}/{rank}_{every}.npy", net.theta)
"""
)


def run(tmp_path, work, *options):
    """Run a program on two ranks of MPI."""
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM) + MPI + textwrap.dedent(work))
    environment = os.environ | {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    }
    return subprocess.run(
        [mpiexec(), "-n", "2", sys.executable, *options, str(path), str(tmp_path)],
        capture_output=True, text=True, timeout=120, check=False, env=environment,
    )  # fmt: skip


def check_compared(folder):
    """Both ranks have the same parameters."""
    for every in (None, 3):
        ranks = [(folder / f"{rank}_{every}.npy").read_bytes() for rank in range(2)]
        assert ranks[0] == ranks[1]


def test_two_processes_of_mpi_make_the_steps_of_one(tmp_path):
    pytest.importorskip("scipy")
    done = run(tmp_path, COMPARES)
    assert done.returncode == 0, done.stderr[-2000:]
    check_compared(tmp_path)


TELLS = """
    try:
        if {case}:
            new().fit(X[mine, : 5 - rank], Y[mine], comm=comm)
        else:
            watch = [lambda state: open("/no/such/folder")] if rank == 0 else []
            new().fit(X[mine], Y[mine], epochs=9, comm=comm, callbacks=watch)
    except Exception as error:
        with open(f"{{sys.argv[1]}}/{{rank}}.txt", "w") as file:
            file.write(f"{{type(error).__name__}}: {{error}}")
        raise
"""


@pytest.mark.parametrize("fails", [0, 1])
def test_rank_that_fails_in_fit_ends_all_with_an_error(tmp_path, fails):
    done = run(tmp_path, PARTS + TELLS.format(case=fails))
    assert done.returncode != 0
    told = [(tmp_path / f"{rank}.txt").read_text() for rank in range(2)]
    kind = ("FileNotFoundError", "InvalidInputError")[fails]
    assert told[fails].startswith(kind)
    assert told[1 - fails] == f"RankError: rank {fails} of 2 has failed, so all end: {told[fails]}"


ENDS = {
    "is killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "raises": "raise OSError('no such part of the data')",
}


@pytest.mark.parametrize("what", ENDS)
def test_rank_that_fails_elsewhere_ends_the_program(tmp_path, what):
    work = f"""
    if rank == 1:
        {ENDS[what]}
    new().fit(X[mine], Y[mine], epochs=10**6, comm=comm)
    """
    done = run(tmp_path, PARTS + work, "-m", "mpi4py")
    assert done.returncode != 0
    assert what != "raises" or "no such part of the data" in done.stderr


def test_part_of_a_communicator_and_what_joins_two_groups(tmp_path):
    done = run(
        tmp_path,
        PARTS
        + """
    alone = comm.Split(rank)          # groups of one: the serial run
    net, other = new(), new()
    net.fit(X, Y, epochs=2, comm=alone)
    other.fit(X, Y, epochs=2)
    np.testing.assert_array_equal(net.theta, other.theta)
    between = alone.Create_intercomm(0, comm, 1 - rank)
    try:
        new().fit(X, Y, comm=between)
    except dl.InvalidInputError as error:
        print(error)
""",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("comm must connect the processes of one group") == 2


def test_two_processes_of_torch_make_the_steps_of_one(tmp_path):
    pytest.importorskip("torch.distributed")
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM) + GLOO + textwrap.dedent(COMPARES))
    ranks = [
        subprocess.Popen(
            [sys.executable, str(path), str(tmp_path), str(rank)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    done = [rank.communicate(timeout=120) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], done[0][1][-2000:]
    check_compared(tmp_path)


def test_torch_that_is_not_initialised_is_refused():
    distributed = pytest.importorskip("torch.distributed")
    net = dl.Network([2, 3, 1])
    with pytest.raises(dl.InvalidInputError, match="init_process_group"):
        net.fit(np.zeros((4, 2)), np.zeros(4), comm=distributed)
