"""Callbacks of `fit`: functions that are told of epochs or updates, and logs in files.

A callback is a function f(state) of a `State`; one that returns True ends training. It is called
after every epoch, or with `every` after every n updates. An object with methods `begin(state)` or
`end(state)` has these called before the first epoch and, whatever happens, after the last.
"""

import json
import math
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, missing, shown
from ..inputs.checks import whole_number
from ..inputs.paths import as_path

__all__ = ["CSVLog", "JSONLines", "State", "TensorBoard", "every"]


@dataclass(slots=True)
class State:
    """What a callback is told. It is the same object in every call.

    Attributes
    ----------
    net : Network
        With the parameters so far; it must not be trained in the callback.
    history : History
        Of the epochs that are finished.
    epoch : int
        The epoch that has ended or is under way, counted from 1.
    step : int
        Updates made so far, also in fits that this one resumes.
    loss : float
        Mean of the losses of the epoch so far; nan before the first update.
    learning_rate : float
        Of the last update.
    """

    net: Any
    history: Any
    epoch: int = 0
    step: int = 0
    loss: float = math.nan
    learning_rate: float = math.nan


class every:
    """A callback for every n updates instead of every epoch.

    Parameters
    ----------
    n_steps : int
        >= 1. It is called when `state.step` is a multiple of this.
    function : callable
        f(state); True ends training there, in the middle of the epoch, which then is not recorded.

    Examples
    --------
    >>> import deltaloop as dl
    >>> X, y = dl.datasets.load("xor")
    >>> steps = []
    >>> tell = dl.callbacks.every(3, lambda state: steps.append(state.step))
    >>> _ = dl.Network([2, 2, 1]).fit(X, y, epochs=2, batch_size=1, callbacks=[tell])
    >>> steps
    [3, 6]
    """

    def __init__(self, n_steps: int, function: Callable[[State], Any]):
        self.n_steps = whole_number("n_steps", n_steps)
        self.function = _checked(function)

    def __call__(self, state: State):
        """Call the function."""
        return self.function(state)


class _Log:
    """A callback with a file, which stays open as long as training goes on."""

    def __init__(self, path):
        self.path = as_path(path)
        self._file: IO[str] | None = None

    def begin(self, state: State) -> None:
        """Open the file; epochs that a resumed training will run again are cut off."""
        n = self._kept(len(state.history)) if len(state.history) else 0
        # never emptied and written again: a process may be killed in between
        self._file = open(self.path, "r+" if n else "w", encoding="utf-8", newline="")  # noqa: SIM115
        self._file.truncate(n)
        self._file.seek(0, os.SEEK_END)

    def __call__(self, state: State) -> None:
        """Write the epoch that has ended."""
        if self._file is None:
            raise InvalidInputError(f"{type(self).__name__} is called by fit: give it to callbacks")
        self._file.write(self._line(_row(state)))
        self._file.flush()

    def end(self, state: State) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _kept(self, n):
        """Bytes of the first n epochs of an earlier file."""
        size = 0
        with suppress(FileNotFoundError), open(self.path, "rb") as file:
            for line in file:
                if not (line.endswith(b"\n") and self._is_kept(line.decode(errors="replace"), n)):
                    break
                size += len(line)
        return size

    def _is_kept(self, line, n):
        raise NotImplementedError

    def _line(self, row):
        raise NotImplementedError


class CSVLog(_Log):
    """A callback that writes a table of epochs, one line after each.

    The columns are epoch, step, and what `History.columns` has. A training that is resumed goes on
    with the table of the one before; otherwise it is written anew.

    Parameters
    ----------
    path : str or path-like

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import deltaloop as dl
    >>> X, y = dl.datasets.load("xor")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "log.csv"
    ...     _ = dl.Network([2, 2, 1]).fit(X, y, epochs=2, callbacks=[dl.callbacks.CSVLog(path)])
    ...     path.read_text().splitlines()[0]
    'epoch,step,loss,learning_rate,seconds'
    """

    def _is_kept(self, line, n):
        first = line.partition(",")[0]
        return first == "epoch" or (first.isdigit() and int(first) <= n)

    def _line(self, row):
        names, values = ",".join(row), ",".join(map(repr, row.values()))
        head = "" if self._file is not None and self._file.tell() else f"{names}\n"
        return f"{head}{values}\n"


class JSONLines(_Log):
    """A callback that writes one JSON object per epoch and line, as `CSVLog` does with cells.

    Numbers that are not finite become null.

    Parameters
    ----------
    path : str or path-like
    """

    def _is_kept(self, line, n):
        with suppress(ValueError, TypeError, KeyError):
            return json.loads(line)["epoch"] <= n
        return False

    def _line(self, row):
        finite = {name: value if abs(value) < math.inf else None for name, value in row.items()}
        return json.dumps(finite) + "\n"


class TensorBoard:
    """A callback that writes scalars per epoch for TensorBoard; needs the package tensorboard.

    Parameters
    ----------
    directory : str or path-like
        Of the event files; it is made if it is not there.

    Raises
    ------
    MissingDependencyError
        tensorboard is not installed.
    """

    def __init__(self, directory):
        self.directory = as_path(directory)
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            raise missing("tensorboard", "tensorboard", "a log for TensorBoard") from None
        self._event, self._summary, self._open = event_pb2.Event, summary_pb2.Summary, None
        self._writer = EventFileWriter

    def begin(self, state: State) -> None:
        """Open a file of events."""
        os.makedirs(self.directory, exist_ok=True)
        self._open = self._writer(self.directory)

    def __call__(self, state: State) -> None:
        """Write the epoch that has ended."""
        from time import time

        values = [
            self._summary.Value(tag=name, simple_value=value)
            for name, value in _row(state).items()
            if name != "epoch"
        ]
        event = self._event(wall_time=time(), step=state.epoch, summary=self._summary(value=values))
        self._open.add_event(event)
        self._open.flush()

    def end(self, state: State) -> None:
        """Close the file."""
        if self._open is not None:
            self._open.close()
            self._open = None


def _row(state):
    """What a log writes of the epoch that has ended."""
    last = {name: column[-1] for name, column in state.history.columns().items()}
    return {"epoch": state.epoch, "step": state.step, **last}


class Callbacks:
    """The callbacks of one training.

    Attributes
    ----------
    state : State
    """

    def __init__(self, callbacks: Sequence, net, history):
        self._all = callbacks
        self._of_epochs = [f for f in callbacks if not isinstance(f, every)]
        self._of_steps = [f for f in callbacks if isinstance(f, every)]
        self.counts_steps = bool(self._of_steps)
        self.state = State(net, history, epoch=len(history))
        self._begun: list = []

    def __enter__(self):
        try:
            for callback in self._all:
                one = callback.function if isinstance(callback, every) else callback
                if hasattr(one, "begin"):
                    one.begin(self.state)
                if hasattr(one, "end"):
                    self._begun.append(one)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        errors = []
        for one in reversed(self._begun):
            try:
                one.end(self.state)
            except Exception as error:
                errors.append(error)
        if errors and _ == (None, None, None):
            raise errors[0]

    def steps_left(self, step: int) -> int:
        """Updates until somebody is told again, after `step` of them."""
        return min(f.n_steps - step % f.n_steps for f in self._of_steps)

    def after_steps(self, epoch, step, loss, learning_rate) -> str | None:
        """Tell those who count updates; what ends training, if one does."""
        self._now(epoch, step, loss, learning_rate)
        return self._tell([f for f in self._of_steps if step % f.n_steps == 0])

    def after_epoch(self, step, history) -> str | None:
        """Tell all others; what ends training, if one does."""
        rate = history.learning_rate[-1] if history.learning_rate else math.nan
        self._now(len(history), step, history.loss[-1], rate)
        return self._tell(self._of_epochs)

    def _now(self, epoch, step, loss, learning_rate):
        state = self.state
        state.epoch, state.step, state.loss, state.learning_rate = epoch, step, loss, learning_rate

    def _tell(self, callbacks):
        reason = None
        for callback in callbacks:
            found = callback(self.state)  # anything but True, such as what write() returns, is no
            if isinstance(found, bool | np.bool_) and found and reason is None:
                reason = f"callback {_name(callback)}"
        return reason


def _name(callback):
    callback = callback.function if isinstance(callback, every) else callback
    return getattr(callback, "__name__", type(callback).__name__)


def _checked(callback):
    if isinstance(callback, type) or not callable(callback):
        raise InvalidTypeError(
            f"a callback is a function f(state), got {shown(callback)}"
            + ("; make one of this class first" if isinstance(callback, type) else "")
        )
    return callback


def check_callbacks(callbacks) -> list:
    """The argument `callbacks` of `fit`."""
    if callable(callbacks):
        raise InvalidTypeError(
            f"callbacks must be a list of functions, got {shown(callbacks)}; write callbacks=[f]"
        )
    if isinstance(callbacks, str | bytes | dict):
        raise InvalidTypeError(f"callbacks must be a list of functions, got {shown(callbacks)}")
    try:
        return [_checked(callback) for callback in callbacks]
    except TypeError as error:
        if isinstance(error, InvalidTypeError):
            raise
        raise InvalidTypeError(
            f"callbacks must be a list of functions, got {shown(callbacks)}"
        ) from None
