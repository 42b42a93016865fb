"""A generator in a pickle, and out of one, where it is made when somebody asks for it."""

import copy
import pickle
from typing import Any

import numpy as np


def dumped(generator: np.random.Generator) -> Any:
    """What stands for a generator in pickles and copies: its numbers, where these say everything.

    Else bytes, which copy.copy does not share, at a third of the time of a deep copy.
    """
    bits = generator.bit_generator
    if (
        type(generator) is np.random.Generator and type(bits) is np.random.PCG64
        and type(bits.seed_seq) is np.random.SeedSequence
    ):  # fmt: skip
        return bits.state, bits.seed_seq.state
    try:
        return pickle.dumps(generator)
    except (pickle.PicklingError, TypeError, AttributeError):  # a class inside a function
        return copy.deepcopy(generator)


class Pickled:
    """What `dumped` gave for a generator, or what was made of it: the same for all who ask.

    To make one takes as long as all else in the pickle of a small network.
    """

    def __init__(self, state):
        self.state = state

    def made(self) -> np.random.Generator:
        """The generator. Threads may ask at once: the first one that is there is that of all."""
        found = self.__dict__.get("generator")
        if found is None:
            found = self.__dict__.setdefault("generator", self._make())
        return found

    def _make(self):
        if isinstance(self.state, bytes):
            return pickle.loads(self.state)
        numbers, seeds = self.state
        bits = np.random.PCG64(np.random.SeedSequence(**seeds))
        bits.state = numbers
        return np.random.Generator(bits)

    def dumped(self) -> Any:
        """What stands for it in a pickle of now."""
        found = self.__dict__.get("generator")
        return self.state if found is None else dumped(found)
