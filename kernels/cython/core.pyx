"""The backend of one element type and one instruction set; see kernels/interface.py."""
from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_ND,
    PyBUF_STRIDES,
    PyBUF_WRITABLE,
    PyBuffer_IsContiguous,
    PyBuffer_Release,
    PyObject_CheckBuffer,
    PyObject_GetBuffer,
)
from libc.math cimport INFINITY, NAN, exp, fabs, isfinite, isinf, log, pow, sqrt
from libc.string cimport memcpy, memset

from activations cimport softmax, take_from_all, through_log_softmax, through_softmax
from functions cimport (
    ACCUMULATE, ADAM, CUSTOM, KULLBACK_LEIBLER, LOG_SOFTMAX, RELU, SGD, SOFTMAX, factor_of_step,
    is_canonical, write_constants,
)
from lanes cimport (
    LINE, LINE_VECTORS, NATIVE, REAL_BYTES, TILE_ROWS, TILE_VECTORS, clipped, divided, fill, fold,
    has_effect, prefetch, prefetch_line, quotient, real, row_totals, transpose_4x4, vec, vec4,
    vec4_total, vec8, vector, where_above,
)
from exponentials cimport REAL_EPSILON, exp_of_negative, logarithm
from crew cimport (
    Crew, end_crew, give_budget, is_inherited, new_crew, seconds_now, take_budget, together,
)
from environment cimport FLUSHING, NEAREST, Environment, enter, leave
from listing cimport list_nonzero_values
from losses cimport negative_entropy, smoothed, softmax_cross_entropy
from plan cimport (
    CUT, GAUSSIAN, GROUPS, PIECE, SHARE, Ahead, Head, Layer, Net, Places, Rows, Rule, Walks,
    bias_of, block, custom_loss, fetch_some, padded_width, round_up, row_number, row_of,
)
from rows cimport (
    descend_and_sum_of_width, descend_rows_by_rule, descend_rows_of_width, sum_rows_of_width,
    sum_stays,
)
from rules cimport descended
from same_bits cimport added, line_fold, with_product
from switches cimport (
    descend_flat_by_code, f_by_code, is_built_in, is_common, is_common_loss, loss_by_code,
    map_f_by_code, map_other_f_by_code, map_other_slope_by_code, map_slope_by_code,
    other_terms_by_code, slope_by_code, terms_by_code,
)
from pace cimport told
from threads cimport become_false, next_number, run_threads
from tiny cimport (
    BIAS, MASK, MOST, OF_INPUTS, SIZE, copy_in, copy_out, descend_tiny, first_step, first_sum,
    forward_tiny, has_common_units, is_tiny,
)
from tiles cimport ACTIVATE, ADD, DESCEND, SLOPES, STORE, at, descend_tile_by, tile
from totals cimport eight_totals, half_of

from dataclasses import replace
from threading import get_ident

from numpy import empty

from deltaloop.errors import InvalidInputError
from deltaloop.kernels import interface, least_squares, lent, memory
from deltaloop.kernels.memory import Work, aligned_zeros
from deltaloop.kernels.session import looks_every, rows as rows_of
from deltaloop.kernels.sparse_rows import SparseRows
from deltaloop.kernels.turns import Turns

if (SHARE, CUT, PIECE, GROUPS, round_up(1), CUSTOM, GAUSSIAN, sizeof(Layer), sizeof(Head),
        sizeof(Places)) != (
        memory.SHARE, memory.CUT, memory.PIECE, memory.GROUPS, memory.BLOCK, interface.CUSTOM,
        interface.GAUSSIAN, interface.LAYER.itemsize, interface.HEAD.itemsize,
        memory.WORK.itemsize):
    raise ImportError("plan.pxd and interface.py lay out different records; build deltaloop again")

include "products.pxi"

include "layers.pxi"
include "classes.pxi"
include "heads.pxi"
include "shortcuts.pxi"
include "dropout.pxi"
include "sample.pxi"
include "tiny.pxi"
include "parameters.pxi"
include "batch.pxi"
include "crew.pxi"
include "groups.pxi"
include "epoch.pxi"
include "sparse.pxi"
include "held.pxi"
include "others.pxi"
include "session.pxi"
include "jacobian.pxi"
include "cholesky.pxi"
include "turned.pxi"
include "normal_equations.pxi"
include "least_squares.pxi"
include "lent.pxi"

if (sizeof(Search), sizeof(Place), sizeof(Listed)) != (
        least_squares.SEARCH.itemsize, least_squares.PLACE.itemsize, memory.LISTED):
    raise ImportError(
        "the build and least_squares.py or memory.py lay out different records; build deltaloop "
        "again")


cdef void *data(object array, bint writable, Py_ssize_t *row) except NULL:
    """Address of an array's first element; row (or NULL): the distance of its rows in elements."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_STRIDES | (PyBUF_WRITABLE if writable else 0))
    if row != NULL:
        row[0] = view.strides[0] // view.itemsize
    cdef void *first = view.buf
    PyBuffer_Release(&view)     # the caller keeps the array, and arrays do not move
    return first


cdef int bind(
    Net *net, object plan, object theta, bint writable, object work, size_t walks,
) except -1:
    """Plan, theta and Work as one C structure; walks: an address, or 0."""
    net.layers = <const Layer *> data(plan.layers, False, NULL)
    net.n_layers = len(plan.layers)
    cdef double parameter = plan.loss_parameter     # straight to `real` would round to float
    net.loss, net.loss_parameter = plan.loss, <real> parameter
    net.theta = <real *> data(theta, writable, NULL)
    cdef const Places *places = <const Places *> data(work.words, False, NULL)
    net.batch_size = places.batch_size
    net.first = 0
    net.work = <real *> data(work.buffer, True, NULL)
    net.transposed[0] = net.work + places.turned
    net.transposed[1] = net.work + places.turned_prev
    # NULL: Work has none
    net.partial = net.work + places.partial if places.partial >= 0 else NULL
    net.groups = net.work + places.groups if places.groups >= 0 else NULL
    net.n_theta = places.n_theta
    net.parts = net.work + places.parts if places.parts >= 0 else NULL
    net.gathered = net.work + places.gathered if places.gathered >= 0 else NULL
    net.listed = net.work + places.listed
    net.costs = <double *> data(work.costs, True, NULL)
    net.input_dropout, net.trains, net.done = plan.input_dropout, False, 0
    net.plain = <const Py_ssize_t *> data(plan.plain, False, NULL)
    net.input_noise = plan.input_noise
    net.heads, net.n_heads = NULL, 0
    net.joins, net.inputs_at = plan.joins, plan.inputs_at
    if plan.heads is not None:
        net.heads, net.n_heads = <const Head *> data(plan.heads, False, NULL), len(plan.heads)
    net.mask = NULL
    if plan.mask is not None:
        net.mask = <const real *> data(plan.mask, False, NULL)
    net.walks = <const Walks *> walks
    return 0


cdef inline void take_own_room(Net *net, Py_ssize_t thread) noexcept nogil:
    """Move `parts` on to the CUT bytes that belong to this thread."""
    if net.parts != NULL:
        net.parts += thread * CUT // <Py_ssize_t> sizeof(real)


cdef int bind_rows(Rows *rows, object X, object order) except -1:
    """An array or SparseRows, and the order of the samples or None."""
    memset(rows, 0, sizeof(Rows))
    if isinstance(X, SparseRows):
        rows.starts = <const Py_ssize_t *> data(X.starts, False, NULL)
        rows.columns = <const int *> data(X.columns, False, NULL)
        rows.values = <const real *> data(X.values, False, NULL)
    else:
        rows.dense = <const real *> data(X, False, &rows.row)
    if order is not None:
        rows.order = <const Py_ssize_t *> data(order, False, NULL)
    return 0


cdef int bind_targets(Rows *rows, object Y, object order, object weights) except -1:
    """Rows with weights, which are an array or None."""
    bind_rows(rows, Y, order)
    if weights is not None:
        rows.weights = <const double *> data(weights, False, NULL)
    return 0


cdef struct Forward:    # what the threads of one call share
    Net net
    Rows X
    Py_ssize_t n_samples
    Py_ssize_t n_threads
    real *out           # (n_samples, n_out)
    int is_finite       # whether z of the first layer is, for all samples
    Py_ssize_t n_block  # samples that a thread takes at once
    Py_ssize_t next     # the first sample that no thread has taken yet


def forward(plan, theta, X, out, work, size_t walks=0):
    """Output activations of every sample into out; whether z of the first layer is finite."""
    cdef Forward call
    bind(&call.net, plan, theta, False, work, walks)
    bind_rows(&call.X, X, None)
    # the room is divided among the threads, one sample each at least
    call.n_samples, call.n_threads = len(X), min(work.n_threads, work.batch_size)
    cdef Py_ssize_t n_block = work.batch_size // call.n_threads
    call.n_threads = min(call.n_threads, (call.n_samples + n_block - 1) // n_block)
    call.n_block = n_block
    call.out, call.is_finite, call.next = <real *> data(out, True, NULL), 1, 0
    with nogil:
        if walks:
            call.is_finite = other_forward(&call.net, &call.X, call.n_samples, call.out)
        else:
            run_threads(forward_share, &call, call.n_threads)
    return call.is_finite != 0


cdef void forward_share(void *shared, Py_ssize_t thread) noexcept nogil:
    """Group after group of n_block samples, in this thread's n_block samples of the room."""
    cdef Forward *call = <Forward *> shared
    cdef Net net = call.net
    cdef Rows X = call.X
    cdef Py_ssize_t n, n_block = call.n_block
    cdef Py_ssize_t first = next_number(&call.next, n_block)
    cdef const Layer *layer = &net.layers[0]
    cdef const Layer *last = &net.layers[net.n_layers - 1]
    cdef Environment before = enter(NEAREST)
    net.first = thread * n_block
    take_own_room(&net, thread)
    while first < call.n_samples:
        n = min(n_block, call.n_samples - first)
        X.first = first
        if call.n_samples == 1 and not net.joins:
            sum_inputs(&net, &X, 0)
        else:
            sum_inputs_of_batch(&net, n, &X, STORE)     # ReLU would hide what is not finite
        if not are_finite(n * layer.width, block(&net, layer, layer.z)):
            become_false(&call.is_finite)
        if call.n_samples == 1 and not net.joins:
            forward_above(&net)
        else:
            forward_batch_above(&net, n, False)
        outputs(&net, n, NULL, NULL)
        copy_outputs(&net, n, call.out + first * last.n_out)
        first = next_number(&call.next, n_block)
    leave(NEAREST, before)


cdef void copy_outputs(const Net *net, Py_ssize_t n_samples, real *out) noexcept nogil:
    """The output activations without their padding: out is (n_samples, n_out)."""
    cdef const Layer *layer = &net.layers[net.n_layers - 1]
    copy_columns(n_samples, layer.n_out, block(net, layer, layer.a), layer.width, out, layer.n_out)


def loss_gradient(plan, theta, X, Y, grad, work, weights=None, size_t walks=0):
    """Mean loss of the samples; dC/dtheta into grad, unless grad is None."""
    cdef Net net
    cdef Rows x, y
    cdef Py_ssize_t n_samples = len(X), n_theta = plan.n_theta
    cdef double loss
    bind(&net, plan, theta, False, work, walks)
    bind_rows(&x, X, None)
    bind_targets(&y, Y, None, weights)
    cdef real *gradient = <real *> data(grad, True, NULL) if grad is not None else NULL
    with nogil:
        if walks:
            loss = other_mean_loss(&net, n_samples, &x, &y, gradient, n_theta)
        else:
            loss = mean_loss(&net, n_samples, &x, &y, gradient, n_theta)
    return loss


cdef double mean_loss(
    const Net *net, Py_ssize_t n_samples, const Rows *X, const Rows *Y, real *grad,
    Py_ssize_t n_theta,
) noexcept nogil:
    """loss_gradient without Python: net.batch_size samples at a time; grad may be NULL."""
    cdef Rule rule
    cdef Piece piece
    cdef Rows x = X[0], y = Y[0]
    cdef double cost = 0, sum_of_weights = n_samples
    cdef Environment before = enter(NEAREST)
    accumulate_into(&rule, &piece, grad)
    piece.scale = <real> 1 / <real> n_samples
    if grad != NULL:
        memset(grad, 0, n_theta * sizeof(real))
    if y.weights != NULL:
        sum_of_weights = take_weights(&y, n_samples)
    while x.first < n_samples:
        piece.n_samples = min(net.batch_size, n_samples - x.first)
        cost += pass_batch(net, piece.n_samples, &x, &y, grad != NULL)
        if grad != NULL:
            descend_batch(net, &piece, &x, &rule, NULL)
        x.first += piece.n_samples
        y.first += piece.n_samples
    leave(NEAREST, before)
    return cost / sum_of_weights


def backward(plan, theta, X, dC_da, grad, dC_dx, work, size_t walks=0):
    """dC/dtheta and dC/dx from dC/da of a cost that is a sum over the samples."""
    cdef Net net
    cdef Rows x, slopes
    cdef Py_ssize_t n_samples = len(X), n_theta = plan.n_theta
    bind(&net, plan, theta, False, work, walks)
    bind_rows(&x, X, None)
    bind_rows(&slopes, dC_da, None)
    cdef real *gradient = <real *> data(grad, True, NULL) if grad is not None else NULL
    cdef real *of_inputs = <real *> data(dC_dx, True, NULL) if dC_dx is not None else NULL
    with nogil:
        if walks:
            other_pass_back(&net, n_samples, &x, &slopes, gradient, n_theta, of_inputs)
        else:
            pass_back(&net, n_samples, &x, &slopes, gradient, n_theta, of_inputs)


cdef void pass_back(
    const Net *net, Py_ssize_t n_samples, const Rows *X, const Rows *slopes, real *grad,
    Py_ssize_t n_theta, real *dC_dx,
) noexcept nogil:
    """backward without Python: net.batch_size samples at a time; grad and dC_dx may be NULL."""
    cdef Rule rule
    cdef Piece piece
    cdef Rows x = X[0], dC_da = slopes[0]
    cdef Py_ssize_t k
    cdef Environment before = enter(NEAREST)
    accumulate_into(&rule, &piece, grad)
    piece.scale = 1
    if grad != NULL:
        memset(grad, 0, n_theta * sizeof(real))
    while x.first < n_samples:
        piece.n_samples = min(net.batch_size, n_samples - x.first)
        forward_batch(net, piece.n_samples, &x)
        outputs(net, piece.n_samples, NULL, NULL)
        take_slopes(net, piece.n_samples, &dC_da)
        for k in range(net.n_layers - 1, 0, -1):
            backward_layer(net, k, piece.n_samples)
        if grad != NULL:
            descend_batch(net, &piece, &x, &rule, NULL)
        if dC_dx != NULL:
            slopes_by_inputs(net, piece.n_samples, dC_dx + x.first * net.layers[0].n_in)
        x.first += piece.n_samples
        dC_da.first += piece.n_samples
    leave(NEAREST, before)


cdef void accumulate_into(Rule *rule, Piece *piece, real *grad) noexcept nogil:
    """Make `descend_batch` add piece.scale * (sum over the piece) to grad, all in one thread."""
    memset(rule, 0, sizeof(Rule))
    rule.code = ACCUMULATE
    rule.state = rule.squares = grad
    piece.is_first, piece.is_last = True, True
    piece.thread, piece.n_threads = 0, 1


cdef int bind_rule(Rule *rule, const Net *net, object how, object state) except -1:
    """The rule, with the addresses of its state; without state, that of theta, never used."""
    cdef double learning_rate, epsilon = 0, l1, l2, clip_value
    cdef Py_ssize_t k
    rule.code = how.code
    # by way of double: Cython believes that `real` is float, and would round to that
    learning_rate, rule.beta1 = how.hyper[0], how.hyper[1]
    rule.beta2 = 0
    if rule.code == ADAM:
        rule.beta2, epsilon = how.hyper[2], how.hyper[3]
    rule.learning_rate, rule.epsilon = <real> learning_rate, <real> epsilon
    rule.momentum = <real> rule.beta1
    rule.new_m, rule.new_v = <real> (1 - rule.beta1), <real> (1 - rule.beta2)
    rule.state = rule.squares = net.theta
    rule.n_slots, rule.n_theta, rule.flat = len(how.row.slots), 0, how.is_flat
    memset(rule.hyper, 0, sizeof(rule.hyper))
    for k in range(len(how.hyper)):
        rule.given[k] = how.hyper[k]
        rule.hyper[k] = <real> rule.given[k]
    rule.product, rule.product_step = 1, 0
    regular = how.regularization
    rule.weight_decay, rule.clip_norm = regular.weight_decay, regular.clip_norm
    rule.max_norm = regular.max_norm
    l1, l2, clip_value = regular.l1, regular.l2, regular.clip_value
    rule.l1, rule.l2, rule.clip_value = <real> l1, <real> l2, <real> clip_value
    if how.n_slots > 0:
        rule.n_theta = state.shape[1]
        rule.state = rule.squares = <real *> data(state, True, NULL)
    if how.n_slots > 1:
        rule.squares = rule.state + <Py_ssize_t> state.shape[1]
    # the first array of a flat rule is the gradient's
    rule.gradient, rule.slots = rule.state, rule.state + (rule.n_theta if rule.flat else 0)
    rule.weight_noise, rule.noisy = regular.weight_noise, NULL
    if rule.weight_noise > 0:
        rule.noisy = rule.slots + rule.n_slots * rule.n_theta
    return 0


def train_epoch(plan, theta, state, rule, X, Y, order, Py_ssize_t start, Py_ssize_t stop,
                Py_ssize_t batch_size, work, double total=0.0,
                Py_ssize_t step=0, weights=None, rates=None,
                unsigned long long noise=0, squares=None, size_t walks=0):
    """Gradient descent over order[start:stop]; returns total plus the sample losses."""
    cdef Epoch epoch
    cdef Py_ssize_t t
    bind(&epoch.net, plan, theta, True, work, walks)
    bind_rule(&epoch.rule, &epoch.net, rule, state)
    bind_rows(&epoch.X, X, order)
    bind_targets(&epoch.Y, Y, order, weights)
    epoch.start, epoch.stop, epoch.batch_size = start, stop, batch_size
    epoch.step, epoch.total, epoch.n_threads = step, total, work.n_threads
    epoch.crew = crew_of(work)
    epoch.drops, epoch.noise, epoch.rates = plan.drops, noise, NULL
    if rates is not None:
        epoch.rates = <const double *> data(rates, False, NULL)
    epoch.squares = <double *> data(squares, True, NULL) if squares is not None else NULL
    with nogil:
        if walks:
            epoch.total = other_epoch(&epoch)
        elif batch_size > 1 or epoch.Y.weights != NULL or epoch.rule.flat \
                or not epoch.net.plain[0]:
            train_batches(&epoch)
        elif epoch.rates == NULL and epoch.squares == NULL:
            epoch.total = descend_samples(&epoch.net, &epoch.rule, start, stop,
                                          &epoch.X, &epoch.Y, total, step)
        else:
            for t in range(stop - start):
                if epoch.rates != NULL:
                    set_rate(&epoch.rule, epoch.rates[t])
                if epoch.squares != NULL and isfinite(epoch.total):
                    epoch.squares[0] += squares_of_weights(&epoch.net)
                epoch.total = descend_samples(&epoch.net, &epoch.rule, start + t, start + t + 1,
                                              &epoch.X, &epoch.Y, epoch.total, step + t)
    return epoch.total


def count_nonzero(X, counts):
    """counts[t] = number of values in row t that are not zero."""
    cdef Rows x
    cdef Py_ssize_t *found = <Py_ssize_t *> data(counts, True, NULL)
    cdef Py_ssize_t n_samples = X.shape[0], n_columns = X.shape[1], t, i
    cdef const real *row
    cdef int n
    bind_rows(&x, X, None)
    with nogil:
        for t in range(n_samples):
            row, n = row_of(&x, t), 0
            for i in range(n_columns):
                n += row[i] != 0
            found[t] = n


def fill_sparse(X, starts, columns, values):
    """columns and values of the rows of X; both need 16 elements to spare, see list_nonzero."""
    cdef Rows x
    cdef const Py_ssize_t *first = <const Py_ssize_t *> data(starts, False, NULL)
    cdef int *column = <int *> data(columns, True, NULL)
    cdef real *value = <real *> data(values, True, NULL)
    cdef Py_ssize_t n_samples = X.shape[0], n_columns = X.shape[1], t
    bind_rows(&x, X, None)
    with nogil:
        for t in range(n_samples):
            list_nonzero(n_columns, row_of(&x, t), column + first[t], value + first[t])
