"""A generator out of a pickle, which is made when somebody asks for it."""

import pickle


class Pickled:
    """The bytes of a generator, or what was made of them: the same for all who ask.

    To make one takes as long as all else in the pickle of a small network.
    """

    def __init__(self, state: bytes):
        self.state = state

    def made(self):
        """The generator. Threads may ask at once: the first one that is there is that of all."""
        found = self.__dict__.get("generator")
        if found is None:
            found = self.__dict__.setdefault("generator", pickle.loads(self.state))
        return found

    def dumped(self) -> bytes:
        """Its pickle, of now."""
        found = self.__dict__.get("generator")
        return self.state if found is None else pickle.dumps(found)
