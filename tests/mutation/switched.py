"""Sources that hold many mutants at once, each behind a number that is set while it runs.

    x = a + b       becomes     if is_mutant(7):
                                    x = a - b
                                else:
                                    x = a + b

and conditions `(mutated) if is_mutant(7) else (original)`. So one build serves all of them.
"""

import re
from collections import defaultdict

from .sites import Site, Statement, initializers

_IMPORT = 'cdef extern from "mutant.h":\n    bint is_mutant(int number) noexcept nogil\n\n'
_BRANCH = re.compile(r"(?:el)?if is_mutant\((\d+)\):|else:")
_CONDITIONS = {"if", "elif", "while"}


class CannotSwitch(Exception):
    """The statement has a form that would not stand twice."""


def switched(text: str, chosen: list[tuple[int, Site, Statement, int]]) -> tuple[str, dict]:
    """The text with all these mutants, and which of them each of its lines belongs to."""
    lines = text.splitlines(keepends=True)
    by_statement = defaultdict(list)
    for number, site, statement, k in chosen:
        by_statement[id(statement)].append((number, site, statement, k))
    changes = []
    for found in by_statement.values():
        statement = found[0][2]
        first, last = statement.tokens[0].start, statement.tokens[-1].end
        changes.append((first[0], last[0], _rewritten(lines, statement, found), found))
    changes.sort(key=lambda change: change[0])
    out, owners, at = [], {}, 1
    for first, last, new, found in changes:
        if first < at:
            continue  # two statements on one line
        out += lines[at - 1 : first - 1]
        written = new.splitlines(keepends=True)
        for k, of_line in enumerate(_owners(written, [number for number, *_ in found])):
            if of_line:
                owners[len(out) + k + 1] = of_line
        out += written
        at = last + 1
    out += lines[at - 1 :]
    return "".join(out), owners


def _owners(written, numbers):
    """Which of the mutants of one statement its lines belong to."""
    of_branch = []
    for line in written:
        branch = _BRANCH.fullmatch(line.strip())
        if branch:
            of_branch = [int(branch[1])] if branch[1] else []
        # conditions have all of them in one line
        yield of_branch or (numbers if "is_mutant" in line else [])


def importing(text: str) -> tuple[str, int]:
    """The text with is_mutant, and by how many lines what follows has moved."""
    lines = text.splitlines(keepends=True)
    # after the docstring or the comments, and before everything else
    k = 0
    while lines[k].startswith(("#", '"""')) or not lines[k].strip():
        k += 1
    return "".join([*lines[:k], _IMPORT, *lines[k:]]), k


def _source(lines, tokens, changed=None):
    """From the first to the last of the tokens, as it stands there, with one of them changed."""
    (row, column), (last_row, last_column) = tokens[0].start, tokens[-1].end
    part = lines[row - 1 : last_row]
    part[-1] = part[-1][:last_column]
    if changed is not None:
        token, after = changed
        (r, c), end = token.start, token.end[1]
        part[r - row] = part[r - row][:c] + after + part[r - row][end:]
    part[0] = part[0][column:]
    return "".join(part)


def _rewritten(lines, statement, found):
    words, tokens = statement.words, statement.tokens
    indent = " " * tokens[0].start[1]
    if words[0] == "cdef":
        return _declared(lines, statement, found, indent)
    if words[0] in _CONDITIONS and words[-1] == ":":
        return f"{indent}{words[0]} {_choice(lines, tokens[1:-1], found)}:\n"
    if words[0] == "for" and words[-1] == ":":
        return _loop(lines, statement, found, indent)
    if words[-1] == ":" or ";" in words:
        raise CannotSwitch(found[0][0])
    text = "".join(
        f"{indent}{'if' if number == found[0][0] else 'elif'} is_mutant({number}):\n"
        f"{indent}    {_source(lines, tokens, (tokens[k], site.after))}\n"
        for number, site, _, k in found
    )
    return f"{text}{indent}else:\n{indent}    {_source(lines, tokens)}\n"


def _choice(lines, tokens, found):
    text = f"({_source(lines, tokens)})"
    for number, site, statement, k in found:
        mutated = _source(lines, tokens, (statement.tokens[k], site.after))
        text = f"(({mutated}) if is_mutant({number}) else {text})"
    return text


def _declared(lines, statement, found, indent):
    """The names are set once more, from the one that is changed on."""
    text = f"{indent}{_source(lines, statement.tokens)}\n"
    for number, site, _, k in found:
        text += f"{indent}if is_mutant({number}):\n"
        begun = False
        for name, first, end in initializers(statement):
            begun |= first <= k < end
            if "enter" in statement.words[first:end]:
                raise CannotSwitch(found[0][0])
            if begun:
                change = (statement.tokens[k], site.after) if first <= k < end else None
                value = _source(lines, statement.tokens[first:end], change)
                text += f"{indent}    {name} = {value}\n"
    return text


def _loop(lines, statement, found, indent):
    """The bounds of a range, whose step has to be a constant where it is compiled."""
    words, tokens = statement.words, statement.tokens
    if found[0][1].path.suffix == ".py":
        first = words.index("in") + 1
        if any(k < first for *_, k in found):
            raise CannotSwitch(found[0][0])
        names = _source(lines, tokens[:first])
        return f"{indent}{names} {_choice(lines, tokens[first:-1], found)}:\n"
    if words[2:5] != ["in", "range", "("]:
        raise CannotSwitch(found[0][0])
    bounds, depth, first = [], 0, 5
    for k in range(5, len(words) - 1):
        if words[k] in (",", ")") and depth == 0:
            bounds.append((first, k))
            first = k + 1
        depth += (words[k] in ("(", "[")) - (words[k] in (")", "]"))
    parts = []
    for place, (first, end) in enumerate(bounds):
        here = [entry for entry in found if first <= entry[3] < end]
        if here and place == 2:
            raise CannotSwitch(found[0][0])
        parts.append(
            _choice(lines, tokens[first:end], here) if here else _source(lines, tokens[first:end])
        )
    if not any(first <= k < end for *_, k in found for first, end in bounds):
        raise CannotSwitch(found[0][0])
    return f"{indent}for {words[1]} in range({', '.join(parts)}):\n"
