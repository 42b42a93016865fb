"""How numbers are written: with decimal commas, between thousands, with units."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from .cells import is_number
from .duck import quoted

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
        if self.thousands == ",":  # lakhs and crores, as in 12,34,567
            whole += r"|[1-9]\d?(?:,\d{2})+,\d{3}"
        point = re.escape(self.decimal)
        return rf"[+-]?(?:(?:{whole})(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"

    @cached_property
    def _match(self):
        return re.compile(self.pattern).fullmatch

    def matches(self, cell: str) -> bool:
        """Whether the cell is a number in this form."""
        return self._match(cell) is not None

    def sql(self, cell: str) -> str:
        """The number in a cell as an expression of SQL; NULL where there is none."""
        if self.is_plain:  # DuckDB would read 1_0 as 10
            return f"CASE WHEN NOT contains({cell}, '_') THEN TRY_CAST({cell} AS DOUBLE) END"
        signs = quoted(self.decimal + self.thousands)
        return (
            f"CASE WHEN regexp_full_match({cell}, {quoted(self.pattern)}) "
            f"THEN TRY_CAST(translate({cell}, {signs}, '.') AS DOUBLE) END"
        )

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


@dataclass(frozen=True)
class Fortran(NumberForm):
    """Numbers of which some have the exponent D, as Fortran writes those of double precision."""

    @cached_property
    def pattern(self) -> str:
        """As that of `NumberForm`; the D needs a point, since 12D3 may be a name."""
        return (
            r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
            r"|[+-]?(?:\d+\.\d*|\.\d+)[dD][+-]?\d+"
        )

    def value(self, cell: str) -> float:
        """The number that the cell is."""
        return float(cell.upper().replace("D", "E"))

    def sql(self, cell: str) -> str:
        """As `NumberForm.sql`."""
        return (
            f"CASE WHEN regexp_full_match({cell}, {quoted(self.pattern)}) "
            f"THEN TRY_CAST(translate({cell}, 'dD', 'ee') AS DOUBLE) END"
        )

    def __str__(self) -> str:
        return "exponents with D"


@dataclass(frozen=True)
class Clock(NumberForm):
    """Durations, and times of the day: 4:35, 1:23:45.5, 1 day 02:03:04, 1:30 PM.

    a:b is 60 a + b, a:b:c is 3600 a + 60 b + c; 12 hours more with PM.
    """

    @cached_property
    def pattern(self) -> str:
        """As that of `NumberForm`."""
        time = r"\d{1,4}:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
        return (
            rf"[+-]?(?:\d+ days?,? \+?)?{time}|(?:0?[1-9]|1[0-2]):[0-5]\d(?::[0-5]\d)? ?[aApP][mM]"
        )

    def value(self, cell: str) -> float:
        """Seconds; or minutes, where there are hours and minutes."""
        half = cell[-2:].upper() if cell[-1] in "mM" else ""
        days = re.match(r"[+-]?(\d+) day", cell)
        parts = [
            float(part) for part in re.findall(r"\d[\d.]*", cell[days.end() :] if days else cell)
        ]
        if half:
            parts[0] = parts[0] % 12 + 12 * (half == "PM")
        size = float(days[1]) * 86_400 * (1 if len(parts) == 3 else 1 / 60) if days else 0.0
        for place, part in enumerate(reversed(parts)):
            size += part * 60**place
        return -size if cell.startswith("-") else size

    def sql(self, cell: str) -> str:
        """As `NumberForm.sql`."""
        parts = f"string_split(regexp_extract({cell}, '[0-9:.]*:[0-9:.]*'), ':')"
        days = f"coalesce(TRY_CAST(regexp_extract({cell}, '([0-9]+) day', 1) AS DOUBLE), 0)"
        first = f"({parts}[1])::DOUBLE"
        first = (
            f"CASE WHEN {cell} ILIKE '%pm' THEN {first} % 12 + 12 "
            f"WHEN {cell} ILIKE '%am' THEN {first} % 12 ELSE {first} END"
        )
        size = (
            f"CASE WHEN len({parts}) = 3 THEN 86400 * {days} + 3600 * ({first}) "
            f"+ 60 * ({parts}[2])::DOUBLE + ({parts}[3])::DOUBLE "
            f"ELSE 1440 * {days} + 60 * ({first}) + ({parts}[2])::DOUBLE END"
        )
        return (
            f"CASE WHEN regexp_full_match({cell}, {quoted(self.pattern)}) "
            f"THEN ({size}) * CASE WHEN {cell}[1] = '-' THEN -1 ELSE 1 END END"
        )

    def __str__(self) -> str:
        return "times"


FORTRAN, CLOCK = Fortran(), Clock()

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
    found = tuple(form for form in FORMS if all(map(form.matches, cells)))
    if not found and all(map(FORTRAN.matches, cells)):
        return (FORTRAN,)
    return found


def is_clock(cells: Sequence[str]) -> bool:
    """Whether all cells are durations or times of the day."""
    return ":" in cells[0] and all(map(CLOCK.matches, cells))


def is_written_number(cell: str) -> bool:
    """Whether the cell is a number in any form."""
    if is_number(cell):
        return True
    return _BEGINS(cell) is not None and any(form.matches(cell) for form in (*FORMS, FORTRAN))


def sure_decimals(cells: Iterable[str]) -> set[str]:
    """Signs that can only stand before a fraction: not three digits after them, or not after 0."""
    found = set()
    for cell in filter(is_written_number, cells):
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
    return (fitting or list(forms))[0], guessed and len({form.decimal for form in forms}) > 1


def unit_of(cell: str) -> str | None:
    """What stands beside the number of a cell, such as 'kg', '%' or '$'; None for other cells."""
    found = _UNIT.fullmatch(cell) if _HAS_DIGIT(cell) else None
    if not found or not is_written_number(found["number"].strip()):
        return None
    return (found["before"] or "") + (found["after"] or "") or None
