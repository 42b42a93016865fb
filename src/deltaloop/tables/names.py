"""Names of columns: for those without, and for several with the same."""

from collections import Counter
from collections.abc import Sequence

from .cells import shortened


def named_columns(names: Sequence[str] | None, width: int) -> tuple[str, ...]:
    """The names of the columns; x1, x2, ... by position for those without."""
    given = list(names or [""] * width)
    taken = set(given)
    for number, name in enumerate(given, 1):
        if not name:
            new = f"x{number}"
            while new in taken:
                new = f"{new}_"
            given[number - 1] = new
    return tuple(given)


def told_apart(names: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Names of which none occurs twice, and what was done for that.

    Of several columns of one name the second is called name_2, the third name_3.
    """
    again = [name for name, n in Counter(names).items() if n > 1]
    if not again:
        return tuple(names), []
    taken, seen, found = set(names), Counter[str](), []
    made: dict[str, list[str]] = {name: [] for name in again}
    for name in names:
        seen[name] += 1
        new, number = name, seen[name]
        while number > 1 and new in taken:
            new = f"{name}_{number}"
            number += 1
        taken.add(new)
        found.append(new)
        if seen[name] > 1:
            made[name].append(new)
    return tuple(found), [
        f"{len(new) + 1} columns are named {name!r}; the later ones are called {shortened(new)}"
        for name, new in made.items()
    ]
