"""Children of one process that has imported and collected everything, a few at a time."""

import os
import resource
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_MEMORY = 8 << 30  # bytes a child may have


class Forks:
    """Starts children and tells what has become of them."""

    def __init__(self, workers: int, folder: Path, report: Callable[..., None]):
        self.workers, self.folder, self.report = workers, folder, report
        self.is_child = False
        self.running: dict[int, tuple] = {}  # by process: (what for, log)

    def fork(self, purpose) -> bool:
        """Whether this is the child; waits until there is room for it."""
        while len(self.running) >= self.workers:
            self.wait()
        used = {log for _, log in self.running.values()}
        logs = (self.folder / f"child-{k}" for k in range(self.workers))
        self.log = next(log for log in logs if log not in used)
        self.log.write_text("")
        child = os.fork()
        if child:
            self.running[child] = purpose, self.log
            return False
        self.is_child = True
        os.setsid()
        self.running = {}
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        temporary = self.log.with_suffix(".tmp")  # of pytest's tmp_path
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(temporary)
        return True

    def wait(self) -> None:
        """Report the next child that ends."""
        child, status = os.waitpid(-1, 0)
        if child not in self.running:
            return
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # also what the tests have begun
        purpose, log = self.running.pop(child)
        self.report(purpose, *outcome(status, log.read_text()))

    def wait_for_all(self) -> None:
        while self.running:
            self.wait()


def outcome(status: int, said: str) -> tuple[str, str]:
    """What became of a child by its status, which has noted what failed."""
    if os.WIFSIGNALED(status):
        signal_number = os.WTERMSIG(status)
        if signal_number == signal.SIGALRM:
            return "timed out", said
        return "killed", f"signal {signal_number}: {said}"
    if os.WEXITSTATUS(status) == 0:
        return "survived", ""
    return ("killed" if os.WEXITSTATUS(status) in (1, 2) and said else "unclear"), said


class Watch:
    """Of pytest: notes the first test that fails, and ends a test that takes too long."""

    def __init__(self, log: Path, seconds: Callable[[str], float]):
        self.log, self.seconds = log, seconds

    def pytest_runtest_logstart(self, nodeid):
        self.log.write_text(nodeid)  # for one that crashes or does not end
        signal.setitimer(signal.ITIMER_REAL, self.seconds(nodeid))  # which ends the process

    def pytest_runtest_logfinish(self):
        signal.setitimer(signal.ITIMER_REAL, 0)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            message = crash.message if crash else str(report.longrepr)
            self.log.write_text(f"{report.nodeid}\n{message[:300]}")
