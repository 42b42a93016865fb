"""Rows of kernels/functions.py as JavaScript: the same formulas, in float64."""

from typing import Any, ClassVar

from ...kernels import expressions, functions
from ..deltas import CANCEL

_PRIMITIVES = (
    "clipped", "cos", "exp", "exp_of_negative", "exp_of_square", "expm1_of_negative", "gated",
    "lecun_tanh", "log", "log1p", "log1p_of_fraction", "logistic", "magnitude", "mish", "normal",
    "root", "sin", "tanh", "times_normal",
)  # fmt: skip
_DIFFERENCES = tuple(loss for _, loss in CANCEL)  # whose delta is a - y, beside their partner


class JavaScript(expressions.Language):
    """Numbers, with the primitives of arithmetic.js."""

    calls: ClassVar = {name: f"m.{name}" for name in _PRIMITIVES}
    statement = "const {name} = {value};"
    epsilon = "m.epsilon"

    def number(self, x):
        """In full; negative ones in parentheses."""
        return f"({x!r})" if x < 0 else repr(x)

    def where_above(self, x, y, above, other):
        """For one value."""
        return f"{x} > {y} ? {above} : {other}"


def _arrow(function: Any, *arguments: str, parameter: str) -> str:
    lines, result, _ = expressions.written(function, JavaScript(), *arguments, parameter=parameter)
    given = ", ".join([*arguments, parameter])
    return f"({given}) => {{ {' '.join([*lines, f'return {result};'])} }}"


def _term(row, function: Any, *arguments: str) -> str:
    """A `value` of a loss, which may be a product of two."""
    writer = expressions.Writer(JavaScript())
    values = [expressions.Expression(writer, name) for name in arguments]
    term = function(writer, *values, writer.scalar("p"))
    result = " * ".join(writer.results(functions.factors(term)))
    given = ", ".join([*arguments, "p"])
    return f"({given}) => {{ {' '.join([*writer.lines, f'return {result};'])} }}"


def _outer(row) -> str:
    writer = expressions.Writer(JavaScript())
    s = expressions.Expression(writer, "s")
    results = writer.results(row.outer(writer, s, writer.scalar("p")))
    return f"(s, p) => {{ {' '.join(writer.lines)} return [{', '.join(results)}]; }}"


def activations() -> str:
    """`const ACTIVATIONS = {...}`: f(z, alpha) and slope(z, a, alpha) of single units."""
    rows = []
    for row in functions.ACTIVATIONS.values():
        parts = [f"formula: {row.formula!r}", f"slope_formula: {row.slope_formula!r}"]
        if row.f is not None:
            parts.append(f"f: {_arrow(row.f, 'z', parameter='alpha')}")
            parts.append(f"slope: {_arrow(row.slope, 'z', 'a', parameter='alpha')}")
        rows.append(f"  {row.name}: {{ {', '.join(parts)} }},")
    return "\n".join(["const ACTIVATIONS = {", *rows, "};"])


def losses() -> str:
    """`const LOSSES = {...}`: value(a, y, p) and slope(a, y, p), and what pairs have of z."""
    rows = []
    for row in functions.LOSSES.values():
        parts = [
            f"formula: {row.formula!r}", f"slope_formula: {row.slope_formula!r}",
            f"partner: {row.partner!r}", f"with_softmax: {str(row.with_softmax).lower()}",
            f"difference: {str(row.name in _DIFFERENCES).lower()}",
            f"value: {_term(row, row.value, 'a', 'y')}",
            f"slope: {_arrow(row.slope, 'a', 'y', parameter='p')}",
        ]  # fmt: skip
        if row.logits_value is not None:
            parts.append(f"logits_value: {_term(row, row.logits_value, 'z', 'y')}")
            parts.append(f"logits_delta: {_arrow(row.logits_delta, 'z', 'a', 'y', parameter='p')}")
        if row.outer is not None:
            parts.append(f"outer: {_outer(row)}")
        rows.append(f"  {row.name}: {{ {', '.join(parts)} }},")
    return "\n".join(["const LOSSES = {", *rows, "};"])
