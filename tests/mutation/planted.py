"""Mutants meet the tests, each in a forked child.

Those of compiled kernels differ in a number alone: the tests are collected once, and every child
sets the number and runs them. A mutant of a Python module is another text of it, so its child
imports everything.
"""

import ctypes
import importlib
import importlib.machinery
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .sites import Site, replaced

KERNELS = Path(__file__).parents[2] / "kernels"
SOURCES = KERNELS.parent / "src"
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--tb=line"]


@dataclass(frozen=True)
class Change:
    """A mutant: a number in the compiled kernels, or another text of a module."""

    number: int
    site: Site
    text: str


ORIGINAL = Change(0, Site(Path("core.pyx"), 0, 0, "", "", "", ""), "")
Report = Callable[[Change, str, str], None]  # ('killed' or 'survived', by what)


def highest_level() -> int:
    """Of the instruction sets of this processor."""
    code = "from deltaloop.kernels.cython.cpu import level; print(level())"
    command = [sys.executable, "-c", code]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def begin(installed: Path) -> None:
    """What all children share: the package that they import, and what it needs."""
    sys.meta_path[:] = [f for f in sys.meta_path if "Redirecting" not in type(f).__name__]
    sys.path.insert(0, str(installed))
    for name in ("numpy", "numpy.testing", "pytest", "scipy.sparse"):
        importlib.import_module(name)
    spec = importlib.util.find_spec("deltaloop")
    if spec is None or not str(spec.origin).startswith(str(installed)):
        raise RuntimeError(f"tests would not see the mutants but {spec and spec.origin}")


def forked(run: Callable[[], int], log: Path) -> tuple[str, str]:
    """What becomes of run() in a child, which returns the exit code of pytest."""
    log.write_text("")
    child = os.fork()
    if child == 0:
        os.setsid()
        code = 70
        try:
            code = run()
        except BaseException:
            log.write_text(traceback.format_exc())
        finally:
            os._exit(code)
    return outcome(child, log)


def outcome(child: int, log: Path) -> tuple[str, str]:
    """Wait for a child that notes in `log` what failed."""
    _, status = os.waitpid(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # also what the tests have begun
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "killed", "does not end" if number == signal.SIGALRM else f"signal {number}"
    if os.WEXITSTATUS(status) == 0:
        return "survived", ""
    said = log.read_text()
    return ("killed" if os.WEXITSTATUS(status) in (1, 2) and said else "unclear"), said


class Watch:
    """Of pytest: notes the first test that fails, and ends a test that takes too long."""

    def __init__(self, seconds: float, log: Path):
        self.seconds, self.log = seconds, log

    def pytest_runtest_logstart(self):
        signal.setitimer(signal.ITIMER_REAL, self.seconds)  # which ends the process

    def pytest_runtest_logfinish(self):
        signal.setitimer(signal.ITIMER_REAL, 0)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.log.write_text(report.nodeid)

    def pytest_collectreport(self, report):
        if report.failed:
            self.log.write_text(f"{report.nodeid}: import")


class Children(Watch):
    """Of pytest: the tests that it has collected, once for every mutant, in a child each.

    Those that have killed mutants of the same function come first, then of the same file, then any.
    """

    def __init__(self, changes: Iterable[Change], seconds: float, log: Path, report: Report):
        super().__init__(seconds, log)
        self.changes, self.report, self.is_child = changes, report, False
        self.kills: Counter = Counter()  # (test, '' or file or (file, function))

    def likely_first(self, items, site: Site) -> list:
        places = (site.path.name, site.function), site.path.name, ""
        return sorted(items, key=lambda item: [-self.kills[item.nodeid, place] for place in places])

    def note(self, outcome: str, test: str, site: Site) -> None:
        """A test has killed a mutant."""
        if outcome == "killed":
            for place in ((site.path.name, site.function), site.path.name, ""):
                self.kills[test, place] += 1

    def pytest_runtestloop(self, session):
        from deltaloop.kernels import cython

        cores = [ctypes.CDLL(core.__file__) for core in cython._chosen._core.values()]
        for change in self.changes:
            self.log.write_text("")
            child = os.fork()
            if child == 0:
                os.setsid()
                self.is_child = True
                for core in cores:
                    core.deltaloop_choose_mutant(change.number)
                session.items[:] = self.likely_first(session.items, change.site)
                return None  # pytest goes on, and runs the tests
            found = outcome(child, self.log)
            self.note(*found, change.site)
            self.report(change, *found)
        return True


def run_compiled(changes, selection: list[str], seconds: float, folder: Path, report: Report):
    """All mutants of the compiled kernels."""
    import pytest

    children = Children(changes, seconds, folder / "failed", report)
    code = int(pytest.main([*OPTIONS, *selection], plugins=[children]))
    if children.is_child:
        os._exit(code)
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt


class _Finder:
    """Gives one module another text."""

    def __init__(self, name, text):
        self.name, self.text = name, text

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        spec.loader = _Loader(name, spec.origin, self.text)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name, path, text):
        super().__init__(name, path)
        self.text = text

    def get_code(self, fullname):
        return compile(self.text, self.path, "exec")


def module_of(path: Path) -> str:
    """Name of a module of the kernels or of src/."""
    if path.is_relative_to(SOURCES):
        parts = path.relative_to(SOURCES).with_suffix("").parts
    else:
        parts = ("deltaloop", "kernels", *path.relative_to(KERNELS).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


def run_python(change: Change, stages: list[list[str]], seconds: float, folder: Path):
    """One mutant of a Python module; the original, where its text is the same.

    Each stage, a selection of tests, is collected where those before have noticed nothing.
    """
    log, name = folder / "failed", module_of(change.site.path)
    if name in sys.modules:
        raise RuntimeError(f"{name} is imported already, a child would not see another text of it")
    with tempfile.TemporaryDirectory() as scratch:

        def run():
            import pytest

            os.environ["NUMBA_CACHE_DIR"] = scratch  # which goes by the files, not by the text
            text = replaced(change.text.splitlines(keepends=True), change.site)
            sys.meta_path.insert(0, _Finder(name, text))
            for selection in stages:
                code = int(pytest.main([*OPTIONS, *selection], plugins=[Watch(seconds, log)]))
                if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                    return code
            return 0

        return forked(run, log)
