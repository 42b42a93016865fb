"""Tables as plain text."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence], sides: str) -> list[str]:
    """Rows of cells as lines with straight columns; sides has '<' or '>' per column."""
    widths = [max(len(str(row[k])) for row in rows) for k in range(len(sides))]
    return [
        "  "
        + "  ".join(
            f"{cell!s:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
