"""Rows of functions.py as source code: `t0 = logistic(z)`, `t1 = z * t0`, ..."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import ClassVar


class Language:
    """How constants, operations and statements are written in the language of a target.

    Attributes
    ----------
    calls : dict
        Primitives that are functions, and what they are called in the target. A vector comes
        first; other arguments may be numbers, which stay scalars.
    statement : str
        An assignment: "{name} = {value}" or the like.
    epsilon : str
        The name of the machine epsilon of the elements.
    """

    calls: ClassVar[dict[str, str]]
    statement: ClassVar[str]
    epsilon: ClassVar[str] = ""

    def number(self, x) -> str:
        """A constant of the element type."""
        raise NotImplementedError

    def operation(self, sign: str, x: str, y: str) -> str:
        """`x + y`, with the given sign."""
        return f"{x} {sign} {y}"

    def where_above(self, x: str, y: str, above: str, other: str) -> str:
        """`above` where x > y, else `other`"""
        raise NotImplementedError

    def spread(self, scalar: str) -> str:
        """A scalar as a vector: for `where_above`, division and results."""
        return scalar


class Expression:
    """A vector, by the name of its variable or argument; or a scalar, by its source text.

    Scalars are numbers, parameters, and what is computed from these alone.
    """

    def __init__(self, writer: "Writer", name: str, is_scalar: bool = False):
        self.writer, self.name, self.is_scalar = writer, name, is_scalar

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
        if self.is_scalar:
            return Expression(self.writer, f"(-{self.name})", True)
        return self.writer.let(f"-{self.name}")


class Writer:
    """The namespace m of a row: records what the row computes, one variable per operation."""

    def __init__(self, language: Language):
        self.language, self.n_variables = language, 0
        self.lines: list[str] = []

    def let(self, value: str) -> Expression:
        """Assign `value` to a new variable."""
        name = f"t{self.n_variables}"
        self.n_variables += 1
        self.lines.append(self.language.statement.format(name=name, value=value))
        return Expression(self, name)

    @property
    def epsilon(self) -> Expression:
        """See functions.py."""
        return Expression(self, self.language.epsilon, True)

    def operation(self, sign, x, y) -> Expression:
        """`x + y` and so on, for expressions or numbers; of two scalars, a scalar."""
        x, y = self._value(x), self._value(y)
        if x.is_scalar and y.is_scalar:
            return Expression(self, f"({x.name} {sign} {y.name})", True)
        text = self._spread if sign == "/" else lambda value: value.name
        return self.let(self.language.operation(sign, text(x), text(y)))

    def where_above(self, *arguments) -> Expression:
        """See functions.py."""
        texts = (self._spread(self._value(argument)) for argument in arguments)
        return self.let(self.language.where_above(*texts))

    def __getattr__(self, name) -> Callable[..., Expression]:
        called = self.language.calls[name]

        def call(*arguments):
            texts = (self._value(argument).name for argument in arguments)
            return self.let(f"{called}({', '.join(texts)})")

        return call

    def _value(self, x) -> Expression:
        return x if isinstance(x, Expression) else Expression(self, self.language.number(x), True)

    def _spread(self, x: Expression) -> str:
        return self.language.spread(x.name) if x.is_scalar else x.name

    def scalar(self, text: str) -> Expression:
        """A parameter, by its name."""
        return Expression(self, text, is_scalar=True)

    def results(self, values) -> list[str]:
        """The texts of several vectors."""
        return [self.result(value) for value in values]

    def result(self, x) -> str:
        """The text of what a function returns: always a vector."""
        return self._spread(self._value(x))


class Scalars(Language):
    """Numbers of float64 in C, as text alone: `(1 - pow(given[1], step))`."""

    def number(self, x) -> str:
        """In full."""
        return repr(float(x))


class ScalarWriter(Writer):
    """The namespace m of `constants` and `factor`."""

    def power(self, x, y) -> Expression:
        """x^y"""
        return self.scalar(f"pow({self._value(x).name}, {self._value(y).name})")


def written_constants(row, given: str, step: str, product: str) -> tuple[dict[str, str], str]:
    """The constants of a rule by name, and its factor ("" if it has none), as texts in float64.

    `given` is the name of the array of hyper-parameters, `step` and `product` are names for t and
    the product of the factors.
    """
    writer = ScalarWriter(Scalars())
    h = SimpleNamespace(
        **{name: writer.scalar(f"{given}[{k}]") for k, name in enumerate(row.hyper)}
    )
    t = writer.scalar(f"(<double> {step})")
    found = row.constants(writer, h, t, writer.scalar(product)) if row.constants else {}
    factor = row.factor(writer, h, t).name if row.factor else ""
    return {name: value.name for name, value in found.items()}, factor


def written_step(
    row, language: Language, hyper: str, *arguments: str
) -> tuple[list[str], list[str], int]:
    """The statements of a rule, its results (w, then the slots), and how many variables it has.

    `hyper` is the name of the array of hyper-parameters and, after them, constants; `arguments`
    are names for w, g and the slots, of which there may be more than the rule has.
    """
    writer = Writer(language)
    names = [*row.hyper, *written_constants(row, hyper, "step", "product")[0]]
    values = {name: Expression(writer, f"{hyper}[{k}]", True) for k, name in enumerate(names)}
    of_state = [Expression(writer, name) for name in arguments[: 2 + len(row.slots)]]
    results = row.step(writer, SimpleNamespace(**values), *of_state)
    return writer.lines, [result.name for result in results], writer.n_variables


def written(
    function: Callable, language: Language, *arguments: str, parameter: str = "alpha"
) -> tuple[list[str], str, int]:
    """The statements of a function of a row, its result, and how many variables t0, t1, ... it has.

    `arguments` are names for its vectors, `parameter` one for its last argument, a scalar.

    Examples
    --------
    >>> from deltaloop.kernels import expressions, functions
    >>> class Plain(expressions.Language):
    ...     calls, statement, number = {"logistic": "logistic"}, "{name} = {value}", str
    >>> expressions.written(functions.sigmoid.slope, Plain(), "z", "a")
    (['t0 = 1 - a', 't1 = a * t0'], 't1', 2)
    """
    writer = Writer(language)
    values = [Expression(writer, name) for name in arguments]
    result = function(writer, *values, Expression(writer, parameter, True))
    return writer.lines, writer.result(result), writer.n_variables
