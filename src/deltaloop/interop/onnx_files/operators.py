"""What the operators of a graph make of their inputs."""

from dataclasses import replace

import numpy as np

from ...errors import FileFormatError
from ..curves import POINTS, evaluated
from .arithmetic import ARITHMETIC, folded, standardised, with_constant
from .constants import factor, matrix, number, passed_on, refuse_others, vector, whole
from .layers import Layers
from .parts import Curve, Inputs, Joined, Weighted

PASS_ON = ("Identity", "Cast", "Dropout")
LAYERS = ("Gemm", "MatMul", "Concat", "Split", "Flatten", "Softmax", "LogSoftmax", "Transpose",
          "Constant")  # fmt: skip


class Operators:
    """Operators by name, over the layers found so far."""

    def __init__(self, layers: Layers, opset: int):
        self.layers, self.opset = layers, opset

    def results(self, kind: str, values: list, attributes: dict, n: int) -> list:
        """What a node with these inputs and `n` outputs gives."""
        if kind in PASS_ON:
            return [passed_on(kind, values[0], attributes)]
        if kind == "Split":
            return self._split(values, attributes, n)
        if kind in LAYERS:
            return [getattr(self, f"_{kind.lower()}")(values, attributes)]
        return [self._elementwise(kind, values, attributes)]

    def _constant(self, values, attributes):
        found = [attributes[key] for key in ("value", "value_float", "value_floats", "value_int",
                                             "value_ints") if key in attributes]  # fmt: skip
        if len(found) != 1:
            raise FileFormatError("a node Constant holds no number")
        return np.asarray(found[0])

    def _transpose(self, values, attributes):
        W = matrix(values[0], "Transpose")
        if attributes.get("perm", [1, 0]) != [1, 0]:
            raise FileFormatError("a node Transpose does not swap rows and columns")
        return W.T

    def _flatten(self, values, attributes):
        if whole(attributes, "axis", 1) != 1:
            raise FileFormatError("a node Flatten has another axis than 1")
        return values[0]

    def _concat(self, values, attributes):
        if whole(attributes, "axis", 0) not in (1, -1):
            raise FileFormatError("a node Concat has another axis than 1")
        joined = tuple(number for value in values for number in self.layers.sources(value))
        if len(set(joined)) < len(joined):
            raise FileFormatError("a node Concat has a layer twice")
        return Joined(joined)

    def _gemm(self, values, attributes):
        refuse_others(attributes, "Gemm", "alpha", "beta", "transA", "transB")
        if whole(attributes, "transA", 0) or not 2 <= len(values) <= 3:
            raise FileFormatError("a node Gemm transposes its samples, or lacks its weights")
        W = matrix(values[1], "Gemm")
        W = (W if whole(attributes, "transB", 0) else W.T) * factor(attributes, "alpha", W.dtype)
        b = None
        if len(values) == 3:
            b = vector(values[2], len(W), "Gemm") * factor(attributes, "beta", W.dtype)
        return self._weighted(values[0], W, b)

    def _matmul(self, values, attributes):
        if len(values) != 2:
            raise FileFormatError("a node MatMul has not two inputs")
        return self._weighted(values[0], matrix(values[1], "MatMul").T, None)

    def _weighted(self, value, W, b):
        if isinstance(value, np.ndarray):
            raise FileFormatError("samples are to be multiplied by W, not W by samples")
        return Curve(Weighted(self.layers.sources(value), W, b), POINTS)

    def _softmax(self, values, attributes, name="softmax"):
        axis = whole(attributes, "axis", 1 if self.opset < 13 else -1)
        if axis not in (1, -1) or not isinstance(values[0], Curve):
            raise FileFormatError(f"a {name} is not over the units of a layer")
        curve = folded(values[0])
        if not curve.is_plain:
            raise FileFormatError(f"a {name} follows another activation")
        return replace(curve, y=None, softmax=name)

    def _logsoftmax(self, values, attributes):
        return self._softmax(values, attributes, "log_softmax")

    def _split(self, values, attributes, n):
        curve = values[0]
        sizes = attributes.get("split", values[1] if len(values) > 1 else None)
        if whole(attributes, "axis", 0) not in (1, -1) or not isinstance(curve, Curve):
            raise FileFormatError("a node Split does not part the units of a layer")
        curve = folded(curve)
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
            z = Weighted(curve.z.sources, curve.z.W[first : first + size], b)
            parts.append(Curve(z, POINTS, part=(curve.z, first)))
            first += size
        return parts

    def _elementwise(self, kind, values, attributes):
        curves = [value for value in values if isinstance(value, Curve)]
        if any(isinstance(value, Inputs) for value in values):
            return standardised(kind, values)
        if not curves or any(isinstance(value, Joined) for value in values):
            raise FileFormatError(f"a node {kind} is not applied to the units of a layer")
        if kind in ARITHMETIC and len(values) == 2 and len(curves) == 1:
            return with_constant(kind, values)
        if len(curves) == 1:
            curves = [folded(curves[0])]
            values = [curves[0] if isinstance(value, Curve) else value for value in values]
        z = curves[0].z
        if any(one.z is not z for one in curves):
            raise FileFormatError(f"a node {kind} joins two layers, which no network here does")
        if any(one.y is None for one in curves):
            raise FileFormatError(f"a node {kind} follows a softmax, or numbers unit by unit")
        points = [value.y if isinstance(value, Curve) else number(value) for value in values]
        return replace(curves[0], y=evaluated(kind, points, attributes), steps=())
