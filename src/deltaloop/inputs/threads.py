"""Numbers of threads: what the user asks for, and what 'auto' means."""

import os

from ..errors import InvalidInputError
from .checks import whole_number

_PAYS = 5e6  # multiplications of a call or step from which threads pay, when nothing was measured


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_threads(n_threads, backend) -> int | str:
    """A number of threads that the backend has, or 'auto'."""
    if isinstance(n_threads, str):
        if n_threads != "auto":
            raise InvalidInputError(
                f"n_threads must be a whole number >= 1 or 'auto', got {n_threads!r}"
            )
        return n_threads
    n_threads = whole_number("n_threads", n_threads)
    most = getattr(backend, "MAX_THREADS", n_threads)
    if n_threads > most:
        raise InvalidInputError(
            f"n_threads={n_threads} is more than the backend {backend.NAME!r} can use, "
            f"which is {most}; use backend='cython' for several threads"
        )
    return n_threads


def most_threads(n_threads: int | str, backend) -> int:
    """`n_threads`; for 'auto' as many as there are processors, and the backend takes."""
    if isinstance(n_threads, str):
        return min(processors(), getattr(backend, "MAX_THREADS", processors()))
    return n_threads


def likely_threads(most: int, n_multiplications: float) -> int:
    """Threads for a call or step of which nothing is known but its size: one, unless it is long."""
    return most if n_multiplications >= _PAYS else 1
