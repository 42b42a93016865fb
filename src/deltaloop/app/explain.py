"""The command `deltaloop explain`: the chain rule of one weight, or all numbers of one step."""

import math
import re
from dataclasses import replace

import click
import numpy as np

from ..console.endings import PAGE
from ..console.outputs import check_output
from ..console.terminal import WholeNumber, print_lines
from ..datasets import Dataset
from ..errors import InvalidInputError
from ..loading import load
from ..network import Network
from ..parts.layers import Dense
from ..tables import FeatureEncoding
from ..tables.cells import missing_cells
from ..tabular.targets import class_name
from .columns import values_of
from .modelling import targets
from .predictions import inputs_of, known_columns
from .problems import inputs_table, open_data


@click.command(short_help="Explain a gradient, factor by factor.")
@click.argument("net", required=False)
@click.argument("data", required=False)
@click.option("--row", type=WholeNumber(1), default=1, show_default=True, help="Of DATA.")
@click.option("--x", metavar="NUMBERS", help="The inputs themselves, such as 1,0,2,-1.")
@click.option("--y", metavar="NUMBERS", help="The target, such as 1; or the number of a class.")
@click.option("--W", "weight", metavar="LAYER,UNIT,UNIT", help="The weight, such as 2,2,2.")
@click.option("--b", "bias", metavar="LAYER,UNIT", help="Or the bias, such as 2,1.")
@click.option("--html", metavar="FILE", help="Write an interactive page instead of text.")
@click.option("--recursive", is_flag=True, help="Explain every delta up to the outputs as well.")
def explain(net, data, row, x, y, weight, bias, html, recursive) -> None:
    """Explain the gradient of one weight or bias of the saved network NET, factor by factor.

    The sample is a row of DATA, or what --x and --y say. Layers and units count from 1: --W 2,1,3
    leads from unit 3 of the first layer to unit 1 of the second. With neither --W nor --b, every
    number of one step of gradient descent is printed. Without NET, a worked example is explained.

    \b
    deltaloop explain
    deltaloop explain net.npz new.csv --row 3 --W 2,1,3 --recursive
    deltaloop explain net.npz --x 5.1,3.5,1.4,0.2 --y 0
    deltaloop explain --html example.html
    """  # noqa: D301 - click wants the character
    if html is not None:
        check_output(
            "--html", html, *(path for path in (net, data) if path is not None), written=PAGE
        )
    if net is None:
        network, sample = worked_example(), (_EXAMPLE["x"], _EXAMPLE["y"])
        if x is not None or y is not None:
            sample = _given(x, y)
        elif weight is None and bias is None:
            weight = "2,2,2"
    else:
        network = load(net)
        sample = _given(x, y) if data is None else _from_data(network, data, row, x, y)
    if html is not None:
        network.explain_page(html, *sample)
        print_lines(f"page: {html}")
    elif weight is None and bias is None:
        click.echo(network.trace(*sample))
    else:
        place = {"W": _whole(weight, "--W", 3), "b": _whole(bias, "--b", 2)}
        click.echo(network.explain(*sample, **place, recursive=recursive))


_LN3 = math.log(3)
# every activation is a simple fraction: sigmoid(0) = 1/2, sigmoid(ln 3) = 3/4
_EXAMPLE = {
    "W": ([[1, 3, 1, 4], [2, 1, -1, 1]], [[2, -4], [4, 4]], [[2, 8]]),
    "b": ([1, 1 + _LN3], [2, -5 - _LN3]),
    "x": [1.0, 0.0, 2.0, -1.0],
    "y": [1.0],
}  # fmt: skip


def worked_example() -> Network:
    """The 4-2-2-1 network whose numbers can be worked out by hand."""
    W, b = _EXAMPLE["W"], _EXAMPLE["b"]
    layers = [
        Dense(2, "sigmoid", init=(W[0], b[0])),
        Dense(2, "sigmoid", init=(W[1], b[1])),
        Dense(1, "identity", bias=False, init=W[2]),
    ]
    return Network(4, layers, dtype="float64")


def _given(x, y):
    """The sample that the options say."""
    if x is None or y is None:
        raise InvalidInputError(
            "explain needs a sample: a table as DATA, or its numbers as --x and --y"
        )
    return _numbers(x, "--x"), _numbers(y, "--y")


def _numbers(text, option):
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidInputError(
            f"{option} must be numbers with commas between, such as 1,0,2; got {text!r}"
        ) from None


def _whole(text, option, n):
    """Whole numbers with commas between; None stays None."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != n or not all(re.fullmatch("[0-9]{1,9}", part) for part in parts):
        raise InvalidInputError(
            f"{option} must be {n} whole numbers with commas between, such as "
            f"{'2,1,3' if n == 3 else '2,1'}; got {text!r}"
        )
    return tuple(map(int, parts))


def _from_data(net, data, row, x, y):
    """Inputs and target of a row of a table or a bundled data set."""
    if x is not None:
        raise InvalidInputError("--x says the inputs, and so does DATA; give one of them")
    known = known_columns(net)
    opened = open_data(data, known=known)
    table = inputs_table(opened)
    if row > table.n_rows:
        raise InvalidInputError(
            f"--row must be at most {table.n_rows}, got {row}: {data} ends there"
        )
    is_bundled = isinstance(opened, Dataset)
    table = replace(table.take(np.array([row - 1])), source=f"row {row} of {data}")
    metadata = net.metadata or {}
    target = metadata.get("target")
    if known:
        inputs = inputs_of(net, table)[0]
    else:
        names = [name for name in table.columns if is_bundled or name != target]
        encoding = FeatureEncoding(tuple((name, None) for name in names[: net.sizes[0]]))
        inputs = encoding.transform(table)[0]
    if y is not None:
        return inputs, _numbers(y, "--y")
    if is_bundled:
        return inputs, targets(net, np.asarray(opened.y)[row - 1 : row])
    if target is None:
        raise InvalidInputError(
            f"the network does not say which column of {data} is its target; give --y"
        )
    cells = [_cell(table, name) for name in (target if isinstance(target, list) else [target])]
    found = _values(cells) if net.classes is None else _class_number(net, cells[0])
    return inputs, targets(net, np.log1p(found) if metadata.get("logs") else found)


def _cell(table, name):
    """The target in a table of one row: text, a number or a date."""
    values = values_of(table, table.column_name(name))
    if missing_cells(values).any():
        raise InvalidInputError(f"target {name!r} is missing in {table.source}; give --y")
    return np.asarray(values).tolist()[0]


def _values(cells):
    """Targets that are values, shape (1, n_targets)."""
    for cell in cells:
        if not isinstance(cell, float):
            raise InvalidInputError(
                f"the target is {str(cell)!r}, but the network predicts numbers; give --y"
            )
    return np.array([cells])


def _class_number(net, cell):
    """A target that is a class, as an array of its number."""
    name = class_name(cell) if isinstance(cell, str | float) else str(cell)
    if name not in net.classes:
        raise InvalidInputError(
            f"the target is {name!r}, which is no class of this network; they are "
            + ", ".join(map(repr, net.classes))
        )
    return np.array([net.classes.index(name)])
