"""Several networks as one: an average of networks that can be saved and used like any other."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..network import Network
from ..parts.layers import Dense


def without_scales(net: Network) -> list[tuple[np.ndarray, np.ndarray]]:
    """W and b of every layer, with the input scales, where there are any, in the first W.

    W diag(s) x + b = (W diag(s)) x + b.
    """
    layers = [
        (W.astype(np.float64), np.zeros(len(W)) if b is None else b.astype(np.float64))
        for W, b in zip(net.W, net.b, strict=True)
    ]
    if net.layers[0].mask is not None:
        scales, (W, b) = np.diag(layers[0][0]), layers[1]
        layers[:2] = [(W * scales, b)]
    return layers


def merged(nets: Sequence[Network], weights: Sequence[float] | None = None) -> Network:
    """One network whose last z is the mean of those of `nets`, which differ in their widths alone.

    Side by side: the first layers one below the other, blocks on a diagonal between hidden layers
    (with a mask, so that further training leaves the networks apart), and the last layers beside
    each other, divided by their number, or times weights that sum to 1. With softmax the mean of z
    is the geometric mean of the probabilities, up to their sum.
    """
    parts = [without_scales(net) for net in nets]
    like = nets[0]
    depth, n = len(parts[0]), len(nets)
    shares = [1 / n] * n if weights is None else weights
    activations = [layer.activation for layer in like.layers[-depth:]]
    layers = []
    for k in range(depth):
        Ws, bs = [part[k][0] for part in parts], [part[k][1] for part in parts]
        mask = None
        if k == depth - 1:
            W = np.concatenate([w * W for w, W in zip(shares, Ws, strict=True)], axis=1)
            b = np.average(bs, axis=0, weights=shares)
        elif k == 0:
            W, b = np.concatenate(Ws), np.concatenate(bs)
        else:
            W, b = _diagonal(Ws), np.concatenate(bs)
            mask = _diagonal([np.ones(one.shape, bool) for one in Ws]) if n > 1 else None
        if k == depth - 1 and like.layers[-1].heads is not None:
            layers.append(Dense(heads=dict(like.layers[-1].heads), init=(W, b)))
        else:
            layers.append(Dense(len(b), activations[k], init=(W, b), mask=mask))
    of_one: dict[str, Any] = {} if like.layers[-1].heads is not None else {"loss": like._loss}
    made = Network(like.sizes[0], layers, dtype=like.dtype, **of_one)
    made.optimizer = like.optimizer
    return made


def _diagonal(blocks):
    """The blocks on the diagonal of one array."""
    out = np.zeros(np.sum([block.shape for block in blocks], axis=0), blocks[0].dtype)
    i = j = 0
    for block in blocks:
        out[i : i + len(block), j : j + block.shape[1]] = block
        i, j = i + len(block), j + block.shape[1]
    return out
