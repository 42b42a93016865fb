"""How numbers are written: with decimal commas, between thousands, with units."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from .cells import is_number

_BLANKS = " \u00a0\u202f"  # also those that do not break a line
_HAS_DIGIT = re.compile(r"[$€£¥ ]*[+-]?\d").match
_UNIT = re.compile(
    r"(?P<before>[$€£¥]?)\s*(?P<number>[+-]?\d[\d.,' \u00a0\u202f]*?(?:[eE][+-]?\d+)?)"
    r"\s*(?P<after>[%‰$€£¥]|°?[A-Za-zµΩ]{1,10}(?:[/^·]?[A-Za-z\d²³]{1,5})?)?"
)


@dataclass(frozen=True)
class NumberForm:
    """The signs between thousands ('' for none) and before the fraction.

    Examples
    --------
    >>> from deltaloop.tables.number_forms import NumberForm
    >>> NumberForm(".", ",").value("1.234,5")
    1234.5
    """

    thousands: str = ""
    decimal: str = "."

    @property
    def is_plain(self) -> bool:
        """Whether Python and every other program read it as it is."""
        return self == PLAIN

    @cached_property
    def pattern(self) -> str:
        """Regular expression of a whole cell, for Python and for RE2."""
        group = f"[{re.escape(self.thousands)}]" if self.thousands else ""
        whole = rf"[1-9]\d{{0,2}}(?:{group}\d{{3}})+|\d+" if group else r"\d+"
        point = re.escape(self.decimal)
        return rf"[+-]?(?:(?:{whole})(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"

    @cached_property
    def _match(self):
        return re.compile(self.pattern).fullmatch

    def matches(self, cell: str) -> bool:
        """Whether the cell is a number in this form."""
        return self._match(cell) is not None

    def value(self, cell: str) -> float:
        """The number that the cell is."""
        for sign in self.thousands:
            cell = cell.replace(sign, "")
        return float(cell.replace(self.decimal, "."))

    def __str__(self) -> str:
        between = {"": "", "'": "apostrophes", _BLANKS: "blanks", ",": "commas", ".": "points"}
        fraction = "decimal commas" if self.decimal == "," else "decimal points"
        return f"{between[self.thousands]} between thousands and {fraction}" if (
            self.thousands
        ) else fraction  # fmt: skip


_BEGINS = re.compile(r"[+-]?[.,]?\d").match  # how all forms begin
PLAIN = NumberForm()
COMMA = NumberForm("", ",")
_FEW_DIGITS = re.compile(r"([.,])(?!\d{3}(?!\d))\d*(?:[eE][+-]?\d+)?$").findall
_NO_THOUSANDS = re.compile(r"^[+-]?(?:0\d*|\d{4,})?([.,])\d").findall
FORMS = (
    COMMA,
    NumberForm(",", "."),
    NumberForm(".", ","),
    NumberForm("'", "."),
    NumberForm("'", ","),
    NumberForm(_BLANKS, "."),
    NumberForm(_BLANKS, ","),
)


def forms_of(cells: Sequence[str]) -> tuple[NumberForm, ...]:
    """The forms that fit all cells, none of which is missing: the plain one alone where it does."""
    if all(map(is_number, cells)):
        return (PLAIN,)
    if not all(map(_BEGINS, cells)):
        return ()
    return tuple(form for form in FORMS if all(map(form.matches, cells)))


def is_written_number(cell: str) -> bool:
    """Whether the cell is a number in any form."""
    if is_number(cell):
        return True
    return _BEGINS(cell) is not None and any(form.matches(cell) for form in FORMS)


def sure_decimals(cells: Iterable[str]) -> set[str]:
    """Signs that can only stand before a fraction: not three digits after them, or not after 0."""
    found = set()
    for cell in cells:
        found.update(_FEW_DIGITS(cell))
        found.update(_NO_THOUSANDS(cell))
    return found


def chosen_form(
    forms: Sequence[NumberForm], decimals: set[str], decimal: str | None, delimiter: str
) -> tuple[NumberForm, bool]:
    """One of several forms that fit a column, and whether that was a guess.

    `decimals` are the signs that other columns have before fractions, `decimal` is the one that was
    asked for.
    """
    sign = decimal
    if sign is None and len(decimals) == 1:
        (sign,) = decimals
    guessed = sign is None
    if sign is None:  # a cell with a comma between commas was quoted, as English programs do
        sign = "," if delimiter == ";" else "."
    fitting = [form for form in forms if form.decimal == sign]
    return (fitting or list(forms))[0], guessed and len(forms) > 1


def unit_of(cell: str) -> str | None:
    """What stands beside the number of a cell, such as 'kg', '%' or '$'; None for other cells."""
    found = _UNIT.fullmatch(cell) if _HAS_DIGIT(cell) else None
    if not found or not is_written_number(found["number"].strip()):
        return None
    return (found["before"] or "") + (found["after"] or "") or None
