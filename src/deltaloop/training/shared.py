"""A training on several ranks: what they have to agree on, and the parts that exchange."""

import json
import os
import tempfile
import zlib

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import whole_number
from ..interop import archive
from ..parallel.ranks import Ranks
from ..parts.whole_batch import WholeBatch
from .checkpoints import NAME, Checkpoint
from .class_weight import classes_of
from .company import ALONE, Company
from .kept import description_of
from .schedules import SCHEDULES
from .shared_descent import AveragedDescent, SharedDescent, of_rank
from .shared_epochs import SharedEpochs, SharedMetrics
from .shared_squares import SharedWholeBatchDescent

_NOT_HERE = {
    "batches as they come": "give X and Y, the samples of this rank: arrays, or numpy.memmap",
    "class_weight='balanced'": "give a mapping of classes to weights, the same on every rank",
}


def on_ranks(comm, average_every: int | None) -> Company:
    """The ranks of `comm` for a `with`; one of its own is like no comm."""
    ranks = Ranks(comm)
    if ranks.size > 1:
        return Together(ranks, average_every)
    _checked(average_every)
    return ALONE


def _checked(average_every):
    return None if average_every is None else whole_number("average_every", average_every)


class Together(Company):
    """Several ranks, each with its part of the samples; see `Company` for the methods.

    Parameters
    ----------
    ranks : Ranks
    average_every : int or None
        Updates between two averagings; None: every update has the gradient of all ranks.
    """

    def __init__(self, ranks: Ranks, average_every: int | None):
        self.ranks, self.average_every = ranks, average_every
        self.leads = ranks.rank == 0

    def __enter__(self):
        self.ranks.__enter__()
        return self

    def __exit__(self, *error):
        self.ranks.__exit__(*error)

    # before a training

    def refuse(self, streams: bool, is_balanced: bool) -> None:
        """As `Company.refuse`.

        Raises
        ------
        InvalidInputError
            Batches as they come, or balanced weights.
        """
        for what, given in zip(_NOT_HERE, (streams, is_balanced), strict=True):
            if given:
                raise InvalidInputError(f"{what} cannot be shared by ranks; {_NOT_HERE[what]}")

    def share_weights(self, samples, sample_weight, weigh) -> None:
        """As `Company.share_weights`: the door has made the largest of each rank 1/2 to 1."""
        weights, exponent = samples.weights, 0
        if weights is not None:
            at = int(weights.argmax())
            raw = 1.0 if sample_weight is None else float(np.ravel(sample_weight)[at])
            if weigh is not None:
                known = getattr(samples, "classes", None)
                one = classes_of(samples.Y[at : at + 1]) if known is None else known[at : at + 1]
                raw *= float(weigh(one)[0])
            exponent = int(np.frexp(raw)[1] - np.frexp(weights[at])[1])
        given, exponents = self.ranks.gather(np.array([weights is not None, exponent])).T
        if given.any():
            weights = np.ones(len(samples.X)) if weights is None else weights
            samples.weigh(np.ldexp(weights, exponent - int(exponents.max())))

    def total(self, n_samples):
        """As `Company.total`."""
        return int(self.ranks.gather(np.array([n_samples])).sum())

    def check(self, net, settings, split, validates: bool) -> None:
        """As `Company.check`.

        Raises
        ------
        InvalidInputError
            Settings that ranks cannot share.
        RankError
            They differ, or the networks do.
        """
        if net.reproducible:
            raise InvalidInputError(
                "reproducible=True does not cover training on several ranks, whose sums have the "
                "order of their library; leave comm out, or make a network without"
            )
        # here, and not in on_ranks: whoever fails within the `with` ends all
        self.average_every = _checked(self.average_every)
        size, whole = self.ranks.size, isinstance(settings.optimizer, WholeBatch)
        if self.average_every is not None and (whole or settings.rule.row.whole_batch):
            raise InvalidInputError(
                f"{type(settings.optimizer).__name__} needs the gradient of all samples, so that "
                "there is nothing to average; leave average_every out"
            )
        if settings.batch_size < size:
            raise InvalidInputError(
                f"batch_size={settings.batch_size} counts the samples of all {size} ranks for "
                f"one update; give at least {size}"
            )
        if split is not None and settings.checkpoint is not None:
            raise InvalidInputError(
                "a checkpoint keeps no samples that validation_split holds back on other ranks; "
                "give validation_data"
            )
        self.ranks.check_same(self._facts(net, settings, split, validates))
        if not self.leads:  # rank 0 looks in for all
            settings.callbacks, settings.max_seconds = [], None

    def _facts(self, net, settings, split, validates):
        """What must be the same on all ranks."""
        state = json.dumps(description_of(net.generator), sort_keys=True)
        schedule = settings.schedule
        if schedule is not None:
            schedule = repr(schedule) if type(schedule) in SCHEDULES.values() else "a function"
        run = net._run if settings.resume and settings.checkpoint is None else None
        facts = {
            "layers": json.dumps(archive.structure(net)),
            "parameters (here their checksum; make every network with the same seed)":
                f"{zlib.crc32(net._theta.data):08x}",
            "generator (the checksum of its state; make every network with the same seed)":
                f"{zlib.crc32(state.encode()):08x}",
            "optimizer": repr(settings.optimizer), "schedule": schedule,
            "average_every": self.average_every, "validation_split": split,
            "validation_data": validates, "metrics": list(settings.metrics),
            "checkpoint": "none" if settings.checkpoint is None else "one",
            "updates so far": run.step if run is not None else 0,
        } | {
            name: getattr(settings, name)
            for name in (
                "epochs", "batch_size", "shuffle", "tol", "patience", "target_loss", "monitor",
                "target", "restore_best", "resume",
            )
        }  # fmt: skip
        return {name: str(fact) for name, fact in facts.items()}

    # the parts of a training

    def look_of(self, samples, validation):
        """None: on another number of ranks others lie here."""

    def read_checkpoint(self, checkpoint, net, resume: bool):
        """As `Company.read_checkpoint`, of the folder of rank 0; the others need not see it."""
        found, content = None, b""
        if self.leads:
            found = checkpoint.read(net, resume)
            if found is not None:
                with open(checkpoint.path, "rb") as file:
                    content = file.read()
        content = self.ranks.first_bytes(content)
        if self.leads or not content:
            return found
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, NAME), "wb") as file:
                file.write(content)
            return Checkpoint(folder, checkpoint.every, checkpoint.asked).read(net, True)

    def share(self, batch_size: int) -> int:
        """As `Company.share`."""
        return -(-batch_size // self.ranks.size)

    def generator(self, generator):
        """As `Company.generator`."""
        return of_rank(generator, self.ranks.rank)

    def descent(self, net, samples, settings, run, rule, last):
        """As `Company.descent`."""
        if isinstance(settings.optimizer, WholeBatch):
            return SharedWholeBatchDescent(net, samples, settings.optimizer, run, self.ranks)
        if self.average_every is None:
            return SharedDescent(net, samples, settings, run, rule, last, self.ranks)
        return AveragedDescent(
            net, samples, settings, run, rule, last, self.ranks, self.average_every
        )

    def metrics(self, net, functions, X, Y):
        """As `Company.metrics`, of the rows of all ranks."""
        return SharedMetrics(net, functions, X, Y, self.ranks)

    def epochs(self, *given, **more):
        """As `Company.epochs`; all ranks agree."""
        return SharedEpochs(*given, ranks=self.ranks, **more)
