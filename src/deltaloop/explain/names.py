"""Names of the mathematics: w^2_22, z^3_1, as text and as LaTeX.

Superscripts count layers of units from 1, the inputs: a^1 = x. W^l and b^l lead from a^l to
z^(l+1), and w^l_jk from unit k to unit j.
"""


def weight(layer: int, j: int | str, k: int) -> str:
    """w^layer_jk, with a comma where a number has two digits; j may be a letter for all units."""
    return f"w^{layer}_{j}{'' if len(f'{j}{k}') == 2 else ','}{k}"


def of(letter: str, layer: int, j: int | str) -> str:
    """a^layer_j and the like."""
    return f"{letter}^{layer}_{j}"


_GREEK = {"delta": r"\delta"}


def latex(name: str) -> str:
    r"""A name, or dC/dname, as LaTeX.

    Examples
    --------
    >>> from deltaloop.explain.names import latex
    >>> print(latex("w^2_22"))
    w^{2}_{22}
    >>> print(latex("dC/da^3_2"))
    \frac{\partial C}{\partial a^{3}_{2}}
    """
    if "/" in name:
        above, below = name.split("/")
        return rf"\frac{{\partial {latex(above[1:])}}}{{\partial {latex(below[1:])}}}"
    letter, _, rest = name.partition("^")
    if not rest:
        return letter
    layer, _, units = rest.partition("_")
    return f"{_GREEK.get(letter, letter)}^{{{layer}}}_{{{units}}}"


def number(value: float) -> str:
    """Six significant digits, and no -0."""
    return f"{value + 0.0:.6g}"


def number_latex(value: float) -> str:
    """The same as LaTeX."""
    mantissa, _, exponent = number(value).partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def factor(text: str) -> str:
    """A number as a factor of a product: negative ones in parentheses."""
    return f"({text})" if text.startswith("-") else text
