"""Write README.md, and a picture for every run of the jobs, from the results that were kept.

    deltaloop bench --json benchmarks/results/NAME.json
    pytest benchmarks/test_doors.py --benchmark-json=benchmarks/results/NAME-doors.json
    python benchmarks/report.py

Explanations for jobs that are not at their target come from limits.md.
"""

from pathlib import Path

import doors_report
from deltaloop.benchmarking import plots, report
from deltaloop.benchmarking.results import JobResult, Results, curves, load

HERE = Path(__file__).parent

INTRODUCTION = """\
# Benchmarks

What a training step costs in `deltaloop` and in everything else that a Python user can install, and
how far each is from what the machine allows. This page is written by `python benchmarks/report.py`
from the files in `results/`; losing rows stay in it.

    pip install ".[bench]" && deltaloop bench --quick     # a first look at your own machine
    deltaloop bench --json benchmarks/results/NAME.json   # what is below
    deltaloop bench --scaling all --json benchmarks/results/NAME-scaling.json
    pytest benchmarks/test_doors.py --benchmark-json=benchmarks/results/NAME-doors.json
    deltaloop bench --compare BEFORE.json AFTER.json      # two of them side by side
    python benchmarks/report.py                           # this page
    pytest benchmarks -k "784-30-10"                      # the same jobs as pytest-benchmark cases
    python benchmarks/features.py                         # what optimisers and dropout cost
    python benchmarks/reproducible.py                     # what reproducible=True costs
    python benchmarks/accuracy.py                         # how good networks become, beside PyTorch

- **The same problem for all**: initial weights, batches, order of the samples, loss, optimiser,
  float32. Parameters and loss after one epoch are compared with a float64 NumPy reference before
  anything is timed; who does not agree is named and not timed.
- **One thread, one core**: every library runs in a process of its own, pinned, with one thread in
  every pool it has, because the settings for that are read when a library is loaded.
- **Interleaved repeats**: the peers take turns. The minimum is the headline, with the median beside
  it.
- **Compilation, imports and the conversion of data** are outside the clock.
- **Ratio**: minimum of deltaloop over minimum of the fastest peer. **Target**: what the ratio is to
  be, or, with "floor", the multiple of the floor. **Floor**: the larger of arithmetic over the peak
  of fused multiply-adds and bytes that must move over bandwidth, both measured at the start of the
  run; "latency" where it is far below what the chain of layers costs. Inputs that are zero count as
  nothing in it; activations that are zero count.
- **deltaloop in three forms**: as it runs on this machine; compiled for a lower level of x86-64 (v3
  without AVX-512, v2 without AVX2 as well); and in Numba (`backend="numba"`). The ratio is that of
  the first.
- **The strongest form of every peer** that was found: JAX with a scan over the epoch, donated
  parameters, two layouts and an unrolled loop tried; PyTorch with fused optimisers, with the
  backward pass by hand, and compiled as one graph per step; Numba with compile-time sizes on
  aligned arrays, two layouts tried; scikit-learn without shuffling.
- **Doors**: the same steps from Python, `@njit`, Cython and C. Each has learned the same parameters
  before it is timed; what is read as "per sample" is a pass over 1000 samples, call included.
- **How good networks become** (`accuracy.py`): accuracy or R² on the test part, mean and standard
  deviation over the same seeds, with PyTorch's initial values, same layers, optimiser and batches.

  | | deltaloop | PyTorch | difference ± standard error |
  |---|---|---|---|
  | digits, 30 seeds | 0.9779 ± 0.0040 | 0.9786 ± 0.0038 | -0.0007 ± 0.0010 |
  | iris, 30 seeds | 0.9600 ± 0.0179 | 0.9585 ± 0.0182 | +0.0015 ± 0.0047 |
  | two_spirals, 20 seeds | 0.9885 ± 0.0158 | 0.9719 ± 0.0413 | +0.0167 ± 0.0099 |
  | sine, R², 30 seeds | 0.9795 ± 0.0027 | 0.9783 ± 0.0032 | +0.0012 ± 0.0008 |

  Layers, rates and epochs of two_spirals were chosen by looking at the results of deltaloop with
  three of these seeds, which leans its row towards deltaloop.
"""


def explanations(text: str) -> dict[str, str]:
    """Text by heading of limits.md."""
    found = {}
    for section in text.split("\n## ")[1:]:
        name, _, body = section.partition("\n")
        found[name.strip()] = body.strip()
    return found


def limits(jobs: list[JobResult], known: dict[str, str]) -> str:
    """A section for every job that is not at its target."""
    parts = []
    for one in jobs:
        if one.verdict in ("", "at target"):
            continue
        state = "slower than the fastest peer" if one.verdict == "slower" else "not at its target"
        text = known.get(one.job.name, "Not explained yet.")
        target = "" if one.job.target is None else f", target {one.job.target:.2f}"
        parts.append(f"#### {one.job.name}\n\nRatio {one.ratio:.2f}{target}: {state}.\n\n{text}")
    return "\n\n".join(parts)


def section(name: str, results: Results, known: dict[str, str]) -> str:
    """Everything about one file of results."""
    quick = ", a quick run" if results.quick else ""
    parts = [
        f"## {name}",
        f"deltaloop {results.version}, {results.date}{quick}.",
        report.markdown_machine(results.machine),
        f"![times]({'results/' + name}.png)",
    ]
    jobs = [one for one in results.jobs if one.curve is None]
    if jobs:
        parts += ["### Jobs, µs per step or call", report.markdown_headline(jobs)]
        text = limits(jobs, known)
        if text:
            parts += ["### What limits the others", text]
        parts += ["### Every peer, minimum / median in µs", report.markdown_matrix(jobs)]
        parts += ["### Compilation before the first step", report.markdown_compilation(jobs)]
    for curve, points in curves(results.jobs).items():
        title = f"### Scaling: {curve}, µs per step ({points[0].job.name} and so on)"
        parts += [title, report.markdown_curve(curve, points)]
    if results.starts:
        parts += ["### From process start to the first epoch of 4-4-4-1"]
        parts += [report.markdown_starts(results)]
        parts += ["Installed: the package and what it needs, NumPy apart, which has its own row."]
    remarks = report.notes(results)
    if remarks:
        parts += ["### Not timed", "\n".join(f"- {line}" for line in remarks)]
    return "\n\n".join(parts)


def page(draws: bool = False) -> str:
    """The text of README.md; the pictures are drawn if asked for."""
    known = explanations((HERE / "limits.md").read_text(encoding="utf-8"))
    parts = [INTRODUCTION.rstrip()]
    for path in sorted((HERE / "results").glob("*.json")):
        if path.stem.endswith("-doors"):
            parts.append(doors_report.section(path))
            continue
        results = load(path)
        parts.append(section(path.stem, results, known))
        if draws:
            plots.save(results, path.with_suffix(".png"))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the page and the pictures."""
    (HERE / "README.md").write_text(page(draws=True), encoding="utf-8")


if __name__ == "__main__":
    main()
