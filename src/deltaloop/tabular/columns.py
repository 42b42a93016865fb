"""How one column of a table becomes columns of X: each kind of column is one small class.

All of them are plain descriptions: `fit` looks at the column of the training rows, `fill` writes
its inputs for any rows, `to_dict` is what JSON holds.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar
from zlib import crc32

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import any_size
from ..tables.cells import is_number
from ..tables.text_column import Text

CLIP = 3.0  # inputs are limited smoothly to (-CLIP, CLIP)
MOST_LEVELS, ROWS_PER_LEVEL = 10, 5
_FAR = 1e150  # its square is a float64; stands for infinity beside values that are not as large
_LARGEST = float(np.finfo(np.float64).max)  # stands for it beside others
_HALVED = 1e300  # half of what is larger is computed with, so that differences are numbers
_DAY = np.timedelta64(1, "D")
_PARTS = ("year", "month", "day of week", "hour", "days")


@dataclass(frozen=True)
class Seen:
    """What was met in rows that are not those of training.

    Attributes
    ----------
    unseen : int
        Cells with a category that did not occur in training.
    missing : int
        Missing cells of a column that had none in training.
    """

    unseen: int = 0
    missing: int = 0


class Column:
    """Base of the kinds: a column of the table, and the inputs made of it."""

    kind: ClassVar[str]
    name: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of its columns of X."""
        raise NotImplementedError

    def fill(self, values, out: np.ndarray) -> Seen:
        """Write its inputs for some rows to `out`, shape (n_rows, len(inputs)), which is 0."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse settings of a file that do not fit each other, with a ValueError."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class Scale:
    """x' = (x - center) / spread, then x' / sqrt(1 + (x' / 3)^2), the smooth clip.

    center is the median and spread the distance of the quartiles, q75 - q25; where that is 0, half
    of max - min; where that is 0 as well, x' is 0 (spread is None). Two values become -1 and 1, and
    are not clipped.
    """

    center: float
    spread: float | None
    clips: bool = True

    @classmethod
    @any_size
    def fit(cls, values: np.ndarray) -> "Scale":
        """Of the values that are not missing."""
        largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
        values = _finite(values, largest)
        low, high = float(values.min()), float(values.max())
        if low == high:
            return cls(low, None)
        if ((values == low) | (values == high)).all():
            return cls(low / 2 + high / 2, high / 2 - low / 2, False)
        part = 0.5 if largest > _HALVED else 1.0
        q25, center, q75 = (float(q) for q in np.quantile(part * values, [0.25, 0.5, 0.75]))
        spread = min((q75 - q25) / part, _LARGEST) if q75 > q25 else high / 2 - low / 2
        return cls(center / part, spread)

    @property
    def is_two(self) -> bool:
        """Whether two values became -1 and 1."""
        return not self.clips

    @any_size
    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Scaled values; nan stays nan."""
        if self.spread is None:
            return np.where(np.isnan(values), np.nan, 0.0)
        size = max(abs(self.center), self.spread)
        part = 0.5 if size > _HALVED else 1.0
        if not self.clips:  # infinity may be one of the two
            values = _finite(values, size)
        differences = part * values - part * self.center
        scaled = np.clip(differences / (part * self.spread), -_FAR, _FAR)
        if not self.clips:
            return np.clip(scaled, -CLIP, CLIP)  # a third value, later
        return scaled / np.sqrt(1 + np.square(scaled / CLIP))


def _finite(values, largest):
    """The values, with a number in place of infinity that is no other one's."""
    limit = _FAR if largest <= _FAR else _LARGEST
    return np.where(np.isinf(values), np.copysign(limit, values), values)


@dataclass(frozen=True)
class Number(Column):
    """A numeric column: scaled, and where a cell of training is missing, an indicator beside it.

    A column of few different whole numbers may be an amount or stand for categories: every value
    gets an input of its own besides, 1 where the cell has it.

    Attributes
    ----------
    levels : tuple of float
        These values; empty where there are too many.
    """

    name: str
    scale: Scale
    missing: bool = False
    levels: tuple[float, ...] = ()
    kind: ClassVar[str] = "number"

    @classmethod
    def fit(cls, name: str, values: np.ndarray) -> "Number":
        """Of a float64 column with nan where a cell is missing, but not everywhere."""
        absent = np.isnan(values)
        present = values[~absent]
        return cls(name, Scale.fit(present), bool(absent.any()), _levels(present))

    def check(self):
        """As `Column.check`."""
        if not np.isfinite(np.array(self.levels, np.float64)).all():
            raise ValueError(f"levels of column {self.name!r} must be finite")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The column, maybe whether it is missing, and its levels."""
        more = [f"{self.name} missing"] * self.missing
        return (self.name, *more, *(f"{self.name}={level:g}" for level in self.levels))

    def fill(self, values, out):
        """As `Column.fill`; what is missing gets the median, which is 0 when scaled."""
        scaled = self.scale(values)
        absent = np.isnan(scaled)
        # of two values -1 and 1 none is the middle, nor is 0 either of them
        out[:, 0] = np.where(absent, 0.0, scaled)
        if self.missing:
            out[:, 1] = absent
        if self.levels:
            out[:, 1 + self.missing :] = values[:, None] == np.array(self.levels)
        return Seen(missing=0 if self.missing else int(absent.sum()))


def _levels(values):
    """The different values, where they are whole and from 3 to 10, each with some rows."""
    if not np.isfinite(values).all() or (values != np.floor(values)).any():
        return ()
    # most columns have more in their first rows
    if len(np.unique(values[:1000])) > MOST_LEVELS:
        return ()
    found = np.unique(values)
    if not 3 <= len(found) <= MOST_LEVELS or len(values) < ROWS_PER_LEVEL * len(found):
        return ()
    return tuple(found.tolist())


@dataclass(frozen=True)
class Date(Column):
    """A column of dates: year, month, day of week, hour, and days since the first of training.

    Only parts that vary in training become inputs.
    """

    name: str
    first: str
    parts: tuple[str, ...]
    scales: tuple[Scale, ...]
    missing: bool = False
    kind: ClassVar[str] = "date"

    @classmethod
    def fit(cls, name: str, values: np.ndarray) -> "Date":
        """Of a column of datetime64 with NaT where a cell is missing, but not everywhere."""
        absent = np.isnat(values)
        first = values[~absent].min().astype("datetime64[us]")
        fitted = {
            part: Scale.fit(numbers[~absent]) for part, numbers in _parts(values, first).items()
        }
        kept = {part: scale for part, scale in fitted.items() if scale.spread is not None}
        return cls(name, str(first), tuple(kept), tuple(kept.values()), bool(absent.any()))

    def check(self):
        """As `Column.check`."""
        np.datetime64(self.first)
        if len(self.parts) != len(self.scales) or not set(self.parts) <= set(_PARTS):
            raise ValueError(f"unexpected parts {self.parts} of a date")

    @property
    def inputs(self) -> tuple[str, ...]:
        """Its parts, and maybe whether it is missing."""
        return (*(f"{self.name} {part}" for part in (*self.parts, *["missing"] * self.missing)),)

    def fill(self, values, out):
        """As `Column.fill`."""
        numbers = _parts(values, np.datetime64(self.first))
        absent = np.isnat(values)
        for place, (part, scale) in enumerate(zip(self.parts, self.scales, strict=True)):
            out[:, place] = np.where(absent, 0.0, scale(np.where(absent, np.nan, numbers[part])))
        if self.missing:
            out[:, -1] = absent
        return Seen(missing=0 if self.missing else int(absent.sum()))


def _parts(values, first):
    """The parts of dates as float64; where a date is missing, any number."""
    values = np.where(np.isnat(values), first, values).astype("datetime64[us]")
    days = values.astype("datetime64[D]")
    months = values.astype("datetime64[M]").astype(np.int64)
    numbers = (
        months // 12 + 1970,
        months % 12 + 1,
        (days.astype(np.int64) + 3) % 7 + 1,  # 1970-01-01 was a Thursday, 4
        (values - days) // np.timedelta64(1, "h"),
        (values - first) / _DAY,
    )
    return {part: one.astype(np.float64) for part, one in zip(_PARTS, numbers, strict=True)}


@dataclass(frozen=True)
class Category(Column):
    """A text column: 1 where the cell has the value, else 0, for every value of training.

    Two values become one input of -1 and 1 instead. Where cells of training are missing, that is a
    value of its own, ''. A value that did not occur in training is all zeros.

    Attributes
    ----------
    values : tuple of str
        Sorted; '' for missing cells is the first.
    others : bool
        Whether there is a last input for all values that are not in `values`, since there were too
        many of them.
    pairs : bool
        False where two values become two inputs, as in files of earlier versions.
    """

    name: str
    values: tuple[str, ...]
    others: bool = False
    pairs: bool = True
    kind: ClassVar[str] = "category"

    def check(self):
        """As `Column.check`."""
        if not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(f"the categories of column {self.name!r} must differ")

    @property
    def is_two(self) -> bool:
        """Whether two values become -1 and 1."""
        return self.pairs and len(self.values) == 2 and not self.others

    @property
    def inputs(self) -> tuple[str, ...]:
        """One for every value, but one for two values."""
        if self.is_two:
            return (f"{self.name}={self.values[1] or 'missing'}",)
        named = (*(value or "missing" for value in self.values), *["(others)"] * self.others)
        return (*(f"{self.name}={value}" for value in named),)

    def fill(self, values, out):
        """As `Column.fill`."""
        codes, texts = codes_of(values)
        places = places_of(texts, self.values)
        known_missing = "" in self.values
        # the last place is that of code -1, a missing cell
        places = np.append(places, self.values.index("") if known_missing else -1)
        place = places[codes]
        absent = codes < 0
        unseen = (place < 0) & ~absent
        rows = np.arange(len(codes))
        if self.is_two:
            out[:, 0] = np.where(place < 0, 0, 2 * place - 1)
        else:
            if self.others:
                place = np.where(unseen, len(self.values), place)
            known = place >= 0
            out[rows[known], place[known]] = 1
        return Seen(
            unseen=0 if self.others else int(unseen.sum()),
            missing=0 if known_missing else int(absent.sum()),
        )


@dataclass(frozen=True)
class Hashed(Column):
    """A text column with many values: 1 in the place that a hash gives the value.

    The place is CRC-32 of the text in UTF-8, modulo n; a missing cell is the text ''.
    """

    name: str
    n: int = 64
    kind: ClassVar[str] = "hashed"

    def check(self):
        """As `Column.check`."""
        if type(self.n) is not int or not 0 < self.n < 10**6:
            raise ValueError(f"expected a number of places, got {self.n!r}")

    @property
    def inputs(self) -> tuple[str, ...]:
        """One for every place."""
        return (*(f"{self.name} hash {place}" for place in range(self.n)),)

    def fill(self, values, out):
        """As `Column.fill`."""
        codes, texts = codes_of(values)
        places = np.array([crc32(text.encode()) % self.n for text in (*texts, "")], np.intp)
        out[np.arange(len(codes)), places[codes]] = 1
        return Seen()


@dataclass(frozen=True)
class TargetMean(Column):
    """A text column with many values: for each of them the mean of the (scaled) targets.

    A value with n rows of training and the mean m has (n m + 10 m0) / (n + 10), m0 being the mean
    of all rows; so does a value that did not occur, with n = 0. In training the own row is left
    out of its mean, so that the input does not tell its target.

    Source: Micci-Barreca (2001), A preprocessing scheme for high-cardinality categorical
    attributes.
    """

    name: str
    values: tuple[str, ...]
    means: tuple[tuple[float, ...], ...]  # one row a value, one number a target
    overall: tuple[float, ...]
    kind: ClassVar[str] = "target mean"
    WEIGHT: ClassVar[float] = 10.0

    def check(self):
        """As `Column.check`."""
        shape = np.shape(self.means)
        if shape != (len(self.values), len(self.overall)) or not np.isfinite(self.means).all():
            raise ValueError(f"expected {len(self.values)} means of a value, got {shape}")

    @classmethod
    def fit(cls, name: str, values, targets: np.ndarray) -> tuple["TargetMean", np.ndarray]:
        """The column, and its inputs for the rows of training; targets (n_rows, n_targets)."""
        codes, texts = codes_of(values)
        order = sorted(range(len(texts)), key=lambda code: texts[code])
        names = [texts[code] for code in order]
        place = np.empty(len(texts) + 1, np.intp)
        place[order] = np.arange(len(texts))
        place[-1] = len(texts)  # missing cells, a value of their own
        codes = place[codes]
        overall = targets.mean(axis=0)
        sums = np.zeros((len(texts) + 1, targets.shape[1]))
        np.add.at(sums, codes, targets)
        counts = np.bincount(codes, minlength=len(sums))[:, None]
        means = (sums + cls.WEIGHT * overall) / (counts + cls.WEIGHT)
        without = (sums[codes] - targets + cls.WEIGHT * overall) / (counts[codes] - 1 + cls.WEIGHT)
        rows = (*(tuple(map(float, row)) for row in means),)
        column = cls(name, (*names, ""), rows, tuple(map(float, overall)))
        return column, without

    @property
    def inputs(self) -> tuple[str, ...]:
        """One for every target or class."""
        n = len(self.overall)
        return (*(f"{self.name} mean" + (f" {k}" if n > 1 else "") for k in range(1, n + 1)),)

    def fill(self, values, out):
        """As `Column.fill`."""
        codes, texts = codes_of(values)
        places = places_of((*texts, ""), self.values)
        table = np.array([*self.means, self.overall])  # the last row for what did not occur
        out[:] = table[places[codes]]
        return Seen(unseen=int((places[codes] < 0).sum()))


@dataclass(frozen=True)
class Plain(Column):
    """A numeric column as it is."""

    name: str
    kind: ClassVar[str] = "plain"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The column."""
        return (self.name,)

    def fill(self, values, out):
        """As `Column.fill`; a cell that is missing or infinite is refused."""
        bad = ~np.isfinite(values)
        if bad.any():
            raise InvalidInputError(
                f"column {self.name!r} has {int(bad.sum())} missing or infinite values, the first "
                f"in row {int(bad.argmax()) + 1}, and this network was trained without any; remove "
                "these rows or fill them"
            )
        out[:, 0] = values
        return Seen()


KINDS: dict[str, Any] = {
    kind.kind: kind for kind in (Number, Date, Category, Hashed, TargetMean, Plain)
}


def codes_of(values) -> tuple[np.ndarray, Sequence[str]]:
    """Numbers of the different texts of a column (-1: missing), and these texts.

    Takes what a `Table` has: text, and numbers and dates as text.
    """
    if isinstance(values, Text):
        return values.codes.astype(np.intp), values.values
    if values.dtype.kind == "f":
        different, codes = np.unique(values, return_inverse=True)
        texts = [_as_text(value) for value in different.tolist()]
        n = int(np.isfinite(different).sum())
        return np.where(codes < n, codes, -1), texts[:n]
    different, codes = np.unique(values, return_inverse=True)
    n = int((~np.isnat(different)).sum())
    return np.where(codes < n, codes, -1), [str(one) for one in different[:n]]


def _as_text(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def places_of(texts: Sequence[str], values: Sequence[str]) -> np.ndarray:
    """For every text its place in `values`, -1 where it is not there; '3' finds '3.0' as well."""
    places = {value: place for place, value in enumerate(values)}
    found = [places.get(text, -1) for text in texts]
    if -1 in found:
        # a column may be numbers in one file ('1', '2') and text in the other ('1.0', '2', '3+')
        numbers = {float(value): place for value, place in places.items() if is_number(value)}
        for index, text in enumerate(texts):
            if found[index] < 0 and is_number(text) and math.isfinite(float(text)):
                found[index] = numbers.get(float(text), -1)
    return np.array(found, np.intp)
