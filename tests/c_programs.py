"""Exported headers, compiled and called from Python."""

import ctypes
import shutil
import subprocess
from functools import partial

import numpy as np

import cases
from deltaloop import Activation, Dense, Network

COMPILER = shutil.which("gcc") or shutil.which("cc")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror")


def compiled(folder, sources, *options, compiler=COMPILER, output="out"):
    """Path of what the compiler makes of the sources; its complaints fail the test."""
    command = [compiler, *options, *map(str, sources), "-o", str(folder / output), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder / output


def doors(name, net, learn=False, momentum=False, weights=None, **_):
    """C functions that a shared library shows of one header."""
    real = "float" if net.dtype == np.float32 else "double"
    text = f"""
#include "{name}.h"
void {name}_rows(int n, const {real} *X, {real} *Y)
{{
    for (int t = 0; t < n; t++)
        {name}_predict(X + t * {name.upper()}_N_IN, Y + t * {name.upper()}_N_OUT);
}}
"""
    if learn:
        parameter, argument = (f", {real} momentum", ", momentum") if momentum else ("", "")
        text += f"""
double {name}_epoch(int n, const {real} *X, const {real} *Y, {real} learning_rate{parameter})
{{
    double total = 0;
    for (int t = 0; t < n; t++)
        total += {name}_learn_one(X + t * {name.upper()}_N_IN, Y + t * {name.upper()}_N_OUT,
                                  learning_rate{argument});
    return total;
}}
"""
    for array in arrays(net) if weights is None else ():
        text += f"const {real} *{name}_at_{array}(void) {{ return {name}_{array}; }}\n"
    return text


def arrays(net):
    """W and b of every layer as the header calls them."""
    found = {}
    for index, (W, b) in enumerate(zip(net.W, net.b, strict=True), start=1):
        found[f"W{index}"] = W
        if b is not None:
            found[f"b{index}"] = b
    return found


def write_all(folder, nets, learn=False, **writing):
    """Headers of the networks {name: net}, and one C file that includes them all."""
    for name, net in nets.items():
        net.to_c(folder / f"{name}.h", learn=learn, **writing)
    text = "".join(doors(name, net, learn, **writing) for name, net in nets.items())
    (folder / "doors.c").write_text(text)
    return folder / "doors.c"


def load(folder, nets, learn=False, options=("-O1",), **writing):
    """The networks {name: net} as {name: Exported}, from one shared library."""
    source = write_all(folder, nets, learn, **writing)
    library = ctypes.CDLL(str(compiled(folder, [source], *STRICT, *options, "-fPIC", "-shared")))
    return {name: Exported(library, name, net) for name, net in nets.items()}


class Exported:
    """One network of a library."""

    def __init__(self, library, name, net):
        self.library, self.name, self.net = library, name, net
        self.real = ctypes.c_float if net.dtype == np.float32 else ctypes.c_double

    def _function(self, name, result=None):
        function = getattr(self.library, f"{self.name}_{name}")
        function.restype = result
        return function

    def _pointer(self, rows):
        return rows.ctypes.data_as(ctypes.POINTER(self.real))

    def predict(self, X):
        """Outputs, shape (n_samples, n_out)."""
        X = np.ascontiguousarray(X, self.net.dtype)
        out = np.full((len(X), self.net.sizes[-1]), np.nan, self.net.dtype)
        self._function("rows")(len(X), self._pointer(X), self._pointer(out))
        return out

    def epoch(self, X, Y, *rates):
        """Learn the samples one by one, with a learning rate and a momentum; sum of losses."""
        return self.epoch_of(X, Y, *rates)()

    def epoch_of(self, X, Y, *rates):
        """A function that does what `epoch` does, with everything but the call done before."""
        X, Y = (np.ascontiguousarray(rows, self.net.dtype) for rows in (X, Y))
        assert (X.shape[1], Y.shape[1]) == (self.net.sizes[0], self.net.sizes[-1])
        epoch = self._function("epoch", ctypes.c_double)
        pointers = self._pointer(X), self._pointer(Y)
        return partial(epoch, len(X), *pointers, *map(self.real, rates))

    def parameters(self):
        """What the arrays W1, b1, ... hold now."""
        found = {}
        for name, like in arrays(self.net).items():
            at = self._function(f"at_{name}", ctypes.POINTER(self.real))()
            found[name] = np.ctypeslib.as_array(at, like.T.shape).T.copy()
        return found


def network_of(case, activations, alphas, loss):
    """The Network that a case of the kernels describes."""
    layers = [
        Dense(int(layer["n_out"]), Activation(name, alphas.get(name)), bool(layer["b"] >= 0))
        for layer, name in zip(case.plan.layers, activations, strict=True)
    ]
    n_in = int(case.plan.layers[0]["n_in"])
    net = Network(n_in, layers, loss=cases.loss_named(loss, activations[-1]), dtype=case.plan.dtype)
    net.theta = case.theta
    return net
