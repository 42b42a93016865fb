"""Hostile files that are guided by coverage: those that reach new code are kept and changed again.

    python tests/trust/guided.py READER [--seconds S] [--corpus FOLDER] [--keep FOLDER] [--missing]

Needs atheris, the libFuzzer of Python, which is told of every branch of deltaloop, zipfile and
NumPy's format of arrays. Half of the changes are libFuzzer's, half those of hostile.py, which know
numbers and archives. What a reader must not do is in hostile.py. At the end, the files that were
kept are read once more under a trace: which lines of the reader were reached is the measure of how
deep the files went.
"""

import argparse
import gc
import os
import random
import re
import subprocess
import sys
import tempfile
import types
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

from trust import hostile

LARGEST = 4096  # bytes of a file
PACKAGE = Path(hostile.dl.__file__).parent
WATCHED = ("deltaloop.", "zipfile", "numpy.lib.format", "numpy.lib._format_impl")


def read(name: str, path: Path) -> str:
    """`hostile.read`, with little memory for tables: the default of 2 GiB takes seconds to fill."""
    is_table = hostile.READERS[name][1] is hostile.readers.read
    return hostile.read(name, path, **({"max_memory": 1 / 64} if is_table else {}))


def instrumented(atheris) -> int:
    """Tell libFuzzer of the branches of all readers; how many functions have them."""
    found = [
        function for function in gc.get_objects()
        if isinstance(function, types.FunctionType)
        and str(function.__module__).startswith(WATCHED)
        and not str(function.__module__).startswith("deltaloop.kernels")
    ]  # fmt: skip
    for function in found:
        atheris.instrument_func(function)
    return len(found)


def fuzz(name: str, seconds: float, corpus: Path, keep: Path, seed: int) -> None:
    """Never returns: libFuzzer ends the process, and says "Done N runs"."""
    import atheris

    ending = hostile.READERS[name][0]
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    path, kinds = folder / f"case{ending}", set()
    first = [data for data in hostile.corpus(name, folder) if len(data) <= LARGEST]
    for k, data in enumerate(first):
        (corpus / f"seed{k}").write_bytes(data)
        path.write_bytes(data)
        read(name, path)  # imports what it needs, before branches are counted
    instrumented(atheris)
    hostile.limit_memory()

    def one(data):
        path.write_bytes(data)
        wrong = read(name, path)
        if wrong and wrong[:40] not in kinds:
            kinds.add(wrong[:40])
            kept = keep / f"{name}-{len(kinds)}{ending}"
            kept.write_bytes(data)
            print(f"FINDING {kept}: {wrong}", flush=True)

    def mutated(data, most, number):
        if number % 2:
            data = atheris.Mutate(data, most)
            return hostile.with_sums(data)[:most] if data[:2] == b"PK" and number % 8 else data
        return hostile.changed(data, first, random.Random(number))[:most]

    options = [f"-max_total_time={max(1, round(seconds))}", f"-max_len={LARGEST}", f"-seed={seed}",
               "-len_control=0", "-print_final_stats=1", "-rss_limit_mb=6000"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=mutated)
    atheris.Fuzz()


def reached(name: str, corpus: Path) -> dict[Path, tuple[set[int], set[int]]]:
    """Of each source: lines that the files of the corpus reach, and lines of what they enter.

    A function counts in full as soon as it is entered; what is never entered does not count.
    """
    lines: dict[types.CodeType, set[int]] = {}

    def trace(frame, event, argument):
        code = frame.f_code
        if not code.co_filename.startswith(str(PACKAGE)) or "/kernels/" in code.co_filename:
            return None
        seen = lines.setdefault(code, set())

        def line(frame, event, argument):
            if event == "line":
                seen.add(frame.f_lineno)
            return line

        return line

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"case{hostile.READERS[name][0]}"
        sys.settrace(trace)
        try:
            for case in sorted(corpus.iterdir()):
                path.write_bytes(case.read_bytes())
                read(name, path)
        finally:
            sys.settrace(None)
    found: dict[Path, tuple[set[int], set[int]]] = {}
    for code, seen in lines.items():
        hit, there = found.setdefault(Path(code.co_filename), (set(), set()))
        body = {n for *_, n in code.co_lines() if n and n != code.co_firstlineno}
        hit |= seen & body
        there |= body
    return found


def run(name: str, seconds: float, corpus: Path, keep: Path, seed: int = 1):
    """A reader in a process of its own: inputs, files kept, lines reached, lines, findings."""
    for folder in (corpus, keep):
        folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, name, "--fuzz", f"--seconds={seconds}",
               f"--corpus={corpus}", f"--keep={keep}", f"--seed={seed}"]  # fmt: skip
    log = keep / f"{name}.log"
    with open(log, "w") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)
        code = done.returncode
    text = log.read_text(errors="replace")
    findings = re.findall(r"^FINDING (.*)", text, re.M)
    counted = re.search(r"Done (\d+) runs", text)
    if counted is None or code:
        findings.append(f"{name} ended with {code}, see {log}")
    files = reached(name, corpus)
    hit, there = (sum(len(pair[k]) for pair in files.values()) for k in (0, 1))
    return int(counted[1]) if counted else 0, len(list(corpus.iterdir())), hit, there, findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("reader", choices=hostile.READERS)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=Path("corpus"))
    parser.add_argument("--keep", type=Path, default=Path("findings"))
    parser.add_argument("--missing", action="store_true", help="lines that no file has reached")
    parser.add_argument("--fuzz", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fuzz:
        fuzz(options.reader, options.seconds, options.corpus, options.keep, options.seed)
    corpus = options.corpus / options.reader
    n, kept, hit, there, findings = run(
        options.reader, options.seconds, corpus, options.keep, options.seed
    )
    told = f"{n} files, {kept} kept, {hit} of {there} lines, {len(findings)} findings"
    print(f"{options.reader}: {told}")
    for finding in findings:
        print("FINDING", finding)
    missing = reached(options.reader, corpus) if options.missing else {}
    for path, (of_file, lines) in missing.items():
        print(path.relative_to(PACKAGE), *sorted(lines - of_file))
    return len(findings) > 0


if __name__ == "__main__":
    sys.exit(main())
