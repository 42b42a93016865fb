#!/bin/bash
# Whether the kernels compile for systems that are not here, with the clang of ziglang: macOS,
# Windows (MinGW), and Linux with musl. Nothing is run; that is what .github/workflows does.
#
#     packaging/other_systems.sh FOLDER [TARGET ...]
#
# Needs numpy, cython and ziglang in the environment of python3 (PYTHON names another).
# WINDOWS_HEADERS names a folder with Python's headers and the pyconfig.h of Windows (Include/ and
# PC/pyconfig.h or pyconfig.h.in of its source); without it Windows is left out. FULL=1 compiles
# with optimisation and links, which takes a minute for each module.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
python=${PYTHON:-python3}
targets=("${@:-}")
if [ -z "${targets[0]}" ]; then
    targets=(aarch64-macos x86_64-macos x86_64-linux-musl aarch64-linux-musl
        ${WINDOWS_HEADERS:+x86_64-windows-gnu})
fi
cd "$folder"

mkdir -p written
"$python" -B "$source/kernels/cython/write_functions.py" written
for module in cpu core ensemble; do
    [ -e "$module.c" ] && [ -z "$(find "$source"/kernels -newer "$module.c" -name '*.p*')" ] ||
        "$python" -m cython -3 -X wraparound=False,cdivision=True,boundscheck=False \
            -X initializedcheck=False,freethreading_compatible=True -I "$source/kernels/cython" \
            -I written --module-name "deltaloop.kernels.cython.$module" \
            "$source/kernels/cython/$module.pyx" -o "$module.c"
done

headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
inline='-DCYTHON_INLINE=__inline__ __attribute__((always_inline))'
common=(-I "$source/kernels/cython" -I written -I "$source/src/deltaloop/include" -w
    -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast "$inline")
status=0
for target in "${targets[@]}"; do
    flags=(-target "$target" "${common[@]}") link=()
    case "$target" in
        *windows*) flags+=(-I "$WINDOWS_HEADERS" -DMS_WIN64) ;;
        *) flags+=(-I "$headers") ;;
    esac
    case "$target" in *macos*) link=(-undefined dynamic_lookup) ;; esac
    levels=("")
    case "$target" in x86_64*) levels=(-mcpu=x86_64_v2 -mcpu=x86_64_v3 -mcpu=x86_64_v4) ;; esac
    for module in cpu core ensemble; do
        for level in "${levels[@]}"; do
            for element in "" -DDELTALOOP_DOUBLE; do
                [ "$module" != cpu ] || [ -z "$element$level" ] || [ "$level$element" = "${levels[0]}" ] || continue
                what=("$python" -m ziglang cc "${flags[@]}" ${level:+"$level"} ${element:+"$element"} "$module.c")
                if [ "${FULL:-}" ] && [[ "$target" != *windows* ]]; then
                    what+=(-shared "${link[@]}" -lm -o "$target-$module.so")
                elif [ "${FULL:-}" ]; then      # its import library is not here
                    what+=(-c -o "$target-$module.o")
                else
                    what+=(-fsyntax-only)
                fi
                "${what[@]}" 2> errors || true
                # zig misses the object that no check of the syntax writes
                if ! grep -v "error: failed to rename .*FileNotFound" errors | grep -q "error:"; then
                    echo "$target $module $level $element: compiles"
                else
                    echo "$target $module $level $element: FAILS"
                    grep -m 5 "error:" errors
                    status=1
                fi
            done
        done
    done
done
exit $status
