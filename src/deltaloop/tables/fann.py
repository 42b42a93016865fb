"""Tables as training files of FANN: pairs of a line of inputs and a line of outputs."""

import warnings

import numpy as np

from ..errors import FileFormatError
from ..inputs.unpacking import REMEDY, too_large
from .cells import COLUMN, is_number
from .table import Table
from .text_files import check_text


def read_fann(data: bytes, source: str, limit: int) -> Table:
    """Inputs x1, x2, ... and outputs y (or y1, y2, ...), one pair a row."""
    check_text(data, source)
    data = data.removeprefix(b"\xef\xbb\xbf")
    if len(data) + 16 * (len(data) // 2) > limit:  # two copies of numbers such as "1 1 1"
        raise too_large(source, f"has {len(data)} bytes of numbers", limit, REMEDY)
    head = [token.decode() for token in data[:200].split(None, 3)[:3]]
    if len(head) < 3 or not all(one.isdecimal() and len(one) < 19 and int(one) for one in head):
        raise FileFormatError(
            f"{source!r} must begin with three whole numbers above 0, those of pairs, inputs and "
            f"outputs, got {' '.join(head)[:40]!r}; write it with fann_save_train"
        )
    n_pairs, n_in, n_out = map(int, head)
    width = n_in + n_out
    if COLUMN * width + 8 * n_pairs * width > limit:
        what = f"claims {n_pairs} pairs of {n_in} inputs and {n_out} outputs"
        raise too_large(source, what, limit, REMEDY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what NumPy stops at is a warning to it
        try:
            numbers = np.fromstring(data.decode(), np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            raise FileFormatError(_wrong_cell(data, source)) from None
    if len(numbers) - 3 != n_pairs * width:
        raise FileFormatError(
            f"{source!r} announces {n_pairs} pairs of {n_in} inputs and {n_out} outputs, which are "
            f"{n_pairs * width} numbers, and has {len(numbers) - 3}; correct its first line, or "
            "copy it again"
        )
    block = numbers[3:].reshape(n_pairs, width)
    names = [f"x{number}" for number in range(1, n_in + 1)]
    names += ["y"] if n_out == 1 else [f"y{number}" for number in range(1, n_out + 1)]
    return Table(tuple(names), list(np.ascontiguousarray(block.T)), source, named=False)


def _wrong_cell(data: bytes, source: str) -> str:
    """Where something stands that is no number."""
    for number, line in enumerate(data.splitlines(), 1):
        for token in line.split():
            cell = token.decode()
            if not is_number(cell):
                return (
                    f"line {number} of {source!r}: {cell[:40]!r} is no number; lines of inputs and "
                    "of outputs follow each other, with numbers between blanks"
                )
    return f"{source!r} holds something that is no number; write it with fann_save_train"
