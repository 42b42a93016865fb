"""The figures that pages give are those of the runs that were kept."""

import re
from pathlib import Path

import pytest

import report
from deltaloop.benchmarking.results import load

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
NAMES = {  # where the first page names a job otherwise
    "the same, 19 % of the inputs not zero": "784-30-10 sigmoid, batch 1, 19 % non-zero",
    "predict 10-64-64-1, 1 row from Python": "predict 10-64-64-1 tanh, 1 row",
    "predict 10-64-64-1, 10,000 rows": "predict 10-64-64-1 tanh, 10,000 rows",
}


def jobs_of(run):
    results = load(report.HERE / "results" / f"{run}.json")
    return {one.job.name: one for one in results.jobs if one.curve is None}


def table():
    """Job and its cells, without what is bold."""
    head = "| job | deltaloop | fastest peer | NumPy reference | PyTorch eager |\n|---|"
    _, rest = README.split(head)
    rows = [line.replace("*", "") for line in rest.split("\n\n")[0].splitlines()[1:]]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_page_of_the_benchmarks_is_the_one_that_is_written_of_them():
    assert (report.HERE / "README.md").read_text("utf-8") == report.page()


def test_first_page_has_the_times_of_the_run():
    jobs = jobs_of("zen3")
    rows = table()
    assert len(rows) == 11
    for name, *cells in rows:
        one = jobs[NAMES.get(name, name)]
        by_peer = {row.label: row for row in one.timed}
        timed = one.ours, one.fastest_peer, by_peer["NumPy"], by_peer["PyTorch eager"]
        for cell, row in zip(cells, timed, strict=True):
            told = cell.split()[0].replace(",", "")
            assert float(told) == float(f"{1e6 * row.minimum:.{digits(told)}g}"), (name, row.label)


def digits(told):
    """Significant ones: zeros at the end of a whole number may be none."""
    return len(told.replace(".", "").lstrip("0") if "." in told else told.rstrip("0"))


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("zen3", r"the fastest in (\d+) of the (\d+) jobs"),
        ("emerald-rapids", r"an Emerald Rapids core gave\s+(\d+) of (\d+)"),
        ("zen4", r"a Zen 4 core (\d+)"),
    ],
)
def test_first_page_counts_the_jobs_that_were_fastest(run, told):
    jobs = jobs_of(run).values()
    counts = [sum(one.ratio < 1 for one in jobs), len(jobs)]
    found = [int(number) for number in re.search(told, README).groups()]
    assert found == counts[: len(found)]


def test_first_page_says_how_far_behind_the_slower_jobs_are():
    slower = [f"{one.ratio:.2f}" for one in jobs_of("emerald-rapids").values() if one.ratio > 1]
    told = re.search(r"took (\S+) and\s+(\S+) times as long as the fastest peer", README)
    assert list(told.groups()) == slower
