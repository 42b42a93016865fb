"""Results on disk: found writable before the work that makes them."""

import os
from pathlib import Path
from secrets import token_hex

from .errors import InvalidInputError


def check_output(option: str, path: str, *inputs: str, devices: bool = False) -> None:
    """Refuse a file that cannot be written, and one that is read as well.

    Parameters
    ----------
    option : str
        How the user named it, for messages.
    path : str
        Where the result shall go.
    *inputs : str
        What is read.
    devices : bool, default False
        Whether a pipe or a device may be written; a network needs an ordinary file.

    Raises
    ------
    InvalidInputError
        Nothing can or should be written there.
    """
    if not path:
        raise InvalidInputError(f"{option} is an empty name; give the name of a file")
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InvalidInputError(f"{option} {path!r} is a directory; give the name of a file in it")
    if os.path.exists(path) and not os.path.isfile(path):
        if devices:
            return
        raise InvalidInputError(f"{option} {path!r} is no ordinary file; give another name")
    if any(os.path.exists(one) and os.path.realpath(one) == str(target) for one in inputs):
        raise InvalidInputError(f"{option} {path!r} would replace what is read; give another name")
    probe = target.with_name(f".{token_hex(8)}.part")  # what the writing itself begins with
    try:
        if not target.exists():
            target.touch()  # the name may be too long, or of characters that are not accepted
            target.unlink()
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InvalidInputError(f"{option} {path!r} cannot be written: {error.strerror}") from None
