"""The options of `deltaloop train` that say how long to train, how fast, and what to watch."""

import click

from ..console.terminal import WholeNumber
from ..training.schedules import SCHEDULES

_OPTIONS = (
    click.option(
        "--schedule",
        metavar="NAME",
        help=f"Of the learning rate: {', '.join(SCHEDULES)}. Default: constant.",
    ),
    click.option(
        "--validation",
        type=float,
        metavar="NUMBER",
        help="Part of the training rows that is watched instead of trained on.",
    ),
    click.option(
        "--patience",
        type=WholeNumber(1),
        help="End after so many epochs without gain, with the best network of all.",
    ),
    click.option(
        "--metrics",
        metavar="NAMES",
        help="Measured after every epoch, such as accuracy,f1 or r2.",
    ),
    click.option("--max-seconds", type=float, metavar="NUMBER", help="End after this time."),
    click.option(
        "--checkpoint",
        metavar="FOLDER",
        help="Keep there, every minute, what --resume goes on with after a crash.",
    ),
    click.option("--resume", is_flag=True, help="Go on with the checkpoint, if there is one."),
)


def control_options(command):
    """Decorate a command with these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
