"""What this machine can do: the peak of its multiply-adds and the bandwidths of its caches.

Measured at the start of a run with what the package and NumPy bring along, so that it works
wherever they do. The method, and how far each figure lies from the same quantity measured with C
intrinsics on an AVX-512 processor:

- FMA peak: the fastest of several products of matrices that stay in the caches, computed by the
  package's register tiles and by NumPy's BLAS. 4 % below registers alone.
- Read-modify-write bandwidth: x := -x of an array that fills half of a level, bytes read plus bytes
  written. The cost of the call, measured with an array of 64 bytes, is taken off. Against loops
  with intrinsics on a Zen 5 core: within 15 % in L2 and L3, 0.5 to 0.6 of the rate in L1.
- Read bandwidth: the largest element of the same array, and the comparison of two halves; the
  faster counts. Within 20 %, but up to half too low in the first level.

A floor that is too high by these errors is still a floor nearly reached; ratios to it under 1 are
possible and shown as they are.
"""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ..inputs.threads import processors
from ..kernels.memory import Work, aligned_zeros
from ..network import Network
from .jobs import ITEM_BYTES, Job

_PRODUCTS = ((96, 784, 512), (96, 256, 256), (192, 512, 512))  # rows, n_in, n_out
_DEFAULT_CACHES = {"L1": 32 << 10, "L2": 512 << 10, "L3": 8 << 20}
_LARGEST = 128 << 20  # bytes of the array that stands for memory


@dataclass(frozen=True)
class Level:
    """One level of the memory: its size in bytes, and gigabytes per second.

    `modify` counts the bytes that are read and those that are written.
    """

    name: str
    size: int | None
    read: float
    modify: float


@dataclass(frozen=True)
class Machine:
    """Processor, software and what they were seen to reach."""

    processor: str
    system: str
    python: str
    n_cpus: int
    instruction_set: str
    gflops: float
    levels: tuple[Level, ...]

    def level(self, n_bytes: float) -> Level:
        """The level that holds an array of so many bytes."""
        for level in self.levels:
            if level.size is None or n_bytes <= level.size:
                return level
        return self.levels[-1]

    def floor(self, job: Job) -> float:
        """The least time in seconds that a step can take here.

        The larger of arithmetic over peak and bytes over bandwidth. Weights and optimiser state
        are read and written once per step, inputs are read once, each at the bandwidth of the
        level that holds all of them. The latency along the depth is not in it: the floor of a tiny
        network is far below what can be reached. Neither is what a ReLU switches off: rows of
        weights behind it may be left out.
        """
        weights = self.level(job.memory_bytes)
        inputs = self.level(ITEM_BYTES * job.n_samples * job.sizes[0])
        if job.kind == "predict":
            moved = job.weight_bytes / weights.read
        else:
            moved = 2 * job.weight_bytes / weights.modify
        moved += job.input_bytes / inputs.read
        return max(job.flops / self.gflops / job.n_threads, moved) * 1e-9


def measure() -> Machine:
    """Describe and measure this machine; takes about two seconds."""
    caches = cache_sizes()
    with _on_one_processor():
        levels = [_level(name, size) for name, size in caches.items()]
        levels.append(_level("memory", None, 4 * max(caches.values())))
        gflops = max(_tile_gflops(), _blas_gflops())
    return Machine(**description(), gflops=gflops, levels=tuple(levels))


def description() -> dict[str, Any]:
    """What is known of a `Machine` without measurements."""
    from .. import kernels

    return {
        "processor": processor_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"Python {platform.python_version()}, NumPy {np.__version__}",
        "n_cpus": processors(),
        "instruction_set": kernels.load("cython").describe(),
    }


@contextmanager
def _on_one_processor() -> Iterator[None]:
    """All threads of this process share one, those of NumPy's products with them (Linux)."""
    threads = Path("/proc/self/task")
    if not (threads.exists() and hasattr(os, "sched_setaffinity")):
        yield
        return
    before = {int(path.name): os.sched_getaffinity(int(path.name)) for path in threads.iterdir()}
    try:
        for thread, processors in before.items():
            os.sched_setaffinity(thread, {max(processors)})
        yield
    finally:
        for thread, processors in before.items():
            with suppress(ProcessLookupError):  # it has ended
                os.sched_setaffinity(thread, processors)


def processor_name() -> str:
    """As the operating system calls it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    name = fields.get("model name", platform.machine())
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']}, model {fields.get('model', '?')})"
    return name


def cache_sizes() -> dict[str, int]:
    """Bytes of the data caches that the operating system tells of; else customary ones."""
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = (
                (folder / name).read_text().strip() for name in ("level", "type", "size")
            )
        except OSError:
            continue
        if kind != "Instruction" and size.endswith("K"):
            found[f"L{level}"] = int(size[:-1]) << 10
    return found or _DEFAULT_CACHES


def best(function: Callable[[], object], n_calls: int, seconds: float = 0.08) -> float:
    """Seconds of a fast call, seen over blocks of `n_calls`.

    Not of the very fastest one: the clock of a virtual machine may jump.
    """
    function()  # touches memory for the first time
    times: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end or not times:
        begin = perf_counter()
        for _ in range(n_calls):
            function()
        times.append((perf_counter() - begin) / n_calls)
    return float(np.quantile(times, 0.1))


def _tile_gflops() -> float:
    """The package's own products."""
    fastest = 0.0
    for n_rows, n_in, n_out in _PRODUCTS:
        net = Network([n_in, n_out], output="identity")
        X = aligned_zeros((n_rows, n_in), np.float32)
        out = aligned_zeros((n_rows, n_out), np.float32)
        product = partial(net.backend.forward, net.plan, net.theta, X, out, Work(net.plan, n_rows))
        fastest = max(fastest, 2e-9 * n_rows * n_in * n_out / best(product, 3))
    return fastest


def _blas_gflops() -> float:
    """NumPy's products."""
    fastest = 0.0
    for n_rows, n_in, n_out in _PRODUCTS:
        A, B = np.ones((n_rows, n_in), np.float32), np.ones((n_in, n_out), np.float32)
        out = np.empty((n_rows, n_out), np.float32)
        seconds = best(partial(np.matmul, A, B, out=out), 3)
        fastest = max(fastest, 2e-9 * n_rows * n_in * n_out / seconds)
    return fastest


def _level(name: str, size: int | None, beyond: int = 0) -> Level:
    """Bandwidths of one cache, or of memory with an array that is far larger than `beyond`."""
    fill = 0.25 if size is not None and size > 4 << 20 else 0.5  # a large cache is shared
    n_bytes = min(beyond, _LARGEST) if size is None else int(fill * size)
    n_bytes -= n_bytes % 128
    n_calls = max(1, (1 << 20) // n_bytes)
    x, nothing = aligned_zeros(n_bytes // 4, np.float32), aligned_zeros(16, np.float32)

    def rate(function, x, nothing, n_bytes):
        for _ in range(5):  # the processor may change its pace between the two
            call = best(lambda: function(nothing), 1000, 0.05)
            whole = best(lambda: function(x), n_calls)
            if whole > 1.1 * call:
                return 1e-9 * n_bytes / (whole - call)
        return 1e-9 * n_bytes / whole  # with the call in it: no more than what there is

    modify = rate(lambda x: np.negative(x, out=x), x, nothing, 2 * n_bytes)
    integers, none = x.view(np.uint8), nothing.view(np.uint8)
    integers[:] = 0
    halves = bytes(n_bytes // 2), bytes(bytearray(n_bytes // 2))  # equal, and not the same
    read = max(
        rate(np.maximum.reduce, integers, none, n_bytes),
        rate(lambda pair: pair[0] == pair[1], halves, (b"a", b"b"), n_bytes),
    )
    return Level(name, size, read, modify)
