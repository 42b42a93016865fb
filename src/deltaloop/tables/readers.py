"""Tables from files: CSV and its kin, Parquet, JSON, NumPy arrays, svmlight, FANN."""

import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..errors import InvalidInputError
from ..inputs.paths import as_path, is_special
from ..inputs.unpacking import REMEDY, memory_limit, too_large
from .arrays import read_npy, read_npz
from .columnar import read_json, read_parquet
from .delimited import TEXT_ENDINGS, Options, check_options, read_delimited
from .fann import read_fann
from .queries import read_query
from .svmlight import read_svmlight
from .table import Table
from .text_files import empty, gunzipped, temporary_copy, unpacked
from .zstandard import unzstandard

# From the whole content, in memory.
_READERS: dict[str, Callable[[bytes, str, int], Table]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".svm": read_svmlight,
    ".libsvm": read_svmlight,
    ".svmlight": read_svmlight,
    ".train": read_fann,
}
# From the file, by DuckDB.
_COLUMNAR: dict[str, Callable[[str, str, int], Table]] = {
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
}
_ENDINGS = [*TEXT_ENDINGS, *_COLUMNAR, *_READERS]


def read(
    path: str | os.PathLike[str],
    *,
    header: bool | None = None,
    text: str | Sequence[str] = (),
    decimal: str | None = None,
    expected: Collection[str] = (),
    skip_bad_lines: bool = False,
    numbers: str | Sequence[str] = (),
    missing: str | Sequence[str] = (),
    query: str | None = None,
    max_memory: float | None = None,
) -> Table:
    r"""Read a table from a file; the ending of its name tells the format.

    ========================= =================================================================
    .csv .txt .dat .data      cells between commas, semicolons, tabs, bars or runs of blanks
    .tsv .tab .psv            cells between tabs; between bars
    .parquet .pq              Parquet; its types decide
    .jsonl .ndjson .json      one JSON object a line, or one list of objects
    .npy                      2-d array, or structured array with one field a column
    .npz                      arrays `X` (2-d) and `y` (the last column), or one 2-d array
    .svm .libsvm .svmlight    ``label index:value ...`` a line, comments after #, qid ignored;
                              columns x1, x2, ... (from x0 if index 0 occurs), then `label`
    .train                    pairs of FANN: columns x1, x2, ... and y, or y1, y2, ...
    ========================= =================================================================

    All but Parquet may be compressed with gzip (``.csv.gz``), text and JSON with Zstandard
    (``.csv.zst``). Text, Parquet and JSON are read by DuckDB (extra ``cli``), which is told all
    that it could guess. What was decided and is not plain to see is in `Table.notes`.

    Text is UTF-8, UTF-16 or Latin-1, with any line ends. Cells may be in quotes; blanks around
    cells are dropped, blank lines skipped, and so are lines on top that begin with #. Of two
    delimiters that divide the first 100 rows evenly, the one that leaves more numbers is taken. A
    comma after the last cell of rows, of the header or both is no cell.

    A column is numeric when every cell is a number; empty cells, NA, N/A, NaN, null and ? (in any
    case of letters) are missing, and in numeric columns also signs such as ``-`` and ``.``. Decimal
    commas, and signs between thousands, are decided by the cells of the column. Dates in ISO or
    another plain form become datetime64; the order of day and month is told by a number above 12,
    else by habit, with a note. Everything else is `Text`. Numbers with one unit in a whole column,
    or with %, are refused, as nobody knows what to do with them.

    Parameters
    ----------
    path : str or path-like
        The file.
    header : bool or None, default None
        Whether the first row of a text names the columns. None decides. It does when it has a word
        over numbers or dates; in a table of words alone, when its cells all differ and none occurs
        again in its own column; and when a row of the data would look like it less than once in 50
        times: numbers that rise in even steps, that are whole above fractions, that are in quotes
        above others that are not, or are farther from those below than these from one another; and
        words that never occur again above ones that do. The last of these rules is told of in a
        note, as is a first row that is suspicious but counts as data. Columns without a name are
        called x1, x2, ... by their position.
    text : str or sequence of str, default ()
        Columns of a text file that are `Text` whatever they hold, by name or number from 1.
    decimal : {'.', ','}, optional
        The sign before fractions, where columns leave that open: 1,234 may be above 1000.
    expected : collection of str, default ()
        Names that the columns should have: a first row with all of them is a header.
    skip_bad_lines : bool, default False
        Leave out lines of a text with too many or too few cells, with a note; else they are an
        error.
    numbers : str or sequence of str, default ()
        Columns of a text file, by name or number from 1, whose cells are the first number in them:
        of 5 kg, 12 %, $1,200, < 0.5; (5) and 5- are negative. Cells without one are missing.
    missing : str or sequence of str, default ()
        What stands for missing cells besides the signs above, such as -999; in all columns.
    query : str, optional
        A query in SQL about the database that the file is; see `read_query`. Only with
        max_memory, since a database knows its columns.
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
        columns of numbers with units, or would take more memory than is allowed. All that is wrong
        with a text is told at once.
    MissingDependencyError
        When DuckDB is not installed, and the file is text, Parquet or JSON.
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
    options = check_options(
        Options(header, text, decimal, expected, skip_bad_lines, numbers, missing)
    )
    source = as_path(path)
    if query is not None:
        for name in [*options.given, *(["expected"] if expected else [])]:
            raise InvalidInputError(
                f"{name} says how cells are read, but query asks a database; leave {name} out"
            )
        return read_query(query, source, max_memory=max_memory)
    ending, packing = check_file(source)
    check_heeded(options, ending, source)
    with readable(source):
        limit = memory_limit(source, max_memory)
        n_bytes = os.path.getsize(source)
        if n_bytes > limit:
            raise too_large(source, f"has {n_bytes} bytes", limit, REMEDY)
        if not n_bytes:
            raise empty(source)
        if ending in _READERS:
            data = Path(source).read_bytes()
            if packing:
                data = unpacked(data, source, limit)
            if not data or data.isspace():
                raise empty(source)
            table = _READERS[ending](data, source, limit)
        else:
            with unpacked_file(source, packing, limit) as plain:
                if ending in TEXT_ENDINGS:
                    table = read_delimited(plain, TEXT_ENDINGS[ending], options, source, limit)
                else:
                    table = _COLUMNAR[ending](plain, source, limit)
    return replace(table, limit=limit)


def is_text(path: str) -> bool:
    """Whether the name is that of a text of cells, compressed or not."""
    name = path.lower().removesuffix(".gz").removesuffix(".zst")
    return Path(name).suffix in TEXT_ENDINGS


def check_heeded(options: Options, ending: str, source: str) -> None:
    """Refuse options that say how cells of a text are read where the file is none."""
    for name in options.given if ending not in TEXT_ENDINGS else ():
        raise InvalidInputError(
            f"{name} (--{name.replace('_', '-')}) says how cells of a text are read, but "
            f"{source!r} is none; leave it out"
        )


@contextmanager
def readable(source: str) -> Iterator[None]:
    """One error for all that the system says where a file cannot be read."""
    try:
        yield
    except OSError as error:
        raise InvalidInputError(f"cannot read {source!r}: {error.strerror or error}") from error


def check_file(source: str) -> tuple[str, str]:
    """The ending of a file that can be read, and that of its compression ('' for none)."""
    name = source.lower()
    packing = Path(name).suffix if name.endswith((".gz", ".zst")) else ""
    ending = Path(name.removesuffix(packing)).suffix
    if source == "-" and not os.path.exists(source):
        raise InvalidInputError(
            "'-' would be the standard input, which cannot be read, since tables are read more "
            "than once; write what the pipe gives to a file first (cat > table.csv)"
        )
    if os.path.isdir(source):
        raise InvalidInputError(f"{source!r} is a directory; give the name of a file in it")
    if not os.path.exists(source):
        raise InvalidInputError(f"there is no file {source!r}; check the name and the directory")
    if is_special(source):  # it could give data for ever, or never any
        raise InvalidInputError(
            f"{source!r} is no ordinary file; write what the pipe or device gives to a file first"
        )
    if ending not in _ENDINGS:
        raise InvalidInputError(
            f"unknown file ending {ending!r} of {source!r}, expected one of "
            f"{', '.join(map(repr, _ENDINGS))} (and .gz or .zst); save the table as CSV, or rename "
            "the file"
        )
    if packing and (ending in (".parquet", ".pq") or (packing == ".zst" and ending in _READERS)):
        raise InvalidInputError(
            f"{source!r}: files {ending} cannot be compressed with {packing}; unpack it"
        )
    return ending, packing


@contextmanager
def unpacked_file(source: str, packing: str, limit: int) -> Iterator[str]:
    """The path of the file, or of its content for as long as it is needed."""
    if not packing and not set(source) & set("*?[") and source.isprintable():
        yield source
        return
    if not packing:  # DuckDB would look for a pattern, and knows names in UTF-8 only
        with tempfile.TemporaryDirectory(prefix="deltaloop-") as folder:
            link = os.path.join(folder, "table")
            os.symlink(os.path.abspath(source), link)
            yield link
        return
    unpack = gunzipped if packing == ".gz" else unzstandard
    with temporary_copy(unpack(source, source, limit)) as path:
        if not os.path.getsize(path):
            raise empty(source)
        yield path
