"""What is accepted as a connection of processes."""

import sys
from types import SimpleNamespace

import pytest

from deltaloop import InvalidInputError, InvalidTypeError
from deltaloop.parallel.comms import as_comm


def made(rank=0, size=1, allreduce=print):
    return SimpleNamespace(rank=rank, size=size, allreduce=allreduce)


@pytest.mark.parametrize(("rank", "size"), [(0, 1), (0, 2), (1, 2)])
def test_an_object_with_rank_size_and_allreduce_is_taken_as_it_is(rank, size):
    comm = made(rank, size)
    assert as_comm(comm) is comm


@pytest.mark.parametrize(("rank", "size"), [(1, 1), (-1, 2), (0, 0), (0.0, 1), (0, 1.0), ("0", 1)])
def test_a_rank_is_a_whole_number_below_the_size(rank, size):
    with pytest.raises(InvalidInputError, match=r"whole number from 0 to comm\.size - 1, got rank"):
        as_comm(made(rank, size))


def test_a_part_of_the_three_is_not_enough():
    for comm in (made(allreduce=None), SimpleNamespace(rank=0, size=1), object(), None):
        with pytest.raises(InvalidTypeError, match="comm must connect processes, got"):
            as_comm(comm)


@pytest.fixture
def mpi(monkeypatch):
    """mpi4py, as far as it is asked; and a communicator of it."""
    null = object()
    monkeypatch.setitem(
        sys.modules, "mpi4py", SimpleNamespace(MPI=SimpleNamespace(COMM_NULL=null, IN_PLACE="here"))
    )

    class Intracomm:
        __module__ = "mpi4py.MPI"
        joins, is_null, summed = False, False, ()

        def __eq__(self, other):
            return self.is_null and other is null

        __hash__ = None

        def Is_inter(self):
            return self.joins

        def Get_rank(self):
            return 2

        def Get_size(self):
            return 3

        def Allreduce(self, *given):
            self.summed = given

    return Intracomm()


def test_a_communicator_of_mpi_adds_up_in_place(mpi):
    comm = as_comm(mpi)
    assert (comm.rank, comm.size) == (2, 3)
    comm.allreduce("array")
    assert mpi.summed == ("here", "array")


@pytest.mark.parametrize("what", ["joins", "is_null"])
def test_a_communicator_that_connects_no_group_is_refused(mpi, what):
    setattr(mpi, what, True)
    with pytest.raises(InvalidInputError, match="must connect the processes of one group"):
        as_comm(mpi)
