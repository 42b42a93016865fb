"""Plant single faults in the kernels and see whether a test notices.

    python tests/mutation/run.py FOLDER --mutants 220 --seed 1

All chosen mutants of the Cython sources are compiled at once into FOLDER; those of Python are
changed at import. Each runs its tests in a process of its own. A second run with the same FOLDER
repeats only what has survived; what is known to be equivalent (known.py) is told apart.
"""

import argparse
import json
import os
import random
import sys
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mutation import known, planted, selections
from mutation.build import CHECKOUT, build, cython_sources, switchable
from mutation.sites import replaced, sites

PYTHON = (
    "interface.py",
    "memory.py",
    "sparse_rows.py",
    "session.py",
    "functions.py",
    "turns.py",
    "reference.py",
)


def all_sites(folder, cython_files, python_files):
    """Every (site, statement, place) that can be tried, and the texts of the files."""
    found, texts = [], {}
    for path in cython_files:
        texts[path] = text = path.read_text()
        found += [entry for entry in sites(path, text) if switchable(*entry, text)]
    for path in python_files:
        texts[path] = path.read_text()
        found += [entry for entry in sites(path) if _compiles(entry[0], texts[path])]
    return found, texts


def _compiles(site, text):
    try:
        compile(replaced(text.splitlines(keepends=True), site), str(site.path), "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="for the build and the results")
    parser.add_argument("--mutants", type=int, default=220)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--level", type=int, help="instruction set; default: the highest")
    parser.add_argument("--patience", type=float, default=60, help="seconds for one test")
    parser.add_argument("--quick", action="store_true", help="without the slowest tests")
    parser.add_argument("--only", nargs="*", help="parts of lines as --list shows them")
    parser.add_argument(
        "--python", nargs="*", type=Path, help="Python files, instead of the usual ones"
    )
    parser.add_argument("--list", action="store_true", help="the mutants, and no more")
    return parser.parse_args()


def main():
    options = arguments()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    python_files = options.python or [CHECKOUT / "kernels" / name for name in PYTHON]
    cython_files = [] if options.python else cython_sources(folder)
    found, texts = all_sites(folder, cython_files, [path.resolve() for path in python_files])
    there = {site.key for site, *_ in found}
    for key in () if options.python else known.EQUIVALENT.keys() - there:
        print(f"known.py has a line of what is no longer there: {key}")
    if options.only:
        found = [entry for entry in found if any(part in shown(entry[0]) for part in options.only)]
    random.Random(options.seed).shuffle(found)
    chosen = [(k + 1, *entry) for k, entry in enumerate(found[: options.mutants])]
    print(f"{len(chosen)} of {len(found)} possible mutants", flush=True)
    if options.list:
        for number, site, *_ in chosen:
            print(number, shown(site))
        return 0
    compiled = [entry for entry in chosen if entry[1].path.suffix != ".py"]
    refused = prepared(folder, compiled, options)
    planted.begin(folder / "installed")
    results = Results(folder / "results.json")
    waiting = []
    for number, site, *_ in chosen:
        if number in refused:
            results.add(number, site, "not compiled", "")
        elif site.key in known.EQUIVALENT:
            results.add(number, site, "known", known.EQUIVALENT[site.key])
        elif results.of(site) != "killed":
            waiting.append(planted.Change(number, site, texts[site.path]))
    with quiet(folder / "pytest.log"):
        for change in waiting:  # first: they must find no module imported
            if change.site.path.suffix == ".py":
                stages = selections.stages(change.site.path, options.quick)
                outcome = planted.run_python(change, stages, options.patience, folder)
                results.take(change, *outcome)
        in_c = [change for change in waiting if change.site.path.suffix != ".py"]
        by_selection = {}
        for change in in_c:
            key = tuple(selections.of(change.site.path, options.quick))
            by_selection.setdefault(key, [planted.ORIGINAL]).append(change)
        for selection, changes in by_selection.items():
            planted.run_compiled(changes, list(selection), options.patience, folder, results.take)
    return results.summary([site for _, site, *_ in chosen])


@contextmanager
def quiet(log):
    """What pytest prints goes to a file, what we print does not."""
    kept, target = os.dup(1), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(target, 1)
    Results.out = os.fdopen(kept, "w")
    try:
        yield
    finally:
        os.dup2(kept, 1)


def prepared(folder, compiled, options):
    """Build, unless it is there already; the mutants that no compiler accepts."""
    if not compiled and (folder / "installed").exists():
        return set()  # mutants of Python alone: any build serves
    stamp, text = folder / "built.json", [repr(entry[1]) for entry in compiled]
    if stamp.exists():
        built = json.loads(stamp.read_text())
        if built["mutants"] == text:
            return set(built["refused"])
    began = time.perf_counter()
    refused = build(folder, compiled, options.level or planted.highest_level())
    print(f"built in {time.perf_counter() - began:.0f} s", flush=True)
    stamp.write_text(json.dumps({"mutants": text, "refused": sorted(refused)}))
    return refused


def shown(site):
    change = f"{site.before} -> {site.after or 'nothing'} at {site.column}"
    return f"{site.path.name}:{site.line}: {site.function}: `{site.text}`, {change}"


class Results:
    """What became of every mutant, in a file."""

    out = sys.stdout

    def __init__(self, path):
        self.path, self.n_killed = path, 0
        self.found = json.loads(path.read_text()) if path.exists() else {}

    def of(self, site):
        return self.found.get(repr(site.key), [None])[0]

    def take(self, change, outcome, why):
        """A report of `planted`."""
        if change is planted.ORIGINAL:
            if outcome != "survived":
                print(f"the tests fail without a mutant: {why}", file=self.out, flush=True)
                os._exit(2)
            return
        self.add(change.number, change.site, outcome, why)

    def add(self, number, site, outcome, why):
        """Keep it, and tell what has not been killed."""
        self.found[repr(site.key)] = [outcome, why]
        self.path.write_text(json.dumps(self.found, indent=1))
        self.n_killed += outcome == "killed"
        if outcome != "killed":
            print(f"{number:4d} {outcome:9} {shown(site)}  {why}", file=self.out, flush=True)
        elif self.n_killed % 20 == 0:
            print(f"     {self.n_killed} killed so far", file=self.out, flush=True)

    def summary(self, chosen):
        outcomes = [self.of(site) for site in chosen]
        counts = {name: outcomes.count(name) for name in sorted(set(outcomes))}
        print(", ".join(f"{n} {name}" for name, n in counts.items()), file=self.out)
        return 1 if {"survived", "unclear"} & counts.keys() else 0


if __name__ == "__main__":
    os.chdir(CHECKOUT)
    sys.exit(main())
