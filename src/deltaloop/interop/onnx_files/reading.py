"""From a model of ONNX to the contents of a network: chains of dense layers, of many tools.

Every tensor of the graph is one of five things: a constant; the inputs, maybe standardised; several
layers side by side; or a curve, which is a function of the z = W a + b of one layer. What function
it is, is told by its values at some points (`curves`), so that all ways to write an activation are
read. Nothing of the file is run; operators that are not listed here are refused.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import FileFormatError
from ...parts.activations import Activation
from ..curves import OPERATORS
from ..plain_layers import common_dtype
from .arithmetic import activation_at, affine, unknown_activation
from .constants import array_of, attribute_of, vector
from .found import Found
from .layers import Layers
from .operators import LAYERS, PASS_ON, Operators
from .parts import Curve, Inputs, Output

_MOST_NODES = 100_000
_OLDEST_OPSET = 9


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
        self.graph, self.layers = model.graph, Layers()
        self.operators = Operators(self.layers, opset)
        self.values: dict[str, Any] = {}
        self.tensors = {one.name: one for one in self.graph.initializer}
        names = [one.name for one in self.graph.input if one.name not in self.tensors]
        if len(names) != 1:
            raise FileFormatError(f"it has the inputs {names}; a network here has one")
        self.values[names[0]] = Inputs()

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
            dtype = common_dtype([layer.W for layer in self.layers.found])
            return Found(self.layers.found, self._scaling(outputs[0]), dtype)
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
            self.values[name] = array_of(self.tensors[name])
        return self.values[name]

    def _take(self, node):
        """Work out a node."""
        kind = node.op_type
        if node.domain not in ("", "ai.onnx") or (
            kind not in OPERATORS and kind not in LAYERS and kind not in PASS_ON
        ):
            known = sorted({*OPERATORS, *LAYERS, *PASS_ON})
            name = f"{node.domain}.{kind}" if node.domain else kind
            raise FileFormatError(
                f"it has a node {name[:60]!r}, which no network here has; known are "
                + ", ".join(known)
            )
        attributes = {one.name: attribute_of(one) for one in node.attribute}
        values = [self._value(name) if name else None for name in node.input]
        while values and values[-1] is None:
            values.pop()
        if not values and kind != "Constant":
            raise FileFormatError(f"a node {kind} has no inputs")
        found = self.operators.results(kind, values, attributes, len(node.output))
        for name, value in zip(node.output, found, strict=False):
            self.values[name] = value

    def _output(self, name) -> Output:
        value = self._value(name)
        if not isinstance(value, Curve):
            raise FileFormatError(f"the output {name[:60]!r} is no layer")
        before = value
        for k, step in enumerate(value.steps):  # the earliest that is an activation
            before = replace(value, y=step.before, steps=())
            activation = activation_at(before)
            if activation is not None:
                return Output(name, before, activation, value.steps[k:])
        activation = activation_at(replace(value, steps=()) if value.steps else value)
        if activation is None:
            raise unknown_activation()
        return Output(name, value, activation, ())

    def _last(self, output):
        if id(output.curve) in self.layers.numbers:
            raise FileFormatError("its output is a hidden layer as well")
        self.layers.add(output.curve.z, output.activation)

    def _scaling(self, output) -> dict[str, np.ndarray]:
        found = {}
        n_out = len(self.layers.found[-1].W)
        inputs = self.layers.inputs or Inputs()
        pairs = [("x", self.layers.n_in, inputs.mean, inputs.scale, inputs.is_scaled)]
        if output is not None and output.rest:
            scale, mean = affine(output.rest)
            pairs.append(("y", n_out, mean, scale, True))
        for side, n, mean, scale, is_there in pairs:
            if is_there:
                for kind, value in (("mean", mean), ("scale", scale)):
                    found[f"{side}_{kind}"] = vector(np.asarray(value, np.float64), n, "scaling")
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
        self.layers.add(whole, Activation("identity"))
        heads = [(one.name, len(one.curve.z.W), one.activation) for one in outputs]
        dtype = common_dtype([layer.W for layer in self.layers.found])
        return Found(self.layers.found, self._scaling(None), dtype, heads)
