#!/bin/bash
# The kernels on 64-bit ARM: a wheel cross-compiled here, its tests run by qemu's user mode.
#
#     packaging/aarch64.sh FOLDER [option or file for pytest ...]
#
# Needs Debian's debootstrap, gcc-aarch64-linux-gnu and qemu-user-static, and the Python of this
# Debian with pip. FOLDER gets an unpacked Debian of that architecture (nothing of it is installed),
# the wheel, and what the tests import; a second call goes on with what is there.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
python=${PYTHON:-python3}
version=$($python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
release=${RELEASE:-bookworm}    # the Debian whose python3 has this version

if [ ! -e "$folder/root/usr/bin/python$version" ]; then
    debootstrap --foreign --variant=minbase --arch=arm64 --include=python3 "$release" "$folder/root"
    for package in "$folder"/root/var/cache/apt/archives/*.deb; do
        dpkg-deb -x "$package" "$folder/root"
    done
fi
cd "$folder"
there=(qemu-aarch64-static -L "$folder/root" "$folder/root/usr/bin/python$version")

# Python's own way to cross-compile: names, tags and flags are those of the other one's sysconfig
if ! compgen -G "$folder/wheels/deltaloop-*_aarch64.whl" > /dev/null; then
    mkdir -p "$folder/sysconfig"
    cp "$folder/root/usr/lib/python$version/_sysconfigdata__aarch64-linux-gnu.py" "$folder/sysconfig"
    CC=aarch64-linux-gnu-gcc PYTHONPATH="$folder/sysconfig" _PYTHON_HOST_PLATFORM=linux-aarch64 \
        _PYTHON_SYSCONFIGDATA_NAME=_sysconfigdata__aarch64-linux-gnu \
        $python -m pip wheel --no-deps --no-build-isolation --wheel-dir "$folder/wheels" \
        -Cbuild-dir="$folder/build" -Ccmake.define.CMAKE_SYSTEM_NAME=Linux \
        -Ccmake.define.CMAKE_SYSTEM_PROCESSOR=aarch64 "$source"
    $python "$source/packaging/check_wheel.py" "$folder"/wheels/deltaloop-*_aarch64.whl
fi

$python -m pip install --quiet --upgrade --target "$folder/site" --only-binary=:all: \
    --platform manylinux_2_28_aarch64 --platform manylinux_2_17_aarch64 \
    --platform manylinux2014_aarch64 --python-version "$version" \
    numpy scipy hypothesis pytest click rich
$python -m pip install --quiet --upgrade --target "$folder/site" --no-deps --platform linux_aarch64 \
    --only-binary=:all: "$folder"/wheels/deltaloop-*_aarch64.whl

export PYTHONPATH="$folder/site" PYTHONDONTWRITEBYTECODE=1
"${there[@]}" -c "import platform, deltaloop as dl; print(platform.machine(), dl.Network([1, 1]).backend_name)"
"${there[@]}" "$source/tests/trust/same_bits.py"     # reproducible=True: the bits of other processors
tests=("$source/tests/kernels")
for argument in "$@"; do
    [ ! -e "$argument" ] || tests=()    # files that were asked for take the place of all
done
"${there[@]}" -m pytest -p no:cacheprovider --without-numba "$@" "${tests[@]}"
