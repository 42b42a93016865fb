"""Tables of what `pytest benchmarks/test_doors.py --benchmark-json` has found."""

import json

from deltaloop.benchmarking.report import markdown_table
from deltaloop.console.figures import duration


def section(path):
    """Everything about one file: a table per group, a column per network."""
    results = json.loads(path.read_text(encoding="utf-8"))
    machine = results["machine"]
    parts = [
        f"## Doors: {path.stem.removesuffix('-doors')}",
        f"deltaloop {results['version']}, {results['date']}. "
        f"{machine['processor']}, {machine['system']}, {machine['python']}. "
        f"Backend: {machine['instruction_set']}. Minimum / median.",
    ]
    groups = {}
    for case in results["benchmarks"]:
        groups.setdefault(case["group"], []).append(case)
    for name, cases in groups.items():
        unit = "per sample" if "samples" in cases[0]["extra_info"] else "per call"
        parts += [f"### {name[0].upper()}{name[1:]}, {unit}", table(cases)]
    return "\n\n".join(parts)


def table(cases):
    """A row for every combination of the parameters other than the network."""
    rows, networks = {}, {}
    for case in cases:
        params = dict(case["params"])
        network = params.pop("network")
        networks[network] = None
        rows.setdefault(", ".join(params.values()), {})[network] = cell(case)
    columns = [("", "<"), *((network, ">") for network in networks)]
    return markdown_table(
        columns, [(name, *(row.get(k, "-") for k in networks)) for name, row in rows.items()]
    )


def cell(case):
    """Minimum / median of one sample, or of one call."""
    n = case["extra_info"].get("samples") or case["extra_info"].get("calls", 1)
    return " / ".join(duration(case["stats"][key] / n) for key in ("min", "median"))
