"""The formats that networks can be read from and written to, one row each."""

import os
from typing import NamedTuple

from ..errors import InvalidInputError, InvalidTypeError, shown, unknown_name
from ..inputs.paths import as_path
from ..parts.losses import Loss
from ..parts.optimizers import SGD
from ..text import table
from .archive import METADATA, RATES, Contents, described
from .plain_layers import loss_of_output

ALL = frozenset(
    ("scaling", "classes", "metadata", "loss", "masks", "shortcuts", "heads", "training")
)


class Format(NamedTuple):
    """A format.

    Attributes
    ----------
    name : str
    title : str
        For tables.
    suffixes : tuple of str
        Ends of the names of its files.
    keeps : frozenset of str
        What goes along beside layers and parameters; of `ALL`. What is not a part of its files is
        lost, or, where a network computes something else without it, refused.
    reads, writes : bool
    module : str
        With `read(path, meant)` and `write(contents, path)`, in this folder.
    needs : str
        The package that it needs, and the extra that installs it.
    checked : str
        The other tool of the tests.
    loss : str
        The only one that its networks have; '' where they say it, or have that of their output.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    keeps: frozenset[str]
    module: str
    reads: bool = True
    writes: bool = True
    needs: str = ""
    checked: str = ""
    loss: str = ""


_ROWS = (
    Format("npz", "deltaloop's own", (".npz",), ALL, "archive", checked="numpy.load"),
    Format(
        "safetensors", "safetensors", (".safetensors",), ALL, "safetensors",
        checked="the package safetensors",
    ),
    Format(
        "onnx", "ONNX", (".onnx",), ALL, "onnx_files", needs="onnx", checked="ONNX Runtime",
    ),
    Format(
        "torch", "PyTorch's `state_dict`", (".pt", ".pth"), ALL, "torch_files", needs="torch",
        checked="PyTorch",
    ),
    Format(
        "fann", "FANN's floating `.net`", (".net",),
        frozenset(("scaling", "masks", "shortcuts")), "fann", checked="libfann 2.2", loss="mse",
    ),
    Format(
        "c", "a C99 header", (".h",), frozenset(("scaling", "masks")), "c_header", reads=False,
        checked="gcc",
    ),
)  # fmt: skip
FORMATS = {row.name: row for row in _ROWS}


def format_of(path, name: str | None, *, to_write: bool) -> Format:
    """The format of that name, or that which the end of `path` tells.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        There is none, or none that can be read or written.
    """
    able = {
        row.name: row for row in _ROWS if (row.writes if to_write else row.reads)
    }  # fmt: skip
    if name is not None and not isinstance(name, str):
        raise InvalidTypeError(f"format must be a name such as 'onnx', got {shown(name)}")
    if name is not None:
        if name not in able:
            raise unknown_name("format", name, able)
        return able[name]
    text = as_path(path)
    suffix = os.path.splitext(text)[1].lower()
    for row in able.values():
        if suffix in row.suffixes:
            return row
    verb = "written" if to_write else "read"
    known = ", ".join(f"{row.suffixes[0]} ({row.name})" for row in able.values())
    raise InvalidInputError(
        f"the end of {text!r} tells no format that can be {verb}; expected one of {known}, or say "
        "which it is with format= (--from, --to)"
    )


def lost(contents: Contents, to: Format) -> list[str]:
    """What this network has, and a file of that format does not keep."""
    description, arrays = contents
    layers = description["layers"]
    expected = Loss(to.loss) if to.loss else loss_of_output(layers[-1]["activation"])
    found = (description["loss"], description["loss_parameter"])
    has = {
        "scaling": ("the scaling of inputs and outputs", any(n.startswith("x_") for n in arrays)),
        "classes": ("names of classes", description["classes"] is not None),
        "metadata": ("what it knows of columns", description[METADATA] is not None),
        "loss": (f"the loss {found[0]}", found != (expected.name, expected.parameter)),
        "masks": ("which connections there are", any("connections" in one for one in layers)),
        "training": (
            "dropout, noise, frozen layers, learning rates of layers or the optimizer",
            any(key in one for one in layers for key in ("dropout", "trainable", *RATES))
            or any(key in description for key in ("input_dropout", "input_noise"))
            or description["optimizer"] != described(SGD()),
        ),
    }  # fmt: skip
    return [text for key, (text, is_there) in has.items() if is_there and key not in to.keeps]


def formats_table() -> str:
    """The table of formats of the pages, in Markdown."""
    rows = [
        (
            row.title, ", ".join(f"`{suffix}`" for suffix in row.suffixes),
            "yes" if row.reads else "no", "yes" if row.writes else "no",
            "everything" if row.keeps == ALL else ", ".join(sorted(row.keeps)),
            f"`{row.needs}`" if row.needs else "", row.checked,
        )
        for row in _ROWS
    ]  # fmt: skip
    head = ("format", "files", "read", "written", "beside layers and parameters", "needs",
            "tested with")  # fmt: skip
    return table(head, rows)
