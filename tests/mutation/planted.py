"""Mutants meet the tests that reach them, each in a forked child.

All mutants are in one build and differ in a number alone (identity.py), so the tests are collected
once. What runs only while modules are imported is tried in a fresh process.
"""

import gc
import importlib
import importlib.util
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest

from . import identity
from .forks import Forks, Watch
from .reaching import Reach, recorded
from .sites import Site

CHECKOUT = Path(__file__).parents[2]
# captured in memory, which children do not share
OPTIONS = ["-q", "--capture=sys", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--tb=line"]
# Numba compiles for seconds what other tests run compiled already; the others left out build,
# install or run whole programs
SELECTION = ["-k", "not numba", *(f"--ignore=tests/{name}" for name in (
    "mutation", "fuzz", "golden", "platforms", "trust/test_trust.py", "test_docs.py",
    "test_examples.py",
    "test_reproductions.py", "test_wheel.py", "test_supply.py", "test_pictures.py",
    "interop/test_wasm.py",
))]  # fmt: skip
_FRESH_SECONDS = 300


@dataclass(frozen=True)
class Change:
    """A mutant: its number in the build, and what it changes."""

    number: int  # 0: the original
    site: Site
    tests: tuple[str, ...] = ()  # to be run, instead of all that reach it


Report = Callable[[Change, str, str], None]  # 'killed', 'timed out' or 'survived', by what


def highest_level() -> int:
    """Of the instruction sets of this processor."""
    code = "from deltaloop.kernels.cython.cpu import level; print(level())"
    command = [sys.executable, "-c", code]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def begin(folder: Path) -> None:
    """Let this process and those that it starts see the mutants."""
    identity.begin(folder)
    spec = importlib.util.find_spec("deltaloop")
    if spec is None or not str(spec.origin).startswith(str(folder / "installed")):
        raise RuntimeError(f"tests would not see the mutants but {spec and spec.origin}")


class Mutants:
    """Of pytest: instead of running the tests, runs those that reach each mutant, in a child."""

    def __init__(self, changes: list[Change], folder: Path, workers: int, budget: float, cases: int,
                 report: Report):  # fmt: skip
        self.changes, self.folder, self.workers, self.cases = changes, folder, workers, cases
        self.budget, self.report_of_run, self.is_child = budget, report, False
        self.fresh: tuple[Change, Path] | None = None  # of a child: what is tried anew at the end

    def pytest_sessionstart(self):
        self.at_import = identity.empty_record(self.folder / "import.reached")
        identity.choose(0, self.at_import)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = sampled(items, self.cases)

    def pytest_runtestloop(self, session):
        identity.choose(0)
        imported = identity.take(self.at_import)
        gc.freeze()  # what is collected stays as it is, and its pages are those of all children
        if any(change.number for change in self.changes):  # and not the original alone
            self.is_child = recorded(session, self.folder, self.workers, self.cases)
        if self.is_child:
            return None  # pytest goes on, and runs the tests
        self.reach = Reach(self.folder)
        forks = Forks(self.workers, self.folder, self.report)
        items = {item.nodeid: item for item in session.items}
        for change in self.changes:
            tests = self.reach.ordered(change.number, change.site, self.budget, items)
            if change.tests:
                tests = [test for test in change.tests if test in items]
            fresh = change.number in imported
            if self.reach.tests[change.number] and not tests:
                continue  # none of those that are to be run now
            if not tests and not fresh:
                self.report(change, "survived", "no test reaches it")
            elif forks.fork(change):
                self.is_child = True
                identity.choose(change.number)
                if not tests:
                    os._exit(in_fresh_process(change, self.reach, forks.log))
                session.items[:] = [items[test] for test in tests]
                session.config.option.maxfail = 1
                watch = Watch(forks.log, lambda test: 40 + 40 * self.reach.seconds.get(test, 0))
                session.config.pluginmanager.register(watch)
                self.fresh = (change, forks.log) if fresh else None
                return None  # pytest goes on, and runs the tests
        forks.wait_for_all()
        return True

    def report(self, change, outcome, why):
        if outcome == "killed" and change.number:
            self.reach.note_kill(why.partition("\n")[0], change.site)
        self.report_of_run(change, outcome, why)


def sampled(items: list, most: int) -> list:
    """Of a test with a large table of cases about `most`, which the others are much like."""
    n_cases = Counter(item.nodeid.partition("[")[0] for item in items)

    def is_kept(item):
        n = n_cases[item.nodeid.partition("[")[0]]
        return n <= most or crc32(item.nodeid.encode()) % n < most

    return [item for item in items if is_kept(item)]


def run(
    changes: list[Change], folder: Path, workers: int, budget: float, cases: int, tests: list[str],
    report: Report,
) -> None:  # fmt: skip
    """Record what the tests reach, where that is not known yet; then all mutants."""
    mutants = Mutants(changes, folder, workers, budget, cases, report)
    code = int(pytest.main([*OPTIONS, *SELECTION, *tests], plugins=[mutants]))
    if mutants.is_child:
        if code == 0 and mutants.fresh:
            change, log = mutants.fresh
            code = in_fresh_process(change, mutants.reach, log)
        os._exit(code)
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt


def in_fresh_process(change: Change, reach: Reach, log: Path) -> int:
    """Exit code of the tests of the folder that mirrors the file's, where all is imported anew."""
    failing = [f"--deselect={test}" for test in reach.failed]
    command = [sys.executable, "-m", "pytest", "-x", *OPTIONS, *failing, "-k", "not numba"]
    try:
        done = subprocess.run(
            [*command, *mirrored(change.site.path)], cwd=CHECKOUT, timeout=_FRESH_SECONDS,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        log.write_text("in a fresh process")
        os.kill(os.getpid(), 14)
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        log.write_text(f"in a fresh process: {(lines or [done.stderr[-300:]])[0]}")
    return min(done.returncode, 1)


def mirrored(path: Path) -> list[str]:
    """Tests of the folder of tests/ that mirrors that of a file, those with its name first."""
    package = CHECKOUT / "src" / "deltaloop"
    folder = CHECKOUT / "tests"
    if path.is_relative_to(package):
        folder = folder / path.relative_to(package).parent
        while not any(folder.glob("test_*.py")):
            folder = folder.parent
    else:
        folder = folder / "kernels"
    return sorted(map(str, folder.glob("test_*.py")), key=lambda file: path.stem not in file)
