"""The compiled loops and their reference in NumPy: one small contract, one module per backend.

`load(name)` gives a backend module; `interface` states what such a module offers.
"""

import importlib
from types import ModuleType

from ..errors import unknown_name

_MODULES = {"reference": ".reference", "cython": ".cython", "numba": ".numba"}


def available() -> tuple[str, ...]:
    """Names of the backends that `load` accepts."""
    return tuple(_MODULES)


def load(name: str) -> ModuleType:
    """Import the backend called `name`.

    Parameters
    ----------
    name : str
        'cython' (compiled ahead of time), 'numba' (compiled at the first call) or 'reference'
        (plain NumPy).

    Raises
    ------
    InvalidInputError
        `name` is no backend.
    ImportError
        The backend cannot run here, for example because `DELTALOOP_ISA` forces an
        instruction set that the processor lacks, or the package numba is not installed. There
        is no silent fallback.
    """
    if name not in _MODULES:
        raise unknown_name("backend", name, _MODULES)
    return importlib.import_module(_MODULES[name], __package__)


def for_networks(backend):
    """What trains many networks at once: see ensembles.py. The reference has a module for it."""
    if backend.NAME == "reference":
        return importlib.import_module(".ensemble_reference", __package__)
    return backend
