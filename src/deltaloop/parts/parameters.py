"""The parameters of a network: one flat array, and views of it layer by layer."""

import sys
from typing import Any

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import as_numbers, parameter
from ..kernels.interface import Plan
from ..kernels.memory import aligned_zeros
from ..kernels.turns import Turns
from .views import Views

_SMALL = 2**16  # bytes of theta
# what plan and theta were laid out for: the kernels would write beyond them if it changed
_FIXED = frozenset(
    ("sizes", "layers", "loss_name", "_loss", "dtype", "plan", "_theta", "reproducible")
)


def without_padding(plan: Plan, theta: np.ndarray) -> np.ndarray | bytes:
    """A copy of theta without its padding, shape (n_parameters,), rows as they lie.

    In pickles, where a small array takes as long as all else: bytes, least significant first.
    """
    rows = plan.rows(theta)
    if theta.nbytes > _SMALL or sys.byteorder == "big":  # arrays may travel beside the pickle
        return np.concatenate([block.ravel() for block in rows])
    return b"".join([block.tobytes() for block in rows])


def put(plan: Plan, values: np.ndarray | bytes, theta: np.ndarray) -> None:
    """Copy what `without_padding` gave, or all of another theta, into theta."""
    n = len(values) / (theta.itemsize if isinstance(values, bytes) else 1)
    if n == len(theta) and not isinstance(values, bytes):  # in pickles of earlier versions
        theta[:] = values
        return
    if n != plan.n_parameters:
        raise InvalidInputError(
            f"{n:g} parameters do not fit the layers: the pickle is of a version that laid "
            "them out in another way; save networks by net.save, which later versions read"
        )
    if isinstance(values, bytes):
        values = np.frombuffer(values, theta.dtype.newbyteorder("<"))
    start = 0
    for block in plan.rows(theta):
        block[...] = values[start : start + block.size].reshape(block.shape)
        start += block.size


class Parameters:
    """The part of `Network` that holds the parameters and what they were laid out for."""

    __slots__ = ()

    # set by Network
    sizes: tuple[int, ...]
    layers: tuple[Any, ...]  # of Dense, whose activation is no name any more
    dtype: np.dtype
    plan: Plan
    _theta: np.ndarray
    _turns: Turns
    _shown: np.ndarray  # the view of _theta that users get
    _views: dict[str, Views]

    def __setattr__(self, name, value):
        if name in _FIXED and name in self.__dict__:
            raise AttributeError(
                f"{name} is fixed when a network is made; make a new Network and assign its W and b"
            )
        super().__setattr__(name, value)

    @property
    def theta(self) -> np.ndarray:
        """All parameters, flat; see the class. Assigning copies into it."""
        return self._shown

    @theta.setter
    def theta(self, value) -> None:
        if value is not self._shown:  # net.theta -= step has already changed it
            value = parameter("theta", value, self._theta.shape, self.dtype)
            self._turns.write(np.copyto, self._theta, value)

    @property
    def W(self) -> Views:
        """Weights per layer; see the class."""
        return self._views_of("W", self.plan.W)

    @W.setter
    def W(self, values) -> None:
        self._assign(self.W, values)

    @property
    def b(self) -> Views:
        """Biases per layer; see the class."""
        return self._views_of("b", self.plan.b)

    @b.setter
    def b(self, values) -> None:
        self._assign(self.b, values)

    def _assign(self, views, values) -> None:
        if values is not views:
            self._turns.write(views.fill, views.checked(values))

    @property
    def parameters(self) -> np.ndarray:
        """A copy of all parameters without padding, shape (n_parameters,); see the class."""
        return self._turns.read(self.plan.packed, self._theta)

    @parameters.setter
    def parameters(self, value) -> None:
        value = parameter("parameters", value, (self.n_parameters,), self.dtype)
        # a copy: it may be a view of theta
        self._turns.write(self.plan.unpack, value.copy(), self._theta)

    def _laid_out(self, name, value) -> np.ndarray:
        """A copy of an array laid out as theta or as `parameters`: as theta, padding 0."""
        out = aligned_zeros(self.plan.n_theta, self.dtype)
        value = as_numbers(name, value)
        packed = value.shape == (self.n_parameters,)
        shape = (self.n_parameters,) if packed else self._theta.shape
        given = parameter(name, value, shape, self.dtype)
        if packed:
            self.plan.unpack(given, out)
        else:
            for to, view in zip(self.plan.views(out), self.plan.views(given), strict=True):
                to[:] = view
        return out

    def _views_of(self, name, view) -> Views:
        if name not in self._views:  # made once: loops over the layers come here for each of them
            layers = range(len(self.layers))
            self._views[name] = Views(name, [view(self._theta, k) for k in layers])
        return self._views[name]

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return self.plan.n_parameters

    def part(self, outputs) -> dict:
        """Part what `predict` gave among the heads of the last layer, see `Dense`.

        Parameters
        ----------
        outputs : ndarray, shape (n_samples, n_out) or (n_out,)

        Returns
        -------
        dict
            By the names of the heads: views, shape (n_samples, n_out of the head); of a head with
            the loss gaussian_nll a pair (mean, variance) of them.

        Raises
        ------
        InvalidInputError
            A network without heads, or an array of another width.

        Examples
        --------
        >>> import numpy as np
        >>> import deltaloop as dl
        >>> net = dl.Network([2, 8, 1], loss="gaussian_nll", seed=0)
        >>> mean, variance = net.part(net.predict(np.zeros((5, 2))))["y"]
        >>> mean.shape, variance.shape
        ((5, 1), (5, 1))
        """
        from .heads import parted

        heads = self.layers[-1].heads
        if heads is None:
            raise InvalidInputError("the last layer has no heads, see Dense; there are no parts")
        outputs = np.asarray(outputs)
        if outputs.shape[-1:] != (self.sizes[-1],):
            raise InvalidInputError(
                f"outputs must have {self.sizes[-1]} columns, got shape {outputs.shape}"
            )
        return parted(outputs, heads)
