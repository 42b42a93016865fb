"""How a mutated program learns which of its mutants it is, and tells which of them it reaches.

Every mutant stands behind `is_mutant(number)`. The environment says which number is true, and names
a file in which every number that is asked for leaves a 1, whichever process asks.
"""

import ctypes
import mmap
import os
import runpy
import sys
from pathlib import Path

HEADER = """\
#ifndef DELTALOOP_MUTANT
#define DELTALOOP_MUTANT
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
static int mutant;
static volatile unsigned char *reached;
__attribute__((constructor, visibility("default"))) void deltaloop_read_mutant(void);
void deltaloop_read_mutant(void)
{
    const char *number = getenv("DELTALOOP_MUTANT"), *path = getenv("DELTALOOP_REACHED");
    mutant = number ? atoi(number) : 0;
    reached = NULL;
    if (path) {
        int file = open(path, O_RDWR);
        void *map = file < 0 ? MAP_FAILED
            : mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (file >= 0) close(file);
        if (map != MAP_FAILED) reached = map;
    }
}
static inline int is_mutant(int number)
{
    if (reached) reached[number] = 1;
    return mutant == number;
}
#endif
"""
# read by every Python that has its folder on the path: the mutated package takes the place of one
# that is installed as a link to its sources
SITE = """\
import builtins, mmap, os, sys

def read_mutant():
    number, path = int(os.environ.get("DELTALOOP_MUTANT", 0)), os.environ.get("DELTALOOP_REACHED")
    if path is None:
        builtins.is_mutant = lambda n: n == number
    else:
        with open(path, "r+b") as file:
            reached = mmap.mmap(file.fileno(), SIZE)
        def is_mutant(n):
            reached[n] = 1
            return n == number
        builtins.is_mutant = is_mutant

builtins.read_mutant = read_mutant
sys.meta_path[:] = [f for f in sys.meta_path if "Redirecting" not in type(f).__name__]
read_mutant()
"""
SIZE = 1 << 14  # more than there are mutants


def header() -> str:
    """C of is_mutant, a copy in each module."""
    return HEADER.replace("SIZE", str(SIZE))


def environment(folder: Path) -> dict[str, str]:
    """That of processes which see the mutated package in folder / "installed"."""
    site = folder / "site"
    site.mkdir(parents=True, exist_ok=True)
    (site / "sitecustomize.py").write_text(SITE.replace("SIZE", str(SIZE)))
    return {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{folder / 'installed'}"}


def begin(folder: Path) -> None:
    """Let this process see the mutated package."""
    os.environ.update(environment(folder))
    runpy.run_path(str(folder / "site" / "sitecustomize.py"))
    sys.path.insert(0, str(folder / "installed"))


def choose(mutant: int, reached: Path | None = None) -> None:
    """Make this process, and those that it starts, one of the mutants (0: the original)."""
    os.environ["DELTALOOP_MUTANT"] = str(mutant)
    os.environ.pop("DELTALOOP_REACHED", None)
    if reached is not None:
        os.environ["DELTALOOP_REACHED"] = str(reached)
    read_mutant()  # noqa: F821  a builtin, see SITE
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        if name.startswith("deltaloop.") and path.endswith(".so"):
            read = getattr(ctypes.CDLL(path), "deltaloop_read_mutant", None)
            if read is not None:
                read()


def empty_record(path: Path) -> Path:
    """A file for the numbers that are asked for."""
    path.write_bytes(bytes(SIZE))
    return path


def take(path: Path) -> set[int]:
    """The numbers that have been asked for, which are forgotten."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), SIZE) as reached:
        text = bytes(reached)
        reached[:] = bytes(SIZE)
    return {k for k, byte in enumerate(text) if byte}
