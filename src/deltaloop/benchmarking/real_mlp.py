"""RealMLP-TD-S in PyTorch, a peer of `deltaloop bench --tables`.

One network as published, from the description of its authors: the input of every number scaled by
median and quartiles and smoothly clipped, categories one-hot; a scale per input; 256-256-256, SELU
for classes and Mish for values; z = W a / sqrt(n_in) + b with W, b from N(0, 1), and a last W and b
of 0; Adam (0.9, 0.95) in batches of 256 for 256 epochs; the learning rate goes up and down in four
waves, is multiplied by 6 for the scales and by 0.1 for biases; label smoothing of 0.1; a fifth of
the rows is held out, and the epoch is kept that predicts it best (the last of equals).

Source: Holzmüller, Grinsztajn & Steinwart (2024), Better by default: strong pre-tuned MLPs and
boosted trees on tabular data, arXiv 2407.04491, table A.2.
"""

import math
from itertools import pairwise

import numpy as np

from ..tabular import Preparation
from ..tabular.arrays import Targets, parts
from ..tabular.columns import Number
from ..tabular.recipe import four_waves

WIDTHS, EPOCHS, BATCH, HELD = (256, 256, 256), 256, 256, 5


def real_mlp(table, y, later, n_classes, seed: int = 0) -> np.ndarray:
    """Classes, or values (n, n_targets), of the rows of `later`."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    preparation, X = Preparation.fit_transform(table)
    used = _without_levels(preparation)
    X, X_later = X[:, used], preparation.transform(later)[:, used]
    Y = Targets.of(y, n_classes)
    held = parts(Y.y, HELD, Y.is_classes, seed)[0]
    rows = np.setdiff1d(np.arange(len(X)), held)
    net = _Network(torch, X.shape[1], Y.n_out, Y.is_classes)
    _fit(torch, net, *(torch.from_numpy(one) for one in (X[rows], Y.y[rows], X[held], Y.y[held])))
    with torch.no_grad():
        out = net(torch.from_numpy(np.ascontiguousarray(X_later))).numpy()
    return out.argmax(axis=1) if Y.is_classes else Y.in_units(out)


def _without_levels(preparation):
    """The inputs but those that our preparation makes of few whole numbers: it has none of them."""
    used: list[int] = []
    for column in preparation.columns:
        place = preparation.of_column[column.name]
        n_levels = len(column.levels) if isinstance(column, Number) else 0
        used += range(place.start, place.stop - n_levels)
    return used


class _Network:
    """The parameters, and the network that they make."""

    def __init__(self, torch, n_in, n_out, is_classes):
        self.is_classes = is_classes
        functional = torch.nn.functional
        self.activation = functional.selu if is_classes else functional.mish
        self.scales = torch.ones(n_in, requires_grad=True)
        self.W, self.b = [], []
        widths = (n_in, *WIDTHS, n_out)
        for k, (before, width) in enumerate(pairwise(widths)):
            make = torch.zeros if k == len(WIDTHS) else torch.randn
            self.W.append(make(before, width, requires_grad=True))
            self.b.append(make(width, requires_grad=True))

    def __call__(self, X):
        a = X * self.scales
        for k, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            z = a @ W / math.sqrt(len(W)) + b
            a = self.activation(z) if k < len(WIDTHS) else z
        return a

    @property
    def parameters(self):
        return [self.scales, *self.W, *self.b]


def _fit(torch, net, X, y, X_held, y_held):
    """Train, and leave the parameters of the best epoch."""
    functional = torch.nn.functional
    if net.is_classes:

        def loss(out, y):
            return functional.cross_entropy(out, y, label_smoothing=0.1)

        def error(out, y):
            return float((out.argmax(1) != y).float().mean())
    else:
        loss = functional.mse_loss

        def error(out, y):
            return float(loss(out, y))

    rates = (([net.scales], 6.0), (net.W, 1.0), (net.b, 0.1))
    groups = [{"params": list(values), "factor": factor} for values, factor in rates]
    optimizer = torch.optim.Adam(groups, lr=0.0, betas=(0.9, 0.95))
    size = min(BATCH, len(X))
    n_steps = len(X) // size  # what is left over waits for the next order
    of_step = four_waves().factors(np.arange(EPOCHS * n_steps) / n_steps, EPOCHS)
    of_step = of_step * (0.04 if net.is_classes else 0.07)
    best, kept = math.inf, []
    for epoch in range(EPOCHS):
        order = torch.randperm(len(X))
        for step in range(n_steps):
            rows = order[step * size : (step + 1) * size]
            for group in optimizer.param_groups:
                group["lr"] = float(of_step[epoch * n_steps + step]) * group["factor"]
            optimizer.zero_grad()
            loss(net(X[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            found = error(net(X_held), y_held)
        if found <= best:
            best, kept = found, [one.detach().clone() for one in net.parameters]
    with torch.no_grad():
        for parameter, value in zip(net.parameters, kept, strict=True):
            parameter.copy_(value)
