"""Rows of cells from lines of text, by a dialect of CSV."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

_NOTHING = " \t\r\n\f\v\x1a"
BLANKS = " "  # the delimiter that stands for any run of blanks and tabs
_MOST = 2**31 - 1  # characters of a cell that csv can be told of everywhere
_lock = Lock()
_asked: list[int] = []  # of the readings that are under way
_before = 0  # the limit that others have set


@dataclass(frozen=True)
class Quoting:
    """What stands around cells, and before a quote inside of one."""

    quote: str = '"'
    escape: str = '"'


class Lines:
    """Lines with their numbers; those that begin with # left out and counted, where asked for."""

    def __init__(self, lines: Iterable[str], skip_comments: bool = False):
        self.lines = iter(lines)
        self.skip_comments = skip_comments
        self.number = 0
        self.n_comments = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            line = next(self.lines)
            self.number += 1
            if not self.skip_comments or not line.lstrip(" \t").startswith("#"):
                return line
            self.n_comments += 1


def reader_of(lines: Iterable[str], delimiter: str, quoting: Quoting) -> Any:
    """The csv reader of the lines; blanks around cells are no part of them."""
    if delimiter == BLANKS:
        lines = (line.replace("\t", " ").strip() + "\n" for line in lines)
    doubled = quoting.escape == quoting.quote
    return csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quoting.quote,
        doublequote=doubled,
        escapechar=None if doubled else quoting.escape,
        skipinitialspace=True,
        strict=True,
    )


@contextmanager
def long_cells(most: int) -> Iterator[None]:
    """Let csv take cells of so many characters (its own limit is 131,072), then no longer.

    The limit is one for the process: with several readings in threads it is the highest that is
    asked for, and the last of them sets back what was before, or what others have set meanwhile.
    """
    most = min(most, _MOST)
    _ask_for(most, _asked.append)
    try:
        yield
    finally:
        _ask_for(most, _asked.remove)


def _ask_for(most, change):
    """Change the list of what is asked for, and set the limit that follows from it."""
    global _before
    with _lock:
        limit = csv.field_size_limit()
        if not _asked or limit != max(_before, *_asked):
            _before = limit
        change(most)
        csv.field_size_limit(max([_before, *_asked]))


def is_blank(row: list[str]) -> bool:
    """Whether the line had nothing but blanks, or the end of a file of DOS."""
    return not row or (len(row) == 1 and not row[0].strip(_NOTHING))
