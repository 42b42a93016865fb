"""The start of the command `deltaloop`, before anything else is imported.

A package of its own: a module of `deltaloop` would begin with the import of NumPy, and Ctrl-C in
the middle of that would show a traceback.
"""

import os
import signal
import sys

_INTERRUPTED = 130  # what a shell reports after Ctrl-C: 128 + SIGINT


def main() -> None:
    """Run the command line; one line tells how to install it where click or rich is missing."""
    _end_quietly_with_a_closed_pipe()
    # not where the shell has it ignored, for what runs in the background
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, _leave)
        sys.unraisablehook = _interrupt_again
    if sys.stdout is None:  # the shell has closed it: >&-
        print("error: standard output is closed; redirect it to a file", file=sys.stderr)
        sys.exit(2)
    command = _imported()
    try:
        if interruptible:  # commands take care of themselves
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command(prog_name="deltaloop")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    finally:
        if interruptible:  # while Python cleans up
            signal.signal(signal.SIGINT, _leave)


def _imported():
    """The command line, or the end of the program."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ModuleNotFoundError as error:
        print(
            f"error: the command line needs the package {error.name!r}, which is not installed; "
            'install it with: pip install "deltaloop[cli]"',
            file=sys.stderr,
        )
        sys.exit(2)
    from deltaloop.app.commands import command

    return command


def _leave(*_) -> None:
    """End the process at once: nothing has been printed yet, or all of it."""
    os._exit(_INTERRUPTED)


def _interrupt_again(unraisable) -> None:
    """Ctrl-C that the lock of an import or a destructor has swallowed comes again in a moment."""
    if unraisable.exc_type is KeyboardInterrupt and hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 1e-3)  # not in here, where it would be swallowed, too
    else:
        sys.__unraisablehook__(unraisable)


def _end_quietly_with_a_closed_pipe() -> None:
    """Let the system end the process, as it ends `cat`, when the reader of a pipe has gone."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
