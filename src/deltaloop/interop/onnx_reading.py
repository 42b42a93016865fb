"""From a model of ONNX to the contents of a network: chains of dense layers, of many tools.

Every tensor of the graph is one of five things: a constant; the inputs, maybe standardised; several
layers side by side; or a curve, which is a function of the z = W a + b of one layer. What function
it is, is told by its values at some points (`curves`), so that all ways to write an activation are
read. Nothing of the file is run; operators that are not listed here are refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from ..errors import FileFormatError
from ..parts.activations import Activation
from ..parts.heads import GAUSSIAN_NLL
from .archive import Contents, description_of
from .curves import OPERATORS, POINTS, activation_of, evaluated
from .plain_layers import Layer, common_dtype, contents_of

_MOST_NODES = 100_000
_PASS_ON = ("Identity", "Cast", "Dropout")
_LAYERS = ("Gemm", "MatMul", "Concat", "Split", "Flatten", "Softmax", "LogSoftmax", "Transpose",
           "Constant")  # fmt: skip
_ARITHMETIC = ("Add", "Sub", "Mul", "Div")
_OLDEST_OPSET = 9


@dataclass(frozen=True, eq=False)
class _Weighted:
    """Z of a layer: `sources` are the numbers of the layers that enter."""

    sources: tuple[int, ...]
    W: np.ndarray
    b: np.ndarray | None


class _Step(NamedTuple):
    """Arithmetic with a constant after a curve: the curve's values before it, and what it was."""

    before: np.ndarray | None
    operator: str
    constant: np.ndarray
    is_first: bool


@dataclass(frozen=True, eq=False)
class _Curve:
    """A function of the z of a layer; y are its values at POINTS, None where units differ."""

    z: _Weighted
    y: np.ndarray | None
    steps: tuple[_Step, ...] = ()
    softmax: str | None = None
    part: tuple[_Weighted, int] | None = None  # some units, from that one on, of this z

    @property
    def is_plain(self) -> bool:
        return self.y is POINTS and not self.softmax


@dataclass(frozen=True, eq=False)
class _Inputs:
    """The inputs as (x - mean) / scale."""

    mean: Any = 0.0
    scale: Any = 1.0
    is_scaled: bool = False


@dataclass(frozen=True)
class _Joined:
    """Layers side by side, by their numbers."""

    layers: tuple[int, ...]


class _Output(NamedTuple):
    name: str
    curve: _Curve
    activation: Activation
    rest: tuple[_Step, ...]


@dataclass
class Found:
    """What the graph holds.

    Attributes
    ----------
    layers : list of Layer
    scaling : dict of str to ndarray
    dtype : numpy.dtype
    heads : list of (str, int, Activation)
        Name, units and activation of each output, where there are several.
    """

    layers: list[Layer]
    scaling: dict[str, np.ndarray]
    dtype: np.dtype
    heads: list[tuple[str, int, Activation]] = field(default_factory=list)

    def contents(self) -> Contents:
        """The contents, with the losses that belong to the outputs."""
        found = contents_of(self.layers, self.dtype, scaling=self.scaling)
        if self.heads:
            from ..parts.heads import Head, heads_in_file
            from .plain_layers import loss_of_output

            heads = [
                (name, Head(n, activation, loss_of_output(activation.name)))
                for name, n, activation in self.heads
            ]
            found.description["layers"][-1]["heads"] = heads_in_file(heads)
        return found

    def described_by(self, path: str, text: str, masks: dict) -> Contents:
        """The contents with a description that deltaloop wrote, which has to fit.

        Raises
        ------
        FileFormatError
            It tells of other layers than the graph has.
        """
        import base64

        described, found = (
            description_of(path, text),
            contents_of(self.layers, self.dtype, scaling=self.scaling),
        )
        arrays = dict(found.arrays)
        try:
            for name, packed in masks.items():
                shape = arrays[f"W{int(name.removeprefix('mask'))}"].shape
                bits = np.unpackbits(np.frombuffer(base64.b64decode(packed), np.uint8))
                n = shape[0] * shape[1]
                if not n <= len(bits) < n + 8:
                    raise ValueError
                arrays[name] = bits[:n].reshape(shape).astype(bool)
            own, other = self._shape_of(described), self._shape_of(found.description)
        except (KeyError, TypeError, ValueError, AttributeError):
            own, other = None, ()
        if own != other:
            raise FileFormatError(
                "the property 'deltaloop' tells of other layers than the graph has; remove it from "
                "metadata_props to read the graph alone"
            )
        return Contents(described, arrays)

    def _shape_of(self, description):
        """What the description and the graph must agree on."""
        layers = []
        for layer in description["layers"]:
            alpha = layer["alpha"]
            layers.append(
                (
                    layer["n_out"], layer["bias"], tuple(layer.get("shortcuts", ())),
                    layer["activation"], None if alpha is None else round(alpha, 5),
                )
            )  # fmt: skip
        heads = description["layers"][-1].get("heads")
        if heads is None:
            heads = [(n, activation.name) for _, n, activation in self.heads]
        else:
            heads = _parts_of(heads)
        return description["n_in"], description["dtype"], layers, heads


def _parts_of(heads):
    """Units and activation of every output that heads give."""
    parts = []
    for head in heads:
        if head["loss"] == GAUSSIAN_NLL:
            parts += [(head["n_out"], "identity"), (head["n_out"], "exp")]
        else:
            parts.append((head["n_out"], head["activation"]))
    return parts


def found_in(model, derived: set) -> Found:
    """The layers of a model; outputs with the names `derived` are left out.

    Raises
    ------
    FileFormatError
        It is no chain of dense layers, refers to other files, or makes no sense.
    """
    graph = model.graph
    if not graph.node or len(graph.node) > _MOST_NODES:
        raise FileFormatError(f"its graph has {len(graph.node)} nodes, expected 1 to {_MOST_NODES}")
    versions = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    if len(versions) != 1 or versions[0] < _OLDEST_OPSET:
        raise FileFormatError(
            f"its operators are of version {versions}, expected {_OLDEST_OPSET} or later; convert "
            "it with onnx.version_converter"
        )
    return _Reading(model, versions[0]).result(derived)


class _Reading:
    """A walk over the nodes of a graph."""

    def __init__(self, model, opset):
        self.graph, self.opset = model.graph, opset
        self.layers: list[Layer] = []
        self.numbers: dict[int, int] = {}  # of layers by the identity of their curves
        self.kept: list[_Curve] = []  # so that identities stay those of one curve
        self.inputs: _Inputs | None = None
        self.n_in = 0
        self.values: dict[str, Any] = {}
        self.tensors = {one.name: one for one in self.graph.initializer}
        names = [one.name for one in self.graph.input if one.name not in self.tensors]
        if len(names) != 1:
            raise FileFormatError(f"it has the inputs {names}; a network here has one")
        self.values[names[0]] = _Inputs()

    def result(self, derived) -> Found:
        wanted = [one.name for one in self.graph.output if one.name not in derived]
        wanted = [name for name in wanted if not self._is_of_labels(name)]
        for node in self._needed(wanted):
            self._take(node)
        outputs = [self._output(name) for name in wanted]
        if not outputs:
            raise FileFormatError("it has no output of real numbers")
        if len(outputs) == 1 and outputs[0].curve.part is None:
            self._last(outputs[0])
            dtype = common_dtype([layer.W for layer in self.layers])
            return Found(self.layers, self._scaling(outputs[0]), dtype)
        return self._with_heads(outputs)

    def _is_of_labels(self, name):
        """Whether an output holds whole numbers or texts."""
        from onnx import TensorProto

        kinds = {one.name: one.type for one in self.graph.output}
        real = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.UNDEFINED)
        return kinds[name].tensor_type.elem_type not in real

    def _needed(self, wanted: Iterable[str]):
        """The nodes that lead to these outputs, in the order of the graph."""
        maker: dict[str, int] = {}
        for index, node in enumerate(self.graph.node):
            for name in node.output:
                if name and (name in maker or name in self.tensors or name in self.values):
                    raise FileFormatError(f"two things have the name {name[:60]!r}")
                maker[name] = index
        needed: set[int] = set()
        open_names = list(wanted)
        while open_names:
            made_by = maker.get(open_names.pop())
            if made_by is not None and made_by not in needed:
                needed.add(made_by)
                open_names += self.graph.node[made_by].input
        return [self.graph.node[index] for index in sorted(needed)]

    def _value(self, name):
        """What a name stands for."""
        if name not in self.values:
            if name not in self.tensors:
                raise FileFormatError(
                    f"{name[:60]!r} is used before it is there: the graph has a cycle, or lacks it"
                )
            self.values[name] = _array(self.tensors[name])
        return self.values[name]

    def _take(self, node):
        """Work out a node."""
        kind = node.op_type
        if node.domain not in ("", "ai.onnx") or (
            kind not in OPERATORS and kind not in _LAYERS and kind not in _PASS_ON
        ):
            known = sorted({*OPERATORS, *_LAYERS, *_PASS_ON})
            name = f"{node.domain}.{kind}" if node.domain else kind
            raise FileFormatError(
                f"it has a node {name[:60]!r}, which no network here has; known are "
                + ", ".join(known)
            )
        attributes = {one.name: _attribute(one) for one in node.attribute}
        values = [self._value(name) if name else None for name in node.input]
        while values and values[-1] is None:
            values.pop()
        if not values and kind != "Constant":
            raise FileFormatError(f"a node {kind} has no inputs")
        if kind in _PASS_ON:
            found = [_passed_on(kind, values[0], attributes)]
        elif kind == "Split":
            found = self._split(values, attributes, len(node.output))
        elif kind in _LAYERS:
            found = [getattr(self, f"_{kind.lower()}")(values, attributes)]
        else:
            found = [self._elementwise(kind, values, attributes)]
        for name, value in zip(node.output, found, strict=False):
            self.values[name] = value

    # operators

    def _constant(self, values, attributes):
        found = [attributes[key] for key in ("value", "value_float", "value_floats", "value_int",
                                             "value_ints") if key in attributes]  # fmt: skip
        if len(found) != 1:
            raise FileFormatError("a node Constant holds no number")
        return found[0] if isinstance(found[0], np.ndarray) else np.asarray(found[0])

    def _transpose(self, values, attributes):
        W = _matrix(values[0], "Transpose")
        if attributes.get("perm", [1, 0]) != [1, 0]:
            raise FileFormatError("a node Transpose does not swap rows and columns")
        return W.T

    def _flatten(self, values, attributes):
        if _whole(attributes, "axis", 1) != 1:
            raise FileFormatError("a node Flatten has another axis than 1")
        return values[0]

    def _concat(self, values, attributes):
        if _whole(attributes, "axis", 0) not in (1, -1):
            raise FileFormatError("a node Concat has another axis than 1")
        joined = tuple(number for value in values for number in self._sources(value))
        if len(set(joined)) < len(joined):
            raise FileFormatError("a node Concat has a layer twice")
        return _Joined(joined)

    def _gemm(self, values, attributes):
        _only(attributes, "Gemm", "alpha", "beta", "transA", "transB")
        if _whole(attributes, "transA", 0) or not 2 <= len(values) <= 3:
            raise FileFormatError("a node Gemm transposes its samples, or lacks its weights")
        W = _matrix(values[1], "Gemm")
        W = (W if _whole(attributes, "transB", 0) else W.T) * _factor(attributes, "alpha", W.dtype)
        b = None
        if len(values) == 3:
            b = _vector(values[2], len(W), "Gemm") * _factor(attributes, "beta", W.dtype)
        return self._weighted(values[0], W, b)

    def _matmul(self, values, attributes):
        if len(values) != 2:
            raise FileFormatError("a node MatMul has not two inputs")
        return self._weighted(values[0], _matrix(values[1], "MatMul").T, None)

    def _weighted(self, value, W, b):
        if isinstance(value, np.ndarray):
            raise FileFormatError("samples are to be multiplied by W, not W by samples")
        return _Curve(_Weighted(self._sources(value), W, b), POINTS)

    def _softmax(self, values, attributes, name="softmax"):
        axis = _whole(attributes, "axis", 1 if self.opset < 13 else -1)
        if axis not in (1, -1) or not isinstance(values[0], _Curve):
            raise FileFormatError(f"a {name} is not over the units of a layer")
        curve = _folded(values[0])
        if not curve.is_plain:
            raise FileFormatError(f"a {name} follows another activation")
        return replace(curve, y=None, softmax=name)

    def _logsoftmax(self, values, attributes):
        return self._softmax(values, attributes, "log_softmax")

    def _split(self, values, attributes, n):
        curve = values[0]
        sizes = attributes.get("split", values[1] if len(values) > 1 else None)
        if _whole(attributes, "axis", 0) not in (1, -1) or not isinstance(curve, _Curve):
            raise FileFormatError("a node Split does not part the units of a layer")
        curve = _folded(curve)
        n_out = len(curve.z.W)
        if sizes is None:
            sizes = [-(-n_out // n)] * (n - 1) + [n_out - (n - 1) * -(-n_out // n)]
        sizes = np.ravel(np.asarray(sizes))
        if sizes.dtype.kind not in "iu" or not 0 < len(sizes) <= n_out:
            raise FileFormatError("a node Split has sizes that are no whole numbers")
        sizes = sizes.tolist()
        if not curve.is_plain or curve.part or min(sizes) < 1 or sum(sizes) != n_out:
            raise FileFormatError(f"a node Split parts {n_out} units as {sizes[:9]}")
        parts, first = [], 0
        for size in sizes:
            b = None if curve.z.b is None else curve.z.b[first : first + size]
            z = _Weighted(curve.z.sources, curve.z.W[first : first + size], b)
            parts.append(_Curve(z, POINTS, part=(curve.z, first)))
            first += size
        return parts

    def _elementwise(self, kind, values, attributes):
        curves = [value for value in values if isinstance(value, _Curve)]
        if any(isinstance(value, _Inputs) for value in values):
            return _standardised(kind, values)
        if not curves or any(isinstance(value, _Joined) for value in values):
            raise FileFormatError(f"a node {kind} is not applied to the units of a layer")
        if kind in _ARITHMETIC and len(values) == 2 and len(curves) == 1:
            return _with_constant(kind, values)
        if len(curves) == 1:
            curves = [_folded(curves[0])]
            values = [curves[0] if isinstance(value, _Curve) else value for value in values]
        z = curves[0].z
        if any(one.z is not z for one in curves):
            raise FileFormatError(f"a node {kind} joins two layers, which no network here does")
        if any(one.y is None for one in curves):
            raise FileFormatError(f"a node {kind} follows a softmax, or numbers unit by unit")
        points = [value.y if isinstance(value, _Curve) else _number(value) for value in values]
        return replace(curves[0], y=evaluated(kind, points, attributes), steps=())

    # layers

    def _sources(self, value) -> tuple[int, ...]:
        """The numbers of the layers whose units these are."""
        if isinstance(value, _Joined):
            return value.layers
        if isinstance(value, _Inputs):
            if self.inputs is None:
                self.inputs = value
            elif self.inputs is not value and not (
                np.array_equal(self.inputs.mean, value.mean)
                and np.array_equal(self.inputs.scale, value.scale)
            ):
                raise FileFormatError("the inputs enter scaled in two ways")
            return (0,)
        if not isinstance(value, _Curve) or value.part:
            raise FileFormatError("weights are applied to something that is no layer")
        if id(value) not in self.numbers:
            activation = _activation(value)
            if activation is None:
                value_of = _folded(value)
                activation = Activation("identity") if value_of.is_plain else None
                if activation is None:
                    raise _unknown_activation()
                self._add(value_of.z, activation)
            else:
                self._add(value.z, activation)
            self.numbers[id(value)] = len(self.layers)
            self.kept.append(value)
        return (self.numbers[id(value)],)

    def _add(self, z, activation):
        """The next layer; the columns of the one before come first."""
        k = len(self.layers)
        widths = [self._width(source, z) for source in z.sources]
        if len(set(z.sources)) < len(z.sources) or k not in z.sources:
            raise FileFormatError(
                f"layer {k + 1} has the layers {list(z.sources)} as inputs, without the one "
                "before; branches cannot be read"
            )
        if sum(widths) != z.W.shape[1]:
            raise FileFormatError(
                f"layer {k + 1} has weights of shape {z.W.shape} for {sum(widths)} inputs"
            )
        starts = dict(zip(z.sources, np.cumsum(widths) - widths, strict=True))
        shortcuts = tuple(sorted(set(z.sources) - {k}))
        order = np.concatenate(
            [starts[s] + np.arange(dict(zip(z.sources, widths, strict=True))[s])
             for s in (k, *shortcuts)]
        )  # fmt: skip
        W = z.W if not shortcuts else z.W[:, order]
        self.layers.append(Layer(W, z.b, activation, shortcuts))

    def _width(self, source, z):
        if source:
            return len(self.layers[source - 1].W)
        if not self.n_in:
            if len(z.sources) > 1:
                raise FileFormatError("the first layer has more than the inputs")
            self.n_in = z.W.shape[1]
        return self.n_in

    # outputs

    def _output(self, name) -> _Output:
        value = self._value(name)
        if not isinstance(value, _Curve):
            raise FileFormatError(f"the output {name[:60]!r} is no layer")
        before = value
        for k, step in enumerate(value.steps):  # the earliest that is an activation
            before = replace(value, y=step.before, steps=())
            activation = _activation(before)
            if activation is not None:
                return _Output(name, before, activation, value.steps[k:])
        activation = _activation(replace(value, steps=()) if value.steps else value)
        if activation is None:
            raise _unknown_activation()
        return _Output(name, value, activation, ())

    def _last(self, output):
        if id(output.curve) in self.numbers:
            raise FileFormatError("its output is a hidden layer as well")
        self._add(output.curve.z, output.activation)

    def _scaling(self, output) -> dict[str, np.ndarray]:
        found = {}
        n_out = len(self.layers[-1].W)
        inputs = self.inputs or _Inputs()
        pairs = [("x", self.n_in, inputs.mean, inputs.scale, inputs.is_scaled)]
        if output is not None and output.rest:
            scale, mean = _affine(output.rest)
            pairs.append(("y", n_out, mean, scale, True))
        for side, n, mean, scale, is_there in pairs:
            if is_there:
                for kind, value in (("mean", mean), ("scale", scale)):
                    found[f"{side}_{kind}"] = _vector(np.asarray(value, np.float64), n, "scaling")
        return found

    def _with_heads(self, outputs) -> Found:
        """Several outputs, which part the units of one layer."""
        wholes = {id(one.curve.part[0]) for one in outputs if one.curve.part}
        at = 0
        for one in outputs:
            if len(wholes) != 1 or not one.curve.part or one.curve.part[1] != at or one.rest:
                raise FileFormatError(
                    f"it has the outputs {[one.name for one in outputs]}, which are not the parts "
                    "of one layer side by side; leave one of them"
                )
            at += len(one.curve.z.W)
        whole = outputs[0].curve.part[0]
        if at != len(whole.W):
            raise FileFormatError(f"its outputs have {at} of the {len(whole.W)} units of a layer")
        self._add(whole, Activation("identity"))
        heads = [(one.name, len(one.curve.z.W), one.activation) for one in outputs]
        dtype = common_dtype([layer.W for layer in self.layers])
        return Found(self.layers, self._scaling(None), dtype, heads)


def _activation(curve) -> Activation | None:
    if curve.softmax:
        return Activation(curve.softmax) if not curve.steps else None
    return None if curve.y is None else activation_of(curve.y)


def _unknown_activation():
    from ..kernels.functions import ACTIVATIONS

    return FileFormatError("a layer has an activation that is none of " + ", ".join(ACTIVATIONS))


def _standardised(kind, values):
    """Arithmetic with the inputs and a constant."""
    value, constant = values[0], values[1] if len(values) == 2 else None
    if kind in ("Add", "Mul") and isinstance(constant, _Inputs):
        value, constant = constant, value
    if kind not in _ARITHMETIC or not isinstance(constant, np.ndarray):
        raise FileFormatError(f"a node {kind} changes the inputs in a way that is no scaling")
    c, mean, scale = _row(constant, kind).astype(np.float64), value.mean, value.scale
    lengths = {np.size(one) for one in (c, mean, scale)} - {1}
    if len(lengths) > 1:
        raise FileFormatError(f"the inputs are scaled by {sorted(lengths)} values")
    with np.errstate(all="ignore"):
        if kind in ("Add", "Sub"):
            mean = mean + (c if kind == "Sub" else -c) * scale
        else:
            scale = scale * c if kind == "Div" else scale / c
    return _Inputs(mean, scale, True)


def _with_constant(kind, values):
    """Arithmetic with a curve and a constant: a bias, part of an activation, or of the scaling."""
    is_first = isinstance(values[1], _Curve)  # the constant
    curve, constant = values[::-1] if is_first else values
    if not isinstance(constant, np.ndarray) or _row(constant, kind).size not in (
        1,
        len(curve.z.W),
    ):
        raise FileFormatError(f"a node {kind} has a constant that does not fit the layer")
    if kind == "Div" and is_first and not constant.ndim == 0 and constant.size > 1:
        raise FileFormatError("a node Div has a layer below the line")
    fits = constant.ndim > 0 and constant.size == len(curve.z.W)
    if kind == "Add" and fits and curve.is_plain and not curve.steps and curve.z.b is None:
        return replace(curve, z=replace(curve.z, b=constant.reshape(-1)), y=POINTS)
    y = None
    if curve.y is not None and constant.size == 1:
        pair = [curve.y, _number(constant)]
        y = evaluated(kind, pair[::-1] if is_first else pair, {})
    return replace(curve, y=y, steps=(*curve.steps, _Step(curve.y, kind, constant, is_first)))


def _folded(curve):
    """The curve with arithmetic unit by unit as a part of W and b."""
    if curve.y is not None or not curve.steps or curve.steps[0].before is not POINTS:
        return curve
    scale, shift = _affine(curve.steps)
    z = curve.z
    n = len(z.W)
    scale, shift = (np.broadcast_to(np.ravel(v), n).astype(z.W.dtype) for v in (scale, shift))
    b = shift if z.b is None else z.b * scale + shift
    return replace(curve, z=_Weighted(z.sources, z.W * scale[:, None], b), y=POINTS, steps=())


def _affine(steps):
    """Arithmetic with constants as (scale, shift)."""
    scale, shift = np.float64(1.0), np.float64(0.0)
    with np.errstate(all="ignore"):
        for step in steps:
            c = _row(step.constant, step.operator).astype(np.float64)
            if step.operator == "Mul":
                scale, shift = scale * c, shift * c
            elif step.operator == "Add":
                shift = shift + c
            elif step.operator == "Sub" and not step.is_first:
                shift = shift - c
            elif step.operator == "Sub":
                scale, shift = -scale, c - shift
            elif not step.is_first:
                scale, shift = scale / c, shift / c
            else:
                raise FileFormatError("it divides by a layer")
    return scale, shift


# constants


def _array(tensor) -> np.ndarray:
    """The numbers of a tensor; those of 2 bytes as float32."""
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise FileFormatError(
            f"the numbers of {tensor.name[:60]!r} are in another file, which is not opened; save "
            "the model in one file"
        )
    kinds = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT64,
             TensorProto.INT32)  # fmt: skip
    if tensor.data_type not in kinds:
        raise FileFormatError(f"{tensor.name[:60]!r} holds something else than real numbers")
    try:
        if min(tensor.dims, default=0) < 0:
            raise ValueError("a negative length")
        array = numpy_helper.to_array(tensor)
    except Exception as error:  # of several kinds, where the data do not fit the shape
        raise FileFormatError(
            f"{tensor.name[:60]!r} has other data than its shape: {type(error).__name__}"
        ) from None
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if not np.isfinite(array).all() and array.size > 1:
        raise FileFormatError(f"{tensor.name[:60]!r} holds nan or infinity")
    return array


def _attribute(one):
    from onnx import AttributeProto

    readers = {
        AttributeProto.FLOAT: lambda: one.f, AttributeProto.INT: lambda: one.i,
        AttributeProto.STRING: lambda: one.s, AttributeProto.INTS: lambda: list(one.ints),
        AttributeProto.FLOATS: lambda: list(one.floats),
        AttributeProto.TENSOR: lambda: _array(one.t),
    }  # fmt: skip
    if one.type not in readers:
        raise FileFormatError(f"the attribute {one.name[:60]!r} holds no number")
    return readers[one.type]()


def _only(attributes, kind, *known):
    unknown = sorted(attributes.keys() - set(known))
    if unknown:
        raise FileFormatError(f"a node {kind} has the attributes {unknown}")


def _factor(attributes, name, dtype):
    value = attributes.get(name, 1.0)
    if not isinstance(value, float):
        raise FileFormatError(f"{name} of a node Gemm is no number")
    return dtype.type(value)


def _whole(attributes, name, default) -> int:
    value = attributes.get(name, default)
    if type(value) is not int:
        raise FileFormatError(f"the attribute {name} is no whole number")
    return value


def _row(value, kind) -> np.ndarray:
    """A constant that is the same for every sample, as a vector, or as a number."""
    if value.dtype.kind not in "fiu" or (value.ndim and value.shape[-1] != value.size):
        raise FileFormatError(f"a node {kind} has a constant of shape {value.shape}")
    return value.reshape(-1) if value.ndim else value


def _matrix(value, kind) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype.kind != "f":
        raise FileFormatError(f"the weights of a node {kind} are no constant matrix")
    if not value.size:
        raise FileFormatError(f"the weights of a node {kind} are empty")
    return value


def _vector(value, n, kind) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.size not in (1, n):
        raise FileFormatError(f"a node {kind} has a vector that does not fit {n} units")
    return np.broadcast_to(value.reshape(-1), n).copy()


def _number(value) -> float:
    if isinstance(value, np.ndarray) and value.size == 1:
        return float(value.reshape(-1)[0])
    if value is None:
        return None  # type: ignore[return-value]
    raise FileFormatError("an activation has constants that differ from unit to unit")


def _passed_on(kind, value, attributes):
    """Identity, a change between float32 and float64, or dropout, which does nothing here."""
    from onnx import TensorProto

    if kind == "Cast" and _whole(attributes, "to", 0) not in (
        TensorProto.FLOAT,
        TensorProto.DOUBLE,
    ):
        raise FileFormatError("a node Cast goes to something else than float32 and float64")
    return value
