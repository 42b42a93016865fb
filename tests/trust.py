"""The figures of TESTING.md, again.

    python tests/trust.py --hours H [--only PART ...] [--write]

Each part takes its share of the hours, or less where it is done before; --hours 0.01 is a quick
form of all. Tables are printed as they stand in TESTING.md, and --write puts them there, with the
date and the machine.
"""

import argparse
import importlib.util
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
from trust import (
    accuracy,
    backends,
    bits,
    checking,
    faults,
    guided,
    handles,
    hostile,
    long_run,
    probe,
    same_bits,
    truths,
)  # fmt: skip

HERE = Path(__file__).parent
TESTING = HERE.parent / "TESTING.md"
HEADER_OPTIONS = ("-O3", "-march=native")


def _steps(seconds, n, per_number):
    """Every how many-th float32 there is time for, an odd number unless all."""
    whole = n * accuracy.EVERY * per_number
    return 1 if seconds >= whole else int(whole / seconds) | 1


def _of_all(step, checker):
    told = "all 2^32" if step == 1 else f"one in {step}"
    return f"Arguments: {told}." + ("" if checker.IS_FAST else " There is no C compiler: NumPy's.")


def _levels():
    """Those of this processor, built or not."""
    top = cython.levels()[-1]
    return [n for n in (2, 3, 4) if n <= top] if top else [0]


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
    """Activations and slopes of every level: the installed ones, and the others compiled."""
    checker, levels = checking.checker(folder), _levels()
    if not checker.IS_FAST:
        levels = list(cython.levels())
    compiled = {n: probe.compiled(folder, n, "f4")[1] for n in levels if n not in cython.levels()}
    per_number = (4e-9 if checker.IS_FAST else 100e-9) + 6e-9 * len(levels)
    step = _steps(seconds, len(names), per_number)
    heads = [f"f, level {n}" for n in levels] + [f"f', level {n}" for n in levels]
    lines = [_of_all(step, checker), "", f"| activation | {' | '.join(heads)} | z of f | z of f' |"]
    lines.append("|---" * (3 + len(heads)) + "|")
    for name in names:
        alpha = accuracy.ALPHA.get(name, 0)
        pairs = {
            n: compiled[n][name] if n in compiled else probe.activation(
                cython.backend(n).core(np.dtype("f4")), name, alpha, accuracy.BLOCK
            )
            for n in levels
        }  # fmt: skip
        row = functions.ACTIVATIONS[name]
        blocks = accuracy.every(step)
        found = accuracy.of_activation(name, pairs, row.lost, row.sure[0], blocks, checker)
        cells = [f"{found[n][k].error:.2f}" for k in (0, 1) for n in levels]
        worst = [max((found[n][k] for n in levels), key=lambda one: one.error) for k in (0, 1)]
        cells += [f"{one.argument:.9g}" for one in worst]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def primitives(seconds, folder):
    """Every primitive, compiled for every level that this processor has, and of C headers."""
    checker, levels = checking.checker(folder), _levels()
    if not checker.IS_FAST:
        return ["There is no C compiler, which this part needs."]
    of_level = {f"level {n}": probe.compiled(folder, n, "f4")[0] for n in levels}
    of_level["C header"] = probe.header(folder, "f4", *HEADER_OPTIONS)[0]
    names = list(truths.PRIMITIVES)
    step = _steps(seconds, len(names), 2e-9 + 4e-9 * len(of_level))
    lines = [_of_all(step, checker), "", f"| primitive | {' | '.join(of_level)} | x |"]
    lines.append("|---" * (2 + len(of_level)) + "|")
    for name in names:
        computed = {key: table[name] for key, table in of_level.items() if name in table}
        found = accuracy.of_primitive(name, computed, 2, accuracy.every(step), checker)
        cells = [f"{found[key].error:.2f}" if key in found else "-" for key in of_level]
        worst = max((found[f"level {n}"] for n in levels), key=lambda one: one.error)
        lines.append(f"| {name} | {' | '.join(cells)} | {worst.argument:.9g} |")
    return lines


def targets(seconds, folder):
    """What else computes: the reference, C headers, and all of them in float64."""
    checker = checking.checker(folder)
    names = [name for name in truths.ACTIVATIONS if name != "identity"]
    header = checker.IS_FAST and probe.header(folder, "f4", *HEADER_OPTIONS)[1]
    header_in_double = checker.IS_FAST and probe.header(folder, "f8", *HEADER_OPTIONS)[1]
    step = _steps(seconds * 0.7, len(names), 200e-9)
    n = max(200, int(seconds * 0.3 / len(names) / 300e-6)) // 16 * 16
    heads = ["reference, float32", "C header", "C header, f'", "float64, level", "C header"]
    heads[3] += f" {cython.levels()[-1]}"
    lines = [f"{_of_all(step, checker)} Of float64: {n}.", ""]
    lines += [f"| activation | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|"]
    for name in names:
        row, pairs = functions.ACTIVATIONS[name], {0: (backends.reference_of(name), None)}
        if header:
            pairs[1] = header[name]
        blocks = accuracy.every(step)
        found = accuracy.of_activation(name, pairs, row.lost, row.sure[0], blocks, checker)
        z = backends.doubles(name, n)
        cells = [found[0][0].error, *(one.error for one in found.get(1, ()))]
        cells.append(backends.error_of_doubles(name, backends.compiled_of(name, len(z)), z))
        if header:
            cells.append(backends.error_of_doubles(name, header_in_double[name][0], z))
        else:
            cells[1:1], cells[4:] = [np.nan, np.nan], [np.nan]
        lines.append(f"| {name} | {' | '.join(f'{cell:.2f}' for cell in cells)} |")
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


def guided_files(seconds, folder):
    """Guided.py; a share of the time for each reader, more for those of deltaloop's own files."""
    lines = ["| reader | files | kept, as they reach more | lines of functions entered |"]
    lines.append("|---" * 4 + "|")
    own, total, findings = ("load", "safetensors", "fann", "onnx"), 0, []
    shares = {name: 2 if name in own else 1 for name in hostile.READERS}
    if importlib.util.find_spec("onnx") is None:
        del shares["onnx"]
        lines.append("| onnx | needs the package onnx | | |")
    for name, share in shares.items():
        n, kept, hit, there, found = guided.run(
            name, seconds * share / sum(shares.values()), folder / name, folder / "kept"
        )
        lines.append(f"| {name} | {n} | {kept} | {hit} of {there} |")
        total, findings = total + n, findings + found
    told = [f"- FINDING {text}" for text in findings]
    return [f"{total} files, {len(findings)} findings", "", *lines, *told]


def calls_of_handles(seconds, folder):
    """Handles.py."""
    counts, n_networks, findings = handles.run(max(100_000, int(200_000 * seconds)), seed=1)
    kinds = ", ".join(f"{name} {n}" for name, n in counts.items())
    return [
        f"- {sum(counts.values())} calls of {n_networks} networks, {len(findings)} findings",
        f"- {kinds}", *(f"- FINDING {text}" for text in findings),
    ]  # fmt: skip


def processes(seconds, folder):
    """Together.py in a process of its own, whose children are forks."""
    command = [sys.executable, HERE / "trust" / "together.py", f"--seconds={max(2, seconds)}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return _told(done.stdout) if done.returncode == 0 else [f"- 1 findings: {done.stderr}"]


def hostile_calls(seconds, folder):
    """The fuzz of the doors."""
    cases, seed = max(100, int(seconds * 100)), int(time.time()) % 100_000
    command = [sys.executable, HERE / "fuzz" / "run.py", "--cases", str(cases), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    found = re.findall(r"(\d+) findings", text)
    if found and int(found[-1]):
        print(text, file=sys.stderr)  # what they are, and how to run them again
    return [f"- {cases} calls with seed {seed}, {found[-1] if found else 0} findings"]


def long_runs(seconds, folder):
    """Memory and time of steps, over and over."""
    return _told(long_run.report(seconds))


PARTS = {  # name: (function, share of the hours)
    "common": (common, 0.15),
    "others": (others, 0.15),
    "primitives": (primitives, 0.15),
    "targets": (targets, 0.05),
    "bits": (of_bits, 0),
    "failures": (one_failure, 0.1),
    "kills": (kills, 0.1),
    "processes": (processes, 0.02),
    "files": (hostile_files, 0.02),
    "guided": (guided_files, 0.15),
    "calls": (hostile_calls, 0.1),
    "handles": (calls_of_handles, 0.01),
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
