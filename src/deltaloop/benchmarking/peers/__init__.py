"""Everything that is timed: one module per peer, and the table of all of them.

A peer module has one function, `prepare(job, parameters, X, Y, **options) -> Session`. It raises
`Unsupported` for a job that its library does not offer. It is imported in a process of its own (see
`workers`), so it may import its library at the top.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

import numpy as np

from ...errors import unknown_name
from ..data import Parameters
from ..jobs import Job


class Unsupported(Exception):
    """The library does not offer this job; the text says why."""


class Session(Protocol):
    """One job in one library, ready to run again and again."""

    def run(self) -> float | None:
        """One epoch, or all calls of a prediction job; the mean loss, where the library tells."""

    def arrays(self) -> list[np.ndarray]:
        """W^1, b^1, ... as they are now; for a prediction job the predictions of all rows."""


@dataclass(frozen=True)
class Peer:
    """One way to do the jobs.

    Attributes
    ----------
    name, label : str
        For the command line and for people.
    library : str
        What it needs, as the package index calls it; peers of one library share a process.
    module : str
        In this package.
    needs : tuple of str
        Other packages that it cannot do without.
    options : mapping
        For `prepare`.
    compiles : bool
        Whether it compiles at run time; what that took is reported.
    slow_start : bool
        Whether it compiles for so long that only a full run takes it, or one that names it.
    """

    name: str
    label: str
    library: str
    module: str
    needs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    compiles: bool = False
    slow_start: bool = False

    def missing(self) -> str | None:
        """A package that is not installed, or None."""
        for package in (*self.needs, self.library):
            try:
                version(package)
            except PackageNotFoundError:
                return package
        return None

    def available(self) -> str | None:
        """The version that is installed, or None."""
        return None if self.missing() else version(self.library)

    def prepare(self, job: Job, parameters: Parameters, X, Y) -> Session:
        """Set the job up: same parameters, same batches for everybody."""
        module = importlib.import_module(f".{self.module}", __package__)
        return module.prepare(job, parameters, X, Y, **self.options)

    @property
    def is_ours(self) -> bool:
        """Whether it is the package itself and no peer of it."""
        return self.library == "deltaloop"


def table() -> dict[str, Peer]:
    """All peers by name, installed or not; the package itself first, its fastest level leading."""
    peers = [
        Peer("deltaloop", "deltaloop", "deltaloop", "deltaloop"),
        *(
            Peer(f"deltaloop-v{level}", f"deltaloop x86-64-v{level}", "deltaloop", "deltaloop",
                 options={"level": level})
            for level in _other_levels()
        ),
        Peer("deltaloop-numba", "deltaloop numba", "deltaloop", "deltaloop", needs=("numba",),
             options={"backend": "numba"}, compiles=True),
        Peer("numpy", "NumPy", "numpy", "numpy_reference"),
        Peer("numba", "Numba loops", "numba", "numba_loops", compiles=True),
        Peer("numba-dot", "Numba np.dot", "numba", "numba_dot", needs=("scipy",), compiles=True),
        Peer("jax-scan", "JAX scan", "jax", "jax_scan", needs=("jaxlib",), compiles=True),
        Peer("jax-step", "JAX step", "jax", "jax_step", needs=("jaxlib",), compiles=True),
        Peer("pytorch", "PyTorch eager", "torch", "pytorch_eager"),
        Peer("pytorch-manual", "PyTorch by hand", "torch", "pytorch_manual"),
        Peer("pytorch-compile", "torch.compile", "torch", "pytorch_compile", compiles=True,
             slow_start=True),
        Peer("scikit-learn", "scikit-learn", "scikit-learn", "scikit_learn"),
        Peer("fann", "FANN", "cynn", "fann"),
        Peer("onnxruntime", "ONNX Runtime", "onnxruntime", "onnx_runtime", needs=("onnx",)),
    ]  # fmt: skip
    return {peer.name: peer for peer in peers}


def select(names) -> list[Peer]:
    """The peers with these names, deltaloop always among them; all of them without any.

    Raises
    ------
    InvalidInputError
        An unknown name.
    """
    peers = table()
    names = list(names)
    for name in names:
        if name not in peers:
            raise unknown_name("peer", name, peers)
    wanted = {"deltaloop", *names} if names else set(peers)
    return [peer for name, peer in peers.items() if name in wanted]


def _other_levels() -> list[int]:
    """Instruction sets that are built and usable here, the one in use left out."""
    from ...kernels import load

    backend = load("cython")
    return [level for level in reversed(backend.levels()) if level != backend.level]
