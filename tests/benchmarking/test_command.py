"""`deltaloop bench`: what the options choose, and what is refused before anything is measured."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from deltaloop.benchmarking import command, jobs, peers, results, runner
from deltaloop.errors import DeltaloopError


@pytest.fixture
def measured(monkeypatch, found):
    """The command without its measurements; what it would have measured."""
    asked = {}

    def measure(chosen, entries, settings, quick, with_starts):
        asked.update(
            chosen=chosen, entries=entries, settings=settings, quick=quick, with_starts=with_starts
        )
        return found

    monkeypatch.setattr(command, "measure", measure)
    return asked


def bench(*arguments):
    return CliRunner().invoke(command.bench, arguments)


def test_quick_means_few_jobs_and_no_slow_starts(measured):
    done = bench("--quick")
    assert done.exit_code == 0, done.output
    assert [job for job, _, _ in measured["entries"]] == list(jobs.QUICK)
    assert measured["settings"] == runner.QUICK
    assert not measured["settings"].with_slow_starts
    assert measured["with_starts"]


def test_everything_is_the_default(measured):
    bench()
    assert [job for job, _, _ in measured["entries"]] == list(jobs.ALL)
    assert [peer.name for peer in measured["chosen"]] == list(peers.table())
    assert not measured["quick"]


def test_jobs_and_peers_are_chosen(measured):
    bench("--quick", "--jobs", "8-3-8", "--peers", "numpy")
    assert [job.sizes for job, _, _ in measured["entries"]] == [(8, 3, 8)]
    assert [peer.name for peer in measured["chosen"]] == ["deltaloop", "numpy"]
    assert measured["settings"].with_slow_starts
    assert not measured["with_starts"]


def test_curves_replace_jobs(measured):
    bench("--scaling", "depth")
    assert [(curve, x) for _, curve, x in measured["entries"]] == [
        ("depth", float(n)) for n in range(1, 9)
    ]
    assert measured["settings"] == runner.SCALING


def test_files_are_written(measured, tmp_path, found):
    pytest.importorskip("matplotlib")
    done = bench("--json", str(tmp_path / "a.json"), "--plot", str(tmp_path / "a.png"))
    assert done.exit_code == 0, done.output
    assert results.load(tmp_path / "a.json") == found
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", "nothing"], "matches none of the jobs"),
        (["--peers", "jax-scna"], "did you mean 'jax-scan'"),
        (["--scaling", "sideways"], "unknown scaling curve 'sideways'"),
        (["--scaling", "width", "--jobs", "8-3-8"], "exclude each other"),
        (["--json", "no/such/folder/a.json"], "cannot be written"),
        (["--compare", "a.json", "b.json", "--quick"], "--compare goes with two files"),
        (["--plot", "picture.foo"], "'picture.foo' must end in .png, .svg, .pdf"),
        (["--plot", "picture"], "'picture' must end in .png"),
    ],
)
def test_errors_come_before_measurements(measured, arguments, message):
    done = bench(*arguments)
    assert isinstance(done.exception, DeltaloopError)
    assert message in str(done.exception)
    assert not measured


def test_suite_is_not_imported_by_the_package():
    code = "import sys, deltaloop; print([m for m in sys.modules if 'benchmarking' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
