"""Numbers of threads: what the user asks for, and what 'auto' means."""

import math
import os
from functools import cache

from ..errors import InvalidInputError
from .checks import whole_number

_PAYS = 5e6  # multiplications of a call or step from which threads pay, when nothing was measured


def processors() -> int:
    """Processors that this process may use: by its affinity, and the limit of its control group.

    Of a limit of 2.5 processors, two count: a third thread would have to wait for the next period.
    """
    if hasattr(os, "sched_getaffinity"):
        found = len(os.sched_getaffinity(0))
    else:
        found = os.cpu_count() or 1
    return int(min(found, max(1, _limit())))


@cache
def _limit(root: str | os.PathLike[str] = "/") -> float:
    """Processors' worth of time that control groups (Linux) allow; inf: no limit."""
    groups, limit = os.path.join(root, "sys/fs/cgroup"), math.inf
    try:
        lines = _read(os.path.join(root, "proc/self/cgroup")).splitlines()
    except (OSError, UnicodeDecodeError):
        return limit
    for line in lines:
        number, kinds, path = (*line.split(":", 2), "", "")[:3]
        if number == "0" or "cpu" in kinds.split(","):
            folder = groups if number == "0" else os.path.join(groups, "cpu")
            for part in ("", *filter(None, path.split("/"))):  # a parent's limit holds, too
                folder = os.path.join(folder, part)
                limit = min(limit, _limit_in(folder))
    return limit


def _limit_in(folder: str) -> float:
    """The limit of one group: version 2 or 1."""
    try:
        quota, period = _read(os.path.join(folder, "cpu.max")).split()
    except (OSError, ValueError):
        try:
            quota = _read(os.path.join(folder, "cpu.cfs_quota_us")).strip()
            period = _read(os.path.join(folder, "cpu.cfs_period_us")).strip()
        except (OSError, ValueError):
            return math.inf
    if quota == "max" or not quota.isdigit() or not period.isdigit() or not int(period):
        return math.inf
    return int(quota) / int(period)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # pathlib takes 4 ms to import
        return file.read()


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
