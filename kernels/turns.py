"""Who trains a network, and who reads its parameters while they stand still."""

import os
import threading
import weakref

from ..errors import BusyError

BUSY = (
    "this network is being trained already, by another thread or by the fit that made this call, "
    "and two cannot train it at once; wait for the other to end, or train a copy"
)
_LOOK = 0.01  # seconds: how long who waits may miss that another turn has ended

_ALL: "weakref.WeakSet[Turns]" = weakref.WeakSet()


class Turns:
    """One trainer at a time; its steps take turns with those who read, in the order of arrival.

    Claims and turns are keys of dicts, which one call of C removes. An interrupt (Ctrl-C) comes
    before or after such a call, so none outlives the `try` whose `finally` removes it.

    Attributes
    ----------
    claims : dict
        The key of whoever trains: the first one is.
    queue : dict
        Keys of the turns under way and of those waited for, with (thread, whether it writes).
    """

    def __init__(self):
        self.claims: dict = {}
        self.queue: dict = {}
        self._ended = threading.Condition()
        _ALL.add(self)

    def claim(self, key) -> None:
        """Become the one who trains, until `key` is removed from `claims`.

        Raises
        ------
        BusyError
            Somebody trains already.
        """
        self.claims[key] = None
        first, *_ = self.claims  # in one step: other threads add and remove meanwhile
        if first is not key:
            raise BusyError(BUSY)

    def wait(self, key, writes: bool) -> None:
        """Until nobody who came before would be disturbed; the turn lasts until `key` is removed.

        Who writes disturbs everybody; but nobody waits for a turn of the own thread.
        """
        me = threading.get_ident()
        self.queue[key] = me, writes
        if len(self.queue) > 1:
            with self._ended:
                while self._is_disturbed(key, me, writes):
                    self._ended.wait(_LOOK)

    def _is_disturbed(self, key, me, writes):
        for other, (thread, other_writes) in list(self.queue.items()):
            if other is key:
                return False
            if thread != me and (writes or other_writes):
                return True
        return False

    def wake(self) -> None:
        """Tell who waits that a turn has ended."""
        with self._ended:
            self._ended.notify_all()

    def check_no_step(self) -> None:
        """Raise BusyError while another thread takes a step."""
        me = threading.get_ident()
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
        return self.write(function, *arguments)

    def _in_turn(self, writes, function, arguments):
        key = object()
        try:
            self.wait(key, writes)
            return function(*arguments)
        finally:
            self.queue.pop(key, None)
            if self.queue:
                self.wake()


def _in_a_forked_child() -> None:
    """The other threads are not there, nor will they ever end what they were at."""
    for turns in list(_ALL):
        turns.claims.clear()
        turns.queue.clear()
        turns._ended = threading.Condition()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_a_forked_child)
