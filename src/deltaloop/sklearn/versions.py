"""What differs between the versions of scikit-learn, from 1.5 on."""

from ..errors import MissingDependencyError, missing

try:
    import sklearn
except ImportError:
    raise missing("scikit-learn", "sklearn", "deltaloop.sklearn") from None

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
if VERSION < (1, 5):
    raise MissingDependencyError(
        f"deltaloop.sklearn needs scikit-learn 1.5 or newer, found {sklearn.__version__}; install "
        'it with: pip install "deltaloop[sklearn]"'
    )

if VERSION >= (1, 6):
    from sklearn.utils.validation import validate_data
else:

    def validate_data(estimator, X, y="no_validation", *, reset=True, **settings):
        """X, or X and y, checked, with the names and the number of features."""
        return estimator._validate_data(X, y, reset=reset, **settings)


if VERSION >= (1, 9):
    from sklearn.callback import CallbackSupportMixin, with_callbacks
else:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """There are no callbacks before version 1.9."""

    def with_callbacks(method):
        """Do nothing: there are no callbacks before version 1.9."""
        return method


def checked_weights(sample_weight, X):
    """Weights of samples as an array of floats.

    Raises
    ------
    ValueError
        Another number of them, or one that is below 0, nan or infinite.
    """
    from sklearn.utils.validation import _check_sample_weight

    weights = _check_sample_weight(sample_weight, X)
    if (weights < 0).any():
        raise ValueError(
            f"Negative values in data passed to `sample_weight`: they must be >= 0, got "
            f"{weights.min():g} at sample {weights.argmin()}"
        )
    return weights


def checked_table(estimator, X, *, reset: bool):
    """A data frame as it is, anything else as an array, with names and number of its columns.

    Raises
    ------
    ValueError, TypeError
        It is neither, has other columns than in `fit`, or is a sparse matrix.
    """
    if hasattr(X, "columns") or hasattr(X, "column_names"):
        if VERSION >= (1, 6):
            validate_data(estimator, X, reset=reset, skip_check_array=True)
        else:
            estimator._check_feature_names(X, reset=reset)
            estimator._check_n_features(X, reset=reset)
        if hasattr(X, "set_axis") and not all(isinstance(name, str) for name in X.columns):
            return X.set_axis([str(name) for name in X.columns], axis=1)  # pandas numbers them
        return X
    settings: dict = {"dtype": None, "ensure_min_samples": 2 if reset else 1}
    settings["ensure_all_finite" if VERSION >= (1, 6) else "force_all_finite"] = "allow-nan"
    return validate_data(estimator, X, reset=reset, **settings)


def scipy_prints() -> bool:
    """Whether L-BFGS of this SciPy knows the option iprint."""
    import scipy

    return tuple(int(part) for part in scipy.__version__.split(".")[:2]) < (1, 15)
