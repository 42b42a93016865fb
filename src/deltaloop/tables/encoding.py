"""How the cells of a table become numbers: columns, missing values, categories, classes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import FileFormatError, InvalidInputError
from ..inputs.checks import any_size
from ..inputs.unpacking import REMEDY, too_large
from ..text import visible
from .cells import Column, is_number, numbers_of, refuse_missing, shortened
from .table import Table
from .text_column import Text

__all__ = ["MAX_CATEGORIES", "FeatureEncoding", "looks_like_classes"]

MAX_CATEGORIES = 100


@dataclass(frozen=True)
class FeatureEncoding:
    """How the columns of a table become the columns of X, repeatable on later tables.

    A numeric column becomes one feature of the same name, and so does a column of dates: days since
    1970. A text column becomes one feature per value that it has in training, named
    ``column=value``: 1 where the cell has this value, else 0.

    Attributes
    ----------
    columns : tuple of (str, tuple of str or None)
        Name of each column that is used, in the order of X, with its sorted values when it is text
        and None when it is numeric.

    Examples
    --------
    >>> import numpy as np
    >>> from deltaloop.tables import FeatureEncoding, Table
    >>> rows = Table(("size", "colour"), [np.array([1.0, 2.0]), np.array(["red", "blue"], object)])
    >>> encoding = FeatureEncoding.fit(rows)
    >>> encoding.feature_names
    ('size', 'colour=blue', 'colour=red')
    >>> encoding.transform(rows)
    array([[1., 0., 1.],
           [2., 1., 0.]])
    """

    columns: tuple[tuple[str, tuple[str, ...] | None], ...]

    @classmethod
    def fit(cls, table: Table, exclude: str | Iterable[str] = ()) -> "FeatureEncoding":
        """Learn the columns and the values of text columns from a table.

        Parameters
        ----------
        table : Table
            The training table.
        exclude : str or iterable of str, default ()
            Names of the columns that are no features, such as the target.

        Returns
        -------
        FeatureEncoding

        Raises
        ------
        InvalidInputError
            When a name in `exclude` is unknown, no column is left, a cell is missing or infinite,
            or a text column has more than 100 values or holds numbers with a comma.
        """
        names = (exclude,) if isinstance(exclude, str) else exclude
        excluded = {table.column_name(name) for name in names}
        columns = [
            (name, _categories(values, name, table.source))
            for name, values in zip(table.columns, table.values, strict=True)
            if name not in excluded
        ]
        if not columns:
            raise InvalidInputError(
                f"{table.source!r} has no feature column left beside {shortened(table.columns)}; "
                "a table needs the target and at least one other column"
            )
        return cls(tuple(columns))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of X."""
        return tuple(
            name if category is None else f"{name}={category}"
            for name, categories in self.columns
            for category in (categories or (None,))
        )

    @any_size
    def transform(self, table: Table) -> np.ndarray:
        """Return X for a table: the one of training or a later one.

        Columns are found by name, in any order; those that are not needed (such as the target) are
        ignored. A table without names (`Table.named` is False) may instead hold exactly the needed
        columns in the order of training. Columns x0, x1, ... that a sparse table lacks are 0.

        Parameters
        ----------
        table : Table
            Of n_rows rows.

        Returns
        -------
        ndarray of shape (n_rows, len(feature_names)), float64
            C-contiguous.

        Raises
        ------
        InvalidInputError
            When a column is missing; when a cell is missing, infinite, text in a numeric column, or
            a value that the column did not have in training.
        FileFormatError
            When X would take more memory than is allowed.
        """
        n_features = sum(len(categories or (None,)) for _, categories in self.columns)
        if 8 * table.n_rows * n_features > table.limit:
            what = f"has {table.n_rows} rows, which become {n_features} inputs each"
            raise too_large(table.source, what, table.limit, REMEDY)
        X = np.zeros((table.n_rows, n_features))
        position = 0
        for (name, categories), values in zip(self.columns, self._find(table), strict=True):
            refuse_missing(values, name, table.source)
            if categories is None:
                X[:, position] = _numeric(values, name, table.source)
                position += 1
            else:
                codes = _codes(values, name, categories, table.source)
                X[np.arange(table.n_rows), position + codes] = 1.0
                position += len(categories)
        return X

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types that `from_dict` reads.

        Examples
        --------
        >>> from deltaloop.tables import FeatureEncoding
        >>> FeatureEncoding((("size", None), ("colour", ("blue", "red")))).to_dict()["columns"][1]
        {'name': 'colour', 'categories': ['blue', 'red']}
        """
        return {
            "columns": [
                {"name": name, "categories": None if categories is None else list(categories)}
                for name, categories in self.columns
            ]
        }

    @classmethod
    def from_dict(cls, data: Any) -> "FeatureEncoding":
        """Return the encoding that `to_dict` wrote.

        Raises
        ------
        FileFormatError
            When `data` is anything else.
        """
        columns = data.get("columns") if isinstance(data, dict) else None
        if not isinstance(columns, list) or not columns or not all(map(_is_column, columns)):
            raise FileFormatError(
                f"the feature encoding is damaged: got {str(data)[:60]!r}, expected "
                "{'columns': [{'name': text, 'categories': list of text or None}, ...]}; "
                "save the model again"
            )
        return cls(
            tuple(
                (one["name"], None if one["categories"] is None else tuple(one["categories"]))
                for one in columns
            )
        )

    def _find(self, table: Table) -> list[Column]:
        """The columns of the table that are needed, in the order of training."""
        names = [name for name, _ in self.columns]
        if not table.named and len(table.columns) == len(names):
            return list(table.values)
        found = dict(zip(table.columns, table.values, strict=True))
        if table.sparse:
            zeros: Column = np.zeros(table.n_rows)
            found = {name: zeros for name in names if re.fullmatch(r"x\d+", name)} | found
        absent = [name for name in names if name not in found]
        if not absent:
            return [found[name] for name in names]
        needed = f"the {len(names)} columns {shortened(names)}"
        if table.named:
            raise InvalidInputError(
                f"{table.source!r} has no column {shortened(absent)}; it has "
                f"{shortened(table.columns)}; add what is missing, {needed} are needed"
            )
        raise InvalidInputError(
            f"{table.source!r} has {len(table.columns)} columns without names; without "
            f"names it must hold exactly {needed}, in this order; remove the others or add a header"
        )


@any_size
def looks_like_classes(y: Any) -> bool:
    """Guess whether targets are classes (True) or values to be approximated (False).

    Text, booleans and two whole numbers are classes. More numbers, k different ones in n rows, are
    classes if all of them are whole and

    - k <= 10 and k <= sqrt(n), and they are close together: max - min < 2 k. Ten digits are
      classes from 100 rows on, the squares of 0 to 9 are values; or
    - k <= 40 and k <= n / 10, they are 0 or 1 and all that follow, and none of them is rare: each
      in at least a fifth of n / k rows. The numbers of 26 letters are classes; counts, whose
      largest values are rare, and years are not.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, 1)
        Targets.

    Returns
    -------
    bool
        False for an empty y.

    Raises
    ------
    InvalidInputError
        When y has another shape, or is neither text nor numbers.

    Examples
    --------
    >>> from deltaloop.tables import looks_like_classes
    >>> looks_like_classes(["cat", "dog"]), looks_like_classes([0.5, 1.0, 2.0])
    (True, False)
    """
    values = np.asarray(y)
    if values.ndim != 1 and not (values.ndim == 2 and values.shape[1] == 1):
        raise InvalidInputError(
            f"y must be 1-d (n_samples,), got shape {values.shape}; choose one column"
        )
    kind = values.dtype.kind
    if kind in "bUST" or (kind == "O" and any(isinstance(one, str | bool) for one in values.flat)):
        return values.size > 0
    try:
        numbers = values.astype(np.float64) if kind in "iufO" else None
    except (TypeError, ValueError):
        numbers = None
    if numbers is None:
        raise InvalidInputError(f"y must hold text, booleans or numbers, got dtype {values.dtype}")
    if not numbers.size or not np.isfinite(numbers).all() or (numbers != np.floor(numbers)).any():
        return False
    different, counts = np.unique(numbers, return_counts=True)
    n, k, span = numbers.size, len(different), different[-1] - different[0] + 1
    if k <= 2:
        return True
    if k <= min(10, n**0.5) and span <= 2 * k:
        return True
    is_numbering = different[0] in (0, 1) and span == k
    return bool(k <= min(40, n / 10) and is_numbering and 5 * counts.min() >= n / k)


def _categories(values: Column, name: str, source: str) -> tuple[str, ...] | None:
    """The sorted values of a text column; None for a column of numbers or dates."""
    refuse_missing(values, name, source)
    if not isinstance(values, Text):
        return None
    occurs = values.counts() > 0
    categories = tuple(sorted(values.values[code] for code in np.flatnonzero(occurs)))
    if numbers_of([category.replace(",", ".") for category in categories]) is not None:
        first = next(cell for cell in values if not is_number(cell))
        raise InvalidInputError(
            f"column {name!r} of {source!r} has numbers with a comma, such as {first!r}; write "
            "them with a decimal point, and thousands without a separator"
        )
    if len(categories) > MAX_CATEGORIES:
        row = _first_word(values)
        raise InvalidInputError(
            f"column {name!r} of {source!r} is text with {len(categories)} different values, at "
            f"most {MAX_CATEGORIES} can be encoded; its first cell that is no number is "
            f"{values[row]!r} in row {row + 1}; correct such cells, or remove the column"
        )
    return categories


def _first_word(values: Text) -> int:
    """The first row whose cell is no number."""
    words = np.array([not is_number(value) for value in values.values])
    return int(words[values.codes].argmax())


def _numeric(values: Column, name: str, source: str) -> np.ndarray:
    """The column, which must be numeric as it was in training; dates are days since 1970."""
    if not isinstance(values, Text):
        return values if values.dtype.kind == "f" else values.astype(np.int64) / 86_400e6
    row = _first_word(values)
    raise InvalidInputError(
        f"column {name!r} of {source!r} must be numeric as in training, row {row + 1} holds "
        f"{values[row]!r}; correct the cell"
    )


def _codes(values: Column, name: str, categories: tuple[str, ...], source: str) -> np.ndarray:
    """The position of every cell among the categories."""
    positions: dict[Any, int] = {category: code for code, category in enumerate(categories)}
    if isinstance(values, Text):
        of_value = np.array([positions.get(value, -1) for value in values.values], dtype=np.intp)
        codes = of_value[values.codes]
    else:  # categories such as '1', '2', '3+', and a file with '1' and '2' only
        numeric = [category for category in categories if is_number(category)]
        positions = {float(category): positions[category] for category in numeric}
        if len(positions) < len(numeric):
            raise InvalidInputError(
                f"column {name!r} of {source!r} has only numbers, and some of {shortened(numeric)} "
                "are the same number; give these values different names and train again"
            )
        codes = np.array([positions.get(cell, -1) for cell in values.tolist()], dtype=np.intp)
    if (codes < 0).any():
        row = int((codes < 0).argmax())
        cell = visible(str(values[row]))
        raise InvalidInputError(
            f"row {row + 1}, column {name!r} of {source!r} holds {cell:.60}, which did "
            f"not occur in training; accepted are {shortened(categories)}; correct the cell, or "
            "train again with such rows"
        )
    return codes


def _is_column(one: Any) -> bool:
    """Whether this is one entry of what `to_dict` writes."""
    if not isinstance(one, dict) or set(one) != {"name", "categories"}:
        return False
    name, categories = one["name"], one["categories"]
    return isinstance(name, str) and (
        categories is None
        or (
            isinstance(categories, list)
            and len(categories) > 0
            and all(isinstance(category, str) for category in categories)
        )
    )
