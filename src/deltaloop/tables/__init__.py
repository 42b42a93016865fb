"""Tables: files of cells, data frames, and how their columns become numbers."""

from .batches import batches
from .encoding import FeatureEncoding, looks_like_classes
from .frames import from_frame
from .queries import read_query
from .readers import read
from .table import Table
from .text_column import Text

__all__ = [
    "FeatureEncoding",
    "Table",
    "Text",
    "batches",
    "from_frame",
    "looks_like_classes",
    "read",
    "read_query",
]
