#!/bin/bash
# Whether the same source gives the same bytes: the source archive, and from two copies of its
# contents in different folders, at different times, a wheel each.
#
#     packaging/reproducible.sh [option of pip wheel ...]
#
# Needs `pip install build scikit-build-core cython cython-cmake` in the environment of python3
# (PYTHON names another), and some 17 minutes of processor time; much less with
# -Ccmake.define.DELTALOOP_LEVELS=2, one level alone. Ends with status 1 where bytes differ.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1767225600}   # or the time of the commit

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for number in 1 2; do
    $python -m build --sdist --no-isolation --outdir "$folder/$number" "$source" > /dev/null
    sleep 2
done
for number in 1 2; do    # the source may change meanwhile: compiling takes minutes
    mkdir "$folder/a longer name $number"
    tar -xzf "$folder/$number"/deltaloop-*.tar.gz -C "$folder/a longer name $number"
    # without a network: everything that a build needs is in the archive and the environment
    ${OFFLINE-unshare --map-root-user --net} $python -m pip wheel --quiet --no-deps \
        --no-build-isolation --no-index --wheel-dir "$folder/$number" "$@" \
        "$folder/a longer name $number"/deltaloop-*
done
cd "$folder/1"
for file in *; do
    cmp "$file" "../2/$file"
    sha256sum "$file"
done
$python "$source/packaging/check_wheel.py" ./*.whl
