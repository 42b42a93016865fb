"""Metrics of every epoch."""

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown


def check_metrics(metrics) -> dict:
    """The argument `metrics` of `fit`: functions by their names."""
    if isinstance(metrics, tuple | list) and not metrics:
        return {}
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    try:
        metrics = list(metrics)
    except TypeError:
        raise InvalidTypeError(
            f"metrics must be a list of names or functions, got {shown(metrics)}"
        ) from None
    found: dict = {}
    for metric in metrics:
        name, function = _named(metric)
        if name in found:
            raise InvalidInputError(f"metrics has {name!r} twice; leave one out")
        found[name] = function
    return found


def _named(metric):
    if callable(metric) and not isinstance(metric, type):
        return getattr(metric, "__name__", type(metric).__name__), metric
    if not isinstance(metric, str):
        raise InvalidTypeError(
            "a metric is a name such as 'accuracy', or a function f(Y_true, Y_predicted), got "
            + shown(metric)
        )
    from ..metrics import named

    return metric, named(metric)


def sign_of(monitor: str, metrics: dict) -> float:
    """1 where a lower value of what is monitored is better, -1 where a higher one is.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        It is no name, not measured, or a function that does not say.
    """
    if not isinstance(monitor, str):
        raise InvalidTypeError(f"monitor must be 'loss' or the name of a metric, got {monitor!r}")
    if monitor == "loss":
        return 1.0
    if monitor not in metrics:
        from ..errors import unknown_name

        error = unknown_name("monitor", monitor, ["loss", *metrics])
        raise InvalidInputError(f"{error}; what is monitored is the loss, or one of metrics")
    higher = getattr(metrics[monitor], "higher_is_better", None)
    if not isinstance(higher, bool):
        raise InvalidInputError(
            f"the function {monitor} does not say which of its values are better, so that it "
            f"cannot be monitored; set {monitor}.higher_is_better = True, or False"
        )
    return -1.0 if higher else 1.0


class Metrics:
    """Measures predictions for the same rows after every epoch.

    Parameters
    ----------
    net : Network
    functions : dict
        f(Y_true, Y_predicted) by name.
    X, Y
        Rows that have passed the door of the network.
    """

    def __init__(self, net, functions: dict, X, Y):
        self.net, self.functions, self.X, self.Y = net, functions, X, Y
        self.out = np.empty((len(X), net.sizes[-1]), net.dtype)
        self.work = net._work(len(X))

    def _predicted(self):
        net = self.net
        net._turns.read(
            net.backend.forward, net.plan, net._theta, self.X, self.out, self.work
        )  # fmt: skip
        return self.out

    def measure(self, columns: dict) -> None:
        """Append the value of every metric to its column."""
        predicted = self._predicted()
        # functions of users may change what they get
        values = {
            name: _as_number(name, function(self.Y.copy(), predicted.copy()))
            for name, function in self.functions.items()
        }
        for name, value in values.items():
            columns.setdefault(name, []).append(value)


def _as_number(name, value):
    """The value of a metric; nan, where it is not defined, is one."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            f"the metric {name} must return a number, got {shown(value)}"
        ) from None
