"""Ctrl-C while the command is being imported: status 130, and not a word."""

import signal
import subprocess
import sys
import time

import pytest

# says when the first import begins that takes long, as the installed command comes to it
COMMAND = """
import os, sys
from _deltaloop_command import main

class Announces:
    def find_spec(self, name, path, target=None):
        if name == "click":
            sys.meta_path.remove(self)  # nothing of this test is left to be interrupted
            os.write(1, b"importing\\n")

sys.meta_path.insert(0, Announces())
sys.argv = ["deltaloop", "info"]
main()
"""


def started():
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # in a suite that runs in the background Ctrl-C may be ignored, and so here
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout.readline() == "importing\n"
    return process


def test_every_moment_of_the_import_can_be_interrupted():
    begin = time.perf_counter()
    started().communicate()
    seconds, moments = time.perf_counter() - begin, 10
    statuses = []
    for moment in range(moments):
        process = started()
        time.sleep(0.7 * seconds * moment / moments)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert err == ""
        statuses.append(process.returncode)
    # it may have been done before, or have been so far that the system ended it
    assert set(statuses) <= {130, 0, -signal.SIGINT}
    assert statuses.count(130) > moments / 4


def test_ctrl_c_that_is_ignored_stays_ignored():
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "deltaloop" in out


@pytest.mark.parametrize("start", ["from _deltaloop_command import main", "import deltaloop"])
def test_only_the_command_takes_the_signal(start):
    code = f"import signal; {start}; print(signal.getsignal(signal.SIGINT).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert done.stdout == "default_int_handler\n"


def test_command_begins_before_anything_large_is_imported():
    code = "import _deltaloop_command, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "click", "deltaloop"} & set(done.stdout.split()) == set()


SWALLOWED = """
import sys, time
from _deltaloop_command import _interrupt_again

class Swallows:
    def __del__(self):
        raise KeyboardInterrupt

sys.unraisablehook = _interrupt_again
try:
    Swallows()
    time.sleep(20)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
def test_ctrl_c_that_python_swallows_comes_again():
    process = subprocess.run(
        [sys.executable, "-c", SWALLOWED], capture_output=True, text=True, timeout=60, check=True
    )
    assert (process.stdout, process.stderr) == ("interrupted\n", "")
