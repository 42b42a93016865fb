"""Tables from files: CSV and its kin, NumPy arrays, svmlight."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import FileFormatError, InvalidInputError
from ..inputs.paths import as_path, is_special
from ..inputs.unpacking import REMEDY, memory_limit, too_large
from .arrays import read_npy, read_npz
from .delimited import read_delimited
from .svmlight import read_svmlight
from .table import Table
from .text_files import unpacked

_DELIMITERS = {".csv": "\t;,", ".tsv": "\t", ".txt": "\t;, "}
_READERS: dict[str, Callable[[bytes, str, int], Table]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".svm": read_svmlight,
    ".libsvm": read_svmlight,
    ".svmlight": read_svmlight,
}


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
    >>> from deltaloop.tables import read
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "fruit.csv")
    >>> _ = path.write_text("mass,colour,fruit\n150,red,apple\n120,yellow,lemon\n")
    >>> table = read(path)
    >>> table.columns
    ('mass', 'colour', 'fruit')
    >>> [column.tolist() for column in table.values]
    [[150.0, 120.0], ['red', 'yellow'], ['apple', 'lemon']]
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
        data = unpacked(data, source, limit)
    if not data or data.isspace():
        raise FileFormatError(f"{source!r} is empty; a table needs at least one row")
    if ending in _DELIMITERS:
        table = read_delimited(data, _DELIMITERS[ending], header, source, limit)
    else:
        table = _READERS[ending](data, source, limit)
    return replace(table, limit=limit)
