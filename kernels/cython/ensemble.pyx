"""Many networks of one shape, in the lanes of vectors; see kernels/ensembles.py."""
from cpython.buffer cimport (
    PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport INFINITY, isfinite
from libc.string cimport memcpy, memset

from ensemble_functions cimport (
    lanes_constants, map_lanes, map_slope_of_lanes, step_lanes_by_code, terms_of_lanes_by_code,
)
from ensemble_lanes cimport (
    COLUMNS, PARTIAL, SIDE, Wide, add_wide, draw_orders, int32_t, interleave, take_next, widened,
)
from environment cimport FLUSHING, NEAREST, Environment, enter, leave
from exponentials cimport exp_of_negative, logarithm
from functions cimport (
    CROSS_ENTROPY, KULLBACK_LEIBLER, LOG_SOFTMAX, SGD, SOFTMAX, factor_of_step, has_outer,
    is_canonical,
)
from lanes cimport NATIVE, clipped, fill, quotient, real, vec, where_above
from plan cimport Layer
from threads cimport run_threads

from deltaloop.kernels import ensembles, interface
from deltaloop.kernels.memory import aligned_zeros

cdef struct Place:      # ensembles.PLACE
    Py_ssize_t W
    Py_ssize_t b
    Py_ssize_t z
    Py_ssize_t a
    Py_ssize_t delta

cdef struct Network:    # ensembles.NETWORK
    double learning_rate
    double momentum
    double weight_decay
    Py_ssize_t first_row
    Py_ssize_t first_weight
    Py_ssize_t first_watched
    size_t generator
    Py_ssize_t last
    Py_ssize_t done
    Py_ssize_t reason
    double best
    Py_ssize_t without
    double lowest
    Py_ssize_t best_epoch

if (sizeof(Place), sizeof(Network), sizeof(Layer)) != (
        ensembles.PLACE.itemsize, ensembles.NETWORK.itemsize, interface.LAYER.itemsize):
    raise ImportError(
        "the build and ensembles.py lay out different records; build deltaloop again")

cdef enum:      # positions in ensembles.REASONS
    GOES_ON = 0
    EPOCHS = 1
    PATIENCE = 2
    TOL = 3
    TARGET_LOSS = 4
    DIVERGED = 5

cdef struct Samples:        # rows of X and Y
    const real *X           # (n_rows, n_in)
    const real *Y           # (n_rows, n_out)
    Py_ssize_t n            # of a network

cdef struct Many:           # what the threads of one call share
    const Layer *layers
    const Place *places
    Py_ssize_t n_layers
    Py_ssize_t n_in
    Py_ssize_t n_out
    Py_ssize_t n_units      # vectors of z, a and delta per sample
    Py_ssize_t n_parameters
    Py_ssize_t loss
    real p
    Py_ssize_t code         # of the rule
    Py_ssize_t n_slots
    Py_ssize_t n_hyper
    double given[8]
    bint own_momentum       # given[1] is a momentum, of every network its own
    bint is_plain           # SGD alone: no clipping, no penalties
    bint decays
    real l1
    real l2
    real clip_value
    real *theta             # (n_blocks, n_parameters, NATIVE)  updated
    real *state             # (n_blocks, n_slots, n_parameters, NATIVE)  updated
    const Py_ssize_t *lane_of   # (n_blocks, NATIVE): the network of a lane, or -1
    Network *networks
    Py_ssize_t n_networks
    Samples samples
    const double *weights   # or NULL
    Samples watched         # X is NULL without
    bint alike              # all networks take the same samples in the same order
    bint watches_alike
    bint shuffles
    bint gathers            # losses of a few samples are added up in `real`
    Py_ssize_t batch_size
    Py_ssize_t piece        # samples that are computed at once
    double *losses          # (epochs, n_networks)
    double *watched_losses
    Py_ssize_t patience     # 0: neither patience nor tol was given
    Py_ssize_t why          # PATIENCE or TOL
    double tol
    double target_loss      # -inf without
    real *best              # (n_networks, n_parameters) as `positions` has them, or NULL
    const Py_ssize_t *positions
    Py_ssize_t n_epochs
    # of forward_networks
    const real *X
    const Py_ssize_t *rows
    Py_ssize_t n_rows
    real *out
    # of the threads
    Py_ssize_t next
    Py_ssize_t stop
    Py_ssize_t side         # blocks that a thread takes at once
    char *rooms
    Py_ssize_t room_bytes

cdef struct Room:           # of one thread, for `side` blocks
    vec *x                  # (piece, n_in, side)
    vec *y                  # (piece, n_out, side)
    vec *units              # (piece, n_units, side)
    vec *gradient           # (side, n_parameters)
    vec *kept               # (side, n_parameters): after the last finite epoch
    vec *hyper              # (side, 16)
    vec *keep               # (side,): 1 - learning_rate weight_decay
    vec *factors            # (piece,): of delta, for weights
    double *rates           # (side, NATIVE)
    double *costs           # (side, NATIVE): of a sample, or (piece, NATIVE)
    vec *parts              # (side,): losses that are not in totals yet
    double *totals          # (side, NATIVE): of an epoch
    double *sums            # (side, NATIVE): of weights, or losses to watch
    const real **x_rows     # (NATIVE,)
    const real **y_rows
    int32_t *orders         # (side, NATIVE, n_samples)
    Py_ssize_t *network     # (side, NATIVE): -1 where nothing is trained any more
    bint whole              # whether all networks of the blocks go on
    double product          # of the factors of the rule
    Py_ssize_t product_step


cdef inline Py_ssize_t block_of(Py_ssize_t n_bytes) noexcept nogil:
    return (n_bytes + 63) // 64 * 64


cdef Py_ssize_t lay_out(const Many *many, Py_ssize_t side, char *memory, Room *room) noexcept nogil:
    """Where everything of a room lies; returns its bytes."""
    cdef Py_ssize_t at = 0, v = sizeof(vec), lanes = side * NATIVE, n = many.n_parameters
    room.x = <vec *> (memory + at)
    at += many.piece * many.n_in * side * v
    room.y = <vec *> (memory + at)
    at += many.piece * many.n_out * side * v
    room.units = <vec *> (memory + at)
    at += many.piece * many.n_units * side * v
    room.gradient = <vec *> (memory + at)
    at += n * side * v
    room.kept = <vec *> (memory + at)
    at += n * side * v
    room.hyper = <vec *> (memory + at)
    at += 16 * side * v
    room.keep = <vec *> (memory + at)
    at += side * v
    room.factors = <vec *> (memory + at)
    at += many.piece * v
    room.parts = <vec *> (memory + at)
    at += side * v
    room.rates = <double *> (memory + at)
    at += block_of(lanes * 8)
    room.costs = <double *> (memory + at)
    at += block_of(max(lanes, many.piece * NATIVE) * 8)
    room.totals = <double *> (memory + at)
    at += block_of(lanes * 8)
    room.sums = <double *> (memory + at)
    at += block_of(lanes * 8)
    room.x_rows = <const real **> (memory + at)
    at += block_of(NATIVE * 8)
    room.y_rows = <const real **> (memory + at)
    at += block_of(NATIVE * 8)
    room.network = <Py_ssize_t *> (memory + at)
    at += block_of(lanes * 8)
    room.orders = <int32_t *> (memory + at)
    at += block_of(lanes * many.samples.n * 4) if many.shuffles else 0
    return block_of(at)

include "ensemble_outputs.pxi"
include "ensemble_samples.pxi"
include "ensemble_batches.pxi"
include "ensemble_epochs.pxi"


cdef void *data(object array, bint writable) except NULL:
    """Address of the first element; the caller keeps the array, and arrays do not move."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_STRIDES | (PyBUF_WRITABLE if writable else 0))
    cdef void *first = view.buf
    PyBuffer_Release(&view)
    return first


def lanes():
    """Networks of a block."""
    return NATIVE


def orders(generator, Py_ssize_t n):
    """generator.permutation(k) for k = 1..n, as the kernels draw them."""
    from numpy import empty

    cdef size_t[4] addresses = [address_of(generator), 0, 0, 0]
    found = []
    for k in range(1, n + 1):
        order = empty(k, "int32")
        draw_orders(addresses, k, <int32_t *> data(order, True))
        found.append(order)
    return found


def address_of(generator):
    """The address of the bit generator of a numpy.random.Generator."""
    return <size_t> PyCapsule_GetPointer(generator.bit_generator.capsule, "BitGenerator")


cdef int bind(Many *many, object training) except -1:
    """What training and forward both need."""
    memset(many, 0, sizeof(Many))
    plan = training.plan
    many.layers = <const Layer *> data(plan.layers, False)
    many.n_layers = len(plan.layers)
    many.places = <const Place *> data(training.places, False)
    many.n_in, many.n_out = many.layers[0].n_in, many.layers[many.n_layers - 1].n_out
    cdef Py_ssize_t k
    for k in range(many.n_layers):
        many.n_units += 3 * many.layers[k].n_out
    many.n_parameters = training.theta.shape[1]
    cdef double p = plan.loss_parameter     # straight to `real` would round to float
    many.loss, many.p = plan.loss, <real> p
    many.theta = <real *> data(training.theta, True)
    many.lane_of = <const Py_ssize_t *> data(training.lane_of, False)
    many.networks = <Network *> data(training.networks, True)
    many.n_networks = len(training.networks)
    many.target_loss = -INFINITY
    return 0


cdef void choose_piece(Many *many, Py_ssize_t most) noexcept nogil:
    """How many samples are computed at once, in fours.

    As many as stay in the first-level cache; but where the parameters do not stay there, they are
    read once per piece, which is larger then and stays in the second-level cache.
    """
    cdef Py_ssize_t of_sample = (many.n_in + many.n_out + many.n_units) * sizeof(vec)
    cdef Py_ssize_t n_bytes = many.n_parameters * sizeof(vec)
    n_bytes = max(<Py_ssize_t> 20000, min(<Py_ssize_t> 200000, 4 * n_bytes))
    many.piece = max(<Py_ssize_t> 1, min(most, max(<Py_ssize_t> 4, n_bytes // of_sample // 4 * 4)))


def train_networks(training, Py_ssize_t first, Py_ssize_t stop, Py_ssize_t n_epochs,
                   Py_ssize_t n_threads=1):
    """See ensembles.py."""
    cdef Many many
    cdef double number
    cdef Py_ssize_t k
    bind(&many, training)
    rule, regular = training.rule, training.rule.regularization
    many.code, many.n_slots, many.n_hyper = rule.code, len(rule.row.slots), len(rule.hyper)
    for k in range(len(rule.hyper)):
        many.given[k] = rule.hyper[k]
    many.own_momentum = ensembles.takes_momentum(rule)
    number = regular.l1
    many.l1 = <real> number
    number = regular.l2
    many.l2 = <real> number
    number = regular.clip_value
    many.clip_value = <real> number
    many.decays = bool((training.networks["weight_decay"] != 0).any())
    many.is_plain = not (regular.l1 or regular.l2 or many.decays) \
        and number == INFINITY
    if training.state.size:
        many.state = <real *> data(training.state, True)
    many.samples.X = <const real *> data(training.X, False)
    many.samples.Y = <const real *> data(training.Y, False)
    many.samples.n = training.n_samples
    if training.weights is not None:
        many.weights = <const double *> data(training.weights, False)
    many.shuffles = training.shuffle
    many.alike = not training.shuffle and not training.networks["first_row"].any()
    many.batch_size, many.n_epochs = training.batch_size, n_epochs
    many.losses = <double *> data(training.losses, True)
    if training.watched is not None:
        X, Y, many.watched.n = training.watched
        many.watched.X = <const real *> data(X, False)
        many.watched.Y = <const real *> data(Y, False)
        many.watches_alike = not training.networks["first_watched"].any()
        many.watched_losses = <double *> data(training.watched_losses, True)
    if training.patience is not None or training.tol is not None:
        many.patience = training.patience or 1
        many.why = TOL if training.patience is None else PATIENCE
    many.tol = training.tol or 0.0
    if training.target_loss is not None:
        many.target_loss = training.target_loss
    if training.best is not None:
        many.best = <real *> data(training.best, True)
    many.positions = <const Py_ssize_t *> data(training.positions, False)
    many.gathers = many.weights == NULL and many.batch_size == 1 and many.n_out <= PARTIAL \
        and not has_outer(many.loss)
    choose_piece(&many, max(many.batch_size, many.watched.n))
    many.side = SIDE if many.batch_size == 1 and fits_side(&many) else 1
    start(&many, first, stop, n_threads, train_share)


cdef bint fits_side(const Many *many) noexcept nogil:
    """Whether the parameters of SIDE blocks stay in the first-level cache."""
    return many.n_parameters * (1 + many.n_slots) * SIDE * sizeof(vec) <= 40000


def forward_networks(training, Py_ssize_t first, Py_ssize_t stop, X, rows, out,
                     Py_ssize_t n_threads=1):
    """See ensembles.py."""
    cdef Many many
    bind(&many, training)
    many.X, many.n_rows = <const real *> data(X, False), out.shape[1]
    if rows is not None:
        many.rows = <const Py_ssize_t *> data(rows, False)
    many.out = <real *> data(out, True)
    many.samples.n, many.side = many.n_rows, 1
    choose_piece(&many, many.n_rows)
    start(&many, first, stop, n_threads, forward_share)


ctypedef void (*share)(void *shared, Py_ssize_t thread) noexcept nogil


cdef int start(
    Many *many, Py_ssize_t first, Py_ssize_t stop, Py_ssize_t n_threads, share work,
) except -1:
    """Let the threads take blocks, `side` at a time."""
    cdef Room room
    many.next, many.stop = first, stop
    n_threads = max(<Py_ssize_t> 1, min(n_threads, (stop - first + many.side - 1) // many.side))
    many.room_bytes = lay_out(many, many.side, NULL, &room)
    scratch = aligned_zeros(n_threads * many.room_bytes, "uint8")
    many.rooms = <char *> data(scratch, True)
    with nogil:
        run_threads(work, many, n_threads)
    return 0
