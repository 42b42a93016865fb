"""Times of the C header of 10-64-64-1, tanh, beside the calls from Python.

    python benchmarks/c_header.py                    # with gcc
    python benchmarks/c_header.py --compiler clang

Times are of one processor: the least of many rounds, predict and learn_one on 64 samples in turns.
What a network takes on small chips prints `pytest -rP tests/interop/test_c_small.py`.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import thread_time

import numpy as np

import deltaloop as dl

SIZES, ROUNDS, CALLS = (10, 64, 64, 1), 300, 256
LEVELS = (("-O3", "-march=native"), ("-O2",), ("-Os",))
MAIN = """
#include <stdio.h>
#include <time.h>
#include "net.h"

static float X[64 * NET_N_IN], Y[64 * NET_N_OUT], out[NET_N_OUT];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

int main(void)
{
    double predict = 1e30, learn = 1e30;
    float sum = 0.0f;
    for (int i = 0; i < 64 * NET_N_IN; i++)
        X[i] = (float)(i * 37 % 100) / 50.0f - 1.0f;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now(), middle, end;
        for (int k = 0; k < CALLS; k++) {
            net_predict(X + k % 64 * NET_N_IN, out);
            sum += out[0];
        }
        middle = now();
        for (int k = 0; k < CALLS; k++)
            sum += net_learn_one(X + k % 64 * NET_N_IN, Y + k % 64 * NET_N_OUT, 1e-6f);
        end = now();
        predict = middle - start < predict ? middle - start : predict;
        learn = end - middle < learn ? end - middle : learn;
    }
    printf("%.3f %.3f %g\\n", predict / CALLS, learn / CALLS, (double)sum);
    return 0;
}
"""


def of_python(net):
    """Microseconds of predict_one and learn_one."""
    x, y = np.linspace(-1, 1, SIZES[0], dtype=np.float32), np.zeros(SIZES[-1], np.float32)
    net.optimizer = dl.SGD(1e-6)
    least = [np.inf, np.inf]
    for _ in range(ROUNDS):
        for index, call in enumerate((lambda: net.predict_one(x), lambda: net.learn_one(x, y))):
            start = thread_time()
            for _ in range(CALLS):
                call()
            least[index] = min(least[index], (thread_time() - start) / CALLS * 1e6)
    return least


def of_header(net, folder, compiler, options):
    """Microseconds of NAME_predict and NAME_learn_one."""
    net.to_c(folder / "net.h", learn=True)
    source = MAIN.replace("ROUNDS", str(ROUNDS)).replace("CALLS", str(CALLS))
    (folder / "main.c").write_text(source)
    command = [compiler, "-std=gnu99", *options, "main.c", "-o", "main", "-lm"]
    subprocess.run(command, check=True, cwd=folder)
    done = subprocess.run([folder / "main"], check=True, capture_output=True, text=True)
    return [float(text) for text in done.stdout.split()[:2]]


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--compiler", default="gcc")
    arguments = parser.parse_args()
    if shutil.which(arguments.compiler) is None:
        sys.exit(f"there is no compiler {arguments.compiler}; name one by --compiler")
    net = dl.Network(SIZES, activation="tanh", seed=0)
    print(f"{'microseconds':24}{'predict':>10}{'learn_one':>12}")
    with tempfile.TemporaryDirectory() as folder:
        rows = {
            " ".join(options): of_header(net, Path(folder), arguments.compiler, options)
            for options in LEVELS
        }
    rows["predict_one, learn_one"] = of_python(net)
    for name, (predict, learn) in rows.items():
        print(f"{name:24}{predict:10.2f}{learn:12.2f}")


if __name__ == "__main__":
    main()
