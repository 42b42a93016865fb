"""Dates and times, and the order in which their parts are written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .duck import quoted

_TIME = r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)?"
_HALF = r"(?: +\d{1,2}:\d{2}(?::\d{2})? ?[AaPp][Mm])?"
_ZONE = r"(?: ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))?"
_NAMED_ZONE = r" ?(?:[A-Z]{2,4}T|[A-Z]{3}|(?:GMT|UTC)[+-]\d{1,2}(?::?\d{2})?)"
_MONTH = r"(?i:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_MONTHS = (
    r"(?i:January|February|March|April|May|June|July|August|September|October|November|December)"
)
ISO = rf"\d{{4}}-\d{{2}}-\d{{2}}{_TIME}{_ZONE}"


@dataclass(frozen=True)
class DateForm:
    """One way to write dates.

    Attributes
    ----------
    name : str
        For people.
    pattern : str
        Regular expression of a whole cell, for Python and for RE2.
    formats : tuple of str
        What strptime of DuckDB is to try, in this order; none for ISO dates, which are cast.
    has_zones : bool
        Whether names of zones, such as EST, follow; times count without them.
    """

    name: str
    pattern: str
    formats: tuple[str, ...] = ()
    has_zones: bool = False

    def sql(self, cell: str) -> str:
        """The time in a cell as an expression of SQL; NULL where there is none."""
        plain = (
            f"regexp_replace({cell}, {quoted(_NAMED_ZONE + '$')}, '')" if self.has_zones else cell
        )
        if self.formats:
            parsed = f"try_strptime({plain}, [{', '.join(map(quoted, self.formats))}])"
        else:
            parsed = f"TRY_CAST({plain} AS TIMESTAMPTZ)"
        return f"CASE WHEN regexp_full_match({cell}, {quoted(self.pattern)}) THEN {parsed} END"


@dataclass(frozen=True)
class Quarter(DateForm):
    """Quarters of years: 2020Q1, 2020-Q1, Q1 2020; their first day."""

    def sql(self, cell: str) -> str:
        """As `DateForm.sql`."""
        year = f"regexp_extract({cell}, '[0-9]{{4}}')::INTEGER"
        quarter = f"regexp_extract({cell}, '[Qq]([1-4])', 1)::INTEGER"
        day = f"make_date({year}, 3 * {quarter} - 2, 1)::TIMESTAMP"
        return f"CASE WHEN regexp_full_match({cell}, {quoted(self.pattern)}) THEN {day} END"


def _with_times(*dates: str, halves: bool = True) -> tuple[str, ...]:
    """The formats of dates, alone and with the time of the day."""
    times = ["", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f"]
    times += [" %I:%M %p", " %I:%M:%S %p", " %I:%M%p", " %I:%M:%S%p"] if halves else []
    return tuple(date + time for date in dates for time in times)


def _numeric(sign: str, year: str) -> tuple[DateForm, DateForm]:
    """Day before month, and month before day; the year has 4 digits (Y) or 2 (y)."""
    digits = rf"\d{{1,2}}{re.escape(sign)}\d{{1,2}}{re.escape(sign)}\d{{{4 if year == 'Y' else 2}}}"
    pattern = f"{digits}(?:{_TIME}|{_HALF})"
    return (
        DateForm(f"day{sign}month{sign}year", pattern, _with_times(f"%d{sign}%m{sign}%{year}")),
        DateForm(f"month{sign}day{sign}year", pattern, _with_times(f"%m{sign}%d{sign}%{year}")),
    )


_NUMERIC = [(sign, _numeric(sign, year)) for sign in "/.-" for year in "Yy"]
ISO_FORM = DateForm("year-month-day", ISO)
# Of a column whose first cells have no time of the day.
ISO_DAY = DateForm("year-month-day, without times", ISO)
_FORMS = (
    ISO_FORM,
    DateForm(
        "year/month/day", rf"\d{{4}}/\d{{1,2}}/\d{{1,2}}(?:{_TIME}|{_HALF})",
        _with_times("%Y/%m/%d"),
    ),
    DateForm(
        "daymonthyear", rf"\d{{1,2}}{_MONTH}\d{{4}}(?::\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?)?",
        ("%d%b%Y", "%d%b%Y:%H:%M:%S", "%d%b%Y:%H:%M", "%d%b%Y:%H:%M:%S.%f"),
    ),
    Quarter("quarters", r"\d{4}[ -]?[Qq][1-4]|[Qq][1-4][ -]\d{4}"),
    DateForm("year-month", r"\d{4}-(?:0[1-9]|1[0-2])", ("%Y-%m",)),
    DateForm(
        "month day year", rf"{_MONTH} +\d{{1,2}},? +\d{{4}}(?:{_TIME}|{_HALF})",
        _with_times("%b %d %Y", "%b %d, %Y"),
    ),
    DateForm(
        "month day year", rf"{_MONTHS} +\d{{1,2}},? +\d{{4}}(?:{_TIME}|{_HALF})",
        _with_times("%B %d %Y", "%B %d, %Y"),
    ),
    DateForm(
        "day month year", rf"\d{{1,2}}[ -]{_MONTH}[ -]\d{{4}}{_TIME}",
        _with_times("%d %b %Y", "%d-%b-%Y", halves=False),
    ),
    DateForm(
        "day month year", rf"\d{{1,2}}[ -]{_MONTH}[ -]\d{{2}}{_TIME}",
        _with_times("%d %b %y", "%d-%b-%y", halves=False),
    ),
    DateForm(
        "day month year", rf"\d{{1,2}}\.? {_MONTHS} \d{{4}}{_TIME}",
        _with_times("%d %B %Y", "%d. %B %Y", halves=False),
    ),
    DateForm("month year", rf"{_MONTH}[ -]\d{{4}}", ("%b %Y", "%b-%Y")),
    DateForm("month year", rf"{_MONTHS} \d{{4}}", ("%B %Y",)),
)  # fmt: skip


_ANY = {form.pattern for form in (*_FORMS, *(pair[0] for _, pair in _NUMERIC))}
_IS_ANY = re.compile("|".join(sorted(_ANY))).fullmatch
_ENDS_IN_ZONE = re.compile(_NAMED_ZONE + "$").sub


def date_forms(cells: Sequence[str]) -> tuple[DateForm, ...]:
    """The forms that fit all cells: none, one, or two that differ in the order of day and month.

    The likelier one of two comes first: points and dashes are written by people who put the day
    first, slashes by either.
    """
    if not cells:
        return ()
    if not all(map(_IS_ANY, cells)):
        return _with_zones(cells)
    for form in _FORMS:
        if all(re.fullmatch(form.pattern, cell) for cell in cells):
            return (form,)
    for sign, (day_first, month_first) in _NUMERIC:
        if all(re.fullmatch(day_first.pattern, cell) for cell in cells):
            firsts, seconds = zip(*(map(int, cell.split(sign)[:2]) for cell in cells), strict=True)
            forms = [
                form
                for form, months in ((day_first, seconds), (month_first, firsts))
                if max(months) <= 12
            ]
            return tuple(forms[::-1] if sign == "/" else forms)
    return ()


def _with_zones(cells: Sequence[str]) -> tuple[DateForm, ...]:
    """The forms of times that have names of zones behind them, all or some of them."""
    plain = [_ENDS_IN_ZONE("", cell) for cell in cells]
    if plain == list(cells) or not all(":" in cell for cell in plain) or not all(
        map(_IS_ANY, plain)
    ):  # fmt: skip
        return ()
    return tuple(
        replace(form, pattern=f"(?:{form.pattern})(?:{_NAMED_ZONE})?", has_zones=True)
        for form in date_forms(plain)
    )


def is_date(cell: str) -> bool:
    """Whether the cell is a date in any form."""
    return bool(date_forms([cell]))
