"""The mutants themselves: what is changed, what is left alone, and what counts as killed."""

import ast
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from mutation import build, planted, reaching, run, sites, switched

CYTHON = '''\
"""A + B is no code."""
cdef enum:
    MOST = 8

cdef inline real mean(const real *x, Py_ssize_t n) noexcept nogil:
    """Of x - y."""
    cdef const vec *first = <const vec *> x
    cdef Py_ssize_t k = 1, both
    cdef real total = 0
    for k in range(0, n, 2):
        total += <real> x[k] * -2
    while k < n and total:
        k = max(k,
                n)
    if not total:
        return False
    return total
'''


def changes(text, name="kernel.pxi"):
    return [
        (site.line, site.before, site.after) for site, *_ in sites.sites(Path(name), text)
    ]  # fmt: skip


def test_operators_and_constants_of_statements_are_changed_one_at_a_time():
    assert changes(CYTHON) == [
        (8, "1", "2"), (8, "1", "0"),
        (9, "0", "1"),
        (10, "0", "1"), (10, "2", "3"), (10, "2", "1"),
        (11, "+=", "-="), (11, "*", "+"), (11, "-", ""), (11, "2", "3"), (11, "2", "1"),
        (12, "<", "<="), (12, "and", "or"),
        (13, "max", "min"),
        (15, "not", ""),
        (16, "False", "True"),
    ]  # fmt: skip


def test_python_is_changed_likewise():
    text = "X = 1 + 1\n\ndef f(a=1):\n    assert a > 1\n    return g(a * 2.5, min=-a)\n"
    assert changes(text, "module.py") == [(5, "*", "/"), (5, "2.5", "2.51"), (5, "-", "")]


def test_one_text_has_all_mutants_behind_numbers():
    found = sites.sites(Path("kernel.pxi"), CYTHON)
    chosen = [
        (n, *entry) for n, entry in enumerate(found, 1)
        if entry[0].line in (8, 10, 11, 12, 13) and entry[0].after in ("2", "1", "-=", "or", "min")
        and (entry[0].line, entry[0].before) not in {(10, "2"), (11, "2")}
    ]  # fmt: skip
    text, owners = switched.switched(CYTHON, chosen)
    assert (
        text.splitlines()[7:]
        == """\
    cdef Py_ssize_t k = 1, both
    if is_mutant(1):
        k = 2
    cdef real total = 0
    for k in range(((1) if is_mutant(4) else (0)), n, 2):
        if is_mutant(7):
            total -= <real> x[k] * -2
        else:
            total += <real> x[k] * -2
    while ((k < n or total) if is_mutant(13) else (k < n and total)):
        if is_mutant(14):
            k = min(k,
                n)
        else:
            k = max(k,
                n)
    if not total:
        return False
    return total
""".splitlines()
    )
    # a compiler that refuses a line refuses these
    assert owners == {
        9: [1],
        10: [1],
        12: [4],
        13: [7],
        14: [7],
        17: [13],
        18: [14],
        19: [14],
        20: [14],
    }


def test_what_a_loop_of_python_goes_over_is_changed():
    text = "def f(rows):\n    for k, row in enumerate(rows, 1):\n        print(k)\n"
    entry, *_ = [e for e in sites.sites(Path("module.py"), text) if e[0].after == "2"]
    loop = "    for k, row in ((enumerate(rows, 2)) if is_mutant(3) else (enumerate(rows, 1))):"
    assert switched.switched(text, [(3, *entry)])[0].splitlines()[1] == loop


def test_the_step_of_a_compiled_loop_stays():
    entry = next(entry for entry in sites.sites(Path("kernel.pxi"), CYTHON) if entry[2] == 9)
    assert not build.switchable(*entry, CYTHON)


CHILDREN = """
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from mutation import forks

def passes(): pass
def fails(): log.write_text("test_x: 1 == 2"); os._exit(1)
def crashes(): log.write_text("test_y"); os.kill(os.getpid(), signal.SIGSEGV)
def hangs():
    forks.Watch(log, lambda test: 0.01).pytest_runtest_logstart("test_z")
    time.sleep(60)
def collects_nothing(): os._exit(5)

found = {{}}
def note(job, *what): found[job.__name__] = what
all_of_them = forks.Forks(2, Path({folder!r}), note)
for job in (passes, fails, crashes, hangs, collects_nothing):
    if all_of_them.fork(job):
        log = all_of_them.log
        job()
        os._exit(0)
all_of_them.wait_for_all()
print(found)
"""


def test_what_becomes_of_a_child(tmp_path):
    # a process of its own: its children are forks, and pytest has threads by now
    text = CHILDREN.format(tests=str(build.CHECKOUT / "tests"), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == {
        "passes": ("survived", ""),
        "fails": ("killed", "test_x: 1 == 2"),
        "crashes": ("killed", "signal 11: test_y"),
        "hangs": ("timed out", "test_z"),
        "collects_nothing": ("unclear", ""),
    }


def site(path, function):
    return sites.Site(Path(path), 1, 0, "+", "-", "a + b", function)


def test_tests_that_killed_others_there_come_first_then_quick_ones_that_reach_little_else(tmp_path):
    found = {
        "slow[1]": [0.5, [7]], "slow[2]": [0.4, [7]], "quick[1]": [0.01, [7]],
        "quick[2]": [0.02, [7]], "other": [0.1, [3]], "killer": [0.2, [3, 4, 5, 7]],
    }  # fmt: skip
    (tmp_path / "reached").mkdir()
    text = json.dumps({"tests": found, "failed": {"broken": "1 == 2"}})
    (tmp_path / "reached" / "a.json").write_text(text)
    reach = reaching.Reach(tmp_path)
    assert reach.failed == {"broken": "1 == 2"}

    here = site("rows.pxd", "sums")
    quick_first = ["quick[1]", "quick[2]", "slow[2]", "killer", "slow[1]"]
    assert reach.ordered(7, here, 10, found) == quick_first
    assert reach.ordered(7, here, 0.5, found) == quick_first[:3]
    assert reach.ordered(7, here, 0, found) == quick_first[:1]
    assert reach.ordered(8, here, 10, found) == []
    assert reach.ordered(7, here, 10, {"killer"}) == ["killer"]
    reach.note_kill("killer", site("rows.pxd", "steps"))
    assert reach.ordered(7, here, 10, found)[0] == "killer"
    reach.note_kill("slow[1]", here)
    assert reach.ordered(7, here, 10, found)[:2] == ["slow[1]", "killer"]
    assert reach.ordered(7, site("tiles.pxd", "sums"), 10, found) == quick_first


PROCESS = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from mutation import identity

folder = Path({folder!r})
identity.begin(folder)
reached = identity.empty_record(folder / "reached")
identity.choose(5, reached)
said = [is_mutant(5), is_mutant(6)]
# a process of its own asks for the same number, and leaves a note in the same file
import subprocess
subprocess.run([sys.executable, "-c", "assert is_mutant(5); is_mutant(9)"], check=True)
print(said, identity.take(reached), identity.take(reached))
"""


def test_a_process_and_those_that_it_starts_are_one_mutant(tmp_path):
    text = PROCESS.format(tests=str(build.CHECKOUT / "tests"), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "[True, False] {9, 5, 6} set()\n"


def test_tests_for_what_runs_at_import_are_there():
    source = build.CHECKOUT / "src" / "deltaloop"
    for path in (source / "training" / "schedules.py", source / "interop" / "c_header" / "units.py",
                 source / "network.py", build.SOURCES.parent / "functions.py"):  # fmt: skip
        assert len(planted.mirrored(path)) > 1, path
    assert planted.mirrored(source / "training" / "schedules.py")[0].endswith("test_schedules.py")


def test_as_many_mutants_of_each_folder_are_drawn():
    names = "training/history.py", "training/slices.py", "tables/arrays.py", "network.py"
    paths = [run.PACKAGE / name for name in names]
    assert set(paths) < set(run.python_sources())
    chosen = [entry[0] for entry in run.drawn_evenly(paths, 12, seed=1, only=[])]
    assert Counter(site.path.parent.name for site in chosen) == {
        "training": 4, "tables": 4, "deltaloop": 4,
    }  # fmt: skip
    assert [entry[0] for entry in run.drawn_evenly(paths, 6, seed=1, only=[])] == chosen[:6]
