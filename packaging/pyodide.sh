#!/bin/bash
# A wheel for Pyodide, which is Python in the browser.
#
#     packaging/pyodide.sh FOLDER
#
# Needs `pip install pyodide-build` and the emscripten of the same release of Pyodide
# (`pyodide config get emscripten_version`), which both come over the network. There are no threads
# and no levels there: the kernels are those of level 0, with n_threads=1.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mkdir -p "$1" && cd "$1" && pwd)

pyodide xbuildenv install
cd "$source"
pyodide build --outdir "$folder" -Cbuild-dir="$folder/build"
pyodide venv "$folder/venv"
"$folder/venv/bin/pip" install "$folder"/deltaloop-*.whl pytest hypothesis
cd "$folder"
"$folder/venv/bin/python" -m pytest -q -k "not numba and not threads" \
    "$source"/tests/kernels/test_{worked_example,gradient}.py
