"""Initial weights by name. Biases start at zero.

| name           | distribution of W                        | source                         |
|----------------|------------------------------------------|--------------------------------|
| glorot_uniform | U(-r, r), r = sqrt(6 / (n_in + n_out))   | Glorot & Bengio (2010), eq. 16 |
| glorot_normal  | N(0, 2 / (n_in + n_out))                 | the same                       |
| he_uniform     | U(-r, r), r = sqrt(6 / n_in)             | He et al. (2015), eq. 10       |
| he_normal      | N(0, 2 / n_in)                           | the same                       |
| lecun_uniform  | U(-r, r), r = sqrt(3 / n_in)             | LeCun et al. (1998), eq. 16    |
| lecun_normal   | N(0, 1 / n_in)                           | the same                       |
| uniform        | U(-0.5, 0.5)                             |                                |
| normal         | N(0, 1)                                  |                                |
| zeros          | 0                                        |                                |

The second number of N is the variance. Values are drawn in float64 and then rounded, so
that one seed gives the same network in float32 and float64.
"""

import numpy as np

from ..errors import InvalidInputError, unknown_name
from ..inputs.checks import parameter

# name: (distribution, its standard deviation or half width)
_TABLE = {
    "glorot_uniform": ("uniform", lambda n_in, n_out: np.sqrt(6 / (n_in + n_out))),
    "glorot_normal": ("normal", lambda n_in, n_out: np.sqrt(2 / (n_in + n_out))),
    "he_uniform": ("uniform", lambda n_in, n_out: np.sqrt(6 / n_in)),
    "he_normal": ("normal", lambda n_in, n_out: np.sqrt(2 / n_in)),
    "lecun_uniform": ("uniform", lambda n_in, n_out: np.sqrt(3 / n_in)),
    "lecun_normal": ("normal", lambda n_in, n_out: np.sqrt(1 / n_in)),
    "uniform": ("uniform", lambda n_in, n_out: 0.5),
    "normal": ("normal", lambda n_in, n_out: 1.0),
    "zeros": ("uniform", lambda n_in, n_out: 0.0),
}


def initial_values(init, layer: int, n_in: int, n_out: int, bias: bool, dtype, generator):
    """Initial W, shape (n_out, n_in), and b, shape (n_out,), of one layer.

    Parameters
    ----------
    init : str, array or (array, array)
        A name of the table above, or W itself, or the pair (W, b).
    layer : int
        Number of the layer, from 1: for messages.
    dtype : dtype
        What the values must be representable in.
    generator : numpy.random.Generator
        Source of the random values; a given array draws none.

    Raises
    ------
    InvalidInputError
        Unknown name, or an array of another shape or with values that are not finite.
    """
    if isinstance(init, str):
        if init not in _TABLE:
            raise unknown_name("initializer", init, _TABLE)
        distribution, scale = _TABLE[init]
        draw = generator.uniform if distribution == "uniform" else generator.normal
        width = scale(n_in, n_out)
        low = -width if distribution == "uniform" else 0.0
        return draw(low, width, (n_out, n_in)), np.zeros(n_out)
    W, b = init if isinstance(init, tuple) and len(init) == 2 else (init, None)
    if b is not None and not bias:
        raise InvalidInputError(
            f"layer {layer} has bias=False, but its init gives biases; leave them out"
        )
    W = parameter(f"initial W of layer {layer}", W, (n_out, n_in), dtype)
    if b is None:
        return W, np.zeros(n_out)
    return W, parameter(f"initial b of layer {layer}", b, (n_out,), dtype)
