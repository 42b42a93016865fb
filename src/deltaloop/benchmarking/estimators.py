"""`deltaloop bench --estimators`: the classes of `deltaloop.sklearn` beside those of scikit-learn.

Both get the same data, seed and settings, and make the same number of epochs. Everything runs in
this process with one thread of BLAS (which is the fastest for scikit-learn where it is small), in
turns; the fastest turn of each counts. The search uses two threads of joblib for ours, and for
scikit-learn two threads or two processes, whichever is the faster; that with one worker of
scikit-learn stands beside it.
"""

import json
import os
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import numpy as np

from ..console.figures import duration
from ..errors import missing
from ..interop.whole_file import whole_file
from ..text import aligned
from ..version import __version__
from . import machine

FORMAT = 1
_REPEATS = 3


@dataclass(frozen=True)
class Case:
    """One thing that both classes do.

    Attributes
    ----------
    name : str
    kind : {'classifier', 'regressor'}
    data : callable
        f() -> X, y.
    settings : dict
        Of the estimators, the defaults of scikit-learn but for these.
    what : {'fit', 'predict', 'search'}
    target : float
        How many times as fast ours should be.
    """

    name: str
    kind: str
    data: Callable[[], tuple[Any, Any]]
    settings: dict
    what: str = "fit"
    target: float = 5.0


@dataclass
class Row:
    """What was measured of a case; seconds of every turn.

    `losses` and `epochs` are those of scikit-learn and ours after `fit`, `scores` of the search;
    `alone` is scikit-learn with one worker in place of two.
    """

    name: str
    target: float
    theirs: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How many times as fast ours is."""
        return min(self.theirs) / min(self.ours)


def _digits():
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


def _breast_cancer():
    from sklearn.datasets import load_breast_cancer
    from sklearn.preprocessing import scale

    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def _housing():
    """As many samples and columns as the census of California, generated."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_640, 8))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * np.abs(X[:, 3]) + 0.1 * rng.normal(size=len(X))
    return X, y


def _pictures():
    """As many pixels as in MNIST, 19 % of which are not 0, in ten classes; float64."""
    rng = np.random.default_rng(0)
    patterns, y = rng.random((10, 784)), rng.integers(0, 10, 20_000)
    X = rng.random((20_000, 784)) * patterns[y]
    level = np.quantile(X[:1000], 0.81)
    X[level > X] = 0.0
    return X, y


def _first_digits():
    X, y = _digits()
    return X[:300], y[:300]


def _fixed(n_epochs, **settings):
    """Settings with which both make exactly so many epochs."""
    return {"max_iter": n_epochs, "n_iter_no_change": np.inf, "random_state": 0} | settings


def cases(quick: bool) -> list[Case]:
    """What is measured."""
    share = 4 if quick else 1
    return [
        Case("fit digits, 1797 x 64", "classifier", _digits, _fixed(40 // share)),
        Case("fit breast cancer, 569 x 30", "classifier", _breast_cancer, _fixed(100 // share)),
        Case("fit 20640 x 8", "regressor", _housing, _fixed(8 // share)),
        Case("fit 20000 x 784, 19 % not 0", "classifier", _pictures, _fixed(4 // share)),
        Case(
            "fit digits, batch_size=1", "classifier", _first_digits,
            _fixed(4 // share, batch_size=1), target=20.0,
        ),
        Case("predict one row of digits", "classifier", _digits, _fixed(5), "predict"),
        Case("predict one row of 20640 x 8", "regressor", _housing, _fixed(2), "predict"),
        Case(
            "search, 64 candidates on digits, 2 threads", "classifier",
            _first_digits if quick else _digits, _fixed(2 if quick else 20), "search", 8.0,
        ),
    ]  # fmt: skip


def _classes(kind: str) -> tuple[type, type]:
    from sklearn import neural_network

    from .. import sklearn

    name = "MLPClassifier" if kind == "classifier" else "MLPRegressor"
    return getattr(neural_network, name), getattr(sklearn, name)


def run(quick: bool, tell: Callable[[int, int, str], None]) -> list[Row]:
    """Measure every case."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise missing("scikit-learn", "sklearn", "--estimators") from None
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    chosen, rows = cases(quick), []
    for index, case in enumerate(chosen):
        tell(index, len(chosen), case.name)
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows.append(_MEASURES[case.what](case, 1 if quick else _REPEATS))
    return rows


def _seconds(function) -> float:
    begin = perf_counter()
    function()
    return perf_counter() - begin


def _measured_fit(case, repeats):
    X, y = case.data()
    row = Row(case.name, case.target)
    models = [kind(**case.settings) for kind in _classes(case.kind)]
    for _ in range(repeats):
        for model, times in zip(models, (row.theirs, row.ours), strict=True):
            times.append(_seconds(lambda model=model: model.fit(X, y)))
    row.losses = [float(model.loss_) for model in models]
    row.epochs = [int(model.n_iter_) for model in models]
    return row


def _measured_prediction(case, repeats):
    X, y = case.data()
    row = Row(case.name, case.target)
    models = [kind(**case.settings).fit(X, y) for kind in _classes(case.kind)]
    one = X[:1].copy()
    for _ in range(10 * repeats):
        for model, times in zip(models, (row.theirs, row.ours), strict=True):
            times.append(
                _seconds(lambda model=model: [model.predict(one) for _ in range(100)]) / 100
            )
    return row


_BACKENDS = ("threading", "loky")  # of joblib, for scikit-learn: the faster counts
_GRID = {
    "hidden_layer_sizes": [(25,), (50,), (100,), (50, 25)],
    "alpha": [1e-5, 1e-4, 1e-3, 1e-2],
    "learning_rate_init": [1e-3, 1e-2],
    "activation": ["relu", "tanh"],
}


def _measured_search(case, repeats):
    import joblib
    from sklearn.model_selection import GridSearchCV

    X, y = case.data()
    theirs, ours = _classes(case.kind)
    row = Row(case.name, case.target)

    def search(kind, backend, n_jobs=2):
        found = GridSearchCV(kind(**case.settings), _GRID, cv=3, refit=False)
        with joblib.parallel_config(backend=backend, n_jobs=n_jobs):
            seconds = _seconds(lambda: found.fit(X, y))
        return seconds, float(found.best_score_)

    for _ in range(min(repeats, 2)):
        found = [search(theirs, backend) for backend in _BACKENDS]
        seconds, score = search(ours, "threading")
        row.theirs.append(min(one[0] for one in found))
        row.ours.append(seconds)
        row.scores = [found[0][1], score]
    row.alone.append(search(theirs, "threading", 1)[0])
    return row


_MEASURES = {
    "fit": _measured_fit,
    "predict": _measured_prediction,
    "search": _measured_search,
}


def table(rows: list[Row]) -> str:
    """The measurements as text."""
    lines: list[tuple] = [("", "scikit-learn", "deltaloop", "times", "target", "loss or score")]
    for row in rows:
        pair = row.losses or row.scores
        lines.append(
            (
                row.name, duration(min(row.theirs)), duration(min(row.ours)), f"{row.ratio:.1f}",
                f"{row.target:g}", " / ".join(f"{value:.4f}" for value in pair),
            )
        )  # fmt: skip
        if row.alone:
            one, ours = min(row.alone), min(row.ours)
            lines.append(
                ("the same, scikit-learn with 1", duration(one), duration(ours),
                 f"{one / ours:.1f}", "", "")
            )  # fmt: skip
    return "\n".join(aligned(lines, "<>>>>>"))


def save(rows: list[Row], path: str | os.PathLike[str], quick: bool) -> None:
    """Write JSON, whole or not at all."""
    import sklearn

    content = {
        "format": FORMAT,
        "version": __version__,
        "date": datetime.now(UTC).date().isoformat(),
        "quick": quick,
        "machine": machine.description(),
        "scikit-learn": sklearn.__version__,
        "rows": [asdict(row) for row in rows],
    }
    with whole_file(path, "w") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
