"""The learning curve as a picture."""

from pathlib import Path

from ..interop.whole_file import whole_file
from ..training.history import History


def draw(history: History, path: str) -> None:
    """Draw losses and metrics over the epochs to a file, whole or not at all."""
    from matplotlib import pyplot

    figure = history.plot().figure
    try:
        with whole_file(path) as file:
            figure.savefig(file, format=Path(path).suffix.lower().removeprefix("."))
    finally:
        pyplot.close(figure)
