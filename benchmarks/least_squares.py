"""Time to a small error with all samples at once: deltaloop, and SciPy and scikit-learn beside it.

    python benchmarks/least_squares.py    # the table of docs/least_squares.md
    python benchmarks/least_squares.py --plot docs/least_squares.png

The job: one period of a sine, a 1-5-1 network with tanh, float64, 30 starts, to a mean squared
error of 0.002. All on one processor, with one thread; the ways take turns, and of several times
per start the smallest counts, in time of the processor. Networks are made outside the clock.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is loaded

import argparse
import time
import warnings
from statistics import median

import numpy as np

import deltaloop as dl
from deltaloop.kernels.least_squares import columns_of

SIZES, STARTS, REPEATS = (40, 1000), 30, 5
TARGET = 0.001  # of the loss, which has a factor 1/2
MOST_EPOCHS = 3000


class Reached(Exception):
    """A peer that has no way to end at a loss ends with this."""


def sine(n_samples):
    """One period: X and Y, (n_samples, 1)."""
    X = np.linspace(-1, 1, n_samples).reshape(-1, 1)
    return X, np.sin(np.pi * X)


def new_net(seed):
    return dl.Network([1, 5, 1], activation="tanh", dtype="float64", seed=seed)


def fit(optimizer, batch_size=None, epochs=MOST_EPOCHS, target_loss=TARGET):
    def run(net, X, Y):
        return net.fit(
            X, Y, optimizer=optimizer, batch_size=batch_size, epochs=epochs,
            target_loss=target_loss,
        )  # fmt: skip

    return run


def scipy_lbfgs(net, X, Y):
    from scipy.optimize import minimize

    def ends(intermediate_result):
        if intermediate_result.fun <= TARGET:
            raise StopIteration

    net.theta = minimize(
        net.loss_and_gradient, net.theta, args=(X, Y), jac=True, method="L-BFGS-B", callback=ends,
        options={"maxiter": MOST_EPOCHS, "ftol": 0, "gtol": 0},
    ).x  # fmt: skip


def scipy_least_squares(method):
    """With the Jacobian that deltaloop gives it."""

    def run(net, X, Y):
        from scipy.optimize import least_squares

        columns = columns_of(net.plan)

        def errors(parameters):
            net.theta[columns] = parameters
            e = (net.predict(X) - Y).ravel()
            if e @ e <= 2 * TARGET * len(X):
                raise Reached
            return e

        def jacobian(parameters):
            net.theta[columns] = parameters
            return net.jacobian(X)[:, 0, columns]

        least_squares(errors, net.theta[columns], jacobian, method=method, max_nfev=MOST_EPOCHS)

    return run


def sklearn_lbfgs(net, X, Y):
    """From starts of its own, in its own drawing: it takes none."""
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(
        hidden_layer_sizes=(5,), activation="tanh", solver="lbfgs", alpha=0, tol=0,
        max_iter=MOST_EPOCHS, max_fun=10 * MOST_EPOCHS, random_state=net.generator.integers(2**31),
    )  # fmt: skip
    backprop = model._backprop

    def watched(*arguments, **keywords):
        loss, *gradients = backprop(*arguments, **keywords)
        if loss <= TARGET:  # it has the factor 1/2, too
            raise Reached
        return (loss, *gradients)

    model._backprop = watched
    model.fit(X, Y.ravel())


WAYS = {
    "**LevenbergMarquardt()**": fit(dl.LevenbergMarquardt()),
    "**SCG()**": fit(dl.SCG()),
    "**LBFGS()**": fit(dl.LBFGS()),
    "SciPy least_squares, lm, with `net.jacobian`": scipy_least_squares("lm"),
    "SciPy least_squares, trf, with `net.jacobian`": scipy_least_squares("trf"),
    "SciPy L-BFGS-B, with `net.loss_and_gradient`": scipy_lbfgs,
    "scikit-learn MLPRegressor, lbfgs, own starts": sklearn_lbfgs,
    "SGD(0.1, momentum=0.9), batches of 10": fit(dl.SGD(0.1, momentum=0.9), 10),
    "Adam(0.01), batches of 10": fit(dl.Adam(0.01), 10),
}


def seconds(run, seed, X, Y):
    """How long it takes, and whether it got there."""
    net = new_net(seed)
    began = time.thread_time()
    try:
        history = run(net, X, Y)
    except Reached:
        history = True
    elapsed = time.thread_time() - began
    if history is None:
        return elapsed, net.loss(X, Y) <= TARGET
    return elapsed, history is True or history.stop_reason == "target_loss"


def table(n_samples):
    """way -> (milliseconds in the median of the starts, starts that got there)."""
    X, Y = sine(n_samples)
    best = {name: [np.inf] * STARTS for name in WAYS}
    there = dict.fromkeys(WAYS, 0)
    for repeat in range(REPEATS):
        for seed in range(STARTS):
            for name, run in WAYS.items():
                try:
                    elapsed, reached = seconds(run, seed, X, Y)
                except ImportError:
                    continue
                there[name] += reached and repeat == 0
                if reached:
                    best[name][seed] = min(best[name][seed], elapsed)
    return {
        name: (1e3 * median(best[name]), there[name]) for name in WAYS if there[name]
    }  # fmt: skip


def epoch_of_a_larger_network():
    """Microseconds of one epoch of LevenbergMarquardt on 5-20-1 with 1000 samples: the smallest."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(1000, 5))
    Y = np.sin(X.sum(axis=1, keepdims=True))
    net = dl.Network([5, 20, 1], activation="tanh", dtype="float64")
    history = net.fit(
        X, Y, optimizer=dl.LevenbergMarquardt(), epochs=100, progress=lambda *state: None
    )  # fmt: skip
    return 1e6 * min(history.seconds), 1e6 * median(history.seconds)


def draw(path):
    """Loss over time, 40 samples: every start, and the median of all."""
    from matplotlib.figure import Figure

    X, Y = sine(40)
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    ways = {
        "LevenbergMarquardt()": (dl.LevenbergMarquardt(), None, 200, "#c8102e"),
        "LBFGS()": (dl.LBFGS(), None, 400, "#3f88c5"),
        "SCG()": (dl.SCG(), None, 800, "#4c9f70"),
        "Adam(0.01), batches of 10": (dl.Adam(0.01), 10, MOST_EPOCHS, "#e08b3e"),
    }
    grid = np.geomspace(2e-3, 30, 300)  # milliseconds
    for name, (optimizer, batch_size, epochs, color) in ways.items():
        curves = []
        for seed in range(STARTS):
            run = fit(optimizer, batch_size, epochs, None)
            histories = [run(new_net(seed), X, Y) for _ in range(REPEATS)]
            history = min(histories, key=lambda history: sum(history.seconds))
            time_of = 1e3 * np.cumsum(history.seconds)
            axes.plot(time_of, history.loss, color=color, linewidth=0.5, alpha=0.25)
            # before the first epoch: the loss of the start; and not beyond the last
            before = new_net(seed).loss(X, Y)
            curves.append(np.interp(grid, time_of, history.loss, left=before, right=np.nan))
        seen = np.isfinite(curves).all(axis=0)
        median_of = np.median(curves, axis=0)
        axes.plot(grid[seen], median_of[seen], color=color, linewidth=2.2, label=name)
    axes.axhline(TARGET, color="#66788a", linewidth=0.8, linestyle=":")
    axes.set(
        xscale="log", yscale="log", xlim=(grid[0], grid[-1]), ylim=(1e-8, 1), xlabel="milliseconds",
        ylabel="loss", title="One period of a sine, 40 samples, 1-5-1: 30 starts and their median",
    )  # fmt: skip
    axes.grid(color="#d9d9d9", linewidth=0.6)
    axes.legend()
    figure.savefig(path, dpi=110)


def pin():
    """To one processor, the last one that may be used."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--plot", metavar="FILE", help="draw the convergence instead")
    arguments = parser.parse_args()
    pin()
    warnings.simplefilter("ignore")  # of peers that have not converged
    if arguments.plot:
        draw(arguments.plot)
        return
    found = {n: table(n) for n in SIZES}
    print(
        "| milliseconds, median of the starts | " + " | ".join(f"{n} samples" for n in SIZES), "|"
    )
    print("|---|" + "--:|" * len(SIZES))
    for name in WAYS:
        cells = []
        for n in SIZES:
            if name not in found[n]:
                cells.append("")
                continue
            milliseconds, there = found[n][name]
            cells.append(f"{milliseconds:.3g}" + (f" ({there} of 30)" if there < STARTS else ""))
        print(f"| {name} | " + " | ".join(cells), "|")
    least, middle = epoch_of_a_larger_network()
    print(f"\n5-20-1, 1000 samples: {least:.0f} us an epoch at least, {middle:.0f} in the median")


if __name__ == "__main__":
    main()
