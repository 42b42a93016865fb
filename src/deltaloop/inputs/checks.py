"""Checks of single arguments: numbers, switches, arrays. Each returns the value it accepts."""

import math
import os
import sys

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..kernels.functions import Parameter

# bytes; where the system does not tell, as much as can be addressed
_MEMORY = (
    os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if hasattr(os, "sysconf")
    else sys.maxsize
)
# For functions that meet numbers of the user: what is too large or too small for a dtype is looked
# for where it matters, whatever numpy.seterr says.
any_size = np.errstate(all="ignore")

_LARGE = 10_000  # values from which the memory of a temporary costs more than a second look

NUMBER_THE_CLASSES = (
    "number the classes with names, numbers = np.unique(labels, return_inverse=True)"
)

# what float() would take, or NumPy would cut, though it is no real number
_NO_NUMBERS = (str, bytes, bool, np.bool_, np.complexfloating, np.ndarray)


def whole_number(name: str, value, low: int = 1, high: int = sys.maxsize) -> int:
    """`value` as an int from low to high; the highest of all is that of an index."""
    try:
        number = value.__index__()
    except (AttributeError, TypeError):
        real = isinstance(value, float | np.floating) and low <= value <= high
        raise InvalidTypeError(
            f"{name} must be a whole number, got {shown(value)} of type {type(value).__name__}"
            + (f"; write {int(value)}" if real and value == int(value) else "")
        ) from None
    if isinstance(value, bool | np.bool_) or not low <= number <= high:
        accepted = f"from {low} to {high}" if high < sys.maxsize else f">= {low}"
        accepted += " and < 2^63" if number > sys.maxsize == high else ""
        raise InvalidInputError(f"{name} must be a whole number {accepted}, got {shown(value)}")
    return number


def check_memory(what: str, n_bytes: int, advice: str) -> None:
    """Refuse what is larger than all memory of this machine."""
    if n_bytes > _MEMORY:
        needed = min(n_bytes, 10**300) / 2**30  # a float
        raise InvalidInputError(
            f"{what} would take {needed:.3g} GiB, more than the memory of this machine, "
            f"{_MEMORY / 2**30:.3g} GiB; {advice}"
        )


def number(
    name: str, value, low: float = -math.inf, below: float = math.inf, above: float = -math.inf
) -> float:
    """`value` as a finite float with low <= value < below, and value > above."""
    if type(value) is float and math.isfinite(value) and low <= value < below and value > above:
        return value  # most are, and what follows takes ten times as long
    return _number(name, value, low, below, above)


@any_size
def _number(name, value, low, below, above):
    try:
        scalar = np.asanyarray(value)[()]  # what an array without dimensions holds
        if isinstance(scalar, _NO_NUMBERS):
            raise TypeError
        converted = float(scalar)
    except OverflowError:  # a whole number or a fraction beyond the largest float
        converted = math.inf
    except (TypeError, ValueError):
        raise InvalidTypeError(f"{name} must be a number, got {shown(value)}") from None
    if not (math.isfinite(converted) and low <= converted < below and converted > above):
        if below < math.inf:
            accepted = f"in {f'({above:g}' if above > low else f'[{low:g}'}, {below:g})"
        elif above > -math.inf:
            accepted = f"finite and > {above:g}"
        else:
            accepted = "finite" + (f" and >= {low:g}" if low > -math.inf else "")
        raise InvalidInputError(f"{name} must be {accepted}, got {shown(value)}")
    return converted


def within(name: str, value, bounds: Parameter) -> float:
    """`value` as a finite float that the parameter of a row accepts."""
    found = number(name, value, bounds.low if bounds.may_be_low else -math.inf)
    if found <= bounds.low and not bounds.may_be_low:
        advice = f"; for {found:g} {bounds.advice}" if bounds.advice and found == bounds.low else ""
        raise InvalidInputError(f"{name} must be > {bounds.low:g}, got {found:g}{advice}")
    if found >= bounds.below:
        raise InvalidInputError(f"{name} must be < {bounds.below:g}, got {found:g}")
    return found


@any_size
def check_held(name: str, value: float, bounds: Parameter, dtype) -> None:
    """Refuse a parameter of a row that becomes infinite in dtype, or what it must not be."""
    held = float(np.dtype(dtype).type(value))
    too_low = held <= bounds.low and not bounds.may_be_low
    if not math.isfinite(held) or too_low or held >= bounds.below:
        raise InvalidInputError(
            f"{name} is {value:g}, which is {held:g} in {np.dtype(dtype)}; use dtype='float64' or "
            "another value"
        )


def switch(name: str, value) -> bool:
    """`value` as a bool; a number or a text is none."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidTypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def several(name: str, given) -> tuple:
    """What stands for one column or for several, as a tuple: a text or a number is one."""
    if isinstance(given, str | int | np.integer):
        return (given,)
    try:
        return tuple(given)
    except TypeError:
        raise InvalidTypeError(f"{name} must be a text, or several, got {shown(given)}") from None


def check_network(net) -> None:
    """Refuse what is no network."""
    if not hasattr(net, "loss_and_gradient"):
        raise InvalidTypeError(f"net must be a deltaloop.Network, got {type(net).__name__}")


def dtype_or_none(dtype) -> np.dtype | None:
    """What NumPy takes `dtype` for, None where it takes it for nothing."""
    try:
        return np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):  # it reads some texts as Python
        return None


def as_numbers(name: str, values) -> np.ndarray:
    """`values` as a non-empty array of real numbers, without a copy where it is one."""
    if type(values) is np.ndarray and values.dtype.kind in "biuf" and values.size:
        return values
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise InvalidTypeError(
            f"{name} is a sparse {type(values).__name__}; use its .toarray() for a dense array"
        )
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise InvalidInputError(f"{name} has masked values; fill or remove them")
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInputError(f"{name} cannot be read as an array of numbers: {error}") from None
    if array.dtype.kind == "O":
        array = _from_objects(name, array)
    if array.dtype.kind not in "biuf":
        advice = _for_names_of_classes(name, array.dtype.kind in "UST")
        raise InvalidTypeError(f"{name} must contain real numbers, got dtype {array.dtype}{advice}")
    if array.size == 0:
        raise InvalidInputError(f"{name} is empty, got shape {array.shape}; give at least 1 sample")
    return array


def one_per_sample(name: str, values, n_samples: int) -> np.ndarray:
    """`values` as numbers, shape (n_samples, ...)."""
    array = as_numbers(name, values)
    if array.ndim == 0 or len(array) != n_samples:
        raise InvalidInputError(
            f"{name} must have one entry per sample ({n_samples}), got shape {array.shape}"
        )
    return array


@any_size
def _from_objects(name, array):
    """An array of Python objects as float64, if all of them are numbers."""
    for value in array.flat:
        if value is None or isinstance(value, str | bytes) or not hasattr(value, "__float__"):
            text = any(all(isinstance(v, kind) for v in array.flat) for kind in (str, bytes))
            raise InvalidTypeError(
                f"{name} must contain numbers, found a value of type {type(value).__name__}"
                + _for_names_of_classes(name, text)
            )
    try:
        return array.astype(np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInputError(f"{name} cannot be read as an array of numbers: {error}") from None


def _for_names_of_classes(name, text):
    """What to do about targets that are all text, whatever holds them."""
    return f"; {NUMBER_THE_CLASSES}" if text and name.endswith(("Y", "labels")) else ""


@any_size
def _has_finite_sum(rows):
    return bool(np.isfinite(rows.sum()))


def all_finite(values: np.ndarray) -> bool:
    """Whether all values of a float array (n,) are finite."""
    return _are_true(np.isfinite(values))


def _are_true(array):
    """array.all(), which takes twice as long as this where there is little to look at."""
    return b"\0" not in array.tobytes() if array.size <= _LARGE else bool(array.all())


def check_finite(name: str, rows: np.ndarray) -> None:
    """Refuse nan and infinity; `rows` has shape (n_samples, n_values)."""
    if rows.dtype.kind != "f":
        return
    # one pass without a temporary, unless the sum overflows
    if rows.size > _LARGE and _has_finite_sum(rows):
        return
    finite = np.isfinite(rows)
    if _are_true(finite):
        return
    sample, value = np.argwhere(~finite)[0]
    raise InvalidInputError(
        f"{name} must be finite, got {rows[sample, value]} at sample {sample}, value {value} "
        f"({np.count_nonzero(~finite)} of {rows.size} values); remove or fill these samples"
    )


def converted(name: str, array: np.ndarray, dtype) -> np.ndarray:
    """Finite `array` in dtype, copied only where it has another one, and still finite."""
    if array.dtype == dtype:
        return array
    return _cast(name, array, dtype)


@any_size
def _cast(name, array, dtype):
    result = array.astype(dtype, order="C")
    if not np.isfinite(result).all():
        raise InvalidInputError(
            f"{name} has values beyond the range of {np.dtype(dtype)} "
            f"(largest magnitude {np.abs(array).max():g}); rescale them or use dtype='float64'"
        )
    return result


def parameter(name: str, value, shape: tuple[int, ...], dtype) -> np.ndarray:
    """`value` as a finite array of exactly this shape in dtype."""
    array = as_numbers(name, value)
    if array.shape != shape:
        raise InvalidInputError(f"{name} must have shape {shape}, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidInputError(f"{name} must be finite, but it contains nan or infinity")
    return converted(name, array, dtype)
