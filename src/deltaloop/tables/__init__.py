"""Tables: files of cells, data frames, and how their columns become numbers.

>>> import deltaloop as dl
>>> dl.tables.from_frame({"mass": [150.0, 120.0], "colour": ["red", "yellow"]})
Table(2 rows, 2 columns 'mass', 'colour' from 'the data frame')
"""

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
