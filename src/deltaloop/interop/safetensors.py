"""Networks as .safetensors: 8 bytes with the length of a JSON header, the header, the arrays.

The header has dtype, shape and place of every array, and in `__metadata__` the description that our
own files have. Source: https://github.com/huggingface/safetensors, "Format".
"""

import json
import math
import os
from typing import Any

import numpy as np

from ..errors import FileFormatError
from ..inputs.unpacking import memory_limit, too_large
from .archive import Contents, description_of, refuse_special
from .plain_layers import Meant, of_named_weights, refuse_given
from .whole_file import whole_file

_MOST_HEADER = 16_000_000  # bytes; more than the description of any network
_MAGIC = "deltaloop"  # the key of the description
_DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items() if name != "BF16"}


def write(contents: Contents, path) -> None:
    """Write a network; arrays are little-endian and row-major, one after the other."""
    header: dict[str, Any] = {"__metadata__": {_MAGIC: contents.text()}}
    blocks, at = [], 0
    # the largest elements first: every array is aligned then
    arrays = sorted(contents.arrays.items(), key=lambda one: -one[1].dtype.itemsize)
    for name, array in arrays:
        block = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        end = at + block.nbytes
        kind = _NAMES[block.dtype]
        header[name] = {"dtype": kind, "shape": list(block.shape), "data_offsets": [at, end]}
        blocks.append(block)
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with whole_file(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for block in blocks:
            file.write(block.tobytes())


def read(path: str, meant: Meant) -> Contents:
    """A network that `write` wrote, or NAME.weight and NAME.bias of layers from elsewhere.

    Raises
    ------
    FileFormatError
        It is damaged, or no such network.
    """
    arrays, metadata = _read(path)
    if _MAGIC in metadata:
        refuse_given(meant, path)
        return Contents(description_of(path, metadata[_MAGIC]), arrays)
    return of_named_weights(arrays, meant, path, sort=True)


def _read(path):
    """The arrays of a file by their names, and its metadata."""
    refuse_special(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        n_header = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= n_header <= min(_MOST_HEADER, size - 8):
            raise _damaged(path, f"its header cannot have {n_header} bytes in a file of {size}")
        entries, metadata = _header(path, file.read(n_header), size - 8 - n_header)
        limit = memory_limit(path)
        # numbers of 2 bytes become float32
        if sum(end - start for _, _, _, start, end in entries) * 2 > limit:
            raise too_large(path, "holds arrays", limit, "it is no network")
        arrays = {}
        for name, kind, shape, start, end in entries:
            file.seek(8 + n_header + start)
            data = file.read(end - start)
            if len(data) < end - start:
                raise _damaged(path, f"it ends within {name!r}")
            arrays[name] = _array(data, kind, shape)
        return arrays, metadata


def _header(path, text, n_data):
    """Name, dtype, shape and place of every array, which fill the rest of the file; metadata."""
    try:
        header = json.loads(text.decode(), object_pairs_hook=_no_name_twice)
        metadata = header.pop("__metadata__", {})
        entries = [_entry(name, entry) for name, entry in header.items()]
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("__metadata__ holds more than texts")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"its header makes no sense: {str(error)[:200]}") from None
    at = 0
    for name, _, _, start, end in sorted(entries, key=lambda entry: entry[3:]):
        if start != at:
            raise _damaged(path, f"{name!r} begins at {start}, expected {at}: arrays must not "
                                 "overlap nor leave holes")  # fmt: skip
        at = end
    if at != n_data:
        raise _damaged(path, f"its arrays have {at} bytes, and {n_data} follow the header")
    return entries, metadata


def _entry(name, entry):
    """Name, dtype, shape, start and end of an array that has just the bytes of its shape."""
    kind, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    numbers = [*shape, start, end]
    whole = all(type(number) is int and 0 <= number < 2**63 for number in numbers)
    if not whole or len(shape) > 8:
        raise ValueError(f"{name!r} has a shape or data_offsets that no array has")
    if kind not in _DTYPES:
        raise ValueError(f"{name!r} has dtype {kind!r}, expected one of {', '.join(_DTYPES)}")
    n_bytes = np.dtype(_DTYPES[kind]).itemsize
    if n_bytes * math.prod(max(1, length) for length in shape) >= 2**63:  # also beside a 0
        raise ValueError(f"{name!r} has shape {shape}, which no array has")
    for length in shape:
        n_bytes *= length
    if end - start != n_bytes:
        raise ValueError(f"{name!r} of shape {shape} has {n_bytes} bytes, not {end - start}")
    return name, kind, tuple(shape), start, end


def _no_name_twice(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it has a name twice")
    return found


def _array(data, kind, shape):
    """The array, floats of 2 bytes as float32."""
    array = np.frombuffer(data, _DTYPES[kind]).reshape(shape)
    if kind == "BF16":  # the upper half of a float32
        return (array.astype(np.uint32) << 16).view(np.float32)
    if kind == "F16":
        return array.astype(np.float32)
    if kind == "BOOL":
        return array.view(np.uint8) != 0
    return array.astype(array.dtype.newbyteorder("="))


def _damaged(path, why):
    return FileFormatError(f"{path} is no whole safetensors file: {why}")
