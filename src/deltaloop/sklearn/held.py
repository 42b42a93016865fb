"""`coefs_` and `intercepts_`: the parameters of a network, as scikit-learn shows them."""

from itertools import chain, pairwise
from operator import is_
from typing import Any

import numpy as np

from ..inputs.validation import inputs
from ..kernels.memory import Work
from ..network import Network
from ..parts.layers import Dense
from . import meanings

_ROOM = 192  # samples whose activations stay in cache
_SMALL = 128  # rows of a prediction that is not worth letting other threads in


class Held:
    """The part of an estimator that holds the network.

    `coefs_[k]`, shape (n_in, n_out), and `intercepts_[k]` are live views of its parameters. What
    the user puts in their place, or into these lists, is copied into the network before it is used.
    """

    activation: Any
    dropout: Any
    dtype: Any
    loss: Any
    n_threads: int
    out_activation_: str
    coefs_: list
    intercepts_: list
    _net: Network
    _views: tuple
    _made_of: tuple

    def _loss_of_network(self):
        """The loss, as the package has it."""
        raise NotImplementedError

    def _new_network(self, units, dtype) -> Network:
        """A network of these widths, all parameters 0."""
        n_hidden = len(units) - 2
        hidden = zip(
            units[1:-1],
            meanings.hidden_activations(self.activation, n_hidden),
            meanings.hidden_dropout(self.dropout, n_hidden),
            strict=True,
        )
        output = meanings.output_activation(self.out_activation_)
        layers = [*(Dense(n, f, dropout=p) for n, f, p in hidden), Dense(units[-1], output)]
        return Network._of_zeros(units[0], layers, self._loss_of_network(), dtype)

    def _hold(self, net) -> None:
        """Show the parameters of this network from now on."""
        self.coefs_, self.intercepts_ = self._keep(net)

    def _keep(self, net) -> tuple[list, list]:
        """Compute with this network from now on; its weights and biases."""
        W, b = views(net, net._theta)
        self._net, self._views, self._made_of = net, (*W, *b), self._parts()
        return W, b

    def _parts(self):
        """What a network is made of, but its widths."""
        return self.activation, self.dropout, self.loss, self.out_activation_

    def _network(self) -> Network:
        """The network, with the parameters that the user has assigned."""
        given = *self.coefs_, *self.intercepts_
        net = self.__dict__.get("_net")
        if net is not None and all(map(is_, given, self._views)) and self._is_current(given):
            return net
        arrays = [np.asarray(array) for array in given]
        coefs = arrays[: len(self.coefs_)]
        units = [*(W.shape[0] for W in coefs), coefs[-1].shape[-1]]
        if (
            net is None
            or tuple(units) != net.sizes
            or self._dtype(*arrays) != net.dtype
            or not self._is_current(given)
        ):
            net = self._new_network(units, self._dtype(*arrays))
            self._keep(net)
        net._turns.write(_copy, self._views, arrays)
        return net

    def _is_current(self, given) -> bool:
        """Whether the network was made of what the parameters are now."""
        return len(given) == len(self._views) and all(map(is_, self._parts(), self._made_of))

    def _dtype(self, *arrays) -> np.dtype:
        """What is computed in: `dtype`, or else that of the data."""
        if self.dtype is not None:
            return np.dtype(self.dtype)
        widest = np.result_type(*arrays)
        return widest if widest == np.float32 else np.dtype(np.float64)

    def __getstate__(self):
        state = super().__getstate__()
        if "_net" in state:
            state = {
                name: value
                for name, value in state.items()
                if name not in ("_net", "_views", "_made_of")
            }
            state["_has_network"] = True
            for name in ("coefs_", "intercepts_"):
                state[name] = [np.array(array, order="C") for array in state[name]]
        return state

    def __setstate__(self, state):
        state = dict(state)
        has_network = state.pop("_has_network", False)
        super().__setstate__(state)
        if has_network:
            self._hold(self._network())


def views(net, flat) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights (n_in, n_out) and biases of every layer, as views of a vector laid out as theta."""
    layers = range(len(net.layers))
    return [net.plan.W(flat, k).T for k in layers], [net.plan.b(flat, k) for k in layers]


def _copy(views, arrays):
    for view, array in zip(views, arrays, strict=True):
        if view is not array:
            view[...] = array


def forward(net, rows, n_threads: int) -> tuple[np.ndarray, bool]:
    """Outputs for rows that have passed the door, and whether the rows were found to be finite."""
    n = len(rows)
    out = np.empty((n, net.sizes[-1]), net.dtype)
    n_threads = min(n_threads, -(-n // _ROOM))
    work = Work(net.plan, n_threads * min(n, _ROOM), n_threads, gathers=False)
    found = net._turns.read(net.backend.forward, net.plan, net._theta, rows, out, work)
    return out, bool(found)


def predicted_plainly(net, X, n_threads: int) -> np.ndarray | None:
    """Outputs for rows that need no door, or None.

    What is anything but finite numbers in an array of the network's kind is left to the door.
    """
    if (
        type(X) is not np.ndarray
        or X.dtype != net.dtype
        or X.ndim != 2
        or len(X) == 0
        or X.shape[1] != net.sizes[0]
        or not np.isfinite(X).all()
    ):
        return None
    if len(X) <= _SMALL:
        return net._session.predict_batch(X)
    return forward(net, inputs(X, net, looks=False), n_threads)[0]


def glorot(random_state, units, activation: str, dtype) -> chain:
    """Initial weights and biases as scikit-learn draws them, uniform within +-bound.

    bound = sqrt(6 / (n_in + n_out)), or sqrt(2 / (n_in + n_out)) with the activation 'logistic'.
    """
    factor = 2.0 if activation in ("logistic", "sigmoid") else 6.0
    coefs, intercepts = [], []
    for n_in, n_out in pairwise(units):
        bound = np.sqrt(factor / (n_in + n_out))
        coefs.append(random_state.uniform(-bound, bound, (n_in, n_out)).astype(dtype))
        intercepts.append(random_state.uniform(-bound, bound, n_out).astype(dtype))
    return chain(coefs, intercepts)
