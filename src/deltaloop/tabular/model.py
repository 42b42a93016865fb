"""A network together with what it knows of a table: columns, target, classes, how it was made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import FileFormatError, InvalidInputError
from ..inputs import validation
from ..inputs.calls import explained
from ..loading import load as load_network
from ..network import Network
from .arrays import Targets
from .engine import train
from .frames import as_table, split_target
from .preparation import Preparation, of_metadata
from .scores import held_out_scores, score_text
from .targets import Target, class_name, find_target

_USAGE = "write dl.tabular.fit(frame, 'column'), or fit(frame, y)"


@dataclass(eq=False, repr=False)
class Model:
    """A trained network for tables; `fit` and `load` make one.

    Attributes
    ----------
    net : Network
        It takes the columns of X that `preparation` makes.
    preparation : Preparation
    task : {'classification', 'regression'}
    targets : tuple of str
    values : tuple of str or float, or None
        The classes, as the table has them.
    logs : bool
        Whether the network predicts log(1 + y).
    notes : tuple of str
        What was done: rows, target, every column, training.
    scores : dict
        On rows that the network, or each of those that it averages, was not trained on, beside
        those of the constant answer: {'accuracy': ..., 'accuracy of the constant': ...}.
    """

    net: Network
    preparation: Preparation
    task: str
    targets: tuple[str, ...]
    values: tuple[str | float, ...] | None = None
    logs: bool = False
    notes: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes."""
        return None if self.values is None else tuple(map(class_name, self.values))

    def predict(self, frame) -> np.ndarray:
        """The predicted classes, or values.

        Parameters
        ----------
        frame : data frame, Table, mapping of columns, path or array
            With the columns of training, by name and in any order; others are ignored.

        Returns
        -------
        ndarray, shape (n_rows,), or (n_rows, n_targets) with several targets
            Classes as the table had them: text, or numbers.

        Raises
        ------
        InvalidInputError
            A column is missing, or text where it was numeric.
        """
        out = self._outputs(frame)
        if self.values is not None:
            return np.array(self.values, object if self._is_text() else None)[out.argmax(axis=1)]
        return out[:, 0] if out.shape[1] == 1 else out

    def predict_proba(self, frame) -> np.ndarray:
        """The probability of every class, in the order of `classes`.

        Returns
        -------
        ndarray, shape (n_rows, n_classes)

        Raises
        ------
        InvalidInputError
            The model predicts values; or as `predict`.
        """
        if self.values is None:
            raise InvalidInputError(
                "predict_proba is for classes, and this model predicts values; use predict"
            )
        return self._outputs(frame)

    def score(self, frame, y=None) -> dict[str, float]:
        """Scores of the predictions for rows with targets, which `frame` has unless y is given.

        Returns
        -------
        dict
            For classes accuracy, balanced accuracy and log loss; for values R2, RMSE and MAE. As
            well as those of the constant answer that is best for these rows.
        """
        table = as_table(frame)
        if y is None:
            columns = [
                table.values[table.columns.index(table.column_name(t))] for t in self.targets
            ]
        else:
            table, _, columns = split_target(table, y)
        target = find_target(self.targets, columns, self.task)
        return held_out_scores(*self._compared(table, target), n_classes=self._n_classes())

    def _compared(self, table, target):
        """Targets and outputs of the rows that have a target of a known class."""
        out = self._outputs(table.take(np.flatnonzero(target.rows)))
        if self.values is None:
            return target.y, out
        known = {class_name(value): number for number, value in enumerate(self.values)}
        numbers = np.array([known.get(name, -1) for name in target.classes])[target.y]
        return numbers, out

    def _n_classes(self):
        return None if self.values is None else len(self.values)

    def _is_text(self):
        return any(isinstance(value, str) for value in self.values)

    def _outputs(self, frame):
        table = as_table(frame)
        out = self.net.predict(self.preparation.transform(table)).astype(np.float64)
        return np.expm1(out) if self.logs else out

    def report(self) -> str:
        """What was done and how good it is, as text."""
        lines = [f"target {', '.join(self.targets)} ({self.task})"]
        if self.classes is not None:
            lines.append(f"classes: {', '.join(self.classes)}")
        lines += ["columns:", *(f"  {note}" for note in self.preparation.notes)]
        lines += ["training:", *(f"  {note}" for note in self.notes)]
        if self.scores:
            lines += ["on rows that were not trained on:"]
            lines += [f"  {line}" for line in score_text(self.scores)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        what = "values" if self.values is None else f"{len(self.values)} classes"
        return (
            f"Model({what} of {', '.join(self.targets)} from {len(self.preparation.columns)} "
            f"columns, {self.net.n_parameters} parameters)"
        )

    def save(self, path) -> None:
        """Write the model to one file, whole or not at all, which `dl.load` reads as well.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        OSError
            The file cannot be written; what was there before is untouched.
        """
        self.net.classes = self.classes
        self.net.metadata = self.metadata()
        self.net.save(path)

    def metadata(self) -> dict[str, Any]:
        """What the file of the network carries."""
        return {
            "preparation": self.preparation.to_dict(),
            "task": self.task,
            "target": self.targets[0] if len(self.targets) == 1 else list(self.targets),
            "values": None if self.values is None else list(self.values),
            "logs": self.logs,
            "notes": list(self.notes),
            "scores": dict(self.scores),
        }

    @classmethod
    def of_network(cls, net: Network) -> "Model":
        """The model of a network that carries a preparation, of this version or an earlier one.

        Raises
        ------
        FileFormatError
            It carries none, or one that does not fit.
        """
        found = net.metadata
        preparation = of_metadata(found)
        if preparation is None or not isinstance(found, dict):
            raise FileFormatError("this network knows of no table; it takes arrays: net.predict(X)")
        target, values = found.get("target"), found.get("values")
        targets = tuple(target) if isinstance(target, list) else (target or "target",)
        if values is None and net.classes is not None:
            values = net.classes
        n_out = net.sizes[-1]
        if len(preparation.inputs) != net.sizes[0] or (
            values is not None and len(values) != (2 if n_out == 1 else n_out)
        ):
            raise FileFormatError(
                f"the network takes {net.sizes[0]} inputs and gives {n_out} outputs, which is not "
                "what it says of its columns and classes; save the model again"
            )
        task = "regression" if values is None else "classification"
        return cls(
            net, preparation, task, targets, None if values is None else tuple(values),
            bool(found.get("logs", False)), tuple(found.get("notes", ())),
            dict(found.get("scores", {})),
        )  # fmt: skip


@explained(
    _USAGE,
    random_state="write seed=0", time_limit="write budget=60", max_seconds="write budget=60",
)  # fmt: skip
def fit(
    frame,
    target=None,
    *,
    task: str | None = None,
    seed: int = 0,
    budget: float | None = None,
    simple: bool = False,
    keep: Iterable[str] = (),
    ignore: Iterable[str] = (),
    encode: Mapping[str, str] | None = None,
    log_target: bool = False,
    sample_weight=None,
    progress=False,
) -> Model:
    """Train networks that predict a column of a table from the others.

    Parameters
    ----------
    frame : data frame, Table, mapping of columns, path or array
        pandas, Polars, Arrow, a mapping of names to arrays, the path of a file, or an array of
        numbers, shape (n_rows, n_columns).
    target : str, int, list of str, or array_like; optional
        A column by name or position; several columns of values by their names; or the targets
        themselves, one for every row. Default: the last column.
    task : {'classification', 'regression'}, optional
        Left out, it is guessed: text and few whole numbers are classes.
    seed : int, default 0
    budget : float, optional
        Seconds to spend. Left out, about as many as the table needs, at most some seconds; more
        trains more networks, of several kinds, and averages those that do best on held out rows.
    simple : bool, default False
        Train one small network of 30 tanh units by plain gradient descent instead.
    keep, ignore : iterable of str
        Columns to use in any case, and not to use.
    encode : mapping of str to {'hash', 'target'}, optional
        For text columns with many values.
    log_target : bool, default False
        Learn log(1 + y) of values >= 0 in place of y.
    sample_weight : array_like, shape (n_rows,), optional
        >= 0.
    progress : bool or callable, default False
        f(fraction, text), or True for lines on stderr.

    Returns
    -------
    Model

    Raises
    ------
    InvalidInputError
        What does not fit, with what to do.

    Examples
    --------
    >>> import numpy as np
    >>> import deltaloop as dl
    >>> rng = np.random.default_rng(0)
    >>> length = rng.uniform(1, 3, 60)
    >>> frame = {"length": length, "colour": rng.choice(["red", "blue"], 60),
    ...          "kind": np.where(length > 2, "long", "short")}
    >>> model = dl.tabular.fit(frame, "kind")
    >>> model.predict({"length": [1.2, 2.9], "colour": ["red", "red"]}).tolist()
    ['short', 'long']
    """
    table, names, columns = split_target(as_table(frame), target)
    if table.n_rows < 2:
        raise InvalidInputError(f"{table.source!r} has a single row; training needs at least 2")
    found = find_target(names, columns, task)
    rows = np.flatnonzero(found.rows)
    weights = validation.weights(sample_weight, table.n_rows)
    weights = None if weights is None else weights[rows]
    table = table if len(rows) == table.n_rows else table.take(rows)
    logs = _check_log(log_target, found)
    y = np.log1p(found.y) if logs else found.y
    preparation, X = Preparation.fit_transform(
        table, [name for name in names if name in table.columns],
        keep=keep, ignore=ignore, encode=encode, y=_for_means(found, y) if encode else None,
    )  # fmt: skip
    n_classes = None if found.values is None else len(found.values)
    trained = train(
        X, y, n_classes, seed=seed, budget=budget, simple=simple, weights=weights,
        progress=progress,
    )  # fmt: skip
    model = Model(
        trained.net, preparation, found.task, found.names, found.values, logs,
        (*found.notes, *_remarks(found, logs), *trained.notes),
    )  # fmt: skip
    if trained.held is not None and trained.outputs is not None:
        y_held, out = found.y[trained.held], trained.outputs
        model.scores = held_out_scores(y_held, np.expm1(out) if logs else out, n_classes=n_classes)
    model.net.classes = model.classes
    model.net.metadata = model.metadata()
    return model


def load(path) -> Model:
    """Read a model that `Model.save` or `deltaloop train` wrote.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    FileFormatError
        The file is damaged, or holds a network that knows of no table.
    OSError
        The file cannot be opened.
    """
    return Model.of_network(load_network(path))


def _for_means(found: Target, y):
    """What means of targets are taken of: scaled values, or classes one-hot."""
    if found.values is not None:
        return np.eye(len(found.values))[found.y]
    return Targets.of(y, None).y.astype(np.float64)


def _check_log(log_target, found):
    if not log_target:
        return False
    if found.values is not None or found.y.min() < 0:
        raise InvalidInputError(
            "log_target is for values >= 0, "
            + ("and the target is classes" if found.values is not None
               else f"and the target goes down to {found.y.min():g}")
            + "; leave it out"
        )  # fmt: skip
    return True


def _remarks(found: Target, logs: bool) -> list[str]:
    """What is to be said of the target."""
    told = [f"task: {found.task}, {found.reason}"]
    if found.values is None:
        told.append("target " + ("log(1 + y), " if logs else "") + "scaled to deviation 1")
        for name, y in zip(found.names, found.y.T, strict=True):
            centred = y - np.median(y)
            q25, q75 = np.quantile(centred, [0.25, 0.75])
            if not logs and y.min() >= 0 and q75 > q25 and centred.max() > 10 * (q75 - q25):
                told.append(
                    f"target {name} has a heavy tail (largest {y.max():.6g}, median "
                    f"{np.median(y):.6g}); log_target may help where ratios matter"
                )
    return told
