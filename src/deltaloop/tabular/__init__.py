"""Networks for tables: what becomes of the columns, the network, and its training.

`fit(frame, target)` gives a `Model`, `load(path)` one that was saved; see docs/tabular.md.
"""

from .engine import Trained, train
from .frames import as_table
from .model import Model, fit, load
from .preparation import Preparation, of_metadata
from .recipe import Recipe

__all__ = [
    "Model",
    "Preparation",
    "Recipe",
    "Trained",
    "as_table",
    "fit",
    "load",
    "of_metadata",
    "train",
]
