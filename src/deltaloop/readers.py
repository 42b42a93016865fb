"""Tables from files: CSV and its kin, NumPy arrays, svmlight.

table = read("flowers.csv")
X, feature_names, y, target_name = table.split("species")
"""

import csv
import io
import os
from array import array
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from .encoding import (
    column_from_cells,
    is_missing,
    is_number,
    shortened,
)
from .errors import FileFormatError, InvalidInputError
from .inputs.checks import any_size
from .inputs.paths import as_path, is_special
from .inputs.unpacking import (
    REMEDY,
    Header,
    archived_header,
    array_header,
    checked,
    gunzip,
    memory_limit,
    too_large,
)
from .tables import Table

# Bytes of memory, measured: of a cell as text of more than one character, of a column with its
# name, and of an entry of a sparse row while that is read.
_TEXT_CELL, _COLUMN, _ENTRY = 80, 1000, 150
_PIECE = 2**20


def read(
    path: str | os.PathLike[str], *, header: bool | None = None, max_memory: float | None = None
) -> Table:
    r"""Read a table from a file; the ending of its name tells the format.

    ====================== ====================================================================
    .csv                   cells between commas, semicolons or tabs, whichever divides the
                           first 50 rows evenly (tabs before semicolons before commas)
    .tsv                   cells between tabs
    .txt                   as .csv, or cells between blanks
    .npy                   2-d array, or structured array with one field a column
    .npz                   arrays `X` (2-d) and `y` (the last column of the table), or one 2-d array
    .svm .libsvm .svmlight ``label index:value ...`` a line, comments after #, qid ignored; columns
                           x1, x2, ... (from x0 if index 0 occurs) are followed by `label`
    ====================== ====================================================================

    Each may be compressed (``.csv.gz``). Text is UTF-8, with or without a byte order mark, with any
    line ends. Cells may be in double quotes; blanks around cells are dropped and blank lines
    skipped. A column is numeric when every cell is a number; empty cells, NA, N/A, NaN, null and
    ? (in any case of letters) are missing.

    Parameters
    ----------
    path : str or path-like
        The file.
    header : bool or None, default None
        Whether the first row of a .csv, .tsv or .txt file names the columns. None decides: it does
        when one of its cells is no number though the column below it is numeric. In a table without
        numbers, it does when its cells all differ and none occurs again below, in its own
        column. Columns without a name are called x1, x2, ... by their position.
    max_memory : float, optional
        Memory that the table may take, in GiB: a small file can hold, or claim, any amount of data.
        Default 2, or 32 times the size of the file where that is more. It is estimated before
        the data are read; a quarter of it may be the content of a compressed file.

    Returns
    -------
    Table

    Raises
    ------
    InvalidInputError
        When the file does not exist, is a pipe or a device, cannot be opened, or has an unknown
        ending.
    FileFormatError
        When its content is not what the ending promises, is empty, has rows of different length,
        or would take more memory than is allowed.
    InvalidTypeError
        When `path` is no path.

    References
    ----------
    T. Joachims, SVM-light, section "How to use", for the svmlight format.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from deltaloop import readers
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "fruit.csv")
    >>> _ = path.write_text("mass,colour,fruit\n150,red,apple\n120,yellow,lemon\n")
    >>> X, feature_names, y, target_name = readers.read(path).split()
    >>> feature_names, target_name
    (('mass', 'colour=red', 'colour=yellow'), 'fruit')
    >>> X.tolist(), y.tolist()
    ([[150.0, 1.0, 0.0], [120.0, 0.0, 1.0]], ['apple', 'lemon'])
    >>> folder.cleanup()
    """
    source = as_path(path)
    ending = Path(source.lower().removesuffix(".gz")).suffix
    if os.path.isdir(source):
        raise InvalidInputError(f"{source!r} is a directory; give the name of a file in it")
    if not os.path.exists(source):
        raise InvalidInputError(f"there is no file {source!r}; check the name and the directory")
    if is_special(source):  # it could give data for ever, or never any
        raise InvalidInputError(
            f"{source!r} is no ordinary file; write what the pipe or device gives to a file first"
        )
    if ending not in _READERS and ending not in _DELIMITERS:
        accepted = ", ".join(map(repr, [*_DELIMITERS, *_READERS]))
        raise InvalidInputError(
            f"unknown file ending {ending!r} of {source!r}, expected one of {accepted} (and .gz); "
            "save the table as CSV, or rename the file"
        )
    try:
        limit = memory_limit(source, max_memory)
        if os.path.getsize(source) > limit:
            raise too_large(source, f"has {os.path.getsize(source)} bytes", limit, REMEDY)
        data = Path(source).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {source!r}: {error.strerror or error}") from error
    if source.lower().endswith(".gz"):
        data = _unpack(data, source, limit)
    if not data or data.isspace():
        raise FileFormatError(f"{source!r} is empty; a table needs at least one row")
    if ending in _DELIMITERS:
        _check_text(data, source)
        table = _read_delimited(data, _DELIMITERS[ending], header, source, limit)
    else:
        table = _READERS[ending](data, source, limit)
    return replace(table, limit=limit)


def _unpack(data: bytes, source: str, limit: int) -> bytes:
    """The content of a .gz file; beside it the table has to find room."""
    import zlib

    try:
        content = gunzip(data, limit // 4)
        if content is None:
            raise too_large(
                source,
                f"unpacks to more than {limit / 2**32:.3g} GiB, and a table needs four times that",
                limit,
                REMEDY,
            )
        return content
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(
            f"{source!r} is no whole gzip file ({error}); copy it again"
        ) from None


def _check_text(data: bytes, source: str) -> None:
    """Refuse what is no UTF-8 text; piece by piece, as text of Python may be four times as long."""
    decoder, is_empty = getincrementaldecoder("utf-8-sig")(), True
    for start in range(0, len(data), _PIECE):
        try:
            text = decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
        except UnicodeDecodeError as error:
            at = min(start + _PIECE, len(data)) - len(error.object) + error.start
            line = data.count(b"\n", 0, at) + 1
            raise FileFormatError(
                f"{source!r} is not UTF-8 text: byte 0x{data[at]:02x} in line {line}; "
                "save it as UTF-8"
            ) from None
        is_empty = is_empty and not text.strip()
    if b"\0" in data:
        raise FileFormatError(f"{source!r} holds zero bytes, so it is no text; save it as UTF-8")
    if is_empty:
        raise FileFormatError(f"{source!r} is empty; a table needs at least one row")


def _lines(data: bytes) -> io.TextIOWrapper:
    """The lines of a UTF-8 text, with their ends as they are."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")


def _read_delimited(
    data: bytes, delimiters: str, header: bool | None, source: str, limit: int
) -> Table:
    """Rows of cells; the names of the columns from the first row if it is a header."""
    n_lines = data.count(b"\n") + data.count(b"\r") + 1

    def check(delimiter: str, width: int = 0, per_text: int = 0) -> None:
        n_cells = n_lines + data.count(delimiter.encode())  # at most
        # cells of one character share it, and others have a delimiter and two bytes at least
        n_texts = min(n_cells, (len(data) - n_cells) // 2)
        width = max(width, n_cells // n_lines)
        if len(data) + 8 * n_cells + per_text * n_texts + _COLUMN * width > limit:
            raise too_large(source, f"has about {n_cells} cells", limit, REMEDY)

    for one in delimiters:
        check(one)
    delimiter, width = _sniff(data, delimiters)
    check(delimiter, width)
    quick = _read_numbers(data, delimiter, header)
    if quick:
        top, values = quick
    else:
        check(delimiter, width, _TEXT_CELL)
        rows = _rows(data, delimiter, source)
        columns = list(zip(*rows, strict=True))
        if header is None:
            header = _has_header(columns)
        if header and len(rows) == 1:
            raise FileFormatError(
                f"{source!r} holds only a header, {shortened(rows[0])}; add rows below it"
            )
        top = rows[0] if header else None
        values = [column_from_cells(cells[1:] if header else cells) for cells in columns]
    names = [f"x{number}" for number in range(1, len(values) + 1)]
    if top:
        names = [cell.strip() or name for cell, name in zip(top, names, strict=True)]
    return Table(tuple(names), values, source, named=bool(top))


def _read_numbers(
    data: bytes, delimiter: str, header: bool | None
) -> tuple[list[str] | None, list[np.ndarray]] | None:
    """Header (if any) and columns of a table of numbers only, some ten times faster; else None."""
    reader = _cells(data, delimiter)
    rows = (row for row in reader if not _is_blank(row))
    try:
        top = next(rows)
        below = reader.line_num
        if header is None:
            header = any(not is_number(cell) and not is_missing(cell) for cell in top)
        if header and next(rows, None) is None:
            return None
        skipped = below if header else 0
        block = np.loadtxt(
            _lines(data), delimiter=delimiter, comments=None, skiprows=skipped, ndmin=2
        )
    except (csv.Error, ValueError):
        return None
    if block.shape[1] != len(top):
        return None
    return top if header else None, list(block.T)


def _cells(data: bytes, delimiter: str) -> Any:
    """The csv reader for a text."""
    lines: Iterator[str] = _lines(data)
    if delimiter == " ":
        lines = (f"{part.strip()}\n" for line in lines for part in line.splitlines())
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def _sniff(data: bytes, delimiters: str) -> tuple[str, int]:
    """The first that divides the first 50 rows evenly, else the one most frequent on top.

    With the number of cells in the first row.
    """
    for delimiter in delimiters:
        try:
            rows = islice(_cells(data, delimiter), 50)
            widths = {len(row) for row in rows if not _is_blank(row)}
        except csv.Error:
            continue
        if len(widths) == 1 and widths != {1}:
            return delimiter, widths.pop()
    top = next(line.lstrip() for line in _lines(data) if line.strip())
    delimiter = max(delimiters, key=top.count)
    return delimiter, top.count(delimiter) + 1


def _rows(data: bytes, delimiter: str, source: str) -> list[list[str]]:
    """All rows that are not blank, of one length."""
    rows: list[list[str]] = []
    reader = _cells(data, delimiter)
    top = width = 0
    try:
        for row in reader:
            if len(row) != width or width < 2:
                if _is_blank(row):
                    continue
                if not rows:
                    top, width = reader.line_num, len(row)
                elif len(row) != width:
                    raise FileFormatError(
                        f"line {reader.line_num} of {source!r} has {len(row)} cells where line "
                        f"{top} has {width}; all need the same number (delimiter {delimiter!r})"
                    )
            rows.append(row)
    except csv.Error as error:
        raise FileFormatError(
            f"line {reader.line_num} of {source!r} is no row of a table ({error}); check its quotes"
        ) from None
    return rows


def _is_blank(row: list[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip())


def _has_header(columns: Sequence[tuple[str, ...]]) -> bool:
    """Decide by the rule in the docstring of `read`."""
    top = [cells[0] for cells in columns]
    words = [not is_number(cell) and not is_missing(cell) for cell in top]
    for cells, is_word in zip(columns, words, strict=True):
        if is_word and len(cells) > 1 and column_from_cells(cells[1:]).dtype.kind == "f":
            return True
    if not all(words) or len(set(top)) < len(top):
        return False
    return all(cells[0] not in cells[1:] for cells in columns)


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


def _read_npy(data: bytes, source: str, limit: int) -> Table:
    """One array."""
    names = _columns(
        _load(lambda: array_header(io.BytesIO(data), len(data)), source), source, limit
    )
    block = _load(lambda: np.lib.format.read_array(io.BytesIO(data), allow_pickle=False), source)
    return _from_block(block, names, source)


def _read_npz(data: bytes, source: str, limit: int) -> Table:
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
    needed = _COLUMN * n_columns + header.n_bytes + 8 * n_cells
    if is_text:  # decoded, and as one str a cell
        needed += 4 * header.n_bytes + _TEXT_CELL * n_cells
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
def _from_part(part: np.ndarray, source: str) -> np.ndarray:
    """One column as float64 or text."""
    if part.dtype.kind not in "US":
        return part.astype(np.float64)
    decoded = _load(
        lambda: np.char.decode(part, "utf-8") if part.dtype.kind == "S" else checked(part), source
    )
    return column_from_cells(decoded.tolist())


def _read_svmlight(data: bytes, source: str, limit: int) -> Table:
    """Labels, and the values that are not 0, written out densely."""
    _check_text(data, source)
    labels, numbers, rows, indices = array("d"), array("d"), array("q"), array("q")
    lines = (part for line in _lines(data) for part in line.splitlines())
    for line_number, line in enumerate(lines, 1):
        if 24 * len(indices) + _ENTRY * (len(line) // 4) > limit:  # as "1:1 1:1"
            raise too_large(source, f"has {len(indices)} entries and more", limit, REMEDY)
        items = line.partition("#")[0].split()
        item, seen = "", set()
        try:
            for item in items[:1]:
                labels.append(float(item))
            for item in items[1:]:
                index, _, number = item.partition(":")
                if index == "qid":
                    continue
                if index in seen or not index.isdecimal():
                    raise ValueError
                seen.add(index)
                rows.append(len(labels) - 1)
                indices.append(int(index))
                numbers.append(float(number))
        except (ValueError, OverflowError):
            raise FileFormatError(
                f"line {line_number} of {source!r}: cannot read {item[:40]!r}; expected "
                "'label index:value ...' with every index once, such as '+1 1:0.5 4:2'"
            ) from None
    if not indices:
        raise FileFormatError(f"{source!r} has no entry 'index:value'; add at least one")
    first, last = int(0 not in indices), max(indices)  # the file counts from 0 if an index 0 occurs
    if (8 * len(labels) + _COLUMN) * (last + 1) > limit:
        what = f"has {len(labels)} rows and indices up to {last}, too many to write out"
        raise too_large(source, what, limit, REMEDY)
    X = np.zeros((last + 1 - first, len(labels)))  # a row here is a column of the table
    X[np.array(indices) - first, np.array(rows)] = numbers
    names = (*(f"x{index}" for index in range(first, last + 1)), "label")
    return Table(names, [*X, np.array(labels)], source, sparse=True)


_DELIMITERS = {".csv": "\t;,", ".tsv": "\t", ".txt": "\t;, "}
_READERS: dict[str, Callable[[bytes, str, int], Table]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".svm": _read_svmlight,
    ".libsvm": _read_svmlight,
    ".svmlight": _read_svmlight,
}
