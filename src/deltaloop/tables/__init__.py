"""Tables: files of cells, and how their columns become numbers."""

from .encoding import FeatureEncoding, looks_like_classes
from .readers import read
from .table import Table
from .text_column import Text

__all__ = ["FeatureEncoding", "Table", "Text", "looks_like_classes", "read"]
