"""What becomes of which column: the rules, and what is said of it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from ..inputs.checks import any_size
from ..tables import Table
from ..tables.cells import shortened
from .columns import Category, Column, Date, Hashed, Number, TargetMean, codes_of

MAX_CATEGORIES = 100  # the more frequent values; what is left becomes one input
# names of an index: none, as pandas writes it, rownames, id, PassengerId, customer_id, ...
_OF_IDS = re.compile(
    r"|unnamed: ?\d+|index|idx|(.*[_. ])?id|rownames?|row|row[ _.]?(nr|no|num|number)",
    re.IGNORECASE,
)
_OF_CAMELS = re.compile(r".*[a-z](Id|ID)")
COUNTS_ROWS = "counts rows, dropped (keep it with keep= or --keep)"


@dataclass(frozen=True, eq=False)
class Choice:
    """One column: what it becomes (None: it is no input), and what is said of that.

    `own` are its inputs for the rows of training, where they differ from those of later rows.
    """

    name: str
    column: Column | None
    note: str
    own: np.ndarray | None = None


def chosen(
    table: Table,
    targets: Collection[str],
    keep: Collection[str],
    ignore: Mapping[str, str],
    encode: Mapping[str, str],
    y: np.ndarray | None,
) -> list[Choice]:
    """One choice for every column but the targets, in the order of the table.

    `ignore` has the columns that are left out, with the reason.
    """
    found = [
        Choice(name, None, ignore[name])
        if name in ignore
        else _choice(name, values, name in keep, encode.get(name), y)
        for name, values in zip(table.columns, table.values, strict=True)
        if name not in targets
    ]
    if any(choice.column is not None for choice in found):
        return found
    # better the number of the row than nothing at all
    return [
        _number(choice.name, table.values[table.columns.index(choice.name)], " (the only input)")
        if choice.note == COUNTS_ROWS
        else choice
        for choice in found
    ]


def _choice(name, values, is_kept, encoding, y):
    kind = values.dtype.kind
    if kind == "f" and encoding is None:
        if np.isnan(values).all():
            return Choice(name, None, "dropped: every cell is missing")
        if not is_kept and counts_rows(name, values):
            return Choice(name, None, COUNTS_ROWS)
        return _number(name, values)
    if kind == "M" and encoding is None:
        return _date(name, values)
    return _text(name, values, is_kept, encoding, y)


@any_size
def counts_rows(name: str, values: np.ndarray) -> bool:
    """Whether a column is the number of the row.

    So it is where its values are 0 to n - 1 or 1 to n, in any order, or whole numbers that ascend
    (with gaps, where rows were removed) and the name is that of an index.
    """
    n = len(values)
    if n < 3 or not np.isfinite(values).all() or (values != np.floor(values)).any():
        return False
    span = values.max() - values.min()
    if span == n - 1 and values.min() in (0, 1):
        return len(np.unique(values)) == n
    name = name.strip()
    is_index = _OF_IDS.fullmatch(name) or _OF_CAMELS.fullmatch(name)
    return bool(is_index and (np.diff(values) > 0).all())


def _number(name, values, more=""):
    column = Number.fit(name, values)
    n_missing, n_infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    only = "infinite" if n_infinite else f"{column.scale.center:g}"
    if column.scale.spread is None and not column.missing:
        return Choice(name, None, f"dropped: {only} in every row")
    if column.scale.spread is None:
        note = f"{only} or missing"
    elif column.scale.is_two:
        note = "two values, -1 and 1"
    else:
        note = "number, scaled by median and quartiles"
        if column.levels:
            note += f", and an input for each of its {len(column.levels)} values"
    if n_missing:
        becomes = "0" if column.scale.is_two else "the median"
        note += f"; {_cells(n_missing, 'missing')} {becomes}, with an indicator"
    if n_infinite:
        note += f"; {_cells(n_infinite, 'infinite')} the limit, 3 or -3"
    return Choice(name, column, note + more)


def _date(name, values):
    absent = np.isnat(values)
    if absent.all():
        return Choice(name, None, "dropped: every cell is missing")
    column = Date.fit(name, values)
    if not column.inputs:
        return Choice(name, None, f"dropped: {values[0]} in every row")
    note = "date: " + ", ".join(f"{part} since the first" if part == "days" else part
                                for part in column.parts)  # fmt: skip
    if absent.any():
        note += f"; {_cells(int(absent.sum()), 'missing')} the median, with an indicator"
    return Choice(name, column, note)


def _text(name, values, is_kept, encoding, y):
    codes, texts = codes_of(values)
    n_missing = int((codes < 0).sum())
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    present = [text for text, count in zip(texts, counts, strict=True) if count]
    n = len(present)
    if not n:
        return Choice(name, None, "dropped: every cell is missing")
    if n == 1 and not n_missing:
        return Choice(name, None, f"dropped: {shortened(present)} in every row")
    if encoding == "hash":
        return Choice(name, Hashed(name), f"{n} values, hashed to 64 places, as asked for")
    if encoding == "target":
        column, own = TargetMean.fit(name, values, y)
        return Choice(name, column, f"{n} values, each the mean of its targets, as asked for", own)
    if not is_kept and n > 2 and 2 * n > len(codes):
        return Choice(
            name, None,
            f"{n} different values in {len(codes)} rows, dropped as names or free text "
            "(keep it with keep= or --keep)",
        )  # fmt: skip
    values_of, others = sorted(present), False
    note = f"{n} values, one-hot: {shortened(values_of, 4)}"
    if n > MAX_CATEGORIES:
        frequent = np.argsort(-counts, kind="stable")[:MAX_CATEGORIES]
        values_of, others = sorted(texts[code] for code in frequent), True
        note = (
            f"{n} values, the {MAX_CATEGORIES} most frequent one-hot and one input for the others "
            "(encode= has other ways)"
        )
    if n_missing:
        values_of = ["", *values_of]
    column = Category(name, tuple(values_of), others)
    if column.is_two:
        low, high = (shortened([value]) if value else "missing" for value in values_of)
        return Choice(name, column, f"two values, {low} -1 and {high} 1")
    if n_missing:
        note += f"; {_cells(n_missing, 'missing')} a value of their own"
    return Choice(name, column, note)


def _cells(n: int, what: str) -> str:
    return f"{n} {what} cell{'s become' if n > 1 else ' becomes'}"
