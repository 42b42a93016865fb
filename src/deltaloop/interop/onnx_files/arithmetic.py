"""Arithmetic of a graph with constants: scaling, biases, and parts of activations."""

from dataclasses import replace

import numpy as np

from ...errors import FileFormatError
from ...kernels.functions import ACTIVATIONS
from ...parts.activations import Activation
from ..curves import POINTS, activation_of, evaluated
from .constants import number, row
from .parts import Curve, Inputs, Step, Weighted

ARITHMETIC = ("Add", "Sub", "Mul", "Div")


def activation_at(curve) -> Activation | None:
    """The activation that the curve is; None: it is none of ours."""
    if curve.softmax:
        return Activation(curve.softmax) if not curve.steps else None
    return None if curve.y is None else activation_of(curve.y)


def unknown_activation():
    """The error that says so."""
    return FileFormatError("a layer has an activation that is none of " + ", ".join(ACTIVATIONS))


def standardised(kind, values):
    """Arithmetic with the inputs and a constant."""
    value, constant = values[0], values[1] if len(values) == 2 else None
    if kind in ("Add", "Mul") and isinstance(constant, Inputs):
        value, constant = constant, value
    if kind not in ARITHMETIC or not isinstance(constant, np.ndarray):
        raise FileFormatError(f"a node {kind} changes the inputs in a way that is no scaling")
    c, mean, scale = row(constant, kind).astype(np.float64), value.mean, value.scale
    lengths = {np.size(one) for one in (c, mean, scale)} - {1}
    if len(lengths) > 1:
        raise FileFormatError(f"the inputs are scaled by {sorted(lengths)} values")
    with np.errstate(all="ignore"):
        if kind in ("Add", "Sub"):
            mean = mean + (c if kind == "Sub" else -c) * scale
        else:
            scale = scale * c if kind == "Div" else scale / c
    return Inputs(mean, scale, True)


def with_constant(kind, values):
    """Arithmetic with a curve and a constant: a bias, part of an activation, or of the scaling."""
    is_first = isinstance(values[1], Curve)  # the constant
    curve, constant = values[::-1] if is_first else values
    if not isinstance(constant, np.ndarray) or row(constant, kind).size not in (
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
        pair = [curve.y, number(constant)]
        y = evaluated(kind, pair[::-1] if is_first else pair, {})
    return replace(curve, y=y, steps=(*curve.steps, Step(curve.y, kind, constant, is_first)))


def folded(curve):
    """The curve with arithmetic unit by unit as a part of W and b."""
    if curve.y is not None or not curve.steps or curve.steps[0].before is not POINTS:
        return curve
    scale, shift = affine(curve.steps)
    z = curve.z
    n = len(z.W)
    scale, shift = (np.broadcast_to(np.ravel(v), n).astype(z.W.dtype) for v in (scale, shift))
    b = shift if z.b is None else z.b * scale + shift
    return replace(curve, z=Weighted(z.sources, z.W * scale[:, None], b), y=POINTS, steps=())


def affine(steps):
    """Arithmetic with constants as (scale, shift)."""
    scale, shift = np.float64(1.0), np.float64(0.0)
    with np.errstate(all="ignore"):
        for step in steps:
            c = row(step.constant, step.operator).astype(np.float64)
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
