"""Whether the first row of a text names the columns."""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from math import factorial, prod

from .cells import is_missing, shortened
from .dates import is_date
from .number_forms import NumberForm, forms_of, is_clock, is_written_number, unit_of

_SURE, _MAYBE = 0.02, 0.2
_LOOKED_AT = 300  # rows
_FEW = 3  # rows below, from which something can be learned about a column


def find_header(
    top: Sequence[str],
    rows: Sequence[Sequence[str]],
    expected: Collection[str] = (),
    only_top_is_quoted: bool = False,
) -> tuple[bool, str | None]:
    """Decide by the rule in the docstring of `read`; with a sentence where that was a guess.

    Parameters
    ----------
    top : sequence of str
        Cells of the first row.
    rows : sequence of sequence of str
        The rows below, or the first of them, with as many cells.
    expected : collection of str
        Names that the columns are likely to have.
    only_top_is_quoted : bool
        Whether numbers of the first row are in quotes, and those below are not.
    """
    top = [cell.strip() for cell in top]
    if expected and set(expected) <= set(top):
        return True, None
    columns = [_present(cells) for cells in zip(*rows[:_LOOKED_AT], strict=True)] or [
        [] for _ in top
    ]
    kinds = [kind_of(cell) for cell in top]
    below = [common_kind(cells) for cells in columns]
    for kind, other in zip(kinds, below, strict=True):
        if kind == "word" and other not in ("word", "missing"):
            return True, None  # a word over numbers or dates
    if all(kind == "word" for kind in kinds):
        is_new = all(cell not in cells for cell, cells in zip(top, columns, strict=True))
        return is_new and len(set(top)) == len(top), None
    numbers = [k for k, kind in enumerate(kinds) if kind == "number" and below[k] == "number"]
    words = [k for k, kind in enumerate(kinds) if kind == "word" and below[k] == "word"]
    dates = [k for k, kind in enumerate(kinds) if kind in ("date", "unit") and below[k] == kind]
    names = [cell for cell in top if cell]
    if not numbers or dates or len(set(names)) < len(names):
        return False, None
    chance = prod(_chance_of_word(top[k], columns[k]) for k in words)
    chance *= _chance_of_numbers(
        [_value(top[k]) for k in numbers], [[_value(cell) for cell in columns[k]] for k in numbers]
    )
    if only_top_is_quoted:
        chance *= 0.001
    shown = shortened(top, 4)
    if chance <= _SURE:
        return True, (
            f"the first row, {shown}, names the columns, as it is unlike the rows below; if it is "
            "one of them, use header=False (--no-header)"
        )
    if chance <= _MAYBE:
        return False, (
            f"the first row, {shown}, counts as one of the data; if it names the columns, use "
            "header=True (--header)"
        )
    return False, None


def _present(cells: Sequence[str]) -> list[str]:
    """The cells that are not missing."""
    gone = {cell for cell in set(cells) if is_missing(cell)}
    return [cell.strip() for cell in cells if cell not in gone]


def kind_of(cell: str) -> str:
    """What a cell is."""
    if is_missing(cell):
        return "missing"
    if is_written_number(cell):
        return "number"
    if is_date(cell) or is_clock([cell]):
        return "date"
    return "unit" if unit_of(cell) else "word"


def common_kind(cells: Sequence[str]) -> str:
    """What all cells of a column are; 'word' where they differ."""
    if not cells:
        return "missing"
    if forms_of(cells):
        return "number"
    kind = kind_of(cells[0])
    return kind if all(kind_of(cell) == kind for cell in set(cells)) else "word"


def _value(cell: str) -> float:
    """The number in a cell, in the first form that fits."""
    forms: Sequence[NumberForm] = forms_of([cell])
    return forms[0].value(cell)


def _chance_of_word(cell: str, cells: Sequence[str]) -> float:
    """How likely a row of the data has a value that none below has, by Good and Turing.

    (N1 + 1) / (n + 1), where N1 of n values occur once. 1e9 where it does occur: no name.
    """
    if cell in cells:
        return 1e9
    once = sum(count == 1 for count in Counter(cells).values())
    return min(1.0, (once + 1) / (len(cells) + 1))


def _chance_of_numbers(top: Sequence[float], columns: Sequence[Sequence[float]]) -> float:
    """How likely numbers of the data are as far from those below, as even, as whole, as these."""
    rows = list(zip(*columns, strict=False))
    n, k = len(rows), len(top)
    if n < _FEW:
        return 1.0
    chance = 1.0
    for value, cells in zip(top, columns, strict=True):
        low, high = min(cells), max(cells)
        if max(low - value, value - high) > high - low:
            chance /= n + 1
    if k > 2 and _is_even(top):
        chance *= max(10.0 ** (1 - k), _share(rows, _is_even))
    elif k > 2 and _increases(top):
        chance *= max(1 / factorial(k), _share(rows, _increases))
    if all(value.is_integer() for value in top):
        whole = [sum(map(float.is_integer, cells)) / len(cells) for cells in columns]
        chance *= prod(min(1.0, share + 1 / (n + 1)) for share in whole)
    return chance


def _share(rows: Sequence[Sequence[float]], holds) -> float:
    """The share of rows for which it holds, one more than there are of either kind."""
    return (sum(map(holds, rows)) + 1) / (len(rows) + 2)


def _increases(row: Sequence[float]) -> bool:
    return all(a < b for a, b in pairwise(row))


def _is_even(row: Sequence[float]) -> bool:
    """Whether the steps are all the same, and not 0."""
    step = row[1] - row[0]
    steps = [b - a for a, b in pairwise(row)]
    return step != 0 and all(abs(one - step) <= 1e-9 * abs(step) for one in steps)
