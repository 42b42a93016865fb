"""Hostile calls of the public doors: random networks, arrays, sparse matrices and callbacks.

Every case is a function of (--seed, its number) and the backend. Cases run in children, a block
in each, so that a crash or the report of a sanitizer ends a block, not the run: it is a finding
of the case at hand, and the next child goes on behind it.

What is a finding: a crash, a hang, a report of a sanitizer, an error of another class than the
door promises, parameters that changed although the call was refused, a write outside of where
results belong, another result than that of the reference backend for a plain copy of the data
(see tests/tolerances.py), and plain data that are refused. --only N runs case N again.

One core does about 9,000 cases a minute, 6,000 with the sanitizers (3,000 where many of them end
in a report): 100,000 take a quarter of an hour. CONTRIBUTING.md has the commands.
"""

import argparse
import faulthandler
import mmap
import os
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # children are forks: no threads before
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from deltaloop import kernels
from fuzz import compiled, copies
from fuzz.case import run

BLOCK = 500  # cases per child
PATIENCE = 120  # seconds without a finished case: it hangs


def backends(name: str, level: int | None) -> list:
    """The backends that a run is about."""
    found = []
    if name in ("cython", "all"):
        cython = kernels.load("cython")
        found += [cython.backend(n) for n in ([level] if level else cython.levels())]
    if name in ("numba", "all") and compiled.numba_modules() is not None:
        found.append(kernels.load("numba"))
    if name == "reference":
        found.append(kernels.load("reference"))
    return found


class _Log(list):
    """What a case does, line by line: in memory that outlives the process."""

    memory = mmap.mmap(-1, 1 << 16)

    def __init__(self):
        super().__init__()
        self.memory[:4] = bytes(4)

    def append(self, line):
        super().append(line)
        text = "\n".join(self).encode()[: len(self.memory) - 4]
        self.memory[4 : 4 + len(text)] = text
        self.memory[:4] = len(text).to_bytes(4, "little")

    @classmethod
    def last(cls) -> list:
        """The lines of the last case of a child."""
        n = int.from_bytes(cls.memory[:4], "little")
        return cls.memory[4 : 4 + n].decode(errors="replace").split("\n")


def _block(seed, numbers, chosen, write, errors):
    """In a child: run the cases, and say over the pipe how each of them ended."""
    os.dup2(errors, 2)
    faulthandler.enable()
    with os.fdopen(write, "w") as pipe:
        for number in numbers:
            log = _Log()
            tally, finding = run(seed, number, chosen[number % len(chosen)], log)
            print(repr((number, dict(tally), log if finding else [], finding)), file=pipe,
                  flush=True)  # fmt: skip


def _results(seed, numbers, chosen):
    """Of a block of cases: (number, tally, log, finding); the last one may have ended the child."""
    import ast

    read, write = os.pipe()
    with tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            try:
                os.close(read)
                _block(seed, numbers, chosen, write, errors.fileno())
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(3)
            os._exit(0)
        os.close(write)
        done, hangs = 0, False
        with os.fdopen(read, "rb", buffering=0) as pipe:
            rest = b""
            while True:
                if not select.select([pipe], [], [], PATIENCE)[0]:
                    hangs = True
                    os.kill(child, signal.SIGKILL)
                    break
                data = pipe.read(1 << 16)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    done += 1
                    yield ast.literal_eval(line.decode())
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 0 or done < len(numbers):
            errors.seek(0)
            said = errors.read().decode(errors="replace")
            how = "hangs" if hangs else _ended(status, said)
            last = numbers[min(done, len(numbers) - 1)]
            yield last, {}, [*_Log.last(), *said[:4000].splitlines()], how


def _ended(status, said):
    for line in said.splitlines():
        if "ERROR: AddressSanitizer" in line or "runtime error" in line:
            return line.strip()
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"ended with {status}: {(said.strip().splitlines() or [''])[-1]}"


def run_all(seed, first, n_cases, chosen, report):
    """Run cases in blocks; the tally of all. `report(number, log, finding)` hears of findings."""
    tally, done, end = Counter(), first, first + n_cases
    began = time.monotonic()
    while done < end:
        block = range(done, min(end, done + BLOCK))
        for number, counts, log, finding in _results(seed, block, chosen):
            done = number + 1
            tally.update(counts)
            tally["cases"] += 1
            if finding is not None:
                tally["findings"] += 1
                report(number, log, finding)
        rate = 60 * tally["cases"] / (time.monotonic() - began)
        if sys.stderr.isatty() or done >= end:
            print(f"{tally['cases']} cases, {tally['findings']} findings, {rate:.0f} a minute",
                  file=sys.stderr)  # fmt: skip
    return tally


class _Shown(list):
    def append(self, line):
        print(line, flush=True)


def _print_finding(number, log, finding):
    print(f"FINDING in case {number}: {finding}")
    for line in log:
        print("   ", line)
    sys.stdout.flush()


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, metavar="N", help="run case N alone, in this process")
    parser.add_argument("--backend", choices=("all", "cython", "numba", "reference"), default="all")
    parser.add_argument("--level", type=int, help="instruction set; left out, every one in turn")
    options = parser.parse_args(arguments)
    chosen = backends(options.backend, options.level)
    if not chosen:
        parser.error(f"the backend {options.backend!r} is not installed")
    compiled.warm_up({backend.NAME for backend in chosen})
    # in memory, where there is such a place: a saved network waits for its disk
    with tempfile.TemporaryDirectory(
        dir="/dev/shm" if os.path.isdir("/dev/shm") else None
    ) as folder:
        copies.FOLDER[0] = folder
        if options.only is not None:
            faulthandler.enable()
            log = _Shown()
            number = options.only
            tally, finding = run(options.seed, number, chosen[number % len(chosen)], log)
            print(dict(tally), finding or "no finding", sep="\n")
            return finding is not None
        tally = run_all(options.seed, options.first, options.cases, chosen, _print_finding)
    print(", ".join(f"{count} {name}" for name, count in sorted(tally.items())))
    return tally["findings"] > 0


if __name__ == "__main__":
    sys.exit(main())
