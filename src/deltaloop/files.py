"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any


@contextmanager
def whole_file(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a file beside `path` for writing; at the end it takes the place of `path`.

    A crash, an error or a full disk leaves what was there before. A link stays a link, an
    existing file keeps its permissions, and what is no ordinary file (a pipe, a device) is
    written directly.

    Parameters
    ----------
    path : str or path-like
    mode : {'wb', 'w'}
        Bytes, or UTF-8 text with line ends as they are written.

    Raises
    ------
    OSError
        It cannot be written; what was there before is untouched.
    """
    from secrets import token_hex  # imports half of the standard library

    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    path = os.fsdecode(path)  # a number is no path, though it opens a file
    if not path:
        raise FileNotFoundError(2, "the name of the file is empty", path)
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, mode, **text) as file:  # a directory raises here
            yield file
        return
    target = os.path.realpath(path)
    temporary = os.path.join(os.path.dirname(target), f".{token_hex(8)}.part")
    try:
        with open(temporary, mode.replace("w", "x"), **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(temporary, os.stat(target).st_mode)
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):  # it was not made
            os.unlink(temporary)
        # a full disk does not say whose, and nobody knows the temporary file
        if isinstance(error, OSError) and error.errno and error.filename in (None, temporary):
            raise OSError(error.errno, error.strerror, path) from None
        raise
