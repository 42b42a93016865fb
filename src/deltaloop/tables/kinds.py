"""What the first cells of a column tell of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from .cells import MARKERS, is_missing
from .dates import ISO_DAY, ISO_FORM, DateForm, date_forms
from .number_forms import PLAIN, NumberForm, forms_of, is_clock, is_written_number, unit_of

MOST_VALUES = 500  # of a text that is a type of its own


@dataclass(frozen=True)
class Kind:
    """How a column is read.

    Attributes
    ----------
    name : str
        'number', 'date', 'text'; 'values' is a text of few values, 'open' is to be decided when all
        cells are known, 'empty' has only missing cells.
    form : NumberForm
        How numbers are written.
    date : DateForm
        How dates are written.
    values : tuple of str
        Those of a text of few.
    markers : tuple of str
        Cells that are missing besides those that always are.
    """

    name: str
    form: NumberForm = PLAIN
    date: DateForm = ISO_FORM
    values: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()


OPEN, NUMBER, TEXT = Kind("open"), Kind("number"), Kind("text")


def guessed_kind(cells: Sequence[str]) -> Kind:
    """What the column seems to be, by its first cells."""
    gone = {cell for cell in set(cells) if is_missing(cell)}
    different = set(cells) - gone
    stripped = {cell.strip() for cell in different}
    if not stripped:
        return OPEN
    forms = forms_of(list(stripped))
    if forms == (PLAIN,):
        return NUMBER
    known = [cell for cell in stripped if cell.casefold() not in MARKERS]
    dates = date_forms(known)
    if dates == (ISO_FORM,) and date_forms(list(stripped)):
        has_times = any(":" in cell for cell in stripped)
        return Kind("date", date=ISO_FORM if has_times else ISO_DAY)
    numeric = sum(is_written_number(cell) or unit_of(cell) is not None for cell in stripped)
    if forms or dates or 2 * numeric >= len(stripped) or (known and is_clock(known)):
        return OPEN
    if len(different) <= MOST_VALUES and 2 * len(different) <= sum(
        cell not in gone for cell in cells
    ):
        return Kind("values", values=tuple(sorted(different)))
    return TEXT
