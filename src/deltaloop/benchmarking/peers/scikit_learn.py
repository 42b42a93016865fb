"""scikit-learn: `partial_fit` on all rows is one epoch, `shuffle=False` keeps the order.

Only what its networks offer: hidden layers of one kind, a linear output with squared error, a
softmax with cross-entropy. It adds Adam's epsilon before the bias correction (1e-8, too small to
matter here). Its loss of the epoch has another scale and is not compared.
"""

import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ..data import Parameters
from ..jobs import Job
from . import Unsupported

_ACTIVATIONS = {"sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


class _Estimator:
    """The estimator with the parameters of the job."""

    def __init__(self, job: Job, parameters: Parameters, X, Y):
        if job.loss == "mse" and job.output != "identity":
            raise Unsupported(f"offers no {job.output} output with squared error")
        kind = MLPClassifier if job.loss == "cross_entropy" else MLPRegressor
        self.model = kind(
            hidden_layer_sizes=job.sizes[1:-1], activation=_ACTIVATIONS[job.activation],
            solver=job.optimizer, alpha=0.0, batch_size=min(job.batch_size, len(X)),
            learning_rate_init=job.learning_rate, learning_rate="constant", momentum=0.0,
            nesterovs_momentum=False, shuffle=False, random_state=0, max_iter=1, epsilon=1e-8,
        )  # fmt: skip
        self.classes: dict = {}
        self.Y = Y
        if job.loss == "cross_entropy":
            self.Y = Y.argmax(axis=1)
            self.classes = {"classes": np.arange(job.sizes[-1])}
        elif job.sizes[-1] == 1:
            self.Y = Y.ravel()
        self.X = X
        # build everything with one epoch, then put the parameters of the job in its place
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.partial_fit(X[: job.batch_size], self.Y[: job.batch_size], **self.classes)
        for k in range(len(job.layers)):
            self.model.coefs_[k][:] = parameters[2 * k].T
            self.model.intercepts_[k][:] = parameters[2 * k + 1]
        optimizer = self.model._optimizer
        if job.optimizer == "adam":
            optimizer.t = 0
            for array in (*optimizer.ms, *optimizer.vs):
                array[:] = 0
        else:
            for array in optimizer.velocities:
                array[:] = 0


class Training(_Estimator):
    """Epochs by `partial_fit`."""

    def run(self) -> None:
        """Tell no loss: its scale is another one."""
        self.model.partial_fit(self.X, self.Y)

    def arrays(self) -> list[np.ndarray]:
        """Parameters as they are now."""
        return [
            array.copy()
            for W, b in zip(self.model.coefs_, self.model.intercepts_, strict=True)
            for array in (W.T, b)
        ]  # fmt: skip


class Prediction(_Estimator):
    """Calls of `predict`, or `predict_proba` for classes."""

    def __init__(self, job: Job, parameters: Parameters, X, Y):
        super().__init__(job, parameters, X, Y)
        self.predict = getattr(self.model, "predict_proba", self.model.predict)
        self.batches = [X[k : k + job.batch_size] for k in range(0, len(X), job.batch_size)]

    def run(self) -> None:
        """One call per batch."""
        predict = self.predict
        for x in self.batches:
            predict(x)

    def arrays(self) -> list[np.ndarray]:
        """All predictions, one below the other."""
        n_out = self.model.n_outputs_
        return [np.concatenate([self.predict(x).reshape(-1, n_out) for x in self.batches])]


def prepare(job: Job, parameters: Parameters, X, Y):
    """A regressor, or a classifier for cross-entropy."""
    return (Prediction if job.kind == "predict" else Training)(job, parameters, X, Y)
