"""What the command line prints in a pipe and on a terminal, and the status that it ends with."""

import errno
import io
import sys
import warnings

import click
import pytest

from deltaloop.console import terminal
from deltaloop.errors import DeltaloopWarning, DivergenceError, InvalidInputError

ROWS = [("loss", "0.25"), ("epochs", "[bold]3"), ("note", "")]


@pytest.fixture
def on_terminal(monkeypatch):
    """Call it to let both streams be terminals; what that returns tells what they have got."""
    pytest.importorskip("rich")

    def begin():
        for name in ("stdout", "stderr"):
            stream = io.StringIO()
            stream.isatty = lambda: True
            monkeypatch.setattr(sys, name, stream)
        monkeypatch.setenv("COLUMNS", "60")
        monkeypatch.setenv("TERM", "xterm")
        return lambda: (sys.stdout.getvalue(), sys.stderr.getvalue())

    return begin


def test_in_a_pipe_two_columns_are_lines_of_a_fixed_form(capsys):
    terminal.print_rows(ROWS)
    assert capsys.readouterr().out == "loss    0.25\nepochs  [bold]3\nnote\n"


def test_on_a_terminal_they_are_a_table_and_no_markup(on_terminal):
    read = on_terminal()
    terminal.print_rows(ROWS)
    out, _ = read()
    assert "╭" in out and "[bold]3" in out


def test_in_a_pipe_columns_of_numbers_end_at_one_place(capsys):
    lines = [["first", "1", "0.25"], ["b", "10", "2"]]
    terminal.print_table("a title", ["name", "n", "loss"], lines)
    assert capsys.readouterr().out.splitlines() == [
        "a title", "  name    n  loss", "  first   1  0.25", "  b      10     2",
    ]  # fmt: skip


def test_on_a_terminal_too(on_terminal):
    read = on_terminal()
    terminal.print_table("a title", ["name", "n"], [["first", "1"], ["b", "10"]])
    lines = read()[0].splitlines()
    assert lines[0] == "a title" and lines[1].startswith("╭")
    (row,) = [line for line in lines if "first" in line]
    assert row == "│ first │  1 │"


def test_bars_and_what_goes_on_are_for_terminals_alone(capsys):
    with (
        terminal.progress_bar(3, 10) as draw,
        terminal.fraction_bar("reading") as tell,
        terminal.status("working"),
    ):
        assert draw is False and tell is False
    assert capsys.readouterr() == ("", "")


def test_a_bar_shows_its_text(on_terminal):
    read = on_terminal()
    with terminal.fraction_bar("reading") as tell:
        tell(0.5, "half of it")
    assert "reading" in read()[1] and "half of it" in read()[1]
    with terminal.status("working"):
        pass
    with terminal.progress_bar(3, 10) as draw:
        assert callable(draw)
    assert "working" in read()[1]
    assert read()[0] == ""


def test_a_whole_number_of_an_option():
    kind = terminal.WholeNumber(1)
    assert kind.convert("1", None, None) == 1
    for refused in ("0", "-3", "1.5", "x"):
        with pytest.raises(click.BadParameter, match=f"whole number >= 1, got '{refused}'"):
            kind.convert(refused, None, None)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (DivergenceError("it diverged"), 1, "error: it diverged"),
        (InvalidInputError("x is wrong"), 2, "error: x is wrong"),
        (click.UsageError("no such option"), 2, "error: no such option"),
        (MemoryError("9 GiB"), 2,
         "error: not enough memory: 9 GiB; use smaller layers or less data"),
        (ImportError("no rich"), 2, "error: no rich"),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, ""),
        (OSError(errno.ENOSPC, "No space"), 2, "error: cannot write the output: No space"),
        (OSError(errno.ENOENT, "No file", "a.csv"), 2, "error: a.csv: No file"),
        (OSError(errno.EXDEV, "Other disk", "a", None, "b"), 2, "error: b: Other disk"),
        (OSError("odd"), 2, "error: cannot write the output: odd"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line_and_a_status(error, status, text, capsys):
    def run():
        raise error

    assert terminal._exit_status(run) == status
    assert capsys.readouterr().err.rstrip("\n") == text


def test_a_status_of_a_command_is_passed_on():
    assert terminal._exit_status(lambda: 3) == 3
    assert terminal._exit_status(lambda: None) == 0


def test_each_warning_is_shown_once(capsys):
    with terminal._one_line_warnings():
        for text in ("rows are\nmissing", "rows are\nmissing", "another"):
            warnings.warn(text, DeltaloopWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: rows are missing\nwarning: another\n"
