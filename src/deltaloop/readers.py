"""Tables from files: CSV and its kin, NumPy arrays, svmlight.

table = read("flowers.csv")
X, feature_names, y, target_name = table.split("species")
"""

import csv
import io
import os
from array import array
from collections.abc import Callable, Sequence
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
from .files import as_path, is_special
from .tables import Table

_MAX_DENSE = 2**29  # numbers of a sparse file written out: 4 GiB


def read(path: str | os.PathLike[str], *, header: bool | None = None) -> Table:
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

    Returns
    -------
    Table

    Raises
    ------
    InvalidInputError
        When the file does not exist, is a pipe or a device, cannot be opened, or has an unknown
        ending.
    FileFormatError
        When its content is not what the ending promises, is empty, or has rows of different length.
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
        data = Path(source).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"cannot read {source!r}: {error.strerror or error}") from error
    if source.lower().endswith(".gz"):
        data = _unpack(data, source)
    if not data.strip():
        raise FileFormatError(f"{source!r} is empty; a table needs at least one row")
    if ending in _DELIMITERS:
        return _read_delimited(_decode(data, source), _DELIMITERS[ending], header, source)
    return _READERS[ending](data, source)


def _unpack(data: bytes, source: str) -> bytes:
    """The content of a .gz file."""
    import gzip
    import zlib

    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(
            f"{source!r} is no whole gzip file ({error}); copy it again"
        ) from None


def _decode(data: bytes, source: str) -> str:
    """The text of a UTF-8 file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileFormatError(
            f"{source!r} is not UTF-8 text: byte 0x{data[error.start]:02x} in line {line}; "
            "save it as UTF-8"
        ) from None
    if "\0" in text:
        raise FileFormatError(f"{source!r} holds zero bytes, so it is no text; save it as UTF-8")
    if not text.strip():
        raise FileFormatError(f"{source!r} is empty; a table needs at least one row")
    return text


def _read_delimited(text: str, delimiters: str, header: bool | None, source: str) -> Table:
    """Rows of cells; the names of the columns from the first row if it is a header."""
    delimiter = _sniff(text, delimiters)
    quick = _read_numbers(text, delimiter, header)
    if quick:
        top, values = quick
    else:
        rows = _rows(text, delimiter, source)
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
    text: str, delimiter: str, header: bool | None
) -> tuple[list[str] | None, list[np.ndarray]] | None:
    """Header (if any) and columns of a table of numbers only, some ten times faster; else None."""
    reader = _cells(text, delimiter)
    rows = (row for row in reader if not _is_blank(row))
    try:
        top = next(rows)
        below = reader.line_num
        if header is None:
            header = any(not is_number(cell) and not is_missing(cell) for cell in top)
        if header and next(rows, None) is None:
            return None
        lines = io.StringIO(text, newline="")
        skipped = below if header else 0
        block = np.loadtxt(lines, delimiter=delimiter, comments=None, skiprows=skipped, ndmin=2)
    except (csv.Error, ValueError):
        return None
    if block.shape[1] != len(top):
        return None
    return top if header else None, list(block.T)


def _cells(text: str, delimiter: str) -> Any:
    """The csv reader for a text."""
    if delimiter == " ":
        text = "\n".join(line.strip() for line in text.splitlines())
    return csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )


def _sniff(text: str, delimiters: str) -> str:
    """The first that divides the first 50 rows evenly, else the one most frequent on top."""
    for delimiter in delimiters:
        try:
            rows = list(islice(_cells(text, delimiter), 50))
        except csv.Error:
            continue
        widths = {len(row) for row in rows if not _is_blank(row)}
        if len(widths) == 1 and widths != {1}:
            return delimiter
    top = text.lstrip().partition("\n")[0]
    return max(delimiters, key=top.count)


def _rows(text: str, delimiter: str, source: str) -> list[list[str]]:
    """All rows that are not blank, of one length."""
    rows: list[list[str]] = []
    reader = _cells(text, delimiter)
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


def _read_npy(data: bytes, source: str) -> Table:
    """One array."""
    block = _load(lambda: np.lib.format.read_array(io.BytesIO(data), allow_pickle=False), source)
    return _from_block(block, source)


def _read_npz(data: bytes, source: str) -> Table:
    """X and y, or the only array."""
    archive = _load(lambda: np.load(io.BytesIO(data), allow_pickle=False), source)
    names = list(getattr(archive, "files", ()))
    if len(names) == 1:
        return _from_block(_load(lambda: archive[names[0]], source), source)
    if not {"X", "y"} <= set(names):
        raise FileFormatError(
            f"{source!r} holds {f'the arrays {shortened(names)}' if names else 'no named array'}, "
            "expected X and y, or a single array; write it with numpy.savez(path, X=X, y=y)"
        )
    X, y = _load(lambda: (archive["X"], archive["y"]), source)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if X.ndim != 2 or y.ndim != 1 or len(X) != len(y):
        raise FileFormatError(
            f"X of {source!r} must be 2-d (n_samples, n_features) and y 1-d with as many, "
            f"got the shapes {X.shape} and {y.shape}; save other shapes"
        )
    features = _from_block(X, source)
    values = [*features.values, _from_part(y, "y", source)]
    return Table((*features.columns, "y"), values, source, named=False)


def _from_block(block: np.ndarray, source: str) -> Table:
    """The columns of a 2-d array, or the fields of a structured one."""
    fields = block.dtype.names
    if block.ndim != (1 if fields else 2) or not block.size:
        raise FileFormatError(
            f"the array of {source!r} must be 2-d (n_samples, n_features), or 1-d with named "
            f"fields, and not empty; got the shape {block.shape} and the dtype {block.dtype}"
        )
    names = fields or tuple(f"x{number}" for number in range(1, block.shape[1] + 1))
    parts = [block[name] for name in fields] if fields else list(block.T)
    values = [_from_part(part, name, source) for part, name in zip(parts, names, strict=True)]
    return Table(names, values, source, named=bool(fields))


def _from_part(part: np.ndarray, name: str, source: str) -> np.ndarray:
    """One column as float64 or text."""
    if part.ndim == 1 and part.dtype.kind in "biuf":
        with np.errstate(over="ignore"):
            return part.astype(np.float64)
    if part.ndim == 1 and part.dtype.kind in "US":
        text = (
            _load(lambda: np.char.decode(part, "utf-8"), source) if part.dtype.kind == "S" else part
        )
        return column_from_cells(text.tolist())
    raise FileFormatError(
        f"column {name!r} of {source!r} has the dtype {part.dtype} and the shape {part.shape}; "
        "save one number, boolean or text a row"
    )


def _read_svmlight(data: bytes, source: str) -> Table:
    """Labels, and the values that are not 0, written out densely."""
    labels, numbers, rows, indices = array("d"), array("d"), array("q"), array("q")
    for line_number, line in enumerate(_decode(data, source).splitlines(), 1):
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
    if len(labels) * (last + 1) > _MAX_DENSE:
        raise FileFormatError(
            f"{source!r} has {len(labels)} rows and indices up to {last}, too many to write "
            f"out (at most {_MAX_DENSE} numbers); check the indices, or select rows and columns"
        )
    X = np.zeros((last + 1 - first, len(labels)))  # a row here is a column of the table
    X[np.array(indices) - first, np.array(rows)] = numbers
    names = (*(f"x{index}" for index in range(first, last + 1)), "label")
    return Table(names, [*X, np.array(labels)], source, sparse=True)


_DELIMITERS = {".csv": "\t;,", ".tsv": "\t", ".txt": "\t;, "}
_READERS: dict[str, Callable[[bytes, str], Table]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".svm": _read_svmlight,
    ".libsvm": _read_svmlight,
    ".svmlight": _read_svmlight,
}
