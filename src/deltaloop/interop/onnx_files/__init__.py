"""Networks as .onnx files, one node for every step of `predict`, scaling and class names included.

The description that our own files have goes along as a property of the model; the numbers are those
of the graph. What is read may come from other tools: see `reading`.
"""

import base64
import json
import os
from types import ModuleType

import numpy as np

from ...errors import FileFormatError, missing
from ...inputs.unpacking import memory_limit, too_large
from ..archive import Contents, refuse_special
from ..plain_layers import Meant, refuse_given
from ..whole_file import whole_file
from .reading import found_in
from .writing import DERIVED, model_of

_DESCRIPTION, _MASKS = "deltaloop", "deltaloop_masks"
_MOST_BYTES = 2**31 - 1  # of a message of protobuf


def _package() -> ModuleType:
    try:
        import onnx
    except ImportError:
        raise missing("onnx", "onnx", "ONNX") from None
    return onnx


def write(contents: Contents, path) -> None:
    """Write a network."""
    onnx = _package()
    model, derived = model_of(contents)
    masks = {
        name: base64.b64encode(np.packbits(array).tobytes()).decode()
        for name, array in contents.arrays.items()
        if name.startswith("mask")
    }
    properties = {_DESCRIPTION: contents.text(), DERIVED: json.dumps(derived)}
    if masks:
        properties[_MASKS] = json.dumps(masks)
    onnx.helper.set_model_props(model, properties)
    data = model.SerializeToString()
    with whole_file(path) as file:
        file.write(data)


def read(path: str, meant: Meant) -> Contents:
    """A network that `write` wrote, or a chain of dense layers that another tool exported.

    Raises
    ------
    FileFormatError
        It is damaged, or does what no network here does.
    """
    onnx = _package()
    refuse_given(meant, path)
    refuse_special(path)
    limit = memory_limit(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > _MOST_BYTES or 8 * size > limit:
            raise too_large(path, f"has {size} bytes", limit, "it is no network")
        data = file.read(size)
    try:
        model = onnx.ModelProto.FromString(data)
    except MemoryError:
        raise
    except Exception as error:  # of protobuf, which has a class of its own for it
        raise FileFormatError(
            f"{path} is no whole ONNX file (damaged or cut short?): {type(error).__name__}"
        ) from None
    properties = {one.key: one.value for one in model.metadata_props}
    try:
        found = found_in(model, set(_json(properties.get(DERIVED, "[]"), list)))
        if _DESCRIPTION not in properties:
            return found.contents()
        masks = _json(properties.get(_MASKS, "{}"), dict)
        return found.described_by(path, properties[_DESCRIPTION], masks)
    except UnicodeDecodeError:
        raise FileFormatError(f"{path} holds a name that is no text") from None


def _json(text, kind):
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise FileFormatError("a property of deltaloop is damaged; remove those properties")
    return found
