"""Random calls of the C functions of handles, in compiled code: millions in a minute.

    python tests/trust/handles.py [--calls N] [--seed S]

What has to hold is in handles.c. Networks are drawn: sizes, activations, losses, optimisers, both
element types, mini-batches of 1 to 9.
"""

import argparse
import ctypes
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import deltaloop as dl
from deltaloop.kernels import functions

HERE = Path(__file__).parent
KINDS = "forward", "loss_gradient", "loss_gradient without grad", "learn"
OPTIMIZERS = (
    dl.SGD(0.01), dl.SGD(0.01, momentum=0.9), dl.SGD(0.01, momentum=0.9, nesterov=True),
    dl.Adam(0.01), dl.Adam(0.01, amsgrad=True), dl.RMSprop(0.01), dl.Adagrad(0.01), dl.NAdam(0.01),
    dl.SGD(0.01, weight_decay=0.1),
)  # fmt: skip


def library(folder: Path):
    """trust_calls, compiled."""
    path = folder / "handles.so"
    command = ["cc", "-O2", "-shared", "-fPIC", f"-I{dl.get_include()}", HERE / "handles.c"]
    subprocess.run([*command, "-o", path], check=True, capture_output=True)
    function = ctypes.CDLL(str(path)).trust_calls
    function.restype = ctypes.c_char_p
    function.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_long, ctypes.c_void_p]
    return function


def network(draw: random.Random):
    """A session of a network, and its name."""
    units = [name for name, row in functions.ACTIVATIONS.items() if row.f is not None]
    loss = draw.choice(["mse", "huber", "mae", "binary_cross_entropy", "cross_entropy"])
    n_out = draw.randint(2, 5) if loss == "cross_entropy" else draw.randint(1, 5)
    sizes = [draw.randint(1, 40), *(draw.randint(1, 24) for _ in range(draw.randint(0, 2))), n_out]
    dtype, batch_size = draw.choice(["float32", "float64"]), draw.randint(1, 9)
    optimizer, activation = draw.choice(OPTIMIZERS), draw.choice(units)
    net = dl.Network(
        sizes, activation=activation, loss=loss, dtype=dtype, seed=draw.randrange(1000),
        backend="cython",
    )  # fmt: skip
    name = f"{sizes} {activation} {loss} {dtype} {optimizer} {batch_size}"
    return net, net.session(batch_size, optimizer), name


def run(calls: int, seed: int, of_network: int = 20_000):
    """Counts by kind, how many networks, and findings."""
    counts, findings, n_networks = (ctypes.c_long * 4)(), [], 0
    with tempfile.TemporaryDirectory() as folder:
        function = library(Path(folder))
        while sum(counts) < calls and len(findings) < 10:
            net, session, name = network(random.Random(f"{seed} {n_networks}"))
            n = min(of_network, calls - sum(counts))
            failed = function(session.address, seed + n_networks, n, ctypes.addressof(counts))
            n_networks += 1
            if failed:
                findings.append(f"{name}: not {failed.decode()}")
            del session, net
    return dict(zip(KINDS, counts, strict=True)), n_networks, findings


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    counts, n_networks, findings = run(options.calls, options.seed)
    told = ", ".join(f"{name} {n}" for name, n in counts.items())
    print(f"{sum(counts.values())} calls of {n_networks} networks, {len(findings)} findings")
    print(told)
    for finding in findings:
        print("FINDING", finding)
    sys.exit(len(findings) > 0)
