"""Trainings side by side with joblib: processes of loky, threads, workers of Dask or Ray.

python joblib_fits.py [loky threading dask ray]
"""

import sys
from contextlib import contextmanager

import numpy as np
from joblib import Parallel, delayed, parallel_config
from one_fit import trained


@contextmanager
def workers_of(backend):
    """Two workers, made known to joblib."""
    if backend == "dask":
        from dask.distributed import Client, LocalCluster

        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        with cluster, Client(cluster):
            yield
    elif backend == "ray":
        import ray
        from ray.util.joblib import register_ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False,
                 configure_logging=False)  # fmt: skip
        register_ray()
        try:
            yield
        finally:
            ray.shutdown()
    else:
        yield


def main():
    """The same networks, bit for bit, from all of them."""
    calls = [delayed(trained)(seed) for seed in range(4)]
    first = None
    for backend in sys.argv[1:] or ("loky", "threading"):
        with workers_of(backend), parallel_config(backend, n_jobs=2):
            found = Parallel()(calls)
        first = first or found
        for one, other in zip(first, found, strict=True):
            np.testing.assert_array_equal(one[0].theta, other[0].theta)
        best = max(accuracy for _, accuracy in found)
        print(f"{backend}: {len(found)} networks, best accuracy {best:.2f}")


if __name__ == "__main__":
    main()
