#!/bin/bash
# Whether every processor gets kernels that it can run: deltaloop trains a network on processors
# that qemu's user mode imitates, and says which level it took.
#
#     packaging/levels.sh
#
# Needs Debian's qemu-user-static, and deltaloop with all levels in the environment of python3
# (PYTHON names another). qemu imitates no AVX-512.
set -euo pipefail
python=$(${PYTHON:-python3} -c 'import sys; print(sys.executable)')
status=0
# (older ones, of level 1, end in NumPy's wheels already)
for row in Nehalem:2 Westmere:2 SandyBridge:2 Haswell:3 max:3; do
    model=${row%:*} expected=${row#*:}
    code='import deltaloop as dl
from deltaloop.kernels.cython.cpu import level
net = dl.Network([2, 3, 1], seed=0)
net.fit([[0.0, 1.0]], [[1.0]], epochs=2)
print(level())'
    found=$(qemu-x86_64-static -cpu "$model" "$python" -c "$code" 2>&1 | grep -v '^qemu.*warning' || true)
    echo "$model: $found"
    [ "$found" = "$expected" ] || status=1
done
exit $status
