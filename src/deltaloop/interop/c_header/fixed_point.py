"""Networks in whole numbers of 16 bits, for chips that compute floats by long detours.

All numbers of one kind in a layer share a power of two, but inputs, where they are of unlike size,
have one each, of which W of the first layer then takes the other part:

    inputs and activations   a = A 2^-e         A from -32767 to 32767
    weights                  w = W 2^-f         W likewise
    sums                     z = S 2^-(e + f)   S = sum_k W_k A_k + B, 32 bits

e is the largest with which twice the values of the samples given fit into 16 bits; what is beyond
is cut off. f is the largest with which no input whatsoever makes S overflow. Hidden units that are
identity or relu shift S to A; all others find A on straight lines between 257 values of f. The
last layer leaves S 2^-(e + f) as floats to its activation.
"""

import copy
import warnings
from dataclasses import dataclass

import numpy as np

from ...errors import DeltaloopWarning, InvalidInputError
from ...inputs import validation
from ...kernels.reference import activated
from ...kernels.sparse_rows import SparseRows
from ...parts.custom import refuse_custom
from .parameters import scaling_arrays

MOST = 2**15 - 1  # of A and W
MOST_OF_SUM = 2**31 - 2**26  # of S, so that it can be rounded
INTERVALS = 256  # of a table
_LARGEST_EXPONENT = 100  # 2^-e is a normal float then
_LARGEST_OF_SUM = 120  # likewise, of the last layer
_UNLIKE = 3  # powers of two between inputs, from which on each has its own
_MOST_SHIFT = 26  # S, up to 2^31 - 2^26, is rounded before it is shifted
_LEAST_SHIFT = -14
_SMALLEST_RANGE = 2.0**-60  # of a table
_RESOLVED = 1e-4  # of their size: outputs that move less count as if they moved as much
_WARNED = 0.05  # root mean square of what changes, in standard deviations of the outputs
_RANGES = 8  # powers of two that are tried for the range of a table
_HEADROOM = 2.0  # other samples may be larger than those given
_FARTHEST = 3  # the lines at the ends of a table reach to 2^3 times its range


@dataclass(frozen=True)
class Table:
    """f at z = -r, ..., r in steps of 2 r / 256, as whole numbers.

    Beyond, the first and the last line go on, up to `reach`.

    Attributes
    ----------
    values : ndarray of int16, shape (257,)
    z_exponent : int
        z = T 2^-z_exponent; T is 2^15 at r.
    reach : int
        The largest |T|.
    exponent : int
        f = value 2^-exponent.
    """

    values: np.ndarray
    z_exponent: int
    reach: int
    exponent: int

    def between(self, T):
        """The value at T, as the C function NAME_between finds it."""
        place = np.asarray(T, np.int64) + 2**15
        left = (place >> 8).clip(0, INTERVALS - 1)
        low, high = (self.values[left + end].astype(np.int64) for end in (0, 1))
        return (low + (((high - low) * (place - left * 256) + 128) >> 8)).clip(-MOST, MOST)


@dataclass(frozen=True)
class FixedLayer:
    """A layer in whole numbers.

    Attributes
    ----------
    W : ndarray of int16, shape (n_out, n_in)
    B : ndarray of int32, shape (n_out,), or None
    exponent : int
        Of S.
    kind : {'linear', 'relu', 'table', 'floats'}
        How S becomes A; 'floats' for the last layer.
    shift : int
        A, or the T of a table, is S 2^-shift, rounded; may be below 0 for a table.
    out_exponent : int
        Of A.
    table : Table or None
    """

    W: np.ndarray
    B: np.ndarray | None
    exponent: int
    kind: str
    shift: int = 0
    out_exponent: int = 0
    table: Table | None = None

    def sums(self, A):
        """S, shape (n_samples, n_out)."""
        S = A.astype(np.int64) @ self.W.T.astype(np.int64)
        return S if self.B is None else S + self.B

    def __call__(self, A):
        """A of this layer from that of the one below."""
        S = self.sums(A)
        if self.kind == "relu":
            S = np.maximum(S, 0)
        if self.table is None:
            return shifted(S, self.shift, MOST)
        return self.table.between(shifted(S, self.shift, self.table.reach))


def shifted(S, shift: int, most: int):
    """S 2^-shift, rounded half up, and cut off at +-most."""
    S = np.asarray(S, np.int64)
    S = (S + (1 << (shift - 1))) >> shift if shift > 0 else S << -shift
    return S.clip(-most, most)


class FixedPoint:
    """A network in whole numbers: what `net.to_c(path, weights="int16", samples=X)` writes.

    Made by `deltaloop.formats.in_fixed_point`.

    Attributes
    ----------
    layers : list of FixedLayer
    exponents : ndarray of int, shape (n_in,)
        Of the inputs, after their scaling: A = a 2^exponent.
    error : float
        Root mean square of what changes of the outputs for the samples, in standard deviations of
        these outputs.
    """

    def __init__(self, net, samples):
        _refuse(net)
        self._net = net = copy.deepcopy(net)
        self._scaling = scaling_arrays(net)
        net.scaling = None  # the door takes inputs as they are
        rows = self._rows(samples, "samples")
        a = self._scaled(rows).astype(np.float64)
        self.exponents = _exponents_of_inputs(_HEADROOM * a)
        # A of all inputs count as whole numbers then, whose powers of two are in W
        exponent, powers = 0, 2.0**-self.exponents
        self.layers: list[FixedLayer] = []
        for index, (W, b) in enumerate(zip(net.W, net.b, strict=True)):
            layer = net.layers[index]
            name, alpha = layer.activation.name, layer.activation.alpha or 0.0
            z = a @ W.T.astype(np.float64) + (0.0 if b is None else b)
            a = activated(name, z, alpha)
            if not np.isfinite(a).all():
                raise InvalidInputError(
                    f"a{index + 2} overflows for some of the samples; give others, or train the "
                    "network anew"
                )
            weights = W * powers if index == 0 else W.astype(np.float64)
            if index == len(net.layers) - 1:
                fixed = FixedLayer(*_whole(weights, b, exponent, _LARGEST_OF_SUM), "floats")
            elif name in ("identity", "relu"):
                W, B, of_sum = _whole(weights, b, exponent)
                shift = int(np.clip(of_sum - _exponent_for(_HEADROOM * a), 0, _MOST_SHIFT))
                kind = "relu" if name == "relu" else "linear"
                fixed = FixedLayer(W, B, of_sum, kind, shift, of_sum - shift)
            else:
                most = _whole(weights, b, exponent)[2] - _LEAST_SHIFT
                table = best_table(name, alpha, z, most)
                W, B, of_sum = _whole(weights, b, exponent, table.z_exponent + _MOST_SHIFT)
                shift = of_sum - table.z_exponent
                fixed = FixedLayer(W, B, of_sum, "table", shift, table.exponent, table)
            exponent = fixed.out_exponent
            self.layers.append(fixed)
        if "y_mean" in self._scaling:
            a = a * self._scaling["y_scale"] + self._scaling["y_mean"]
        self.error = _error(self.predict(rows), a)
        if self.error > _WARNED:
            warnings.warn(
                "in whole numbers of 16 bits the outputs for these samples change by "
                f"{self.error:.0%} of their standard deviation; scale the inputs "
                "(deltaloop.Scaling), leave out samples far from all others, or use "
                "weights='int8', which is more exact for very wide layers",
                DeltaloopWarning,
                stacklevel=3,
            )

    def _rows(self, X, name):
        """Checked rows in the units of the data."""
        rows = validation.inputs(X, self._net, name)
        return rows.dense(np.arange(len(rows))) if isinstance(rows, SparseRows) else rows

    def _scaled(self, X):
        """Inputs as the C code scales them."""
        if "x_mean" not in self._scaling:
            return X
        with np.errstate(all="ignore"):
            X = X - self._scaling["x_mean"]
            if "x_rest" in self._scaling:
                X = X - self._scaling["x_rest"]
            return X / self._scaling["x_scale"]

    def whole_inputs(self, X) -> np.ndarray:
        """A of the inputs, shape (n_samples, n_in), int64: rounded half away from 0, cut off.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_in)
            In the units of the data.
        """
        real = self._net.dtype.type
        X = self._rows(X, "X")
        with np.errstate(all="ignore"):
            v = self._scaled(X) * (2.0**self.exponents).astype(real)
            v = v + np.where(v < 0, real(-0.5), real(0.5))
        return np.trunc(v.clip(-MOST, MOST)).astype(np.int64)

    def predict(self, X) -> np.ndarray:
        """Outputs of the C program: the same whole numbers, and floats to rounding.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_in)

        Returns
        -------
        ndarray, shape (n_samples, n_out), in the dtype of the network

        Raises
        ------
        InvalidInputError, InvalidTypeError
            As `Network.predict`.
        """
        A = self.whole_inputs(X)
        for layer in self.layers[:-1]:
            A = layer(A)
        last, real = self.layers[-1], self._net.dtype.type
        z = last.sums(A).astype(real) * real(2.0**-last.exponent)
        output = self._net.layers[-1].activation
        y = activated(output.name, z, output.alpha or 0.0)
        if "y_mean" in self._scaling:
            y = y * self._scaling["y_scale"] + self._scaling["y_mean"]
        return y

    def __repr__(self) -> str:
        n_bytes = sum(layer.W.nbytes + (0 if layer.B is None else layer.B.nbytes)
                      for layer in self.layers)  # fmt: skip
        tables = {id(layer.table) for layer in self.layers if layer.table is not None}
        sizes = "-".join(map(str, self._net.sizes))
        return (
            f"FixedPoint: {sizes} in 16 bits, {n_bytes:,} bytes of parameters, "
            f"{2 * (INTERVALS + 1) * len(tables):,} of tables, error {self.error:.2g}"
        )


def _refuse(net):
    """Refuse what has no form in whole numbers."""
    refuse_custom(
        net,
        "a function of Python cannot be written as C",
        "use built-in activations and a built-in loss",
    )
    if net.plan.heads is not None or net.plan.joins:
        what = "heads" if net.plan.heads is not None else "shortcuts"
        raise InvalidInputError(
            f"a network with {what} cannot be written in whole numbers; make one without them"
        )
    if not np.isfinite(net.theta).all():
        raise InvalidInputError(
            "the network has parameters that are nan or infinite, which whole numbers are not; "
            "train it anew with a lower learning_rate"
        )


def _exponent_for(values, is_limited: bool = True) -> int:
    """The largest e with which all values times 2^e stay within 16 bits."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0:
        return 15
    exponent = int(np.floor(np.log2(MOST / largest)))
    if is_limited and abs(exponent) > _LARGEST_EXPONENT:
        raise InvalidInputError(
            f"numbers as {'large' if exponent < 0 else 'small'} as {largest:g} have no exponent "
            "here; give the network a scaling, see deltaloop.Scaling"
        )
    return exponent


def _exponents_of_inputs(values):
    """The exponent of every input: one for all, unless they are of unlike size."""
    each = np.array([_exponent_for(column) for column in values.T])
    moves = values.any(axis=0)
    if not moves.any():
        return each
    least, most = each[moves].min(), each[moves].max()
    # inputs that are always 0 must not take bits from the weights of others
    return np.where(moves, each, most) if most - least >= _UNLIKE else np.full(len(each), least)


def _error(found, expected) -> float:
    """Root mean square of the difference, in standard deviations of what is expected."""
    spread = expected.std(axis=0)
    spread = np.maximum(spread, _RESOLVED * np.abs(expected).max(axis=0))
    off = np.sqrt(np.square(found - expected).mean(axis=0))
    return float(np.divide(off, spread, out=off.astype(np.float64), where=spread > 0).max())


def _whole(W, b, exponent, most: int | None = None):
    """W and b as whole numbers, and the exponent of their sums, at most `most`.

    `exponent` is that of A of the layer below.
    """
    b = None if b is None else b.astype(np.float64)
    f = _exponent_for(W, is_limited=False)
    if most is not None:
        f = min(f, most - exponent)
    while True:
        whole = np.rint(W * 2.0**f)
        with np.errstate(over="ignore"):  # inf is too large as well
            B = None if b is None else np.rint(b * 2.0 ** (exponent + f))
        largest = np.abs(whole).sum(axis=1) * MOST
        if B is not None:
            largest = largest + np.abs(B)
        if largest.max() <= MOST_OF_SUM and np.abs(whole).max() <= MOST:
            break
        f -= 1
    return whole.astype(np.int16), None if B is None else B.astype(np.int32), exponent + f


def best_table(name: str, alpha: float, z, most: int = 15 + 60) -> Table:
    """The table of an activation that is closest to it up to twice as far as these z.

    `most` is the largest z_exponent that it may have.
    """
    far = _HEADROOM * float(np.abs(z).max(initial=0.0))
    far = max(far, _SMALLEST_RANGE) if far > 0 else 1.0
    z = np.linspace(-far, far, 2049)
    with np.errstate(over="ignore"):
        exact = activated(name, z, alpha)
    z, exact = z[np.isfinite(exact)], exact[np.isfinite(exact)]
    exponent = _exponent_for(exact)
    best, smallest = None, np.inf
    least = 15 - most
    top = max(int(np.ceil(np.log2(far))), least)
    for k in range(top, max(top - _RANGES, least - 1), -1):
        nodes = np.linspace(-(2.0**k), 2.0**k, INTERVALS + 1)
        with np.errstate(over="ignore"):
            values = activated(name, nodes, alpha) * 2.0**exponent
        if not np.isfinite(values).all():
            continue
        whole = np.rint(values).clip(-MOST, MOST).astype(np.int16)
        table = Table(whole, 15 - k, _reach(whole, far / 2.0**k), exponent)
        T = shifted(np.rint(z * 2.0**table.z_exponent), 0, table.reach)
        error = np.abs(table.between(T) * 2.0**-exponent - exact).max()
        if error < smallest:
            best, smallest = table, error
    if best is None:
        raise InvalidInputError(
            f"{name} has no finite table for these samples; give others, or train the network anew"
        )
    return best


def _reach(values, far) -> int:
    """The largest |T| for z up to `far` times the range, as far as products have 32 bits."""
    ends = np.diff(values.astype(np.int64))[[0, -1]]
    k = 0
    while k < _FARTHEST and 2.0**k < far and (np.abs(ends).max() + 1) << (16 + k) < 2**31:
        k += 1
    return MOST if k == 0 else 2 ** (15 + k)
