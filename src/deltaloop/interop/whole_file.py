"""Files that are written whole or not at all."""

import os
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from ..inputs.paths import as_path, is_special

_DAY = 86400.0  # seconds


@contextmanager
def whole_file(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a file beside `path` for writing; at the end it takes the place of `path`.

    A crash, an error or a full disk leaves what was there before. A link stays a link, an
    existing file keeps its permissions, owner and group (as far as the system allows), and what
    is no ordinary file (a pipe, a device) is written directly. What a process that was killed
    left half written is removed.

    Parameters
    ----------
    path : str or path-like
    mode : {'wb', 'w'}
        Bytes, or UTF-8 text with line ends as they are written.

    Raises
    ------
    OSError
        It cannot be written; what was there before is untouched.
    InvalidTypeError, InvalidInputError
        As `as_path`.
    """
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    path = as_path(path)
    if not path:
        raise FileNotFoundError(2, "the name of the file is empty", path)
    if is_special(path):
        with open(path, mode, **text) as file:  # a directory raises here
            yield file
        return
    target = os.path.realpath(path)
    _remove_leftovers(target)
    temporary = None
    try:
        temporary, descriptor = create_beside(target)
        with open(descriptor, mode, **text) as file:
            yield file
            file.flush()
            _take_after(target, descriptor)
            os.fsync(descriptor)
            os.replace(temporary, target)  # still locked
    except BaseException as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        # a full disk does not say whose, and nobody knows the temporary file
        if isinstance(error, OSError) and error.errno and error.filename in (None, temporary):
            raise OSError(error.errno, error.strerror, path) from None
        raise


def create_beside(target: str) -> tuple[str, int]:
    """Name and descriptor of a new file in the folder of `target`, locked while it is open.

    Its name tells whose place it shall take and which machine writes it. Nobody else may read it
    where `target` exists: that file may be private.
    """
    from secrets import token_hex  # imports half of the standard library

    mode = 0o600 if os.path.exists(target) else 0o666  # less what the umask takes
    while True:
        try:
            name = f"{_beginning(target)}{_machine()}-{token_hex(8)}.part"
            name = os.path.join(os.path.dirname(target), name)
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        except OSError as error:
            raise OSError(error.errno, error.strerror, target) from None
        _lock(descriptor, wait=True)
        if os.fstat(descriptor).st_nlink:
            return name, descriptor
        os.close(descriptor)  # taken for a leftover before it was locked


def _beginning(target):
    """What the names of all temporary files for `target` begin with."""
    return f".{zlib.crc32(os.fsencode(os.path.basename(target))):08x}-"


def _machine():
    return f"{zlib.crc32(os.uname().nodename.encode()):08x}"


def _lock(descriptor, wait):
    """Whether this open file has the lock now; it lasts until it is closed, or the process ends."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # somebody else has it, or this file system knows no locks
        return False
    return True


def _remove_leftovers(target):
    """Remove temporary files for `target` that no process has locked: it was killed.

    Some network drives keep the locks of each machine apart, so that files of another machine
    must be a day old as well.
    """
    folder, beginning = os.path.dirname(target), _beginning(target)
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(beginning) and name.endswith(".part"):
                is_own = name.startswith(beginning + _machine())
                with suppress(OSError):
                    _remove_unlocked(os.path.join(folder, name), is_own)


def _remove_unlocked(path, is_own):
    """Remove a temporary file that nobody has locked; `is_own`: of this machine."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        is_old = time.time() - os.fstat(descriptor).st_mtime > _DAY
        if (is_own or is_old) and _lock(descriptor, wait=False):
            os.unlink(path)
    finally:
        os.close(descriptor)


def _take_after(target, descriptor):
    """Give the new file the owner, group and permissions of the one whose place it takes."""
    try:
        before = os.stat(target)
    except FileNotFoundError:
        return
    mode, now = before.st_mode & 0o777, os.fstat(descriptor)
    if now.st_uid != before.st_uid:
        with suppress(OSError):  # for root alone
            os.fchown(descriptor, before.st_uid, -1)
    if now.st_gid != before.st_gid:
        try:
            os.fchown(descriptor, -1, before.st_gid)
        except OSError:  # another group may do no more than everybody
            mode = mode & 0o707 | (mode & 0o007) << 3
    os.fchmod(descriptor, mode)
