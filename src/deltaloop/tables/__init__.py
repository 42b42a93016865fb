"""Tables: files of cells, and how their columns become numbers."""

from .encoding import FeatureEncoding, looks_like_classes
from .readers import read
from .table import Table

__all__ = ["FeatureEncoding", "Table", "looks_like_classes", "read"]
