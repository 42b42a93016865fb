"""A network together with what it knows of a table: columns, target, classes, how it was made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import FileFormatError, InvalidInputError
from ..inputs import validation
from ..inputs.calls import explained
from ..inputs.checks import several, whole_number
from ..loading import load as load_network
from ..network import Network
from ..tables.cells import missing_cells, shortened
from .arrays import Targets, groups_of
from .engine import train
from .frames import as_table, has_no_rows, split_target
from .preparation import Preparation, as_encodings, of_metadata
from .scores import (
    Score,
    as_dict,
    finite,
    named,
    of_dict,
    scores_of_known,
    value_scores,
    with_constant,
)
from .targets import (
    TASKS,
    Target,
    class_name,
    class_numbers,
    find_target,
    of_logs,
    parted,
    probabilities,
)

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
        The classes, as the table has them, of a single target.
    logs : bool
        Whether the network predicts log(1 + y).
    notes : tuple of str
        What was done: rows, target, every column, training.
    scores : dict
        On rows that the network, or each of those that it averages, was not trained on, beside
        those of the constant answer: {'accuracy': ..., 'accuracy of the constant': ...}.
    kinds : tuple of (tuple or None)
        Of several targets of which some are classes: the classes of each, None for values.
    """

    net: Network
    preparation: Preparation
    task: str
    targets: tuple[str, ...]
    values: tuple[str | float, ...] | None = None
    logs: bool = False
    notes: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    kinds: tuple[tuple[str | float, ...] | None, ...] = ()

    @property
    def classes(self):
        """Names of the classes: a tuple, None for values; of several targets a dict of them."""
        if self.kinds:
            return {
                name: tuple(map(class_name, values))
                for name, values in zip(self.targets, self.kinds, strict=True)
                if values is not None
            }
        return None if self.values is None else tuple(map(class_name, self.values))

    def predict(self, frame) -> Any:
        """The predicted classes, or values.

        Parameters
        ----------
        frame : data frame, Table, mapping of columns, path or array
            With the columns of training, by name and in any order; others are ignored. A frame, a
            mapping or an array without rows gives a result without rows.

        Returns
        -------
        ndarray, shape (n_rows,), or (n_rows, n_targets) with several targets
            Classes as the table had them: text, or numbers. Of several targets of which some are
            classes a dict of such arrays, by the names of the targets.

        Raises
        ------
        InvalidInputError
            A column is missing, or text where it was numeric.
        """
        out = self._outputs(frame)
        if self.kinds:
            return {
                name: part[:, 0] if values is None else _classes_of(values, part)
                for name, values, part in self.parted(out)
            }
        if self.values is not None:
            return _classes_of(self.values, out)
        return out[:, 0] if out.shape[1] == 1 else out

    def parted(self, out: np.ndarray) -> list[tuple[str, tuple | None, np.ndarray]]:
        """Name, classes (None for values) and outputs of each of several targets."""
        return list(zip(self.targets, self.kinds, parted(out, self.kinds), strict=True))

    def predict_proba(self, frame) -> Any:
        """The probability of every class, in the order of `classes`.

        Returns
        -------
        ndarray, shape (n_rows, n_classes)
            Of several targets a dict of such arrays, for those that are classes.

        Raises
        ------
        InvalidInputError
            The model predicts values; or as `predict`.
        """
        if self.kinds:
            parts = self.parted(self._outputs(frame))
            return {name: part for name, values, part in parts if values is not None}
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
        kinds = self.kinds or (self.values,) * len(self.targets)
        rows = ~np.logical_or.reduce([missing_cells(column) for column in columns])
        if not rows.any():
            raise InvalidInputError(
                f"target {shortened(self.targets)} is missing in every row; there is no score"
            )
        out = self._outputs(table.take(np.flatnonzero(rows)))
        y = [
            find_target([name], [column[rows]], TASKS[1]).y[:, 0]
            if values is None
            else class_numbers(column[rows], values)
            for name, column, values in zip(self.targets, columns, kinds, strict=True)
        ]
        return as_dict(self.scores_of(y[0] if self.values else np.column_stack(y), out))

    def scores_of(self, y: np.ndarray, out: np.ndarray) -> list[Score]:
        """Scores of outputs for rows with these targets, as a `Target` has them."""
        if self.values is not None:
            return scores_of_known(y, out, self.values)
        if not self.kinds:
            return value_scores(out, y, y, self.targets)
        told: list[Score] = []
        for (name, values, part), true in zip(self.parted(out), y.T, strict=True):
            true = true if values is None else true.astype(np.int64)
            told += named(scores_of_known(true, part, values), name)
        return told

    def _outputs(self, frame):
        if has_no_rows(frame):
            out = np.zeros((0, self.net.sizes[-1]))
        else:
            out = self.net.predict(self.preparation.transform(as_table(frame)))
        out = probabilities(self.net, out).astype(np.float64)
        return of_logs(out) if self.logs else out

    def report(self) -> str:
        """What was done and how good it is, as text."""
        lines = [f"target {', '.join(self.targets)} ({self.task})"]
        of_targets = self.classes if self.kinds else {"": self.classes or ()}
        for name, classes in of_targets.items():
            if classes:
                lines.append(f"classes{' of ' * bool(name)}{name}: {', '.join(classes)}")
        lines += ["columns:", *(f"  {note}" for note in self.preparation.notes)]
        lines += ["training:", *(f"  {note}" for note in self.notes)]
        if self.scores:
            lines += ["on rows that were not trained on:"]
            lines += [f"  {one.name} {with_constant(one)}" for one in of_dict(self.scores)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        what = "values" if self.values is None else f"{len(self.values)} classes"
        what = "classes and values" if self.task == "mixed" else "classes" if self.kinds else what
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
        self._tell_network()
        self.net.save(path)

    def _tell_network(self):
        """Let the network carry what its file shall know."""
        self.net.classes = None if self.kinds else self.classes
        self.net.metadata = self.metadata()

    def metadata(self) -> dict[str, Any]:
        """What the file of the network carries."""
        return {
            "preparation": self.preparation.to_dict(),
            "task": self.task,
            "target": self.targets[0] if len(self.targets) == 1 else list(self.targets),
            "values": None if self.values is None else list(self.values),
            "logs": self.logs,
            "notes": list(self.notes),
            "scores": finite(self.scores),
            **({"kinds": [v if v is None else list(v) for v in self.kinds]} if self.kinds else {}),
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
        kinds = tuple(None if v is None else tuple(v) for v in found.get("kinds", ()))
        n_out = net.sizes[-1]
        n_told = sum(1 if v is None else len(v) for v in kinds)
        if kinds and (n_told != n_out or len(kinds) != len(targets)):
            raise FileFormatError(
                f"the network gives {n_out} outputs, which is not what it says of its "
                f"{len(targets)} targets; save the model again"
            )
        # one output that knows the names is the second of two classes
        n_classes = 2 if n_out == 1 and net.classes is not None else n_out
        if len(preparation.inputs) != net.sizes[0] or (
            values is not None and len(values) != n_classes
        ):
            raise FileFormatError(
                f"the network takes {net.sizes[0]} inputs and gives {n_out} outputs, which is not "
                "what it says of its columns and classes; save the model again"
            )
        task = "regression" if values is None else "classification"
        if kinds:
            task = "mixed" if None in kinds else "classification"
        return cls(
            net, preparation, task, targets, None if values is None else tuple(values),
            bool(found.get("logs", False)), tuple(found.get("notes", ())),
            dict(found.get("scores", {})), kinds,
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
    keep: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    encode: Mapping[str, str] | None = None,
    log_target: bool = False,
    group: str | None = None,
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
        A column by name or position; several columns by their names; or the targets themselves,
        one for every row. Default: the last column.
    task : {'classification', 'regression'}, optional
        Left out, it is guessed: text and few whole numbers are classes.
    seed : int, default 0
        >= 0. Of initial values, orders and held out rows.
    budget : float, optional
        Seconds to spend. Left out, about as many as the table needs, at most some seconds; more
        trains more networks, of several kinds, and averages those that do best on held out rows.
    simple : bool, default False
        Train one small network of 30 tanh units by plain gradient descent instead.
    keep, ignore : str or iterable of str, default ()
        Columns to use in any case, and not to use.
    encode : mapping of str to {'hash', 'target'}, optional
        For text columns with many values.
    log_target : bool, default False
        Learn log(1 + y) of values >= 0 in place of y.
    group : str, optional
        A column whose equal values are rows of one kind, such as a patient: they are held back
        together, so that scores tell of new ones. It is no input.
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
    seed = whole_number("seed", seed, 0)
    keep, ignore, encode = several("keep", keep), several("ignore", ignore), as_encodings(encode)
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
    groups = None
    if group is not None:
        group = table.column_name(group)
        if group in (*names, *map(table.column_name, keep)):
            raise InvalidInputError(
                f"column {group!r} is the group, and can be no target and no input as well"
            )
        groups = groups_of(table.values[table.columns.index(group)])
        ignore = (*ignore, group)
    preparation, X = Preparation.fit_transform(
        table, [name for name in names if name in table.columns],
        keep=keep, ignore=ignore, encode=encode, y=for_means(found, y) if encode else None,
    )  # fmt: skip
    trained = train(
        X, y, found.n_classes, seed=seed, budget=budget, simple=simple, weights=weights,
        progress=progress, groups=groups,
    )  # fmt: skip
    model = Model(
        trained.net, preparation, found.task, found.names, found.values, logs,
        (*found.notes, *_remarks(found, logs), *trained.notes),
        kinds=found.kinds,
    )  # fmt: skip
    if trained.held is not None and trained.outputs is not None:
        y_held, out = found.y[trained.held], trained.outputs
        model.scores = as_dict(model.scores_of(y_held, of_logs(out) if logs else out))
    model._tell_network()
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


def _classes_of(values, out):
    """The class with the largest output in every row, as the table has it."""
    is_text = any(isinstance(value, str) for value in values)
    return np.array(values, object if is_text else None)[out.argmax(axis=1)]


def for_means(found: Target, y: np.ndarray) -> np.ndarray:
    """What means of targets are taken of: scaled values, or classes one-hot."""
    if found.values is not None:
        return np.eye(len(found.values))[found.y]
    return Targets.of(y, found.n_classes).y.astype(np.float64)


def _check_log(log_target, found):
    if not log_target:
        return False
    if found.values is not None or found.parts or found.y.min() < 0:
        raise InvalidInputError(
            "log_target is for values >= 0, "
            + ("and the target is classes" if found.values is not None or found.parts
               else f"and the target goes down to {found.y.min():g}")
            + "; leave it out"
        )  # fmt: skip
    return True


def _remarks(found: Target, logs: bool) -> list[str]:
    """What is to be said of the target."""
    told = [f"task: {found.task}, {found.reason}"]
    if found.values is None:
        of_values = [
            k for k in range(len(found.names)) if not found.parts or found.parts[k].values is None
        ]
        if of_values:
            told.append("target " + ("log(1 + y), " if logs else "") + "scaled to deviation 1")
        for name, y in ((found.names[k], found.y[:, k]) for k in of_values):
            centred = y - np.median(y)
            q25, q75 = np.quantile(centred, [0.25, 0.75])
            if not logs and y.min() >= 0 and q75 > q25 and centred.max() > 10 * (q75 - q25):
                told.append(
                    f"target {name} has a heavy tail (largest {y.max():.6g}, median "
                    f"{np.median(y):.6g}); log_target may help where ratios matter"
                )
    return told
