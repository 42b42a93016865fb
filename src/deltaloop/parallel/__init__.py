"""One training over several processes or machines; see docs/many_machines.md.

`fit(X, Y, comm=MPI.COMM_WORLD)` is all that most trainings need. Here is what tells beforehand
whether more processes pay, and after how many steps they should exchange:

>>> import deltaloop as dl
>>> pace = dl.parallel.Pace(step=20e-6, exchange=50e-6, size=2)  # as `measure` finds it
>>> round(pace.efficiency(), 2), pace.average_every
(0.29, 48)
"""

from .comms import Comm
from .pace import Pace, measure

__all__ = ["Comm", "Pace", "measure"]
