"""Dask-ML's IncrementalSearchCV over `partial_fit` of the estimators.

Dask-ML 2025.1 runs with Dask 2025.1, and not with that of 2026.
"""

from dask.distributed import Client, LocalCluster
from dask_ml.model_selection import IncrementalSearchCV
from one_fit import digits

from deltaloop.sklearn import MLPClassifier


def main():
    """Learning rates and widths, each candidate learning on a part of the data at a time."""
    X, y, X_test, y_test = digits()
    space = {
        "learning_rate_init": [1e-5, 1e-4, 1e-3, 0.01],
        "hidden_layer_sizes": [(16,), (48,)],
    }
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster):
        search = IncrementalSearchCV(
            MLPClassifier(random_state=0), space, n_initial_parameters=6, max_iter=8,
            random_state=0,
        )  # fmt: skip
        search.fit(X, y, classes=list(range(10)))
    print(f"{len(search.model_history_)} candidates, best {search.best_params_}")
    print(f"accuracy {search.best_estimator_.score(X_test, y_test):.2f}")


if __name__ == "__main__":
    main()
