"""How good predictions are, as functions f(Y_true, Y_predicted, *, sample_weight=None).

They take what a network takes and gives: targets as class numbers, one-hot rows, names of classes
or numbers, shape (n_samples,) or (n_samples, n_out), and what `Network.predict` returns.

| of classes                       | from                | higher is better |
|----------------------------------|---------------------|------------------|
| accuracy, balanced_accuracy      | chosen classes      | yes              |
| precision, recall, f1            | chosen classes      | yes              |
| matthews                         | chosen classes      | yes              |
| auc, average_precision           | scores, in order    | yes              |
| log_loss, brier                  | probabilities       | no               |

| of numbers                       | higher is better |
|----------------------------------|------------------|
| mse, rmse, mae, mape             | no               |
| r2, explained_variance, pearson  | yes              |

The classes that are meant:

- Rows of several outputs choose the largest one. A single output chooses class 1 above 1/2.
- Where targets are -1 and 1, as for tanh, both are moved to 0 and 1: a single output chooses
  above 0.
- Whole numbers are class numbers. Text is the name of a class: `classes=net.classes` gives names
  their numbers; without it both sides are text.
- One-hot targets may be softened, as long as they sum to 1. Rows of targets that do not all sum
  to 1 are *multi-label*: every output is a question of its own, answered yes above 1/2.

Every function has a bool `higher_is_better`, and `named` finds it by its name.

Examples
--------
>>> import deltaloop as dl
>>> outputs = [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.3, 0.4, 0.3]]  # as of net.predict(X)
>>> dl.metrics.accuracy([0, 2, 2], outputs)
0.6666666666666666
>>> dl.metrics.r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
0.5
>>> dl.metrics.named("accuracy").higher_is_better
True
"""

from .classes import (
    accuracy,
    auc,
    average_precision,
    balanced_accuracy,
    brier,
    f1,
    log_loss,
    matthews,
    precision,
    recall,
)
from .names import METRICS, Metric, named
from .numbers import explained_variance, mae, mape, mse, pearson, r2, rmse

__all__ = [
    "METRICS",
    "Metric",
    "accuracy",
    "auc",
    "average_precision",
    "balanced_accuracy",
    "brier",
    "explained_variance",
    "f1",
    "log_loss",
    "mae",
    "mape",
    "matthews",
    "mse",
    "named",
    "pearson",
    "precision",
    "r2",
    "recall",
    "rmse",
]
