"""What ends the epochs of a fit, and what of them is kept."""

import math
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning


class Watch:
    """Keeps the record of the epochs in the attributes of an estimator, as scikit-learn does.

    Training ends after `n_iter_no_change` epochs in a row that were not better by `tol` than the
    best one; with learning_rate='adaptive' the rate is divided by 5 instead, until it is 10^-6.

    Parameters
    ----------
    estimator : estimator
    net : Network
    steps : Steps
    validation : Validation or None
        Samples that are watched.
    stops_early : bool
        Whether the score of these, instead of the loss of training, decides.
    """

    def __init__(self, estimator, net, steps, validation, stops_early):
        self.estimator, self.net, self.steps = estimator, net, steps
        self.validation, self.stops_early = validation, stops_early

    @staticmethod
    def begin(estimator, net) -> None:
        """A record without epochs."""
        estimator.loss_curve_ = []
        estimator.validation_loss_curve_ = None
        estimator._no_improvement_count = 0
        estimator._best_parameters = net._theta.copy()
        early = estimator.early_stopping
        estimator.validation_scores_ = [] if early else None
        estimator.best_validation_score_ = -np.inf if early else None
        estimator.best_loss_ = None if early else np.inf

    @staticmethod
    def go_on(estimator, net) -> None:
        """The record of the fits before, with what it lacks: they may have had other settings."""
        before = dict(estimator.__dict__)
        Watch.begin(estimator, net)
        for name in ("loss_curve_", "validation_loss_curve_", "_no_improvement_count"):
            setattr(estimator, name, before.get(name, getattr(estimator, name)))
        for name in ("validation_scores_", "best_validation_score_", "best_loss_"):
            if before.get(name) is not None and getattr(estimator, name) is not None:
                setattr(estimator, name, before[name])
        best = before.get("_best_parameters")
        if estimator.validation_scores_ and best is not None and best.shape == net._theta.shape:
            estimator._best_parameters = best

    def ended(self, loss: float, n_samples: int) -> bool:
        """Record an epoch; whether training ends with it."""
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.t_ += n_samples
        estimator.loss_ = loss
        estimator.loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        if self.validation is not None:
            self._watch()
        if not self.stops_early:
            self._compare(loss <= estimator.best_loss_ - estimator.tol, math.isnan(loss))
            if loss < estimator.best_loss_:
                estimator.best_loss_ = loss
        if estimator.solver == "sgd" and estimator.learning_rate == "invscaling":
            rate = float(estimator.learning_rate_init) / (estimator.t_ + 1) ** estimator.power_t
            self.steps.learning_rate = rate
        return self._is_over()

    def _watch(self):
        estimator = self.estimator
        if estimator.validation_loss_curve_ is None:
            estimator.validation_loss_curve_ = []
        estimator.validation_loss_curve_.append(self.validation.loss(self.net))
        if not self.stops_early:
            return
        score = self.validation.score(self.net)
        estimator.validation_scores_.append(score)
        if estimator.verbose:
            print(f"Validation score: {score:f}")
        best = estimator.best_validation_score_
        self._compare(score >= best + estimator.tol, math.isnan(score))
        if score > best:
            estimator.best_validation_score_ = score
            estimator._best_parameters = self.net._theta.copy()

    def _compare(self, is_better, is_nan):
        # as in scikit-learn, what is not comparable does not count as no improvement
        estimator = self.estimator
        estimator._no_improvement_count = (
            0 if is_better or is_nan else estimator._no_improvement_count + 1
        )

    def _is_over(self):
        estimator = self.estimator
        if estimator._no_improvement_count < estimator.n_iter_no_change:
            return False
        what = "Validation score" if self.stops_early else "Training loss"
        reason = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs."
        )
        if estimator.solver != "sgd" or estimator.learning_rate != "adaptive":
            self._tell(f"{reason} Stopping.")
            return True
        if self.steps.learning_rate <= 1e-6:
            self._tell(f"{reason} Learning rate too small. Stopping.")
            return True
        self.steps.learning_rate /= 5.0
        self._tell(f"{reason} Setting learning rate to {self.steps.learning_rate:f}")
        estimator._no_improvement_count = 0
        return False

    def _tell(self, text):
        if self.estimator.verbose:
            print(text)

    def warn_if_last(self) -> None:
        """Warn after the last of `max_iter` epochs."""
        estimator = self.estimator
        if estimator.n_iter_ == estimator.max_iter:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )
