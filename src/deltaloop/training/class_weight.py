"""Weights of classes as weights of samples."""

from collections.abc import Mapping

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..inputs.checks import number
from ..kernels.functions import LOSSES


def check_class_weight(class_weight, net):
    """A function f(class numbers) -> weights of the samples, shape (n_samples,) float64.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        Neither 'balanced' nor a mapping of classes to weights, or a network without classes.
    """
    n_classes = _n_classes(net)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise InvalidInputError(
                f"class_weight must be 'balanced' or a mapping such as {{0: 1.0, 1: 5.0}}, got "
                f"{class_weight!r}"
            )
        return _balanced
    if not isinstance(class_weight, Mapping):
        raise InvalidTypeError(
            "class_weight must be 'balanced' or a mapping such as {0: 1.0, 1: 5.0}, got "
            + shown(class_weight)
        )
    weights = np.ones(n_classes)
    for key, value in class_weight.items():
        weights[_class(key, n_classes, net.classes)] = number(
            f"class_weight[{shown(key)}]", value, low=0.0
        )
    return weights.__getitem__


def classes_of(Y: np.ndarray) -> np.ndarray:
    """Class numbers of the rows of Y: the largest target, or whether the only one is above 1/2."""
    return (Y[:, 0] > 0.5).astype(np.intp) if Y.shape[1] == 1 else Y.argmax(axis=1)


def _n_classes(net):
    row, n_out = LOSSES.get(net.loss_name), net.sizes[-1]
    if row is not None and row.targets_sum_to_1 and n_out > 1:
        return n_out
    if row is not None and row.partner == "sigmoid" and n_out == 1:
        return 2
    raise InvalidInputError(
        f"class_weight needs classes, but a network with {n_out} outputs and the loss "
        f"{net.loss_name} has none; use sample_weight, or loss='cross_entropy'"
    )


def _class(key, n_classes, names):
    """The number of a class, given by it or by its name."""
    if isinstance(key, str) and names and key in names:
        return names.index(key)
    is_number = isinstance(key, int | np.integer) and not isinstance(key, bool)
    if is_number and 0 <= key < n_classes:
        return int(key)
    known = f" or one of {', '.join(map(repr, names))}" if names else ""
    raise InvalidInputError(
        f"class_weight has the class {shown(key)}; a class is a number from 0 to {n_classes - 1}"
        + known
    )


def _balanced(classes):
    """n_samples / (n_classes n_c) for the n_c samples of class c, as in scikit-learn."""
    counts = np.bincount(classes)
    weights = np.zeros(len(counts))
    weights[counts > 0] = len(classes) / (np.count_nonzero(counts) * counts[counts > 0])
    return weights[classes]
