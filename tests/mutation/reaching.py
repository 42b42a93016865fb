"""How much processor time each test takes, and which mutants it reaches."""

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

from . import identity
from .forks import Forks, Watch

_PATIENCE = 120  # seconds for a test of the original


def processor_time() -> float:
    """Of this process and those that it has waited for."""
    return sum(os.times()[:4])


class Recording:
    """Of pytest, in a child that runs the tests of one file: keeps what those that pass reach."""

    def __init__(self, reached: Path, target: Path, cases: int):
        self.reached, self.target, self.cases = reached, target, cases
        self.tests: dict[str, list] = {}
        self.failed: dict[str, str] = {}
        self.passed = False
        self.shared: set[int] = set()  # what a fixture reaches that later tests may use

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        identity.take(self.reached)
        self.passed, began = False, processor_time()
        result = yield
        found = identity.take(self.reached) | self.shared
        if self.passed:
            self.tests[item.nodeid] = [round(processor_time() - began, 3), sorted(found)]
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self):
        self.shared |= identity.take(self.reached)
        yield
        self.passed = True

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed[report.nodeid] = str(report.longrepr)[-2000:]

    def pytest_sessionfinish(self):
        found = {"tests": self.tests, "failed": self.failed, "cases": self.cases}
        self.target.write_text(json.dumps(found))


def recorded(session, folder: Path, workers: int, cases: int) -> bool:
    """Run each file of tests that has changed, or of which more cases are wanted.

    True in the child that shall do it.
    """
    by_file = defaultdict(list)
    for item in session.items:
        by_file[item.path].append(item)
    forks = Forks(workers, folder, lambda *_: None)
    for path, items in by_file.items():
        target = folder / "reached" / f"{path.parent.name}-{path.stem}.json"
        target.parent.mkdir(exist_ok=True)
        if _is_recorded(target, path, cases):
            continue
        if forks.fork(path):
            reached = identity.empty_record(forks.log.with_suffix(".reached"))
            identity.choose(0, reached)
            register = session.config.pluginmanager.register
            register(Recording(reached, target, cases))
            register(Watch(forks.log, lambda _: _PATIENCE))
            session.items[:] = items
            return True
    forks.wait_for_all()
    return False


def _is_recorded(target: Path, path: Path, cases: int) -> bool:
    return (
        target.exists()
        and target.stat().st_mtime > path.stat().st_mtime
        and json.loads(target.read_text()).get("cases", 0) >= cases
    )


class Reach:
    """What `recorded` has found: the tests of a mutant, in the order in which to run them."""

    def __init__(self, folder: Path):
        self.seconds: dict[str, float] = {}
        self.breadth: dict[str, int] = {}  # how many mutants a test reaches
        self.tests = defaultdict(list)  # of a mutant
        self.failed: dict[str, str] = {}  # tests of the original
        self.kills = defaultdict(int)  # by test and place
        # those that fail without a mutant too, where they are run alone
        left_out = folder / "unreliable.json"
        unreliable = set(json.loads(left_out.read_text())) if left_out.exists() else set()
        for path in sorted((folder / "reached").glob("*.json")):
            found = json.loads(path.read_text())
            self.failed |= found["failed"]
            for test, (seconds, numbers) in found["tests"].items():
                if test in unreliable:
                    continue
                self.seconds[test], self.breadth[test] = seconds, len(numbers)
                for number in numbers:
                    self.tests[number].append(test)

    def note_kill(self, test: str, site) -> None:
        for place in _places(site):
            self.kills[test, place] += 1

    def ordered(self, number: int, site, budget: float, among) -> list[str]:
        """Those that killed others in the same function or file; then those that are quick and
        reach little else, of a function of tests not too many; up to `budget` seconds together.
        """
        rank, cases = {}, defaultdict(int)
        found = [test for test in self.tests[number] if test in among]
        for test in sorted(found, key=self.seconds.__getitem__):
            name = test.partition("[")[0]
            rank[test] = cases[name]
            cases[name] += 1

        def key(test):
            kills = [-self.kills[test, place] for place in _places(site)]
            return *kills, (self.seconds[test] + 0.002) * (1 + rank[test]) * self.breadth[test]

        chosen, total = [], 0.0
        for test in sorted(rank, key=key):
            total += self.seconds[test]
            if total < budget or not chosen:
                chosen.append(test)
        return chosen


def _places(site):
    return (site.path.name, site.function), site.path.name
