"""What the shell offers after Tab: files and names, beside the commands and options.

`docs/command_line.md` tells how a shell is asked to.
"""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from ..interop.formats import FORMATS
from ..kernels import available
from ..parts.activations import ACTIVATIONS
from ..parts.losses import LOSSES
from ..parts.optimizers import OPTIMIZERS
from ..training.schedules import SCHEDULES
from .holdout import WAYS

_FILES = ("data", "net", "header", "source", "target")  # arguments
_NAMES: dict[str, Iterable[str]] = {  # by option
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "backend": available(),
    "dtype": ("float32", "float64"),
    "test": WAYS,
    "read_as": FORMATS,
    "write_as": FORMATS,
}

_Completer = Callable[[click.Context, str], list[CompletionItem]]


def complete(group: click.Group) -> None:
    """Tell every parameter of every command what its values are."""
    for command in group.commands.values():
        for parameter in command.params:
            completer = _completer(parameter)
            if completer is not None:
                parameter.shell_complete = completer  # type: ignore[method-assign, assignment]


def _completer(parameter: click.Parameter) -> _Completer | None:
    if isinstance(parameter, click.Argument):
        return _file if parameter.name in _FILES else None
    if parameter.metavar in ("FILE", "FOLDER"):
        return _file
    names = _NAMES.get(parameter.name or "")
    return None if names is None else _one_of(names)


def _file(context, begun):
    """Left to the shell, which knows its files."""
    return [CompletionItem(begun, type="file")]


def _one_of(names: Iterable[str]) -> _Completer:
    def found(context, begun):
        return [CompletionItem(name) for name in names if name.startswith(begun)]

    return found
