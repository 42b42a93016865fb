"""How well predictions do, and how well the best answer that never changes would do."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import metrics
from ..console.figures import significant
from ..inputs.checks import any_size
from ..parts.scaling import deviation

CONSTANT = " of the constant"  # what files and `Model.scores` call the score of the constant answer
_LEAST = 1e-15  # a probability that a logarithm is taken of, as scikit-learn has it


@dataclass(frozen=True)
class Score:
    """One score on some rows.

    Attributes
    ----------
    name : str
        'accuracy', 'balanced accuracy', 'AUC', 'log loss', 'RMSE', 'MAE', 'R2', or with a target
        'RMSE of price'.
    value : float or None
        None where it is not defined. Accuracy is a fraction; RMSE and MAE are in the units of the
        target.
    constant : float or None
        That of the constant answer which is best for this score on the training rows; None where
        it says nothing new.
    """

    name: str
    value: float | None
    constant: float | None = None


def class_scores(
    P: np.ndarray,
    codes: np.ndarray,
    shares: np.ndarray,
    probable: bool = True,
    balanced: bool = False,
) -> list[Score]:
    """Accuracy, of two classes AUC, and of probabilities their log loss.

    Parameters
    ----------
    P : ndarray, shape (n_rows, n_classes)
        Probabilities, or outputs whose largest is the class that is chosen.
    codes : ndarray, shape (n_rows,)
        Number of the true class.
    shares : ndarray, shape (n_classes,)
        Of the classes in the training rows: the constant answer.
    probable : bool
        Whether P holds probabilities.
    balanced : bool
        Whether the mean recall of the classes that occur is told as well.
    """
    constant = float(np.mean(codes == shares.argmax()))
    chosen = P.argmax(axis=1)
    found = [Score("accuracy", float(np.mean(chosen == codes)), constant)]
    if balanced:
        occurring = np.unique(codes)
        recalls = [np.mean(chosen[codes == k] == k) for k in occurring]
        found.append(Score("balanced accuracy", float(np.mean(recalls)), 1 / len(occurring)))
    if P.shape[1] == 2:
        both = 0 < codes.sum() < len(codes)
        found.append(Score("AUC", metrics.auc(codes, P[:, 1:]) if both else None, 0.5))
    if not probable:
        return found
    return [*found, Score("log loss", log_loss(P, codes), log_loss(shares[None], codes))]


def log_loss(P: np.ndarray, codes: np.ndarray) -> float:
    """Mean of -log P of the true class; rows of P sum to 1, and one row stands for all."""
    P = np.broadcast_to(P.astype(np.float64), (len(codes), P.shape[1]))
    true = P[np.arange(len(codes)), codes] / P.sum(axis=1)
    return float(-np.mean(np.log(np.maximum(true, _LEAST))))


@any_size
def value_scores(
    out: np.ndarray, y: np.ndarray, y_train: np.ndarray, names: tuple[str, ...]
) -> list[Score]:
    """RMSE, MAE and R2 of every target.

    Parameters
    ----------
    out, y : ndarray, shape (n_rows, n_targets)
        Predictions and true values, in the units of the target.
    y_train : ndarray, shape (n_training_rows, n_targets)
        Their mean is the best constant answer by RMSE, their median that by MAE.
    names : tuple of str
        Of the targets; told where there are several.
    """
    found = []
    for k, name in enumerate(names):
        of = f" of {name}" if len(names) > 1 else ""
        error, true = out[:, k].astype(np.float64) - y[:, k], y[:, k]
        from_mean = true - true.mean()
        # of both the same power of two, at which their squares are numbers
        power = max(_power(error), _power(from_mean))
        left, spread = (np.square(np.ldexp(one, -power)).sum() for one in (error, from_mean))
        found += [
            Score(
                f"RMSE{of}", float(deviation(error)),
                float(deviation(true - y_train[:, k].mean())),
            ),
            Score(
                f"MAE{of}", float(np.abs(error).mean()),
                float(np.abs(true - np.median(y_train[:, k])).mean()),
            ),
            Score(f"R2{of}", float(1 - left / spread) if spread > 0 else None),
        ]  # fmt: skip
    return found


def _power(values):
    """That of the power of two above the largest magnitude."""
    return int(np.frexp(np.abs(values).max())[1])


def scores_of_known(y: np.ndarray, out: np.ndarray, values: Sequence | None) -> list[Score]:
    """Scores of one target, beside the constant answer that is best for these rows."""
    if values is None:
        y = y.reshape(-1, 1)
        return value_scores(out, y, y, ("",))
    is_known = y >= 0  # a class that was not trained is always taken for another one
    if not is_known.any():
        return [Score("accuracy", 0.0)]
    out, y = out[is_known], y[is_known]
    found = class_scores(out, y, np.bincount(y, minlength=len(values)) / len(y), balanced=True)
    share, first = float(is_known.mean()), found[0]
    assert first.value is not None
    assert first.constant is not None
    return [Score("accuracy", share * first.value, share * first.constant), *found[1:]]


def as_dict(scores: Sequence[Score]) -> dict[str, float]:
    """Every score that is defined, and that of the constant answer."""
    found: dict[str, float | None] = {}
    for score in scores:
        found[score.name] = score.value
        found[score.name + CONSTANT] = score.constant
    return {name: value for name, value in found.items() if value is not None}


def finite(scores: dict[str, float]) -> dict[str, float]:
    """Those that a file can hold; predicted logarithms can make others."""
    return {name: value for name, value in scores.items() if math.isfinite(value)}


def of_dict(found: dict[str, float]) -> list[Score]:
    """What `as_dict` was made of."""
    names = [name for name in found if not name.endswith(CONSTANT)]
    return [Score(name, found[name], found.get(name + CONSTANT)) for name in names]


def score_text(score: Score) -> str:
    """The value of a score as people write it."""
    name, value = score.name.partition(" of ")[0], score.value
    if value is None:
        same = "targets are all the same" if name.startswith("R2") else "rows are all of one class"
        return f"undefined, these {same}"
    if name.endswith("accuracy"):
        return f"{100 * value:.2f} %"
    if name.startswith("R2"):  # far below 0 its order of magnitude says it all
        return f"{value:.4f}" if value > -100 else f"{value:.3g}"
    return f"{value:.4f}" if name == "AUC" else significant(value, 4)


def with_constant(score: Score) -> str:
    """The value, and that of the constant answer in brackets."""
    if score.constant is None:
        return score_text(score)
    return f"{score_text(score)} (constant answer: {score_text(Score(score.name, score.constant))})"


def named(scores: Sequence[Score], target: str) -> list[Score]:
    """The scores of one of several targets."""
    return [Score(f"{score.name} of {target}", score.value, score.constant) for score in scores]
