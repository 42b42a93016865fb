"""Who trains a network, and who reads its parameters while they stand still."""

import os
import weakref
from threading import get_ident
from time import sleep

from ..errors import BusyError

BUSY = (
    "this network is being trained already, by another thread or by the fit that made this call, "
    "and two cannot train it at once; wait for the other to end, or train a copy"
)
_SHORTEST, _LONGEST = 2e-5, 1e-3  # seconds between two looks at the queue

_ALL: "weakref.WeakSet[Turns]" = weakref.WeakSet()


class Turns:
    """One trainer at a time; its steps take turns with those who read, in the order of arrival.

    Claims and turns are keys of dicts, which one call of C removes, and nobody holds a lock: an
    interrupt (Ctrl-C) comes before or after such a call, so no claim and no turn outlives the `try`
    whose `finally` removes it.

    Attributes
    ----------
    claims : dict
        The key of whoever trains, with its thread.
    queue : dict
        Keys of the turns under way and of those waited for, with (thread, whether it writes).
    """

    def __init__(self):
        self.claims: dict = {}
        self.queue: dict = {}
        _ALL.add(self)

    def claim(self, key) -> None:
        """Become the one who trains, until `key` is removed from `claims`.

        Raises
        ------
        BusyError
            Somebody trains already.
        """
        if self.claims:  # between this and the next line no other thread runs
            raise BusyError(BUSY)
        self.claims[key] = get_ident()

    def wait(self, key, writes: bool) -> None:
        """Until nobody who came before would be disturbed; the turn lasts until `key` is removed.

        Who writes disturbs everybody. A thread that has a turn already does not wait for another.
        """
        me = get_ident()
        self.queue[key] = me, writes
        pause = _SHORTEST
        while len(self.queue) > 1 and self._is_disturbed(key, me, writes):
            sleep(pause)
            pause = min(2 * pause, _LONGEST)

    def _is_disturbed(self, key, me, writes):
        disturbed = False
        for other, (thread, other_writes) in list(self.queue.items()):
            if other is key:
                break
            if thread == me:
                return False
            disturbed |= writes or other_writes
        return disturbed

    def check_no_step(self) -> None:
        """Raise BusyError while another thread takes a step."""
        me = get_ident()
        if any(writes and thread != me for thread, writes in list(self.queue.values())):
            raise BusyError(BUSY)

    def train(self, function, *arguments, **options):
        """What the function returns, which trains meanwhile; BusyError if somebody else does."""
        key = object()
        try:
            self.claim(key)
            return function(*arguments, **options)
        finally:
            self.claims.pop(key, None)

    def read(self, function, *arguments):
        """What the function returns, which reads parameters that stand still."""
        return self._in_turn(False, function, arguments)

    def write(self, function, *arguments):
        """What the function returns, which changes parameters that nobody reads."""
        return self._in_turn(True, function, arguments)

    def change(self, function, *arguments):
        """As `write`, but a BusyError while another thread takes a step."""
        self.check_no_step()
        return self._in_turn(True, function, arguments)

    def _in_turn(self, writes, function, arguments):
        key = object()
        try:
            self.wait(key, writes)
            return function(*arguments)
        finally:
            self.queue.pop(key, None)


def _in_a_forked_child() -> None:
    """The other threads are not there, nor will they ever end what they were at."""
    me = get_ident()
    for turns in list(_ALL):
        for key, thread in list(turns.claims.items()):
            if thread != me:
                del turns.claims[key]
        for key, (thread, _) in list(turns.queue.items()):
            if thread != me:
                del turns.queue[key]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_a_forked_child)
