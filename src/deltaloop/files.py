"""Files that are written whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
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
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with open(target, mode, **text) as file:  # a directory raises here
            yield file
        return
    temporary = target.with_name(f".{token_hex(8)}.part")
    try:
        with open(temporary, mode.replace("w", "x"), **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
