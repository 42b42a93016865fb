"""deltaloop: backpropagation in compiled loops, for small and medium networks on the CPU."""

import sys

from . import datasets
from .embedding import get_include
from .errors import (
    BusyError,
    DeltaloopError,
    DeltaloopWarning,
    DivergenceError,
    FileFormatError,
    InvalidInputError,
    InvalidTypeError,
    MissingDependencyError,
)
from .history import History
from .inputs.validation import one_hot
from .loading import load
from .network import Gradients, Network
from .parts import activations, custom, initializers, layers, losses, optimizers, scaling
from .parts.activations import Activation
from .parts.custom import custom_activation, custom_loss
from .parts.layers import Dense
from .parts.optimizers import SGD, Adam
from .parts.scaling import Scaling
from .version import __version__ as __version__

__all__ = [
    "SGD",
    "Activation",
    "Adam",
    "BusyError",
    "DeltaloopError",
    "DeltaloopWarning",
    "Dense",
    "DivergenceError",
    "FileFormatError",
    "Gradients",
    "History",
    "InvalidInputError",
    "InvalidTypeError",
    "MissingDependencyError",
    "Network",
    "Scaling",
    "custom_activation",
    "custom_loss",
    "datasets",
    "get_include",
    "load",
    "one_hot",
]

# `import deltaloop.activations` finds these where they always were, though they lie in a folder.
for _module in (activations, custom, initializers, layers, losses, optimizers, scaling):
    sys.modules[f"{__name__}.{_module.__name__.rpartition('.')[2]}"] = _module
