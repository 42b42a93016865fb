"""A few hundred hostile calls of the public doors; tests/fuzz/run.py makes as many as one likes."""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")

PLANTED = """
import ctypes, sys, time

sys.path.insert(0, {tests!r})
import numpy as np
from fuzz import case, run
from fuzz.callbacks import Finding
from fuzz.given import fenced, plain
from fuzz.judge import judge


def door(case):
    case.log.append(f"door of case {{case.number}}")
    if case.number == 1:
        x = fenced((3,), "f4", True)
        ctypes.string_at(x.ctypes.data, x.nbytes + 1)
    elif case.number == 2:
        time.sleep(60)
    elif case.number == 3:
        judge(case, lambda: {{"out": np.ones(3)}}, [], None)
        X = plain(np.ones((1, case.drawn.sizes[0])))
        judge(case, lambda: {{"out": case.net.predict(X.value) + 1e-3}}, [X],
              lambda theta, X, Y: {{"out": case.same_theta(theta).predict(X)}})
    elif case.number == 4:
        judge(case, lambda: {{}}["missing"], [])
    elif case.number == 5:
        X = plain(np.ones((1, 1)))
        judge(case, lambda: X.value.fill(2), [X])
    elif case.number == 6:
        raise RuntimeError("a fault of the fuzz itself")


case.DOORS[:] = [door]
run.PATIENCE = 5
found = {{}}
tally = run.run_all(0, 0, 9, run.backends("reference", None),
                    lambda number, log, finding: found.update({{number: (finding, log)}}))
print(repr((tally["cases"], tally["findings"], found)))
"""


def _printed(*arguments):
    # a process of its own: its children are forks, and pytest has threads by now
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False
    )  # fmt: skip


@pytest.mark.parametrize(("backend", "n_cases"), [("cython", "400"), ("numba", "60")])
def test_hostile_calls_end_as_promised(backend, n_cases):
    done = _printed(RUN, "--backend", backend, "--cases", n_cases)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_kind_of_fault_is_a_finding_of_its_case_and_the_run_goes_on():
    done = _printed("-c", PLANTED.format(tests=str(RUN.parents[1])))
    n_cases, n_findings, found = eval(done.stdout)
    assert n_cases == 9 and n_findings == 6 and sorted(found) == [1, 2, 3, 4, 5, 6]
    said = {number: finding for number, (finding, _) in found.items()}
    assert "SEGV" in said[1]
    assert said[2] == "hangs"
    assert "out differs by 0.001" in said[3]
    assert said[4] == "raised KeyError: 'missing'"
    assert said[5] == "an argument was changed"
    assert "a fault of the fuzz itself" in said[6]
    assert all(f"door of case {number}" in log for number, (_, log) in found.items())


def test_a_case_is_a_function_of_seed_and_number():
    runs = [_printed(RUN, "--backend", "reference", "--only", "11", "--seed", "4") for _ in "ab"]
    assert runs[0].stdout == runs[1].stdout
    assert "net " in runs[0].stdout and runs[0].returncode == 0
    other = _printed(RUN, "--backend", "reference", "--only", "11", "--seed", "5")
    assert other.stdout != runs[0].stdout
