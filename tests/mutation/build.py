"""One build of the package that holds all chosen mutants of its sources."""

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from . import identity
from .sites import Site
from .switched import CannotSwitch, importing, switched

CHECKOUT = Path(__file__).parents[2]
SOURCES = CHECKOUT / "kernels" / "cython"
MODULES = (SOURCES / "core.pyx", SOURCES / "ensemble.pyx")
_COPIED = (
    "kernels", "src", "packaging", "CMakeLists.txt", "pyproject.toml", "README.md", "LICENSE",
    "docs/site/static/stix-two-math-LICENSE.txt",
)  # fmt: skip
# products fuse with sums, as the bounds of functions expect, from -O2 on or with this
OPTIMIZE = "-O1 -fexpensive-optimizations"
_PLACE = re.compile(r"([\w.]+\.(?:pxi|pxd|pyx)):(\d+):")


def cython_sources(folder: Path) -> list[Path]:
    """The hand-written kernels, and what the build writes from kernels/functions.py."""
    written = folder / "written"
    written.mkdir(parents=True, exist_ok=True)
    script = SOURCES / "write_functions.py"
    subprocess.run([sys.executable, "-B", script, written], check=True)
    by_hand = (path for kind in ("*.pxi", "*.pxd") for path in SOURCES.glob(kind))
    return [*MODULES, *sorted(by_hand), *sorted(written.glob("*.pxd"))]


def build(folder: Path, chosen, level: int, optimize: str = OPTIMIZE) -> set[int]:
    """Compile `chosen`, (number, site, statement, place) each, into folder / "installed".

    Returns the numbers of those that no compiler accepts: they are left out.
    """
    refused: set[int] = set()
    while True:
        owners = _write(
            folder, [entry for entry in chosen if entry[0] not in refused], refused, optimize
        )
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"),
                *("--no-build-isolation", "--disable-pip-version-check"),
                *("--target", folder / "installed", f"-Cbuild-dir={folder / 'build'}"),
                f"-Ccmake.define.DELTALOOP_LEVELS={level}",
                folder / "copy",
            ],
            capture_output=True, text=True, check=False, env=identity.environment(folder),
        )  # fmt: skip
        if done.returncode == 0:
            return refused
        output = done.stdout + done.stderr
        new = {
            number
            for name, line in _PLACE.findall("\n".join(errors(output)))
            for of in (owners.get(name, {}),)
            # or of the line before, which names what is declared in this one
            for number in of.get(int(line)) or of.get(int(line) - 1, [])
        } - refused
        if not new:
            raise RuntimeError(f"the build fails for another reason:\n{output[-20000:]}")
        (folder / "refused.log").write_text(output)
        print(f"the compiler refuses {len(new)} of the mutants: {sorted(new)}", flush=True)
        refused |= new


def errors(output: str) -> list[str]:
    """The lines of the compilers that name the place of an error."""
    other = ("warning:", " note:", "In function", "included from", "inlined from")
    return [line for line in output.splitlines() if not any(word in line for word in other)]


def _write(folder, chosen, refused, optimize):
    """A copy of the package with the mutants; for every file, whose each of its lines is."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in _COPIED:
        source = CHECKOUT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "deltaloop/kernels")
            shutil.copytree(source, copy / name, ignore=ignored, symlinks=True)
        else:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy / name)
    (copy / "src" / "deltaloop" / "kernels").unlink(missing_ok=True)
    cmake = copy / "CMakeLists.txt"
    text = cmake.read_text().replace("set(optimize -O3", f"set(optimize {optimize}")
    cmake.write_text(text.replace("set(directives ", "set(directives --line-directives "))
    target = copy / "kernels" / "cython"
    (target / "mutant.h").write_text(identity.header())
    by_file = defaultdict(list, {path: [] for path in MODULES})  # they import for what they include
    for entry in chosen:
        by_file[entry[1].path].append(entry)
    owners = {}
    for path, entries in by_file.items():
        text = path.read_text()
        while True:
            try:
                written, of_lines = switched(text, entries)
                break
            except CannotSwitch as error:
                bad = {error.args[0]} if error.args else set()
                refused |= bad
                entries = [entry for entry in entries if entry[0] not in bad]
        if path.suffix == ".py":
            (copy / path.relative_to(CHECKOUT)).write_text(written)
            continue
        if path.suffix != ".pxi":
            written, first = importing(written)
            of_lines = {line + 3 * (line > first): found for line, found in of_lines.items()}
        (target / path.name).write_text(written)
        owners[path.name] = of_lines
    return owners


def switchable(site: Site, statement, place: int, text: str) -> bool:
    """Whether the statement can stand twice."""
    try:
        switched(text, [(1, site, statement, place)])
    except CannotSwitch:
        return False
    return True
