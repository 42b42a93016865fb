"""How good predictions are, beside the constant answer."""

import numpy as np

CONSTANT = " of the constant"  # what the file of a network calls the score of the constant answer


def held_out_scores(y: np.ndarray, out: np.ndarray, *, n_classes: int | None) -> dict[str, float]:
    """Scores of outputs for rows with these targets.

    Parameters
    ----------
    y : ndarray
        Class numbers, shape (n,), -1 for a class that is not known; or values, (n, n_targets).
    out : ndarray, shape (n, n_outputs)
        Probabilities, or values.
    n_classes : int or None

    Returns
    -------
    dict of str to float
        Every score, and the one that the best constant answer has.
    """
    return _of_classes(y, out, n_classes) if n_classes else _of_values(y, out)


def _of_classes(y, out, n_classes):
    chosen = out.argmax(axis=1)
    known = y >= 0
    share = np.bincount(y[known], minlength=n_classes) / max(1, known.sum())
    scores = {
        "accuracy": float(np.mean(chosen == y)),
        "accuracy" + CONSTANT: float(share.max() * known.mean()),
    }
    if known.any() and (share > 0).sum() > 1:
        scores["balanced accuracy"] = float(
            np.mean([np.mean(chosen[y == k] == k) for k in np.flatnonzero(share)])
        )
        scores["balanced accuracy" + CONSTANT] = 1 / int((share > 0).sum())
        likely = np.clip(out[known, y[known]], 1e-7, 1)
        scores["log loss"] = float(-np.log(likely).mean())
        scores["log loss" + CONSTANT] = float(-(share[share > 0] * np.log(share[share > 0])).sum())
    return scores


def _of_values(y, out):
    error, spread = out - y, y - y.mean(axis=0)
    scores = {
        "RMSE": float(np.sqrt(np.square(error).mean())),
        "RMSE" + CONSTANT: float(np.sqrt(np.square(spread).mean())),
        "MAE": float(np.abs(error).mean()),
        "MAE" + CONSTANT: float(np.abs(y - np.median(y, axis=0)).mean()),
    }
    total = np.square(spread).sum(axis=0)
    if (total > 0).all():
        scores["R2"] = float(np.mean(1 - np.square(error).sum(axis=0) / total))
        scores["R2" + CONSTANT] = 0.0
    return scores


def score_text(scores: dict[str, float]) -> list[str]:
    """One line for every score, with that of the constant answer beside it."""
    return [
        f"{name} {value:.4g} (constant answer: {scores[name + CONSTANT]:.4g})"
        for name, value in scores.items()
        if not name.endswith(CONSTANT)
    ]
