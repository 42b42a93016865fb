"""`deltaloop.training.schedules`, where users look for it; imported when it is first asked for."""

import sys

from .training import schedules

sys.modules[__name__] = schedules
