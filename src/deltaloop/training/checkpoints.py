"""Checkpoints: a training in a file, whole or not at all, to go on with after a crash."""

import os
import warnings
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from zlib import crc32

import numpy as np

from ..errors import DeltaloopError, DeltaloopWarning, FileFormatError, InvalidInputError
from ..interop import archive
from .kept import generator, kept, run_of
from .run import Run
from .samples import Samples

NAME = "checkpoint.npz"
_LOOKED = 1000  # rows by which samples are known again


@dataclass
class Found:
    """A training in a file."""

    run: Run
    theta: np.ndarray
    generator: np.random.Generator

    def give(self, net) -> None:
        """Parameters and random state to the network."""
        net._turns.write(np.copyto, net._theta, self.theta)
        bits, found = net.generator.bit_generator, self.generator.bit_generator
        if type(bits) is type(found):
            bits.state = found.state  # others may hold the same generator
        else:
            net.generator = self.generator


class Checkpoint:
    """Writes a training to a folder from time to time.

    Parameters
    ----------
    directory : str
        Is made where it is not there. The file in it is `checkpoint.npz`.
    every : float
        Seconds between two files.
    asked : dict
        What must be the same in the fit that goes on.
    """

    def __init__(self, directory: str, every: float, asked: dict[str, Any]):
        self.directory, self.every, self.asked = directory, every, asked
        self.path = os.path.join(directory, NAME)
        self._written, self._failed = perf_counter(), False

    def is_due(self) -> bool:
        """Whether it is time to write."""
        return perf_counter() - self._written >= self.every

    def begin(self, net, run: Run) -> None:
        """Write the first one; here errors are raised, for nothing was changed yet."""
        os.makedirs(self.directory, exist_ok=True)
        self._write(net, run)

    def write(self, net, run: Run) -> None:
        """Write a training; where that fails it is told, and training goes on."""
        if not np.isfinite(net._theta).all():  # in the middle of a diverging epoch
            return
        try:
            self._write(net, run)
            self._failed = False
        except OSError as error:
            if not self._failed:
                warnings.warn(
                    f"the checkpoint could not be written: {error}; training goes on, and tries "
                    f"again in {self.every:g} seconds",
                    DeltaloopWarning,
                    stacklevel=2,
                )
            self._failed, self._written = True, perf_counter()

    def _write(self, net, run):
        description, arrays = kept(net, run)
        archive.save(net, net._theta, self.path, (description | {"fit": self.asked}, arrays))
        self._written = perf_counter()

    def read(self, net, resume: bool) -> "Found | None":
        """The training in the folder; None: there is none.

        Raises
        ------
        InvalidInputError
            There is one, and `resume` is False; or it is that of another fit or network.
        FileFormatError
            The file is damaged.
        OSError
            It cannot be read.
        """
        if not os.path.exists(self.path):
            return None
        if not resume:
            raise InvalidInputError(
                f"{self.path} is the checkpoint of an earlier training; go on with it by "
                "resume=True, or give another directory, or remove it"
            )
        description, arrays = archive.read(self.path)
        state = description.get("state")
        if not isinstance(state, dict) or "fit" not in state:
            raise FileFormatError(f"{self.path} is a network without a training to go on with")
        self._check_same(net, description, state["fit"])
        try:
            return Found(
                run_of(net.plan, net.dtype, state["run"], archive.of_state(arrays)),
                archive.theta_of(net, arrays),
                generator(state["generator"]),
            )
        except KeyError as error:
            raise FileFormatError(f"{self.path} is damaged: it lacks {error}") from None
        except (TypeError, ValueError, DeltaloopError) as error:
            raise FileFormatError(f"{self.path} is damaged: {error}") from None

    def _check_same(self, net, description, before):
        for name, now in ({"reproducible": False} | archive.structure(net)).items():
            then = description.get(name, False if name == "reproducible" else None)
            if then != now:
                raise InvalidInputError(
                    f"{self.path} is the checkpoint of a network with {name}={then!r}, this one "
                    f"has {now!r}; make the network as before"
                )
        for name, now in self.asked.items():
            if name != "samples" and before.get(name) != now:
                raise InvalidInputError(
                    f"{self.path} was written by a fit with {name}={before.get(name)!r}, this one "
                    f"has {now!r}; give the same, or another directory"
                )
        if before.get("samples") not in (None, self.asked["samples"]):
            raise InvalidInputError(
                f"{self.path} was written by a fit on other samples, targets or weights, or in "
                "another order; give the same, or another directory"
            )


def look_of(samples, validation) -> int | None:
    """CRC-32 of up to _LOOKED rows that are trained on and as many to watch, evenly drawn.

    None for batches as they come. Other samples almost always give another number.
    """
    if samples.n_samples is None:
        return None
    which = _even(samples.n_samples)
    arrays = [*samples.rows(which)]
    if samples.weights is not None:
        arrays.append(samples.weights[which])
    if validation is not None:
        arrays += Samples(*validation).rows(_even(len(validation[0])))
    look = 0
    for array in arrays:
        look = crc32(np.ascontiguousarray(array).data, look)
    return look


def _even(n):
    return np.linspace(0, n - 1, min(n, _LOOKED)).astype(np.intp)


def checkpoint_for(settings, n_samples, split, validates, look) -> Checkpoint:
    """The checkpoint of a fit with these settings; `look` is that of `look_of`."""
    asked = {
        "n_samples": n_samples,
        "samples": look,
        "batch_size": settings.batch_size,
        "shuffle": settings.shuffle,
        "optimizer": archive.described(settings.optimizer),
        "schedule": None if settings.schedule is None else settings.schedule.told,
        "validation_split": split,
        "validation_data": validates,
        "metrics": list(settings.metrics),
        "monitor": settings.monitor,
        "restore_best": settings.restore_best,
    }
    return Checkpoint(settings.checkpoint, settings.checkpoint_every, asked)
