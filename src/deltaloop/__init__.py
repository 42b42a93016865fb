"""deltaloop: backpropagation in compiled loops, for small and medium networks on the CPU."""

import importlib as _importlib
import sys as _sys
from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import datasets
from .computing import Gradients
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
    RankError,
)
from .inputs.validation import one_hot
from .network import Network
from .parts import activations, custom, initializers, layers, losses, optimizers, scaling
from .parts.activations import Activation
from .parts.custom import custom_activation, custom_loss
from .parts.layers import Dense
from .parts.losses import Loss
from .parts.optimizers import SGD, Adadelta, Adagrad, Adam, AdamW, NAdam, RMSprop, Rprop
from .parts.scaling import Scaling
from .parts.whole_batch import LBFGS, SCG, LevenbergMarquardt
from .saved import load
from .training import history, stream
from .training.history import History
from .version import __version__ as __version__

if _TYPE_CHECKING:
    from . import callbacks, formats, metrics, parallel, plot, schedules, tables, tabular
    from . import sklearn as sklearn
    from .ensemble import Ensemble, EnsembleHistory, search
    from .explain.check_gradients import check_gradients
    from .parts.heads import Head

__all__ = [
    "LBFGS",
    "SCG",
    "SGD",
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "BusyError",
    "DeltaloopError",
    "DeltaloopWarning",
    "Dense",
    "DivergenceError",
    "Ensemble",
    "EnsembleHistory",
    "FileFormatError",
    "Gradients",
    "Head",
    "History",
    "InvalidInputError",
    "InvalidTypeError",
    "LevenbergMarquardt",
    "Loss",
    "MissingDependencyError",
    "NAdam",
    "Network",
    "RMSprop",
    "RankError",
    "Rprop",
    "Scaling",
    "callbacks",
    "check_gradients",
    "custom_activation",
    "custom_loss",
    "datasets",
    "formats",
    "get_include",
    "load",
    "metrics",
    "one_hot",
    "parallel",
    "plot",
    "schedules",
    "search",
    "tables",
    "tabular",
]

# Modules that are addressed without their folder: `import deltaloop.activations` finds them here.
_ADDRESSES = (
    activations, custom, history, initializers, layers, losses, optimizers, scaling, stream,
)  # fmt: skip
_sys.modules.update({f"{__name__}.{m.__name__.rpartition('.')[2]}": m for m in _ADDRESSES})

# Modules that are imported when they are first asked for.
_LATER = (
    "callbacks", "formats", "metrics", "parallel", "plot", "schedules", "sklearn", "tables",
    "tabular",
)  # fmt: skip
# And functions, with their modules.
_FUNCTIONS_LATER = {
    "check_gradients": "explain.check_gradients",
    "Head": "parts.heads",
    **dict.fromkeys(("Ensemble", "EnsembleHistory", "search"), "ensemble"),
}


def __getattr__(name):
    if name in _LATER:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS_LATER:
        return getattr(_importlib.import_module(f"{__name__}.{_FUNCTIONS_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LATER, *_FUNCTIONS_LATER})
