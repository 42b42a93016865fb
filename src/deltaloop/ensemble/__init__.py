"""Many networks of one shape, trained and asked together."""

from .ensemble import Ensemble
from .history import EnsembleHistory
from .search import Search, search

__all__ = ["Ensemble", "EnsembleHistory", "Search", "search"]
