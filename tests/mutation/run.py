"""Plant single faults in kernels and Python and see whether a test notices.

    python tests/mutation/run.py FOLDER --kernels 500 --python 500 --seed 1

All chosen mutants are built once into FOLDER. The tests are run to see which mutants each of them
reaches; then each mutant meets those that reach it, in a process of its own. A second run with the
same FOLDER repeats what has not been killed, after a look at the files of tests that have changed.
What is known to be equivalent (known.py) is told apart.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import astuple
from itertools import chain, zip_longest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mutation import known, planted
from mutation.build import CHECKOUT, SOURCES, build, cython_sources, switchable
from mutation.sites import Site, replaced, sites

PACKAGE = CHECKOUT / "src" / "deltaloop"
# compiled by Numba at run time, or programs and calls of other libraries that are compared with
_LEFT_OUT = (
    "numba.py", "numba_handles.py", "benchmarking/peers/", "benchmarking/starts/",
    "benchmarking/table_peers.py",
)  # fmt: skip
_BY_NUMBA = {"of_sample"}  # functions of other files


def python_sources() -> list[Path]:
    """Those of the package, without kernels/."""
    files = (path for path in PACKAGE.rglob("*.py") if "kernels" not in path.parts)
    return [p for p in files if not p.relative_to(PACKAGE).as_posix().startswith(_LEFT_OUT)]


def kernel_sources(folder: Path) -> list[Path]:
    """Cython and Python of kernels/."""
    return [*cython_sources(folder), *SOURCES.parent.glob("*.py"), SOURCES / "__init__.py"]


def drawn(paths, n: int, seed: int, only):
    """n of all (site, statement, place, text) that can be tried.

    The order is that of hashes, so that most of the choice outlives a change of the sources.
    """
    found = [(*entry, text) for p in paths for text in [p.read_text()] for entry in sites(p, text)]
    found = [entry for entry in found if entry[0].function not in _BY_NUMBA]
    if only:
        found = [entry for entry in found if any(part in shown(entry[0]) for part in only)]

    def place(entry):
        return hashlib.sha256(f"{seed}{entry[0].path.parent.name}{entry[0].key}".encode()).digest()

    chosen = []
    for entry in sorted(found, key=place):
        if len(chosen) == n:
            break
        if switchable(*entry) and _compiles(entry[0], entry[3]):
            chosen.append(entry[:3])
    return chosen


def drawn_evenly(paths, n: int, seed: int, only):
    """As many of each folder of the package."""
    folders = {}
    for path in sorted(paths):
        folders.setdefault(path.relative_to(PACKAGE).parts[:-1][:1], []).append(path)
    parts = [drawn(of_folder, n, seed, only) for of_folder in folders.values()]
    return [entry for entry in chain(*zip_longest(*parts)) if entry is not None][:n]


def _compiles(site, text):
    if site.path.suffix != ".py":
        return True
    try:
        compile(replaced(text.splitlines(keepends=True), site), str(site.path), "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="for the build and the results")
    parser.add_argument("--kernels", type=int, default=0, help="mutants of kernels/")
    parser.add_argument("--python", type=int, default=0, help="of src/, as many of each folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="parts of lines as --list shows them")
    parser.add_argument("--workers", type=int, default=1, help="mutants at a time")
    parser.add_argument(
        "--budget", type=float, default=30, help="usual seconds of a mutant's tests"
    )
    parser.add_argument(
        "--cases", type=int, default=12, help="of a test with a table, about so many"
    )
    parser.add_argument("--tests", nargs="*", default=["tests"], help="files or folders of tests")
    parser.add_argument("--level", type=int, help="instruction set; default: the highest")
    parser.add_argument("--check", action="store_true",
                        help="run the tests that killed, each alone, without a mutant")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="the mutants, and no more")
    return parser.parse_args()


def main():
    options = arguments()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if options.list:
        for number, site, *_ in chosen(folder, options):
            print(number, shown(site))
        return 0
    mutants, refused = built(folder, options)
    planted.begin(folder)
    results = Results(folder / "results.json")
    waiting = []
    for number, site in mutants:
        if number in refused:
            results.add(number, site, "not compiled", "")
        elif site.key in known.EQUIVALENT:
            results.add(number, site, "known", known.EQUIVALENT[site.key])
        elif options.only and not any(part in shown(site) for part in options.only):
            continue
        elif results.of(number) not in ("killed", "timed out"):
            waiting.append(planted.Change(number, site))
    with quiet(folder / "pytest.log"):
        if options.check:
            waiting = results.killers(mutants)
        take = results.checked if options.check else results.take
        planted.run(waiting, folder, options.workers, options.budget, options.cases,
                    options.tests, take)  # fmt: skip
    return results.summary(mutants)


def chosen(folder, options):
    """Every mutant with its number."""
    of_kernels = drawn(kernel_sources(folder), options.kernels, options.seed, options.only)
    of_python = drawn_evenly(python_sources(), options.python, options.seed, options.only)
    return [(k, *entry) for k, entry in enumerate([*of_kernels, *of_python], 1)]


@contextmanager
def quiet(log):
    """What pytest prints goes to a file, what we print does not."""
    kept, target = os.dup(1), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    os.dup2(target, 1)
    Results.out = os.fdopen(kept, "w")
    try:
        yield
    finally:
        os.dup2(kept, 1)


def built(folder, options):
    """(number, site) of the mutants of the build, which is made once, and those refused."""
    stamp, wanted = folder / "built.json", [options.kernels, options.python, options.seed]
    if not stamp.exists():
        began = time.perf_counter()
        entries = chosen(folder, options)
        refused = build(folder, entries, options.level or planted.highest_level())
        print(f"{len(entries)} mutants built in {time.perf_counter() - began:.0f} s", flush=True)
        sites_of = {number: [str(site.path), *astuple(site)[1:]] for number, site, *_ in entries}
        found = {"wanted": wanted, "refused": sorted(refused), "mutants": sites_of}
        stamp.write_text(json.dumps(found, indent=1))
    found = json.loads(stamp.read_text())
    if found["wanted"] != wanted:
        sys.exit(f"{folder} has {found['wanted']} mutants of kernels and Python, by this seed")
    mutants = [(int(n), Site(Path(path), *rest)) for n, (path, *rest) in found["mutants"].items()]
    return mutants, set(found["refused"])


def shown(site):
    change = f"{site.before} -> {site.after or 'nothing'} at {site.column}"
    path = site.path.relative_to(CHECKOUT) if site.path.is_relative_to(CHECKOUT) else site.path.name
    return f"{path}:{site.line}: {site.function}: `{site.text}`, {change}"


class Results:
    """What became of every mutant, in a file."""

    out = sys.stdout

    def __init__(self, path):
        self.path, self.n_killed = path, 0
        self.found = json.loads(path.read_text()) if path.exists() else {}

    def of(self, number):
        """What became of a mutant, by its number in the build; None: nothing yet."""
        return self.found.get(str(number), [None])[0]

    def take(self, change, outcome, why):
        """A report of `planted`."""
        self.add(change.number, change.site, outcome, why)

    def killers(self, mutants):
        """Each test that killed, to be run by the original."""
        found = self.found.values()
        names = {why.partition("\n")[0] for outcome, why, _ in found if outcome == "killed"}
        # in a fresh process, or a signal: not one test
        return [planted.Change(0, mutants[0][1], (name,)) for name in sorted(names) if "::" in name]

    def checked(self, change, outcome, why):
        """A test that fails by itself is left out from now on, and its kills count no more."""
        if outcome == "survived":
            return
        (test,) = change.tests
        print(f"fails without a mutant: {test}  {why}", file=self.out, flush=True)
        path = self.path.with_name("unreliable.json")
        names = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps(sorted({*names, test}), indent=1))
        for number, (_, reason, site) in list(self.found.items()):
            if reason.partition("\n")[0] == test:
                self.found[number] = ["unclear", f"a test that fails anyway: {reason}", site]
        self.path.write_text(json.dumps(self.found, indent=1))

    def add(self, number, site, outcome, why):
        """Keep it, and tell what has not been killed."""
        self.found[str(number)] = [outcome, why, shown(site)]
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.found, indent=1))
        new.replace(self.path)
        self.n_killed += outcome == "killed"
        if outcome not in ("killed", "known"):
            print(f"{number:4d} {outcome:9} {shown(site)}  {why}", file=self.out, flush=True)
        elif outcome == "killed" and self.n_killed % 20 == 0:
            print(f"     {self.n_killed} killed so far", file=self.out, flush=True)

    def summary(self, mutants):
        counts = Counter(self.of(number) or "not run" for number, _ in mutants)
        text = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
        print(text, file=self.out, flush=True)
        return 1 if {"survived", "unclear"} & counts.keys() else 0


if __name__ == "__main__":
    os.chdir(CHECKOUT)
    sys.exit(main())
