"""Arrays of an exported header: parameters and scaling as C constants."""

import warnings

import numpy as np

from ...errors import DeltaloopWarning, InvalidInputError
from ...inputs.checks import converted

_VALUES_PER_LINE = 8
_ROUGH = 1e-4  # of a standard deviation
LARGEST_INT8 = 127


def literals(values, dtype) -> list[str]:
    """Every value as a C constant that reads back as exactly the same number."""
    suffix = "f" if dtype == np.float32 else ""
    return [text + suffix for text in np.ravel(values).astype(dtype).astype(str).tolist()]


def array(name, values, dtype, constant=True, flash=False) -> str:
    """Definition of an array: one or more lines for every row of values."""
    rows = np.atleast_2d(values)
    size = " * ".join(map(str, np.shape(values)))
    kind = "const " if constant else ""
    place = " UPPER_IN_FLASH" if flash else ""
    lines = [f"static {kind}{c_type(dtype)} {name}[{size}]{place} = {{"]
    for row in rows:
        texts = literals(row, dtype)
        for first in range(0, len(texts), _VALUES_PER_LINE):
            lines.append("    " + ", ".join(texts[first : first + _VALUES_PER_LINE]) + ",")
    return "\n".join([*lines, "};", ""])


def c_type(dtype) -> str:
    """The C name of a dtype."""
    name = np.dtype(dtype).name
    return {"float32": "float", "float64": "double"}.get(name, f"{name}_t")


def int8_of(W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W (n_out, n_in) as q s: whole numbers q from -127 to 127, and one scale s for each unit.

    s_j = max_k |W_jk| / 127 and q_jk = W_jk / s_j, rounded: W is off by s_j / 2 at most.
    """
    scale = (np.abs(W).max(axis=1) / LARGEST_INT8).astype(W.dtype)
    divisor = np.where(scale > 0, scale, 1).astype(np.float64)
    q = np.rint(W / divisor[:, None])
    return q.clip(-LARGEST_INT8, LARGEST_INT8).astype(np.int8), scale


def parameters(net, writing):
    """W and b of every layer, in the 1-based names of the mathematics."""
    for index, (W, b) in enumerate(zip(net.W, net.b, strict=True), start=1):
        if writing.weights == "int8":
            q, scale = int8_of(W)
            yield array(f"NAME_W{index}", q.T, q.dtype, flash=writing.progmem)
            yield array(f"NAME_s{index}", scale, net.dtype, flash=writing.progmem)
        else:
            yield array(f"NAME_W{index}", W.T, net.dtype, not writing.learn, writing.progmem)
        if b is not None:
            yield array(f"NAME_b{index}", b, net.dtype, not writing.learn, writing.progmem)
        if writing.momentum:
            kind = c_type(net.dtype)
            yield f"static {kind} NAME_vW{index}[{' * '.join(map(str, W.T.shape))}];\n"
            if b is not None:
                yield f"static {kind} NAME_vb{index}[{len(b)}];\n"


def scaling_arrays(net) -> dict[str, np.ndarray]:
    """Arrays of the scaling by name, in the dtype of the network; empty without scaling."""
    arrays = {}
    for side in ("x", "y"):
        mean = getattr(net.scaling, f"{side}_mean", None)
        if mean is None:
            continue
        scale = getattr(net.scaling, f"{side}_scale")
        arrays[f"{side}_mean"] = converted(f"{side}_mean", mean, net.dtype)
        rest = (mean - arrays[f"{side}_mean"]).astype(net.dtype)
        if rest.any():  # float32: x - mean would lose digits where the mean is large
            arrays[f"{side}_rest"] = rest
        arrays[f"{side}_scale"] = converted(f"{side}_scale", scale, net.dtype)
        if (np.abs(scale) < np.finfo(net.dtype).tiny).any() and net.dtype == np.float32:
            raise InvalidInputError(
                f"{side}_scale has values below the range of float32 (smallest magnitude "
                f"{np.abs(scale).min():g}); rescale the data or use dtype='float64'"
            )
        if net.dtype == np.float32:
            _warn_of_rounding(side, np.abs(arrays[f"{side}_mean"]), np.abs(scale))
    return arrays


def _warn_of_rounding(side, mean, scale):
    """The header takes and gives floats: they are rounded before their mean is taken off."""
    lost = np.spacing(mean) / scale
    if lost.max() > _ROUGH:
        warnings.warn(
            f"{side} of the header is float, in which numbers near {mean[lost.argmax()]:g} are "
            f"{lost.max():.1g} of a standard deviation apart: the program computes that much less "
            "exactly than predict; move the data towards 0 or use dtype='float64'",
            DeltaloopWarning,
            stacklevel=6,
        )
