"""Constants and attributes of nodes, checked: anything else is refused."""

import numpy as np

from ...errors import FileFormatError


def array_of(tensor) -> np.ndarray:
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


def attribute_of(one):
    """The value of an attribute of a node."""
    from onnx import AttributeProto

    readers = {
        AttributeProto.FLOAT: lambda: one.f, AttributeProto.INT: lambda: one.i,
        AttributeProto.STRING: lambda: one.s, AttributeProto.INTS: lambda: list(one.ints),
        AttributeProto.FLOATS: lambda: list(one.floats),
        AttributeProto.TENSOR: lambda: array_of(one.t),
    }  # fmt: skip
    if one.type not in readers:
        raise FileFormatError(f"the attribute {one.name[:60]!r} holds no number")
    return readers[one.type]()


def refuse_others(attributes, kind, *known):
    """An error for attributes that are not known."""
    unknown = sorted(attributes.keys() - set(known))
    if unknown:
        raise FileFormatError(f"a node {kind} has the attributes {unknown}")


def factor(attributes, name, dtype):
    """An attribute that is a real number; 1 where it is left out."""
    value = attributes.get(name, 1.0)
    if not isinstance(value, float):
        raise FileFormatError(f"{name} of a node Gemm is no number")
    return dtype.type(value)


def whole(attributes, name, default) -> int:
    """An attribute that is a whole number."""
    value = attributes.get(name, default)
    if type(value) is not int:
        raise FileFormatError(f"the attribute {name} is no whole number")
    return value


def row(value, kind) -> np.ndarray:
    """A constant that is the same for every sample, as a vector, or as a number."""
    if value.dtype.kind not in "fiu" or (value.ndim and value.shape[-1] != value.size):
        raise FileFormatError(f"a node {kind} has a constant of shape {value.shape}")
    return value.reshape(-1) if value.ndim else value


def matrix(value, kind) -> np.ndarray:
    """A constant that can be W."""
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype.kind != "f":
        raise FileFormatError(f"the weights of a node {kind} are no constant matrix")
    if not value.size:
        raise FileFormatError(f"the weights of a node {kind} are empty")
    return value


def vector(value, n, kind) -> np.ndarray:
    """A constant for n units, or one for all of them."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.size not in (1, n):
        raise FileFormatError(f"a node {kind} has a vector that does not fit {n} units")
    return np.broadcast_to(value.reshape(-1), n).copy()


def number(value) -> float:
    """A constant that is the same for all units; None stays None."""
    if isinstance(value, np.ndarray) and value.size == 1:
        return float(value.reshape(-1)[0])
    if value is None:
        return None  # type: ignore[return-value]
    raise FileFormatError("an activation has constants that differ from unit to unit")


def passed_on(kind, value, attributes):
    """Identity, a change between float32 and float64, or dropout, which does nothing here."""
    from onnx import TensorProto

    if kind == "Cast" and whole(attributes, "to", 0) not in (
        TensorProto.FLOAT,
        TensorProto.DOUBLE,
    ):
        raise FileFormatError("a node Cast goes to something else than float32 and float64")
    return value
