"""The command `deltaloop bench`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from sys import stderr

import click

from ..console.endings import JSON
from ..console.outputs import check_output, check_picture
from ..console.terminal import INTERRUPTED, is_terminal, status
from ..errors import InvalidInputError
from ..inputs.threads import processors
from . import jobs, machine, peers, report, results, runner, start, workers

Entry = tuple[jobs.Job, str | None, float | None]


@click.command(short_help="Time training steps here, in this package and in its peers.")
@click.option(
    "--jobs",
    "patterns",
    metavar="PATTERN",
    multiple=True,
    help="Jobs whose name is or contains it, with * for anything, such as 784-30-10 or "
    "'predict*1 row'. May be repeated. Default: all, or one of every kind with --quick.",
)
@click.option(
    "--peers",
    "names",
    metavar="NAME",
    multiple=True,
    help="Compare with these alone. May be repeated. Default: all that are installed.",
)
@click.option("--quick", is_flag=True, help="A first look, within two minutes.")
@click.option(
    "--scaling",
    "curve_names",
    metavar="NAME",
    multiple=True,
    help=f"Curves in place of jobs: {', '.join(jobs.SCALING_NAMES)}, or all.",
)
@click.option(
    "--estimators",
    is_flag=True,
    help="The classes of deltaloop.sklearn beside those of scikit-learn, in place of jobs.",
)
@click.option(
    "--tables",
    "of_tables",
    is_flag=True,
    help="How good the default is on 43 tables of classes and 22 of values, beside other methods.",
)
@click.option("--ablate", is_flag=True, help="With --tables: beside variants of itself instead.")
@click.option(
    "--compare",
    "earlier_and_later",
    metavar="A.json B.json",
    nargs=2,
    help="Two kept results side by side; nothing is measured.",
)
@click.option("--json", "json_file", metavar="FILE", help="Keep the results.")
@click.option("--plot", "picture", metavar="FILE", help="Draw them (.png, .svg or .pdf).")
def bench(
    patterns: tuple[str, ...],
    names: tuple[str, ...],
    quick: bool,
    curve_names: tuple[str, ...],
    estimators: bool,
    of_tables: bool,
    ablate: bool,
    earlier_and_later: tuple[str, str] | None,
    json_file: str | None,
    picture: str | None,
) -> None:
    """Time training steps and predictions on this machine, in this package and in its peers.

    Every peer gets the same weights and the same batches, and has to agree with a float64 reference
    before it is timed. One thread, one core, turns interleaved.

    \b
    deltaloop bench --quick
    deltaloop bench --jobs 784-30-10 --peers numba --peers jax-scan
    deltaloop bench --scaling width --plot width.png
    deltaloop bench --tables --json tables.json
    deltaloop bench --json results.json --plot results.png
    deltaloop bench --estimators
    deltaloop bench --compare before.json after.json
    """  # noqa: D301 - click wants the character
    if earlier_and_later:
        others = (patterns, names, quick, curve_names, estimators, of_tables, ablate, json_file)
        if any(others) or picture is not None:
            raise InvalidInputError("--compare goes with two files and nothing else")
        from . import compare

        earlier, later = map(results.load, earlier_and_later)
        compare.print_comparison(earlier, later)
        return
    if estimators:
        if of_tables or ablate or patterns or names or curve_names or picture is not None:
            raise InvalidInputError(
                "--estimators goes with --quick and --json alone; leave the others out"
            )
        _bench_estimators(quick, json_file)
        return
    if of_tables or ablate:
        _bench_tables(
            of_tables, ablate, quick, json_file, bool(patterns or names or curve_names or picture)
        )
        return
    chosen = peers.select(names)
    entries = entries_of(patterns, curve_names, quick)
    if json_file is not None:
        check_output("--json", json_file, written=JSON)
    if picture is not None:
        check_picture("--plot", picture)
    settings = settings_of(names, curve_names, quick)
    found = measure(chosen, entries, settings, quick, with_starts=not (patterns or curve_names))
    report.print_results(found)
    if found.interrupted:
        click.echo(f"interrupted after {len(found.jobs)} of {len(entries)} jobs", err=True)
    if json_file is not None:
        found.save(json_file)
        click.echo(f"results: {json_file}")
    if picture is not None:
        from .plots import save

        save(found, picture)
        click.echo(f"picture: {picture}")
    if found.interrupted:
        raise SystemExit(INTERRUPTED)


def _bench_estimators(quick: bool, json_file: str | None) -> None:
    from . import estimators

    if json_file is not None:
        check_output("--json", json_file, written=JSON)
    with progress() as tell:
        rows = estimators.run(quick, tell)
    click.echo(estimators.table(rows))
    if json_file is not None:
        estimators.save(rows, json_file, quick)
        click.echo(f"results: {json_file}")


def _bench_tables(
    of_tables: bool, ablate: bool, quick: bool, json_file: str | None, more: bool
) -> None:
    """What --tables does."""
    from . import tables

    if not of_tables:
        raise InvalidInputError("--ablate belongs to --tables; give both")
    if more:
        raise InvalidInputError("--tables takes no jobs, peers, curves or pictures; leave them out")
    if json_file is not None:
        check_output("--json", json_file, written=JSON)
    found = tables.bench(ablate, quick, lambda text: click.echo(text, err=True))
    for one in found:
        click.echo("\n".join(["", *one.lines()]))
    if json_file is not None:
        tables.save(json_file, found)
        click.echo(f"results: {json_file}")


def entries_of(
    patterns: tuple[str, ...], curve_names: tuple[str, ...], quick: bool
) -> list[Entry]:  # fmt: skip
    """The jobs to run, with curve and value where they belong to one."""
    if not curve_names:
        pool = jobs.QUICK if quick and not patterns else jobs.ALL
        return [(job, None, None) for job in jobs.select(pool, patterns)]
    if patterns:
        raise InvalidInputError("--jobs and --scaling exclude each other; give one of them")
    wanted = jobs.SCALING_NAMES if "all" in curve_names else dict.fromkeys(curve_names)
    entries: list[Entry] = []
    for name in wanted:
        points = jobs.scaling(name, processors())
        kept = sorted({*list(points)[::3], max(points)} if quick else points)
        entries += [(points[x], name, float(x)) for x in kept]
    return entries


def settings_of(
    names: tuple[str, ...], curve_names: tuple[str, ...], quick: bool
) -> runner.Settings:
    """How long to look; a peer that was named takes part however long it compiles."""
    base = runner.QUICK if quick else runner.SCALING if curve_names else runner.Settings()
    if not names:
        return base
    return runner.Settings(base.repeats, base.fewest, base.seconds, with_slow_starts=True)


def measure(
    chosen: list[peers.Peer],
    entries: list[Entry],
    settings: runner.Settings,
    quick: bool,
    with_starts: bool,
) -> results.Results:
    """Machine, jobs and start-up, with a progress bar on stderr."""
    places = workers.Workers()
    try:
        with status("measuring the machine"):
            here = machine.measure()
        with progress() as tell:
            found = runner.run(entries, chosen, settings, here, places, tell, quick)
    finally:
        places.close()
    if with_starts and not found.interrupted:
        with status("starting every library"):
            found.starts = start.measure(chosen, workers.plain_environment(), 1 if quick else 5)
    return found


@contextmanager
def progress() -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr, where that is a terminal; drawn between measurements alone."""
    if not is_terminal(stderr):
        yield lambda done, total, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    # no thread that redraws: it would run beside what is measured
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as shown:
        task = shown.add_task("")

        def tell(done: int, total: int, text: str) -> None:
            shown.update(task, completed=done, total=total, description=text)
            shown.refresh()

        yield tell
