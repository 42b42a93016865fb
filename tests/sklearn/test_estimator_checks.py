"""scikit-learn's checks of estimators, none of which is expected to fail."""

import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from deltaloop.sklearn import MLPClassifier, MLPRegressor

# scikit-learn runs the check of this name on its own classes with these settings
_WEIGHTS = "check_sample_weight_equivalence_on_dense_data"
_SETTINGS = {
    MLPClassifier: {"solver": "lbfgs", "max_iter": 100},
    MLPRegressor: {"solver": "sgd", "tol": 1e-2, "random_state": 42, "max_iter": 100},
}

pytestmark = pytest.mark.filterwarnings("default")


@parametrize_with_checks([MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)])
def test_check_of_scikit_learn(estimator, check):
    if check.func.__name__ == _WEIGHTS:
        estimator = clone(estimator).set_params(**_SETTINGS[type(estimator)])
    check(estimator)
