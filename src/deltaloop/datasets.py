"""Small data sets to learn, test and measure with: two bundled, six generated.

`data/SOURCES.md` names the source, the licence and the citation of the bundled files.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import FileFormatError, InvalidInputError, unknown_name
from .inputs.checks import any_size, number, whole_number

__all__ = ["Dataset", "load", "names"]

_DATA = os.path.join(os.path.dirname(__file__), "data")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Inputs and targets in a fixed order, with a fixed training and test part.

    Unpacks into its two arrays: ``X, y = load("digits")``.

    Attributes
    ----------
    name : str
        The name that `load` was called with.
    X : ndarray of shape (n_samples, n_features), float32
        Inputs, C-contiguous, in the units that `description` tells (never scaled).
    y : ndarray of shape (n_samples,) or (n_samples, n_out)
        Class numbers from 0 (int64), or values (float32).
    n_train : int
        The first `n_train` rows are the training part and the others the test part. In complete
        tables (xor, parity, symmetry, encoder) `n_train` equals n_samples: all rows are both.
    target_names : tuple of str or None
        Names of the classes 0, 1, ...; None when y holds values.
    feature_names : tuple of str or None
        Names of the columns of X.
    description : str
        What the rows are, in one or two sentences.
    source : str
        The publication that the data come from.

    Examples
    --------
    >>> from deltaloop import datasets
    >>> iris = datasets.load("iris")
    >>> iris
    Dataset('iris', X (150, 4) float32, y (150,) int64, 105 + 45 rows, 3 classes)
    >>> iris.X_test.shape, iris.target_names[iris.y_test[0]]
    ((45, 4), 'virginica')
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    n_train: int
    target_names: tuple[str, ...] | None
    feature_names: tuple[str, ...] | None
    description: str
    source: str

    @property
    def X_train(self) -> np.ndarray:
        """The first `n_train` rows of X, a view."""
        return self.X[: self.n_train]

    @property
    def y_train(self) -> np.ndarray:
        """The first `n_train` targets, a view."""
        return self.y[: self.n_train]

    @property
    def X_test(self) -> np.ndarray:
        """The other rows of X, a view; all rows when the table is complete."""
        return self.X[self._test_rows]

    @property
    def y_test(self) -> np.ndarray:
        """The other targets, a view; all of them when the table is complete."""
        return self.y[self._test_rows]

    @property
    def _test_rows(self) -> slice:
        return slice(self.n_train if self.n_train < len(self.X) else 0, None)

    def __iter__(self) -> Iterator[np.ndarray]:
        yield self.X
        yield self.y

    def __repr__(self) -> str:
        n_test = len(self.X_test)
        complete = self.n_train == n_test == len(self.X)
        use = "all rows to train and test" if complete else f"{self.n_train} + {n_test} rows"
        classes = f", {len(self.target_names)} classes" if self.target_names else ""
        arrays = f"X {self.X.shape} {self.X.dtype}, y {self.y.shape} {self.y.dtype}"
        return f"Dataset({self.name!r}, {arrays}, {use}{classes})"


def names() -> tuple[str, ...]:
    """Return the names that `load` accepts.

    Examples
    --------
    >>> from deltaloop import datasets
    >>> datasets.names()
    ('digits', 'encoder', 'iris', 'parity', 'sine', 'symmetry', 'two_spirals', 'xor')
    """
    return tuple(_LOADERS)


def load(name: str, **options: Any) -> Dataset:
    """Return a data set by its name; the same call gives the same rows in the same order.

    ============= ============ ======================================= ==========================
    name          X            y                                       options
    ============= ============ ======================================= ==========================
    digits        (1797, 64)   digit 0 to 9; pixels of X are 0 to 16   none
    encoder       (n, n)       y = X = identity, float32               n=8 (2 to 4096)
    iris          (150, 4)     species; X in cm                        none
    parity        (2^n, n)     1 when the number of ones is odd        n=4 (2 to 20)
    sine          (n, 1)       sin x + noise, float32; x in [-pi, pi]  n_samples=200, noise=0,
                                                                       seed=0
    symmetry      (2^n, n)     1 when the row is a palindrome          n=6 (2 to 20)
    two_spirals   (194, 2)     spiral 0 or 1                           none
    xor           (4, 2)       1 when the two inputs differ            none
    ============= ============ ======================================= ==========================

    The split is fixed. iris (105 + 45 rows) and digits (1347 + 450) are stratified. In two_spirals
    and sine every fourth point along the curve is a test row, and test rows stand at the end.
    xor, parity, symmetry and encoder are complete tables: all rows are both training and test part.

    Parameters
    ----------
    name : str
        One of `names()`.
    **options
        See the table. `noise` is the standard deviation of Gaussian noise added to y, drawn from
        NumPy's frozen `RandomState(seed)` so that it is the same in every version.

    Returns
    -------
    Dataset
        With arrays of its own: changing them changes no later `load`.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        For an unknown name or option, and for a value outside its range or of another type.
    FileFormatError
        When a bundled file is missing from the installation or damaged.

    References
    ----------
    Fisher (1936) for iris; Alpaydin & Kaynak (1998) for digits; Rumelhart, Hinton & Williams (1986)
    for xor, parity and symmetry; Ackley, Hinton & Sejnowski (1985) for encoder; Lang & Witbrock
    (1988) for two_spirals, who train on all 194 points. `Dataset.source` holds the citation.

    Examples
    --------
    >>> from deltaloop import datasets
    >>> X, y = datasets.load("parity", n=3)
    >>> X.shape, y.tolist()
    ((8, 3), [0, 1, 1, 0, 1, 0, 0, 1])
    """
    if not isinstance(name, str) or name not in _LOADERS:
        raise unknown_name("data set", name, _LOADERS)
    from inspect import signature

    loader = _LOADERS[name]
    accepted = tuple(signature(loader).parameters)
    for option, value in options.items():
        if option not in accepted:
            takes = f"takes the options {', '.join(accepted)}" if accepted else "takes no options"
            raise InvalidInputError(
                f"data set {name!r} has no option {option!r} (got {option}={value!r}); it {takes}"
            )
    return loader(**options)


def _digits() -> Dataset:
    """8 x 8 images, stored as uint8 in the order of the split."""
    archive = _open("digits.npz")
    return Dataset(
        name="digits",
        X=archive["X"].astype(np.float32),
        y=archive["y"].astype(np.int64),
        n_train=1347,
        target_names=tuple("0123456789"),
        feature_names=tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
        description="Handwritten digits, 8 x 8 pixels that count 0 to 16 dark points; "
        "X / 16 lies in [0, 1].",
        source="E. Alpaydin and C. Kaynak (1998), Cascading classifiers, Kybernetika 34(4), "
        "369-374; UCI Machine Learning Repository, doi:10.24432/C50P49, CC BY 4.0",
    )


def _iris() -> Dataset:
    """Fisher's table, stored as text in the order of the split."""
    header, *rows = (line.split(",") for line in _open("iris.csv"))
    species = ("setosa", "versicolor", "virginica")
    return Dataset(
        name="iris",
        X=np.array([row[:4] for row in rows], dtype=np.float32),
        y=np.array([species.index(row[4]) for row in rows], dtype=np.int64),
        n_train=105,
        target_names=species,
        feature_names=tuple(header[:4]),
        description="Length and width of the sepals and petals of irises of three species, in cm.",
        source="R. A. Fisher (1936), The use of multiple measurements in taxonomic problems, "
        "Annals of Eugenics 7(2), 179-188; "
        "UCI Machine Learning Repository, doi:10.24432/C56C76, CC BY 4.0",
    )


def _xor() -> Dataset:
    """Parity of two bits under its usual name."""
    return replace(
        _parity(2),
        name="xor",
        target_names=("equal", "different"),
        description="The exclusive or of two bits: the smallest table that needs a hidden layer.",
    )


def _parity(n: int = 4) -> Dataset:
    """All rows of n bits; the class is (x_1 + ... + x_n) mod 2."""
    n = whole_number("n", n, 2, 20)
    X = _binary_rows(n)
    return Dataset(
        name="parity",
        X=X.astype(np.float32),
        y=X.sum(axis=1, dtype=np.int64) % 2,
        n_train=len(X),
        target_names=("even", "odd"),
        feature_names=_numbered(n),
        description=f"Whether a row of {n} bits holds an even or an odd number of ones.",
        source="D. E. Rumelhart, G. E. Hinton and R. J. Williams (1986), Learning internal "
        "representations by error propagation, in Parallel Distributed Processing, vol. 1, 318-362",
    )


def _symmetry(n: int = 6) -> Dataset:
    """All rows of n bits; the class is 1 when x_i = x_(n+1-i) for every i."""
    n = whole_number("n", n, 2, 20)
    X = _binary_rows(n)
    return Dataset(
        name="symmetry",
        X=X.astype(np.float32),
        y=np.all(np.flip(X, axis=1) == X, axis=1).astype(np.int64),
        n_train=len(X),
        target_names=("asymmetric", "symmetric"),
        feature_names=_numbered(n),
        description=f"Whether a row of {n} bits reads the same from both ends.",
        source="D. E. Rumelhart, G. E. Hinton and R. J. Williams (1986), Learning representations "
        "by back-propagating errors, Nature 323, 533-536",
    )


def _encoder(n: int = 8) -> Dataset:
    """Rows of the identity, to pass through about log2 n hidden units."""
    n = whole_number("n", n, 2, 4096)
    X = np.eye(n, dtype=np.float32)
    return Dataset(
        name="encoder",
        X=X,
        y=X.copy(),
        n_train=n,
        target_names=None,
        feature_names=_numbered(n),
        description=f"Reproduce which one of {n} inputs is on, through a hidden layer that is "
        f"narrower; {n}-{(n - 1).bit_length()}-{n} in the original.",
        source="D. H. Ackley, G. E. Hinton and T. J. Sejnowski (1985), A learning algorithm for "
        "Boltzmann machines, Cognitive Science 9, 147-169",
    )


def _two_spirals() -> Dataset:
    """Point i at the angle i pi / 16 and the radius 6.5 (104 - i) / 104, and its mirror image."""
    i = np.arange(97)
    angle, radius = i * np.pi / 16, 6.5 * (104 - i) / 104
    spiral = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    rows, n_train = _interleaved(len(i))
    return Dataset(
        name="two_spirals",
        X=np.stack([spiral, -spiral], axis=1)[rows].reshape(-1, 2).astype(np.float32),
        y=np.tile(np.array([1, 0], dtype=np.int64), len(i)),
        n_train=2 * n_train,
        target_names=("spiral 0", "spiral 1"),
        feature_names=_numbered(2),
        description="Which of two interlocked spirals with three turns each a point lies on.",
        source="K. J. Lang and M. J. Witbrock (1988), Learning to tell two spirals apart, "
        "Proceedings of the 1988 Connectionist Models Summer School, 52-59",
    )


@any_size
def _sine(n_samples: int = 200, noise: float = 0.0, seed: int = 0) -> Dataset:
    """Values of sin x + noise, x equally spaced over one period."""
    n_samples = whole_number("n_samples", n_samples, 4, 10_000_000)
    seed = whole_number("seed", seed, 0, 2**32 - 1)
    noise = number("noise", noise, low=0.0, below=1e6)
    x = np.linspace(-np.pi, np.pi, n_samples)
    y = np.sin(x)
    if noise:
        y += noise * np.random.RandomState(seed).standard_normal(n_samples)
    rows, n_train = _interleaved(n_samples)
    return Dataset(
        name="sine",
        X=x[rows, None].astype(np.float32),
        y=y[rows].astype(np.float32),
        n_train=n_train,
        target_names=None,
        feature_names=("x",),
        description="One period of the sine; sort by X[:, 0] to draw it.",
        source="computed",
    )


_LOADERS: dict[str, Callable[..., Dataset]] = {
    "digits": _digits,
    "encoder": _encoder,
    "iris": _iris,
    "parity": _parity,
    "sine": _sine,
    "symmetry": _symmetry,
    "two_spirals": _two_spirals,
    "xor": _xor,
}


def _binary_rows(n: int) -> np.ndarray:
    """The numbers 0 to 2^n - 1 in binary, most significant bit first: (2^n, n) int32."""
    shifts = np.arange(n - 1, -1, -1, dtype=np.int32)
    return (np.arange(2**n, dtype=np.int32)[:, None] >> shifts) & np.int32(1)


def _interleaved(n: int) -> tuple[np.ndarray, int]:
    """Positions 0 to n - 1, the test rows 2, 6, 10, ... moved to the end; number of the others."""
    position = np.arange(n)
    test = position % 4 == 2
    return np.concatenate([position[~test], position[test]]), int((~test).sum())


def _numbered(n: int) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(1, n + 1))


def _open(file_name: str) -> Any:
    """The arrays of a bundled .npz, or the lines of a bundled text."""
    path = os.path.join(_DATA, file_name)
    try:
        if file_name.endswith(".npz"):
            with np.load(path, allow_pickle=False) as archive:
                return {key: archive[key] for key in ("X", "y")}
        with open(path, encoding="ascii") as file:
            return file.read().splitlines()
    except Exception as error:
        raise FileFormatError(
            f"the bundled data file {file_name!r} is missing or damaged ({error}); "
            "reinstall deltaloop"
        ) from error
