"""Quick ways through the checks of scikit-learn, for what passes them without being changed.

Each says whether it applies; if not, scikit-learn looks, converts, warns and refuses as ever. A
small network is trained in the time that these checks take.
"""

from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer

_SIMPLE = {int, float, str, bool, type(None)}
_MOST = 1000  # settings that are remembered
_passed: set[tuple] = set()


def are_plain(estimator: Any, X: Any, y: Any, kinds: str, reset: bool) -> bool:
    """Whether X and y are arrays that `validate_data` would return as they are.

    `kinds` are those of the dtype of y. The number of features is checked, or with `reset` kept.
    """
    names = estimator.__dict__
    if (
        type(X) is not np.ndarray
        or X.dtype not in (np.float64, np.float32)
        or X.ndim != 2
        or X.size == 0
        or type(y) is not np.ndarray
        or y.ndim != 1
        or y.dtype.kind not in kinds
        or len(y) != len(X)
        or not (reset or names.get("n_features_in_") == X.shape[1])
        or (not reset and "feature_names_in_" in names)
    ):
        return False
    if not (_is_finite(X) and (y.dtype.kind != "f" or _is_finite(y))):
        return False
    if reset:
        estimator.n_features_in_ = X.shape[1]
        names.pop("feature_names_in_", None)
    return True


def _is_finite(array):
    # a sum needs no temporary; it may overflow where all values are finite
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum()))


def binarizer(y: np.ndarray) -> LabelBinarizer:
    """`LabelBinarizer().fit(y)`."""
    if type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "iub":
        classes = np.unique(y)
        if 2 <= len(classes) <= len(y) // 2:  # scikit-learn warns where it doubts these are classes
            found = LabelBinarizer()
            found.y_type_ = "binary" if len(classes) == 2 else "multiclass"
            found.sparse_input_, found.classes_ = False, classes
            return found
    return LabelBinarizer().fit(y)


def settings_of(estimator: Any) -> tuple | None:
    """Type and value of every parameter, or None if one may change and stay the same object."""
    found: list[Any] = [type(estimator)]
    for name in estimator._get_param_names():
        value = getattr(estimator, name)
        kind = type(value)
        if kind is tuple and all(type(one) in _SIMPLE for one in value):
            found.append((*map(type, value),))
        elif kind not in _SIMPLE:
            return None
        found += kind, value
    return tuple(found)


def have_passed(settings: tuple | None) -> bool:
    """Whether these settings have been found to be valid before."""
    return settings is not None and settings in _passed


def remember(settings: tuple | None) -> None:
    """Note that these settings are valid."""
    if settings is None:
        return
    if len(_passed) >= _MOST:
        _passed.clear()
    _passed.add(settings)
