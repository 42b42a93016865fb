"""How long a network takes to be made, pickled and copied.

    python benchmarks/pickles.py [--sizes 64,30,10] [--repeats 2000]

Minimum and median in microseconds by the clock, in turn. "first" is the first pickle of its kind:
later ones of the same layers, loss and optimizer share what was made of it.
"""

import argparse
import copy
import pickle
import statistics
from time import perf_counter

import deltaloop as dl
from deltaloop.parts import alike, construction


def forget():
    """What has been made for networks of a kind."""
    alike.kind.cache_clear()
    alike.optimizer_with.cache_clear()
    construction._laid_out.cache_clear()


def timed(call, before):
    before()
    start = perf_counter()
    call()
    return (perf_counter() - start) * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="64,30,10")
    parser.add_argument("--repeats", type=int, default=2000)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]

    net = dl.Network(sizes)
    data = pickle.dumps(net)
    calls = {
        "Network(sizes)": lambda: dl.Network(sizes),
        "pickle.dumps": lambda: pickle.dumps(net),
        "pickle.loads": lambda: pickle.loads(data),
        "pickle.loads, first": lambda: pickle.loads(data),
        "copy.copy": lambda: copy.copy(net),
        "copy.deepcopy": lambda: copy.deepcopy(net),
    }
    found = {name: [] for name in calls}
    for _ in range(options.repeats):
        for name, call in calls.items():
            found[name].append(timed(call, forget if "first" in name else int))
    n_bytes = net.n_parameters * net.dtype.itemsize
    print(f"{options.sizes}: {len(data)} bytes, of which {n_bytes} are parameters")
    for name, times in found.items():
        print(f"{name:20} {min(times):8.1f} {statistics.median(times):8.1f}")


if __name__ == "__main__":
    main()
