"""Initial values by name, for weights (`init`) and biases (`bias_init`).

| name                  | distribution of W                                   | source |
|-----------------------|-----------------------------------------------------|--------|
| glorot_uniform        | U(-r, r), r = sqrt(6 / (n_in + n_out))              | 1      |
| glorot_normal         | N(0, 2 / (n_in + n_out))                            | 1      |
| he_uniform            | U(-r, r), r = sqrt(6 / n_in)                        | 2      |
| he_normal             | N(0, 2 / n_in)                                      | 2      |
| lecun_uniform         | U(-r, r), r = sqrt(3 / n_in)                        | 3      |
| lecun_normal          | N(0, 1 / n_in)                                      | 3      |
| orthogonal            | rows or columns, whichever are fewer, are           | 4      |
|                       | orthonormal; evenly distributed among such matrices |        |
| uniform               | U(-0.5, 0.5)                                        |        |
| normal                | N(0, 1)                                             |        |
| constant, zeros, ones | ("constant", value), 0, 1                           |        |
| nguyen_widrow         | see below; biases as well                           | 5      |
| pytorch               | U(-r, r), r = sqrt(1 / n_in); biases as well        | 6      |
| scikit_learn          | U(-r, r), r = sqrt(6 / (n_in + n_out)), or with 2   | 7      |
|                       | for 6 where the hidden layers are sigmoid; biases   |        |
|                       | as well                                             |        |

The second number of N is the variance. A tuple gives a name its numbers:

| tuple                                    | means                                             |
|------------------------------------------|---------------------------------------------------|
| ("uniform", 0.3), ("uniform", -0.1, 0.3) | U(-0.3, 0.3), U(-0.1, 0.3)                        |
| ("normal", 0.05)                         | standard deviation 0.05                           |
| ("constant", 0.1)                        | 0.1                                               |
| ("glorot_uniform", 4)                    | 4 times these values; so for all names of sources |
|                                          | 1 to 4                                            |

Biases start at 0, unless the name sets them as well; then a layer draws W first. With
`bias_init` the same names, but orthogonal and nguyen_widrow, set biases alone, n_in and n_out being
those of the layer; so does a number.

Nguyen and Widrow spread the active regions of the n_out units evenly over inputs from -1 to 1.
Rows of W point in random directions, with length 0.7 n_out^(1 / n_in), and b_j is that times
-1, ..., 1 in equal steps, with the sign of W_j1. This belongs to an activation that is active
between -1 and 1 and inputs of the same range; for others z and the inputs are mapped. As in
MATLAB's initnw, tanh and gaussian are active in [-2, 2], sigmoid in [-4, 4], hard_tanh in [-1, 1],
and here lecun_tanh and hard_sigmoid in [-3, 3]; inputs range as the activation of the layer
before, without end from 0 to 1. Layers with other activations, or without bias, have U(-1, 1).

Values are drawn in float64 and then rounded, so that one seed gives the same network in float32
and float64.

Sources: 1 Glorot & Bengio (2010), eq. 16; 2 He et al. (2015), eq. 10; 3 LeCun et al. (1998),
eq. 16; 4 Saxe, McClelland & Ganguli (2014); 5 Nguyen & Widrow (1990), and MATLAB's initnw;
6 torch.nn.Linear of PyTorch; 7 MLPClassifier and MLPRegressor of scikit-learn.
"""

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown, unknown_name
from ..inputs.checks import number, parameter


class Place:
    """What initial values of a layer depend on.

    Attributes
    ----------
    n_in, n_out : int
    activation : Activation
    before : Activation or None
        Of the layer before; None where that is the inputs.
    is_last : bool
    bias : bool
    """

    def __init__(self, n_in, n_out, activation, before, is_last, bias):
        self.n_in, self.n_out, self.bias = n_in, n_out, bias
        self.activation, self.before, self.is_last = activation, before, is_last


def _of_scikit_learn(place):
    """Half width: it knows one activation, that of all hidden layers."""
    hidden = place.before if place.is_last else place.activation
    factor = 2 if hidden is not None and hidden.name == "sigmoid" else 6
    return np.sqrt(factor / (place.n_in + place.n_out))


# half widths
_UNIFORM = {
    "glorot_uniform": lambda place: np.sqrt(6 / (place.n_in + place.n_out)),
    "he_uniform": lambda place: np.sqrt(6 / place.n_in),
    "lecun_uniform": lambda place: np.sqrt(3 / place.n_in),
    "uniform": lambda place: 0.5,
    "zeros": lambda place: 0.0,
    "pytorch": lambda place: np.sqrt(1 / place.n_in),
    "scikit_learn": _of_scikit_learn,
}
# standard deviations
_NORMAL = {
    "glorot_normal": lambda place: np.sqrt(2 / (place.n_in + place.n_out)),
    "he_normal": lambda place: np.sqrt(2 / place.n_in),
    "lecun_normal": lambda place: np.sqrt(1 / place.n_in),
    "normal": lambda place: 1.0,
}
# how many numbers may follow a name, and an example; others take a factor
_NUMBERS = {
    "uniform": ((0, 1, 2), "('uniform', 0.3), or low and high, ('uniform', -0.1, 0.3)"),
    "constant": ((1,), "('constant', 0.1)"),
    **{name: ((0,), f"{name!r}") for name in ("zeros", "ones", "pytorch", "scikit_learn")},
    "nguyen_widrow": ((0,), "'nguyen_widrow'"),
}
_TABLE = (*_UNIFORM, *_NORMAL, "constant", "ones", "orthogonal", "nguyen_widrow")
_WITH_BIASES = ("nguyen_widrow", "pytorch", "scikit_learn")
_OF_WEIGHTS = ("orthogonal", "nguyen_widrow")

# where an activation changes with z, in MATLAB or by the same measure
_ACTIVE = {
    "sigmoid": (-4.0, 4.0),
    "tanh": (-2.0, 2.0),
    "hard_tanh": (-1.0, 1.0),
    "gaussian": (-2.0, 2.0),
    "lecun_tanh": (-3.0, 3.0),
    "hard_sigmoid": (-3.0, 3.0),
}


def is_named(init) -> bool:
    """Whether it is a name, or a tuple of a name and numbers."""
    if isinstance(init, tuple) and len(init) > 1 and isinstance(init[0], str):
        return all(map(is_number, init[1:]))
    return isinstance(init, str)


def is_number(value) -> bool:
    """Whether it is a single value and no text: a number, if it is an initial value at all."""
    if value is None:  # np.ndim takes its time
        return True
    return not isinstance(value, str | bytes | list | tuple) and np.ndim(value) == 0


def initial_values(init, bias_init, layer: int, place: Place, dtype, generator):
    """Initial W, shape (n_out, n_in), and b, shape (n_out,), of one layer.

    Parameters
    ----------
    init : str, tuple, array or (array, array)
        A name of the table above, or a name and its numbers, or W itself, or the pair (W, b).
    bias_init : str, tuple, number, array or None
        The same for b; None leaves it to `init`.
    layer : int
        Number of the layer, from 1: for messages.
    place : Place
    dtype : dtype
        What the values must be representable in.
    generator : numpy.random.Generator
        Source of the random values; a given array draws none.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        Unknown name, numbers that do not belong to it, or an array of another shape or with
        values that are not finite.
    """
    if bias_init is not None and not place.bias:
        raise InvalidInputError(
            f"layer {layer} has bias=False, but a bias_init of its own; leave that out"
        )
    b = None
    if is_named(init):
        name, numbers = _checked(init)
        if name == "nguyen_widrow":
            W, b = _nguyen_widrow(place, generator)
        elif name == "orthogonal":
            W = _orthogonal(place, generator, *numbers)
        else:
            W = _drawn(name, numbers, (place.n_out, place.n_in), place, generator)
            if name in _WITH_BIASES and bias_init is None and place.bias:
                b = _drawn(name, numbers, place.n_out, place, generator)
    else:
        W, b = _given(init, layer, place, dtype)
        if b is not None and bias_init is not None:
            raise InvalidInputError(
                f"the biases of layer {layer} are given twice, by init=(W, b) and by bias_init; "
                "leave one of them out"
            )
    if bias_init is not None:
        b = _biases(bias_init, layer, place, dtype, generator)
    return W, np.zeros(place.n_out) if b is None else b


def _given(init, layer, place, dtype):
    """W and b, or None, of arrays."""
    W, b = init if isinstance(init, tuple) and len(init) == 2 else (init, None)
    if b is not None and not place.bias:
        raise InvalidInputError(
            f"layer {layer} has bias=False, but its init gives biases; leave them out"
        )
    if b is not None and (is_named(W) or is_named(b)):
        raise InvalidTypeError(
            f"init of layer {layer} is a name or a pair of arrays, got {shown(init)}; write "
            "init='he_normal', bias_init='zeros'"
        )
    W = parameter(f"initial W of layer {layer}", W, (place.n_out, place.n_in), dtype)
    if b is None:
        return W, None
    return W, parameter(f"initial b of layer {layer}", b, (place.n_out,), dtype)


def _biases(bias_init, layer, place, dtype, generator):
    if is_number(bias_init):
        return np.full(place.n_out, number(f"bias_init of layer {layer}", bias_init))
    if not is_named(bias_init):
        return parameter(f"initial b of layer {layer}", bias_init, (place.n_out,), dtype)
    name, numbers = _checked(bias_init)
    if name in _OF_WEIGHTS:
        hint = "init='nguyen_widrow' alone sets b too" if name != "orthogonal" else "use 'uniform'"
        raise InvalidInputError(f"bias_init={name!r} is one for weights; {hint}")
    if name == "zeros":
        return np.zeros(place.n_out)  # draws nothing
    return _drawn(name, numbers, place.n_out, place, generator)


def _checked(init):
    """The name, and the numbers that follow it."""
    name, *numbers = (init,) if isinstance(init, str) else init
    if name not in _TABLE:
        raise unknown_name("initializer", name, _TABLE)
    n_accepted, example = _NUMBERS.get(name, ((0, 1), f"({name!r}, 2)"))
    if len(numbers) not in n_accepted:
        raise InvalidInputError(f"got {shown(init)} as initializer; write {example}")
    checked = [number(f"{name} of the initializer", value) for value in numbers]
    if len(checked) == 1 and name != "constant" and checked[0] < 0:
        raise InvalidInputError(f"the number of {shown(init)} must be >= 0")
    if len(checked) == 2 and checked[0] > checked[1]:
        raise InvalidInputError(f"low must be <= high in {shown(init)}")
    return name, checked


def _drawn(name, numbers, shape, place, generator):
    """Values that know nothing of each other."""
    if name in ("constant", "ones"):
        return np.full(shape, numbers[0] if numbers else 1.0)
    if len(numbers) == 2:
        return generator.uniform(*numbers, shape)
    scale = (_UNIFORM if name in _UNIFORM else _NORMAL)[name](place)
    if numbers:
        scale = numbers[0] if name in ("uniform", "normal") else scale * numbers[0]
    if name in _UNIFORM:
        return generator.uniform(-scale, scale, shape)
    return generator.normal(0.0, scale, shape)


def _orthogonal(place, generator, gain=1.0):
    """Q of the QR decomposition of normal values, with the signs that make R's diagonal >= 0."""
    rows, columns = max(place.n_out, place.n_in), min(place.n_out, place.n_in)
    Q, R = np.linalg.qr(generator.normal(size=(rows, columns)))
    Q *= gain * np.where(np.diag(R) < 0, -1, 1)
    return Q if place.n_out >= place.n_in else Q.T


def _nguyen_widrow(place, generator):
    n_in, n_out = place.n_in, place.n_out
    active = _ACTIVE.get(place.activation.name) if place.bias else None
    W = generator.uniform(-1, 1, (n_out, n_in))
    if active is None:
        return W, generator.uniform(-1, 1, n_out) if place.bias else None
    length = 0.7 * n_out ** (1 / n_in)
    W *= length / np.linalg.norm(W, axis=1, keepdims=True)
    spread = np.linspace(-1, 1, n_out) if n_out > 1 else np.zeros(1)
    b = length * spread * np.sign(W[:, 0])
    # z from [-1, 1] to the active region
    half, middle = (active[1] - active[0]) / 2, (active[1] + active[0]) / 2
    W, b = half * W, half * b + middle
    # inputs from [low, high] to [-1, 1]: (2 x - low - high) / (high - low)
    low, high = (-1.0, 1.0) if place.before is None else place.before.range
    if not np.isfinite([low, high]).all():
        low, high = 0.0, 1.0
    return 2 / (high - low) * W, b - (high + low) / (high - low) * W.sum(axis=1)
