"""MLPClassifier and MLPRegressor of scikit-learn, trained, as networks and back.

Of its estimators scikit-learn keeps pickles alone, which are code; so there are no files here.
"""

from typing import Any

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, missing
from ..parts.activations import Activation
from ..parts.losses import Loss
from .archive import Contents
from .plain_layers import Layer, check_chain, common_dtype, contents_of

_NAMES = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
_THEIRS = {ours: theirs for theirs, ours in _NAMES.items()}


def _package():
    try:
        import sklearn
    except ImportError:
        raise missing("scikit-learn", "sklearn", "scikit-learn's estimators") from None
    return sklearn


def estimator_of(contents: Contents):
    """A trained MLPClassifier or MLPRegressor, behind a StandardScaler where inputs are scaled.

    Raises
    ------
    InvalidInputError
        The network has what they have not.
    """
    _package()
    description, arrays = contents
    layers = description["layers"]
    _check(layers)
    output = layers[-1]["activation"]
    hidden = sorted({layer["activation"] for layer in layers[:-1]}) or ["identity"]
    outputs = ("identity", "softmax", "sigmoid")
    if len(hidden) > 1 or hidden[0] not in _THEIRS or output not in outputs:
        raise InvalidInputError(
            f"scikit-learn has one activation for all hidden layers, {', '.join(_THEIRS)}, and the "
            f"outputs {', '.join(outputs)}; the network has {', '.join(hidden)} and {output}"
        )
    n_layers = len(layers)
    coefs = [np.array(arrays[f"W{k + 1}"].T, order="C") for k in range(n_layers)]
    intercepts = [
        np.array(arrays.get(f"b{k + 1}", np.zeros(len(arrays[f"W{k + 1}"]), coefs[k].dtype)))
        for k in range(n_layers)
    ]
    if "y_mean" in arrays:  # of a linear output: they become a part of its weights
        if output != "identity":
            raise InvalidInputError(
                f"scikit-learn does not scale what comes out of {output!r}; only identity"
            )
        coefs[-1] = (coefs[-1] * arrays["y_scale"]).astype(coefs[-1].dtype)
        b = intercepts[-1] * arrays["y_scale"] + arrays["y_mean"]
        intercepts[-1] = b.astype(coefs[-1].dtype)
    made = _made(description, hidden[0], output, coefs, intercepts)
    return made if "x_mean" not in arrays else _behind_scaler(made, arrays)


def _check(layers):
    for index, layer in enumerate(layers, 1):
        for key, what in (("shortcuts", "shortcuts"), ("heads", "heads")):
            if key in layer:
                raise InvalidInputError(
                    f"scikit-learn's MLP objects have no {what}, which layer {index} has"
                )


def _made(description, hidden, output, coefs, intercepts):
    """An estimator with these parameters, in the state after `fit`."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPRegressor if output == "identity" else MLPClassifier
    widths = tuple(W.shape[1] for W in coefs[:-1])
    made: Any = kind(hidden_layer_sizes=widths, activation=_THEIRS[hidden])
    n_out = coefs[-1].shape[1]
    made.coefs_, made.intercepts_ = coefs, intercepts
    made.n_features_in_, made.n_outputs_ = len(coefs[0]), n_out
    made.n_layers_ = len(coefs) + 1
    made.n_iter_, made.t_ = 0, 0
    # what a fit with warm_start=True goes on with
    made.loss_curve_, made.best_loss_, made._no_improvement_count = [], np.inf, 0
    made.validation_scores_ = made.best_validation_score_ = None
    made.out_activation_ = _THEIRS.get(output, output)
    if kind is MLPClassifier:
        from sklearn.preprocessing import LabelBinarizer

        n_classes = 2 if n_out == 1 else n_out
        names = description["classes"]
        if names is not None and len(names) != n_classes:
            raise InvalidInputError(
                f"the network has {n_out} outputs and names {len(names)} classes; set net.classes"
            )
        if output == "sigmoid" and n_out > 1 and names is not None:
            raise InvalidInputError(
                "scikit-learn takes several sigmoid outputs for several labels a sample, and not "
                "for names of classes; use softmax, or net.classes = None"
            )
        values = np.arange(n_classes) if names is None else np.array(names)
        if (np.sort(values) != values).any() or len(set(values.tolist())) < n_classes:
            raise InvalidInputError(
                f"scikit-learn sorts its classes, and {list(names)} are not sorted; sort them, and "
                "the rows of the last W and b with them"
            )
        made._label_binarizer = LabelBinarizer()
        if output == "sigmoid" and n_out > 1:
            made._label_binarizer.fit(np.eye(n_out, dtype=int))
        else:
            made._label_binarizer.fit(values)
        made.classes_ = made._label_binarizer.classes_
    return made


def _behind_scaler(made, arrays):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaler: Any = StandardScaler()
    scaler.mean_, scaler.scale_ = arrays["x_mean"].copy(), arrays["x_scale"].copy()
    scaler.var_ = scaler.scale_**2
    scaler.n_features_in_, scaler.n_samples_seen_ = len(scaler.mean_), 0
    return make_pipeline(scaler, made)


def of_estimator(estimator) -> Contents:
    """The contents of a trained MLP, or of a pipeline of a StandardScaler and one.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        It is not trained, or something else.
    """
    _package()
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    scaling: dict[str, np.ndarray] = {}
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        if len(steps) == 2 and isinstance(steps[0], StandardScaler):
            scaling = _scaling(steps[0])
            estimator = steps[1]
        elif len(steps) == 1:
            estimator = steps[0]
    if not all(hasattr(estimator, name) for name in ("activation", "hidden_layer_sizes")):
        raise InvalidTypeError(
            "from_sklearn takes an MLPClassifier, an MLPRegressor, or a pipeline of a "
            f"StandardScaler and one of them, got {type(estimator).__name__}"
        )
    if not hasattr(estimator, "coefs_"):
        raise InvalidInputError(f"{type(estimator).__name__} is not trained; call fit first")
    weights = [np.asarray(W).T for W in estimator.coefs_]
    check_chain(weights, type(estimator).__name__)
    names = [estimator.activation] * (len(weights) - 1) + [estimator.out_activation_]
    layers = [
        Layer(W, np.asarray(b), Activation(_NAMES.get(name, name)))
        for W, b, name in zip(weights, estimator.intercepts_, names, strict=True)
    ]
    classes = getattr(estimator, "classes_", None)
    n_out = len(weights[-1])
    has_names = classes is not None and (n_out > 1 or len(classes) == 2)
    if names[-1] in ("logistic", "sigmoid") and n_out > 1:
        has_names = False  # several labels a sample
    loss = estimator.loss if isinstance(getattr(estimator, "loss", None), str) else None
    kind = {"poisson": "poisson"}.get(loss or "")
    return contents_of(
        layers, common_dtype(weights), scaling=scaling, loss=None if kind is None else Loss(kind),
        classes=[str(name) for name in classes] if has_names and classes is not None else None,
    )  # fmt: skip


def _scaling(scaler):
    n = scaler.n_features_in_
    mean = scaler.mean_ if scaler.with_mean else np.zeros(n)
    scale = scaler.scale_ if scaler.with_std else np.ones(n)
    return {"x_mean": np.array(mean, np.float64), "x_scale": np.array(scale, np.float64)}
