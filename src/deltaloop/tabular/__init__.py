"""Networks for tables: what becomes of the columns, the network, and its training."""

from .preparation import Preparation

__all__ = ["Preparation"]
