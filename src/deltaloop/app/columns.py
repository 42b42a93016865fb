"""Rows and cells of tables, whatever their columns hold."""

from collections.abc import Iterable

import numpy as np

from ..errors import InvalidInputError
from ..tables import Table, Text
from ..tables.cells import Column, missing_cells


def named_columns(table: Table, given: Iterable[str]) -> list[str]:
    """Names of the columns that an option lists; A,B stands for two where no column has this name.

    A column is written as its name, else as its number from 1.

    Raises
    ------
    InvalidInputError
        There is no such column.
    """
    names: list[str] = []
    for one in given:
        parts = [one] if one in table.columns else [part.strip() for part in one.split(",")]
        for part in parts:
            name = _named(table, part)
            if name not in names:
                names.append(name)
    return names


def _named(table, given):
    if given in table.columns or not given.lstrip("-").isdecimal():
        return table.column_name(given)
    number, n = int(given), len(table.columns)
    if not 1 <= number <= n:
        raise InvalidInputError(
            f"{table.source!r} has no column {number}; its columns are numbered 1 to {n}"
        )
    return table.columns[number - 1]


def values_of(table: Table, name: str) -> Column:
    """The column as it is stored, missing cells among its values."""
    return table.values[table.columns.index(name)]


def cells_of(values: Column) -> list[str | None]:
    """Every cell as text, None where it is missing; whole numbers without a point."""
    absent = missing_cells(values).tolist()
    if isinstance(values, Text):
        cells = np.asarray(values).tolist()
    elif values.dtype.kind == "f":
        cells = [_number(value) for value in values.tolist()]
    else:
        cells = [_date(value) for value in values]
    return [None if gone else cell for cell, gone in zip(cells, absent, strict=True)]


def _number(value):
    return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)


def _date(value):
    """As ISO 8601 has it, the time of day where there is one."""
    day = value.astype("datetime64[D]")
    return str(day if day == value else np.datetime_as_string(value, "auto"))
