"""Many networks in one call: dl.Ensemble, the networks one by one, and JAX's vmap.

    python benchmarks/networks.py            # the whole table
    python benchmarks/networks.py --quick    # 16 and 256 networks, two shapes
    python benchmarks/networks.py --demonstrations   # 10,000 networks for XOR and for digits

Nanoseconds of one processor per network and step, the smallest of several times; the ways take
turns. All networks see the same samples in the same order, and losses are added up, as in `fit`.
JAX is asked in its usual form, vmap over networks of a scan over steps, compiled outside the clock.
A peer that is not installed is left out.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is loaded
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import argparse
import time
from itertools import pairwise

import numpy as np

import deltaloop as dl

# sizes, activation of the output, batch size, optimizer
JOBS = [
    ((2, 4, 1), "sigmoid", 1, dl.SGD(0.1)),
    ((4, 4, 4, 1), "identity", 1, dl.SGD(0.1)),
    ((8, 3, 8), "sigmoid", 1, dl.SGD(0.1)),
    ((2, 4, 1), "sigmoid", 1, dl.Adam(0.01)),
    ((8, 3, 8), "sigmoid", 32, dl.SGD(0.1)),
    ((10, 16, 16, 1), "identity", 32, dl.SGD(0.1)),
]
NETWORKS = (16, 256, 4096)
SECONDS = 0.05  # about how long one run of the fastest way takes


def samples(sizes, n):
    """X and Y that networks can come near."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, sizes[0])).astype(np.float32)
    return X, generator.uniform(0.2, 0.8, (n, sizes[-1])).astype(np.float32)


def together(sizes, output, batch_size, optimizer, n, X, Y):
    ens = dl.Ensemble(list(sizes), n=n, output=output)

    def run():
        return ens.fit(
            X, Y, epochs=1, batch_size=batch_size, optimizer=optimizer, shuffle=False
        ).loss.mean()

    return run


def one_by_one(sizes, output, batch_size, optimizer, n, X, Y):
    nets = [dl.Network(list(sizes), seed=k, output=output) for k in range(n)]
    X, Y = X.copy(), Y.copy()

    def run():
        how = {"epochs": 1, "batch_size": batch_size, "optimizer": optimizer, "shuffle": False}
        return np.mean([net.fit(X, Y, **how).loss[-1] for net in nets])

    return run


def jax_vmap(sizes, output, batch_size, optimizer, n, X, Y):
    if not isinstance(optimizer, dl.SGD):
        return None  # its optimisers are in another package
    import jax
    from jax import numpy as jnp

    generator = np.random.default_rng(0)
    parameters = [
        (jnp.array(generator.uniform(-1, 1, (n, a, b)), jnp.float32), jnp.zeros((n, b)))
        for a, b in pairwise(sizes)
    ]
    X = jnp.array(X).reshape(-1, batch_size, sizes[0])
    Y = jnp.array(Y).reshape(-1, batch_size, sizes[-1])

    def loss(layers, x, y):
        for W, b in layers[:-1]:
            x = jax.nn.sigmoid(x @ W + b)
        W, b = layers[-1]
        a = jax.nn.sigmoid(x @ W + b) if output == "sigmoid" else x @ W + b
        return 0.5 * jnp.square(a - y).sum() / batch_size

    def step(layers, sample):
        value, gradient = jax.value_and_grad(loss)(layers, *sample)
        return jax.tree.map(lambda w, g: w - 0.1 * g, layers, gradient), value

    @jax.jit
    def epoch(parameters):
        return jax.vmap(lambda layers: jax.lax.scan(step, layers, (X, Y)))(parameters)

    jax.block_until_ready(epoch(parameters))

    def run():
        _, losses = jax.block_until_ready(epoch(parameters))
        return float(losses.mean())

    return run


WAYS = {"Ensemble": together, "one by one": one_by_one, "JAX vmap": jax_vmap}


def measure(job, n, repeats):
    """{way: ns per network and step}."""
    sizes, output, batch_size, optimizer = job
    weights = sum(a * b for a, b in pairwise(sizes))
    n_steps = int(np.clip(SECONDS / (n * batch_size * weights * 0.3e-9), 8, 2000))
    X, Y = samples(sizes, n_steps * batch_size)
    runs, best = {}, {}
    for name, way in WAYS.items():
        try:
            found = way(sizes, output, batch_size, optimizer, n, X, Y)
        except ImportError:
            continue
        if found is not None:
            runs[name] = found
    for _ in range(repeats):
        for name, run in runs.items():
            began = time.process_time()
            loss = run()
            elapsed = time.process_time() - began
            assert np.isfinite(loss), name
            best[name] = min(best.get(name, np.inf), elapsed / (n * n_steps) * 1e9)
    return best


def demonstrate(n, n_threads):
    """Train n networks for XOR, and n for digits; wall-clock time of fit."""
    X, y = dl.datasets.load("xor")
    ens = dl.Ensemble([2, 4, 1], n=n, activation="tanh", loss="binary_cross_entropy")
    how = {"shuffle": False, "n_threads": n_threads}
    used = time.process_time()
    history = ens.fit(X, y, epochs=100, batch_size=4, learning_rate=4.0, **how)
    used = time.process_time() - used
    solved = (ens.predict(X).round() == y.reshape(-1, 1)).all(axis=(1, 2)).mean()
    print(f"{n} networks 2-4-1, 100 epochs of XOR: {history.seconds:.3g} s ({used:.3g} s of")
    print(f"processors); {solved:.1%} have all four right")

    digits = dl.datasets.load("digits")
    X, X_test = digits.X_train / 16, digits.X_test / 16
    ens = dl.Ensemble([64, 30, 10], n=n, activation="tanh", loss="cross_entropy")
    how |= {"epochs": 50, "batch_size": 32, "learning_rate": 0.1, "momentum": 0.9}
    used = time.process_time()
    history = ens.fit(X, digits.y_train, **how)
    used = time.process_time() - used
    right = [(net.predict(X_test).argmax(1) == digits.y_test).mean() for net in ens]
    print(f"{n} networks 64-30-10, 50 epochs of digits: {history.seconds:.3g} s ({used:.3g} s of")
    print(f"processors); mean accuracy of the test part {np.mean(right):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--demonstrations", action="store_true")
    parser.add_argument("--networks", type=int, default=10_000, help="of the demonstrations")
    parser.add_argument("--threads", type=int, default=2, help="of the demonstrations")
    given = parser.parse_args()
    if given.demonstrations:
        demonstrate(given.networks, given.threads)
        return
    jobs, counts = (JOBS[:3:2], NETWORKS[:2]) if given.quick else (JOBS, NETWORKS)
    print("| job | networks | " + " | ".join(WAYS) + " | to the best other |")
    print("|---|--:|" + "--:|" * (len(WAYS) + 1))
    for job in jobs:
        for n in counts:
            best = measure(job, n, given.repeats)
            name = f"{'-'.join(map(str, job[0]))} batch {job[2]} {type(job[3]).__name__}"
            cells = [f"{best[way]:.3g}" if way in best else "" for way in WAYS]
            others = min(value for way, value in best.items() if way != "Ensemble")
            ratio = others / best["Ensemble"]
            print(f"| {name} | {n} | {' | '.join(cells)} | {ratio:.3g} |", flush=True)


if __name__ == "__main__":
    main()
