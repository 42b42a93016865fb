"""A network as a `torch.nn.Module` that computes the same, and trains there."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import FileFormatError
from ..parts.heads import GAUSSIAN_NLL
from .archive import MAGIC, SCALING, Contents
from .curves import POINTS

_FUNCTIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "identity": lambda z, alpha: z,
    "sigmoid": lambda z, alpha: torch.sigmoid(z),
    "tanh": lambda z, alpha: torch.tanh(z),
    "relu": lambda z, alpha: torch.relu(z),
    "leaky_relu": lambda z, alpha: F.leaky_relu(z, alpha),
    "elu": lambda z, alpha: F.elu(z, alpha),
    "selu": lambda z, alpha: F.selu(z),
    "softplus": lambda z, alpha: torch.logaddexp(z, torch.zeros_like(z)),
    "silu": lambda z, alpha: F.silu(z),
    "softmax": lambda z, alpha: torch.softmax(z, -1),
    "log_softmax": lambda z, alpha: torch.log_softmax(z, -1),
    "gelu": lambda z, alpha: F.gelu(z),
    "gelu_tanh": lambda z, alpha: F.gelu(z, approximate="tanh"),
    "mish": lambda z, alpha: F.mish(z),
    "softsign": lambda z, alpha: F.softsign(z),
    "hard_sigmoid": lambda z, alpha: F.hardsigmoid(z),
    "hard_tanh": lambda z, alpha: F.hardtanh(z),
    "lecun_tanh": lambda z, alpha: 1.7159 * torch.tanh(z * (2 / 3)),
    "gaussian": lambda z, alpha: torch.exp(-z * z),
    "sin": lambda z, alpha: torch.sin(z),
    "exp": lambda z, alpha: torch.exp(z),
}


class TorchNetwork(nn.Module):
    """What a network computes, in PyTorch.

    `forward(x)` gives what `predict` gives, scaling included: shape (n, n_in) to (n, n_out); in
    float64 where targets are scaled. `logits(x)` stops before the last activation, for losses that
    take logits. Dropout acts in train(). Connections that a mask leaves out stay out.
    Its `state_dict` holds layers.0.weight, layers.0.bias, ..., the scaling, and as extra state the
    description of the network, so that a file of it is a network of its own.
    """

    layers: Any  # of nn.Linear, some with a buffer mask
    x_mean: Any
    x_scale: Any
    y_mean: Any
    y_scale: Any

    def __init__(self, contents: Contents):
        super().__init__()
        description, arrays = contents
        self._text = contents.text()
        entries = description["layers"]
        dtype = getattr(torch, description["dtype"])
        self.layers = nn.ModuleList()
        for number, entry in enumerate(entries, 1):
            W = arrays[f"W{number}"]
            layer = nn.Linear(W.shape[1], W.shape[0], entry["bias"], dtype=dtype)
            with torch.no_grad():
                layer.weight.copy_(_tensor(W))
                if entry["bias"]:
                    layer.bias.copy_(_tensor(arrays[f"b{number}"]))
            if f"mask{number}" in arrays:
                layer.register_buffer("mask", _tensor(arrays[f"mask{number}"]))
            if entry.get("trainable") is False:
                layer.requires_grad_(False)
            self.layers.append(layer)
        for name in SCALING:
            value = _tensor(arrays[name]) if name in arrays else None
            self.register_buffer(name, value)
        self._activations = [(entry["activation"], entry["alpha"] or 0.0) for entry in entries]
        self._shortcuts = [tuple(entry.get("shortcuts", ())) for entry in entries]
        self._dropout = [
            description.get("input_dropout", 0.0), *(entry.get("dropout", 0.0) for entry in entries)
        ]  # fmt: skip
        self._heads = [_head(entry) for entry in entries[-1].get("heads", ())]

    def logits(self, x: Tensor) -> Tensor:
        """Z of the last layer, shape (n, n_out)."""
        dtype = self.layers[0].weight.dtype
        if self.x_mean is not None:
            x = (x.to(torch.float64) - self.x_mean) / self.x_scale
        units = [F.dropout(x.to(dtype), self._dropout[0], self.training)]
        for k, layer in enumerate(self.layers):
            entering = [units[-1], *(units[source] for source in self._shortcuts[k])]
            mask = getattr(layer, "mask", None)
            weight = layer.weight if mask is None else layer.weight * mask
            z = F.linear(torch.cat(entering, -1), weight, layer.bias)
            if k < len(self.layers) - 1:
                name, alpha = self._activations[k]
                a = _FUNCTIONS[name](z, alpha)
                units.append(F.dropout(a, self._dropout[k + 1], self.training))
        return z

    def forward(self, x: Tensor) -> Tensor:
        """What `predict` gives."""
        z = self.logits(x)
        if self._heads:
            parts = torch.split(z, [n for n, *_ in self._heads], -1)
            return torch.cat(
                [
                    _gaussian(part) if name is None else _FUNCTIONS[name](part, alpha)
                    for part, (_, name, alpha) in zip(parts, self._heads, strict=True)
                ],
                -1,
            )
        name, alpha = self._activations[-1]
        a = _FUNCTIONS[name](z, alpha)
        return a if self.y_mean is None else a * self.y_scale + self.y_mean

    def get_extra_state(self) -> str:
        """The description, which travels in `state_dict`."""
        return self._text

    def set_extra_state(self, state: str) -> None:
        """Refuse the state of another network."""
        import json

        found, own = json.loads(state), json.loads(self._text)
        if found.get("magic") != MAGIC or found["layers"] != own["layers"]:
            raise FileFormatError("this state_dict belongs to a network of other layers")


def _tensor(array):
    return torch.from_numpy(np.array(array, order="C"))


def _head(entry):
    """Units, activation (None: means and variances) and alpha of a head."""
    if entry["loss"] == GAUSSIAN_NLL:
        return 2 * entry["n_out"], None, 0.0
    return entry["n_out"], entry["activation"], entry["alpha"] or 0.0


def _gaussian(z):
    mean, log_variance = torch.chunk(z, 2, -1)
    return torch.cat([mean, torch.exp(log_variance)], -1)


def activation_values(module: nn.Module) -> np.ndarray:
    """What a module without parameters makes of the points of `curves`, one by one."""
    with torch.no_grad():
        return module(torch.from_numpy(POINTS)[:, None])[:, 0].numpy()
