r"""An explanation as LaTeX, for notebooks: aligned lines, one per step of the chain rule."""

import re

from .deltas import EVERYWHERE
from .names import factor, latex, number, number_latex, of, weight

_TERMS = 4  # of a sum that are written out


def latex_of(found) -> str:
    """The lines of an `Explanation`, between dollar signs."""
    delta = found.delta
    z, a = of("z", delta.layer, delta.unit), of("a", delta.layer, delta.unit)
    gradient, dz = latex(f"dC/d{found.name}"), _slope(z, found.name)
    chain = [latex(f"dC/d{z}")] if delta.dC_da is None else [latex(f"dC/d{a}"), _slope(a, z)]
    lines = [f"{gradient} &= {_product(*chain, dz)}"]
    for one in (delta, *found.deltas):
        lines += _lines(one)
    what = "" if found.dz_name == "1" else f"{latex(found.dz_name)} = "
    lines.append(f"{dz} &= {what}{number_latex(found.dz)}")
    value = number_latex(found.value)
    if found.connected:
        numbers = _product(_factor(delta.value), _factor(found.dz))
        lines.append(f"{gradient} &= {_product(latex(delta.name), dz)} = {numbers} = {value}")
    else:
        lines.append(rf"{gradient} &= {value} \quad \text{{(a mask leaves this connection out)}}")
    body = " \\\\\n".join(lines)
    return f"$\\displaystyle \\begin{{aligned}}\n{body}\n\\end{{aligned}}$"


def _lines(delta):
    """Where delta comes from."""
    z, a = of("z", delta.layer, delta.unit), of("a", delta.layer, delta.unit)
    name, value = latex(delta.name), number_latex(delta.value)
    dC_dz, dC_da, da_dz = latex(f"dC/d{z}"), latex(f"dC/d{a}"), _slope(a, z)
    if delta.kind == "cancelled":
        steps = f"{name} = {dC_dz} &= "
        if delta.formula == "a - y":
            numbers = f"{number_latex(delta.a)} - {_factor(delta.y)}"
            steps += f"{latex(a)} - y_{{{delta.unit}}} = {numbers} = "
        yield steps + value
    elif delta.kind == "coupled":
        slope = rf"\frac{{\partial a_k}}{{\partial {latex(z)}}}"
        total = rf"\sum_k \frac{{\partial C}}{{\partial a_k}} {slope}"
        yield f"{name} = {dC_dz} &= {total}{_sum(delta.terms)} = {value}"
    else:
        if delta.kind == "hidden":
            w, later = weight(delta.layer, "i", delta.unit), of("delta", delta.layer + 1, "i")
            total = rf"\sum_i {latex(w)} {latex(later)}"
            if delta.formula == EVERYWHERE:
                total = r"\sum w \delta"
            elif not delta.formula.startswith("sum_i"):
                products = (" ".join(map(latex, term.names)) for term in delta.terms)
                total = " + ".join(products)
            yield f"{dC_da} &= {total}{_sum(delta.terms)} = {number_latex(delta.dC_da)}"
        else:
            at = f"a = {number(delta.a)}, y = {number(delta.y)}"
            yield f"{dC_da} &= {number_latex(delta.dC_da)} {_named(at)}"
        how = _named(delta.activation)
        yield f"{da_dz} &= f'({latex(z)}) = {number_latex(delta.slope)} {how}"
        numbers = _product(_factor(delta.dC_da), _factor(delta.slope))
        yield f"{name} = {dC_dz} &= {_product(dC_da, da_dz)} = {numbers} = {value}"


def _sum(terms):
    if len(terms) > _TERMS:
        return ""
    return " = " + " + ".join(_product(*map(_factor, term.numbers)) for term in terms)


def _product(*factors):
    return r" \cdot ".join(factors)


def _factor(value):
    return factor(number_latex(value))


def _slope(above, below):
    return rf"\frac{{\partial {latex(above)}}}{{\partial {latex(below)}}}"


def _named(name):
    """A name beside mathematics, of characters that mean nothing to LaTeX."""
    plain = re.sub("[^A-Za-z0-9 .()=-]", " ", name)
    return rf"\quad \text{{({plain})}}"
