"""The progress of a training: a bar drawn by rich, or lines where no bar can be drawn."""

import math
from collections.abc import Callable
from contextlib import contextmanager
from importlib.util import find_spec
from time import perf_counter

from ..errors import InvalidTypeError, missing

_SECONDS_BETWEEN = 0.05  # updates of the bar
_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def reporter(progress, epochs: int, n_samples: int | None = None):
    """A callable (epoch, fraction, history) -> None for `train`, or None.

    `progress` is False, True for a bar, or the callable itself.
    """
    if progress is False or progress is None:
        yield None
    elif progress is True:
        with bar(epochs, n_samples=n_samples) as report:
            yield report
    elif callable(progress):
        yield progress
    else:
        raise InvalidTypeError(
            f"progress must be True, False or a callable, got {type(progress).__name__}"
        )


@contextmanager
def bar(epochs: int, console=None, n_samples: int | None = None):
    """All epochs with the latest losses, the speed and the time that is left.

    A bar on a terminal and in a notebook with ipywidgets; elsewhere, as in a file, a line every ten
    seconds and one at the end.
    """
    try:
        from rich.console import Console
    except ImportError:
        raise missing("rich", "cli", "a progress bar") from None
    console = console or Console()
    speed = _Speed(epochs, n_samples)
    if _can_draw(console):
        with (
            _drawn(epochs, console) as draw,
            _now_and_then(draw, speed, _SECONDS_BETWEEN) as report,
        ):
            yield report
        return

    def line(epoch, losses, done, speed):
        parts = (f"epoch {epoch}/{epochs}", losses, speed.text(), speed.left())
        console.print("  ".join(filter(None, parts)), markup=False, highlight=False, soft_wrap=True)

    with _now_and_then(line, speed, _SECONDS_BETWEEN_LINES) as report:
        yield report


def _can_draw(console):
    if console.is_jupyter:  # rich redraws there with widgets
        return find_spec("ipywidgets") is not None
    return console.is_terminal


@contextmanager
def _drawn(epochs, console):
    """A function that draws a bar."""
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("epoch {task.fields[epoch]}/{task.total:.0f}"),
        BarColumn(),
        TextColumn("{task.fields[losses]}"),
        TextColumn("{task.fields[speed]}"),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, refresh_per_second=10) as shown:
        task = shown.add_task("training", total=epochs, epoch=0, losses="", speed="", left="")

        def draw(epoch, losses, done, speed):
            shown.update(
                task, completed=done, epoch=epoch, losses=losses, speed=speed.text(),
                left=speed.left(),
            )  # fmt: skip

        yield draw


@contextmanager
def _now_and_then(show: Callable, speed: "_Speed", seconds: float):
    """The report of `fit`: shows a state every so many seconds, and the last one."""
    shown_at, latest = perf_counter() if seconds > 1 else 0.0, None

    def told(epoch, fraction, history):
        show(epoch, _losses(history), speed.done, speed)

    def report(*state):
        nonlocal shown_at, latest
        latest, now = state, perf_counter()
        speed.reached(state[0] - 1 + state[1], now)
        if now - shown_at >= seconds:
            shown_at = now
            told(*state)

    try:
        yield report
    finally:
        if latest is not None:
            told(*latest)


class _Speed:
    """How fast training is, from what it has done since the first report."""

    def __init__(self, epochs, n_samples):
        self.epochs, self.n_samples = epochs, n_samples
        self.began, self.first, self.done, self.now = perf_counter(), None, 0.0, 0.0

    def reached(self, done, now):
        """`done` epochs are done at that time; a training that is resumed has some at once."""
        if self.first is None:
            self.first = math.floor(done) if done != math.floor(done) else done - 1
        self.done, self.now = done, now

    def per_second(self):
        """Epochs per second; 0: nobody knows."""
        passed = self.now - self.began
        return (self.done - self.first) / passed if self.first is not None and passed > 0 else 0.0

    def text(self):
        """Samples per second, in three digits."""
        found = self.per_second() * (self.n_samples or 0)
        if not found:
            return ""
        digits = max(0, 2 - math.floor(math.log10(found)))
        return f"{round(found, 2 - math.floor(math.log10(found))):,.{digits}f} samples/s"

    def left(self):
        """The time that is left, as h:mm:ss."""
        rate = self.per_second()
        if not rate:
            return ""
        seconds = round((self.epochs - self.done) / rate)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} left"


def _losses(history):
    if not history.loss:
        return ""
    text = f"loss {history.loss[-1]:.4g}"
    if history.validation_loss:
        text += f", validation {history.validation_loss[-1]:.4g}"
    for name, values in history.metrics.items():
        text += f", {name} {values[-1]:.4g}"
    return text
