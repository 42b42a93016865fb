"""What `deltaloop predict` writes: one line of CSV for every row of the data."""

import re
from collections.abc import Iterator

import numpy as np

from ..errors import InvalidInputError
from ..network import Network
from ..parts.losses import LOSSES
from ..tables import FeatureEncoding, Table
from ..tables.cells import is_number
from ..text import visible
from .modelling import chosen_class

_BLOCK = 4096  # rows that are written at a time
_DIVIDES = re.compile('[,;\t\r\n"]')  # a comma here, a semicolon or a tab elsewhere
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # what a formula begins with, in both widths


def predict_lines(net: Network, table: Table) -> Iterator[str]:
    """The header, then blocks of lines.

    With class names: the name, and the probability that the network gives it (the output, where
    the loss makes it no probability). Without: the outputs, in the units of the target.

    Raises
    ------
    InvalidInputError
        The columns of the table are not what the network needs.
    """
    out = net.predict(_inputs(net, table))
    if net.layers[-1].activation.name == "log_softmax":  # whose logarithms nobody asked for
        out = np.exp(out)
    target = net.metadata.get("target") if isinstance(net.metadata, dict) else None
    if net.classes is None:
        n_out = out.shape[1]
        names = [target or "y"] if n_out == 1 else [f"y{k}" for k in range(1, n_out + 1)]
        return _lines(names, (map(_number, row) for row in out))
    _check_classes(net, out.shape[1])
    chosen = chosen_class(out)
    value = out.max(axis=1) if out.shape[1] > 1 else np.where(chosen, out[:, 0], 1 - out[:, 0])
    kind = "output" if LOSSES[net.loss_name].is_distance else "probability"
    names = [_harmless(name) for name in net.classes]
    rows = zip((names[k] for k in chosen), (f"{v:.6g}" for v in value), strict=True)
    return _lines([target or "class", kind], rows)


def _inputs(net, table):
    """The inputs, by the encoding that was saved; without one, every column is an input."""
    n_in = net.sizes[0]
    if isinstance(net.metadata, dict) and "encoding" in net.metadata:
        return FeatureEncoding.from_dict(net.metadata["encoding"]).transform(table)
    n_columns = len(table.columns)
    if n_columns == n_in + 1:
        raise InvalidInputError(
            f"{table.source!r} has {n_columns} columns, the network takes {n_in} inputs; "
            "remove the column of the target"
        )
    if n_columns != n_in:
        raise InvalidInputError(
            f"{table.source!r} has {n_columns} columns, the network takes {n_in} inputs; "
            "give a file with one column for every input"
        )
    return FeatureEncoding(tuple((name, None) for name in table.columns)).transform(table)


def _check_classes(net, n_out):
    """Refuse class names that do not belong to the outputs one by one."""
    if len(net.classes) != (2 if n_out == 1 else n_out):
        raise InvalidInputError(
            f"the network has {n_out} outputs and names {len(net.classes)} classes; "
            "set net.classes to one name for every output, or to None, and save it again"
        )


def _number(value):
    """As many digits as tell the value from its neighbours in its dtype."""
    if value and not 1e-5 <= abs(value) < 1e15:
        return str(value)
    return np.format_float_positional(value, trim="0")


def _harmless(name):
    """A name that is no formula for a spreadsheet and no command for a terminal.

    As OWASP advises, "CSV Injection": what begins like a formula, and is no number, gets a '.
    """
    name = visible(str(name), kept="\t\n")
    is_formula = name.startswith(("\t", "\n")) or name.lstrip().startswith(_FORMULA)
    return f"'{name}" if is_formula and not is_number(name) else name


def _lines(header, rows):
    """CSV text in blocks of lines."""
    lines = [_line(map(_harmless, header))]
    for number, row in enumerate(rows, 1):
        lines.append(_line(row))
        if number % _BLOCK == 0:
            yield "".join(lines)
            lines.clear()
    yield "".join(lines)


def _line(cells):
    """Cells between commas; quoted where any program could find more than one cell in one."""
    return ",".join(map(_quoted, cells)) + "\n"


def _quoted(cell):
    return '"' + cell.replace('"', '""') + '"' if _DIVIDES.search(cell) else cell
