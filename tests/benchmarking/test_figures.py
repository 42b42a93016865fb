"""The figures that pages give are those of the runs that were kept."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import report
from deltaloop.benchmarking.results import load
from deltaloop.benchmarking.tables import TableResult, TableResults

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text("utf-8")
NAMES = {  # where the first page names a job otherwise
    "the same, 19 % of the inputs not zero": "784-30-10 sigmoid, batch 1, 19 % non-zero",
    "predict 10-64-64-1, 1 row from Python": "predict 10-64-64-1 tanh, 1 row",
    "predict 10-64-64-1, 10,000 rows": "predict 10-64-64-1 tanh, 10,000 rows",
}


def jobs_of(run):
    results = load(report.HERE / "results" / f"{run}.json")
    return {one.job.name: one for one in results.jobs if one.curve is None}


def table(text, head):
    """The cells of the table with that head, row by row, without what is bold or code."""
    _, rest = text.split(f"{head}\n")
    rows = [re.sub("[*`]", "", line) for line in rest.split("\n\n")[0].splitlines()[1:]]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def page(name):
    return (CHECKOUT / "docs" / name).read_text("utf-8")


def kept(run):
    return json.loads((report.HERE / "results" / f"{run}.json").read_text("utf-8"))


def test_page_of_the_benchmarks_is_the_one_that_is_written_of_them():
    assert (report.HERE / "README.md").read_text("utf-8") == report.page()


def test_first_page_has_the_times_of_the_run():
    jobs = jobs_of("zen3")
    rows = table(README, "| job | deltaloop | fastest peer | NumPy reference | PyTorch eager |")
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


def seconds(cell):
    """Of '48 ms' and the like; and half a unit of its last digit."""
    told, unit = cell.split()
    unit = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}[unit]
    return float(told) * unit, 0.5001 * unit * 10.0 ** -len(told.partition(".")[2])


def test_page_of_the_estimators_has_the_times_of_the_run():
    rows = table(page("sklearn.md"), "| | scikit-learn | deltaloop | times as fast |")
    measured = []
    for row in kept("estimators/emerald-rapids")["rows"]:
        measured.append((row["name"], min(row["theirs"]), min(row["ours"])))
        if row["alone"]:
            measured.append(("the same, scikit-learn with 1", min(row["alone"]), min(row["ours"])))
    assert [name for name, *_ in rows] == [name for name, *_ in measured]
    for (name, *cells, ratio), (_, *times) in zip(rows, measured, strict=True):
        for cell, time in zip(cells, times, strict=True):
            told, half = seconds(cell)
            assert abs(told - time) <= half, name
        n_decimals = len(ratio.partition(".")[2])
        assert float(ratio) == round(times[0] / times[1], n_decimals), name


NAMES_OF_PEERS = {
    "dl.tabular": "deltaloop", "simple=True": "deltaloop simple", "MLP, StandardScaler": "MLP",
    "MLP, raw": "raw MLP", "RealMLP-TD-S in PyTorch": "RealMLP",
}  # fmt: skip


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_page_of_the_tables_has_the_errors_of_the_run(task):
    (found,) = (one for one in kept("tables/emerald-rapids")["tasks"] if one["task"] == task)
    results = TableResults(**found | {"tables": [TableResult(**one) for one in found["tables"]]})
    kind = "classes" if task == "classification" else "values"
    head = f"| {kind} | error ratio | better | worse | mean rank | median s | longest s |"
    rows = table(page("tabular.md"), head)
    assert [NAMES_OF_PEERS.get(name, name) for name, *_ in rows] == results.peers
    ranks = results.ranks(results.peers)
    for name, ratio, better, worse, rank, median, longest in rows:
        peer = NAMES_OF_PEERS.get(name, name)
        ratios, times = results.ratios(peer), results.times(peer)
        assert float(ratio) == round(results.mean_ratio(peer)[0], 3)
        if peer != "MLP":
            assert (int(better), int(worse)) == ((ratios < 1).sum(), (ratios > 1).sum())
        assert float(rank) == round(ranks[peer], 2)
        assert float(median) == round(np.median(times), 2)
        assert float(longest) == pytest.approx(times.max(), abs=0.05001)
