"""Tables as NumPy arrays: files .npy and .npz, of which nothing is unpickled."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..errors import FileFormatError
from ..inputs.checks import any_size
from ..inputs.unpacking import (
    REMEDY,
    Header,
    archived_header,
    array_header,
    checked,
    too_large,
)
from .cells import COLUMN, TEXT_CELL, Column, column_from_cells, shortened
from .table import Table


def _load(open_file: Callable[[], Any], source: str) -> Any:
    """What NumPy reads, with one error for the dozen that it raises on foreign bytes."""
    try:
        return open_file()
    except Exception as error:
        # what NumPy does not know it takes for objects, and advises to load them without safety
        reason = "damaged, or with Python objects" if "pickle" in str(error) else error
        raise FileFormatError(
            f"{source!r} is no file of plain NumPy arrays ({reason}); write it with numpy.save or "
            "numpy.savez, from arrays of numbers or text"
        ) from error


def read_npy(data: bytes, source: str, limit: int) -> Table:
    """One array."""
    names = _columns(
        _load(lambda: array_header(io.BytesIO(data), len(data)), source), source, limit
    )
    block = _load(lambda: np.lib.format.read_array(io.BytesIO(data), allow_pickle=False), source)
    return _from_block(block, names, source)


def npy_pieces(path: str, rows: int, limit: int) -> Iterator[Table]:
    """Tables of some rows of an array that stays in its file."""
    block = _load(lambda: np.load(path, mmap_mode="r", allow_pickle=False), path)
    if not isinstance(block, np.ndarray):
        raise FileFormatError(f"{path!r} is an archive of arrays; name it .npz")
    shape = (min(rows, len(block)), *block.shape[1:]) if block.ndim else ()
    names = _columns(Header(shape, block.dtype), path, limit)
    for start in range(0, len(block), rows):
        yield _from_block(np.array(block[start : start + rows]), names, path)


def read_npz(data: bytes, source: str, limit: int) -> Table:
    """X and y, or the only array."""
    if data.startswith(b"PK"):
        archive = _load(lambda: np.load(io.BytesIO(data), allow_pickle=False), source)
        names = list(archive.files)
    else:
        _load(lambda: array_header(io.BytesIO(data), len(data)), source)
        names = []
    if len(names) != 1 and not {"X", "y"} <= set(names):
        raise FileFormatError(
            f"{source!r} holds {f'the arrays {shortened(names)}' if names else 'no named array'}, "
            "expected X and y, or a single array; write it with numpy.savez(path, X=X, y=y)"
        )
    parts = names if len(names) == 1 else ["X", "y"]
    headers = _load(lambda: [archived_header(archive, name) for name in parts], source)
    if len(names) == 1:
        columns = _columns(headers[0], source, limit)
        return _from_block(_load(lambda: archive[names[0]], source), columns, source)
    X_shape, y_shape = (header.shape for header in headers)
    if len(X_shape) != 2 or y_shape not in ((X_shape[0],), (X_shape[0], 1)):
        raise FileFormatError(
            f"X of {source!r} must be 2-d (n_samples, n_features) and y 1-d with as many, "
            f"got the shapes {X_shape} and {y_shape}; save other shapes"
        )
    columns = _columns(headers[0], source, limit)
    _columns(Header((y_shape[0], 1), headers[1].dtype), source, limit, unnamed=("y",))
    X, y = _load(lambda: (archive["X"], archive["y"]), source)
    features = _from_block(X, columns, source)
    values = [*features.values, _from_part(y.reshape(-1), source)]
    return Table((*features.columns, "y"), values, source, named=False)


def _columns(
    header: Header, source: str, limit: int, unnamed: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Names of the columns of a 2-d array, or of a structured one, which can become a table."""
    shape, dtype = header
    names = dtype.names or unnamed
    if len(shape) != (1 if dtype.names else 2) or 0 in shape:
        raise FileFormatError(
            f"the array of {source!r} must be 2-d (n_samples, n_features), or 1-d with named "
            f"fields, and not empty; got the shape {shape} and the dtype {dtype}"
        )
    n_columns = len(dtype.names or range(shape[1]))
    dtypes = [dtype[name] for name in dtype.names or ()] or [dtype]
    is_text = any(one.kind in "US" for one in dtypes)
    n_cells = shape[0] * n_columns
    needed = COLUMN * n_columns + header.n_bytes + 8 * n_cells
    if is_text:  # decoded, and as one str a cell
        needed += 4 * header.n_bytes + TEXT_CELL * n_cells
    if needed > limit:
        raise too_large(source, f"has an array of the shape {shape} and {dtype}", limit, REMEDY)
    names = names or tuple(f"x{number}" for number in range(1, n_columns + 1))
    for name, one in zip(names, dtypes, strict=False):
        if one.kind not in "biufUS":
            raise FileFormatError(
                f"column {name!r} of {source!r} has the dtype {one.base} and the shape "
                f"{(*shape[:1], *one.shape)}; save one number, boolean or text a row"
            )
    return names


def _from_block(block: np.ndarray, names: tuple[str, ...], source: str) -> Table:
    """The columns of a 2-d array, or the fields of a structured one."""
    fields = block.dtype.names
    parts = [block[name] for name in fields] if fields else block.T
    return Table(
        fields or names, [_from_part(part, source) for part in parts], source, named=bool(fields)
    )


@any_size
def _from_part(part: np.ndarray, source: str) -> Column:
    """One column as float64 or text."""
    if part.dtype.kind not in "US":
        return part.astype(np.float64)
    decoded = _load(
        lambda: np.char.decode(part, "utf-8") if part.dtype.kind == "S" else checked(part), source
    )
    return column_from_cells(decoded.tolist())
