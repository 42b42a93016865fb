"""Exceptions and warnings of the package, and the one form their texts take.

Every text says what is wrong (with the value received), what is accepted, and what to do.
"""

from collections.abc import Iterable


class DeltaloopError(Exception):
    """Base class of every error that deltaloop raises on purpose."""


class InvalidInputError(DeltaloopError, ValueError):
    """An argument has a wrong value, shape or name; nothing was changed."""


class InvalidTypeError(DeltaloopError, TypeError):
    """An argument has a type that is not accepted; nothing was changed."""


class BusyError(DeltaloopError, RuntimeError):
    """A network is being trained already; nothing was changed."""


class FileFormatError(DeltaloopError, ValueError):
    """A file is damaged, foreign, or written by a newer version."""


class MissingDependencyError(DeltaloopError, ImportError):
    """An optional package is needed for what was asked."""


class DivergenceError(DeltaloopError, ArithmeticError):
    """Training met a loss or a parameter that is not finite.

    The network holds its last finite parameters again; `history` holds the epochs before.

    Attributes
    ----------
    epoch : int
        Epoch (counted from 1) in which the loss stopped being finite.
    last_loss : float or None
        Loss of the last epoch that was finite; None when there was none.
    history : History
        What had been recorded by then.
    """

    def __init__(self, message, epoch=None, last_loss=None, history=None):
        super().__init__(message)
        self.epoch = epoch
        self.last_loss = last_loss
        self.history = history


class RankError(DeltaloopError, RuntimeError):
    """A training over several processes ends, since one of them failed or does not fit the others.

    Every rank raises one; that which failed raises its own error.
    """


class DeltaloopWarning(UserWarning):
    """Something will work, but probably not as intended."""


def shown(value: object, most: int = 100) -> str:
    """What a message tells of a value that was received: its repr, on one line of `most` signs."""
    try:
        text = repr(value)
    except Exception:  # Python itself prints no whole number of more than 4300 digits
        return f"one of type {type(value).__name__}"
    first, more, _ = text.partition("\n")
    return first[: most - 3] + "..." if more or len(first) > most else first


# what to do about a name that stands for nothing in the table of its kind
_ADVICE = {
    "activation": "it is not built in, but deltaloop.custom_activation makes one of a Python "
    "function",
    "loss": "it is not built in, but deltaloop.custom_loss makes one of a Python function",
    "initializer": "for other values give the arrays themselves, init=[W1, W2, ...]",
    "metric": "any function f(Y_true, Y_predicted) of your own can be called as well",
}


def unknown_name(what: str, name: object, accepted: Iterable[str]) -> InvalidInputError:
    """The error for a name that is in no table; suggests the accepted one that was meant."""
    from .synonyms import meant

    accepted = sorted(accepted)
    text = f"unknown {what} {shown(name)}, expected one of " + ", ".join(map(repr, accepted))
    near = meant(what, name, accepted) if isinstance(name, str) else []
    if near:
        return InvalidInputError(f"{text}; did you mean {' or '.join(map(repr, near))}?")
    return InvalidInputError(f"{text}; {_ADVICE[what]}" if what in _ADVICE else text)


def instead(what: str, value: object, accepted: Iterable[str]) -> str:
    """What to do about a function or an object of another library where a name is accepted."""
    from .synonyms import same_as

    if not callable(value):
        return ""
    name = getattr(value, "__name__", type(value).__name__)
    near = same_as(what, str(name), list(accepted))
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; {_ADVICE[what]}"


def require_numba(purpose: str) -> None:
    """Raise MissingDependencyError where Numba is not installed, or compiles nothing."""
    try:
        import numba
    except ImportError:
        raise missing("numba", "numba", purpose) from None
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        raise MissingDependencyError(
            f"{purpose} needs Numba to compile, which the environment variable NUMBA_DISABLE_JIT "
            "forbids; unset it"
        )


def missing(package: str, extra: str, purpose: str) -> MissingDependencyError:
    """The error for an optional package that is not installed."""
    return MissingDependencyError(
        f"{purpose} needs the package {package!r}, which is not installed; "
        f'install it with: pip install "deltaloop[{extra}]"'
    )
