"""The network for tables and its training, after RealMLP-TD-S.

z = W a / sqrt(n_in) + b with W and b from N(0, 1) is the parametrisation there. Adam moves a
parameter by a multiple of its learning rate, whatever the size of its gradient, so this is the same
as z = V a + b with V from N(0, 1 / n_in) and the learning rate divided by sqrt(n_in).

Source: Holzmüller, Grinsztajn & Steinwart (2024), Better by default: strong pre-tuned MLPs and
boosted trees on tabular data, arXiv 2407.04491, table A.2.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np

from ..errors import DeltaloopWarning, DivergenceError
from ..network import Network
from ..parts.layers import Dense
from ..parts.losses import Loss
from ..parts.optimizers import Adam
from ..training.schedules import Schedule


@dataclass(frozen=True)
class four_waves(Schedule):
    """(1 - cos(2 pi log2(1 + 15 u))) / 2 at the part u of the training that is over.

    Four waves from 0 to 1 and back, each twice as long as the one before. "coslog4" in the source.
    """

    per = "step"

    def factors(self, t, epochs, unit=1.0):
        """As `Schedule.factors`."""
        return (1 - np.cos(2 * math.pi * np.log2(1 + 15 * t / epochs))) / 2


@dataclass(frozen=True)
class Recipe:
    """How one network is made and trained.

    Attributes
    ----------
    widths : tuple of int
        Of the hidden layers.
    activation : str
    learning_rate : float
        eta0: of weights of a layer divided by sqrt(n_in).
    epochs, batch_size : int
    smoothing : float
        Label smoothing, for classes.
    dropout : float
        Of the hidden layers.
    of_biases, of_scales : float
        What the learning rate is multiplied with; of_scales 0 leaves the input scales out.
    initial_bias : float
        Standard deviation.
    weight_decay : float
    """

    widths: tuple[int, ...] = (256, 256, 256)
    activation: str = "selu"
    learning_rate: float = 0.04
    epochs: int = 256
    batch_size: int = 256
    smoothing: float = 0.1
    dropout: float = 0.0
    of_biases: float = 0.1
    of_scales: float = 6.0
    initial_bias: float = 1.0
    weight_decay: float = 0.0
    beta2: float = 0.95
    selects: str = "error"


def network(n_in: int, n_out: int, is_classes: bool, recipe: Recipe, seed: int) -> Network:
    """The network before training, with the learning rates of its layers."""
    eta, layers, n_before = recipe.learning_rate, [], n_in
    if recipe.of_scales:
        layers.append(
            Dense(n_in, "identity", bias=False, init=np.eye(n_in), mask=np.eye(n_in, dtype=bool),
                  rate_of_W=recipe.of_scales)
        )  # fmt: skip
    for width in recipe.widths:
        layers.append(
            Dense(width, recipe.activation, init="lecun_normal", dropout=recipe.dropout,
                  bias_init=("normal", recipe.initial_bias),
                  rate_of_W=1 / math.sqrt(n_before), rate_of_b=recipe.of_biases)
        )  # fmt: skip
        n_before = width
    loss = Loss("cross_entropy", label_smoothing=recipe.smoothing) if is_classes else Loss("mse")
    layers.append(
        Dense(n_out, loss.row.partner, init="zeros", bias_init="zeros",
              rate_of_W=1 / math.sqrt(n_before), rate_of_b=recipe.of_biases)
    )  # fmt: skip
    net = Network(n_in, layers, loss=loss, seed=seed)
    net.optimizer = Adam(eta, 0.9, recipe.beta2, weight_decay=recipe.weight_decay)
    return net
