"""Every allocation, every write and every start of a thread of an action fails once.

    python tests/trust/faults.py [--most N] [--quick]

The action has to end in an error that says so, or in its usual result. Afterwards the network is as
it was or usable, files are the old or the new ones, whole, nothing else lies in their folder, no
file stays open, no thread runs, and the action repeated gives the usual result. A shim that is
loaded before the C library does the failing, in a process of its own with Python's allocations
passed on to it. Python and NumPy do not survive every one of theirs: a crash inside them is counted
apart, one inside deltaloop is a finding.
"""

import argparse
import ctypes
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
ALLOCATION, WRITE, THREAD = range(3)
LOADED = ctypes.CDLL(None)  # where the shim is, in the process that has it
# what the system says where it cannot write; 0: half of it is written
ERRORS_OF_WRITES = {
    "disk full": errno.ENOSPC, "quota": errno.EDQUOT, "closed pipe": errno.EPIPE,
    "interrupted": errno.EINTR, "half written": 0,
}  # fmt: skip


def start(arguments=(), timeout=600, shown=False):
    """This file in a process with the shim; what it printed, unless it is shown meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        shim = Path(folder) / "shim.so"
        command = ["cc", "-O1", "-fPIC", "-shared", str(HERE / "shim.c"), "-o", str(shim), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
        environment = {**os.environ, "LD_PRELOAD": str(shim), "PYTHONMALLOC": "malloc",
                       "OPENBLAS_NUM_THREADS": "1"}  # fmt: skip
        return subprocess.run(
            [sys.executable, __file__, "--here", *arguments], env=environment, timeout=timeout,
            capture_output=not shown, text=True, check=False,
        )  # fmt: skip


def actions(folder):
    """name: (kind, error, what is made before, what is done with it and gives a result)"""
    import numpy as np

    import deltaloop as dl

    generator = np.random.default_rng(0)
    X, Y = generator.normal(size=(40, 5)), generator.random((40, 2))
    net = dl.Network([5, 6, 2], activation="tanh", seed=1)
    theta, path, old = net.theta.copy(), folder / "net.npz", dl.Network([5, 6, 2], seed=2)

    def anew():
        fresh = dl.Network([5, 6, 2], activation="tanh", seed=1)
        fresh.theta[:] = theta
        fresh.optimizer = dl.Adam(0.01)
        return fresh

    def fit(fresh, batch_size=10, **options):
        fresh.fit(X, Y, epochs=2, batch_size=batch_size, **options)
        return fresh.theta.tobytes()

    many = np.tile(X, (100, 1)), np.tile(Y, (100, 1))

    def fit_in_threads(_):
        before = LOADED.trust_seen(THREAD)
        for _ in range(100):  # steps long enough for a thread; whether one is tried tells the clock
            fresh = anew()
            fresh.fit(*many, epochs=100, batch_size=2000, n_threads=3)
            if LOADED.trust_seen(THREAD) > before:
                break
        return fresh.theta.tobytes()

    def fit_many(_):
        nets = dl.Ensemble([5, 6, 2], n=64)
        nets.fit(X, Y, learning_rate=0.1, epochs=2, batch_size=10, n_threads=3)
        return nets.parameters.tobytes()

    def learn(fresh):
        fresh.learn_one(X[0], Y[0])
        fresh.session().learn_one(X[1], Y[1])
        return fresh.theta.tobytes()

    def save(net):
        if not path.exists():
            old.save(path)
        before = path.read_bytes()
        try:
            net.save(path)
        except BaseException:
            found = path.read_bytes()
            if found != before and dl.load(path).theta.tobytes() != theta.tobytes():
                raise Damage("the old file is gone and the new one is not whole") from None
            raise
        finally:
            if os.listdir(folder) != ["net.npz"]:
                raise Damage(f"left behind: {os.listdir(folder)}")
        return dl.load(path).theta.tobytes()

    net.save(folder / "net.npz")
    found = {
        "construct": (lambda: None, lambda _: anew().theta.tobytes()),
        "predict": (anew, lambda net: net.predict(X).tobytes()),
        "gradient": (anew, lambda net: net.gradient(X, Y).tobytes()),
        "fit": (anew, fit),
        "fit with 2 threads": (anew, lambda net: fit(net, 40, n_threads=2)),
        "single samples": (anew, learn),
        "load": (lambda: path, lambda path: dl.load(path).theta.tobytes()),
        "save": (anew, save),
    }
    threads = {
        "threads of fit": (anew, fit_in_threads),
        "threads of predict": (anew, lambda net: net.predict(X, n_threads=3).tobytes()),
        "threads of an ensemble": (lambda: None, fit_many),
    }
    return {
        **{name: (ALLOCATION, errno.ENOMEM, *pair) for name, pair in found.items()},
        **{f"save, {name}": (WRITE, code, anew, save) for name, code in ERRORS_OF_WRITES.items()},
        **{name: (THREAD, errno.EAGAIN, *pair) for name, pair in threads.items()},
    }


class Damage(Exception):
    """A file is not whole, or something lies beside it."""


def held():
    """Open files and running threads."""
    return sorted(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def disarmed(shim, kind):
    """Let nothing fail any more; whether something has failed."""
    while True:
        try:
            left = shim.trust_left(kind)
            shim.trust_fail(kind, 0, 0)
            return left == 0
        except (MemoryError, ctypes.ArgumentError):  # of these calls: it was the one
            pass


ENDED, USUAL, ERROR, FINDING, CRASH = 0, 1, 2, 3, 99


def child(shim, kind, code, n, prepare, run, usual, pipe):
    """In a process of its own: the n-th fails. What came of it, and in the pipe what is wrong."""
    from deltaloop.errors import FileFormatError

    shim.trust_tell(pipe)
    given, before, outcome, wrong = prepare(), held(), USUAL, ""
    try:
        shim.trust_fail(kind, n, code)
        if run(given) != usual:
            wrong = "another result"
    except (Damage, FileFormatError) as exception:  # no lack of anything damages a file
        disarmed(shim, kind)
        wrong = f"{type(exception).__name__}: {exception}"
    except Exception:
        outcome = ERROR
    if not disarmed(shim, kind):
        outcome = ENDED  # there are fewer than n
    if not wrong and run(prepare()) != usual:
        wrong = "another result afterwards"
    if not wrong and held() != before:
        wrong = f"held before and after: {before}, {held()}"
    os.write(pipe, wrong.encode())
    return FINDING if wrong else outcome


def tried(shim, kind, error, n, prepare, run, usual):
    """(outcome, text) of `child`."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            code = child(shim, kind, error, n, prepare, run, usual, write)
        except BaseException as exception:  # the check itself failed: that is a finding, too
            shim.trust_fail(kind, 0, 0)
            os.write(write, f"in the check: {type(exception).__name__}: {exception}".encode())
            code = FINDING
        os._exit(code)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def numbers(most, quick):
    """Which of the calls of an action fail; quick: 1, 2, 3, 5, 8, 13, ..., a few of all."""
    n, following = 1, 2
    while n <= most:
        yield n
        n, following = (following, n + following) if quick else (n + 1, 0)


def try_all(most, quick=False):
    """Print a line for each action: how often it failed, and findings; the number of these."""
    shim, n_findings = LOADED, 0
    shim.trust_left.restype = shim.trust_seen.restype = ctypes.c_long
    shim.trust_fail.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_int]
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as name:
        for action, (kind, error, prepare, run) in actions(Path(name)).items():
            run(prepare())
            before = shim.trust_seen(kind)
            usual = run(prepare())
            counts, findings, crashes = Counter(), [], Counter()
            if shim.trust_seen(kind) == before:
                findings.append("nothing that could fail")
            for n in numbers(most, quick and kind != THREAD):
                outcome, text = tried(shim, kind, error, n, prepare, run, usual)
                if outcome == CRASH and "deltaloop" not in text:
                    crashes[Path(text).name.partition(".")[0]] += 1
                elif outcome not in (ENDED, USUAL, ERROR):
                    findings.append(f"failure {n}: {outcome}: {text}")
                counts[outcome] += 1
                if outcome == ENDED:
                    break
            others = "".join(f", {n} crashes of {name}" for name, n in crashes.items())
            print(
                f"{action}: {counts[ERROR]} errors, {counts[USUAL]} usual results{others}, "
                f"{len(findings)} findings", *findings[:10], sep="\n    ", flush=True,
            )  # fmt: skip
            n_findings += len(findings)
    return n_findings


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--most", type=int, default=100_000, help="failures of each action")
    parser.add_argument("--quick", action="store_true", help="the 1st, 2nd, 3rd, 5th, ... alone")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        sys.exit(try_all(options.most, options.quick) > 0)
    if shutil.which("cc") is None or not sys.platform.startswith("linux"):
        sys.exit("needs Linux and a C compiler")
    given = ["--most", str(options.most), *(["--quick"] if options.quick else [])]
    sys.exit(start(given, timeout=None, shown=True).returncode)
