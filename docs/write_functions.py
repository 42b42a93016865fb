"""Write the tables of functions.md and their pictures, docs/pictures/functions/*.svg.

    python docs/write_functions.py

The tables come from the rows of kernels/functions.py; what is said about the use of each function
is in here.
"""

from collections.abc import Callable
from math import inf
from pathlib import Path

import numpy as np

from deltaloop.kernels import reference
from deltaloop.kernels.functions import ACTIVATIONS, LOSSES

PAGE = Path(__file__).with_name("functions.md")
PICTURES = Path(__file__).parent / "pictures" / "functions"
USES = {
    "identity": "Outputs that are any number; hidden layers gain nothing by it.",
    "sigmoid": "Outputs that are probabilities, each for itself. Hidden, it saturates.",
    "tanh": "Small networks with smooth targets, control; hidden units centred on 0.",
    "relu": "The usual choice for wide and deep networks; units that never fire learn nothing.",
    "leaky_relu": "relu without units that stay dead.",
    "elu": "relu that is smooth for z < 0 where alpha = 1, with means near 0.",
    "softplus": "Outputs that are positive, such as rates and widths: linear where they are large.",
    "silu": "Smooth relu; also called swish. Good for regression and where inputs are derived by.",
    "softmax": "Classes that exclude each other.",
    "log_softmax": "The same as logarithms, with the loss nll: where log-probabilities are wanted.",
    "selu": "Deep plain networks: with init='lecun_normal' means and variances keep themselves.",
    "gelu": "Smooth relu of transformers.",
    "gelu_tanh": "The approximation that GPT-2 and BERT were trained with, for their weights.",
    "mish": "Smooth relu, a little steeper than silu.",
    "softsign": "tanh without exponential, which saturates slowly.",
    "hard_sigmoid": "sigmoid from three straight lines, for processors that have no exponential.",
    "hard_tanh": "tanh from three straight lines; outputs with hard limits.",
    "lecun_tanh": "tanh scaled so that f(1) = 1 and f(-1) = -1.",
    "gaussian": "Bumps: one unit answers to one region (radial basis functions of one direction).",
    "sin": "Periodic targets, and fine detail of signals and pictures from coordinates.",
    "exp": "Outputs that are positive and whose effects multiply; rates with poisson.",
    "mse": "Regression where errors are normal: learns the mean.",
    "binary_cross_entropy": "Two classes, or several labels that may hold at once.",
    "cross_entropy": "Classes that exclude each other; label_smoothing keeps it from certainty.",
    "huber": "Regression with outliers: mse near the target, mae far from it.",
    "mae": "Regression with outliers: learns the median.",
    "log_cosh": "As huber, but smooth everywhere and without a threshold to choose.",
    "quantile": "Learns the tau-quantile: two networks give an interval.",
    "poisson": "Counts and rates.",
    "nll": "cross_entropy for outputs that are log-probabilities.",
    "binary_focal": "binary_cross_entropy for rare classes: what is right already hardly counts.",
    "hinge": "Classes as -1 and 1 with a margin: right is right enough.",
    "squared_hinge": "The same, smooth at the margin and harder on large errors.",
    "exponential": "The largest errors of a sample dominate: where none may be large.",
    "hellinger": "Distances of frequencies, gentle to those near 0.",
    "kullback_leibler": "Distributions as targets: cross_entropy, which is 0 where it is right.",
    "generalized_kullback_leibler": "Positive amounts that need not sum to 1, such as spectra.",
    "itakura_saito": "Positive amounts over many orders of magnitude: the ratio alone counts.",
}
WIDTH, HEIGHT, BLUE, ORANGE = 168, 112, "#1f5fa8", "#d9822b"
_POSITIVE = [row.name for row in LOSSES.values() if row.needs_positive and not row.with_softmax]


def curves(name: str) -> tuple[tuple[float, float], tuple[float, float], list]:
    """Range of x, range of y, and (function of an array, colour, is dashed) of every curve."""
    if name in ACTIVATIONS:
        return (-4, 4), (-2, 3), _of_activation(name)
    value = reference.TERMS[name][0]
    parameter = LOSSES[name].parameter

    def term(y) -> Callable:
        p = np.float64(parameter.default if parameter else 0)

        def of(a):
            found = value(a, np.full_like(a, y), p)
            return p * np.exp(found / p) if name == "exponential" else found

        return of

    if name == "nll":
        return (-4, 0), (-0.5, 4), [(term(1), BLUE, False)]
    if LOSSES[name].only_targets:
        return (-3, 3), (-1, 5), [(term(1), BLUE, False), (term(-1), ORANGE, True)]
    if name in _POSITIVE:
        return (0.02, 4), (-0.5, 3), [(term(1), BLUE, False), (term(2), ORANGE, True)]
    if name == "kullback_leibler":
        return (0.02, 1), (-1, 3), [(term(1), BLUE, False), (term(0.5), ORANGE, True)]
    if LOSSES[name].targets == (0, 1):
        targets = [(term(1), BLUE, False)]
        if not LOSSES[name].targets_sum_to_1:
            targets.append((term(0), ORANGE, True))
        return (0.005, 0.995), (-0.5, 4), targets
    return (-3, 3), (-0.5, 4), [(term(0), BLUE, False)]


def _of_activation(name):
    f, slope = reference.CURVES[name]
    default = ACTIVATIONS[name].alpha
    alpha = np.float64(default.default if default else 0)
    if slope is None:  # of the first of two units, where z of the other is 0

        def first(z):
            return f(np.stack([z, 0 * z], axis=-1), alpha)[:, 0]

        return [(first, BLUE, False)]
    return [
        (lambda z: f(z, alpha), BLUE, False),
        (lambda z: slope(z, f(z, alpha), alpha), ORANGE, True),
    ]


def picture(name: str) -> str:
    """The curves of a function as SVG."""
    (left, right), (low, high), drawn = curves(name)
    x = np.linspace(left, right, 121)

    def across(value):
        return (value - left) / (right - left) * WIDTH

    def down(value):
        return (high - value) / (high - low) * HEIGHT

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<path d="M0 {down(0):.1f}H{WIDTH}" stroke="#999"/>',
    ]
    if left <= 0 <= right:
        lines.append(f'<path d="M{across(0):.1f} 0V{HEIGHT}" stroke="#999"/>')
    ticks = [f"M{across(k):.1f} {down(0):.1f}v-3" for k in range(-4, 5) if left < k < right and k]
    ticks += [
        f"M{across(max(left, 0)):.1f} {down(k):.1f}h3" for k in range(-4, 5) if low < k < high and k
    ]
    lines.append(f'<path d="{"".join(ticks)}" stroke="#999"/>')
    for function, colour, is_dashed in drawn:
        with np.errstate(all="ignore"):
            y = np.broadcast_to(function(x), x.shape)
        pieces, pen = [], "M"
        for a, b, jump in zip(x, y, np.abs(np.diff(y, prepend=y[0])), strict=True):
            if not low - 2 <= b <= high + 2:
                pen = "M"
                continue
            pen = "M" if jump > 0.3 and name in ACTIVATIONS else pen
            pieces.append(f"{pen}{across(a):.1f} {down(b):.1f}")
            pen = "L"
        dashes = ' stroke-dasharray="4 3"' if is_dashed else ""
        style = f'fill="none" stroke="{colour}" stroke-width="1.6"{dashes}'
        lines.append(f'<path d="{"".join(pieces)}" {style}/>')
    return "\n".join([*lines, "</svg>\n"])


def _number(x) -> str:
    return "∞" if x == inf else "-∞" if x == -inf else f"{x:.4g}"


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _row(name: str, *cells: str) -> str:
    picture = f"![{name}](pictures/functions/{name}.svg)"
    return f"| {' | '.join([f'`{name}`', *cells, USES[name], picture])} |"


def activations() -> str:
    """The table of activations."""
    lines = ["| name | f(z) | range | use | picture |", "|---|---|---|---|---|"]
    for row in ACTIVATIONS.values():
        low, high = map(_number, row.range)
        if row.scales:
            low = low.replace("1", "alpha")
        formula = _code(row.formula)
        if row.alpha:
            formula += f", alpha = {row.alpha.default:g}"
        lines.append(_row(row.name, formula, f"{low} … {high}"))
    return "\n".join(lines)


def losses() -> str:
    """The table of losses."""
    lines = [
        "| name | term of one output | targets | output | use | picture |",
        "|---|---|---|---|---|---|",
    ]
    for row in LOSSES.values():
        formula = _code(row.formula)
        if row.parameter:
            formula += f", {row.parameter.name} = {row.parameter.default:g}"
        lines.append(_row(row.name, formula, _targets(row), f"`{row.partner}`"))
    return "\n".join(lines)


def _targets(row) -> str:
    low, high = row.targets
    if row.only_targets:
        return " or ".join(f"{target:g}" for target in row.only_targets)
    if row.targets_sum_to_1:
        return "classes, or rows that sum to 1"
    if row.targets == (-inf, inf):
        return "any"
    return f"> {low:g}" if row.targets_are_positive else f"{low:g} … {_number(high)}"


def page(text: str) -> str:
    """The page with the tables as they are now."""
    for name, table in (("activations", activations()), ("losses", losses())):
        begin, end = f"<!-- {name}: docs/write_functions.py -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{table}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    for function in [*ACTIVATIONS, *LOSSES]:
        PICTURES.joinpath(f"{function}.svg").write_text(picture(function))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
