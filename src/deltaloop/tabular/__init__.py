"""Networks for tables: what becomes of the columns, the network, and its training.

`fit(frame, target)` gives a `Model`, `load(path)` one that was saved; see docs/tabular.md.

Examples
--------
>>> import deltaloop as dl
>>> frame = {"area": [40, 90, 55, 120, 70, 105], "kind": ["flat", "house"] * 3}
>>> model = dl.tabular.fit(frame, "kind")
>>> model.predict({"area": [50, 110]}).tolist()
['flat', 'house']
"""

from .engine import Trained, train
from .frames import as_table
from .model import Model, fit, load
from .network import TableNetwork
from .preparation import Preparation, of_metadata
from .recipe import Recipe

__all__ = [
    "Model",
    "Preparation",
    "Recipe",
    "TableNetwork",
    "Trained",
    "as_table",
    "fit",
    "load",
    "of_metadata",
    "train",
]
