"""The progress of an ensemble: one fraction."""

from contextlib import contextmanager

from ..errors import InvalidTypeError, missing


@contextmanager
def reporter(progress, text: str = "training"):
    """A callable f(fraction), or None.

    `progress` is False, True for a bar, or the callable itself.
    """
    if progress is False or progress is None:
        yield None
    elif progress is True:
        try:
            from rich.progress import Progress
        except ImportError:
            raise missing("rich", "cli", "a progress bar") from None
        with Progress() as bar:
            task = bar.add_task(text, total=1.0)
            yield lambda fraction: bar.update(task, completed=fraction)
            bar.update(task, completed=1.0)
    elif callable(progress):
        yield progress
    else:
        raise InvalidTypeError(
            f"progress must be True, False or a callable, got {type(progress).__name__}"
        )
