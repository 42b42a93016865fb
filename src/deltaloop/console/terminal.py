"""How the command line speaks: one line for each error and warning, plain text in a pipe."""

import errno
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, TextIO

import click

from ..errors import DeltaloopError, DeltaloopWarning, DivergenceError
from ..text import aligned, visible
from ..training.history import History

INTERRUPTED = 130  # what a shell reports after Ctrl-C: 128 + SIGINT


class OneLineErrors(click.Group):
    """A group of commands that ends with a status and at most one line, never a traceback.

    Status 2: something given was wrong. 1: the training diverged. 130: Ctrl-C.
    """

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command and leave by SystemExit."""
        extra["standalone_mode"] = False
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # what its encoding lacks is written out
                stream.reconfigure(errors="backslashreplace")
        with _one_line_warnings():
            sys.exit(_exit_status(lambda: super(OneLineErrors, self).main(*args, **extra)))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; Ctrl-C outside of training ends it with its status alone."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


class WholeNumber(click.ParamType):
    """A whole number from `low` on."""

    name = "number"

    def __init__(self, low: int):
        self.low = low

    def convert(self, value, param, ctx) -> int:
        """The number, or the error that click shows."""
        try:
            number = int(value)
        except ValueError:
            number = self.low - 1
        if number < self.low:
            self.fail(f"must be a whole number >= {self.low}, got {value!r}", param, ctx)
        return number


def say(text: str) -> None:
    """One line on stderr."""
    click.echo(visible(" ".join(text.split())), err=True)


def print_lines(*lines: str) -> None:
    """Lines on stdout, in one piece: a reader that wants one line shall not end the work."""
    click.echo("\n".join(map(visible, lines)))


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody reads the stream on a screen; a closed stream is none."""
    return stream is not None and stream.isatty()


def print_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Two columns on stdout: a table on a terminal, plain lines of fixed form elsewhere."""
    rows = [(visible(label), visible(value)) for label, value in rows]
    if not is_terminal(sys.stdout):
        width = max(len(label) for label, _ in rows) + 2
        for label, value in rows:
            click.echo(f"{label:<{width}}{value}".rstrip())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.ROUNDED, show_header=False)
    for label, value in rows:  # as Text: names of the user are no markup
        table.add_row(Text(label, style="dim"), Text(value))
    Console().print(table)


def print_table(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """A table with a title on stdout: the first column to the left, the others to the right."""
    head = [visible(cell) for cell in head]
    lines = [[visible(cell) for cell in line] for line in lines]
    if not is_terminal(sys.stdout):
        straight = aligned([head, *lines], "<" + ">" * (len(head) - 1))
        click.echo("\n".join([visible(title), *straight]))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.ROUNDED)
    for number, cell in enumerate(head):
        table.add_column(Text(cell), justify="right" if number else "left")
    for line in lines:
        table.add_row(*map(Text, line))
    console = Console()
    console.print(Text(visible(title)))
    console.print(table)


@contextmanager
def progress_bar(
    n_epochs: int, n_samples: int
) -> Iterator[Callable[[int, float, History], None] | bool]:
    """A progress bar on stderr, where that is a terminal."""
    if not is_terminal(sys.stderr):
        yield False
        return
    from rich.console import Console

    from ..training.progress import bar

    with bar(n_epochs, Console(stderr=True), n_samples) as draw:
        yield draw


@contextmanager
def fraction_bar(title: str) -> Iterator[Callable[[float, str], None] | bool]:
    """A bar on stderr for f(fraction, text), where that is a terminal."""
    if not is_terminal(sys.stderr):
        yield False
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn(title), BarColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=10) as shown:
        task = shown.add_task(title, total=1.0, text="")
        yield lambda fraction, text: shown.update(task, completed=fraction, text=text)


@contextmanager
def status(text: str) -> Iterator[None]:
    """Tell on stderr what is going on, where that is a terminal."""
    if not is_terminal(sys.stderr):
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


def _exit_status(run: Callable[[], Any]) -> int:
    """Exit status of a run; the error, if there is one, has been told."""
    try:
        status = run()
        if sys.stdout is not None:
            sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.ClickException as error:
        say(f"error: {error.format_message()}")
        return 2
    except DivergenceError as error:
        say(f"error: {error}")
        return 1
    except OSError as error:
        return _after_system_error(error)
    except MemoryError as error:
        say(f"error: not enough memory: {error}; use smaller layers or less data")
        return 2
    except (DeltaloopError, ImportError) as error:
        say(f"error: {error}")
        return 2


def _after_system_error(error: OSError) -> int:
    """Exit status after a failure to read or write; a reader that has gone is none."""
    if sys.stdout is not None:  # what is left in the buffer would fail again at exit
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:
        return 1
    where = error.filename2 or error.filename or "cannot write the output"
    say(f"error: {where}: {error.strerror or error}")
    return 2


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Show each warning once, as one line."""
    shown = set()

    def show(message, category, filename, lineno, file=None, line=None):
        if str(message) not in shown:
            shown.add(str(message))
            say(f"warning: {message}")

    with warnings.catch_warnings():
        before = warnings.showwarning
        warnings.simplefilter("always", DeltaloopWarning)
        warnings.showwarning = show
        try:
            yield
        finally:
            warnings.showwarning = before
