"""The commands `deltaloop train`, `predict`, `export` and `info`."""

import re

import click

from .. import datasets
from ..benchmarking.command import bench
from ..console.outputs import check_output
from ..console.terminal import (
    INTERRUPTED,
    OneLineErrors,
    WholeNumber,
    print_lines,
    print_rows,
    progress_bar,
    status,
)
from ..errors import InvalidInputError
from ..interop.whole_file import whole_file
from ..kernels import available
from ..loading import load, load_with_version
from ..parts.activations import ACTIVATIONS
from ..parts.losses import LOSSES
from ..parts.optimizers import OPTIMIZERS, Adam
from ..version import __version__
from . import modelling, report
from .control import control_options
from .explain import explain
from .modelling import Recipe
from .predictions import predict_lines
from .problems import TASKS, TEST_FRACTION, feature_table, open_problem

_DATA = (
    "DATA is a file (.csv, .tsv, .txt, .npy, .npz, .svm, .libsvm or .svmlight, .gz after it is "
    "fine) or the name of a bundled data set: " + ", ".join(datasets.names()) + "."
)


_LEARNING_RATE_KEYS = ("cross_entropy", "binary_cross_entropy", "classification")


_OPENING = ("target", "ignore", "task", "test_fraction", "max_memory")
_max_memory = click.option(
    "--max-memory",
    type=float,
    metavar="GIB",
    help="Memory that a table may take. Default: 2, or 32 times its file.",
)


def _names(accepted) -> str:
    """Names for the help text; without those of output layers, which follow from the loss."""
    of_outputs = {row.name for row in ACTIVATIONS.values() if row.f is None}
    return ", ".join(name for name in accepted if name not in of_outputs)


@click.group(
    cls=OneLineErrors,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="deltaloop %(version)s")
@click.pass_context
def command(context: click.Context) -> None:
    """Train small feed-forward networks by backpropagation in compiled loops.

    \b
    deltaloop train                                   handwritten digits, as a first try
    deltaloop train flowers.csv --target species      a table of your own
    deltaloop train flowers.csv --save net.npz        keep the network
    deltaloop predict net.npz new.csv -o out.csv      use it
    deltaloop info net.npz                            what is in it
    deltaloop info                                    what is installed
    """  # noqa: D301 - click wants the character
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command.command(epilog=_DATA, short_help="Train a network and report how well it does.")
@click.argument("data", default="digits")
@click.option("--target", metavar="COLUMN", help="Name or number, from 1. Default: the last.")
@click.option(
    "--ignore",
    metavar="COLUMN",
    multiple=True,
    help="A column that is no input, such as a row number. May be repeated.",
)
@click.option(
    "--task",
    metavar="NAME",
    help=f"{_names(TASKS)}. Default: guessed from the target, and said.",
)
@click.option(
    "--layers",
    metavar="WIDTHS",
    default="30",
    show_default=True,
    help="Units of the hidden layers, such as 30,30; or none.",
)
@click.option(
    "--activation",
    metavar="NAME",
    default=Recipe.activation,
    show_default=True,
    help=f"Of the hidden units: {_names(ACTIVATIONS)}.",
)
@click.option(
    "--loss",
    metavar="NAME",
    help=f"{_names(LOSSES)}. Default: cross_entropy for classes, mse for values.",
)
@click.option(
    "--optimizer",
    metavar="NAME",
    default=Recipe.optimizer,
    show_default=True,
    help=f"{_names(OPTIMIZERS)}.",
)
@click.option(
    "--learning-rate",
    type=float,
    metavar="NUMBER",
    help="Default of sgd: {}; {} with binary_cross_entropy, {} with mse for classes. "
    "Of adam: {}.".format(
        *(modelling.LEARNING_RATE[key] for key in _LEARNING_RATE_KEYS), Adam().learning_rate
    ),
)
@click.option("--momentum", type=float, metavar="NUMBER", help="Default: 0.")
@click.option("--nesterov", is_flag=True, help="Nesterov's momentum.")
@click.option(
    "--batch-size",
    type=WholeNumber(1),
    help=f"Samples per step. Default: {modelling.BATCH_SIZE}.",
)
@click.option(
    "--epochs",
    type=WholeNumber(1),
    help=f"Passes over the data. Default: {modelling.EPOCHS}, more where rows are few.",
)
@control_options
@click.option(
    "--seed",
    type=WholeNumber(0),
    default=0,
    show_default=True,
    help="Of test part, initial values and sample order.",
)
@click.option(
    "--test-fraction",
    type=float,
    metavar="NUMBER",
    help=f"Part of a table held out to test with. Default: {TEST_FRACTION}; may be 0.",
)
@click.option(
    "--standardize/--no-standardize",
    default=True,
    show_default=True,
    help="Mean 0 and deviation 1 for inputs, and for targets that are values.",
)
@click.option(
    "--dtype",
    metavar="NAME",
    default=Recipe.dtype,
    show_default=True,
    help="float32, float64.",
)
@click.option(
    "--backend",
    metavar="NAME",
    default=Recipe.backend,
    show_default=True,
    help=f"{_names(('auto', *available()))}.",
)
@_max_memory
@click.option("--save", metavar="FILE", help="Keep the network, with scaling and class names.")
@click.pass_context
def train(context: click.Context, data: str, save: str | None, layers: str, **options) -> None:
    """Train a network on DATA, by default on handwritten digits, and report how well it does.

    \b
    deltaloop train iris
    deltaloop train prices.csv --target price --layers 30,30 --epochs 200
    deltaloop train flowers.csv --target species --save net.npz
    deltaloop train flowers.csv --validation 0.1 --patience 10 --schedule cosine
    """  # noqa: D301 - click wants the character
    if save is not None:
        check_output("--save", save, data)
    opening = {name: options.pop(name) for name in _OPENING}
    recipe = Recipe(layers=_widths(layers), **options)
    problem = open_problem(data, **opening, seed=recipe.seed)
    net = modelling.build(problem, recipe)
    optimizer = modelling.build_optimizer(problem, recipe)
    batch_size, n_epochs = modelling.batch_size(problem, recipe), modelling.epochs(problem, recipe)
    n_classes = f", {len(problem.classes)} classes" if problem.classes else ""
    print_lines(f"data: {problem.title}{n_classes}", f"task: {problem.task} ({problem.reason})")
    examples = modelling.examples(net, problem.X_train, problem.y_train)
    with progress_bar(n_epochs, len(problem.X_train)) as progress:
        history = modelling.train(net, examples, problem, recipe, optimizer, progress)
    not_saved = None
    if save is not None:
        try:
            net.save(save)
        except OSError as error:  # told after the report, which cost more
            not_saved = error
    rows = report.training_rows(
        net, history, n_epochs, len(problem.X_train), batch_size,
        modelling.score(net, examples),
        modelling.score(net, modelling.examples(net, problem.X_test, problem.y_test))
        if len(problem.X_test)
        else None,
    )  # fmt: skip
    interrupted = history.stop_reason == "interrupted"
    if not interrupted and net.backend_name != "reference":
        try:
            with status("timing the same epoch with NumPy"):
                comparison = modelling.compare(net, examples, problem, recipe, optimizer)
            rows += report.comparison_rows(net, comparison) if comparison else []
        except KeyboardInterrupt:
            interrupted = True
    if save is not None and not_saved is None:
        rows.append(("saved", save))
    print_rows(rows)
    if not_saved is not None:
        raise not_saved
    if interrupted:
        context.exit(INTERRUPTED)


@command.command(epilog=_DATA, short_help="Predict every row of a table.")
@click.argument("net")
@click.argument("data")
@click.option(
    "-o", "--output", metavar="FILE", help="Write to a file, whole or not at all. Default: print."
)
@_max_memory
def predict(net: str, data: str, output: str | None, max_memory: float | None) -> None:
    """Predict one row for every row of DATA with the saved network NET, as CSV.

    Columns are found by their names, in any order; the target may be among them. Names that a
    spreadsheet would run as a formula get a ' in front, control characters are written out.

    \b
    deltaloop predict net.npz new.csv
    deltaloop predict net.npz new.csv -o out.csv
    """  # noqa: D301 - click wants the character
    if output == "-":
        output = None
    if output is not None:
        check_output("--output", output, data, net, devices=True)
    lines = predict_lines(load(net), feature_table(data, max_memory))
    if output is None:
        for block in lines:
            click.echo(block, nl=False)
        return
    with whole_file(output, "w") as file:
        file.writelines(lines)


@command.command(short_help="Write a saved network as a C header.")
@click.argument("net")
@click.argument("header")
@click.option("--name", metavar="TEXT", help="Prefix of all names in it. Default: of the file.")
@click.option("--learn", is_flag=True, help="With a function that learns one sample.")
def export(net: str, header: str, name: str | None, learn: bool) -> None:
    """Write the saved network NET as the C header HEADER, which needs nothing but itself.

    \b
    deltaloop export net.npz net.h
    deltaloop export net.npz net.h --name valve --learn
    """  # noqa: D301 - click wants the character
    load(net, backend="reference").to_c(header, name=name, learn=learn)
    print_lines(f"C header: {header}")


@command.command(short_help="Tell what is installed, or what a network holds.")
@click.argument("net", required=False)
def info(net: str | None) -> None:
    """Tell what is installed, or what the saved network NET holds.

    \b
    deltaloop info
    deltaloop info net.npz
    """  # noqa: D301 - click wants the character
    if net is None:
        print_rows(report.installation_rows())
        return
    # by the reference: told even where no compiled backend runs
    network, version = load_with_version(net, backend="reference")
    print_rows([("file", net), *report.network_rows(network, version)])


def _widths(text: str) -> tuple[int, ...]:
    """Hidden widths from the option --layers."""
    if text.strip().casefold() == "none":
        return ()
    widths = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("[0-9]{1,9}", part) and int(part) > 0 for part in widths):
        raise InvalidInputError(
            f"--layers must be widths of hidden layers such as 30,30, or none; got {text!r}"
        )
    return tuple(map(int, widths))


command.add_command(bench)
command.add_command(explain)
