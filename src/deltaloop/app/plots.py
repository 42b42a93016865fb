"""The learning curve as a picture."""

from pathlib import Path

from ..console.outputs import check_output
from ..errors import InvalidInputError, missing
from ..interop.whole_file import whole_file
from ..training.history import History

_FORMATS = (".png", ".svg", ".pdf")


def check_plot(path: str, *inputs: str) -> None:
    """Refuse, before anything is trained, a picture that could not be drawn.

    Raises
    ------
    InvalidInputError
        An unknown format, or a place that cannot be written.
    MissingDependencyError
        matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in _FORMATS:
        raise InvalidInputError(
            f"--plot draws {', '.join(_FORMATS)}, got {path!r}; give the file one of these endings"
        )
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise missing("matplotlib", "plot", "--plot") from None
    check_output("--plot", path, *inputs)


def draw(history: History, path: str) -> None:
    """Draw losses and metrics over the epochs to a file, whole or not at all."""
    from matplotlib import pyplot

    figure = history.plot().figure
    try:
        with whole_file(path) as file:
            figure.savefig(file, format=Path(path).suffix.lower().removeprefix("."))
    finally:
        pyplot.close(figure)
