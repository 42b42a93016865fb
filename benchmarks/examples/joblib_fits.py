"""Trainings side by side with joblib, in processes of loky or in threads."""

import numpy as np
from joblib import Parallel, delayed
from one_fit import trained


def main():
    """The same networks, bit for bit, from processes and from threads."""
    seeds = range(4)
    calls = [delayed(trained)(seed) for seed in seeds]
    found = {
        backend: Parallel(n_jobs=2, backend=backend)(calls) for backend in ("loky", "threading")
    }
    for one, other in zip(found["loky"], found["threading"], strict=True):
        np.testing.assert_array_equal(one[0].theta, other[0].theta)
    best = max(found["loky"], key=lambda pair: pair[1])
    print(f"{len(calls)} networks, best accuracy {best[1]:.2f}")


if __name__ == "__main__":
    main()
