"""Who predicts the tables of `deltaloop bench --tables`, each as its users would.

Every peer gets the columns that deltaloop uses (no row numbers, no names). Trees get categories as
such and missing numbers as they are; the networks of scikit-learn get one column per category, and
medians where numbers are missing.
"""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from ..tables import Table
from ..tabular import Preparation, Recipe, train
from ..tabular.columns import codes_of, places_of
from ..tabular.recipe import chosen_recipe
from .real_mlp import real_mlp

Answer = Callable[[Table, np.ndarray, Table, int | None], np.ndarray]


def deltaloop(change: Callable[[Recipe], Recipe] | None = None, simple: bool = False) -> Answer:
    """Our own networks, with the recipe that belongs to the table or what `change` makes of it."""

    def predict(table, y, later, n_classes):
        preparation, X = Preparation.fit_transform(table)
        recipe = None
        if change is not None:
            n_out = n_classes or y.shape[1]
            recipe = change(chosen_recipe(*X.shape, n_out, n_classes is not None))
        net = train(X, y, n_classes, recipe=recipe, simple=simple).net
        out = net.predict(preparation.transform(later))
        return out.argmax(axis=1) if n_classes else out

    return predict


def _scikit_learn(make) -> Answer:
    """A network of scikit-learn behind its usual preparation."""

    def predict(table, y, later, n_classes):
        X, X_later = _one_hot(table, later)
        return _column(make(n_classes).fit(X, _row(y)).predict(X_later), n_classes)

    return predict


def _mlp(n_classes, scaled):
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kind = MLPClassifier if n_classes else MLPRegressor
    steps = [SimpleImputer(strategy="median"), *([StandardScaler()] if scaled else [])]
    return make_pipeline(*steps, kind(random_state=0))


def _boosted(table, y, later, n_classes):
    """HistGradientBoosting with its defaults."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    X, X_later, is_text = _coded(table, later)
    kind = HistGradientBoostingClassifier if n_classes else HistGradientBoostingRegressor
    fitted = kind(random_state=0, categorical_features=is_text).fit(X, _row(y))
    return _column(fitted.predict(X_later), n_classes)


def _lightgbm(table, y, later, n_classes):
    """LightGBM with its defaults."""
    import lightgbm

    X, X_later, is_text = _coded(table, later)
    kind = lightgbm.LGBMClassifier if n_classes else lightgbm.LGBMRegressor
    model = kind(random_state=0, n_jobs=1, verbose=-1)
    model.fit(X, _row(y), categorical_feature=np.flatnonzero(is_text).tolist())
    return _column(model.predict(X_later), n_classes)


PEERS: dict[str, tuple[str, Answer]] = {
    "deltaloop": ("deltaloop", deltaloop()),
    "deltaloop simple": ("deltaloop", deltaloop(simple=True)),
    "MLP": ("sklearn", _scikit_learn(lambda n_classes: _mlp(n_classes, True))),
    "raw MLP": ("sklearn", _scikit_learn(lambda n_classes: _mlp(n_classes, False))),
    "HistGradientBoosting": ("sklearn", _boosted),
    "LightGBM": ("lightgbm", _lightgbm),
    "RealMLP": ("torch", real_mlp),
}


def installed() -> dict[str, Answer]:
    """Those whose package is here."""
    return {
        name: answer for name, (package, answer) in PEERS.items() if find_spec(package) is not None
    }


def _row(y):
    return y if y.ndim == 1 else y[:, 0]


def _column(out, n_classes):
    return out.astype(np.int64) if n_classes else out.reshape(len(out), -1)


def _is_number(values):
    return values.dtype.kind == "f"


def _one_hot(table, later):
    """Numbers with nan, and one column per category of training."""
    made: tuple[list, list] = ([], [])
    for values, others in zip(table.values, later.values, strict=True):
        if _is_number(values):
            if np.isnan(values).all():
                continue
            made[0].append(values[:, None])
            made[1].append(others[:, None])
            continue
        X, X_later, n = _places(values, others)
        made[0].append(np.eye(n + 1)[X][:, :n])
        made[1].append(np.eye(n + 1)[X_later][:, :n])
    return np.hstack(made[0]), np.hstack(made[1])


def _coded(table, later):
    """Numbers with nan, and numbers of categories, nan where there is none."""
    X, X_later, is_text = [], [], []
    for values, others in zip(table.values, later.values, strict=True):
        is_text.append(not _is_number(values))
        if is_text[-1]:
            values, others, n = _places(values, others)
            values, others = (np.where(each < n, each, np.nan) for each in (values, others))
        X.append(values)
        X_later.append(others)
    return np.stack(X, 1), np.stack(X_later, 1), np.array(is_text)


def _places(values, others):
    """Numbers of the categories of training, their number for cells that are none of them."""
    codes, texts = codes_of(values)
    present = sorted({texts[code] for code in np.unique(codes) if code >= 0})
    n = len(present)

    def places(column):
        codes, texts = codes_of(column)
        found = np.append(places_of(texts, present), -1)[codes]
        return np.where(found < 0, n, found)

    return places(values), places(others), n
