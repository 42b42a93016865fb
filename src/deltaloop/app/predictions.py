"""What `deltaloop predict` writes: one line of CSV for every row of the data."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from ..errors import InvalidInputError
from ..network import Network
from ..parts.losses import LOSSES
from ..tables import Table
from ..tables.cells import is_number
from ..tabular import Model
from ..tabular.preparation import of_metadata
from ..tabular.targets import class_name
from ..text import visible
from .columns import cells_of, named_columns, values_of
from .intervals import half_widths
from .trained import outputs

_BLOCK = 4096  # rows that are written at a time
_DIVIDES = re.compile('[,;\t\r\n"]')  # a comma here, a semicolon or a tab elsewhere
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # what a formula begins with, in both widths

Columns = list[tuple[str, Callable[[slice], Iterator[str]]]]  # name, and the cells of some rows


def predict_lines(net: Network, table: Table, ids: Sequence[str] = ()) -> Iterator[str]:
    """The header, then blocks of lines.

    First the columns of the table that shall be kept. With class names then: the name, the
    probability that the network gives it, and that of every class (outputs, where the loss makes
    them no probabilities). Without: the outputs, in the units of the target, each with the ends of
    its interval where the network knows one.

    Raises
    ------
    InvalidInputError
        The columns of the table are not what the network needs.
    """
    kept = named_columns(table, ids)
    X = inputs_of(net, table)
    metadata = net.metadata or {}
    out = outputs(net, X, bool(metadata.get("logs")))
    columns = [_kept(name, values_of(table, name)) for name in kept]
    made = _of_several(net, out) if metadata.get("kinds") else _of_one(net, out)
    # a name that is taken, as that of a target which is known and kept
    columns += [(f"predicted {name}" if name in kept else name, each) for name, each in made]
    return _lines(columns, len(out))


def known_columns(net: Network) -> tuple[str, ...]:
    """Names of the columns that the network takes; none if it knows of none."""
    preparation = of_metadata(net.metadata)
    return () if preparation is None else preparation.names


def inputs_of(net: Network, table: Table) -> np.ndarray:
    """The inputs of a table, as the network knows its columns; it may know of none: then all.

    Raises
    ------
    InvalidInputError
        The columns are not what the network needs.
    """
    preparation = of_metadata(net.metadata)
    if preparation is None:
        n_in, n_columns = net.sizes[0], len(table.columns)
        if n_columns != n_in:
            advice = "give a file with one column for every input"
            if n_columns == n_in + 1:
                advice = "remove the column of the target"
            raise InvalidInputError(
                f"{table.source!r} has {n_columns} columns, the network takes {n_in} inputs; "
                f"{advice}"
            )
        return np.column_stack([_plain(table, name) for name in table.columns])
    return preparation.transform(table)


def _plain(table, name):
    """A column of numbers, none of them missing."""
    values = table.column(name)
    if getattr(values, "dtype", None) == np.float64:
        return values
    row, cell = next(
        (row, cell)
        for row, cell in enumerate(cells_of(values_of(table, name)))
        if not is_number(cell or "")
    )
    raise InvalidInputError(
        f"column {name!r} of {table.source!r} must be numeric, row {row + 1} holds {cell!r}; "
        "correct the cell"
    )


def _kept(name, values):
    """A column of the table as it was."""

    def cells(rows):
        return map(_harmless, (cell or "" for cell in cells_of(values[rows])))

    return name, cells


def _of_one(net, out) -> Columns:
    """One target of classes, or values."""
    metadata = net.metadata or {}
    n_out = out.shape[1]
    if net.classes is not None:
        if len(net.classes) != n_out:
            raise InvalidInputError(
                f"the network has {net.sizes[-1]} outputs and names {len(net.classes)} classes; "
                "set net.classes to one name for every output, or to None, and save it again"
            )
        kind = "output" if LOSSES[net.loss_name].is_distance else "probability"
        return _classes(metadata.get("target") or "class", net.classes, out, kind)
    names = metadata.get("target")
    if n_out == 1:
        names = [names or "y"]
    if not isinstance(names, list) or len(names) != n_out:
        names = [f"y{k}" for k in range(1, n_out + 1)]
    widths = half_widths(metadata, n_out)
    columns = []
    for k, name in enumerate(names):
        width = None if widths is None else widths[k]
        columns += _values(name, out[:, k], width, _decimals(net, k))
    return columns


def _of_several(net, out) -> Columns:
    """Several targets of which some are classes."""
    model = Model.of_network(net)
    widths = half_widths(net.metadata, model.kinds.count(None))
    left = iter([None] * len(model.kinds) if widths is None else widths)
    columns = []
    for name, values, part in model.parted(out):
        if values is None:
            columns += _values(name, part[:, 0], next(left), None)
        else:
            probability = f"probability of {name}"
            columns += _classes(name, tuple(map(class_name, values)), part, probability, " ")
    return columns


def _values(name, value, width, digits) -> Columns:
    """Outputs, and what they may be off."""
    columns = []
    ends = [] if width is None else [(" low", -width), (" high", width)]
    for suffix, shift in [("", 0.0), *ends]:
        shifted = (value + shift).astype(value.dtype) if shift else value
        written = _number if digits is None else partial(_decimal, digits)
        columns.append(_numbers(f"{name}{suffix}", shifted, written))
    return columns


def _decimals(net, k):
    """Digits after the point that a float32 network tells of an output in the user's units.

    None: as many as tell the value from its neighbours.
    """
    logs = (net.metadata or {}).get("logs")
    if net.dtype != np.float32 or logs or net.scaling is None or net.scaling.y_scale is None:
        return None
    step = float(net.scaling.y_scale[k]) * float(np.finfo(np.float32).eps)
    if step == 0:
        return None
    digits = math.ceil(-math.log10(step))
    return digits if digits >= 0 else None


def _classes(target, classes, out, kind, between=" of ") -> Columns:
    """The class that is chosen and its probability, then those of all classes."""
    names, chosen = [_harmless(name) for name in classes], out.argmax(axis=1)
    return [
        (target, lambda rows: (names[k] for k in chosen[rows])),
        _numbers(kind, out.max(axis=1), _rounded),
        *(_numbers(f"{kind}{between}{name}", out[:, k], _rounded)
          for k, name in enumerate(classes)),
    ]  # fmt: skip


def _numbers(name, values, written):
    return name, lambda rows: map(written, values[rows])


def _rounded(value):
    return f"{value:.6g}"


def _number(value):
    """As many digits as tell the value from its neighbours in its dtype."""
    if value and not 1e-5 <= abs(value) < 1e15:
        return str(value)
    return np.format_float_positional(value, trim="0")


def _decimal(digits, value):
    """Rounded as the decimal that it shall be: 10^digits is no exact float beyond 10^22."""
    return _number(float(f"{value:.{digits}f}"))


def _harmless(name):
    """A name that is no formula for a spreadsheet and no command for a terminal.

    As OWASP advises, "CSV Injection": what begins like a formula, and is no number, gets a '.
    """
    name = visible(str(name), kept="\t\n")
    is_formula = name.startswith(("\t", "\n")) or name.lstrip().startswith(_FORMULA)
    return f"'{name}" if is_formula and not is_number(name) else name


def _lines(columns, n_rows):
    """CSV text in blocks of lines."""
    yield _line(_harmless(name) for name, _ in columns)
    for first in range(0, n_rows, _BLOCK):
        rows = slice(first, first + _BLOCK)
        cells = [list(written(rows)) for _, written in columns]
        yield "".join(map(_line, zip(*cells, strict=True)))


def _line(cells):
    """Cells between commas; quoted where any program could find more than one cell in one."""
    return ",".join(map(_quoted, cells)) + "\n"


def _quoted(cell):
    return '"' + cell.replace('"', '""') + '"' if _DIVIDES.search(cell) else cell
