"""Tables as text of svmlight: a label and the values that are not 0."""

from array import array

import numpy as np

from ..errors import FileFormatError
from ..inputs.unpacking import REMEDY, too_large
from .cells import COLUMN
from .table import Table
from .text_files import check_text, lines_of

_ENTRY = 150  # bytes of memory, measured, of an entry of a sparse row while that is read


def read_svmlight(data: bytes, source: str, limit: int) -> Table:
    """Labels, and the values that are not 0, written out densely."""
    check_text(data, source)
    labels, numbers, rows, indices = array("d"), array("d"), array("q"), array("q")
    lines = (part for line in lines_of(data) for part in line.splitlines())
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
    if (8 * len(labels) + COLUMN) * (last + 1) > limit:
        what = f"has {len(labels)} rows and indices up to {last}, too many to write out"
        raise too_large(source, what, limit, REMEDY)
    X = np.zeros((last + 1 - first, len(labels)))  # a row here is a column of the table
    X[np.array(indices) - first, np.array(rows)] = numbers
    names = (*(f"x{index}" for index in range(first, last + 1)), "label")
    return Table(names, [*X, np.array(labels)], source, sparse=True)
