"""One case: a network, and one to three doors in a row."""

import warnings

import numpy as np

from . import compiled, copies, doors, samples
from .callbacks import Finding
from .judge import Case

DOORS = (
    [doors.fit] * 5 + [doors.predict] * 3 + [doors.loss] * 2 + [doors.gradients] * 2
    + [doors.gradient, doors.backward, doors.backward, doors.jacobian]
    + [doors.assign, doors.diagnose, doors.freeze, doors.least_squares]
    + [samples.predict_one] * 5 + [samples.predict_batch, samples.apply_gradient]
    + [samples.learn_one] * 3 + [samples.learn_batch] * 3 + [compiled.handle] * 2
    + [copies.copied, copies.stored, copies.written_as_c, copies.other_backend]
)  # fmt: skip


def run(seed: int, number: int, backend, log: list):
    """Run a case, a function of (seed, number) and the backend; `log` gets what it does.

    Returns
    -------
    tally : collections.Counter
        How its calls ended.
    finding : str or None
    """
    available = DOORS + [compiled.numba_functions] * 4 if backend.NAME == "numba" else DOORS
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        case = Case(seed, number, backend, log)
        try:
            for door in case.draw.choices(available, k=case.draw.choice((1, 1, 2, 3))):
                door(case)
                if case.stops:
                    break
                if not np.isfinite(case.net.theta).all():
                    case.net.theta[:] = case.drawn.theta
        except Finding as finding:
            return case.tally, str(finding)
    return case.tally, None
