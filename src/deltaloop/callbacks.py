"""`deltaloop.training.callbacks`, where users look for it; imported when it is first asked for."""

import sys

from .training import callbacks

sys.modules[__name__] = callbacks
