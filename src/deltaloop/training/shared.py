"""The door of a training on several ranks: what they have to agree on before it begins."""

import json
import os
import tempfile
import zlib
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import whole_number
from ..interop import archive
from ..parallel.ranks import Ranks
from ..parts.whole_batch import WholeBatch
from .checkpoints import NAME, Checkpoint, Found
from .class_weight import classes_of
from .kept import description_of
from .schedules import SCHEDULES

_NOT_HERE = {
    "batches as they come": "give X and Y, the samples of this rank: arrays, or numpy.memmap",
    "class_weight='balanced'": "give a mapping of classes to weights, the same on every rank",
}


def on_ranks(comm) -> AbstractContextManager[Ranks | None]:
    """The ranks of `comm` for a `with`; None where it has but one, which is like no comm."""
    ranks = Ranks(comm)
    return nullcontext() if ranks.size == 1 else ranks


def refuse(streams: bool, is_balanced: bool) -> None:
    """Refuse what needs all samples in one place.

    Raises
    ------
    InvalidInputError
        Batches as they come, or balanced weights.
    """
    for what, given in zip(_NOT_HERE, (streams, is_balanced), strict=True):
        if given:
            raise InvalidInputError(f"{what} cannot be shared by ranks; {_NOT_HERE[what]}")


def share_weights(ranks: Ranks, samples, sample_weight, weigh) -> None:
    """Give the weights of all ranks one scale: the door has made the largest of each 1/2 to 1."""
    weights, exponent = samples.weights, 0
    if weights is not None:
        at = int(weights.argmax())
        raw = 1.0 if sample_weight is None else float(np.ravel(sample_weight)[at])
        if weigh is not None:
            classes = getattr(samples, "classes", None)
            one = classes_of(samples.Y[at : at + 1]) if classes is None else classes[at : at + 1]
            raw *= float(weigh(one)[0])
        exponent = int(np.frexp(raw)[1] - np.frexp(weights[at])[1])
    given, exponents = ranks.gather(np.array([weights is not None, exponent])).T
    if given.any():
        weights = np.ones(len(samples.X)) if weights is None else weights
        samples.weigh(np.ldexp(weights, exponent - int(exponents.max())))


def check_shared(ranks: Ranks, net, settings, average_every, split, validates: bool) -> None:
    """Settings for this rank; all ranks must have the same, and the same network.

    Raises
    ------
    InvalidInputError
        Settings that ranks cannot share.
    RankError
        They differ.
    """
    whole = isinstance(settings.optimizer, WholeBatch) or settings.rule.row.whole_batch
    if average_every is not None:
        average_every = whole_number("average_every", average_every)
        if whole:
            raise InvalidInputError(
                f"{type(settings.optimizer).__name__} needs the gradient of all samples, so that "
                "there is nothing to average; leave average_every out"
            )
    if settings.batch_size < ranks.size:
        raise InvalidInputError(
            f"batch_size={settings.batch_size} counts the samples of all {ranks.size} ranks for "
            f"one update; give at least {ranks.size}"
        )
    if split is not None and settings.checkpoint is not None:
        raise InvalidInputError(
            "a checkpoint keeps no samples that validation_split holds back on other ranks; give "
            "validation_data"
        )
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
        "average_every": average_every, "validation_split": split, "validation_data": validates,
        "metrics": list(settings.metrics), "updates so far": run.step if run is not None else 0,
    } | {
        name: getattr(settings, name)
        for name in (
            "epochs", "batch_size", "shuffle", "tol", "patience", "target_loss", "monitor",
            "target", "restore_best", "resume",
        )
    }  # fmt: skip
    ranks.check_same({name: str(fact) for name, fact in facts.items()})
    settings.ranks, settings.average_every = ranks, average_every
    if ranks.rank:  # rank 0 looks in for all
        settings.callbacks, settings.max_seconds = [], None


def read_checkpoint(ranks: Ranks, checkpoint: Checkpoint, net, resume: bool) -> Found | None:
    """What rank 0 finds in its folder, on every rank; the others need not see the folder."""
    found, content = None, b""
    if ranks.rank == 0:
        found = checkpoint.read(net, resume)
        if found is not None:
            with open(checkpoint.path, "rb") as file:
                content = file.read()
    content = ranks.first_bytes(content)
    if ranks.rank == 0 or not content:
        return found
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, NAME), "wb") as file:
            file.write(content)
        return Checkpoint(folder, checkpoint.every, checkpoint.asked).read(net, True)
