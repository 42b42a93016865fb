"""Rows of the table of reproductions, and how they are printed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One published figure, what came out here, and whether that is inside its bound."""

    what: str
    published: str
    ours: str
    bound: str
    is_inside: bool
    seeds: int
    settings: str


@dataclass(frozen=True)
class Paper:
    """A source, the function that trains, rows(quick), and the picture beside the table.

    `needs(quick)` raises SystemExit where something that rows want is not there.
    """

    name: str
    source: str
    rows: Callable[[bool], Iterator[Row]]
    picture: str = ""
    needs: Callable[[bool], object] = lambda quick: None


def measured(paper: Paper, quick: bool) -> tuple[list[Row], float]:
    """All rows of a paper, and the seconds that they took."""
    start = time.perf_counter()
    rows = list(paper.rows(quick))
    return rows, time.perf_counter() - start


def markdown(paper: Paper, rows: list[Row], seconds: float) -> str:
    """A heading and a table."""
    head = ["what", "published", "ours", "bound", "inside", "seeds", "settings"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        inside = "yes" if row.is_inside else "NO"
        lines.append(
            [row.what, row.published, row.ours, row.bound, inside, str(row.seeds), row.settings]
        )
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    picture = f"\n![{paper.name}]({paper.picture})\n" if paper.picture else ""
    return f"## {paper.name}\n\n{paper.source}. {seconds:.1f} s.\n\n{text}\n{picture}"
