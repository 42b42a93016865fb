"""benchmarks/features.py measures every row, and says where a ratio is above what it may be."""

import pytest

import features


@pytest.fixture
def measured(monkeypatch):
    """Let the table have these times, in µs, and all others 10."""

    def be(**times):
        monkeypatch.setattr(features, "pin", lambda: None)
        best = {name: 1e-6 * times.get(name, 10) for name in features.ROWS}
        monkeypatch.setattr(features, "measured", lambda repeats: best)
        monkeypatch.setattr("sys.argv", ["features.py"])

    return be


def test_every_row_is_timed(monkeypatch):
    monkeypatch.setattr(features, "N_STEPS", 2)
    best = features.measured(1)
    assert best.keys() == features.ROWS.keys()
    assert all(0 < seconds < 1 for seconds in best.values())


def test_every_ratio_is_to_a_row():
    assert {row.base for row in features.ROWS.values()} == {"", "SGD", "Adam"}
    assert not features.ROWS["SGD"].base


def test_table_says_what_is_above(measured, capsys):
    measured(Adam=15, NAdam=19)
    assert features.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert "| Adam | 15.00 | 1.50 | SGD | 1.6 |  |" in lines
    assert "| NAdam | 19.00 | 1.27 | Adam | 1.2 | above |" in lines
    assert sum("above" in line for line in lines) == 1


def test_no_row_above_is_a_success(measured, capsys):
    measured()
    assert features.main() == 0
    assert "above" not in capsys.readouterr().out
