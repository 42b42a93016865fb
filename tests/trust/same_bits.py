"""What `reproducible=True` promises, as trainings whose hash every processor must give.

Run as a program, it prints the hash of every job as JSON, with no more than NumPy and deltaloop:

    python tests/trust/same_bits.py            tell which hashes are not those that are kept
    python tests/trust/same_bits.py --write    keep those of this processor

Samples and targets come from whole numbers and quotients, so that they are the same everywhere; so
are initial weights, which the network draws itself.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

import deltaloop as dl
from deltaloop.kernels.functions import ACTIVATIONS

KEPT = Path(__file__).with_suffix(".json")
N = 300

ARCHITECTURES = {
    "2-4-1": [2, 4, 1],
    "8-3-8": [8, 3, 8],
    "17-23-12-3": [17, 23, 12, 3],  # every narrow width
    "40-16-48-10": [40, 16, 48, 10],
    "10-64-64-1": [10, 64, 64, 1],
    "50-100-5": [50, 100, 5],  # sums too wide for registers
    "300-160-10": [300, 160, 10],  # products that are cut to fit the caches
}
OPTIMIZERS = {
    "SGD": lambda: dl.SGD(0.1),
    "momentum": lambda: dl.SGD(0.05, momentum=0.9),
    "Nesterov": lambda: dl.SGD(0.05, momentum=0.9, nesterov=True, l2=1e-3),
    "Adam": lambda: dl.Adam(0.01),
    "AMSGrad": lambda: dl.Adam(0.01, amsgrad=True),
    "AdamW": lambda: dl.AdamW(0.01),
    "RMSprop": lambda: dl.RMSprop(),
    "NAdam": lambda: dl.NAdam(),
    "Adagrad": lambda: dl.Adagrad(rate_decay=1e-3),
    "Adadelta": lambda: dl.Adadelta(),
    "Rprop": lambda: dl.Rprop(),
    "clipped": lambda: dl.SGD(0.1, clip_norm=0.05, max_norm=1.0),
    "penalised": lambda: dl.Adam(0.01, l1=1e-4, l2=1e-3, clip_value=0.1, weight_noise=0.01),
}
LOSSES = {  # and the output they are learned with
    "huber": "identity", "mae": "tanh", "log_cosh": "identity", "quantile": "identity",
    "poisson": "exp", "binary_focal": "sigmoid", "binary_cross_entropy": "sigmoid",
    "cross_entropy": "softmax", "nll": "log_softmax", "hinge": "tanh", "squared_hinge": "tanh",
    "exponential": "tanh", "hellinger": "softmax", "kullback_leibler": "softmax",
    "generalized_kullback_leibler": "exp", "itakura_saito": "exp", "mse": "softmax",
}  # fmt: skip


def data(n_in, n_out, dtype="float32", loss="mse"):
    """X from -1 to 1, a third of it 0, and Y from 1/8 to 7/8, or as the loss wants it."""
    generator = np.random.default_rng(5)
    X = generator.integers(-512, 513, (N, n_in)) / 512 * (generator.random((N, n_in)) > 0.3)
    Y = generator.integers(128, 897, (N, n_out)) / 1024
    if loss in ("hinge", "squared_hinge"):
        Y = np.where(Y > 0.5, 1.0, -1.0)
    elif loss in ("cross_entropy", "nll", "kullback_leibler"):  # rows that sum to 1
        units = np.arange(n_out)
        Y = 0.75 * (units == Y.argmax(1)[:, None]) + 0.25 * (units == 1)
    return X.astype(dtype), Y.astype(dtype)


def sha(*arrays) -> str:
    """SHA-256 of their bytes, its first half."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:32]


def trained(sizes, batch_size, optimizer="SGD", *, epochs=2, dtype="float32", n_threads=1,
            sparse="auto", schedule=None, reproducible=True, scale=1.0, **options):  # fmt: skip
    """Hash of theta, of the losses, and of the outputs after a training."""
    options = {"activation": "tanh", "output": "sigmoid", "seed": 3} | options
    net = dl.Network(sizes, dtype=dtype, reproducible=reproducible, **options)
    X, Y = data(sizes[0], sizes[-1], dtype, options.get("loss", "mse"))
    X *= X.dtype.type(scale)
    history = net.fit(
        X, Y, epochs=epochs, batch_size=batch_size, optimizer=OPTIMIZERS[optimizer](),
        n_threads=n_threads, sparse=sparse, schedule=schedule,
    )  # fmt: skip
    assert np.isfinite(net.theta).all()
    return sha(net.theta, np.array(history.loss), net.predict(X), net.predict_one(X[0]))


def of_heads(batch_size):
    """Outputs of three kinds, dropout and noise."""
    heads = {
        "a": dl.Head(2), "b": dl.Head(3, loss="cross_entropy"), "c": dl.Head(1, loss="gaussian_nll")
    }  # fmt: skip
    layers = [dl.Dense(20, "relu", dropout=0.2), dl.Dense(heads=heads)]
    net = dl.Network(12, layers, seed=2, input_noise=0.1, reproducible=True)
    X, Y = data(12, 6)
    Y[:, 2:5] = data(12, 3, loss="cross_entropy")[1]
    net.fit(X, Y, epochs=2, batch_size=batch_size, optimizer=dl.Adam(0.01))
    return sha(net.theta, net.predict(X))


def of_connections(batch_size, optimizer):
    """Shortcuts, masks, learning rates of layers, a frozen layer, weights of samples."""
    mask = np.arange(14 * 12).reshape(14, 12) % 3 > 0
    layers = [
        dl.Dense(14, "softplus", mask=mask), dl.Dense(10, "gelu", rate_of_W=0.5, rate_of_b=2.0),
        dl.Dense(9, "silu", trainable=False), dl.Dense(4, "sigmoid", shortcuts=[0, 1]),
    ]  # fmt: skip
    net = dl.Network(12, layers, seed=8, input_dropout=0.1, reproducible=True)
    X, Y = data(12, 4)
    net.fit(
        X, Y, epochs=2, batch_size=batch_size, optimizer=OPTIMIZERS[optimizer](),
        sample_weight=np.arange(N) % 5 / 4,
    )  # fmt: skip
    return sha(net.theta, net.predict(X))


def one_by_one(optimizer):
    """`learn_one` and `learn_batch`, whose bits are those of `fit`; then all gradients."""
    nets = [dl.Network([9, 20, 4], seed=1, reproducible=True) for _ in range(2)]
    X, Y = data(9, 4)
    nets[0].fit(X, Y, epochs=1, batch_size=1, shuffle=False, optimizer=OPTIMIZERS[optimizer]())
    nets[1].optimizer = OPTIMIZERS[optimizer]()
    for x, y in zip(X, Y, strict=True):
        nets[1].learn_one(x, y)
    assert np.array_equal(nets[0].theta, nets[1].theta)
    nets[1].learn_batch(X[:20], Y[:20])
    net = nets[1]
    slopes = Y - net.predict(X)
    return sha(
        net.theta, net.gradient(X, Y), net.backward(X, slopes), net.input_gradient(X, slopes),
        np.array(net.loss(X, Y)),
    )  # fmt: skip


def jobs():
    """Name of a job, and what gives its hash."""
    found = {}

    def job(name, *arguments, **options):
        found[name] = lambda: trained(*arguments, **options)

    for name, sizes in ARCHITECTURES.items():
        for batch_size in (1, 10, 256):
            job(f"{name}, batch {batch_size}", sizes, batch_size)
            job(f"{name}, batch {batch_size}, relu, Adam", sizes, batch_size, "Adam",
                activation="relu")  # fmt: skip
        job(f"{name}, batch 1, sparse", sizes, 1, sparse=True)
        job(f"{name}, batch 10, sparse", sizes, 10, "Adam", sparse=True)
        job(f"{name}, batch 1, float64", sizes, 1, dtype="float64")
        job(f"{name}, batch 10, float64", sizes, 10, "Adam", dtype="float64")
        job(f"{name}, batch 256, float64", sizes, 256, "momentum", dtype="float64")
    for name in OPTIMIZERS:
        for batch_size in (1, 32) if name != "Rprop" else (N,):
            job(f"{name}, batch {batch_size}", [17, 40, 3], batch_size, name)
            job(f"{name}, batch {batch_size}, float64", [17, 40, 3], batch_size, name,
                dtype="float64")  # fmt: skip
    for name, row in ACTIVATIONS.items():
        if row.f is not None:
            for dtype in ("float32", "float64"):
                job(f"{name}, {dtype}", [6, 24, 2], 10, activation=name, dtype=dtype)
            job(f"{name}, batch 1", [6, 5, 2], 1, activation=name)
    for name, output in LOSSES.items():
        for batch_size in (1, 20):
            job(f"{name}, batch {batch_size}", [6, 18, 20], batch_size, "Adam", loss=name,
                output=output)  # fmt: skip
        job(f"{name}, float64", [6, 7, 4], 20, "Adam", loss=name, output=output, dtype="float64")
    for name in ("cosine", "exponential", "inverse_scaling", "one_cycle", "step"):
        job(f"schedule {name}", [6, 24, 2], 10, "Adam", schedule=name, dtype="float64", epochs=5)
    for name in ("he_normal", "glorot_normal", "he_uniform", "pytorch"):
        job(f"init {name}", [6, 24, 2], 10, init=name)
    for dtype, scale in (("float32", 2.0**-70), ("float64", 2.0**-520)):
        for name in ("SGD", "Adam", "RMSprop", "Adadelta"):  # whose squares leave the range
            job(f"tiny numbers, {name}, {dtype}", [6, 24, 2], 10, name, dtype=dtype, scale=scale,
                activation="identity", output="identity", bias_init="zeros")  # fmt: skip
    for name in ("SGD", "Adam", "RMSprop"):
        found[f"connections, {name}"] = lambda name=name: of_connections(10, name)
    for batch_size in (1, 10):
        found[f"heads, batch {batch_size}"] = lambda n=batch_size: of_heads(n)
    for name in ("SGD", "Adam"):
        found[f"one by one, {name}"] = lambda name=name: one_by_one(name)
    return found


def hashes():
    """The hash of every job on this processor."""
    return {name: of_job() for name, of_job in jobs().items()}


def kept():
    """The hash of every job as it has to be."""
    return json.loads(KEPT.read_text())


def combined(found) -> str:
    """One hash of all of them."""
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def differences():
    """Names of the jobs whose hash is not the one that is kept."""
    wanted, found = kept(), hashes()
    if wanted.keys() != found.keys():
        raise SystemExit(f"{KEPT} has other jobs; write it anew with --write")
    return [name for name in found if found[name] != wanted[name]]


def main():
    if "--write" in sys.argv[1:]:
        KEPT.write_text(json.dumps(hashes(), indent=0) + "\n")
        return
    different = differences()
    print(json.dumps({"jobs": len(jobs()), "different": different}))
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
