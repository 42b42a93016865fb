"""Estimators for scikit-learn: drop-ins for its `MLPClassifier` and `MLPRegressor`.

`TabularClassifier` and `TabularRegressor` take tables as they come, with preparation inside.

They need the extra: pip install "deltaloop[sklearn]". `import deltaloop` imports nothing of this.
"""

from . import versions as versions  # first: it says so where scikit-learn is missing
from .classifier import MLPClassifier
from .regressor import MLPRegressor
from .tabular import TabularClassifier, TabularRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "TabularClassifier", "TabularRegressor"]
