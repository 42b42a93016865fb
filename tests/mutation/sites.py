"""Where a source can be changed by one token, and to what: the same for Python and for Cython."""

import io
import keyword
import re
import tokenize
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

SWAPS = {
    "+": "-", "-": "+", "*": "+", "/": "*", "//": "*", "%": "+", "+=": "-=", "-=": "+=", "*=": "+=",
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&": "|", "|": "&",
    "and": "or", "or": "and", "True": "False", "False": "True", "min": "max", "max": "min",
    "break": "pass", "continue": "pass", "not": "", "even": "odd", "odd": "even",
    # codes, where one is tried in the place of another
    "SGD": "ADAM", "ADAM": "NESTEROV", "NESTEROV": "SGD", "MSE": "CROSS_ENTROPY",
    "CROSS_ENTROPY": "MSE", "BINARY_CROSS_ENTROPY": "MSE", "STORE": "ADD", "ADD": "DESCEND",
    "DESCEND": "STORE", "RELU": "SIGMOID", "SIGMOID": "SOFTMAX", "SOFTMAX": "SIGMOID",
    "NEAREST": "FLUSHING", "FLUSHING": "NEAREST", "W": "b", "n_in": "n_out", "n_out": "n_in",
    "z": "a", "start": "stop", "stop": "start",
}  # fmt: skip
# they only take the place of what the function has: an unknown name would be too easy a fault
_VARIABLES = {"even", "odd", "W", "b", "n_in", "n_out", "z", "a", "start", "stop"}
_BEFORE_OPERAND = {"(", "[", ",", "=", "+", "-", "*", "/", "//", "%", "<", ">", "<=", ">=", "==",
                   "!=", "&", "|", ":", "+=", "-=", "*=", "**", "~", "^", "{"}  # fmt: skip
_LEFT_ALONE = {"raise", "import", "from", "cimport", "include", "global", "nonlocal", "assert",
               "with", "else", "try", "finally", "except"}  # fmt: skip
_NUMBER = re.compile(r"\d+$")


@dataclass
class Statement:
    """One logical line: its tokens, and where it stands in the text."""

    tokens: list
    function: str
    names: set  # all words of the function
    words: list = field(init=False)  # the tokens as texts

    def __post_init__(self):
        self.words = [token.string for token in self.tokens]

    @property
    def is_cdef(self) -> bool:
        return self.words[0] == "cdef"


@dataclass(frozen=True)
class Site:
    """One token of one statement, and what takes its place."""

    path: Path
    line: int
    column: int
    before: str
    after: str
    text: str  # of the line, without blanks around it
    function: str

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What the list of known ones goes by: lines and comments change, code less so."""
        change, code = f"{self.before} -> {self.after}", self.text.partition("  #")[0].rstrip()
        return self.path.name, self.function, code, change, self.column


def statements(text: str) -> list[Statement]:
    """The logical lines inside functions, but docstrings, signatures and decorators."""
    found, line, owners = [], [], []  # owners: (indentation, name, words) of the functions around
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
            continue
        if token.type not in (tokenize.NEWLINE, tokenize.ENDMARKER):
            line.append(token)
            continue
        if line:
            column = line[0].start[1]
            while owners and column <= owners[-1][0]:
                owners.pop()
            words = [t.string for t in line]
            if words[0] in ("def", "cdef", "cpdef", "class") and words[-1] == ":":
                if words[0] != "class" and "(" in words:
                    owners.append((column, words[words.index("(") - 1], set(words)))
            elif owners and line[0].type != tokenize.STRING and words[0] != "@":
                owners[-1][2].update(words)
                found.append(Statement(line, *owners[-1][1:]))
        line = []
    return found


def _in_casts(words):
    """Positions of <type *> and of the * in it."""
    found = set()
    for k, word in enumerate(words):
        if word == "<":
            inside = list(takewhile(lambda w: w == "*" or w.isidentifier(), words[k + 1 :]))
            end = k + 1 + len(inside)
            starts_operand = k == 0 or words[k - 1] in _BEFORE_OPERAND | {
                "return",
                "if",
                "else",
                "and",
                "or",
                "not",
                "in",
                "while",
            }
            if inside and end < len(words) and words[end] == ">" and starts_operand:
                found.update(range(k, end + 1))
    return found


def initializers(statement: Statement) -> list[tuple[str, int, int]]:
    """Of `cdef type a = x, b, c = y`: (name, first token of the value, its end)."""
    found, depth, start, words = [], 0, None, statement.words
    for k, word in enumerate([*words, ","]):
        depth += (word in "([{") - (word in ")]}") if len(word) == 1 else 0
        if word == "=" and depth == 0 and start is None:
            start = k + 1
        elif word == "," and depth == 0:
            if start is not None:
                found.append((words[start - 2], start, k))
            start = None
    return found


def _changes(statement: Statement, cython: bool):
    """(position, text instead) of the tokens of a statement."""
    words = statement.words
    skipped = _in_casts(words) if cython else set()
    allowed = range(len(words))
    if statement.is_cdef:
        allowed = [k for _, first, end in initializers(statement) for k in range(first, end)]
    if words[0] in (
        "raise",
        "import",
        "from",
        "global",
        "nonlocal",
        "assert",
        "include",
        "with",
        "cimport",
        "else",
        "try",
        "finally",
        "except",
    ):
        return
    for k in allowed:
        word, token = words[k], statement.tokens[k]
        if k in skipped or token.type == tokenize.STRING:
            continue
        unary = k == 0 or words[k - 1] in _BEFORE_OPERAND or keyword.iskeyword(words[k - 1])
        if word in ("*", "&", "+", "**") and unary:
            continue
        if word == "-" and unary:
            yield k, ""
        elif word == "not" and k and words[k - 1] == "is":
            continue
        elif word == "*" and not cython:
            yield k, "/"
        elif word in SWAPS and (word not in _VARIABLES or SWAPS[word] in statement.names):
            is_set = k + 1 < len(words) and words[k + 1] == "="
            if not (is_set and word not in ("+", "-")):  # the name of an argument, or what is set
                yield k, SWAPS[word]
        elif token.type == tokenize.NUMBER:
            if _NUMBER.match(word):
                yield k, str(int(word) + 1)
                if int(word) > 0:
                    yield k, str(int(word) - 1)
            elif word[-1] in "0123456789" and "x" not in word:
                yield k, f"{word}1" if "e" not in word and "." in word else f"{word}0"


def sites(path: Path, text: str | None = None) -> list[tuple[Site, Statement, int]]:
    """Everything that could be changed in a file, with the statement and the place in it."""
    text = path.read_text() if text is None else text
    lines, cython = text.splitlines(), path.suffix != ".py"
    found = []
    for statement in statements(text):
        if cython and "is" in statement.words and "vector" in statement.words:
            continue  # chosen while it is compiled
        for k, after in _changes(statement, cython):
            row, column = statement.tokens[k].start
            site = Site(
                path,
                row,
                column,
                statement.words[k],
                after,
                lines[row - 1].strip(),
                statement.function,
            )
            found.append((site, statement, k))
    return found


def replaced(lines: list[str], site: Site) -> str:
    """The text with that one token changed."""
    line = lines[site.line - 1]
    changed = line[: site.column] + site.after + line[site.column + len(site.before) :]
    return "".join([*lines[: site.line - 1], changed, *lines[site.line :]])
