"""The mutants themselves: what is changed, what is left alone, and what counts as killed."""

import ast
import subprocess
import sys
from pathlib import Path

from mutation import build, planted, selections, sites, switched

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
    if MUTANT == 1:
        k = 2
    cdef real total = 0
    for k in range(((1) if MUTANT == 4 else (0)), n, 2):
        if MUTANT == 7:
            total -= <real> x[k] * -2
        else:
            total += <real> x[k] * -2
    while ((k < n or total) if MUTANT == 13 else (k < n and total)):
        if MUTANT == 14:
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


def test_the_step_of_a_loop_stays():
    entry = next(entry for entry in sites.sites(Path("kernel.pxi"), CYTHON) if entry[2] == 9)
    assert not build.switchable(*entry, CYTHON)


CHILDREN = """
import os, pathlib, signal, sys, time
sys.path.insert(0, {tests!r})
from mutation import planted

log = pathlib.Path({folder!r}) / "log"

def hangs():
    planted.Watch(0.01, log).pytest_runtest_logstart()
    time.sleep(60)

print([planted.forked(run, log) for run in (
    lambda: 0,
    lambda: log.write_text("test_x") - 5,
    lambda: os.kill(os.getpid(), signal.SIGKILL),
    hangs,
    lambda: 4,
)])
"""


def test_what_becomes_of_a_child(tmp_path):
    # a process of its own: its children are forks, and pytest has threads by now
    text = CHILDREN.format(tests=str(build.CHECKOUT / "tests"), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == [
        ("survived", ""),
        ("killed", "test_x"),
        ("killed", "signal 9"),
        ("killed", "does not end"),
        ("unclear", ""),
    ]


def test_tests_that_killed_others_there_come_first():
    class Item:
        def __init__(self, nodeid):
            self.nodeid = nodeid

    def site(path, function):
        return sites.Site(Path(path), 1, 0, "+", "-", "a + b", function)

    children = planted.Children([], 1, Path("log"), print)
    children.note("killed", "c", site("rows.pxd", "sums"))
    children.note("killed", "b", site("rows.pxd", "steps"))
    children.note("survived", "a", site("rows.pxd", "steps"))
    children.note("killed", "d", site("tiles.pxd", "strips"))

    def order(*place):
        items = [Item(name) for name in "abcd"]
        return "".join(item.nodeid for item in children.likely_first(items, site(*place)))

    assert order("rows.pxd", "steps") == "bcda"
    assert order("rows.pxd", "other") == "bcda"
    assert order("tiles.pxd", "sums") == "dbca"
    assert order("losses.pxd", "sums") == "bcda"


def test_files_of_tests_for_a_mutant_are_there():
    source = build.CHECKOUT / "src" / "deltaloop"
    files = [*build.SOURCES.glob("*.p*"), *build.SOURCES.parent.glob("*.py"),
             source / "interop" / "archive.py", source / "training" / "schedules.py"]  # fmt: skip
    for path in files:
        option, expression, *tests = selections.of(path)
        assert option == "-k" and expression
        assert [test for test in tests if not (build.CHECKOUT / test).exists()] == [], path
        stages = selections.stages(path)
        assert [test for stage in stages for test in stage[2:]] == tests
    assert selections.of(source / "training" / "schedules.py")[2].endswith("/test_schedules.py")
