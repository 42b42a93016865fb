"""What the user says of cells: which are missing, and in which columns numbers are sought."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .cells import is_missing, is_number
from .number_forms import FORMS, PLAIN, NumberForm, chosen_form, forms_of, sure_decimals

_NUMBER = re.compile(
    r"(?:(?<![\w.,])(?P<sign>[+-]))?\s*[$€£¥]?\s*"
    r"(?P<number>(?:\d[\d.,' \u00a0\u202f]*|[.,]\d+)(?:[eE][+-]?\d+)?)"
)


def number_in(cell: str) -> str | None:
    """The first number in a cell, as it is written; (5) and 5- are negative, as in accounts.

    Examples
    --------
    >>> from deltaloop.tables.rewriting import number_in
    >>> [number_in(cell) for cell in ("-$1,200.50", "(12 %)", "< 0.5 mg", "7-", "none")]
    ['-1,200.50', '-12', '0.5', '-7', None]
    """
    text = cell.strip().replace("\u2212", "-")
    found = _NUMBER.search(text)
    if found is None:
        return None
    number = found["number"].rstrip(" .,'\u00a0\u202f")
    is_negative = (
        found["sign"] == "-"
        or (text.startswith("(") and text.endswith(")"))
        or text[found.end() :].strip() == "-"
    )
    return f"-{number}" if is_negative else number


@dataclass
class Rewriting:
    """The cells of rows as the user wants them read.

    Attributes
    ----------
    missing : tuple of str
        Cells that are missing, besides those that always are.
    names : dict of int to str
        The columns whose cells are the numbers in them.
    """

    missing: tuple[str, ...] = ()
    names: dict[int, str] = field(default_factory=dict)
    forms: dict[int, NumberForm] = field(default_factory=dict)
    n_missing: Counter = field(default_factory=Counter)
    changed: dict[int, list[tuple[str, float]]] = field(default_factory=dict)
    without: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._texts = {one.strip().casefold(): one for one in self.missing}
        self._numbers = {float(one): one for one in self.missing if is_number(one)}

    @property
    def is_needed(self) -> bool:
        """Whether any cell may change."""
        return bool(self.missing or self.names)

    def look(self, rows: Sequence[Sequence[str]], decimal: str | None, delimiter: str) -> None:
        """Decide how numbers are written in each column, by the first rows."""
        for number in self.names:
            cells = [row[number] for row in rows if not self._stands_for_missing(row[number])]
            bare = [found for found in map(number_in, cells) if found is not None]
            forms = list(forms_of(bare)) if bare else [PLAIN]
            if not forms:  # the one that fits most of them
                forms = [max((PLAIN, *FORMS), key=lambda form: sum(map(form.matches, bare)))]
            if decimal is None and forms == [PLAIN]:
                self.forms[number] = PLAIN
            else:
                self.forms[number], _ = chosen_form(forms, sure_decimals(bare), decimal, delimiter)

    def _stands_for_missing(self, cell: str) -> str | None:
        """The given cell that this one is."""
        text = cell.strip().casefold()
        if text in self._texts:
            return self._texts[text]
        return self._numbers.get(float(text)) if self._numbers and is_number(text) else None

    def row(self, row: list[str]) -> list[str]:
        """The cells of a row as they are to be read."""
        if self.missing:
            row = [self._without(cell) for cell in row]
        for number in self.names:
            if not is_missing(row[number]):
                row[number] = self._number(number, row[number])
        return row

    def _without(self, cell):
        given = self._stands_for_missing(cell)
        if given is None:
            return cell
        self.n_missing[given] += 1
        return ""

    def _number(self, number, cell):
        form, bare = self.forms.get(number, PLAIN), number_in(cell)
        if bare is None or not form.matches(bare):
            self.without.setdefault(number, []).append(cell)
            return ""
        value = form.value(bare)
        if not (is_number(cell) and float(cell) == value):
            self.changed.setdefault(number, []).append((cell, value))
        return repr(value)

    def notes(self) -> list[str]:
        """What was done."""
        told = []
        for given in self.missing:
            n = self.n_missing[given]
            if n:
                plural, verb = "s" * (n > 1), "s" * (n == 1)
                told.append(f"{n} cell{plural} {given!r} count{verb} as missing, as asked for")
            else:
                told.append(f"no cell is {given!r}, which was to count as missing")
        for number, name in self.names.items():
            text = f"column {name!r} is the number in each cell, as asked for"
            if number in self.changed:
                cell, value = self.changed[number][0]
                text += f", such as {cell!r}, which is {value:g}"
            if number in self.without:
                n, cell = len(self.without[number]), self.without[number][0]
                text += f"; {n} cell{'s' * (n > 1)} such as {cell!r} without one "
                text += "is missing" if n == 1 else "are missing"
            told.append(text)
        return told
