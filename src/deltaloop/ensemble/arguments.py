"""The arguments of an ensemble: seeds, numbers of every network, samples shared or its own."""

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..inputs import validation
from ..inputs.checks import check_memory, number, parameter, whole_number
from ..inputs.scipy_sparse import is_sparse

_MOST_ROWS = 2**31 - 1


def seeds_of(n, seeds) -> np.ndarray:
    """The seed of every network, as whole numbers."""
    if n is not None:
        n = whole_number("n", n)
        check_memory(f"{n} networks", 1000 * n, "use a smaller n")  # a generator of each
    if seeds is None:
        return np.arange(16 if n is None else n)
    if isinstance(seeds, np.random.Generator | str | bytes | dict | set | frozenset):
        raise InvalidTypeError(
            f"seeds must be whole numbers >= 0, one for every network, got {shown(seeds)}; write "
            "seeds=range(n), or generator.integers(2**62, size=n)"
        )
    if not np.iterable(seeds):
        n = 16 if n is None else n
        return whole_number("seeds", seeds, low=0, high=2**63 - n) + np.arange(n)
    found = [whole_number("every seed", seed, low=0) for seed in seeds]
    if not found:
        raise InvalidInputError("seeds is empty; give one for every network")
    if n is not None and len(found) != n:
        raise InvalidInputError(
            f"seeds must have one entry per network, but n={n} and there are {len(found)} seeds; "
            "leave n out"
        )
    return np.array(found, np.int64)


def numbers_of(name: str, value, n: int, low=0.0, below=np.inf) -> np.ndarray:
    """One number, or one for every network, as float64 of shape (n,)."""
    if n_dimensions(name, value) == 0:
        return np.full(n, number(name, value, low=low, below=below))
    found = parameter(name, value, (n,), np.dtype(np.float64))
    wrong = np.flatnonzero(~((found >= low) & (found < below)))
    if wrong.size:
        accepted = f">= {low:g}" + (f" and < {below:g}" if below < np.inf else "")
        raise InvalidInputError(
            f"{name} must be {accepted}, got {found[wrong[0]]:g} for network {wrong[0]}"
        )
    return found


def epochs_of(value, n: int) -> np.ndarray:
    """Epochs of every network."""
    if n_dimensions("epochs", value) == 0:
        return np.full(n, whole_number("epochs", value))
    found = [whole_number("epochs", each) for each in value]
    if len(found) != n:
        raise InvalidInputError(f"epochs must have {n} entries, one per network, got {len(found)}")
    return np.array(found)


def n_dimensions(name: str, values) -> int:
    """numpy.ndim of `values`; what is no array, since its parts have unlike lengths, is refused."""
    try:
        return np.ndim(values)
    except ValueError:
        raise InvalidInputError(
            f"{name} must be one array, but its parts have different lengths; fill or cut them"
        ) from None


def _check_has_rows(name: str, values):
    if not hasattr(values, "__dataframe__") and n_dimensions(name, values) == 0:
        raise InvalidTypeError(f"{name} must be an array of samples, got {shown(values)}")


class Rows:
    """Checked samples: X and Y one below the other, and where those of a network begin.

    Attributes
    ----------
    X, Y : ndarray, shape (n_rows, n_in) and (n_rows, n_out)
    n : int
        Samples of every network.
    first : ndarray of intp, shape (n_networks,)
        All 0 where the networks share the samples.
    """

    def __init__(self, X, Y, net, n_networks: int, name: str = ""):
        if is_sparse(X):
            raise InvalidTypeError(
                f"{name}X is a matrix of scipy.sparse, which an ensemble does not take; write "
                "X.toarray()"
            )
        _check_has_rows(f"{name}X", X)
        _check_has_rows(f"{name}Y", Y)
        own = np.ndim(X) == 3
        if own and len(X) != n_networks:
            raise InvalidInputError(
                f"{name}X of three dimensions has samples for every network: shape ({n_networks}, "
                f"n_samples, {net.sizes[0]}), got {np.shape(X)}; samples that all share have shape "
                f"(n_samples, {net.sizes[0]})"
            )
        if own and (np.ndim(Y) < 2 or np.shape(Y)[:2] != np.shape(X)[:2]):
            raise InvalidInputError(
                f"with an {name}X of every network Y must have shape ({n_networks}, n_samples, "
                f"n_out), or ({n_networks}, n_samples) for one output or classes, got {np.shape(Y)}"
            )
        if not own and np.ndim(Y) == 3:
            raise InvalidInputError(
                f"{name}Y has targets for every network, shape {np.shape(Y)}, but X has samples "
                "that all share; give X for each, too: numpy.broadcast_to(X, (n, *X.shape))"
            )
        self.n = np.shape(X)[1] if own else len(X)
        if own:
            X = np.asarray(X).reshape(-1, np.shape(X)[2])
            Y = np.asarray(Y).reshape(len(X), -1)
        self.X = np.ascontiguousarray(validation.inputs(X, net, f"{name}X"))
        self.Y = np.ascontiguousarray(validation.targets(Y, len(self.X), net, f"{name}Y"))
        if self.n > _MOST_ROWS:
            raise InvalidInputError(f"an ensemble takes up to {_MOST_ROWS} samples, got {self.n}")
        self.own = own
        self.first = np.arange(n_networks) * (self.n if own else 0)

    def of(self, index: int):
        """X and Y of a network, for calls of `Network`."""
        part = slice(self.first[index], self.first[index] + self.n)
        return validation.Prepared(self.X[part]), validation.Prepared(self.Y[part])


def weights_of(values, n_samples: int, n_networks: int):
    """Weights one after the other, and where those of a network begin; (None, zeros) without.

    (n_samples,) for all, or (n_networks, n_samples).
    """
    first = np.zeros(n_networks, np.intp)
    name = "sample_weight"
    if values is None or n_dimensions(name, values) < 2:
        return validation.weights(values, n_samples), first
    found = parameter(name, values, (n_networks, n_samples), np.dtype(np.float64))
    check_memory(name, found.nbytes, "use fewer networks")
    if found.min() < 0:
        index, sample = np.unravel_index(found.argmin(), found.shape)
        raise InvalidInputError(
            f"{name} must be >= 0, got {found.min():g} at sample {sample} of network {index}"
        )
    top = found.max(axis=1)
    if not top.all():
        raise InvalidInputError(
            f"{name} is 0 for every sample of network {top.argmin()}; one has to be above 0"
        )
    # as validation.weights: no sum overflows
    found = np.ldexp(found, -np.frexp(top)[1][:, None])
    found[found < 1e-300] = 0
    return np.ascontiguousarray(found).reshape(-1), np.arange(n_networks) * n_samples
