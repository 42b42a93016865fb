"""One training over several processes or machines; see docs/many_machines.md."""

from .comms import Comm
from .pace import Pace, measure

__all__ = ["Comm", "Pace", "measure"]
