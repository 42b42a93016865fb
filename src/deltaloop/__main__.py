"""The command `deltaloop`, also `python -m deltaloop`."""

import sys


def main() -> None:
    """Run the command line; one line tells how to install it where click or rich is missing."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ModuleNotFoundError as error:
        sys.exit(_missing(error))
    from .cli import command

    _end_quietly_with_a_closed_pipe()
    command(prog_name="deltaloop")


def _missing(error: ModuleNotFoundError) -> int:
    """Name what is missing; the exit status."""
    print(
        f"error: the command line needs the package {error.name!r}, which is not installed; "
        'install it with: pip install "deltaloop[cli]"',
        file=sys.stderr,
    )
    return 2


def _end_quietly_with_a_closed_pipe() -> None:
    """Let the system end the process, as it ends `cat`, when the reader of a pipe has gone."""
    import signal

    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


if __name__ == "__main__":
    main()
