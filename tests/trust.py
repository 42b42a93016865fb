"""The figures of TESTING.md, again.

    python tests/trust.py --hours H [--only PART ...] [--write]

Each part takes its share of the hours, or less where it is done before; --hours 0.01 is a quick
form of all. Tables are printed as they stand in TESTING.md, and --write puts them there, with the
date and the machine.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np

from deltaloop.kernels import cython, functions
from trust import accuracy, bits, faults, long_run, probe, same_bits, truths

HERE = Path(__file__).parent
TESTING = HERE.parent / "TESTING.md"
EVERY = 1 << 32


def _steps(seconds, n, per_number):
    """Every how many-th float32 there is time for, an odd number unless all."""
    whole = n * EVERY * per_number
    return 1 if seconds >= whole else int(whole / seconds) | 1


def _of_all(step):
    return "all 2^32" if step == 1 else f"one in {step}"


def common(seconds, folder):
    """The activations of most networks."""
    rows = functions.ACTIVATIONS
    names = [name for name in truths.ACTIVATIONS if rows[name].is_common]
    return activations(names, seconds, folder)


def others(seconds, folder):
    """All other activations."""
    rows = functions.ACTIVATIONS
    names = [name for name in truths.ACTIVATIONS if not rows[name].is_common]
    return activations(names, seconds, folder)


def activations(names, seconds, folder):
    """Activations and slopes with every installed level."""
    errors, levels = probe.errors(folder), cython.levels()
    step = _steps(seconds, len(names), 25e-9 + 10e-9 * len(levels))
    heads = [f"f, level {n} | f', level {n}" for n in levels]
    lines = [f"Arguments: {_of_all(step)}.", "", f"| activation | {' | '.join(heads)} | z of f |"]
    lines.append("|---" * (2 + 2 * len(levels)) + "|")
    for name in names:
        alpha = accuracy.ALPHA.get(name, 0)
        pairs = {
            n: probe.activation(cython.backend(n).core(np.dtype("f4")), name, alpha, accuracy.BLOCK)
            for n in levels
        }
        row = functions.ACTIVATIONS[name]
        blocks = accuracy.every(step)
        found = accuracy.of_activation(name, pairs, row.lost, row.sure[0], blocks, errors)
        cells = [f"{one.error:.2f}" for n in levels for one in found[n]]
        worst = found[levels[-1]][0].argument
        lines.append(f"| {name} | {' | '.join(cells)} | {worst:.9g} |")
    return lines


def primitives(seconds, folder):
    """Every primitive, compiled for every level that this processor has."""
    errors, levels = probe.errors(folder), [n for n in (2, 3, 4) if n <= cython.levels()[-1]]
    levels = levels if cython.levels()[-1] else [0]
    of_level = {n: probe.primitives(folder, n, "f4") for n in levels}
    names = list(truths.PRIMITIVES)
    step = _steps(seconds, len(names), 10e-9 + 6e-9 * len(levels))
    lines = [f"Arguments: {_of_all(step)}.", ""]
    lines.append(f"| primitive | {' | '.join(f'level {n}' for n in levels)} | x |")
    lines.append("|---" * (2 + len(levels)) + "|")
    for name in names:
        computed = {n: of_level[n][name] for n in levels}
        found = accuracy.of_primitive(name, computed, 2, accuracy.every(step), errors)
        cells = [f"{found[n].error:.2f}" for n in levels]
        lines.append(f"| {name} | {' | '.join(cells)} | {found[levels[-1]].argument:.9g} |")
    return lines


def of_bits(seconds, folder):
    """The table of bits.py, with all of same_bits.py in its last row."""
    lines = ["| the same network, trained or asked as | the same bits | SHA-256 begins with |"]
    lines.append("|---|---|---|")
    for rows in (bits.PROMISED, bits.NOT_PROMISED):
        for title, compute in rows.items():
            found = compute()
            hashes = dict.fromkeys(text[:8] for text in found.values())
            same = "yes" if len(hashes) == 1 else "no"
            lines.append(f"| {title}: {', '.join(found)} | {same} | {' '.join(hashes)} |")
    for batch_size, rule in [(n, rule) for n in (10, 1) for rule in bits.RULES]:
        found = bits.of_levels(batch_size, rule)
        hashes = dict.fromkeys(text[:8] for text in found.values())
        same = "one level" if len(found) == 1 else "yes" if len(hashes) == 1 else "no"
        title = f"{rule}, mini-batches of {batch_size}" if batch_size > 1 else f"{rule}, single"
        lines.append(
            f"| {title}: {', '.join(found)} | {same} | "
            f"{' '.join(text[:8] for text in found.values())} |"
        )
    found = bits.reproducible()
    hashes = dict.fromkeys(text[:8] for text in found.values())
    same = "yes" if len(hashes) == 1 else "no"
    title = f"reproducible=True, {len(same_bits.kept())} trainings"
    lines.append(f"| {title}: {', '.join(found)} | {same} | {' '.join(hashes)} |")
    return lines


def _told(text):
    return [f"- {line.strip()}" for line in text.splitlines() if line.strip()]


def one_failure(seconds, folder):
    """Faults.py, each failure once."""
    most = 100_000 if seconds > 900 else max(10, int(seconds * 2))
    return _told(faults.start(["--most", str(most)], timeout=None).stdout)


def kills(seconds, folder):
    """Kills.py."""
    command = [sys.executable, HERE / "trust" / "kills.py", "--kills", str(int(seconds * 4) + 8)]
    return _told(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def hostile_files(seconds, folder):
    """Hostile.py in a process with a limit of memory."""
    command = [sys.executable, HERE / "trust" / "hostile.py", "--seconds", str(seconds),
               "--seed", str(int(time.time())), "--keep", folder / "findings"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    counts = sum(map(int, re.findall(r" (\d+)(?:,|$)", done.stdout.splitlines()[0])))
    findings = done.stdout.count("FINDING")
    return [f"- {counts} files, {findings} findings", *_told(done.stdout)]


def hostile_calls(seconds, folder):
    """The fuzz of the doors."""
    cases = max(100, int(seconds * 100))
    command = [sys.executable, HERE / "fuzz" / "run.py", "--cases", str(cases),
               "--seed", str(int(time.time()) % 100_000)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.findall(r"(\d+) findings", done.stdout + done.stderr)
    return [f"- {cases} calls, {found[-1] if found else 0} findings"]


def long_runs(seconds, folder):
    """Memory and time of steps, over and over."""
    return _told(long_run.report(seconds))


PARTS = {  # name: (function, share of the hours)
    "common": (common, 0.15),
    "others": (others, 0.15),
    "primitives": (primitives, 0.2),
    "bits": (of_bits, 0),
    "failures": (one_failure, 0.1),
    "kills": (kills, 0.1),
    "files": (hostile_files, 0.15),
    "calls": (hostile_calls, 0.1),
    "long": (long_runs, 0.05),
}


def machine():
    """The processor, and what computes."""
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        name = found[1] if found else name
    return f"{name}, {platform.system()}, Python {platform.python_version()}"


def write(name, lines):
    """Between the marks of a part in TESTING.md."""
    text = TESTING.read_text()
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.S)
    if not pattern.search(text):
        raise SystemExit(f"TESTING.md has no part {name!r}")
    body = "\n".join(lines) + "\n"
    TESTING.write_text(pattern.sub(lambda found: found[1] + body + found[2], text))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=float, default=0.01)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--write", action="store_true", help="put the tables into TESTING.md")
    options = parser.parse_args()
    shares = sum(PARTS[name][1] for name in options.only) or 1
    n_findings = 0
    for name in options.only:
        part, share = PARTS[name]
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            lines = part(3600 * options.hours * share / shares, Path(folder))
        seconds = time.perf_counter() - began
        hours = f"--hours {options.hours:g} --only {name}"
        lines = [
            f"{date.today()}, {machine()}, {seconds:.0f} s, `python tests/trust.py {hours}`", "",
            *lines,
        ]  # fmt: skip
        print(f"\n## {name}\n", *lines, sep="\n", flush=True)
        n_findings += sum(map(int, re.findall(r"(\d+) findings", "\n".join(lines))))
        if options.write:
            write(name, lines)
    return n_findings > 0


if __name__ == "__main__":
    sys.exit(main())
