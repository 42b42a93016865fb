"""deltaloop: backpropagation in compiled loops, for small and medium networks on the CPU."""

from . import datasets
from .activations import Activation
from .custom import custom_activation, custom_loss
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
from .layers import Dense
from .network import Gradients, Network
from .optimizers import SGD, Adam
from .scaling import Scaling
from .storage import load
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
