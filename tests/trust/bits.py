"""What gives the same bits: one training in many ways, and the SHA-256 of all parameters after it.

Every way trains the same network, from the same seed, on the same samples in the same order, so
that ways differ in nothing but the work that is shared, cut or called in another way. Levels are
instruction sets; those that are not built or not in the processor are left out.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import deltaloop as dl
from deltaloop.callbacks import every
from trust import same_bits

SIZES, N_SAMPLES, EPOCHS = [17, 23, 12, 3], 130, 3
RULES = {
    "SGD": lambda: dl.SGD(0.05),
    "Adam": lambda: dl.Adam(0.01),
    "RMSprop": lambda: dl.RMSprop(),
}


def data():
    """X and Y; a third of X is 0."""
    generator = np.random.default_rng(5)
    X = generator.normal(size=(N_SAMPLES, SIZES[0])) * (generator.random((N_SAMPLES, 17)) > 0.3)
    return X.astype("f4"), generator.random((N_SAMPLES, SIZES[-1])).astype("f4")


def network(backend="auto"):
    return dl.Network(SIZES, activation="tanh", output="sigmoid", seed=3, backend=backend)


def sha(*arrays) -> str:
    """SHA-256 of their bytes."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def fitted(batch_size, optimizer="SGD", backend="auto", X=None, **options):
    """The hash after `fit` in the order of the samples."""
    net, (given, Y) = network(backend), data()
    net.fit(
        given if X is None else X, Y, epochs=EPOCHS, batch_size=batch_size, shuffle=False,
        optimizer=RULES[optimizer](), **options,
    )  # fmt: skip
    return sha(net.theta)


def threads(batch_size):
    return {f"{n} threads": fitted(batch_size, n_threads=n) for n in (1, 2, 3)}


def sessions(batch_size):
    """`fit`, `learn_batch`, and a session, one call for each mini-batch."""
    found = {"fit": fitted(batch_size)}
    X, Y = data()
    starts = range(0, N_SAMPLES, batch_size)
    net = network()
    net.optimizer = RULES["SGD"]()
    for _ in range(EPOCHS):
        for start in starts:
            net.learn_batch(X[start : start + batch_size], Y[start : start + batch_size])
    found["learn_batch"] = sha(net.theta)
    net = network()
    session = net.session(batch_size=batch_size, optimizer=RULES["SGD"]())
    for _ in range(EPOCHS):
        for start in starts:
            if batch_size == 1:
                session.learn_one(X[start], Y[start])
            else:
                session.learn_batch(X[start : start + batch_size], Y[start : start + batch_size])
    found["session"] = sha(net.theta)
    return found


def slices(batch_size):
    """Epochs in one call of the kernels, and cut by a callback after every step."""
    return {
        "whole": fitted(batch_size),
        "cut after every step": fitted(batch_size, callbacks=[every(1, lambda state: None)]),
    }


def forms(batch_size):
    """One X as arrays of several kinds."""
    X, _ = data()
    shared = np.zeros((N_SAMPLES, 40), "f4")
    shared[:, 3:37:2] = X
    return {
        "C order": fitted(batch_size, X=X),
        "Fortran order": fitted(batch_size, X=np.asfortranarray(X)),
        "every second column": fitted(batch_size, X=shared[:, 3:37:2]),
        "float64": fitted(batch_size, X=X.astype("f8")),
    }


def backends(batch_size):
    """Cython and Numba."""
    return {name: fitted(batch_size, backend=name) for name in ("cython", "numba")}


def predictions():
    """Outputs of all samples at once, in threads and in pieces."""
    net, (X, _) = network(), data()
    pieces = [net.predict(X[start : start + 7]) for start in range(0, N_SAMPLES, 7)]
    return {
        "predict": sha(net.predict(X)),
        "3 threads": sha(net.predict(X, n_threads=3)),
        "in pieces of 7": sha(np.concatenate(pieces)),
        "predict_batch": sha(net.predict_batch(X)),
    }


def of_levels(batch_size, optimizer="SGD"):
    """One process for each instruction set that was built."""
    return _of_levels(f"from trust import bits; print(bits.fitted({batch_size}, {optimizer!r}))")


def reproducible():
    """All jobs of same_bits.py, as one hash: kept, and of every level with fused products."""
    found = _of_levels("from trust import same_bits as s; print(s.combined(s.hashes()))", least=3)
    return {"kept": same_bits.combined(same_bits.kept()), **found}


def _of_levels(code, least=0):
    from deltaloop.kernels import cython

    found = {}
    for level in cython.levels():
        if 0 < level < least:
            continue
        environment = {**os.environ, "DELTALOOP_ISA": str(level), "DELTALOOP_BACKEND": "cython"}
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")])
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        found[f"level {level}"] = done.stdout.strip()
    return found


def without_zeros(batch_size):
    """Samples as they are, and as lists of what is not 0."""
    return {"dense": fitted(batch_size), "sparse": fitted(batch_size, sparse=True)}


def one_at_a_time():
    """Outputs of all samples at once and of each alone."""
    net, (X, _) = network(), data()
    alone = np.stack([net.predict_one(x) for x in X])
    return {"predict": sha(net.predict(X)), "predict_one": sha(alone)}


# what is promised: the title of a row, and the ways that give one hash
PROMISED = {
    "threads of a mini-batch of 64": lambda: threads(64),
    "fit, learn_batch and sessions, mini-batches of 10": lambda: sessions(10),
    "fit, learn_batch and sessions, single samples": lambda: sessions(1),
    "slices of an epoch, mini-batches of 10": lambda: slices(10),
    "slices of an epoch, single samples": lambda: slices(1),
    "kinds of arrays, mini-batches of 10": lambda: forms(10),
    "kinds of arrays, single samples": lambda: forms(1),
    "Cython and Numba, mini-batches of 10": lambda: backends(10),
    "Cython and Numba, single samples": lambda: backends(1),
    "predictions": predictions,
}

# what is not: sums are added in another order there, and results agree to rounding alone
NOT_PROMISED = {
    "lists of what is not 0, single samples": lambda: without_zeros(1),
    "predict and predict_one": one_at_a_time,
}

# batch size and optimiser with one hash from level 3 on. (Rules with roots are not: level 4 has
# instructions of its own for 1 / sqrt(x). Level 2 has no fused products, and level 4 other sums in
# single samples.) With reproducible=True all agree, see same_bits.py.
SAME_ON_LEVELS = [(10, "SGD")]
