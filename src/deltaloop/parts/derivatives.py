"""Derivatives that are held against differences of their functions."""

import math

from ..errors import InvalidInputError

_N_POINTS = 25  # at which derivatives are compared
_GOLDEN = (math.sqrt(5) - 1) / 2


def points(low, high, n=_N_POINTS, shift=0.1):
    """Spread over an interval, at none of the places where people put kinks."""
    return [low + (high - low) * ((k * _GOLDEN + shift) % 1) for k in range(n)]


def check_slope(
    name, f, slope, z_range: tuple[float, float], surrogate: bool = False
) -> None:  # fmt: skip
    """Refuse a slope(z, a) that is not finite, or not the derivative of f(z), within z_range.

    A surrogate need not be the derivative.
    """
    for z in points(*z_range):
        a = _finite(f"f of {name}", f, {"z": z})
        found = _finite(f"slope of {name}", slope, {"z": z, "a": a})
        if not surrogate:
            _compare(f"slope of {name}", found, lambda x: f(float(x)), z, f"z = {z:.6g}")


def check_dloss(
    name, loss, dloss, a_range: tuple[float, float], y_range: tuple[float, float]
) -> None:
    """Refuse a dloss(a, y) that is not the derivative of loss(a, y) by a."""
    targets = [*y_range, *points(*y_range, shift=0.3)]
    for a, y in zip(points(*a_range, len(targets)), targets, strict=True):
        at = {"a": a, "y": y}
        _finite(f"loss of {name}", loss, at)
        found = _finite(f"dloss of {name}", dloss, at)
        _compare(
            f"dloss of {name}", found, lambda x, y=y: loss(float(x), y), a,
            f"a = {a:.6g}, y = {y:.6g}",
        )  # fmt: skip


def _finite(what, function, arguments):
    try:
        value = float(function(*arguments.values()))
    except Exception as error:
        raise InvalidInputError(
            f"{what} raised {type(error).__name__} at {_place(arguments)}: {error}; it has to "
            "return a number"
        ) from None
    if not math.isfinite(value):
        raise InvalidInputError(
            f"{what} must be finite, got {value} at {_place(arguments)}; rewrite it so that "
            "nothing overflows, or give the range of arguments that it is made for"
        )
    return value


def _place(arguments):
    return ", ".join(f"{name} = {value:.6g}" for name, value in arguments.items())


def _compare(what, found, f, x, place):
    """Refuse a derivative that differs from the slope of f at x, of both sides at a kink."""
    h = 1e-5 * max(1.0, abs(x))
    left, here, right = (float(f(x + step)) for step in (-h, 0, h))
    central, sides = (right - left) / (2 * h), ((here - left) / h, (right - here) / h)
    rounding = 1e-8 * max(abs(left), abs(right))
    kink = abs(sides[0] - sides[1]) > 1e-2 * max(map(abs, sides)) + rounding
    for slope in (central, *sides) if kink else (central,):
        if abs(found - slope) <= 1e-4 * max(abs(found), abs(slope)) + rounding + 1e-9:
            return
    raise InvalidInputError(
        f"{what} is not the derivative: at {place} it gives {found:.6g}, but differences of the "
        f"function give {central:.6g}"
        + ("; surrogate=True takes a slope that is another on purpose" if "slope" in what else "")
    )
