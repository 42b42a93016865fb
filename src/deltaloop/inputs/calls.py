"""Calls that do not fit a signature: beside Python's own words, what to write instead."""

from functools import wraps
from inspect import signature
from typing import Any, TypeVar

from ..errors import InvalidTypeError

_Door = TypeVar("_Door")


def explained(usage: str, **instead: str):
    """Decorate a function, or the constructor of a class, with what wrong calls are told.

    Parameters
    ----------
    usage : str
        For a wrong number of arguments, or a keyword that is not known.
    **instead : str
        For a keyword of other libraries.
    """

    def decorate(door: _Door) -> _Door:
        if isinstance(door, type):
            door.__init__ = decorate(door.__init__)  # type: ignore[misc]
            return door
        function: Any = door

        @wraps(function)
        def called(*arguments, **keywords):
            try:
                return function(*arguments, **keywords)
            except TypeError as error:
                if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                    raise  # of a call that did fit
                hints = [instead[name] for name in keywords if name in instead]
                hint = hints[0] if hints else usage + _keywords(function)
                raise InvalidTypeError(f"{error}; {hint}") from None

        return called  # type: ignore[return-value]

    return decorate


def _keywords(function):
    """What the function takes by keyword alone."""
    parameters = signature(function).parameters.values()
    names = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    return ", and all else by keyword: " + ", ".join(names) if names else ""
