"""How the columns of a table become inputs of a network, repeatable on later tables."""

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ..errors import (
    DeltaloopWarning,
    FileFormatError,
    InvalidInputError,
    InvalidTypeError,
    shown,
    unknown_name,
)
from ..inputs.checks import any_size, several
from ..inputs.unpacking import REMEDY, too_large
from ..tables import FeatureEncoding, Table
from ..tables.cells import shortened
from .choosing import chosen
from .columns import KINDS, Category, Column, Plain, Scale, Seen, codes_of

VERSION = 1
ENCODINGS = ("hash", "target")


def as_encodings(encode) -> Mapping[str, str]:
    """The argument `encode` of `fit`; None has no entries."""
    if encode is None:
        return {}
    if not isinstance(encode, Mapping):
        raise InvalidTypeError(
            f"encode must be a dict of columns and ways, such as {{'city': {ENCODINGS[0]!r}}}, got "
            + shown(encode)
        )
    return encode


@dataclass(frozen=True, eq=False)
class Preparation:
    r"""What becomes of every column of a table; made by `fit`, kept in `Network.metadata`.

    Attributes
    ----------
    columns : tuple of Column
        The columns that are used, in the order of X.
    dropped : mapping of str to str
        The columns that are not, and why.
    notes : tuple of str
        One line for every column: what was done with it.

    Examples
    --------
    >>> import numpy as np
    >>> from deltaloop.tables import Table
    >>> from deltaloop.tabular import Preparation
    >>> rows = Table(
    ...     ("size", "colour", "price"),
    ...     [np.array([1.0, 2.0, np.nan]), np.array(["red", "blue", "red"], object), np.ones(3)],
    ... )
    >>> preparation = Preparation.fit(rows, ["price"])
    >>> preparation.inputs
    ('size', 'size missing', 'colour=red')
    >>> preparation.transform(rows)
    array([[-1.,  0.,  1.],
           [ 1.,  0., -1.],
           [ 0.,  1.,  1.]], dtype=float32)
    >>> print("\n".join(preparation.notes))
    size: two values, -1 and 1; 1 missing cell becomes 0, with an indicator
    colour: two values, 'blue' -1 and 'red' 1
    """

    columns: tuple[Column, ...]
    dropped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        table: Table,
        targets: str | Iterable[str] = (),
        *,
        keep: str | Iterable[str] = (),
        ignore: str | Iterable[str] = (),
        encode: Mapping[str, str] | None = None,
        y: np.ndarray | None = None,
    ) -> "Preparation":
        """Look at the columns of the training rows.

        Parameters
        ----------
        table : Table
        targets : str or iterable of str
            Columns that are no inputs because they are to be predicted.
        keep : str or iterable of str
            Columns to use although they count rows, or are text with many values.
        ignore : str or iterable of str
            Columns to leave out.
        encode : mapping of str to {'hash', 'target'}, optional
            What becomes of text columns with many values: places by a hash, or the mean of the
            targets; see `columns.Hashed` and `columns.TargetMean`.
        y : ndarray, shape (n_rows, n_targets), optional
            What `encode` with 'target' takes the means of: scaled values, or classes one-hot.

        Returns
        -------
        Preparation

        Raises
        ------
        InvalidInputError
            An unknown column, or none that is left.
        """
        return cls.fit_transform(table, targets, keep=keep, ignore=ignore, encode=encode, y=y)[0]

    @classmethod
    def fit_transform(
        cls, table, targets=(), *, keep=(), ignore=(), encode=None, y=None, dropped=None
    ) -> tuple["Preparation", np.ndarray]:
        """What `fit` returns, and X of the same rows; `dropped` names more columns to leave out,
        and says why.

        They differ from those of `transform` where a column becomes means of targets: there the
        own target of a row is left out.
        """
        names = [table.column_name(name) for name in several("targets", targets)]
        kept, ignored = (
            {table.column_name(column) for column in several(name, given)}
            for name, given in (("keep", keep), ("ignore", ignore))
        )
        encodings = {table.column_name(name): how for name, how in as_encodings(encode).items()}
        for how in encodings.values():
            if how not in ENCODINGS:
                raise unknown_name("encoding of a column", how, ENCODINGS)
        for name in (*kept, *ignored, *encodings):
            if name in names:
                raise InvalidInputError(
                    f"column {name!r} is a target, and cannot be kept, ignored or encoded as well"
                )
        reasons = dict.fromkeys(ignored, "ignored, as asked for") | (dropped or {})
        choices = chosen(table, names, kept, reasons, encodings, y)
        used = [choice for choice in choices if choice.column is not None]
        if not used:
            raise InvalidInputError(
                f"no column of {table.source!r} is left as an input: "
                + ("; ".join(f"{choice.name}: {choice.note}" for choice in choices) or "none")
                + "; keep= (--keep) uses a column all the same"
            )
        made = cls(
            tuple(choice.column for choice in used),  # type: ignore[misc]
            {choice.name: choice.note for choice in choices if choice.column is None},
            tuple(f"{choice.name}: {choice.note}" for choice in choices),
        )
        X = made.transform(table)
        places = made.of_column
        for choice in used:
            if choice.own is not None:
                X[:, places[choice.name]] = choice.own
        return made, X

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of a table that are needed, in the order of training."""
        return tuple(column.name for column in self.columns)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the columns of X."""
        return tuple(name for column in self.columns for name in column.inputs)

    @property
    def of_column(self) -> dict[str, slice]:
        """Which columns of X come from which column of the table."""
        found, position = {}, 0
        for column in self.columns:
            found[column.name] = slice(position, position + len(column.inputs))
            position += len(column.inputs)
        return found

    @any_size
    def transform(self, table: Table) -> np.ndarray:
        """Return X for a table: that of training or a later one.

        Columns are found by name, in any order; what is not needed is ignored. A table without
        names may instead hold exactly the needed columns in the order of training. Categories that
        did not occur in training are all zeros, and missing cells of a column without any in
        training get its median: both are warned of, once for every column, with their number.

        Returns
        -------
        ndarray of shape (n_rows, len(inputs)), float32
            C-contiguous and finite; float64 where columns stay as they are (`columns.Plain`).

        Raises
        ------
        InvalidInputError
            A column is missing, or text where it was numeric.
        FileFormatError
            X would take more memory than is allowed.
        """
        n_inputs = len(self.inputs)
        if 4 * table.n_rows * n_inputs > table.limit:
            what = f"has {table.n_rows} rows, which become {n_inputs} inputs each"
            raise too_large(table.source, what, table.limit, REMEDY)
        plain = any(isinstance(column, Plain) for column in self.columns)  # not scaled here
        X = np.zeros((table.n_rows, n_inputs), np.float64 if plain else np.float32)
        position = 0
        told = []
        for column, values in zip(self.columns, self._find(table), strict=True):
            n = len(column.inputs)
            values = _as_trained(column, values, table.source)
            told += _surprises(column, column.fill(values, X[:, position : position + n]))
            position += n
        if told:
            warnings.warn(f"{table.source!r}: " + "; ".join(told), DeltaloopWarning, stacklevel=2)
        return X

    def _find(self, table: Table) -> list:
        """The columns of the table that are needed, in the order of training."""
        names = self.names
        if not table.named and not set(names) <= set(table.columns):
            if len(table.columns) == len(names):
                return list(table.values)
            raise InvalidInputError(
                f"{table.source!r} has {len(table.columns)} columns without names; without names "
                f"it must hold exactly the {len(names)} columns {shortened(names)}, in this "
                "order; remove the others or add a header"
            )
        found: dict[str, Any] = dict(zip(table.columns, table.values, strict=True))
        if table.sparse:
            zeros = np.zeros(table.n_rows)
            found = {name: zeros for name in names if re.fullmatch(r"x\d+", name)} | found
        absent = [name for name in names if name not in found]
        if absent:
            raise InvalidInputError(
                f"{table.source!r} has no column {shortened(absent)}; it has "
                f"{shortened(table.columns)}; add what is missing, the {len(names)} columns "
                f"{shortened(names)} are needed"
            )
        return [found[name] for name in names]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types that `from_dict` reads."""
        return {
            "version": VERSION,
            "columns": [column.to_dict() for column in self.columns],
            "dropped": dict(self.dropped),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: Any) -> "Preparation":
        """Return the preparation that `to_dict` wrote, or that means what a FeatureEncoding did.

        Raises
        ------
        FileFormatError
            When `data` is anything else.
        """
        if isinstance(data, dict) and "version" not in data:
            return cls._of_encoding(FeatureEncoding.from_dict(data))
        try:
            if data["version"] > VERSION:
                raise FileFormatError(
                    f"the preparation of the columns has version {data['version']}, this deltaloop "
                    f"reads up to {VERSION}; update deltaloop"
                )
            columns = tuple(map(_column, data["columns"]))
            if not columns or not all(isinstance(note, str) for note in data["notes"]):
                raise ValueError("no columns, or notes that are no text")
            dropped = {str(name): str(why) for name, why in data["dropped"].items()}
            return cls(columns, dropped, tuple(data["notes"]))
        except FileFormatError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileFormatError(
                f"the preparation of the columns is damaged ({type(error).__name__}: {error}); "
                "save the model again"
            ) from None

    @classmethod
    def _of_encoding(cls, encoding: FeatureEncoding) -> "Preparation":
        """What versions before this one kept: numbers as they are, and categories one-hot."""
        columns: list[Column] = []
        for name, categories in encoding.columns:
            if categories is None:
                columns.append(Plain(name))
            else:
                columns.append(Category(name, categories, pairs=False))
        return cls(tuple(columns))


def of_metadata(metadata: Any) -> Preparation | None:
    """The preparation that a network carries, of this version or an earlier one; None without.

    Raises
    ------
    FileFormatError
        It is damaged.
    """
    if not isinstance(metadata, dict):
        return None
    for name in ("preparation", "encoding"):
        if name in metadata:
            return Preparation.from_dict(metadata[name])
    return None


def _column(entry: dict[str, Any]) -> Column:
    """One entry of what `to_dict` writes, checked."""
    settings = dict(entry)
    kind = KINDS[settings.pop("kind")]
    if set(settings) != {each.name for each in fields(kind)}:
        raise ValueError(f"unexpected entries {sorted(settings)} of a column")
    if "scale" in settings:
        settings["scale"] = _scale(settings["scale"])
    if "scales" in settings:
        settings["scales"] = tuple(map(_scale, settings["scales"]))
    if "means" in settings:
        settings["means"] = tuple(tuple(map(float, row)) for row in settings["means"])
        settings["overall"] = tuple(map(float, settings["overall"]))
    if "levels" in settings:
        settings["levels"] = tuple(map(float, settings["levels"]))
    for name in ("values", "parts"):
        if name in settings:
            settings[name] = tuple(settings[name])
            if not all(isinstance(one, str) for one in settings[name]):
                raise ValueError(f"{name} of a column must be text")
    if not isinstance(settings["name"], str):
        raise ValueError("the name of a column must be text")
    column = kind(**settings)
    column.check()
    return column


def _scale(entry):
    scale = Scale(**entry)
    numbers = [scale.center] if scale.spread is None else [scale.center, scale.spread]
    if not (np.isfinite(np.array(numbers, np.float64)).all() and scale.spread != 0):
        raise ValueError(f"a scale must be finite and not 0, got {entry}")
    return scale


def _as_trained(column, values, source):
    """The values of a column, refused where they are of another kind than in training."""
    kind = "M" if column.kind == "date" else "f" if column.kind in ("number", "plain") else None
    if kind is None:
        return values
    if values.dtype.kind == kind:
        return values
    codes, texts = codes_of(values)
    if not len(texts):  # all cells are missing
        return np.full(
            len(codes), np.nan if kind == "f" else "NaT", "f8" if kind == "f" else "M8[us]"
        )
    row = int((codes >= 0).argmax())
    what = "numeric" if kind == "f" else "dates"
    raise InvalidInputError(
        f"column {column.name!r} of {source!r} must be {what} as in training, row {row + 1} holds "
        f"{texts[codes[row]]!r}; correct such cells"
    )


def _surprises(column: Column, seen: Seen) -> list[str]:
    """What was met in a column that training had not, in words."""
    told = []
    if seen.unseen:
        told.append(
            f"column {column.name!r} has {seen.unseen} cell{'s' * (seen.unseen > 1)} with a value "
            "that did not occur in training, all its inputs are 0 there"
        )
    if seen.missing:
        told.append(
            f"column {column.name!r} has {seen.missing} missing cell{'s' * (seen.missing > 1)}, "
            "and had none in training: they count as "
            + ("none of the categories" if isinstance(column, Category) else "the median")
        )
    return told
