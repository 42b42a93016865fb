"""Estimators for scikit-learn: drop-ins for its `MLPClassifier` and `MLPRegressor`.

They need the extra: pip install "deltaloop[sklearn]". `import deltaloop` imports nothing of this.
"""

from .classifier import MLPClassifier
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
