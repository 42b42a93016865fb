"""Text for people: tables with straight columns, and names that do no more than to be read."""

import re
from collections.abc import Sequence

# what moves the cursor, colours or reorders, in a terminal; and halves of characters
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str, kept: str = "") -> str:
    r"""`text` with its control characters written out, but those that are `kept`.

    Examples
    --------
    >>> from deltaloop.text import visible
    >>> print(visible("\x1b[31mred"))
    \x1b[31mred
    """
    return _CONTROL.sub(lambda found: found[0] if found[0] in kept else repr(found[0])[1:-1], text)


def cut(text: str, most: int = 40) -> str:
    """The text, or its beginning with dots behind it where it is longer.

    Examples
    --------
    >>> from deltaloop.text import cut
    >>> cut("How satisfied are you?", 10)
    'How sat...'
    """
    return text if len(text) <= most else f"{text[: most - 3]}..."


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


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of texts as a table of Markdown."""
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| "
        + " | ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def before_examples(text: str | None, shared: str) -> str:
    r"""A docstring with sections that others share, put before its examples.

    From Python 3.13 on, docstrings come without their indentation; with -OO there are none.

    >>> before_examples("Do it.\n\n    Examples\n    --------", "Returns").splitlines()
    ['Do it.', '', 'Returns', '', 'Examples', '--------']
    """
    import inspect  # not with the package, whose import is quick

    head, _, examples = inspect.cleandoc(text or "").partition("\n\nExamples\n")
    return f"{head}\n\n{inspect.cleandoc(shared)}\n\nExamples\n{examples}"
