"""A network as the textbook draws it: circles for units, lines for weights."""

import itertools

import numpy as np

from ..errors import InvalidInputError, unknown_name
from ..inputs.checks import check_network
from ..inputs.validation import inputs
from .names import latex, number, of, weight
from .passes import entering, one_sample, passes
from .pictures import axes

COLORS = {"input": "#7b4fb5", "hidden": "#2e8b57", "output": "#2b6cb0"}
_MOST = 12  # circles of a layer; of wider layers the first and the last units are drawn
_LABELLED = 8  # weights between two layers, up to which each has its name,
_LABELLED_OF_ONE = 16  # and of a single unit
_RADIUS = 0.28
_GAP = 2.6  # from layer to layer at least, in units of the distance between circles


def network(net, x=None, y=None, *, color: str = "weights", ax=None):
    """Draw units and weights; line width and colour show weights or the gradient.

    Shortcuts go around the layers that they skip, and outputs of heads have the names of these.

    Parameters
    ----------
    net : Network
    x, y : array_like, optional
        One sample and its target, as in `Network.explain`: every unit then has the number a, and
        with y the gradient can be shown.
    color : {'weights', 'gradient'}, default 'weights'
        What lines show: w or dC/dw. Red is positive, blue negative; the widest line is the
        largest magnitude between its two layers.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError, InvalidTypeError
        x or y are not accepted, or missing for what is asked.
    MissingDependencyError
        matplotlib is not installed.
    """
    check_network(net)
    if color not in ("weights", "gradient"):
        raise unknown_name("color", color, ("weights", "gradient"))
    lines, a = _numbers(net, x, y, color)
    places = [_places(n) for n in net.sizes]
    tallest = max(map(len, places))
    gap = max(_GAP, 0.5 * tallest)
    ax = axes(ax, "drawing a network", (2.1 * len(net.sizes) + 1, max(4.2, 0.55 * tallest)))
    for k in range(len(net.layers)):
        _draw_lines(ax, net, k, lines[k], places, gap)
    for level, heights in enumerate(places):
        _draw_units(ax, net, level, heights, None if a is None else a[level], gap)
    _draw_names(ax, net, places, gap)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.autoscale_view()
    return ax


def _numbers(net, x, y, color):
    """What lines show, layer by layer, and a of every unit, or None."""
    if color == "gradient" and (x is None or y is None):
        raise InvalidInputError("color='gradient' needs a sample: plot.network(net, x, y, ...)")
    if y is not None and x is None:
        raise InvalidInputError("y is the target of a sample, but there is no x; give both")
    weights = [W.copy() for W in net.W]
    if x is None:
        return weights, None
    if y is None:
        x = np.reshape(x, (1, -1))
        return weights, [
            inputs(x, net)[0], *(net.activations(x, k)[0] for k in range(len(net.layers)))
        ]  # fmt: skip
    found = net._turns.read(passes, net, *one_sample(net, x, y))
    if color == "gradient":
        weights = [net.plan.W(found.grad, k) for k in range(len(net.layers))]
    return weights, [one[0] for one in found.a]


def _places(n):
    """Heights of the circles of n units, by their number from 0; the gap stands for the rest."""
    if n <= _MOST:
        chosen, heights = list(range(n)), list(range(n))
    else:
        half = _MOST // 2
        chosen = [*range(half), *range(n - half + 1, n)]
        heights = [*range(half), *range(half + 1, _MOST)]
    middle = (heights[0] + heights[-1]) / 2
    return {unit: middle - height for unit, height in zip(chosen, heights, strict=True)}


def _draw_lines(ax, net, k, values, places, gap):
    from matplotlib.collections import LineCollection

    mask = net.layers[k].mask
    largest = float(np.abs(values).max()) or 1.0
    named = values.size <= (_LABELLED_OF_ONE if 1 in values.shape else _LABELLED)
    segments, widths, colors = [], [], []
    for j, to in places[k + 1].items():
        for i, level, start in _starts(net, k, places):
            if mask is not None and not mask[j, i]:
                continue
            part = float(values[j, i]) / largest
            points = _line(gap * level, start, gap * (k + 1), to, k - level, places)
            segments.append(points)
            widths.append(0.4 + 3.2 * abs(part))
            colors.append("#c0392b" if part > 0 else "#2471a3" if part < 0 else "#999999")
            if named:  # one after the other along the lines, so that they do not meet
                at = 0.26 + 0.14 * (j % 3) + 0.04 * (i % 2)
                ax.text(
                    *_along(points, at),
                    f"${latex(weight(k + 1, j + 1, i + 1))}$", fontsize=8, ha="center",
                    va="center", zorder=2,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
                )  # fmt: skip
    ax.add_collection(LineCollection(segments, linewidths=widths, colors=colors, zorder=1))


def _starts(net, k, places):
    """Column of W, layer and height of every unit drawn that enters weight layer k."""
    first = 0
    for level, n in entering(net, k):
        for unit, height in places[level].items():
            yield first + unit, level, height
        first += n


def _line(x, y, x_to, y_to, skipped, places):
    """Points from unit to unit; around the layers that are skipped, on the side that is nearer."""
    if not skipped:
        return [(x, y), (x_to, y_to)]
    edge = max(max(heights.values()) for heights in places) + 0.4
    over = np.copysign(edge + 0.5 * skipped, y + y_to + 0.01)
    t = np.linspace(0, 1, 17)[:, None]
    out = 0.25 * (x_to - x)
    corners = np.array([(x, y), (x + out, over), (x_to - out, over), (x_to, y_to)])
    shares = np.hstack([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3])
    return shares @ corners  # a cubic Bezier curve


def _along(points, part):
    """The point at a part of the way."""
    at = part * (len(points) - 1)
    k = min(int(at), len(points) - 2)
    (x, y), (x_to, y_to) = points[k], points[k + 1]
    return x + (at - k) * (x_to - x), y + (at - k) * (y_to - y)


def _draw_units(ax, net, level, heights, a, gap):
    from matplotlib.patches import Circle

    last = len(net.sizes) - 1
    kind = "input" if level == 0 else "output" if level == last else "hidden"
    for unit, height in heights.items():
        ax.add_patch(
            Circle((gap * level, height), _RADIUS, facecolor=COLORS[kind], edgecolor="black",
                   linewidth=0.8, zorder=3)
        )  # fmt: skip
        name = latex(of("a", level + 1, unit + 1)) if level else f"x_{{{unit + 1}}}"
        ax.text(
            gap * level, height, f"${name}$", color="white", fontsize=9 if unit < 99 else 6.5,
            ha="center", va="center", zorder=4,
        )  # fmt: skip
        if a is not None:
            ax.text(gap * level, height - _RADIUS - 0.05, number(float(f"{a[unit]:.3g}")),
                    fontsize=7, ha="center", va="top", zorder=4)  # fmt: skip
    if len(heights) < net.sizes[level]:
        values = sorted(heights.values())
        empty = next(h + 1 for h, up in itertools.pairwise(values) if up - h > 1.5)
        text = rf"$\vdots$ {net.sizes[level]}"
        ax.text(gap * level, empty, text, ha="center", va="center", fontsize=9, zorder=4)


def _draw_names(ax, net, places, gap):
    """W and b above the lines, z and a above the units, the activations below them."""
    skipped = max(k - level for k in range(len(net.layers)) for level, _ in entering(net, k))
    top = max(max(heights.values()) for heights in places) + 0.75 + 0.3 * skipped
    bottom = min(min(heights.values()) for heights in places) - 0.9 - 0.3 * skipped
    ax.update_datalim([(-0.5, bottom - 0.2), (gap * (len(net.sizes) - 1) + 0.5, top + 0.2)])
    for level in range(len(net.sizes)):
        text = "$a^{1} = x$" if level == 0 else rf"$z^{{{level + 1}}}, a^{{{level + 1}}}$"
        ax.text(gap * level, top, text, ha="center", va="center", fontsize=10)
        if level:
            layer = net.layers[level - 1]
            parts = rf"$W^{{{level}}}, b^{{{level}}}$" if layer.bias else rf"$W^{{{level}}}$"
            ax.text(gap * (level - 0.5), top, parts, ha="center", va="center", fontsize=10)
            name = "heads" if layer.heads is not None else str(layer.activation)
            ax.text(gap * level, bottom, name, ha="center", va="center", fontsize=8)
    _draw_heads(ax, net, places[-1], gap * (len(net.sizes) - 1))


def _draw_heads(ax, net, heights, x):
    """The name of every head beside its outputs, with its activation."""
    first = 0
    for name, head in net.layers[-1].heads or ():
        drawn = [heights[unit] for unit in range(first, first + head.n_units) if unit in heights]
        first += head.n_units
        if drawn:
            what = "mean, variance" if head.is_gaussian else str(head.activation)
            text = f"{name}\n{what}".replace("$", r"\$")
            length = max(map(len, text.split("\n")))
            ax.update_datalim([(x + _RADIUS + 0.15 + 0.13 * length, drawn[0])])  # about
            ax.text(x + _RADIUS + 0.15, sum(drawn) / len(drawn), text, fontsize=8, va="center")
