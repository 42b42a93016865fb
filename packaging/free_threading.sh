#!/bin/bash
# The tests of what threads share with a Python without a GIL, then those of the kernels with every
# test in four threads at once (pytest-run-parallel).
#
#     PYTHON=python3.13t packaging/free_threading.sh [option of pytest ...]
#
# Needs deltaloop, click, hypothesis, pytest, pytest-run-parallel, rich and scipy in that Python's
# environment.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
cd "$(mktemp -d)"

# a module that does not declare that it needs no GIL would turn it on again, with a warning
$python -W error -c 'import sys, deltaloop as dl; dl.Network([1, 1]).predict_one([0.5]); assert not sys._is_gil_enabled()'
tests=$source/tests
# Numba has no build for such Pythons; a child forked among threads is no subject of these tests
$python -m pytest -q -p no:cacheprovider -k "not numba" "$@" "$tests/platforms/test_free_threading.py" \
    "$tests"/kernels/test_{turns,threads,threads_run}.py "$tests/test_embedding_threads.py" \
    "$tests"/training/test_{threads,changed_meanwhile,stream}.py
$python -m pytest -q -p no:cacheprovider -k "not numba" --parallel-threads=4 "$@" \
    "$tests"/kernels/test_{agreement,gradient,paths,products,numerics,worked_example,adam,sparse_rows,ensembles}.py \
    "$tests"/test_embedding.py
