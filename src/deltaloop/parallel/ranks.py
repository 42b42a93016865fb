"""The ranks of one training: what they tell one another, and how the failure of one ends all.

Ranks exchange one array again and again, which always has the same length: a payload, and a few
numbers behind it. Whatever the others wait for, a rank that fails takes part in one more exchange,
with a number that says so, and nobody waits for ever.
"""

import zlib
from contextlib import suppress

import numpy as np

from ..errors import DeltaloopError, RankError
from ..kernels.memory import aligned_zeros, round_up
from .comms import Comm, as_comm

_FIRST = 1024  # numbers of the payload until it is known what a training needs
_FAILED, _LOOK, WEIGHT, LOSS, SEEN = range(5)  # places behind the payload
_EXTRAS = 16
_TEXT = 400  # bytes of a message of a rank that failed
_REASON = 96  # bytes of the reason why training ends
_ADVICE = "; where processors differ, set DELTALOOP_ISA to a level that all of them have"


class Ranks:
    """All ranks of a training, seen from one of them; used in a `with`.

    Attributes
    ----------
    rank, size : int
    payload : ndarray
        What the next exchange adds up over the ranks.
    extras : ndarray
        At WEIGHT, LOSS and SEEN, numbers that are added up as well.
    is_over : bool
        Whether this rank has failed, or learned that another one has.
    """

    def __init__(self, comm):
        self._comm: Comm = as_comm(comm)
        self.rank, self.size = int(self._comm.rank), int(self._comm.size)
        self.wants_look = False  # rank 0 asks all ranks to agree on going on
        self.is_over = False
        self._take_wire(_FIRST, np.float64)

    def _take_wire(self, n, dtype):
        self._wire = aligned_zeros(round_up(n) + _EXTRAS, dtype)
        self.payload, self.extras = self._wire[:n], self._wire[round_up(n) :]

    # one exchange

    def exchange(self) -> bool:
        """Add up payload and extras over all ranks; whether rank 0 wants to look in.

        Raises
        ------
        RankError
            Another rank has failed, or cannot be reached.
        KeyboardInterrupt
            Another rank was interrupted.
        """
        extras = self.extras
        extras[_LOOK] = self.wants_look and self.rank == 0
        self._send()
        if extras[_FAILED]:
            self._end(b"")
        looks = extras[_LOOK] > 0
        extras[:2] = 0
        return looks

    def _send(self):
        try:
            self._comm.allreduce(self._wire)
        except Exception as error:
            self.is_over = True
            raise RankError(
                f"rank {self.rank} of {self.size} no longer reaches the others "
                f"({type(error).__name__}: {error}); one of them has died: look at what it printed"
            ) from error

    def fail(self, error: BaseException) -> list[tuple[int, str]]:
        """Tell the others that this rank ends; the ranks that do, with their messages."""
        self.payload[:] = self.extras[:] = 0
        self.extras[_FAILED] = 1
        self._send()
        try:
            return self._texts(f"{type(error).__name__}: {error}".encode())
        finally:
            self.is_over = True

    def _end(self, text):
        """Learn which ranks have failed, and why; raise it."""
        failed = self._texts(text)
        self.is_over = True
        if all(text.startswith("KeyboardInterrupt") for _, text in failed):
            raise KeyboardInterrupt
        raise self.error_of(failed)

    def _texts(self, text):
        self.payload[:] = self.extras[:] = 0
        rows = np.zeros(_TEXT, np.uint8)
        text = text[:_TEXT]
        rows[: len(text)] = np.frombuffer(text, np.uint8)
        texts = [
            row.tobytes().rstrip(b"\0").decode("utf-8", "replace") for row in self.gather(rows)
        ]
        return [(rank, text) for rank, text in enumerate(texts) if text]

    def error_of(self, failed) -> RankError:
        """The error for ranks that have failed."""
        rank, text = failed[0]
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return RankError(f"rank {rank} of {self.size} has failed{more}, so all end: {text}")

    # what is made of exchanges

    def use(self, n: int, dtype) -> None:
        """From now on the payload has n numbers of another type."""
        self.check_same({"numbers of an exchange": f"{n} of {np.dtype(dtype)}"})
        self.barrier()
        self._take_wire(n, dtype)

    def barrier(self) -> None:
        """Wait for all ranks; learn whether one has failed."""
        self.payload[:] = self.extras[:] = 0
        self.exchange()

    def gather(self, array: np.ndarray) -> np.ndarray:
        """That array of every rank, bit for bit: shape (size, *shape), the same on all ranks."""
        array = np.ascontiguousarray(array)
        n_bytes = -(-array.nbytes // 2) * 2
        rows = np.zeros((self.size, n_bytes), np.uint8)
        rows[self.rank, : array.nbytes] = array.reshape(-1).view(np.uint8)
        self.add(rows.reshape(-1).view(np.uint16))
        whole = np.ascontiguousarray(rows[:, : array.nbytes])
        return whole.reshape(-1).view(array.dtype).reshape(self.size, *array.shape)

    def first(self, array: np.ndarray) -> np.ndarray:
        """That of rank 0, bit for bit; the others give one of the same shape and type."""
        array = np.array(array, order="C")
        rows = np.zeros(-(-array.nbytes // 2) * 2, np.uint8)
        if self.rank == 0:
            rows[: array.nbytes] = array.reshape(-1).view(np.uint8)
        self.add(rows.view(np.uint16))
        return rows[: array.nbytes].view(array.dtype).reshape(array.shape)

    def first_bytes(self, given: bytes | None) -> bytes:
        """The bytes that rank 0 gives."""
        given = given or b""
        n = int(self.first(np.array([len(given)], np.int64))[0])
        values = np.zeros(n, np.uint8)
        if self.rank == 0:
            values[:] = np.frombuffer(given, np.uint8)
        return self.first(values).tobytes()

    def add(self, array: np.ndarray) -> None:
        """Add up an array over all ranks, in place.

        Its numbers are of the payload's type, or whole and below 2^16, of which all ranks but one
        have 0: those are carried exactly.
        """
        flat, n = array.reshape(-1), len(self.payload)
        for start in range(0, len(flat), n):
            some = flat[start : start + n]
            self.payload[len(some) :] = self.extras[:] = 0
            self.payload[: len(some)] = some
            self.exchange()
            some[:] = self.payload[: len(some)]

    def mean(self, loss: float, grad: np.ndarray, weight: float) -> float:
        """The loss of all, sum_r w_r C_r / sum_r w_r; grad becomes its gradient."""
        np.multiply(grad, weight, out=self.payload)
        self.extras[LOSS], self.extras[WEIGHT] = loss * weight, weight
        self.exchange()
        total = float(self.extras[WEIGHT])
        np.divide(self.payload, total, out=grad)
        return float(self.extras[LOSS]) / total

    def check_same(self, facts: dict[str, str]) -> None:
        """Refuse facts that are not those of rank 0.

        Raises
        ------
        RankError
            On the ranks that have others; all end by it.
        """
        texts = [f"{name}\t{fact}" for name, fact in facts.items()]
        there = self.first_bytes("\n".join(texts).encode()).decode().split("\n")
        for here, other in zip(texts, there, strict=False):
            name, _, fact = here.partition("\t")
            if here != other:
                of_0 = other.partition("\t")[2]
                raise RankError(
                    f"all ranks must have the same {name}, but rank {self.rank} has {fact} and "
                    f"rank 0 has {of_0}; give the same on every rank"
                )

    def agree(self, reason: str | None, theta: np.ndarray) -> str | None:
        """The reason of rank 0 for ending training, or None; refuse other parameters than its.

        Raises
        ------
        RankError
            The parameters are not those of rank 0.
        """
        told = np.zeros(4 + _REASON, np.uint8)
        crc = np.uint32(zlib.crc32(theta.data))
        told[:4] = np.array([crc]).view(np.uint8)
        text = (reason or "").encode()[:_REASON]
        told[4 : 4 + len(text)] = np.frombuffer(text, np.uint8)
        told = self.first(told)
        if told[:4].view(np.uint32)[0] != crc:
            raise RankError(
                f"the parameters of rank {self.rank} are no longer those of rank 0: sums or steps "
                f"have other bits there{_ADVICE}"
            )
        return told[4:].tobytes().rstrip(b"\0").decode("utf-8", "replace") or None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if self.is_over:
            return
        if error is None:
            self.barrier()
        else:
            with suppress(DeltaloopError):  # the others are gone; `error` is worth more
                self.fail(error)
