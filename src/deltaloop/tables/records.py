"""Rows of cells from lines of text, by a dialect of CSV."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_NOTHING = " \t\r\n\f\v\x1a"
BLANKS = " "  # the delimiter that stands for any run of blanks and tabs


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


def is_blank(row: list[str]) -> bool:
    """Whether the line had nothing but blanks, or the end of a file of DOS."""
    return not row or (len(row) == 1 and not row[0].strip(_NOTHING))
