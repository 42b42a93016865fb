"""The table of metrics, by name."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ..errors import InvalidTypeError, instead, shown, unknown_name


class Metric(Protocol):
    """A function that tells how good predictions are, and which direction is good."""

    __name__: str
    higher_is_better: bool

    def __call__(self, Y_true: Any, Y_predicted: Any, *, sample_weight: Any = None) -> float:
        """The metric of the predictions."""


METRICS: dict[str, Metric] = {}

_Function = TypeVar("_Function", bound=Callable[..., float])


def metric(higher_is_better: bool):
    """Enter a function into the table, under its own name."""

    def add(function: _Function) -> _Function:
        entry: Any = function
        entry.higher_is_better = higher_is_better
        METRICS[entry.__name__] = entry
        return function

    return add


def named(name: str) -> Metric:
    """The metric of that name.

    Parameters
    ----------
    name : str
        A name of the tables in `deltaloop.metrics`.

    Returns
    -------
    Metric
        f(Y_true, Y_predicted, *, sample_weight=None) -> float, with a bool `higher_is_better`.

    Raises
    ------
    InvalidInputError
        No metric has that name; the message offers the nearest one.
    InvalidTypeError
        `name` is no text.

    Examples
    --------
    >>> from deltaloop import metrics
    >>> metrics.named("rmse")([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    if not isinstance(name, str):
        raise InvalidTypeError(
            f"a metric has a name such as 'accuracy', got {shown(name)}"
            + instead("metric", name, METRICS)
        )
    if name not in METRICS:
        raise unknown_name("metric", name, METRICS)
    return METRICS[name]
