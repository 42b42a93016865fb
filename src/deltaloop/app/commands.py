"""The commands `deltaloop train`, `predict`, `export` and `info`."""

import re

import click

from .. import datasets
from ..benchmarking.command import bench
from ..console.endings import C_HEADER, CSV
from ..console.outputs import check_output
from ..console.terminal import INTERRUPTED, OneLineErrors, print_lines, print_rows, say
from ..errors import InvalidInputError
from ..interop.whole_file import whole_file
from ..loading import load, load_with_version
from ..version import __version__
from . import options, report
from .completion import complete
from .convert import convert
from .explain import explain
from .holdout import Choice
from .kept_reading import as_in_training
from .modelling import Settings
from .predictions import inputs_of, known_columns, predict_lines
from .problems import Reading, feature_table
from .train_command import Wanted, run

_DATA = (
    "DATA is a file (.csv, .tsv, .txt, .parquet, .jsonl, .npy, .npz, .svm, .libsvm, .svmlight or "
    "FANN's .train; with .gz or .zst after it) or the name of a bundled data set: "
    + ", ".join(datasets.names())
    + "."
)


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


@command.command(
    cls=options.Sections,
    sections=options.SECTIONS,
    epilog=_DATA,
    short_help="Train a network and report how well it does.",
)
@click.argument("data", required=False)
@options.train_options
@click.pass_context
def train(
    context: click.Context, data: str | None, target: tuple[str, ...], ignore: tuple[str, ...],
    keep: tuple[str, ...], encode: tuple[str, ...], task: str | None, log_target: bool,
    header: bool | None,
    text: tuple[str, ...], numbers: tuple[str, ...], missing: tuple[str, ...],
    decimal: str | None, skip_bad_lines: bool, query: str | None, max_memory: float | None,
    test_fraction: float | None, test: str | None, group: str | None, seed: int,
    budget: float | None, simple: bool, stream: bool, layers: str, compare: bool, explain: bool,
    plot: str | None, save: str | None, **network,
) -> None:  # fmt: skip
    """Train a network on DATA, by default on handwritten digits, and report how well it does.

    Text, dates, missing cells, row numbers and ids are taken care of, and the report says how. The
    network and its training follow a recipe for tables; --simple is the network of textbooks.

    \b
    deltaloop train flowers.csv --target species --save net.npz
    deltaloop train prices.csv --target price --ignore id,agent --explain
    deltaloop train sales.csv --target units --test last --budget 60
    deltaloop train iris --layers 30,30 --epochs 200 --schedule cosine
    """  # noqa: D301 - click wants the character
    given = [name for name in options.OF_NETWORK if options.is_given(context, name)]
    reading = Reading(
        target, ignore, keep, task, header, text, decimal, skip_bad_lines, query, log_target,
        max_memory, numbers, missing, encode,
    )  # fmt: skip
    choice = Choice(test_fraction, test, group, seed)
    wanted = Wanted(simple, stream, budget, compare, explain, plot, save)
    settings = Settings(layers=_widths(layers), seed=seed, **network)
    if run(data, reading, choice, settings, wanted, given):
        context.exit(INTERRUPTED)


@command.command(epilog=_DATA, short_help="Predict every row of a table.")
@click.argument("net")
@click.argument("data", required=False)
@click.option(
    "-o", "--output", metavar="FILE", help="Write to a file, whole or not at all. Default: print."
)
@click.option(
    "--id",
    "ids",
    metavar="COLUMN",
    multiple=True,
    help="Keep this column of DATA, before the predictions. May be repeated, or be several: A,B.",
)
@options.reading_options
def predict(
    net: str, data: str | None, output: str | None, ids: tuple[str, ...], **reading
) -> None:
    """Predict one row for every row of DATA with the saved network NET, as CSV.

    A class comes with its probability and that of every class; a value with the ends of an
    interval that holds nine true values of ten, if a test part has shown how far predictions are
    off. Columns are found by their names, in any order; the target may be among them. Cells are
    read as in training: --text, --numbers, --missing and --decimal are known unless given. Names
    that a spreadsheet would run as a formula get a ' in front, control characters are written out.

    \b
    deltaloop predict net.npz new.csv
    deltaloop predict net.npz new.csv --id customer -o out.csv
    """  # noqa: D301 - click wants the character
    if output == "-":
        output = None
    if data is None and reading["query"] is None:
        raise click.UsageError("Missing argument 'DATA'.")
    if output is not None:
        check_output("--output", output, *filter(None, (data, net)), written=CSV, devices=True)
    network = load(net)
    how, taken = as_in_training(Reading(**reading), network.metadata, data)
    table = feature_table(data, how, known_columns(network))
    for note in (*taken, *table.notes):
        say(f"note: {note}")
    lines = predict_lines(network, table, ids)
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
@click.option("--momentum", is_flag=True, help="With --learn: steps with momentum.")
@click.option(
    "--weights",
    type=click.Choice(["int8", "int16"]),
    help="Weights of one byte; or hidden layers in whole numbers of two, with --samples.",
)
@click.option(
    "--samples", metavar="DATA", help="With --weights int16: a table of inputs as they will come."
)
@click.option("--progmem", is_flag=True, help="For AVR: parameters stay in flash.")
def export(net: str, header: str, samples: str | None, **writing) -> None:
    """Write the saved network NET as the C header HEADER, which needs nothing but itself.

    \b
    deltaloop export net.npz net.h
    deltaloop export net.npz net.h --name valve --learn
    deltaloop export net.npz net.h --weights int8 --progmem
    deltaloop export net.npz net.h --weights int16 --samples train.csv
    """  # noqa: D301 - click wants the character
    check_output("HEADER", header, *filter(None, (net, samples)), written=C_HEADER, devices=True)
    network = load(net, backend=None)
    if samples is not None:
        how, _ = as_in_training(Reading(), network.metadata, samples)
        table = feature_table(samples, how, known_columns(network))
        writing["samples"] = inputs_of(network, table)
    network.to_c(header, **writing)
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
    network, version = load_with_version(net, backend=None)
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
command.add_command(convert)
command.add_command(explain)
complete(command)
