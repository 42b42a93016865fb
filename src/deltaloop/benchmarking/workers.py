"""A process for every library: started with one thread, pinned to one core, spoken to by a pipe.

    python -m deltaloop.benchmarking.workers CPUS

is such a process. It reads pickled calls of a `Host` from stdin and writes their results to stdout;
whatever a library prints goes to stderr.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from .host import Host, Prepared
from .jobs import Job
from .peers import Peer, table

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip


class WorkerError(Exception):
    """The process of a library has failed; the text is the last line it wrote."""


def environment(n_threads: int, cache: str, given: Mapping[str, str]) -> dict[str, str]:
    """What a process is started with: threads limited, accelerators hidden, an empty cache."""
    limits = dict.fromkeys(_THREAD_VARIABLES, str(n_threads))
    if n_threads == 1:
        limits["XLA_FLAGS"] = (
            given.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
        ).strip()
    return {
        **given,
        **limits,
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "TORCHINDUCTOR_CACHE_DIR": cache,
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def plain_environment() -> dict[str, str]:
    """The environment of a library that is started once, with one thread."""
    return environment(1, tempfile.gettempdir(), os.environ)


def pinned_cpus(n: int) -> list[int]:
    """The last n processors that this process may use; none where nothing can be pinned."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    return sorted(os.sched_getaffinity(0))[-n:]


class Worker:
    """A `Host` in a process of its own; the same methods.

    Parameters
    ----------
    n_threads : int, default 1
        Threads that libraries may use; so many processors it is pinned to.
    """

    def __init__(self, n_threads: int = 1):
        self._cache = tempfile.TemporaryDirectory(prefix="deltaloop-bench-")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        cpus = ",".join(map(str, pinned_cpus(n_threads)))
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", __name__, cpus],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            env=environment(n_threads, self._cache.name, os.environ),
        )  # fmt: skip

    def prepare(self, name: str, job: Job) -> Prepared:
        """See `Host.prepare`."""
        return self._call("prepare", name, job)

    def turn(self, name: str) -> float:
        """See `Host.turn`."""
        return self._call("turn", name)

    def release(self, name: str) -> None:
        """See `Host.release`."""
        self._call("release", name)

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # it has ended already
                    pipe.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        self._cache.cleanup()

    def _call(self, method: str, *arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump((method, arguments), self._process.stdin)
            self._process.stdin.flush()
            kind, value = pickle.load(self._process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            raise WorkerError(self._last_words()) from None
        if kind == "error":
            raise WorkerError(value)
        return value

    def _last_words(self) -> str:
        """The last line that the process wrote to stderr."""
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"its process ended with status {code}"


class Workers:
    """One `Worker` per library and number of threads, started when it is needed."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, int], Worker] = {}

    def host(self, peer: Peer, n_threads: int) -> Worker:
        """The process of the peer's library."""
        key = peer.library, n_threads
        if key not in self._running:
            self._running[key] = Worker(n_threads)
        return self._running[key]

    def discard(self, peer: Peer, n_threads: int) -> None:
        """End a process that has failed; the next job gets a new one."""
        worker = self._running.pop((peer.library, n_threads), None)
        if worker is not None:
            worker.close()

    def close(self) -> None:
        """End all processes."""
        while self._running:
            self._running.popitem()[1].close()


def serve(calls: IO[bytes], results: IO[bytes], host: Host) -> None:
    """Answer calls until there are no more."""
    while True:
        try:
            method, arguments = pickle.load(calls)
        except EOFError:
            return
        try:
            answer: tuple[str, Any] = ("value", getattr(host, method)(*arguments))
        except Exception as error:
            text = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            answer = ("error", text)
        pickle.dump(answer, results)
        results.flush()


def main() -> None:
    """Pin this process and serve."""
    cpus = {int(cpu) for cpu in sys.argv[1].split(",") if cpu}
    if cpus:
        os.sched_setaffinity(0, cpus)
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no result
    serve(sys.stdin.buffer, results, Host(table()))


if __name__ == "__main__":
    main()
