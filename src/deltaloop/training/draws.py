"""Draws that no fork cuts in two.

A NumPy generator holds its lock while it draws an order without the GIL. A child that another
thread forks meanwhile would inherit the lock held, by a thread that it does not have, and wait for
ever at its first draw. So a fork waits until such draws are done.
"""

import os
from threading import Lock, get_ident

_gate = Lock()  # held for a moment by who begins a draw, and by who forks
_drawing: dict = {}  # thread: its generator
_held: list = []


def permutation(generator, n: int):
    """generator.permutation(n)."""
    me = get_ident()  # the gate is open again before the draw: threads draw side by side
    with _gate:
        _drawing[me] = generator
    try:
        return generator.permutation(n)
    finally:
        _drawing.pop(me, None)


def _wait_for_draws() -> None:
    _gate.acquire()
    locks = {}  # networks may share a generator, and its lock may be taken but once
    for generator in list(_drawing.values()):
        lock = getattr(getattr(generator, "bit_generator", None), "lock", None)
        if lock is not None:
            locks[id(lock)] = lock
    for lock in locks.values():
        lock.acquire()
        _held.append(lock)


def _go_on() -> None:
    while _held:
        _held.pop().release()
    _gate.release()


def _begin_as_a_child() -> None:
    _drawing.clear()
    _go_on()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_wait_for_draws, after_in_parent=_go_on, after_in_child=_begin_as_a_child
    )
