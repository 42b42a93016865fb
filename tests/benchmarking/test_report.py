"""Results as tables, for the terminal and in Markdown."""

from deltaloop.benchmarking import report
from small_benchmark import MACHINE, SGD


def test_terminal_report_names_everything(found, capsys):
    report.print_results(found, width=160)
    text = capsys.readouterr().out
    for part in (
        SGD.name, "2.00 (3.00)", "4.00 Numba loops", "0.50", "width", "JAX scan",
        "PyTorch eager: not installed: torch is not installed",
        "NumPy: disagrees with the reference and was not timed: W of layer 1",
        "100 GFLOP/s", "first epoch",
    ):  # fmt: skip
        assert part in text


def test_markdown_keeps_losing_rows_and_medians(found):
    headline = report.markdown_headline(found.jobs[:2])
    assert headline.count("\n") == 3
    assert "slower" in headline
    assert "latency" in headline
    matrix = report.markdown_matrix(found.jobs[:2])
    assert "2.00 / 3.00" in matrix
    assert "1.5 to 1.5" in report.markdown_compilation(found.jobs)
    assert "| 8 |" in report.markdown_curve("width", found.jobs[2:])
    assert "60.0 ms" in report.markdown_starts(found)
    assert "32 KB" in report.markdown_machine(MACHINE)
