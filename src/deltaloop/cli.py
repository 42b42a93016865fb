"""The commands `deltaloop train`, `predict` and `info`."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import click
import numpy as np

from . import __version__, datasets, modelling, report
from .activations import ACTIVATIONS
from .errors import InvalidInputError
from .history import History
from .kernels import available
from .losses import LOSSES
from .modelling import Recipe
from .network import Network
from .optimizers import OPTIMIZERS
from .predictions import predict_lines, whole_file
from .problems import TASKS, feature_table, open_problem
from .storage import load
from .terminal import INTERRUPTED, OneLineErrors, is_terminal, print_rows

_DATA = (
    "DATA is a file (.csv, .tsv, .txt, .npy, .npz, .svm, .libsvm or .svmlight, .gz after it is "
    "fine) or the name of a bundled data set: " + ", ".join(datasets.names()) + "."
)
_UPDATES_PER_SECOND = 20


def _names(accepted) -> str:
    return "|".join(name for name in accepted if name != "softmax")


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
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command.command(epilog=_DATA)
@click.argument("data", default="digits")
@click.option("--target", metavar="COLUMN", help="Name or number, from 1. Default: the last.")
@click.option(
    "--ignore",
    metavar="COLUMN",
    multiple=True,
    help="A column that is no input, such as a row number. May be repeated.",
)
@click.option("--task", metavar=_names(TASKS), help="Default: guessed from the target, and said.")
@click.option(
    "--layers", default="30", show_default=True, help="Hidden units, such as 30,30; or none."
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
    help="Default: 0.05; 0.1 with binary_cross_entropy and 0.5 with mse for classes.",
)
@click.option("--momentum", type=float, help="Default: 0.")
@click.option("--nesterov", is_flag=True, help="Nesterov's momentum.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help=f"Samples per step. Default: {modelling.BATCH_SIZE}.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help=f"Passes over the data. Default: {modelling.EPOCHS}, more where rows are few.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of test part, initial values and sample order.",
)
@click.option(
    "--test-fraction", type=float, help="Held out to test with, of a file. Default: 0.2; may be 0."
)
@click.option(
    "--standardize/--no-standardize",
    default=True,
    show_default=True,
    help="Mean 0 and deviation 1 for inputs, and for targets that are values.",
)
@click.option("--dtype", metavar="float32|float64", default=Recipe.dtype, show_default=True)
@click.option(
    "--backend",
    metavar="NAME",
    default=Recipe.backend,
    show_default=True,
    help=f"{_names(('auto', *available()))}.",
)
@click.option("--save", metavar="FILE", help="Keep the network, with scaling and class names.")
@click.pass_context
def train(context: click.Context, data: str, save: str | None, layers: str, **options) -> None:
    """Train a network on DATA, by default on handwritten digits, and report how well it does.

    \b
    deltaloop train iris
    deltaloop train prices.csv --target price --layers 30,30 --epochs 200
    deltaloop train flowers.csv --target species --save net.npz
    """
    _refuse_more_than_a_file(save, "--save", data)
    opening = {name: options.pop(name) for name in ("target", "ignore", "task", "test_fraction")}
    recipe = Recipe(layers=_widths(layers), **options)
    problem = open_problem(data, **opening, seed=recipe.seed)
    net = modelling.build(problem, recipe)
    optimizer = modelling.build_optimizer(problem, recipe)
    n_epochs, batch_size = modelling.epochs(problem, recipe), modelling.batch_size(problem, recipe)
    n_classes = f", {len(problem.classes)} classes" if problem.classes else ""
    click.echo(f"data: {problem.title}{n_classes}")
    click.echo(f"task: {problem.task} ({problem.reason})")
    with _progress(n_epochs) as progress:
        history = modelling.train(net, problem, recipe, optimizer, progress)
    not_saved = None
    if save is not None:
        try:
            net.save(os.path.realpath(save))
        except OSError as error:  # told after the report, which cost more
            not_saved = error
    rows = report.training_rows(
        net, history, n_epochs, len(problem.X_train), batch_size,
        modelling.score(net, problem.X_train, problem.y_train),
        modelling.score(net, problem.X_test, problem.y_test),
    )  # fmt: skip
    interrupted = history.stop_reason == "interrupted"
    if not interrupted and net.backend_name != "reference":
        try:
            comparison = modelling.compare(net, problem, recipe, optimizer)
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


@command.command(epilog=_DATA)
@click.argument("net")
@click.argument("data")
@click.option(
    "-o", "--output", metavar="FILE", help="Write to a file, whole or not at all. Default: print."
)
def predict(net: str, data: str, output: str | None) -> None:
    """Predict one row for every row of DATA with the saved network NET, as CSV.

    Columns are found by their names, in any order; the target may be among them.

    \b
    deltaloop predict net.npz new.csv
    deltaloop predict net.npz new.csv -o out.csv
    """
    if output is not None:
        _refuse_more_than_a_file(output, "--output", data, net, devices=True)
    lines = predict_lines(load(net), feature_table(data))
    if output is None:
        for block in lines:
            click.echo(block, nl=False)
        return
    with whole_file(Path(output)) as file:
        file.writelines(lines)


@command.command()
@click.argument("net", required=False)
def info(net: str | None) -> None:
    """Tell what is installed, or what the saved network NET holds.

    \b
    deltaloop info
    deltaloop info net.npz
    """
    rows = report.installation_rows()
    if net is not None:
        network = load(net)
        rows += [("file", net), *report.network_rows(network, _format_version(net))]
    print_rows(rows)


def _widths(text: str) -> tuple[int, ...]:
    """Hidden widths from the option --layers."""
    if text.strip().casefold() == "none":
        return ()
    widths = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in widths):
        raise InvalidInputError(
            f"--layers must be widths of hidden layers such as 30,30, or none; got {text!r}"
        )
    return tuple(map(int, widths))


def _refuse_more_than_a_file(
    path: str | None, option: str, *inputs: str, devices: bool = False
) -> None:
    """Find out before the work whether the result can be written, and would replace no input."""
    if path is None:
        return
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InvalidInputError(f"{option} {path!r} is a directory; give the name of a file in it")
    if target.exists() and not target.is_file():
        if devices:
            return
        raise InvalidInputError(f"{option} {path!r} is no ordinary file; give another name")
    if any(os.path.exists(one) and target == Path(os.path.realpath(one)) for one in inputs):
        raise InvalidInputError(f"{option} {path!r} would replace what is read; give another name")
    probe = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InvalidInputError(f"{option} {path!r} cannot be written: {error.strerror}") from None


@contextmanager
def _progress(n_epochs: int) -> Iterator[Callable[[int, float, History], None] | bool]:
    """A progress bar on stderr, where that is a terminal."""
    if not is_terminal(sys.stderr):
        yield False
        return
    from rich.console import Console

    from .progress import bar

    with bar(n_epochs, Console(stderr=True)) as draw:
        drawn = 0.0

        def report_now_and_then(epoch: int, fraction: float, history: History) -> None:
            nonlocal drawn
            now = perf_counter()
            is_last = epoch == n_epochs and fraction == 1
            if is_last or now - drawn > 1 / _UPDATES_PER_SECOND:
                drawn = now
                draw(epoch, fraction, history)

        yield report_now_and_then


def _format_version(path: str) -> int:
    """Version of the file format of a network that has been read."""
    with np.load(path, allow_pickle=False) as archive:
        return json.loads(str(archive["format"]))["version"]
