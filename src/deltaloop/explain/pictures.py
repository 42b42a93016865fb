"""Pictures of what a network does and has learned; matplotlib is imported when one is drawn."""

from typing import Any

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, missing
from ..inputs import validation
from ..inputs.checks import (
    any_size,
    as_numbers,
    check_network,
    number,
    one_per_sample,
    whole_number,
)
from .twin import Twin


def axes(ax, purpose, size):
    """The axes of the user, or those of a new figure."""
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise missing("matplotlib", "plot", purpose) from None
    return plt.subplots(figsize=size, layout="constrained")[1]


def decision_boundary(net, X, Y=None, *, columns=(0, 1), resolution: int = 200, ax=None):
    """Draw what is predicted where in the plane of two inputs, and the samples.

    One output: its value as a colour, with the line in the middle (0.5; 0 for an output that may
    be negative). Several outputs: the area of the largest one.

    Parameters
    ----------
    net : Network
    X : array_like, shape (n_samples, n_in)
        Samples; they say how far the picture reaches. Inputs that are not drawn keep their mean.
    Y : array_like, optional
        Class numbers, or targets of the outputs; they colour the samples.
    columns : (int, int), default (0, 1)
        The inputs along the axes, from 0.
    resolution : int, default 200
        Points along either axis.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError, InvalidTypeError
        X, Y or columns are not accepted.
    MissingDependencyError
        matplotlib is not installed.
    """
    check_network(net)
    X = as_numbers("X", X)
    X = X.reshape(len(X), -1) if X.ndim else X.reshape(1, 1)
    validation.inputs(X, net)  # an error, if they do not fit
    if net.layers[-1].heads is not None:
        raise InvalidInputError(
            "decision_boundary draws outputs of one kind, but the network has heads"
        )
    n_in, resolution = net.sizes[0], whole_number("resolution", resolution, 2)
    if n_in < 2:
        raise InvalidInputError(f"decision_boundary needs two inputs, the network has {n_in}")
    across, up = _two_columns(columns, n_in)
    labels = None if Y is None else _labels(Y, len(X))
    ax = axes(ax, "drawing a decision boundary", (5, 4.2))
    grids = []
    for column in (across, up):
        low, high = float(X[:, column].min()), float(X[:, column].max())
        margin = 0.08 * (high - low) or 1.0
        grids.append(np.linspace(low - margin, high + margin, resolution))
    points = np.tile(X.mean(axis=0, dtype=float), (resolution**2, 1))
    points[:, across] = np.tile(grids[0], resolution)
    points[:, up] = np.repeat(grids[1], resolution)
    out = net.predict(points)
    n_out = out.shape[1]
    if n_out == 1:
        values = out[:, 0].reshape(resolution, resolution)
        middle = 0.0 if net.layers[-1].activation.range[0] < 0 and values.min() < 0 else 0.5
        ax.contourf(*grids, values, levels=20, cmap="RdBu", alpha=0.6)
        if values.min() < middle < values.max():
            ax.contour(*grids, values, levels=[middle], colors="black", linewidths=1.2)
    else:
        areas = out.argmax(axis=1).reshape(resolution, resolution)
        levels, colors = np.arange(n_out + 1) - 0.5, [f"C{k % 10}" for k in range(n_out)]
        ax.contourf(*grids, areas, levels=levels, colors=colors, alpha=0.35)
    how: dict[str, Any] = {"c": "black"}
    if labels is not None and n_out == 1:
        how = {"c": labels, "cmap": "RdBu"}
    elif labels is not None:
        how = {"c": [f"C{int(label) % 10}" for label in labels]}
    ax.scatter(X[:, across], X[:, up], s=18, edgecolors="black", linewidths=0.4, zorder=3, **how)
    ax.set(xlabel=f"$x_{{{across + 1}}}$", ylabel=f"$x_{{{up + 1}}}$")
    return ax


def _two_columns(columns, n_in):
    across, up = _two_numbers("columns", columns)
    if not (0 <= across < n_in and 0 <= up < n_in and across != up):
        raise InvalidInputError(
            f"columns must be two different numbers from 0 to {n_in - 1}, got {columns!r}"
        )
    return across, up


def _two_numbers(name, given):
    try:
        first, second = (one.__index__() for one in given)
    except (TypeError, ValueError, AttributeError):
        raise InvalidTypeError(f"{name} must be two whole numbers, got {given!r}") from None
    return first, second


def _labels(Y, n):
    Y = one_per_sample("Y", Y, n).reshape(n, -1)
    return Y[:, 0] if Y.shape[1] == 1 else Y.argmax(axis=1)


def weights(net, layer: int = 0, *, shape=None, ax=None):
    """Draw the weights of a layer: red where positive, blue where negative.

    Parameters
    ----------
    net : Network
    layer : int, default 0
        Number of the weight layer, from 0 as in `W`.
    shape : (int, int), optional
        Of the inputs as an image, such as (28, 28): each unit is drawn as one, side by side. Left
        out, W is drawn as a table, a row for every unit.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError, InvalidTypeError
        There is no such layer, or it has no such shape.
    MissingDependencyError
        matplotlib is not installed.
    """
    check_network(net)
    n_layers = len(net.layers)
    layer = whole_number("layer", layer, -n_layers, n_layers - 1) % n_layers
    W = net.W[layer].astype(float)
    image = W if shape is None else _mosaic(W, shape)
    ax = axes(ax, "drawing weights", (5.5, 4))
    largest = float(np.abs(W).max()) or 1.0
    drawn = ax.imshow(
        image, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest",
        aspect="auto" if shape is None else "equal",
    )  # fmt: skip
    ax.figure.colorbar(drawn, ax=ax, shrink=0.8)
    ax.set_title(f"$W^{{{layer + 1}}}$")
    if shape is None:
        ax.set(xlabel="unit of the layer before, from 0", ylabel="unit, from 0")
        for axis in (ax.xaxis, ax.yaxis):
            axis.get_major_locator().set_params(integer=True)
    else:
        ax.set(xticks=[], yticks=[])
    return ax


def _mosaic(W, shape):
    """Images of all units side by side, with an empty line between them."""
    height, width = _two_numbers("shape", shape)
    n_out, n_in = W.shape
    if height < 1 or height * width != n_in:
        raise InvalidInputError(
            f"shape must have {n_in} values, as many as units before the layer, got {shape!r}"
        )
    across = int(np.ceil(np.sqrt(n_out)))
    down = -(-n_out // across)
    image = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for j in range(n_out):
        top, left = (j // across) * (height + 1), (j % across) * (width + 1)
        image[top : top + height, left : left + width] = W[j].reshape(height, width)
    return image


def gradient_flow(flow, *, ax=None):
    """Draw how large |delta| is in every layer, over the epochs: medians, and the middle half.

    Of what is not 0, as deltas of relu units are that are off.

    Parameters
    ----------
    flow : GradientFlow
        As it was given to `fit` in callbacks.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError, InvalidTypeError
        It is no GradientFlow, or has seen no epoch.
    MissingDependencyError
        matplotlib is not installed.
    """
    if not hasattr(flow, "quantiles"):
        raise InvalidTypeError(
            f"flow must be a deltaloop.plot.GradientFlow, got {type(flow).__name__}; give one to "
            "fit first: flow = plot.GradientFlow(X, Y); net.fit(..., callbacks=[flow])"
        )
    quantiles = flow.quantiles
    ax = axes(ax, "drawing a gradient flow", (6, 3.6))
    for k in range(quantiles.shape[1]):
        low, middle, high = quantiles[:, k, 1], quantiles[:, k, 2], quantiles[:, k, 3]
        (line,) = ax.plot(flow.epochs, middle, label=f"layer {k + 1}")
        ax.fill_between(flow.epochs, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    ax.set(xlabel="epoch", ylabel=r"$|\delta|$", yscale="log")
    ax.legend()
    return ax


@any_size
def loss_surface(
    net, X, Y, *, directions=None, extent: float = 1.0, resolution: int = 41, seed: int = 0, ax=None
):
    """Draw the loss around the parameters of a network, along two directions.

    Random directions have, weight by weight of a unit, the length of the weights that lead to it,
    so that pictures of different networks can be compared. Source: Li, Xu, Taylor, Studer &
    Goldstein (2018), Visualizing the loss landscape of neural nets.

    Parameters
    ----------
    net : Network
    X, Y
        As in `Network.fit`.
    directions : (array_like, array_like), optional
        Two directions, as long as `theta` or as `parameters`; left out, random ones.
    extent : float, default 1
        How far the picture reaches, in lengths of the directions.
    resolution : int, default 41
        Points along either axis.
    seed : int, default 0
        Of random directions.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidInputError, InvalidTypeError
        X, Y or a number are not accepted, or directions that do not fit.
    MissingDependencyError
        matplotlib is not installed.
    """
    check_network(net)
    extent = number("extent", extent, above=0.0)
    resolution, seed = whole_number("resolution", resolution, 2), whole_number("seed", seed, 0)
    X, Y = net._data(X, Y)
    if directions is not None:
        try:
            first, second = directions
        except (TypeError, ValueError):
            raise InvalidTypeError(
                "directions must be two arrays, each laid out as theta"
            ) from None
        directions = [net._laid_out("directions", one) for one in (first, second)]
    twin = net._turns.read(Twin, net, X, Y)
    rng = np.random.default_rng(seed)
    if directions is None:
        u, v = (_like_weights(twin, rng) for _ in range(2))
    else:
        u, v = (twin.laid_out(net.plan, one) for one in directions)
    steps = np.linspace(-extent, extent, resolution)
    losses = np.array([[twin.loss(twin.theta + s * u + t * v) for s in steps] for t in steps])
    ax = axes(ax, "drawing a loss surface", (5.4, 4.2))
    shown = np.where(np.isfinite(losses), losses, np.nan)
    positive = np.nanmin(shown) > 0 and np.nanmax(shown) > 30 * np.nanmin(shown)
    label = r"$\log_{10}$ loss" if positive else "loss"
    shown = np.log10(shown) if positive else shown
    drawn = ax.contourf(steps, steps, shown, levels=24, cmap="viridis")
    ax.contour(steps, steps, shown, levels=12, colors="white", linewidths=0.4, alpha=0.6)
    ax.figure.colorbar(drawn, ax=ax, label=label)
    ax.plot([0], [0], "*", color="red", markersize=10)
    ax.set(xlabel="first direction", ylabel="second direction")
    return ax


def _like_weights(twin, rng):
    """A random direction, each unit of which is as long as the weights that lead to it."""
    v = twin.laid_out(twin.plan, rng.normal(size=twin.plan.n_theta))
    if twin.plan.mask is not None:
        v *= twin.plan.mask
    for k in range(len(twin.plan.layers)):
        W, w = twin.plan.W(twin.theta, k), twin.plan.W(v, k)
        lengths = np.linalg.norm(w, axis=1, keepdims=True)
        w *= np.linalg.norm(W, axis=1, keepdims=True) / np.where(lengths > 0, lengths, 1)
        b, db = twin.plan.b(twin.theta, k), twin.plan.b(v, k)
        if b is not None:
            db *= np.linalg.norm(b) / (np.linalg.norm(db) or 1)
    return v
