"""The command `deltaloop`, also `python -m deltaloop`."""

import sys

_INTERRUPTED = 130  # what a shell reports after Ctrl-C: 128 + SIGINT


def main() -> None:
    """Run the command line; one line tells how to install it where click or rich is missing."""
    try:
        _end_quietly_with_a_closed_pipe()
        sys.exit(_run())
    except KeyboardInterrupt:  # while click was imported; commands take care of themselves
        sys.exit(_INTERRUPTED)


def _run() -> int:
    """Exit status of the command line."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ModuleNotFoundError as error:
        print(
            f"error: the command line needs the package {error.name!r}, which is not installed; "
            'install it with: pip install "deltaloop[cli]"',
            file=sys.stderr,
        )
        return 2
    from .cli import command

    return command(prog_name="deltaloop")


def _end_quietly_with_a_closed_pipe() -> None:
    """Let the system end the process, as it ends `cat`, when the reader of a pipe has gone."""
    import signal

    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


if __name__ == "__main__":
    main()
