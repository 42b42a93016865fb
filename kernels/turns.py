"""Which call trains a network, and which calls read its parameters between two steps."""

import os
import sys
import weakref
from threading import get_ident
from time import sleep

from ..errors import BusyError

BUSY = (
    "this network is being trained already, by another thread or by the fit that made this call, "
    "and two cannot train it at once; wait for the other to end, or train a copy"
)
_SHORTEST, _LONGEST = 2e-5, 1e-3  # seconds between two checks of the queue
NO_GIL = not getattr(sys, "_is_gil_enabled", lambda: True)()

_ALL: "weakref.WeakSet[Turns]" = weakref.WeakSet()


class Turns:
    """One call trains at a time; its steps and the calls that read take turns, first come first.

    Claims (to train) and turns are keys of dicts instead of locks: a key is removed by one call of
    C, which an interrupt (Ctrl-C) cannot divide, so no claim and no turn outlives the `try` whose
    `finally` removes it. Nothing here relies on a GIL: who came first is the order of the keys.

    Attributes
    ----------
    claims : dict
        The key of the call that trains: its thread.
    queue : dict
        In order of arrival, the keys of the turns that are taken or waited for:
        (thread, whether it writes).
    """

    def __init__(self):
        self.claims: dict = {}
        self.queue: dict = {}
        _ALL.add(self)

    def claim(self, key) -> None:
        """Become the call that trains, until `key` is removed from `claims`.

        Raises
        ------
        BusyError
            Another call trains the network already.
        """
        me = get_ident()
        if self.claims:
            raise BusyError(BUSY)
        self.claims[key] = me
        self.check_first(key)

    def check_first(self, key) -> None:
        """Give up the claim `key`, with BusyError, if another came first.

        Without a GIL two threads may both have found no claim; a dict has keys in their order.
        """
        if next(iter(list(self.claims))) is not key:
            del self.claims[key]
            raise BusyError(BUSY)

    def wait(self, key, writes: bool) -> None:
        """Wait for a turn, which then lasts until `key` is removed from `queue`.

        A writing turn waits for all earlier ones, a reading turn for earlier writing ones. A thread
        that is in the queue already does not wait again.
        """
        me = get_ident()
        self.queue[key] = me, writes
        pause = _SHORTEST
        while (NO_GIL or len(self.queue) > 1) and self._is_disturbed(key, me, writes):
            sleep(pause)
            pause = min(2 * pause, _LONGEST)

    def _is_disturbed(self, key, me, writes):
        disturbed = False
        # list() takes the lock of the dict: from here on it is seen what other threads did
        for other, (thread, other_writes) in list(self.queue.items()):
            if other is key:
                break
            if thread == me:
                return False
            disturbed |= writes or other_writes
        return disturbed

    def check_no_step(self) -> None:
        """Raise BusyError while another thread takes a step, or waits to take one."""
        me = get_ident()
        if any(writes and thread != me for thread, writes in list(self.queue.values())):
            raise BusyError(BUSY)

    def check_outside(self, advice: str) -> None:
        """Raise BusyError where the fit that trains has made this call, by a callback."""
        if self.claims and get_ident() in list(self.claims.values()):
            raise BusyError(f"the fit that made this call goes on as it began; {advice}")

    def train(self, function, *arguments, **options):
        """Call a function that trains; BusyError if another call trains already."""
        key = object()
        try:
            self.claim(key)
            return function(*arguments, **options)
        finally:
            self.claims.pop(key, None)

    def read(self, function, *arguments):
        """Call a function that reads parameters, while nothing writes them."""
        return self._in_turn(False, function, arguments)

    def write(self, function, *arguments):
        """Call a function that writes parameters, while nothing else reads or writes them."""
        return self._in_turn(True, function, arguments)

    def change(self, function, *arguments):
        """As `write`, but raise BusyError while another thread takes a step."""
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
    """Drop the claims and turns of threads that the child does not have."""
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
