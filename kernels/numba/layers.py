"""What a step does in one layer."""

from ..interface import CUSTOM
from ..products import STORE
from .activations import SOFTMAX, map_f, map_slope
from .compiling import DOUBLE, PRODUCT, REALS, WHOLE, kernel, native, part, walk
from .losses import (
    is_built_in,
    softmax,
    softmax_cross_entropy,
    terms,
    through_softmax,
)
from .plan import (
    Net,
    Rows,
    block,
    from_sample,
    layer_of,
    listed,
    new_product,
    row_number,
    row_of,
)
from .pointers import address, call_double, call_void, is_null


@native
def product(purpose: WHOLE, product: PRODUCT) -> None:
    """C = start + A B, and what becomes of it."""


@native
def transpose(
    n_rows: WHOLE, n_columns: WHOLE, padded_rows: WHOLE, A: REALS, A_row: WHOLE, C: REALS,
    C_row: WHOLE,
) -> None:  # fmt: skip
    """C, (n_columns, padded_rows), from A, (n_rows, n_columns); padded by 0."""


@part
def clear(n, x):
    """X = 0, (n,)"""
    for i in range(n):
        x[i] = 0


@part
def copy(n, x, out):
    """Out = x, (n,)"""
    for i in range(n):
        out[i] = x[i]


@part
def activate(net, layer, n_samples, z, a):
    """A = f(z) for (n_samples, width) values; functions of users do not see the padding"""
    if layer.activation == CUSTOM:
        for t in range(n_samples):
            k = t * layer.width
            call_void(layer.f, (z + k, a + k, layer.n_out))
    else:
        map_f(net, layer.activation, layer.alpha, n_samples * layer.width, z, a)


@part
def multiply_by_slope(net, layer, n_samples, z, a, delta):
    """Delta = dC/da f'(z) for (n_samples, width) values"""
    if layer.activation == CUSTOM:
        for t in range(n_samples):
            k = t * layer.width
            call_void(layer.slope, (z + k, a + k, delta + k, layer.n_out))
    else:
        n = n_samples * layer.width
        map_slope(net, layer.activation, layer.alpha, n, z, a, delta)


@part
def multiply(net, n_rows, width, n_k, A, A_row, B, B_k, C, C_row, bias):
    """C = A B + bias"""
    p = new_product(net)
    p.n_rows, p.width, p.n_k = n_rows, width, n_k
    p.A, p.A_row, p.A_k = address(A), A_row, 1
    p.B, p.B_k = address(B), B_k
    p.C, p.C_row, p.start, p.parts = address(C), C_row, address(bias), net.parts
    product(net, STORE, p)


@part
def activate_outputs(net, n_samples):
    """A of the output layer."""
    layer = layer_of(net, net.n_layers - 1)
    z, a, width = block(net, layer, layer.z), block(net, layer, layer.a), layer.width
    if layer.activation == SOFTMAX:
        for t in range(n_samples):
            softmax(net, layer.n_out, width, z + t * width, a + t * width)
    else:
        activate(net, layer, n_samples, z, a)


@walk
def outputs(net: Net, n_samples: WHOLE, Y: Rows, first: WHOLE) -> DOUBLE:
    """A and delta of the output layer, and the costs; targets from `first` on."""
    layer = layer_of(net, net.n_layers - 1)
    loss, n_out, width = net.loss, layer.n_out, layer.width
    is_softmax, canonical = layer.activation == SOFTMAX, net.canonical
    Z, A = block(net, layer, layer.z), block(net, layer, layer.a)
    delta = block(net, layer, layer.delta)
    log_sum, total = 0.0, 0.0
    if not is_softmax:
        activate(net, layer, n_samples, Z, A)
    for t in range(n_samples):
        y, z, a, delta_t = row_of(Y, first + t), Z + t * width, A + t * width, delta + t * width
        if is_softmax:
            log_sum = softmax(net, n_out, width, z, a)
        if canonical and is_softmax:
            cost = softmax_cross_entropy(n_out, z, a, log_sum, y, delta_t)
        elif is_built_in(loss):
            cost = terms(net, loss, canonical, net.loss_parameter, n_out, z, a, y, delta_t)
        else:
            cost = call_double(loss, (a, y, delta_t, n_out))
        clear(width - n_out, delta_t + n_out)
        if is_softmax and not canonical:
            through_softmax(n_out, a, delta_t)
        net.costs[t] = cost
        total += cost
    if not canonical and not is_softmax:
        multiply_by_slope(net, layer, n_samples, Z, A, delta)
    if is_null(Y.weights):
        return total
    return weigh(net, layer, n_samples, from_sample(Y, first), delta)


@part
def weigh(net, layer, n_samples, Y, delta):
    """Multiply each loss by w_t, and delta by w_t n / sum_s w_s; the sum of the losses."""
    total = 0.0
    for t in range(n_samples):
        weight = Y.weights[row_number(Y, t)]
        factor = weight * Y.share_of_weight
        if weight == 0:  # whatever it is, it leaves no trace
            net.costs[t] = 0
            for k in range(net.n_layers):
                forget(net, layer_of(net, k), t)
            continue
        net.costs[t] *= weight
        for k in range(t * layer.width, (t + 1) * layer.width):
            delta[k] *= factor
        total += net.costs[t]
    return total


@part
def forget(net, layer, t):
    """z, a and delta of sample t become 0: no inf and no nan meets the delta of 0."""
    z, a = block(net, layer, layer.z), block(net, layer, layer.a)
    delta = block(net, layer, layer.delta)
    for k in range(t * layer.width, (t + 1) * layer.width):
        z[k], a[k], delta[k] = 0, 0, 0


@part
def sum_of_weights(Y, n):
    """Those of the next n samples, which are a mini-batch; n, where there are no weights."""
    total = 0.0
    for t in range(n):
        total += 1 if is_null(Y.weights) else Y.weights[row_number(Y, t)]
    return total


@part
def list_nonzero(n, a, index, values):
    """Positions and values of what is not zero in a, (n,); how many. NaN is not zero."""
    found = 0
    for i in range(n):  # no branch: a value that does not count is overwritten by the next
        index[found] = i
        values[found] = a[i]
        found += a[i] != 0
    return found


@part
def copy_outputs(net, n_samples, out):
    """The output activations without their padding: out is (n_samples, n_out)."""
    layer = layer_of(net, net.n_layers - 1)
    a = block(net, layer, layer.a)
    for t in range(n_samples):
        copy(layer.n_out, a + t * layer.width, out + t * layer.n_out)


@part
def spread(X, t, n_columns, x):
    """Row t with its zeros: x, (n_columns,)."""
    if is_null(X.dense):
        clear(n_columns, x)
        n, columns, values = listed(X, t)
        for k in range(n):
            x[columns[k]] = values[k]
    else:
        copy(n_columns, row_of(X, t), x)


@kernel
def prefetch(e, first: WHOLE, end: WHOLE) -> None:
    """Bring the cache lines between two addresses nearer."""
    with e.loop(first, end, 64) as line:
        e.prefetch(line)


@part
def fetch(net, rows, t, n_columns):
    """Bring sample t nearer: samples in random order miss every cache."""
    if is_null(rows.dense):
        n, columns, values = listed(rows, t)
        prefetch(net, address(values), address(values + n))
        prefetch(net, address(columns), address(columns + n))
    else:
        row = row_of(rows, t)
        prefetch(net, address(row), address(row + n_columns))
