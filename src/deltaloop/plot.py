"""Pictures of networks and of what they learn; every function needs matplotlib.

Each takes `ax`, the axes to draw on; left out, it makes a figure of its own. Each returns the
axes, so that `ax.figure.savefig("net.svg")` keeps the picture, also where there is no screen.

    network             units and weights, as the textbook draws them
    history             losses, metrics and learning rates over the epochs
    decision_boundary   what is predicted where, for two inputs
    weights             one layer as a table of colours, or unit by unit as images
    gradient_flow       how large delta is in every layer while a network trains
    loss_surface        the loss around the parameters, along two directions

Examples
--------
>>> import matplotlib
>>> matplotlib.use("agg")  # no screen
>>> import deltaloop as dl
>>> ax = dl.plot.network(dl.Network([4, 2, 2, 1]))
>>> len(ax.patches)  # a circle for each unit
9
>>> matplotlib.pyplot.close(ax.figure)
"""

from .explain.flow import GradientFlow
from .explain.picture_of_network import network
from .explain.pictures import decision_boundary, gradient_flow, loss_surface, weights
from .training.plots import plot_history as history

__all__ = [
    "GradientFlow",
    "decision_boundary",
    "gradient_flow",
    "history",
    "loss_surface",
    "network",
    "weights",
]
