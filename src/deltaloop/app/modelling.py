"""The textbook network of `deltaloop train --simple`: build, train, compare."""

import copy
import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .. import kernels
from ..errors import DivergenceError, InvalidInputError, unknown_name
from ..inputs.validation import Prepared, one_hot, prepared
from ..kernels.functions import ACTIVATIONS
from ..network import Network
from ..parts.layers import Dense
from ..parts.losses import LOSSES, check_loss
from ..parts.optimizers import OPTIMIZERS, SGD, AnyOptimizer
from ..parts.scaling import Scaling
from ..parts.whole_batch import WholeBatch
from ..training.history import History
from .problems import Problem

BATCH_SIZE = 10
EPOCHS = 50
STEPS_OF_ALL = 200  # of optimisers that look at all samples before every step
# where rows are few, 50 epochs become as many as make this number of steps
MIN_STEPS = {"classification": 2000, "regression": 500}
LOSS = {"classification": "cross_entropy", "regression": "mse"}
# of plain gradient descent, by loss or, for mse and its like, by task; others bring their own
LEARNING_RATE = {
    "cross_entropy": 0.05,
    "binary_cross_entropy": 0.1,
    "classification": 0.5,
    "regression": 0.05,
}
_COMPARISON_SECONDS = 2.0  # what the reference may take for its epoch
_REPEATED_SECONDS = 0.2  # quick epochs are repeated for about this long


@dataclass(frozen=True)
class Settings:
    """The options of `deltaloop train --simple`; None leaves the choice to the problem."""

    layers: tuple[int, ...] = (30,)
    activation: str = "tanh"
    loss: str | None = None
    optimizer: str = "sgd"
    learning_rate: float | None = None
    momentum: float | None = None
    nesterov: bool = False
    batch_size: int | None = None
    epochs: int | None = None
    seed: int = 0
    standardize: bool = True
    dtype: str = "float32"
    backend: str = "auto"
    schedule: str | None = None
    validation: float | None = None
    patience: int | None = None
    metrics: str | None = None
    max_seconds: float | None = None
    checkpoint: str | None = None
    resume: bool = False


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows of a problem, ready for the network: X, Y, and the targets as the problem has them."""

    X: Prepared
    Y: Prepared
    y: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Seconds of the same epoch with two backends; `fraction` of the epoch was timed."""

    seconds: float
    reference_seconds: float
    fraction: float


def build(problem: Problem, X: np.ndarray, settings: Settings) -> Network:
    """The untrained network.

    Parameters
    ----------
    X : ndarray, shape (n_rows, n_inputs)
        The training rows, prepared.

    Raises
    ------
    InvalidInputError
        Options that do not fit each other or the problem.
    """
    task = problem.question.task
    loss = check_loss(settings.loss or LOSS[task])
    n_out, output = _output(problem, loss)
    layers = [Dense(width, settings.activation) for width in settings.layers]
    rectifies = settings.activation in ACTIVATIONS and ACTIVATIONS[settings.activation].rectifies
    net = Network(
        X.shape[1], [*layers, Dense(n_out, output)], loss=loss,
        init="he_uniform" if rectifies else "glorot_uniform",
        dtype=settings.dtype, seed=settings.seed, backend=settings.backend,
    )  # fmt: skip
    if settings.standardize:
        scales = problem.classes is None and LOSSES[net.loss_name].is_distance
        y = np.log1p(problem.y_train) if problem.logs else problem.y_train
        net.scaling = Scaling.standardize(X, y if scales else None)
    net.classes = problem.classes
    return net


def _output(problem, loss):
    """Units and activation of the last layer."""
    row, reason = loss.row, problem.question.reason
    if row.only_targets:
        raise InvalidInputError(
            f"--loss {loss} takes targets of -1 and 1, which the command does not make; use "
            "--loss binary_cross_entropy, or Python"
        )
    if problem.classes is None:
        if row.targets == (0, 1):
            raise InvalidInputError(
                f"--loss {loss} needs classes, but the task is regression ({reason}); "
                "use --loss mse, or --task classification"
            )
        return problem.y_train.shape[1], row.partner
    if row.targets == (0, math.inf):
        raise InvalidInputError(
            f"--loss {loss} needs values, but the task is classification ({reason}); "
            "use --loss cross_entropy, or --task regression"
        )
    n_classes = len(problem.classes)
    if loss.row.targets_sum_to_1:
        return n_classes, loss.row.partner
    if loss.row.is_distance:
        return n_classes, "sigmoid"
    if n_classes != 2:
        raise InvalidInputError(
            f"--loss {loss} needs 2 classes, the target has {n_classes}; use --loss cross_entropy"
        )
    return 1, loss.row.partner


def build_optimizer(problem: Problem, settings: Settings) -> AnyOptimizer:
    """The optimiser that the options describe.

    Raises
    ------
    InvalidInputError
        An unknown name, a value out of range, or an option that this optimiser has not.
    """
    if settings.optimizer not in OPTIMIZERS:
        raise unknown_name("optimizer", settings.optimizer, OPTIMIZERS)
    kind = OPTIMIZERS[settings.optimizer]
    options: dict[str, Any] = {
        "learning_rate": settings.learning_rate,
        "momentum": settings.momentum,
        "nesterov": settings.nesterov or None,
    }
    if kind is SGD and settings.learning_rate is None:
        loss = settings.loss or LOSS[problem.question.task]
        options["learning_rate"] = LEARNING_RATE.get(loss, LEARNING_RATE[problem.question.task])
    given = {name: value for name, value in options.items() if value is not None}
    for name in given.keys() - {field.name for field in fields(kind)}:
        raise InvalidInputError(
            f"--optimizer {settings.optimizer} has no {name}; leave --{name.replace('_', '-')} out"
        )
    return kind(**given)


def batch_size(problem: Problem, settings: Settings) -> int:
    """Samples per step.

    Raises
    ------
    InvalidInputError
        More than there are training rows.
    """
    n = len(problem.y_train)
    if settings.batch_size is not None and settings.batch_size > n:
        raise InvalidInputError(
            f"--batch-size must be at most {n}, the number of training rows, "
            f"got {settings.batch_size}"
        )
    return settings.batch_size or (n if _needs_all(settings) else min(BATCH_SIZE, n))


def _needs_all(settings) -> bool:
    """Whether the optimiser takes nothing but all samples at once."""
    kind = OPTIMIZERS[settings.optimizer]
    return issubclass(kind, WholeBatch) or kind().rule().row.whole_batch


def epochs(problem: Problem, settings: Settings) -> int:
    """Epochs to run."""
    if issubclass(OPTIMIZERS[settings.optimizer], WholeBatch):
        return settings.epochs or STEPS_OF_ALL
    steps = math.ceil(len(problem.y_train) / batch_size(problem, settings))
    return settings.epochs or max(EPOCHS, math.ceil(MIN_STEPS[problem.question.task] / steps))


def targets(net: Network, y: np.ndarray) -> np.ndarray:
    """Targets of the problem in the form that the loss of the network takes."""
    if net.classes is None or LOSSES[net.loss_name].targets_sum_to_1:
        return y
    if LOSSES[net.loss_name].is_distance:
        return one_hot(y, len(net.classes), net.dtype)
    return y.reshape(-1, 1)


def examples(net: Network, X: np.ndarray, y: np.ndarray) -> Examples:
    """Rows of a problem, checked once for all that is done with them."""
    return Examples(*prepared(X, targets(net, y), net), y)


def train(
    net: Network, examples: Examples, problem: Problem, settings: Settings, optimizer: AnyOptimizer,
    progress=False,
) -> History:  # fmt: skip
    """Train on the training part; Ctrl-C ends it early, see `Network.fit`.

    Raises
    ------
    InvalidInputError
        An option that `fit` does not take.
    """
    net.optimizer = optimizer  # saved with the network
    return net.fit(
        examples.X, examples.Y, epochs=epochs(problem, settings),
        batch_size=batch_size(problem, settings), progress=progress, **fit_options(settings),
    )  # fmt: skip


def fit_options(settings: Settings) -> dict[str, Any]:
    """What `fit` is told of schedules, watching and ends.

    Raises
    ------
    InvalidInputError
        --resume without the folder.
    """
    if settings.resume and settings.checkpoint is None:
        raise InvalidInputError("--resume needs the folder to go on with; give --checkpoint FOLDER")
    return {
        "schedule": settings.schedule,
        "validation_split": settings.validation,
        "patience": settings.patience,
        "restore_best": settings.patience is not None,
        "max_seconds": settings.max_seconds,
        "metrics": [name.strip() for name in settings.metrics.split(",")]
        if settings.metrics
        else (),
        "checkpoint": settings.checkpoint,
        "resume": settings.resume,
    }


def compare(
    net: Network, examples: Examples, problem: Problem, settings: Settings, optimizer: AnyOptimizer
) -> Comparison | None:
    """Time an epoch against the NumPy reference, both from the trained parameters.

    Where the reference would take more than about two seconds, the first part of the rows is
    timed with both. None where training on diverges, and for a WholeBatch.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C was pressed.
    """
    n, size = len(problem.y_train), batch_size(problem, settings)
    if isinstance(optimizer, WholeBatch):
        return None  # its steps are not those of an epoch, and may be none from here on

    def seconds(backend, rows, repeats):
        twin = copy.deepcopy(net)  # same parameters, and the same order of the samples
        twin.use_backend(kernels.load(backend))
        history = twin.fit(
            examples.X[:rows], examples.Y[:rows],
            epochs=repeats, batch_size=size, optimizer=optimizer,
        )  # fmt: skip
        if history.stop_reason == "interrupted":
            raise KeyboardInterrupt
        return min(history.seconds)

    try:
        rows = min(n, 4 * size)
        per_row = seconds("reference", rows, 2) / rows
        rows = min(n, max(1, int(_COMPARISON_SECONDS / per_row / size)) * size)
        repeats = min(50, max(1, int(_REPEATED_SECONDS / (per_row * rows))))
        reference = seconds("reference", rows, repeats)
        own = seconds(net.backend_name, rows, max(3, repeats))
    except DivergenceError:
        return None
    return Comparison(own, reference, rows / n)
