"""Rows of functions.py as source code: `t0 = logistic(z)`, `t1 = z * t0`, ..."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import ClassVar


class Language:
    """How a target writes what rows are made of.

    Attributes
    ----------
    calls : dict
        Primitives of one argument, as the target names them.
    statement : str
        That gives a variable its value: "{name} = {value}" or the like.
    """

    calls: ClassVar[dict[str, str]]
    statement: ClassVar[str]

    def number(self, x) -> str:
        """A constant of the element type."""
        raise NotImplementedError

    def operation(self, sign: str, x: str, y: str) -> str:
        """X sign y"""
        return f"{x} {sign} {y}"

    def where_above(self, x: str, y: str, above: str, other: str) -> str:
        """`above` where x > y, else `other`"""
        raise NotImplementedError

    def spread(self, x) -> str:
        """What an argument of `where_above` or of a division has to be."""
        return x if isinstance(x, str) else self.number(x)


class Expression:
    """A value that was computed into a variable, or is an argument."""

    def __init__(self, writer: "Writer", name: str):
        self.writer, self.name = writer, name

    def __add__(self, other):
        return self.writer.operation("+", self, other)

    def __radd__(self, other):
        return self.writer.operation("+", other, self)

    def __sub__(self, other):
        return self.writer.operation("-", self, other)

    def __rsub__(self, other):
        return self.writer.operation("-", other, self)

    def __mul__(self, other):
        return self.writer.operation("*", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self.writer.operation("/", self, other)

    def __rtruediv__(self, other):
        return self.writer.operation("/", other, self)

    def __neg__(self):
        return self.writer.let(f"-{self.name}")


class Writer:
    """The namespace m of a row: it takes down what the row does, one variable per step."""

    def __init__(self, language: Language):
        self.language, self.n_variables = language, 0
        self.lines: list[str] = []

    def let(self, value: str) -> Expression:
        """A new variable."""
        name = f"t{self.n_variables}"
        self.n_variables += 1
        self.lines.append(self.language.statement.format(name=name, value=value))
        return Expression(self, name)

    def operation(self, sign, x, y) -> Expression:
        """Of two values or numbers."""
        if sign == "/":
            x, y = (self.language.spread(self._plain(v)) for v in (x, y))
        return self.let(self.language.operation(sign, self._text(x), self._text(y)))

    def where_above(self, *arguments) -> Expression:
        """See functions.py."""
        texts = (self.language.spread(self._plain(v)) for v in arguments)
        return self.let(self.language.where_above(*texts))

    def __getattr__(self, name) -> Callable[[Expression], Expression]:
        called = self.language.calls[name]
        return lambda x: self.let(f"{called}({x.name})")

    def _plain(self, x):
        return x.name if isinstance(x, Expression) else x

    def _text(self, x):
        x = self._plain(x)
        return x if isinstance(x, str) else self.language.number(x)


def written_step(
    row, language: Language, hyper: str, *arguments: str
) -> tuple[list[str], list[str], int]:
    """The statements of a rule, its results (w, then the slots), and how many variables it has.

    `hyper` names an array of the hyper-parameters; arguments are w, g and the slots.
    """
    writer = Writer(language)
    values = {name: Expression(writer, f"{hyper}[{k}]") for k, name in enumerate(row.hyper)}
    of_state = [Expression(writer, name) for name in arguments[: 2 + len(row.slots)]]
    results = row.step(writer, SimpleNamespace(**values), *of_state)
    return writer.lines, [result.name for result in results], writer.n_variables


def written(function: Callable, language: Language, *arguments: str) -> tuple[list[str], str, int]:
    """The statements of a function of a row, its result, and how many variables t0, t1, ... it has.

    Examples
    --------
    >>> from deltaloop.kernels import expressions, functions
    >>> class Plain(expressions.Language):
    ...     calls, statement, number = {"logistic": "logistic"}, "{name} = {value}", str
    >>> expressions.written(functions.sigmoid.slope, Plain(), "z", "a", "alpha")
    (['t0 = 1 - a', 't1 = a * t0'], 't1', 2)
    """
    writer = Writer(language)
    result = function(writer, *(Expression(writer, name) for name in arguments))
    text = result.name if isinstance(result, Expression) else language.spread(result)
    return writer.lines, text, writer.n_variables
