"""The rule that all networks have in common, and the numbers that each has of its own."""

import numpy as np

from ..errors import InvalidInputError
from ..parts.optimizers import SGD, check_optimizer
from ..parts.whole_batch import WholeBatch
from .arguments import numbers_of


def rule_of(n: int, optimizer, learning_rate, momentum, weight_decay):
    """The rule, (learning rates, momenta, decays), and index -> optimiser of a network."""
    used = check_optimizer(SGD() if optimizer is None else optimizer)
    if isinstance(used, WholeBatch):
        raise InvalidInputError(
            f"an ensemble descends on mini-batches, not with {type(used).__name__}; use SGD or "
            "Adam, or train the networks one by one"
        )
    if getattr(used, "weight_noise", 0.0):
        raise InvalidInputError("an ensemble has no weight_noise; leave it out")
    settings = used.settings()
    if momentum is not None and not isinstance(used, SGD):
        raise InvalidInputError(
            f"momentum belongs to SGD, but optimizer={type(used).__name__}; leave it out"
        )
    given = {"learning_rate": learning_rate, "weight_decay": weight_decay, "momentum": momentum}
    numbers = {}
    for name, value in given.items():
        value = getattr(used, name, 0.0) if value is None else value
        below = 1.0 if name == "momentum" else np.inf
        numbers[name] = numbers_of(name, value, n, below=below)
    if isinstance(used, SGD):
        nesterov = used.nesterov
        if numbers["momentum"].any() or nesterov:
            # a momentum of 0 is the same as none, for networks without
            settings["momentum"] = settings["momentum"] or 0.5
        else:
            settings["momentum"] = 0.0
    settings["weight_decay"] = float(numbers["weight_decay"].max())
    settings["learning_rate"] = float(numbers["learning_rate"][0])
    rule = type(used)(**settings).rule()

    def of(index):
        own = dict(settings)
        own["learning_rate"] = float(numbers["learning_rate"][index])
        own["weight_decay"] = float(numbers["weight_decay"][index])
        if isinstance(used, SGD):
            own["momentum"] = float(numbers["momentum"][index])
            own["nesterov"] = used.nesterov and own["momentum"] > 0
        return type(used)(**own)

    return rule, [numbers[k] for k in ("learning_rate", "momentum", "weight_decay")], of
