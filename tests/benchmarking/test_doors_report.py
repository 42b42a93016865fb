"""Results of the doors: what is kept of a run, and the tables made of it."""

import json

import pytest

import doors_report
import kept


def case(network, door, seconds):
    """A benchmark as pytest-benchmark writes it."""
    return {
        "group": "learned in a loop", "name": f"test[{network}-{door}]",
        "fullname": "/home/someone/test_doors.py", "params": {"door": door, "network": network},
        "extra_info": {"samples": 1000},
        "stats": {"min": seconds, "median": 2 * seconds, "rounds": 5, "data": [seconds] * 5},
    }  # fmt: skip


@pytest.fixture
def output():
    return {
        "machine_info": {"node": "the-host", "cpu": {"brand_raw": "a processor"}},
        "commit_info": {"id": "0123abc", "branch": "a-branch"},
        "benchmarks": [case("2-1", "C", 1e-3), case("2-1", "Python", 2), case("3-1", "C", 3e-3)],
        "datetime": "2026-01-02T03:04:05+00:00",
        "version": "5",
    }


def test_nothing_about_the_host_is_kept(output):
    kept.trim(output)
    text = json.dumps(output)
    for private in ("the-host", "someone", "a-branch", "0123abc", "03:04"):
        assert private not in text
    assert output["machine"].keys() == {"processor", "system", "python", "instruction_set"}
    assert output["benchmarks"][0]["stats"] == {"min": 1e-3, "median": 2e-3, "rounds": 5}


def test_rows_are_doors_and_columns_networks(output, tmp_path):
    kept.trim(output)
    path = tmp_path / "here-doors.json"
    path.write_text(json.dumps(output))
    text = doors_report.section(path)
    assert text.startswith("## Doors: here\n")
    assert "### Learned in a loop, per sample" in text
    assert "|  | 2-1 | 3-1 |" in text
    assert "| C | 1.00 µs / 2.00 µs | 3.00 µs / 6.00 µs |" in text
    assert "| Python | 2.00 ms / 4.00 ms | - |" in text
