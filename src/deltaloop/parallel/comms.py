"""What carries numbers between ranks: MPI, torch.distributed, or anything with three methods."""

from types import ModuleType
from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown

_ACCEPTED = (
    "give mpi4py.MPI.COMM_WORLD, torch.distributed, or an object with rank, size and "
    "allreduce(flat)"
)


@runtime_checkable
class Comm(Protocol):
    """All that `fit` asks of a library that connects processes.

    Attributes
    ----------
    rank : int
        Number of this process, from 0 to size - 1.
    size : int
        How many processes there are.
    """

    rank: int
    size: int

    def allreduce(self, flat: np.ndarray) -> None:
        """Overwrite `flat` with its sum over all ranks, with the same bits on every rank.

        Parameters
        ----------
        flat : ndarray, shape (n,), float32 or float64
            Contiguous; n is the same on every rank.
        """


class MpiComm:
    """A communicator of mpi4py."""

    def __init__(self, comm):
        from mpi4py import MPI

        if comm == MPI.COMM_NULL or comm.Is_inter():
            raise InvalidInputError(
                f"comm must connect the processes of one group, got {shown(comm)}; give "
                "MPI.COMM_WORLD, or a part of it"
            )
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self._sum, self._in_place = comm.Allreduce, MPI.IN_PLACE

    def allreduce(self, flat: np.ndarray) -> None:
        """As `Comm.allreduce`."""
        self._sum(self._in_place, flat)


class TorchComm:
    """The processes of torch.distributed (backend gloo), or a group of them."""

    def __init__(self, group=None):
        import torch
        import torch.distributed as distributed

        if not (distributed.is_available() and distributed.is_initialized()):
            raise InvalidInputError(
                "torch.distributed is not initialised; call "
                "torch.distributed.init_process_group('gloo') first"
            )
        self.rank, self.size = distributed.get_rank(group), distributed.get_world_size(group)
        if self.rank < 0:
            raise InvalidInputError("this process is not in the group that comm is; leave it out")
        self._group, self._sum, self._tensor = group, distributed.all_reduce, torch.from_numpy

    def allreduce(self, flat: np.ndarray) -> None:
        """As `Comm.allreduce`."""
        self._sum(self._tensor(flat), group=self._group)


def as_comm(comm) -> Comm:
    """The argument `comm` of `fit`.

    Raises
    ------
    InvalidTypeError, InvalidInputError
        It connects nothing.
    """
    if isinstance(comm, ModuleType):
        if comm.__name__ == "torch.distributed":
            return TorchComm()
        raise InvalidTypeError(f"comm must connect processes, got {shown(comm)}; {_ACCEPTED}")
    if isinstance(comm, type):
        raise InvalidTypeError(f"comm is the class {comm.__name__}; make one of it first")
    module = type(comm).__module__.partition(".")[0]
    if module == "mpi4py" and hasattr(comm, "Allreduce"):
        return MpiComm(comm)
    if module == "torch":
        return TorchComm(comm)
    has_all = all(hasattr(comm, name) for name in ("rank", "size", "allreduce"))
    if not has_all or not callable(comm.allreduce):
        raise InvalidTypeError(f"comm must connect processes, got {shown(comm)}; {_ACCEPTED}")
    rank, size = comm.rank, comm.size
    if not (isinstance(rank, int) and isinstance(size, int) and 0 <= rank < size):
        raise InvalidInputError(
            f"comm.rank must be a whole number from 0 to comm.size - 1, got rank {shown(rank)} of "
            f"size {shown(size)}"
        )
    return comm
