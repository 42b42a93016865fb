"""What a step does in one layer, and with samples: loops that the Cython build lends.

They are described where they are written: layers.pxi, sample.pxi, batch.pxi and others beside them.
"""

from .compiling import (
    AHEAD,
    COLUMNS,
    DOUBLE,
    DOUBLES,
    LAYER,
    NET,
    PIECE,
    REAL,
    REALS,
    ROWS,
    RULE,
    TRUTH,
    WHOLE,
    native,
)


@native
def activate(layer: LAYER, n_samples: WHOLE, z: REALS, a: REALS) -> None:
    """A = f(z), (n_samples, width) each."""


@native
def multiply_by_slope(layer: LAYER, n_samples: WHOLE, z: REALS, a: REALS, delta: REALS) -> None:
    """Delta = dC/da f'(z), (n_samples, width) each."""


@native
def sum_rows(layer: LAYER, a_prev: REALS, W: REALS, b: REALS, z: REALS) -> None:
    """Z = W a_prev + b; b may be 0."""


@native
def sum_listed(
    layer: LAYER, n: WHOLE, index: COLUMNS, a_prev: REALS, W: REALS, b: REALS, z: REALS
) -> None:
    """sum_rows from the n inputs that are not 0: a_prev[i] is input index[i]."""


@native
def sum_sparse(net: NET, n_samples: WHOLE, X: ROWS) -> None:
    """Z of the first layer from sparse rows."""


@native
def descend_rows(
    n_in: WHOLE, width: WHOLE, a_prev: REALS, W: REALS, delta: REALS, learning_rate: REAL,
    dC_da_prev: REALS,
) -> None:  # fmt: skip
    """dC/da_prev = W^T delta (unless 0), then W -= eps delta a_prev^T."""


@native
def descend_listed(
    n: WHOLE, index: COLUMNS, width: WHOLE, a_prev: REALS, W: REALS, delta: REALS,
    learning_rate: REAL, dC_da_prev: REALS,
) -> None:  # fmt: skip
    """descend_rows for the n inputs that are not 0 alone."""


@native
def descend_by_rule(
    net: NET, n_in: WHOLE, width: WHOLE, a_prev: REALS, weights: WHOLE, delta: REALS, rule: RULE,
    dC_da_prev: REALS,
) -> None:  # fmt: skip
    """dC/da_prev = W^T delta (unless 0), then the step of a rule on W, at theta[weights]."""


@native
def descend_and_sum(net: NET, x: REALS, learning_rate: REAL, x_next: REALS, ahead: REALS) -> None:
    """The step of the first layer for x, then z = W x_next + b."""


@native
def multiply(
    net: NET, n_rows: WHOLE, width: WHOLE, n_k: WHOLE, A: REALS, A_row: WHOLE, B: REALS,
    B_k: WHOLE, C: REALS, C_row: WHOLE, bias: REALS,
) -> None:  # fmt: skip
    """C = A B + bias."""


@native
def transpose(
    n_rows: WHOLE, n_columns: WHOLE, padded_rows: WHOLE, A: REALS, A_row: WHOLE, C: REALS,
    C_row: WHOLE,
) -> None:  # fmt: skip
    """C, (n_columns, padded_rows), from A, (n_rows, n_columns); padded by 0."""


@native
def sum_layer(net: NET, below: LAYER, layer: LAYER, n_samples: WHOLE) -> None:
    """Z = W a_prev + b of a mini-batch."""


@native
def backward_layer(net: NET, k: WHOLE, n_samples: WHOLE) -> None:
    """Delta of layer k - 1 from that of layer k."""


@native
def descend_rows_of_layer(
    net: NET, layer: LAYER, piece: PIECE, rule: RULE, A_prev: REALS, A_row: WHOLE, n: WHOLE,
    weights: WHOLE, ahead: AHEAD,
) -> None:  # fmt: skip
    """dC/dW += A_prev^T delta; with the last piece, the step on n rows of W at theta[weights]."""


@native
def descend_biases(net: NET, piece: PIECE, rule: RULE) -> None:
    """The same for b of all layers."""


@native
def descend_sparse(net: NET, piece: PIECE, X: ROWS, i: WHOLE, n: WHOLE, rule: RULE) -> None:
    """The same for rows i..i+n-1 of the first W, where samples are sparse."""


@native
def piece_of_groups(net: NET, rule: RULE, X: ROWS, n_samples: WHOLE) -> WHOLE:
    """Samples of a piece of a mini-batch that is computed in groups; 0: it is not."""


@native
def begin_piece(
    net: NET, piece: PIECE, sums: RULE, n_samples: WHOLE, done: WHOLE, one_thread: TRUTH
) -> TRUTH:
    """Let the gradient of a piece be added to that of its group; whether one begins."""


@native
def move_by_groups(
    net: NET, rule: RULE, n_samples: WHOLE, one_thread: TRUTH, first: WHOLE, stop: WHOLE
) -> None:
    """The step of a fused rule on theta[first:stop] with the mean gradient of the groups."""


@native
def outputs(net: NET, n_samples: WHOLE, Y: ROWS, costs: DOUBLES) -> DOUBLE:
    """A of the last layer; unless Y is 0 its delta and the costs too, whose sum is returned."""


@native
def copy_outputs(net: NET, n_samples: WHOLE, out: REALS) -> None:
    """The output activations without their padding: out is (n_samples, n_out)."""


@native
def take_slopes(net: NET, n_samples: WHOLE, dC_da: ROWS) -> None:
    """Delta of the last layer from dC/da, after a forward pass."""


@native
def take_weights(Y: ROWS, n: WHOLE) -> DOUBLE:
    """The sum of the weights of the next n samples; share_of_weight becomes n / sum."""


@native
def add_weight_noise(net: NET, rule: RULE, theta: REALS, first: WHOLE, stop: WHOLE) -> None:
    """rule.noisy = theta from first to stop - 1, its weights with noise."""


@native
def keep_inputs(net: NET, n_samples: WHOLE, X: ROWS) -> None:
    """Copy the inputs, for shortcuts that start there."""


@native
def add_returned(net: NET, s: WHOLE, n_samples: WHOLE, dC_da: REALS, row: WHOLE) -> None:
    """dC/da += what returned to layer s from those that it enters by shortcuts."""


@native
def activate_and_drop(net: NET, k: WHOLE, n_samples: WHOLE) -> None:
    """A = f(z) of hidden layer k, and in training what dropout leaves of it."""


@native
def drop_inputs(net: NET, n_samples: WHOLE, X: REALS, row: WHOLE) -> None:
    """Dropout of the inputs, in place."""


@native
def first_trained(net: NET) -> WHOLE:
    """The lowest layer whose delta is wanted."""


@native
def keep_connections(net: NET, rule: RULE, first: WHOLE, n: WHOLE) -> None:
    """0 for the weights, or the gradient of weights, that the mask leaves out."""


@native
def begin_masks(net: NET, noise: WHOLE, step: WHOLE) -> None:
    """Which units are dropped in update number `step`."""


@native
def set_rate(rule: RULE, learning_rate: DOUBLE) -> None:
    """Another learning rate."""


@native
def begin_step(rule: RULE, step: WHOLE) -> None:
    """The constants of update number `step`, counted from 1."""


@native
def descend_parameters(net: NET, rule: RULE) -> None:
    """The step of a flat rule on theta, whose gradient is in the rule's state."""


@native
def is_tiny(net: NET) -> TRUTH:
    """Whether `descend_tiny_samples` has a place for the network."""


@native
def descend_tiny_samples(
    net: NET, learning_rate: REAL, start: WHOLE, stop: WHOLE, X: ROWS, Y: ROWS, total: DOUBLE
) -> DOUBLE:
    """Samples start..stop-1, one at least, by plain SGD; total plus their losses."""


@native
def fetch(rows: ROWS, t: WHOLE, n_columns: WHOLE) -> None:
    """Bring sample t nearer: samples in random order miss every cache."""


@native
def look_ahead(
    ahead: AHEAD, X: ROWS, t: WHOLE, n: WHOLE, stop: WHOLE, n_in: WHOLE, width: WHOLE
) -> None:
    """Prepare to fetch samples t..t+n-1, a little with every tile of a product."""


@native
def spread(X: ROWS, t: WHOLE, n_columns: WHOLE, x: REALS) -> None:
    """X, (n_columns,), = sample t with its zeros."""


@native
def list_nonzero(n: WHOLE, a: REALS, index: COLUMNS, values: REALS) -> WHOLE:
    """Positions and values of what is not zero in a, (n,); how many. NaN is not zero."""


@native
def are_finite(n: WHOLE, x: REALS) -> TRUTH:
    """Whether all n values are; n is a multiple of 4."""
