"""FANN's own data sets and networks: how long until its training error, and the test error there.

The networks are those of its benchmark (benchmark.sh of FANN 2.0). FANN trains as it comes, for a
number of epochs, and its time is that to the first one whose error is as good as in the end.
deltaloop starts from the same weights and stops at that error. Times are of the processor, without
reading files.
"""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

import deltaloop as dl

from . import fann_library
from .table import Paper, Row

FOLDER = "/usr/share/doc/libfann-dev/examples/datasets"  # of Debian's libfann-doc
HIDDEN = {
    "abelone": (16,), "building": (16,), "diabetes": (4,), "gene": (4, 2), "mushroom": (32,),
    "robot": (96,), "soybean": (16, 8), "thyroid": (16, 8), "two-spiral": (20, 10),
}  # fmt: skip
QUICK = ("diabetes", "gene", "soybean")
EPOCHS = 300  # of FANN
LONGER = {"two-spiral": 5000}  # until it has begun to learn
AS_GOOD = 1.02  # times the error of its end: from there FANN's time does not count
MOST = 10  # times as many epochs before a run counts as not ended
WORSE = 1.2  # times the test error of FANN, at most


class Run(NamedTuple):
    """Seconds, and errors after them."""

    seconds: float
    training: float
    test: float


def files(folder: str, names) -> dict[str, tuple[Path, Path]]:
    """The two files of every data set; SystemExit where they are not."""
    found = {name: (Path(folder, f"{name}.train"), Path(folder, f"{name}.test")) for name in names}
    missing = [path.name for both in found.values() for path in both if not path.is_file()]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise SystemExit(
            f"{folder} has no {', '.join(missing[:3])}{more}: {fann_library.INSTALL}; or give the "
            "folder of FANN's data sets with --fann-data; or name other papers with --only"
        )
    return found


def start(sizes, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """W and b of every layer, U(-0.1, 0.1) as FANN has them."""
    draw = np.random.default_rng(seed).uniform
    return [
        (draw(-0.1, 0.1, (n_out, n_in)), draw(-0.1, 0.1, n_out))
        for n_in, n_out in itertools.pairwise(sizes)
    ]  # fmt: skip


def fann_run(fann, parameters, paths, epochs: int) -> Run:
    """What FANN reaches."""
    training, test = (fann.fann_read_train_from_file(str(path).encode()) for path in paths)
    net = fann_library.Net(fann, parameters)
    errors, seconds, begin = [], [], time.process_time()
    for _ in range(epochs):
        errors.append(net.epoch(training))
        seconds.append(time.process_time() - begin)
    error = net.error(training)
    there = next((k for k, one in enumerate(errors) if one <= AS_GOOD * error), epochs - 1)
    found = Run(seconds[there], error, net.error(test))
    net.close()
    for data in (training, test):
        fann.fann_destroy_train(data)
    return found


def own_run(parameters, samples, error: float, most: int) -> Run | None:
    """Rprop on all samples until the training error is at most `error`; None: not within `most`."""
    (X, Y), (X_test, Y_test) = samples
    layers = [dl.Dense(len(b), "sigmoid", init=(W, b)) for W, b in parameters]
    net = dl.Network(X.shape[1], layers, loss="mse")
    of_all = 2 / Y.shape[1]  # the loss is 1/2 of the sum over outputs

    def is_reached(state):
        return of_all * state.history.loss[-1] <= error

    begin = time.process_time()
    history = net.fit(
        X, Y, epochs=most, batch_size=len(X), optimizer=dl.Rprop(0.1), callbacks=[is_reached]
    )
    seconds = time.process_time() - begin
    if not history.stop_reason.startswith("callback"):
        return None
    return Run(seconds, of_all * net.loss(X, Y), of_all * net.loss(X_test, Y_test))


def row(fann, name: str, paths, epochs: int, n: int) -> Row:
    """One data set with n starts."""
    samples = [fann_library.read(path) for path in paths]
    (X, Y), _ = samples
    sizes = [X.shape[1], *HIDDEN[name], Y.shape[1]]
    theirs, ours = [], []
    for seed in range(n):
        parameters = start(sizes, seed)
        theirs.append(fann_run(fann, parameters, paths, epochs))
        ours.append(own_run(parameters, samples, theirs[-1].training, MOST * epochs))
    ended = [one for one in ours if one is not None]
    peer = Run(*map(median, zip(*theirs, strict=True)))
    own = Run(*map(median, zip(*ended, strict=True))) if ended else None
    told = f"{len(ended)} of {n}"
    if own is not None:
        told += f" in {own.seconds:.2g} s, {peer.seconds / own.seconds:.2g} times as fast"
        told += f"; test error {own.test:.4f}"
    is_inside = own is not None and len(ended) >= 0.8 * n
    is_inside = is_inside and own.seconds < peer.seconds and own.test < WORSE * peer.test
    return Row(
        f"{name}, {'-'.join(map(str, sizes))}, {len(X):,} samples",
        f"training error {peer.training:.4f} in {peer.seconds:.2g} s; test error {peer.test:.4f}",
        told, f"{np.ceil(0.8 * n):.0f} of {n}, faster, test error below {WORSE:g} times FANN's",
        bool(is_inside), n, f"FANN: {epochs:,} epochs of its iRprop-; here Rprop(0.1)",
    )  # fmt: skip


def paper(folder: str | None, path: str | None) -> Paper:
    """The table, with data in a folder and the library at a path."""
    folder = folder or FOLDER

    def needs(quick):
        files(folder, QUICK if quick else HIDDEN)
        fann_library.library(path)

    def rows(quick: bool) -> Iterator[Row]:
        fann = fann_library.library(path)
        for name, paths in files(folder, QUICK if quick else HIDDEN).items():
            yield row(fann, name, paths, LONGER.get(name, EPOCHS), 3 if quick else 5)

    return Paper(
        "FANN's data sets",
        "Nissen (2003), Implementation of a fast artificial neural network library; errors are "
        "means of (a - y)^2 over samples and outputs, medians of the runs. What stands under "
        "'published' is what libfann2 did beside it",
        rows, needs=needs,
    )  # fmt: skip
