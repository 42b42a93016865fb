"""The options of the commands, in the sections that `deltaloop train --help` shows."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from ..console.terminal import WholeNumber
from ..kernels import available
from ..parts.activations import ACTIVATIONS
from ..parts.losses import LOSSES
from ..parts.optimizers import OPTIMIZERS, Adam
from ..tabular.preparation import ENCODINGS
from ..tabular.targets import TASKS
from ..training.schedules import SCHEDULES
from . import modelling
from .holdout import FEW_ROWS, TEST_FRACTION, WAYS
from .modelling import Settings

Decorator = Callable[[Any], Any]

_LEARNING_RATE_KEYS = ("cross_entropy", "binary_cross_entropy", "classification")


def names(accepted: Iterable[str]) -> str:
    """Names for the help text; without those of output layers, which follow from the loss."""
    of_outputs = {row.name for row in ACTIVATIONS.values() if row.f is None}
    return ", ".join(name for name in accepted if name not in of_outputs)


class Sections(click.Command):
    """A command whose help shows its options in sections."""

    def __init__(self, *args: Any, sections: dict[str, list[str]], **extra: Any):
        self.sections = sections
        super().__init__(*args, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections in their order; what is in none comes last."""
        left = {param.name: param.get_help_record(ctx) for param in self.get_params(ctx)}
        for title, members in [*self.sections.items(), ("Options", list(left))]:
            found = (left.pop(name, None) for name in members)
            records = [record for record in found if record is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _column(flag: str, help: str) -> Decorator:
    """An option for columns: may be repeated, and take several between commas."""
    return click.option(flag, metavar="COLUMN", multiple=True, help=help)


header = click.option(
    "--header/--no-header",
    default=None,
    help="Whether the first row names the columns. Default: decided from the rows.",
)
max_memory = click.option(
    "--max-memory",
    type=float,
    metavar="GIB",
    help="Memory that a table may take. Default: 2, or 32 times its file.",
)
text = _column("--text", "Text, although all its cells are numbers.")
numbers = _column("--numbers", "The number in each cell, whatever else it holds: 5 kg, 12 %, < 3.")
missing = click.option(
    "--missing",
    metavar="TEXT",
    multiple=True,
    help="Stands for a missing cell, as -999 may. May be repeated.",
)
decimal = click.option(
    "--decimal",
    metavar="SIGN",
    help="Before fractions, . or a comma. Default: decided by every column.",
)
skip_bad_lines = click.option(
    "--skip-bad-lines", is_flag=True, help="Leave out lines with too many or too few cells."
)
query = click.option(
    "--query",
    metavar="SQL",
    help="The table is the result of this query: FROM 'a.csv', or from DATA, a database.",
)

READING: list[Decorator] = [
    header, text, numbers, missing, decimal, skip_bad_lines, query, max_memory,
]  # fmt: skip
TABLE: list[Decorator] = [
    _column("--target", "Name or number, from 1. Default: the last. Repeated: several outputs."),
    _column("--ignore", "No input. May be repeated, or be several as A,B."),
    _column("--keep", "An input, although it looks like a row number or an id."),
    click.option(
        "--encode", metavar="COLUMN=WAY", multiple=True,
        help=f"Text of many values as {' or '.join(ENCODINGS)} instead of one input each.",
    ),
    click.option(
        "--task", metavar="NAME",
        help=f"{names(TASKS)}. Default: guessed from the target, and said.",
    ),
    click.option(
        "--log-target", is_flag=True, help="Learn log(1 + y), where ratios matter more."
    ),
    *READING,
]  # fmt: skip
TEST: list[Decorator] = [
    click.option(
        "--test-fraction", type=float, metavar="NUMBER",
        help=f"Part of the rows held out to test with. Default: {TEST_FRACTION}, or 0 below "
        f"{FEW_ROWS} rows; may be 0.",
    ),
    click.option(
        "--test", metavar="NAME",
        help=f"Which rows: {', '.join(WAYS)} (for rows in order of time). Default: {WAYS[0]}.",
    ),
    click.option(
        "--group", metavar="COLUMN",
        help="Rows with the same value here stay in one part; it is no input.",
    ),
    click.option(
        "--seed", type=WholeNumber(0), default=0, show_default=True,
        help="Of test part, initial values and sample order.",
    ),
]  # fmt: skip
RECIPE: list[Decorator] = [
    click.option("--budget", type=float, metavar="SECONDS", help="Spend this time to do better."),
    click.option("--simple", is_flag=True, help="The textbook network instead, see below."),
    click.option(
        "--stream",
        is_flag=True,
        help="Read a file that is larger than memory anew for every epoch; textbook network.",
    ),
]
NETWORK: list[Decorator] = [
    click.option(
        "--layers", metavar="WIDTHS", default="30", show_default=True,
        help="Units of the hidden layers, such as 30,30; or none.",
    ),
    click.option(
        "--activation", metavar="NAME", default=Settings.activation, show_default=True,
        help=f"Of the hidden units: {names(ACTIVATIONS)}.",
    ),
    click.option(
        "--loss", metavar="NAME",
        help=f"{names(LOSSES)}. Default: cross_entropy for classes, mse for values.",
    ),
    click.option(
        "--optimizer", metavar="NAME", default=Settings.optimizer, show_default=True,
        help=f"{names(OPTIMIZERS)}.",
    ),
    click.option(
        "--learning-rate", type=float, metavar="NUMBER",
        help="Default of sgd: {}; {} with binary_cross_entropy, {} with mse for classes. "
        "Of adam: {}.".format(
            *(modelling.LEARNING_RATE[key] for key in _LEARNING_RATE_KEYS), Adam().learning_rate
        ),
    ),
    click.option("--momentum", type=float, metavar="NUMBER", help="Default: 0."),
    click.option("--nesterov", is_flag=True, help="Nesterov's momentum."),
    click.option(
        "--batch-size", type=WholeNumber(1),
        help=f"Samples per step. Default: {modelling.BATCH_SIZE}.",
    ),
    click.option(
        "--epochs", type=WholeNumber(1),
        help=f"Passes over the data. Default: {modelling.EPOCHS}, more where rows are few.",
    ),
    click.option(
        "--schedule", metavar="NAME",
        help=f"Of the learning rate: {', '.join(SCHEDULES)}. Default: constant.",
    ),
    click.option(
        "--validation", type=float, metavar="NUMBER",
        help="Part of the training rows that is watched instead of trained on.",
    ),
    click.option(
        "--patience", type=WholeNumber(1),
        help="End after so many epochs without gain, with the best network of all.",
    ),
    click.option(
        "--metrics", metavar="NAMES", help="Measured after every epoch, such as accuracy,f1 or r2."
    ),
    click.option("--max-seconds", type=float, metavar="NUMBER", help="End after this time."),
    click.option(
        "--checkpoint", metavar="FOLDER",
        help="Keep there, every minute, what --resume goes on with after a crash.",
    ),
    click.option("--resume", is_flag=True, help="Go on with the checkpoint, if there is one."),
    click.option(
        "--standardize/--no-standardize", default=True, show_default=True,
        help="Mean 0 and deviation 1 for inputs, and for targets that are values.",
    ),
    click.option(
        "--dtype", metavar="NAME", default=Settings.dtype, show_default=True,
        help="float32, float64.",
    ),
    click.option(
        "--backend", metavar="NAME", default=Settings.backend, show_default=True,
        help=f"{names(('auto', *available()))}.",
    ),
    click.option(
        "--compare", is_flag=True, help="Time an epoch against the same in NumPy as well."
    ),
]  # fmt: skip
RESULT: list[Decorator] = [
    click.option("--explain", is_flag=True, help="What each column is worth to the predictions."),
    click.option(
        "--plot", metavar="FILE", help="Draw the learning curve, as .png, .svg or .pdf."
    ),
    click.option("--save", metavar="FILE", help="Keep the network, and what it knows of columns."),
]  # fmt: skip


def _members(options: Sequence[Decorator]) -> list[str]:
    """Names of the parameters that these decorators make."""

    def nothing():
        """Carry them."""

    for option in options:
        nothing = option(nothing)
    return [param.name for param in nothing.__click_params__]  # type: ignore[attr-defined]


OF_NETWORK = _members(NETWORK)
SECTIONS = {
    "The table": _members(TABLE),
    "The test part": _members(TEST),
    "The recipe": _members(RECIPE),
    "The textbook network (each of these options implies --simple)": OF_NETWORK,
    "The result": _members(RESULT),
}


def train_options(command: Callable) -> Callable:
    """Decorate a command with all of them."""
    for option in reversed([*TABLE, *TEST, *RECIPE, *NETWORK, *RESULT]):
        command = option(command)
    return command


def reading_options(command: Callable) -> Callable:
    """Decorate a command with those of reading."""
    for option in reversed(READING):
        command = option(command)
    return command


def is_given(context: click.Context, name: str) -> bool:
    """Whether the user wrote this option, be it with the value of its default."""
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
