"""How well predictions do, and how well the best answer that never changes would do."""

from dataclasses import dataclass

import numpy as np

from .. import metrics

_LEAST = 1e-15  # a probability that a logarithm is taken of, as scikit-learn has it


@dataclass(frozen=True)
class Score:
    """One score on some rows.

    Attributes
    ----------
    name : str
        'accuracy', 'AUC', 'log loss', 'RMSE', 'MAE', 'R2', or with a target 'RMSE of price'.
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
    P: np.ndarray, codes: np.ndarray, shares: np.ndarray, probable: bool = True
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
    """
    constant = float(np.mean(codes == shares.argmax()))
    found = [Score("accuracy", float(np.mean(P.argmax(axis=1) == codes)), constant)]
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
        spread = np.square(true - true.mean()).sum()
        found += [
            Score(f"RMSE{of}", _root_mean(error), _root_mean(true - y_train[:, k].mean())),
            Score(
                f"MAE{of}", float(np.abs(error).mean()),
                float(np.abs(true - np.median(y_train[:, k])).mean()),
            ),
            Score(f"R2{of}", float(1 - np.square(error).sum() / spread) if spread > 0 else None),
        ]  # fmt: skip
    return found


def _root_mean(error):
    return float(np.sqrt(np.mean(np.square(error))))


def confusion(P: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Counts, shape (n_classes, n_classes): row of the true class, column of the chosen one."""
    n = P.shape[1]
    return np.bincount(codes * n + P.argmax(axis=1), minlength=n * n).reshape(n, n)


def is_uneven(codes: np.ndarray, n_classes: int) -> bool:
    """Whether some class is more than half as frequent again as another, so that recall counts."""
    counts = np.bincount(codes, minlength=n_classes)
    return bool(counts.max() > 1.5 * counts.min())
