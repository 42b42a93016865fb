"""Networks as .net files of FANN 2.1 (floating): text with neurons, connections and scaling.

A neuron of FANN has f(s z) with a steepness s of its own, and its sigmoid is 1 / (1 + exp(-2 s z)).
Source: Nissen (2003), Implementation of a fast artificial neural network library (fann), and files
that fann_save of its version 2.2.0 writes.
"""

import os
import re
import warnings
from typing import NamedTuple

import numpy as np

from ..errors import DeltaloopWarning, FileFormatError, InvalidInputError
from ..inputs.unpacking import memory_limit, too_large
from ..parts.activations import Activation
from ..parts.losses import Loss
from .archive import Contents, refuse_special
from .plain_layers import Layer, Meant, contents_of, refuse_given, scaling_in
from .whole_file import whole_file

_MAGIC = "FANN_FLO_2.1"


class _Function(NamedTuple):
    """f(s z) of FANN is `name` of factor s z + shift."""

    code: int
    name: str
    factor: float = 1.0
    shift: float = 0.0
    approximates: float = 0.0  # how far FANN is off, at most


_FUNCTIONS = (
    _Function(0, "identity"),
    _Function(3, "sigmoid", 2.0),
    _Function(5, "tanh"),
    _Function(7, "gaussian"),
    _Function(11, "softsign"),
    _Function(12, "hard_sigmoid", 6.0, -3.0),  # s z limited to [0, 1]
    _Function(13, "hard_tanh"),
    _Function(14, "sin"),
    # straight lines between six points
    _Function(4, "sigmoid", 2.0, 0.0, 0.04),
    _Function(6, "tanh", 1.0, 0.0, 0.08),
)
_BY_CODE = {function.code: function for function in _FUNCTIONS}
_BY_NAME = {function.name: function for function in reversed(_FUNCTIONS)}

# what fann_save writes of a network that has not been trained; fann_create_from_file wants it all,
# in this order
_SETTINGS = """\
learning_momentum=0.000000
training_algorithm=2
train_error_function=1
train_stop_function=0
cascade_output_change_fraction=0.010000
quickprop_decay=-0.000100
quickprop_mu=1.750000
rprop_increase_factor=1.200000
rprop_decrease_factor=0.500000
rprop_delta_min=0.000000
rprop_delta_max=50.000000
rprop_delta_zero=0.100000
cascade_output_stagnation_epochs=12
cascade_candidate_change_fraction=0.010000
cascade_candidate_stagnation_epochs=12
cascade_max_out_epochs=150
cascade_min_out_epochs=50
cascade_max_cand_epochs=150
cascade_min_cand_epochs=50
cascade_num_candidate_groups=2
bit_fail_limit=3.49999994039535522461e-01
cascade_candidate_limit=1.00000000000000000000e+03
cascade_weight_multiplier=4.00000005960464477539e-01
cascade_activation_functions_count=10
cascade_activation_functions=3 5 7 8 10 11 14 15 16 17
cascade_activation_steepnesses_count=4
cascade_activation_steepnesses=2.5e-01 5.0e-01 7.5e-01 1.0e+00
"""


# writing


def write(contents: Contents, path) -> None:
    """Write a network; FANN itself applies its scaling in fann_scale_input and its kin only."""
    text = _text(*contents)
    with whole_file(path, "w") as file:
        file.write(text)


def _text(description, arrays):
    layers = description["layers"]
    if "heads" in layers[-1]:
        raise InvalidInputError(
            "FANN has one kind of outputs, so a network with heads cannot be written; use .onnx"
        )
    functions = [_function(layer) for layer in layers]
    sizes = [description["n_in"], *(layer["n_out"] for layer in layers)]
    first = np.concatenate([[0], np.cumsum([size + 1 for size in sizes])])  # and a bias each
    is_full = all("shortcuts" not in one and "connections" not in one for one in layers)
    bias_of = first[1:] - 1
    neurons = [(0, 0, 0.0)] * (sizes[0] + 1)
    connections: list[tuple[int, float]] = []
    for index, (layer, function) in enumerate(zip(layers, functions, strict=True)):
        sources = (index, *layer.get("shortcuts", ()))
        from_units = np.concatenate([first[k] + np.arange(sizes[k]) for k in sources]).tolist()
        W, mask = arrays[f"W{index + 1}"], arrays.get(f"mask{index + 1}")
        b = arrays.get(f"b{index + 1}")
        for unit in range(layer["n_out"]):
            own = list(zip(from_units, W[unit].tolist(), strict=True))
            if mask is not None:
                own = [one for one, is_there in zip(own, mask[unit], strict=True) if is_there]
            if b is not None or function.shift or not own:  # without any it would be a bias
                value = W.dtype.type(0.0 if b is None else b[unit])
                own.append((int(bias_of[index]), float(value - W.dtype.type(function.shift))))
            connections += own
            neurons.append((len(own), function.code, 1 / function.factor))
        neurons.append((0, 0, 0.0))
    lines = [
        _MAGIC, f"num_layers={len(sizes)}", "learning_rate=0.700000",
        f"connection_rate={1.0 if is_full else 0.5:.6f}", "network_type=0",
        _SETTINGS + "layer_sizes=" + "".join(f"{size + 1} " for size in sizes),
        *_scaling_lines(scaling_in(arrays), sizes[-1]),
        "neurons (num_inputs, activation_function, activation_steepness)="
        + "".join(f"({n}, {code}, {steepness:.20e}) " for n, code, steepness in neurons),
        "connections (connected_to_neuron, weight)="
        + "".join(f"({source}, {weight:.20e}) " for source, weight in connections),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _function(layer):
    name = layer["activation"]
    if name not in _BY_NAME:
        raise InvalidInputError(
            f"FANN has no activation {name!r}; it has {', '.join(sorted(_BY_NAME))}. Use .onnx, or "
            "a network with one of these"
        )
    return _BY_NAME[name]


def _scaling_lines(scaling, n_out):
    """X' = ((x - mean) / deviation + 1) factor + new_min, with 1 and -1 for the last two."""
    if not scaling:
        return ["scale_included=0"]
    lines = ["scale_included=1"]
    for side, where in (("x", "in"), ("y", "out")):
        mean, scale = scaling.get(f"{side}_mean"), scaling.get(f"{side}_scale")
        if mean is None:
            mean, scale = np.zeros(n_out), np.ones(n_out)
        ones = np.ones_like(mean)
        rows = {"mean": mean, "deviation": scale, "new_min": -ones, "factor": ones}
        lines += [
            f"scale_{name}_{where}=" + "".join(f"{value:.20e} " for value in values)
            for name, values in rows.items()
        ]
    return lines


# reading


def read(path: str, meant: Meant) -> Contents:
    """A network that fann_save wrote, or `write`.

    Raises
    ------
    FileFormatError
        It is damaged, or has what no network here has.
    """
    refuse_given(meant, path)
    refuse_special(path)
    limit = memory_limit(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if 8 * size > limit:  # the numbers and copies of them
            raise too_large(path, f"has {size} bytes of text", limit, "it is no network")
        data = file.read(size)
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise _damaged(path, "it holds more than ASCII text") from None
    magic = text.partition("\n")[0].strip()
    if magic != _MAGIC:
        if magic.startswith("FANN_"):
            raise FileFormatError(
                f"{path} has the format {magic[:20]}, only {_MAGIC} can be read; load it with FANN "
                "2.2 and save it with fann_save"
            )
        raise FileFormatError(f"{path} is no network of FANN, which begins with {_MAGIC}")
    return _contents(path, _Parsed(path, text), limit)


class _Parsed:
    """The entries of a file, with their numbers."""

    def __init__(self, path, text):
        self.path = path
        self.entries = {}
        for line in text.split("\n")[1:]:
            name, equals, value = line.partition("=")
            if not equals and line.strip():
                raise _damaged(path, f"expected NAME=VALUE, got {line[:40]!r}")
            if equals and name in self.entries:
                raise _damaged(path, f"it has {name[:40]!r} twice")
            self.entries[name] = value

    def numbers(self, name):
        """All numbers of an entry, tuples flat, shape (n,) in float64."""
        if name not in self.entries:
            raise _damaged(self.path, f"it lacks {name.split(' ')[0]!r}")
        text = re.sub("[(),]", " ", self.entries[name])
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what NumPy stops at is a warning to it
            try:
                return np.fromstring(text, np.float64, sep=" ") if text.strip() else np.zeros(0)
            except (DeprecationWarning, ValueError):
                name = name.split(" ")[0]
                raise _damaged(self.path, f"{name} holds something that is no number") from None

    def whole(self, name):
        """The same as whole numbers >= 0."""
        found = self.numbers(name)
        if not ((found >= 0) & (found < 2**31) & (found == np.floor(found))).all():
            raise _damaged(self.path, f"{name.split(' ')[0]} must be whole numbers")
        return found.astype(np.int64)

    def one(self, name):
        """The only number of an entry, whole and >= 0."""
        found = self.whole(name)
        if len(found) != 1:
            raise _damaged(self.path, f"{name} must be one number")
        return int(found[0])

    def rows(self, name, width):
        """Tuples of an entry, shape (n, width)."""
        found, text = self.numbers(name), self.entries[name]
        n = len(found) // width
        if len(found) % width or not n == text.count("(") == text.count(")"):
            raise _damaged(self.path, f"{name.split(' ')[0]} must be groups of {width} numbers")
        return found.reshape(-1, width)


_NEURONS = "neurons (num_inputs, activation_function, activation_steepness)"
_CONNECTIONS = "connections (connected_to_neuron, weight)"


def _contents(path, parsed, limit):
    n_in_layer = parsed.whole("layer_sizes")
    neurons, connections = parsed.rows(_NEURONS, 3), parsed.rows(_CONNECTIONS, 2)
    n_layers = parsed.one("num_layers")
    has_biases = parsed.one("network_type") == 0  # in every layer; else in that of the inputs alone
    if n_layers < 2 or len(n_in_layer) != n_layers or n_in_layer.sum() != len(neurons):
        raise _damaged(path, f"{n_layers} layers of {n_in_layer.tolist()[:9]} are not its "
                             f"{len(neurons)} neurons")  # fmt: skip
    n_entering = neurons[:, 0]
    if not (n_entering == np.floor(n_entering)).all() or n_entering.sum() != len(connections):
        raise _damaged(path, f"its neurons want {n_entering.sum():g} connections, and there are "
                             f"{len(connections)}")  # fmt: skip
    layer_of = np.repeat(np.arange(n_layers), n_in_layer)
    first = np.cumsum(n_in_layer) - n_in_layer
    position = np.arange(len(neurons)) - first[layer_of]
    is_bias = (position == n_in_layer[layer_of] - 1) & (has_biases | (layer_of == 0))
    sizes = n_in_layer - (has_biases | (np.arange(n_layers) == 0))
    if (sizes < 1).any() or n_entering[is_bias | (layer_of == 0)].any():
        raise _damaged(path, "a layer has no neuron, or a bias has connections")
    source = connections[:, 0]
    if not ((source >= 0) & (source < len(neurons)) & (source == np.floor(source))).all():
        raise _damaged(path, f"a connection leads from a neuron that is not there, "
                             f"{source.max():g} of {len(neurons)}")  # fmt: skip
    source = source.astype(np.int64)
    target = np.repeat(np.arange(len(neurons)), n_entering.astype(np.int64))
    if (layer_of[source] >= layer_of[target]).any():
        raise _damaged(path, "a connection does not lead from one layer to a later one")
    # connections are sorted by their targets: those into layer k are a slice
    ends = np.searchsorted(target, [*first, len(neurons)])
    _check_room(path, sizes, layer_of[source], ends, limit)
    layers = []
    for k in range(1, n_layers):
        into = slice(ends[k], ends[k + 1])
        own = slice(int(first[k]), int(first[k] + sizes[k]))
        arrays = _layer_arrays(
            sizes, k, source[into], target[into] - first[k], connections[into, 1],
            layer_of, position, is_bias,
        )  # fmt: skip
        layers.append(_layer(path, k, neurons[own], *arrays))
    weights = connections[:, 1]
    with np.errstate(all="ignore"):
        is_float = (weights == weights.astype(np.float32)).all()
    return contents_of(
        layers, np.float32 if is_float else np.float64,
        loss=Loss("mse"),  # the only one of FANN
        scaling=_scaling(path, parsed, int(sizes[0]), int(sizes[-1])),
    )  # fmt: skip


def _check_room(path, sizes, source_layers, ends, limit):
    """Refuse sparse connections whose W would not fit into memory."""
    n_values = 0
    for k in range(1, len(sizes)):
        sources = set(source_layers[ends[k] : ends[k + 1]].tolist()) | {k - 1}
        n_values += int(sizes[k]) * sum(int(sizes[s]) for s in sources)
    if 20 * n_values > limit:
        raise too_large(path, f"has {n_values} weights", limit, "it is no network")


def _layer_arrays(sizes, k, source, target, weights, layer_of, position, is_bias):
    """W, b, shortcuts and mask of layer k; several connections of two units are added."""
    of_bias = is_bias[source]
    shortcuts = sorted(set(layer_of[source[~of_bias]].tolist()) - {k - 1})
    column, n_columns = np.zeros(len(sizes), np.int64), 0
    for s in (k - 1, *shortcuts):
        column[s], n_columns = n_columns, n_columns + int(sizes[s])
    W, b = np.zeros((sizes[k], n_columns)), np.zeros(sizes[k])
    mask = np.zeros(W.shape, bool)
    units = source[~of_bias]
    place = target[~of_bias], column[layer_of[units]] + position[units]
    np.add.at(W, place, weights[~of_bias])
    mask[place] = True
    np.add.at(b, target[of_bias], weights[of_bias])
    return W, b if of_bias.any() else None, tuple(shortcuts), None if mask.all() else mask


def _layer(path, k, neurons, W, b, shortcuts, mask):
    """A layer with FANN's functions and steepnesses in the terms of the package."""
    codes = set(neurons[:, 1].tolist())
    function = _BY_CODE.get(codes.pop()) if len(codes) == 1 else None
    if function is None:
        raise FileFormatError(
            f"layer {k} of {path} has the activation_function {sorted({*neurons[:, 1].tolist()})}; "
            "all neurons of a layer must have one and the same of "
            + ", ".join(f"{one.code} ({one.name})" for one in _FUNCTIONS)
        )
    if function.approximates:
        warnings.warn(
            f"layer {k} of {path} has FANN's stepwise {function.name}, straight lines that are up "
            f"to {function.approximates} off; it is read as {function.name}",
            DeltaloopWarning,
            stacklevel=7,
        )
    factor = function.factor * neurons[:, 2]
    if not np.isfinite(factor).all():
        raise _damaged(path, f"a steepness of layer {k} is not finite")
    with np.errstate(all="ignore"):  # infinite weights are looked for later
        W = W * factor[:, None]
        b = None if b is None else b * factor
    if function.shift:
        b = (np.zeros(len(W)) if b is None else b) + function.shift
    return Layer(W, b, Activation(function.name), shortcuts, mask)


def _scaling(path, parsed, n_in, n_out):
    """X' = ((x - mean) / deviation + 1) factor + new_min as (x - mean') / scale'."""
    if not parsed.one("scale_included"):
        return {}
    found = {}
    for side, where, n in (("x", "in", n_in), ("y", "out", n_out)):
        mean, deviation, new_min, factor = (
            parsed.numbers(f"scale_{name}_{where}")
            for name in ("mean", "deviation", "new_min", "factor")
        )
        if any(len(values) != n for values in (mean, deviation, new_min, factor)):
            raise _damaged(path, f"its scaling has not {n} values for each {where}put")
        with np.errstate(all="ignore"):  # refused where the network is made
            scale = deviation / factor
            mean = mean - (factor + new_min) * scale
        if side == "x" or (mean != 0).any() or (scale != 1).any():
            found |= {f"{side}_mean": mean, f"{side}_scale": scale}
    return found


def _damaged(path, why):
    return FileFormatError(f"{path} is no whole network of FANN: {why}")
