"""Two kept results side by side."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from deltaloop.benchmarking import command, compare
from deltaloop.errors import InvalidInputError
from small_benchmark import SGD


def halved(found):
    """The same run with every time halved."""
    jobs = [
        replace(one, rows=[replace(row, repeats=[t / 2 for t in row.repeats]) for row in one.rows])
        for one in found.jobs
    ]
    return replace(found, jobs=jobs)


def test_ratios_are_after_over_before(found, capsys):
    compare.print_comparison(found, halved(found), width=80)
    text = capsys.readouterr().out
    row = next(line for line in text.splitlines() if SGD.name in line)
    assert row.split()[-5:] == ["2.00", "1.00", "0.500", "0.500", "0.500"]
    n_jobs = sum(one.ours is not None for one in found.jobs)
    assert f"geometric mean of after / before: 0.500 over {n_jobs} jobs" in text
    assert "processors differ" not in text


def test_what_makes_times_incomparable_is_said(found):
    other = replace(
        found, quick=not found.quick, machine=replace(found.machine, processor="another")
    )
    said = " ".join(compare.notes(found, other, len(found.jobs) - 1))
    assert "processors differ" in said
    assert "--quick" in said
    assert "2 jobs are in one of them alone" in said


def test_files_without_a_common_job_are_refused(found):
    with pytest.raises(InvalidInputError, match="no job in common"):
        compare.print_comparison(found, replace(found, jobs=[]))


def test_command_reads_both_files(found, tmp_path):
    for name in ("a.json", "b.json"):
        found.save(tmp_path / name)
    done = CliRunner().invoke(
        command.bench, ["--compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    )
    assert done.exit_code == 0, done.output
    assert "1.000" in done.output


@pytest.mark.parametrize(("minimum", "verdict"), [(1.0, "at target"), (1.2, "faster")])
def test_a_share_of_the_peak_is_a_target(found, minimum, verdict):
    one = found.jobs[0]
    rows = [replace(row, repeats=[minimum if row.is_ours else 2.0]) for row in one.rows]
    job = replace(one.job, target=None, share=0.9)
    assert replace(one, job=job, floor=0.95, rows=rows).verdict == verdict
