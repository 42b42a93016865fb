"""Columns out of DuckDB: what the cells of each are, and arrays of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .cells import LONGEST, MARKERS, MISSING_CELLS, Column, is_missing
from .dates import DateForm, date_forms
from .duck import quoted
from .kinds import TEXT, Kind
from .number_forms import (
    CLOCK,
    PLAIN,
    NumberForm,
    chosen_form,
    forms_of,
    is_clock,
    is_written_number,
    unit_of,
)
from .problems import Problems
from .text_column import MISSING, Text

_SAMPLE = 1000
_MANY = 50  # different cells that could be missing
_FETCHED = 2000  # different cells that do not fit
TABLE = "raw"  # where cells are kept while it is decided what they are
_AT_ONCE = 250  # columns in a query
_ABSENT = {"number": np.nan, "date": -(2**63)}  # NaN, NaT; of text the code of missing cells


@dataclass
class Decisions:
    """What is needed to decide what columns are, and what is to be said about it.

    Attributes
    ----------
    problems : Problems
        What is wrong with columns.
    delimiter : str
        Between the cells.
    decimal : str or None
        The sign before fractions that was asked for.
    decimals : set of str
        Those that can be nothing else.
    notes : list of str
        What was decided that is not plain to see.
    """

    problems: Problems
    delimiter: str = ","
    decimal: str | None = None
    decimals: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def settled(
    con: Any, relation: str, number: int, name: str, kind: Kind, cells: Sequence[str], by: Decisions
) -> Kind:
    """The kind of an open column c<number> of texts, decided on all its cells.

    `cells` are the first of them.
    """
    if kind.name != "open":
        return kind
    seen = list(dict.fromkeys(cell.strip() for cell in cells if not is_missing(cell)))
    inner = f"SELECT {present(f'c{number}')} AS x, rowid AS r FROM {relation}"
    if not seen:
        query = f"SELECT x FROM ({inner}) WHERE x IS NOT NULL ORDER BY r LIMIT {_SAMPLE}"
        seen = list(dict.fromkeys(cell for (cell,) in con.execute(query).fetchall()))
    if not seen:
        return Kind("empty")

    def unfit(expression: str) -> list[tuple[str, int, int]]:
        """Cells for which there is no value, with their number and the first row."""
        return _unfit(con, inner, expression)

    written = [cell for cell in seen if is_written_number(cell)]
    with_units = [cell for cell in seen if unit_of(cell) is not None]
    if 2 * len(written) >= len(seen):
        ((n_present,),) = con.execute(f"SELECT count(x) FROM ({inner})").fetchall()
        found = _as_numbers(name, written, n_present, unfit, by)
        if found:
            return found
    known = [cell for cell in seen if cell.casefold() not in MARKERS]
    if known and is_clock(known):
        return _as_times(name, known[0], unfit(CLOCK.sql("x")), by)
    dates = _as_dates(name, date_forms(known), unfit, by)
    if dates is None and len(written) + len(with_units) == len(seen) > len(written):
        _refuse_units(name, unfit(PLAIN.sql("x")), 0, by)
    return dates or TEXT


def _as_numbers(
    name: str,
    written: Sequence[str],
    n_present: int,
    unfit: Callable[[str], list[Any]],
    by: Decisions,
) -> Kind | None:
    """The column as numbers, if nothing else is in it."""
    forms = forms_of(written)
    grouped = NumberForm(".", ",")
    wanted = by.decimal or (by.decimals == {","} and ",")
    is_open = forms == (PLAIN,) and any("." in cell for cell in written)
    if is_open and wanted == "," and all(map(grouped.matches, written)):
        forms = (grouped,)  # 1.234 among 1,5
    left = {form: unfit(form.sql("x")) for form in forms}
    if not left:
        by.notes.append(
            f"column {name!r} counts as text, as its numbers are written in different ways, such "
            f"as {written[0]!r}"
        )
        return TEXT
    least = min(sum(count for _, count, _ in odd) for odd in left.values())
    fitting = [form for form in forms if sum(count for _, count, _ in left[form]) == least]
    form, guessed = chosen_form(fitting, by.decimals, by.decimal, by.delimiter)
    odd = left[form]
    markers = _markers(name, odd, by)
    if markers is None:
        n_odd = sum(count for _, count, _ in odd)
        if _refuse_units(name, odd, n_present - n_odd, by):
            return TEXT
        by.notes.append(f"column {name!r} {_as_text(name, odd)}")
        return TEXT
    if not form.is_plain:
        example = next((cell for cell in written if not PLAIN.matches(cell)), written[0])
        note = f"column {name!r} has {form}, such as {example!r}, which is {form.value(example):g}"
        other = "." if form.decimal == "," else ","
        if guessed or (form == grouped and any(map(PLAIN.matches, written))):
            note += f"; if that is wrong, use decimal={other!r} (--decimal {other})"
        by.notes.append(note)
    return Kind("number", form=form, markers=markers)


def _as_times(name: str, example: str, odd: Sequence[Any], by: Decisions) -> Kind:
    """The column as durations or times of the day, if nothing else is in it."""
    markers = _markers(name, odd, by)
    if markers is None:
        by.notes.append(f"column {name!r} {_as_text(name, odd)}")
        return TEXT
    by.notes.append(
        f"column {name!r} has times, such as {example!r}, which is {CLOCK.value(example):g}"
    )
    return Kind("number", form=CLOCK, markers=markers)


def _as_text(name: str, odd: Sequence[Any]) -> str:
    """Why a column is text, and what to do if that is wrong."""
    return (
        f"{_because_of(odd)}; if it is meant to be numeric, correct them, or use "
        f"numbers=[{name!r}] (--numbers), which takes the number in each cell"
    )


def _because_of(odd: Sequence[Any]) -> str:
    n_odd = sum(count for _, count, _ in odd)
    cell, _, row = min(odd, key=lambda one: one[2])
    at_least = "at least " if len(odd) > _MANY else ""
    return (
        f"counts as text because of {at_least}{n_odd} cell{'s' * (n_odd > 1)} such as {cell!r} in "
        f"row {row}"
    )


def _as_dates(
    name: str, forms: Sequence[DateForm], unfit: Callable[[str], list[Any]], by: Decisions
) -> Kind | None:
    """The column as dates, if nothing else is in it."""
    left = [(form, unfit(form.sql("x"))) for form in forms]
    fitting = [
        (form, odd)
        for form, odd in left
        if all(cell.casefold() in MARKERS for cell, _, _ in odd) and len(odd) <= _MANY
    ]
    if not fitting:
        odd = min((odd for _, odd in left), key=len, default=[])
        if 0 < len(odd) <= _MANY:  # the column is meant to be dates
            by.notes.append(f"column {name!r} {_because_of(odd)}, which is no date")
        return None
    form, odd = fitting[0]
    if len(fitting) > 1:
        by.notes.append(
            f"dates of column {name!r} are taken as {form.name}; they could be "
            f"{fitting[1][0].name} as well, as no number in them is above 12"
        )
    if any("%y" in one for one in form.formats):
        by.notes.append(
            f"years of two digits in column {name!r}: 00 to 68 count as 2000 to 2068, 69 to 99 as "
            "1969 to 1999"
        )
    if form.has_zones:
        by.notes.append(
            f"times of column {name!r} count as they stand, without the names of zones behind them"
        )
    return Kind("date", date=form, markers=_markers(name, odd, by) or ())


def _markers(name: str, odd: Sequence[Any], by: Decisions) -> tuple[str, ...] | None:
    """Cells that stand for what is missing, if all that are left do."""
    if len(odd) > _MANY or any(cell.casefold() not in MARKERS for cell, _, _ in odd):
        return None
    if odd:
        n_cells = sum(count for _, count, _ in odd)
        by.notes.append(
            f"{n_cells} cell{'s' * (n_cells > 1)} of column {name!r} such as {odd[0][0]!r} "
            f"count{'s' * (n_cells == 1)} as missing"
        )
    return tuple(sorted({cell for cell, _, _ in odd}))


def _refuse_units(name: str, odd: Sequence[Any], n_numbers: int, by: Decisions) -> bool:
    """Whether all cells that are no numbers have one unit: a problem.

    Letters that few of the cells have are no unit: a street has numbers such as 12a.
    """
    units = {unit_of(cell) or "" for cell, _, _ in odd}
    unit = units.pop() if len(units) == 1 else ""
    if not unit:
        return False
    if unit[-1].isalnum() and sum(count for _, count, _ in odd) < n_numbers:
        return False
    cell, _, row = min(odd, key=lambda one: one[2])
    by.problems.add(
        f"column {name!r} of {{source}} has numbers with {unit!r}, such as {cell!r} in row "
        f"{row}; write the numbers alone, take the number in each cell with numbers=[{name!r}] "
        f"(--numbers), or keep the cells as text with text=[{name!r}] (--text)"
    )
    return True


def _unfit(con: Any, inner: str, expression: str) -> list[tuple[str, int, int]]:
    """Cells x of rows r for which there is no value, most frequent first."""
    return con.execute(
        f"SELECT x, count(*), min(r) + 1 FROM ({inner}) WHERE x IS NOT NULL AND "
        f"({expression}) IS NULL GROUP BY x ORDER BY 2 DESC, 3 LIMIT {_FETCHED}"
    ).fetchall()


def misfit(con: Any, relation: str, number: int, kind: Kind) -> tuple[str, int] | None:
    """The first cell of a column c<number> of texts that has not this kind, and its row from 1."""
    if kind.name not in ("number", "date", "empty"):
        return None
    expression = {
        "number": kind.form.sql('x'), "date": kind.date.sql("x"), "empty": "NULL"
    }[kind.name]  # fmt: skip
    inner = f"SELECT {present(f'c{number}')} AS x, rowid AS r FROM {relation}"
    odd = [
        (cell, row)
        for cell, _, row in _unfit(con, inner, expression)
        if cell.casefold() not in MARKERS
    ]
    return min(odd, key=lambda one: one[1]) if odd else None


def present(column: str) -> str:
    """The cell without blanks around it; NULL where it is missing."""
    trimmed = f"trim({column}, ' \t\u00a0')"
    missing = ", ".join(map(quoted, sorted(MISSING_CELLS)))
    return f"CASE WHEN lower({trimmed}) IN ({missing}) THEN NULL ELSE {trimmed} END"


def value_sql(column: str, kind: Kind, is_typed: bool) -> str:
    """A column of the result: numbers, microseconds since 1970, or codes of texts; with NULLs."""
    if kind.name == "empty":
        return "'nan'::DOUBLE"
    if column == "NULL":
        return f"{MISSING}::INTEGER"
    if kind.name in ("text", "values"):
        return f"enum_code({column})::INTEGER"
    value = column
    if not is_typed:
        cell = f"({present(column)})"
        is_number = kind.name == "number"
        value = kind.form.sql(cell) if is_number else kind.date.sql(cell)
    if kind.name == "number":
        return value
    return f"epoch_us({value})"


def arrays_of(
    con: Any, relation: str, kinds: Sequence[Kind], is_typed: Sequence[bool]
) -> tuple[list[Column], list[tuple[np.ndarray, list[str]]]]:
    """The columns c0, c1, ... of the relation; and codes and cells of those that are text.

    The relation is read once for all columns, and `TABLE`, which is in memory, once more for each
    that is text.

    is_typed says which columns DuckDB has read as numbers and dates.
    """
    expressions, cells = [], {}
    for number, (kind, typed) in enumerate(zip(kinds, is_typed, strict=True)):
        column = f"c{number}"
        if kind.name == "text" and relation != TABLE:
            expressions.append(f"coalesce({column}, '') AS {column}")
            continue
        if kind.name == "text":
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE v{number} AS "
                f"SELECT DISTINCT {column} AS x FROM {relation} WHERE {column} IS NOT NULL"
            )
            found = con.execute(f"SELECT x FROM v{number} ORDER BY x").fetchall()
            if found:
                con.execute(f"DROP TYPE IF EXISTS e{number}")
                con.execute(f"CREATE TYPE e{number} AS ENUM (SELECT x FROM v{number} ORDER BY x)")
            cells[number] = [cell for (cell,) in found]
            column = f"{column}::e{number}" if found else "NULL"
        elif kind.name == "values":
            cells[number] = list(kind.values)
        expressions.append(f"{value_sql(column, kind, typed)} AS c{number}")
    fetched: dict[str, Any] = {}
    at_once = _AT_ONCE if relation == TABLE else len(expressions)  # a file is read once
    for start in range(0, len(expressions), at_once):
        some = ", ".join(expressions[start : start + at_once])
        fetched |= con.execute(f"SELECT {some} FROM {relation}").fetchnumpy()
    columns: list[Column] = []
    texts = []
    for number, kind in enumerate(kinds):
        array = fetched.pop(f"c{number}")
        if isinstance(array, np.ma.MaskedArray):  # some cells are NULL
            array = array.filled(_ABSENT.get(kind.name, MISSING))
        if kind.name == "text" and number not in cells:
            array, cells[number] = _encoded(array)
        if number in cells:
            texts.append((array, cells[number]))
            columns.append(text_of(array, cells[number]))
        elif kind.name == "date":
            columns.append(array.view("datetime64[us]"))
        else:
            columns.append(array)
    return columns, texts


def _encoded(cells: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Codes of cells that are str, and what they stand for."""
    texts = cells.tolist()
    different = set(texts)
    if 2 * len(different) > len(texts):  # sorting rows is quicker than looking all of them up
        order = np.array(sorted(range(len(texts)), key=texts.__getitem__), dtype=np.intp)
        in_order = cells[order]
        is_new = np.concatenate([[True], in_order[1:] != in_order[:-1]])
        codes = np.empty(len(texts), np.int32)
        codes[order] = np.cumsum(is_new) - 1
        return codes, in_order[is_new].tolist()
    values = sorted(different)
    number = {value: code for code, value in enumerate(values)}
    return np.fromiter(map(number.__getitem__, texts), np.int32, len(texts)), values


def text_of(codes: np.ndarray, cells: list[str]) -> Text:
    """The column of these codes of sorted cells, with blanks around them and missing ones gone."""
    stripped = list(map(str.strip, cells))
    gone = set()
    if min(map(len, stripped), default=0) <= LONGEST:
        gone = {cell for cell in stripped if len(cell) <= LONGEST and is_missing(cell)}
    if not gone and stripped == cells:
        return Text.of_codes(codes, cells)
    values = sorted(set(stripped) - gone)
    place = {value: code for code, value in enumerate(values)} | dict.fromkeys(gone, MISSING)
    new = np.array([*map(place.__getitem__, stripped), MISSING], dtype=np.int32)
    return Text(new[codes], tuple(values))


def opened(kind: Kind) -> Kind:
    """The kind of a column that turned out to be another than its first cells."""
    return replace(kind, name="text" if kind.name == "values" else "open", values=())
