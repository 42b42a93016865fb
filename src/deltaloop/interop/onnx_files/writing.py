"""From the contents of a network to a model of ONNX."""

import warnings
from typing import Any

import numpy as np

from ...errors import DeltaloopWarning, InvalidInputError
from ...kernels.functions import ACTIVATIONS
from ...parts.heads import GAUSSIAN_NLL
from ...version import __version__
from ..archive import METADATA, Contents

DERIVED = "deltaloop_derived"  # outputs that follow from others

# operators that are an activation: name, attributes, the first opset that has it. ONNX Runtime has
# those of the second table in float32 alone; in float64 they are written out.
_SURELY: dict[str, tuple[str, dict[str, Any], int]] = {
    "sigmoid": ("Sigmoid", {}, 13),
    "tanh": ("Tanh", {}, 13),
    "relu": ("Relu", {}, 14),
    "softmax": ("Softmax", {"axis": 1}, 13),
    "log_softmax": ("LogSoftmax", {"axis": 1}, 13),
    "sin": ("Sin", {}, 13),
    "exp": ("Exp", {}, 13),
    "gelu": ("Gelu", {}, 20),  # ONNX Runtime 1.32 has no Erf in float64, and so none of this either
}
_IN_FLOAT32: dict[str, tuple[str, dict[str, Any], int]] = {
    "leaky_relu": ("LeakyRelu", {"alpha": None}, 16),
    "elu": ("Elu", {"alpha": None}, 13),
    "selu": ("Selu", {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}, 13),
    "softplus": ("Softplus", {}, 13),
    "softsign": ("Softsign", {}, 13),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}, 13),
    "mish": ("Mish", {}, 18),
    "gelu_tanh": ("Gelu", {"approximate": "tanh"}, 20),
}


_ROUGH = 1e-4  # of a standard deviation


class _Graph:
    """Nodes and constants as they are added."""

    def __init__(self, dtype):
        from onnx import helper

        self.helper = helper
        self.dtype = np.dtype(dtype)
        self.nodes, self.constants, self.opset = [], {}, 16

    def constant(self, name, array):
        self.constants[name] = array
        return name

    def node(self, kind, inputs, output=None, **attributes):
        """Add a node; the name of its output."""
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(kind, inputs, [output], **attributes))
        return output

    def cast(self, value, dtype, output=None):
        to = self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.node("Cast", [value], output, to=to)

    def activation(self, name, alpha, z):
        if name == "identity":
            return z
        single = self.dtype == np.float32
        found = _SURELY.get(name) or (_IN_FLOAT32.get(name) if single else None)
        if found is None:
            row = ACTIVATIONS[name]
            if row.f is None:
                raise InvalidInputError(f"{name} cannot be written in {self.dtype}")
            return row.f(_Primitives(self), _Value(self, z), alpha).name
        kind, attributes, opset = found
        self.opset = max(self.opset, opset)
        known = {k: alpha if v is None else v for k, v in attributes.items()}
        return self.node(kind, [z], **known)


class _Value:
    """A tensor of the graph; what is done to it becomes nodes."""

    def __init__(self, graph, name):
        self.graph, self.name = graph, name

    def _with(self, kind, other, swapped=False):
        pair = [self.name, _name_of(self.graph, other)]
        return _Value(self.graph, self.graph.node(kind, pair[::-1] if swapped else pair))

    def __add__(self, other):
        return self._with("Add", other)

    def __radd__(self, other):
        return self._with("Add", other, True)

    def __sub__(self, other):
        return self._with("Sub", other)

    def __rsub__(self, other):
        return self._with("Sub", other, True)

    def __mul__(self, other):
        return self._with("Mul", other)

    def __rmul__(self, other):
        return self._with("Mul", other, True)

    def __truediv__(self, other):
        return self._with("Div", other)

    def __rtruediv__(self, other):
        return self._with("Div", other, True)

    def __neg__(self):
        return _Value(self.graph, self.graph.node("Neg", [self.name]))


def _name_of(graph, value):
    """The tensor of a value, or a constant without dimensions."""
    if isinstance(value, _Value):
        return value.name
    array = np.array(value, graph.dtype)
    return graph.constant(f"c_{float(array)!r}", array)


class _Primitives:
    """What the rows of functions.py are made of, as operators."""

    def __init__(self, graph):
        self.graph = graph

    def _one(self, kind, *values):
        names = [_name_of(self.graph, value) for value in values]
        return _Value(self.graph, self.graph.node(kind, names))

    def exp(self, x):
        return self._one("Exp", x)

    exp_of_negative = exp

    def expm1_of_negative(self, x):
        return self.exp(x) - 1.0

    def exp_of_square(self, x, c):
        return self.exp(x * x * float(c))

    def log1p_of_fraction(self, u):
        return self._one("Log", u + 1.0)

    def logistic(self, x):
        return self._one("Sigmoid", x)

    def gated(self, w, x):
        return self.where_above(-1e4, x, 0.0, w) * self.logistic(x)

    def tanh(self, x):
        return self._one("Tanh", x)

    def lecun_tanh(self, x):
        return self.tanh(x * (2 / 3)) * 1.7159

    def mish(self, x):
        e = self.exp(self.clipped(x, -1e4, 20))
        n = e * (e + 2.0)
        return self.where_above(-1e4, x, -1e4, x) * (n / (n + 2.0))

    def magnitude(self, x):
        return self._one("Abs", x)

    def clipped(self, x, low, high):
        return self._one("Clip", x, float(low), float(high))

    def where_above(self, x, y, above, other):
        return self._one("Where", self._one("Greater", x, y), above, other)


def model_of(contents: Contents):
    """A `ModelProto`, and the names of outputs that follow from others."""
    from onnx import helper, numpy_helper

    description, arrays = contents
    graph = _Graph(description["dtype"])
    kind = helper.np_dtype_to_tensor_dtype(graph.dtype)
    units = [_inputs(graph, arrays)]
    layers = description["layers"]
    for index, layer in enumerate(layers):
        z = _weighted(graph, index, layer, arrays, units)
        if "heads" not in layer:
            units.append(graph.activation(layer["activation"], layer["alpha"], z))
    if "heads" in layers[-1]:
        outputs, derived = _heads(graph, layers[-1]["heads"], z, kind), []
    else:
        outputs, derived = _outputs(graph, contents, units[-1], kind)
    x = helper.make_tensor_value_info("x", kind, ["n", description["n_in"]])
    values = [numpy_helper.from_array(_dense(a), name) for name, a in graph.constants.items()]
    made = helper.make_graph(graph.nodes, "network", [x], outputs, values)
    opset = helper.make_opsetid("", graph.opset)
    model = helper.make_model(made, opset_imports=[opset], ir_version=9 if graph.opset > 18 else 8)
    model.producer_name, model.producer_version = "deltaloop", __version__
    return model, derived


def _dense(array):
    return np.ascontiguousarray(array) if array.ndim else array


def _inputs(graph, arrays):
    """(x - x_mean) / x_scale, in float64."""
    if "x_mean" not in arrays:
        return "x"
    if graph.dtype == np.float32:
        _warn_of_rounding(np.abs(arrays["x_mean"]), np.abs(arrays["x_scale"]))
    value = graph.cast("x", np.float64)
    for kind, name in (("Sub", "x_mean"), ("Div", "x_scale")):
        value = graph.node(kind, [value, graph.constant(name, arrays[name])])
    return graph.cast(value, graph.dtype)


def _warn_of_rounding(mean, scale):
    """The inputs of the graph are float32: they are rounded before their mean is taken off."""
    lost = np.spacing(mean.astype(np.float32)) / scale
    if lost.max() > _ROUGH:
        warnings.warn(
            f"inputs of the graph are float32, in which numbers near {mean[lost.argmax()]:g} are "
            f"{lost.max():.1g} of a standard deviation apart: ONNX computes that much less exactly "
            "than predict; move the data towards 0 or use dtype='float64'",
            DeltaloopWarning,
            stacklevel=6,
        )


def _weighted(graph, index, layer, arrays, units):
    """Z = A W^T + b of a layer; A is what enters, side by side."""
    entering = [units[index], *(units[source] for source in layer.get("shortcuts", ()))]
    A = entering[0] if len(entering) == 1 else graph.node("Concat", entering, axis=1)
    names = [f"W{index + 1}"] + ([f"b{index + 1}"] if layer["bias"] else [])
    for name in names:
        graph.constant(name, arrays[name])
    return graph.node("Gemm", [A, *names], transB=1)


def _heads(graph, heads, z, kind):
    """One output of every head, and two of one with means and variances."""
    parts = []
    for head in heads:
        if head["loss"] == GAUSSIAN_NLL:
            parts += [(f"{head['name']}_mean", head["n_out"], "identity", None)]
            parts += [(f"{head['name']}_variance", head["n_out"], "exp", None)]
        else:
            parts.append((head["name"], head["n_out"], head["activation"], head["alpha"]))
    names = [name for name, *_ in parts]
    if len({*names, *graph.constants, "x"}) < len(names) + len(graph.constants) + 1:
        raise InvalidInputError(
            f"the heads give outputs of the names {names}, of which one is taken twice or by a "
            "weight; name them otherwise"
        )
    sections = graph.constant("units_of_heads", np.array([n for _, n, *_ in parts]))
    split = [f"z_of_head{k}" for k in range(len(parts))]
    graph.nodes.append(graph.helper.make_node("Split", [z, sections], split, axis=1))
    outputs = []
    for part, (name, n_out, activation, alpha) in zip(split, parts, strict=True):
        graph.node("Identity", [graph.activation(activation, alpha, part)], name)
        outputs.append(graph.helper.make_tensor_value_info(name, kind, ["n", n_out]))
    return outputs


def _outputs(graph, contents, a, kind):
    """Y as `predict` gives it; then class names, probabilities, values of logarithms."""
    import onnx

    description, arrays = contents
    info = graph.helper.make_tensor_value_info
    n_out = description["layers"][-1]["n_out"]
    if "y_mean" in arrays:  # a y_scale + y_mean, in float64
        value = graph.cast(a, np.float64)
        for operator, name in (("Mul", "y_scale"), ("Add", "y_mean")):
            value = graph.node(operator, [value, graph.constant(name, arrays[name])])
        graph.cast(value, graph.dtype, "y")
    else:
        graph.node("Identity", [a], "y")
    outputs, derived = [info("y", kind, ["n", n_out])], []
    classes = description["classes"]
    n_classes = 2 if n_out == 1 else n_out
    if classes is not None and len(classes) == n_classes:
        _label(graph, classes, n_out)
        outputs.append(info("label", onnx.TensorProto.STRING, ["n"]))
        derived.append("label")
        if n_out == 1:
            one = graph.constant("one", np.array(1, graph.dtype))
            graph.node("Concat", [graph.node("Sub", [one, "y"]), "y"], "probabilities", axis=1)
        elif description["layers"][-1]["activation"] == "log_softmax":
            graph.node("Exp", ["y"], "probabilities")
        else:
            return outputs, derived
        outputs.append(info("probabilities", kind, ["n", n_classes]))
        derived.append("probabilities")
    elif (description[METADATA] or {}).get("logs"):
        one = graph.constant("one", np.array(1, graph.dtype))
        graph.node("Sub", [graph.node("Exp", ["y"]), one], "value")
        outputs.append(info("value", kind, ["n", n_out]))
        derived.append("value")
    return outputs, derived


def _label(graph, classes, n_out):
    """The name of the class with the largest output, or of the second where y > 1/2."""
    import onnx

    names = graph.constant("classes", np.array(classes, object))
    if n_out == 1:
        half = graph.constant("half", np.array(0.5, graph.dtype))
        number = graph.node("Cast", [graph.node("Greater", ["y", half])], to=onnx.TensorProto.INT64)
        number = graph.node("Reshape", [number, graph.constant("flat", np.array([-1]))])
    else:
        number = graph.node("ArgMax", ["y"], axis=1, keepdims=0)
    graph.node("Gather", [names, number], "label", axis=0)
