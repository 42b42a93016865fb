"""The part of `Network` that derives gradients of single samples, and of second order."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..inputs import validation
from ..inputs.checks import as_numbers
from ..kernels.interface import Plan
from ..kernels.turns import Turns


class Deriving:
    """Activations, gradients of single samples, products with the Hessian."""

    __slots__ = ()

    # set by Network
    _turns: Turns
    _data: Any
    _laid_out: Callable
    plan: Plan
    n_parameters: Any

    def activations(self, X, layer) -> np.ndarray:
        """What the units of a layer give, for every sample.

        Parameters
        ----------
        X : array_like, shape (n_samples, ...)
            As in `predict`.
        layer : int
            Number of the weight layer, from 0 as in `W`; -1: the outputs, in the units of the
            network.

        Returns
        -------
        ndarray, shape (n_samples, units of the layer)

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X is not accepted, or there is no such layer.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(2, [dl.Dense(1, "relu", init=([[1.0, 2.0]], [0.0])), dl.Dense(1)])
        >>> net.activations([[1.0, 1.0], [1.0, -3.0]], 0)
        array([[3.],
               [0.]], dtype=float32)
        """
        from .derived import activations

        return activations(self, validation.inputs(X, self), layer)

    def per_sample_gradients(self, X, Y) -> np.ndarray:
        """The gradient of the loss of every single sample, each flat as `theta`.

        Parameters
        ----------
        X, Y
            As in `fit`.

        Returns
        -------
        ndarray, shape (n_samples, theta.size)
            Row t is dC_t/dtheta, laid out as theta, 0 in its padding; the mean over t is
            `gradient`.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or Y are not accepted, or the result would not fit into memory.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [0.0]))])
        >>> found = net.per_sample_gradients([[3.0], [1.0]], [5.0, 4.0])
        >>> found[:, net.theta != 0].tolist()  # by W: (2 x - y) x
        [[3.0], [-2.0]]
        """
        from .derived import per_sample_gradients

        return self._turns.read(per_sample_gradients, self, *self._data(X, Y))

    def per_sample_gradient_norms(self, X, Y) -> np.ndarray:
        """Norms of the gradients of single samples, without storing these.

        |dC_t/dW|^2 = |delta|^2 |a|^2 for every layer and sample. Source: Goodfellow (2015),
        Efficient per-example gradient computations.

        Parameters
        ----------
        X, Y
            As in `fit`.

        Returns
        -------
        ndarray of float64, shape (n_samples,)

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or Y are not accepted.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", bias=False, init=[[2.0]])])
        >>> net.per_sample_gradient_norms([[3.0], [1.0]], [5.0, 4.0])
        array([3., 2.])
        """
        from .derived import per_sample_gradient_norms

        return self._turns.read(per_sample_gradient_norms, self, *self._data(X, Y))

    def hessian_vector_product(self, X, Y, v, *, sample_weight=None) -> np.ndarray:
        """H v, with H the second derivatives of `loss` by all parameters, without storing H.

        From gradients in float64 at four points along v (Richardson's extrapolation of central
        differences): eleven digits of its largest value where the loss is smooth and inputs are of
        order 1, eight where they are of order 1000. What a mask leaves out is no parameter.

        Parameters
        ----------
        X, Y, sample_weight
            As in `fit`.
        v : array_like, shape of `theta` or of `parameters`
            Laid out like it; the padding of theta does not matter.

        Returns
        -------
        ndarray of float64
            Laid out as v, 0 in padding.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X, Y or v are not accepted.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(1, [dl.Dense(1, "identity", bias=False)], dtype="float64")
        >>> net.hessian_vector_product([[3.0]], [5.0], [1.0]).round(6)  # of 1/2 (3 w - 5)^2: 9
        array([9.])
        """
        from .derived import hessian_vector_product

        X, Y = self._data(X, Y)
        weights = validation.weights(sample_weight, len(X))
        direction = self._laid_out("v", v)
        product = self._turns.read(hessian_vector_product, self, X, Y, direction, weights)
        packed = as_numbers("v", v).shape == (self.n_parameters,)
        return self.plan.packed(product) if packed else product
