"""Activations and losses of your own: plain Python functions of one unit, compiled by Numba.

    custom_activation(name, f, slope)   a = f(z), slope(z, a) = f'(z)
    custom_loss(name, loss, dloss)      C = sum_j loss(a_j, y_j), dloss(a, y) = dC/da

Each pair becomes, per dtype, a function of C over the units of one layer, which the loops of every
backend call by its address (kernels/interface.py). Before that it is compared with differences:
a slope that is not the derivative of its function is refused.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, require_numba, shown
from ..inputs.calls import explained
from ..inputs.checks import number, switch
from ..kernels.interface import ACTIVATIONS, FUNCTIONS, LOSSES
from .activations import Activation
from .derivatives import check_dloss, check_slope


@dataclass(frozen=True)
class CustomActivation(Activation):
    """An activation of your own, as `custom_activation` makes it.

    Attributes
    ----------
    name : str
    f, slope : callable
        f(z) and slope(z, a) of one unit.
    surrogate : bool
        Whether slope stands in for the derivative.
    """

    f: Callable = field(kw_only=True)
    slope: Callable = field(kw_only=True)
    surrogate: bool = field(default=False, kw_only=True)
    compiled: tuple = field(kw_only=True, repr=False, compare=False)

    def __post_init__(self):
        pass  # checked by custom_activation

    @property
    def range(self) -> tuple[float, float]:
        """Not known."""
        return -math.inf, math.inf

    def for_plan(self, dtype):
        """The addresses of f and slope."""
        return _addresses_of_activation(*self.compiled, np.dtype(dtype).name)

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return _unpickled_activation, (self.name, self.f, self.slope, self.surrogate)


@dataclass(frozen=True)
class CustomLoss:
    """A loss of your own, as `custom_loss` makes it.

    Attributes
    ----------
    name : str
    loss, dloss : callable
        loss(a, y) and dloss(a, y) = dC/da of one output.
    """

    name: str
    loss: Callable
    dloss: Callable
    compiled: tuple = field(kw_only=True, repr=False, compare=False)

    def for_plan(self, dtype) -> tuple[int, float]:
        """The address of the loss of a sample, and a parameter that it does not have."""
        return _address_of_loss(*self.compiled, np.dtype(dtype).name), 0.0

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return _unpickled_loss, (self.name, self.loss, self.dloss)

    def __str__(self):
        return self.name


@explained("write custom_activation('mine', f, slope)")
def custom_activation(
    name: str, f, slope, z_range=(-6.0, 6.0), *, surrogate: bool = False
) -> CustomActivation:
    """An activation of your own, from plain Python functions of one unit.

    Parameters
    ----------
    name : str
        What reports call it.
    f : callable
        f(z), a number for a number. It is compiled by Numba, in every call of custom_activation:
        what it uses of other modules and names is fixed with that, and it should not raise. Further
        arguments keep their defaults.
    slope : callable
        slope(z, a) = f'(z), where a = f(z).
    z_range : (float, float), default (-6, 6)
        Where f has to be finite, and slope is compared with differences of f.
    surrogate : bool, default False
        Whether slope is another function than the derivative, on purpose: the straight-through
        estimator of a step (Bengio, Leonard & Courville 2013), or the sigmoid's slope plus 0.1
        (Fahlman 1988). It has to be finite and is not compared. What is called a gradient is then
        the one that backpropagation with this slope gives.

    Returns
    -------
    CustomActivation
        For every place that takes an activation, in every backend. What was compiled stays in
        memory as long as the process.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        A slope that is not the derivative of f, results that are not finite or no numbers, a
        function that Numba cannot compile or that takes other arguments.
    MissingDependencyError
        Numba is not installed.

    Examples
    --------
    >>> import math
    >>> import deltaloop as dl
    >>> square = dl.custom_activation("square", lambda z: z * z, lambda z, a: 2 * z)
    >>> dl.Network([2, 3, 1], activation=square).layers[0].activation.name
    'square'
    >>> step = dl.custom_activation(
    ...     "step", lambda z: 1.0 if z > 0 else 0.0, lambda z, a: 1.0 if abs(z) < 1 else 0.0,
    ...     surrogate=True)
    >>> step.surrogate
    True
    """
    require_numba(f"activation {name!r}")
    _check_name("activation", name, ACTIVATIONS)
    for what, function, n in (("f(z)", f, 1), ("slope(z, a)", slope, 2)):
        _check_function(f"{what} of {name}", function, n)
    compiled = _compiled(f"f of {name}", f, 1), _compiled(f"slope of {name}", slope, 2)
    surrogate = switch("surrogate", surrogate)
    check_slope(name, *compiled, _interval("z_range", z_range), surrogate)
    return CustomActivation(name, f=f, slope=slope, surrogate=surrogate, compiled=compiled)


@explained("write custom_loss('mine', loss, dloss)")
def custom_loss(
    name: str, loss, dloss, a_range=(-3.0, 3.0), y_range=(-3.0, 3.0)
) -> CustomLoss:  # fmt: skip
    """A loss of your own, from plain Python functions of one output.

    The loss of a sample is the sum over its outputs, the loss of several samples their mean.

    Parameters
    ----------
    name : str
        What reports call it.
    loss : callable
        loss(a, y), a number for the output a and the target y. It is compiled by Numba, as in
        `custom_activation`.
    dloss : callable
        dloss(a, y), its derivative by a.
    a_range, y_range : (float, float), default (-3, 3)
        Where loss has to be finite, and dloss is compared with differences of loss: for outputs
        that are probabilities, say, (0.01, 0.99) and (0, 1).

    Returns
    -------
    CustomLoss
        For `Network(loss=...)`, in every backend.

    Raises
    ------
    InvalidInputError, InvalidTypeError, MissingDependencyError
        As in `custom_activation`.

    Examples
    --------
    >>> import deltaloop as dl
    >>> fourth = dl.custom_loss("fourth", lambda a, y: (a - y) ** 4 / 4, lambda a, y: (a - y) ** 3)
    >>> dl.Network([2, 3, 1], loss=fourth).loss_name
    'fourth'
    """
    require_numba(f"loss {name!r}")
    _check_name("loss", name, LOSSES)
    for what, function in (("loss(a, y)", loss), ("dloss(a, y)", dloss)):
        _check_function(f"{what} of {name}", function, 2)
    compiled = _compiled(f"loss of {name}", loss, 2), _compiled(f"dloss of {name}", dloss, 2)
    check_dloss(name, *compiled, _interval("a_range", a_range), _interval("y_range", y_range))
    return CustomLoss(name, loss, dloss, compiled=compiled)


def refuse_custom(net, reason: str, advice: str) -> None:
    """Raise InvalidInputError for a network with functions of the user."""
    heads = [head for _, head in net.layers[-1].heads or ()]
    own = [f"activation {d.activation.name!r}" for d in (*net.layers, *heads)
           if isinstance(d.activation, CustomActivation)]  # fmt: skip
    losses = [net._loss, *(head.loss for head in heads)]
    own += [f"loss {loss.name!r}" for loss in losses if isinstance(loss, CustomLoss)]
    if own:
        raise InvalidInputError(f"{own[0]} is a function of your own, and {reason}; {advice}")


def _check_name(what, name, built_in):
    if not isinstance(name, str) or not name:
        raise InvalidTypeError(
            f"name must be a text such as 'mine', and comes before the functions, got {shown(name)}"
        )
    if name in built_in:
        raise InvalidInputError(f"{what} {name!r} is built in; give yours another name")


def _check_function(what, function, n_arguments):
    if not (inspect.isfunction(function) or hasattr(function, "py_func")):
        hint = "; call it in one, as in lambda z: math.tanh(z)" if callable(function) else ""
        raise InvalidTypeError(
            f"{what} must be a Python function, or one compiled by numba.njit, got "
            f"{shown(function)}{hint}"
        )
    if inspect.iscoroutinefunction(_plain(function)):
        raise InvalidTypeError(f"{what} must be a plain function, not an async one")
    try:
        inspect.signature(_plain(function)).bind(*range(n_arguments))
    except TypeError as error:
        raise InvalidTypeError(
            f"{what} must take {n_arguments} argument{'s' * (n_arguments > 1)}: {error}"
        ) from None


def _interval(name, limits):
    try:
        low, high = limits
    except (TypeError, ValueError):
        raise InvalidTypeError(f"{name} must be a pair (low, high), got {limits!r}") from None
    low, high = number(name, low, -math.inf), number(name, high, -math.inf)
    if low >= high:
        raise InvalidInputError(f"{name} must have low < high, got {limits!r}")
    return low, high


# Compiling


def _plain(function):
    """The Python function of one that numba.njit made."""
    return getattr(function, "py_func", function)


def _jitted(function):
    from numba import njit

    # division by zero is a value, as everywhere in the kernels
    return njit(_plain(function), error_model="numpy", nogil=True)


@cache
def _unpickled_activation(name, f, slope, surrogate=False):
    compiled = _jitted(f), _jitted(slope)
    return CustomActivation(name, f=f, slope=slope, surrogate=surrogate, compiled=compiled)


@cache
def _unpickled_loss(name, loss, dloss):
    return CustomLoss(name, loss, dloss, compiled=(_jitted(loss), _jitted(dloss)))


def _compiled(what, function, n_arguments):
    """The function for both dtypes; InvalidInputError where it is none of numbers to a number."""
    from numba import types

    found = _jitted(function)
    for real in (types.float32, types.float64):
        try:
            # folds in the defaults of further arguments, as every call does
            _, _, arguments, _ = found.get_call_template((real,) * n_arguments, {})
        except Exception as error:  # Numba has its own for most of what it does not know, not all
            raise InvalidInputError(
                f"{what} cannot be compiled by Numba: {_short(error)}; use numbers, math and "
                "functions that numba.njit has compiled"
            ) from None
        returned = found.overloads[arguments].signature.return_type
        if not isinstance(returned, types.Float | types.Integer | types.Boolean):
            raise InvalidInputError(
                f"{what} must return one number in every case, but Numba finds that it returns "
                f"{returned}"
            )
    return found


def _short(error):
    """The first line of a message of Numba that says something about the function."""
    lines = [line.strip() for line in str(error).splitlines()]
    dull = ("Failed in", "During:", "File ", "There are", "- Of which", "Overload", "With argument")
    told = [line for line in lines if line and not line.startswith(dull)]
    return told[0].rstrip(".") if told else type(error).__name__


@cache
def _addresses_of_activation(f_of_unit, slope_of_unit, dtype) -> tuple[int, int]:
    import numba
    from numba import types

    reals = types.CPointer(getattr(types, dtype))

    @numba.cfunc(types.void(reals, reals, types.intp))
    def map_f(z, a, n):
        for k in range(n):
            a[k] = f_of_unit(z[k])

    @numba.cfunc(types.void(reals, reals, reals, types.intp))
    def map_slope(z, a, delta, n):
        for k in range(n):
            delta[k] *= slope_of_unit(z[k], a[k])

    return _kept(map_f, f_of_unit), _kept(map_slope, slope_of_unit)


@cache
def _address_of_loss(loss_of_unit, dloss_of_unit, dtype) -> int:
    import numba
    from numba import types

    reals = types.CPointer(getattr(types, dtype))

    @numba.cfunc(types.float64(reals, reals, reals, types.intp))
    def of_sample(a, y, dC_da, n):
        total = 0.0
        for k in range(n):
            total += loss_of_unit(a[k], y[k])
            dC_da[k] = dloss_of_unit(a[k], y[k])
        return total

    return _kept(of_sample, (loss_of_unit, dloss_of_unit))


_kept_alive: list[Any] = []  # kernels hold bare addresses


def _kept(callback, of_unit) -> int:
    _kept_alive.append(callback)
    FUNCTIONS[callback.address] = of_unit
    return callback.address
