"""Results on disk: found writable before the work that makes them."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import InvalidInputError, missing
from ..inputs.paths import as_path, is_special
from ..interop.whole_file import create_beside
from .endings import PICTURE, check_ending

_PICTURES = (".png", ".svg", ".pdf")


def check_picture(option: str, path: str, *inputs: str) -> None:
    """Refuse a picture that cannot be drawn or written; parameters as those of `check_output`.

    Raises
    ------
    InvalidInputError
        An unknown format, or a place that cannot be written.
    MissingDependencyError
        matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in _PICTURES:
        raise InvalidInputError(f"{option} {path!r} must end in {', '.join(_PICTURES)}")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise missing("matplotlib", "plot", option) from None
    check_output(option, path, *inputs, written=PICTURE)


def check_output(
    option: str, path: str, *inputs: str, written: str | None = None, devices: bool = False
) -> None:
    """Refuse a file that cannot be written, one that is read as well, and a misleading name.

    Parameters
    ----------
    option : str
        How the user named it, for messages.
    path : str
        Where the result shall go.
    *inputs : str
        What is read.
    written : str, optional
        The format, one of those in `endings`; without it, any name will do.
    devices : bool, default False
        Whether a pipe or a device may be written; a network needs an ordinary file.

    Raises
    ------
    InvalidInputError
        Nothing can or should be written there.
    """
    if not path:
        raise InvalidInputError(f"{option} is an empty name; give the name of a file")
    if path == "-":
        raise InvalidInputError(
            f"{option} '-' would be the standard output, and what is written is a file; give its "
            "name (./- if that is to be -)"
        )
    target = Path(os.path.realpath(as_path(path)))
    if os.path.isdir(target):
        raise InvalidInputError(f"{option} {path!r} is a directory; give the name of a file in it")
    if is_special(path):
        if devices:
            return
        raise InvalidInputError(f"{option} {path!r} is no ordinary file; give another name")
    if any(os.path.exists(one) and os.path.realpath(one) == str(target) for one in inputs):
        raise InvalidInputError(f"{option} {path!r} would replace what is read; give another name")
    if written is not None:
        check_ending(option, path, written)
    try:
        # the name may be too long, or of characters that are not accepted; it is tried in a
        # folder of its own, because another process may be about to write the target
        with TemporaryDirectory(prefix=".", suffix=".part", dir=target.parent) as folder:
            Path(folder, target.name).touch()
        probe, descriptor = create_beside(str(target))  # what the writing itself begins with
        os.unlink(probe)
        os.close(descriptor)
    except OSError as error:
        raise InvalidInputError(f"{option} {path!r} cannot be written: {error.strerror}") from None
