"""Doors through which a network goes as a whole: copies, files, C, another backend."""

import copy
import os
import pickle
import tempfile

import numpy as np

import deltaloop as dl

from .callbacks import Finding
from .judge import judge

FOLDER = [tempfile.gettempdir()]  # where files go; run.py sets a folder of its own


def _is_same(net, other):
    if net.theta.tobytes() != other.theta.tobytes() or net.sizes != other.sizes:
        raise Finding("the copy differs")
    if (net.scaling is None) != (other.scaling is None):
        raise Finding("the copy has another scaling")
    pairs = zip(net.layers, other.layers, strict=True)
    same = all(
        np.array_equal(a.mask, b.mask) and (a.dropout, a.heads) == (b.dropout, b.heads)
        for a, b in pairs
    )
    settings = [(n.trainable, n.input_dropout, n.input_noise) for n in (net, other)]
    if not same or settings[0] != settings[1]:
        raise Finding("the copy drops, connects or trains something else")


def _go_on(case, other):
    """The rest of the case is about the copy."""
    _is_same(case.net, other)
    other.use_backend(case.backend)
    # a file keeps no seed of dropout and noise, unless it is asked for the state
    other._noise = case.net._noise
    case.net = other
    return {}


def copied(case):
    how = case.draw.choice((copy.deepcopy, copy.copy, lambda net: pickle.loads(pickle.dumps(net))))
    case.log.append(f"copy by {how.__name__}")
    judge(case, lambda: _go_on(case, how(case.net)), [])


def stored(case):
    path = os.path.join(FOLDER[0], "net.npz")
    case.log.append("save and load")

    def call():
        case.net.save(path)
        return _go_on(case, dl.load(path))

    judge(case, call, [])


def written_as_c(case):
    if case.net.theta.size > 2000:
        return
    path = os.path.join(FOLDER[0], "net.h")
    learns = case.draw.chance(0.5)
    case.log.append(f"to_c learn={learns}")

    def call():
        case.net.to_c(path, learn=learns)
        with open(path) as file:
            if ("net_learn_one" in file.read()) != learns:
                raise Finding("the header lacks a function")
        return {}

    accepted = judge(case, call, [])
    if accepted and case.drawn.heads:
        raise Finding("to_c wrote a network whose outputs it does not know")
    if learns and accepted and case.net.plan.by_batches:
        raise Finding("to_c wrote a step that is not that of this network")


def other_backend(case):
    """There and back: the parameters stay."""
    before = case.net.theta.copy()
    case.log.append("use_backend there and back")

    def call():
        case.net.use_backend("reference")
        case.net.predict(np.zeros((1, case.drawn.sizes[0])))
        case.net.use_backend(case.backend)
        if case.net.theta.tobytes() != before.tobytes():
            raise Finding("use_backend changed the parameters")
        return {}

    judge(case, call, [])
