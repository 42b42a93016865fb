"""Results in their file, and the verdicts on them."""

import json
from dataclasses import replace

import pytest

from deltaloop.benchmarking import results
from deltaloop.errors import FileFormatError
from small_benchmark import SGD


def test_results_survive_the_file(found, tmp_path):
    path = tmp_path / "results.json"
    found.save(path)
    assert results.load(path) == found
    assert json.loads(path.read_text())["format"] == results.FORMAT


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 99}', "nonsense"])
def test_other_files_are_refused(text, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"results\.json"):
        results.load(path)


def test_ratio_and_verdict(found):
    good, bad = found.jobs[0], found.jobs[1]
    assert (good.ratio, good.verdict) == (0.5, "at target")
    assert (bad.ratio, bad.verdict) == (2.0, "slower")
    assert replace(good, job=replace(good.job, target=0.4)).verdict == "faster"
    assert found.missing() == ["PyTorch eager"]


def test_other_instruction_sets_are_no_peers():
    row = results.Row("deltaloop-v2", "deltaloop v2", repeats=[1e-6])
    ours = results.Row("deltaloop", "deltaloop", repeats=[2e-6])
    assert results.JobResult(SGD, 0.0, [ours, row]).fastest_peer is None
