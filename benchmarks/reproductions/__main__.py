"""Reproduce figures of the literature, and print what was published beside what came out.

    python benchmarks/reproductions                      # all of it, some minutes
    python benchmarks/reproductions --quick              # fewer seeds, less than a minute
    python benchmarks/reproductions --only symmetry lecun
    python benchmarks/reproductions --only fann --fann-data FOLDER --fann-library libfann.so.2
    python benchmarks/reproductions -o benchmarks/reproductions/README.md

The exit status is 1 where a figure is outside of its bound.
"""

import argparse
import sys
import warnings
from pathlib import Path

if __package__ in (None, ""):  # started by the name of the folder
    sys.path.insert(0, str(Path(__file__).parents[1]))

from deltaloop.errors import DeltaloopWarning
from deltaloop.interop.whole_file import whole_file
from deltaloop.version import __version__
from reproductions import chauvin, fahlman, fann, lang, lecun, nielsen, pdp, symmetry
from reproductions.table import markdown, measured

PAPERS = {
    "symmetry": symmetry.PAPER,
    "pdp": pdp.PAPER,
    "chauvin": chauvin.PAPER,
    "fahlman": fahlman.PAPER,
    "lang": lang.PAPER,
    "nielsen": nielsen.PAPER,
    "lecun": lecun.PAPER,
    "fann": fann.paper(None, None),
}


def main() -> int:
    """Measure, print, and tell whether all figures are inside their bounds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer seeds")
    parser.add_argument("--only", nargs="+", choices=PAPERS, metavar="NAME", default=list(PAPERS))
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write it to a file as well, and pictures beside it"
    )
    parser.add_argument("--fann-data", metavar="FOLDER", help=f"FANN's data sets; {fann.FOLDER}")
    parser.add_argument("--fann-library", metavar="FILE", help="libfann.so.2; else the system's")
    given = parser.parse_args()
    papers = PAPERS | {"fann": fann.paper(given.fann_data, given.fann_library)}
    for name in given.only:
        papers[name].needs(given.quick)
    warnings.simplefilter("ignore", DeltaloopWarning)
    parts, all_inside = [_head(given.quick)], True
    print(parts[0])
    for name in given.only:
        rows, seconds = measured(papers[name], given.quick)
        parts.append(markdown(papers[name], rows, seconds))
        all_inside &= all(row.is_inside for row in rows)
        print(parts[-1], flush=True)
    if given.output:
        with whole_file(given.output, "w") as file:
            file.write("\n".join(parts))
        if "lecun" in given.only:
            lecun.draw(Path(given.output).parent / lecun.PAPER.picture, given.quick)
    return 0 if all_inside else 1


def _head(quick):
    form = "the quick form, " if quick else ""
    return (
        "# Figures of the literature, and what comes out here\n\n"
        f"Printed by `python benchmarks/reproductions{' --quick' if quick else ''}`: {form}"
        f"deltaloop {__version__}. Seeds are 0, 1, 2, ...; a median is that of the runs that end.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
