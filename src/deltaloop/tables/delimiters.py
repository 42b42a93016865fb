"""The delimiter and the quotes of a text, by how evenly they divide its first rows."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .cells import is_missing
from .number_forms import is_written_number
from .records import BLANKS, Lines, Quoting, is_blank, reader_of

LOOKED_AT = 100  # rows
NO_DELIMITER = "\x1f"  # of a table with one column


@dataclass(frozen=True)
class Candidate:
    """A delimiter and quotes, and how well they divide the first rows."""

    delimiter: str
    quoting: Quoting
    widths: tuple[int, ...]  # of the first row and those below
    is_even: bool
    share: float  # of cells that are numbers
    is_broken: bool  # whether a row cannot be read so

    @property
    def is_exact(self) -> bool:
        """Whether the first row has as many cells as those below."""
        return len(set(self.widths)) == 1

    @property
    def width(self) -> int:
        """The number of cells that most rows have."""
        return Counter(self.widths[1:] or self.widths or [0]).most_common(1)[0][0]


def best_division(
    lines: Sequence[str], delimiters: str, is_whole: bool, with_hashes: bool = False
) -> Candidate:
    """The delimiter and the quotes that divide evenly and leave most numbers."""
    text = "".join(lines[: 2 * LOOKED_AT])
    quotings = [Quoting()]
    if '\\"' in text:
        quotings.append(Quoting('"', "\\"))
    if '"' not in text and text.count("'") > 1:
        quotings.insert(0, Quoting("'", "'"))
    found = [
        _candidate(lines, delimiter, quoting, is_whole, with_hashes)
        for quoting in quotings
        for delimiter in delimiters
    ]
    even = [one for one in found if one.is_even]
    if even:
        return max(even, key=lambda one: (one.is_exact, one.share))  # the first of several
    if BLANKS not in delimiters and len(delimiters) > 1:  # as words have, too
        blanks = _candidate(lines, BLANKS, quotings[-1], is_whole, with_hashes)
        if blanks.is_even and blanks.is_exact and blanks.share >= 0.5:
            return blanks
    uneven = [one for one in found if not one.is_broken and one.width > 1 and _most_agree(one)]
    if uneven:
        return max(uneven, key=lambda one: one.share)
    broken = [one for one in found if one.is_broken and one.widths and max(one.widths) > 1]
    if broken:
        return max(broken, key=lambda one: one.widths[0])
    return _candidate(lines, NO_DELIMITER, quotings[-1], is_whole, with_hashes)


def _most_agree(one: Candidate) -> bool:
    return 2 * one.widths.count(one.width) >= len(one.widths)


def _candidate(
    lines: Sequence[str], delimiter: str, quoting: Quoting, is_whole: bool, with_hashes: bool
) -> Candidate:
    """How well this delimiter divides the first rows."""
    rows: list[list[str]] = []
    is_broken = False
    reader = reader_of(Lines(lines, not with_hashes), delimiter, quoting)
    try:
        for row in reader:
            if not is_blank(row):
                rows.append(row)
            if len(rows) == LOOKED_AT:
                break
    except csv.Error:
        is_broken = is_whole or len(rows) < LOOKED_AT // 10
    if quoting.quote == "'" and not is_broken:  # apostrophes are no quotes
        left = sum(cell.count("'") for row in rows for cell in row)
        is_broken = left > 0
    widths = tuple(map(len, rows))
    below = widths[1:] or widths
    is_even = (
        not is_broken
        and len(set(below)) == 1
        and below[0] > 1
        and (
            widths[0] == below[0]
            or (widths[0] == below[0] + 1 and not rows[0][-1].strip())
            or widths[0] == below[0] - 1 > 0
        )
    )
    share = 0.0
    if max(widths, default=0) > 1:
        cells = [cell for row in rows[1:] or rows for cell in row if not is_missing(cell)]
        share = sum(is_written_number(cell.strip()) for cell in cells) / max(1, len(cells))
    return Candidate(delimiter, quoting, widths, is_even, round(share, 3), is_broken)
