"""Paths that name files."""

import os
import stat

from ..errors import InvalidInputError, InvalidTypeError


def as_path(path: str | os.PathLike[str]) -> str:
    """`path` as a text that the system can look up.

    Raises
    ------
    InvalidTypeError
        It is no path, such as the number of an open file.
    InvalidInputError
        It is empty, or has characters that no name of a file can have.
    """
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise InvalidTypeError(f"path must be a str or a pathlib.Path, got {path!r}") from None
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:
        raise InvalidInputError(
            f"there is no file {text!r} and can be none, its name has a zero byte or half a "
            "character; leave that out"
        )
    if not text:
        raise InvalidInputError("the path is empty; give the name of a file or folder")
    return text


def is_special(path: str) -> bool:
    """Whether there is something that is no ordinary file: a pipe, a device, a directory."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False
