# The records of kernels/interface.py as C sees them, and those of kernels/lent.py.
from lanes cimport LINE, prefetch, real

cdef enum:
    SHARE = 16      # memory.SHARE
    CUT = 352 * 1024    # memory.CUT
    PIECE = 256     # memory.PIECE
    GROUPS = 8      # memory.GROUPS

# functions of users: see interface.py
ctypedef void (*custom_f)(const real *z, real *a, Py_ssize_t n) noexcept nogil
ctypedef void (*custom_slope)(
    const real *z, const real *a, real *delta, Py_ssize_t n) noexcept nogil
ctypedef double (*custom_loss)(
    const real *a, const real *y, real *dC_da, Py_ssize_t n) noexcept nogil

cdef struct Layer:      # interface.LAYER
    Py_ssize_t n_in
    Py_ssize_t n_out
    Py_ssize_t width
    Py_ssize_t W
    Py_ssize_t b
    Py_ssize_t z
    Py_ssize_t a
    Py_ssize_t delta
    Py_ssize_t activation
    double alpha
    custom_f f
    custom_slope slope
    Py_ssize_t dropped
    double dropout
    Py_ssize_t frozen
    double rate_of_W
    double rate_of_b
    Py_ssize_t shortcuts
    Py_ssize_t joined
    Py_ssize_t returned
    Py_ssize_t joined_row

cdef enum:
    GAUSSIAN = -1   # interface.GAUSSIAN

cdef struct Head:       # interface.HEAD
    Layer layer
    Py_ssize_t first
    Py_ssize_t first_target
    Py_ssize_t n_targets
    Py_ssize_t loss
    double loss_parameter
    double weight

cdef struct Places:     # memory.WORK
    Py_ssize_t batch_size
    Py_ssize_t turned
    Py_ssize_t turned_prev
    Py_ssize_t partial
    Py_ssize_t groups
    Py_ssize_t n_theta
    Py_ssize_t parts
    Py_ssize_t gathered
    Py_ssize_t listed

cdef struct Walks

cdef struct Net:        # Plan, theta and Work of one call
    const Layer *layers
    Py_ssize_t n_layers
    Py_ssize_t loss         # interface.LOSSES, or the address of a custom_loss
    real loss_parameter
    real *theta             # (n_theta,)
    Py_ssize_t batch_size   # samples that work has room for
    Py_ssize_t first        # where in the room the samples begin that are computed now
    real *work              # blocks z, a, delta: (batch_size, width) at batch_size * offset
    real *gathered          # (batch_size, round_up(n_in)), or NULL
    real *transposed[2]     # (widest, round_up(batch_size)) each
    real *partial           # (n_theta,): sums over the pieces of a batch so far, or NULL
    real *groups            # (GROUPS, n_theta): gradients of groups of samples, or NULL
    Py_ssize_t n_theta
    real *parts             # CUT bytes for this thread, or NULL
    real *listed            # what is left of sparse rows, see sparse.pxi
    double *costs           # (batch_size,), and with heads as many after them
    double input_dropout    # interface.Plan
    const real *mask        # (n_theta,): 0 where a weight stays 0, else 1; or NULL
    const Py_ssize_t *plain     # whether single samples need not be learned as mini-batches
    double input_noise
    const Head *heads       # (n_heads,), or NULL
    Py_ssize_t n_heads
    Py_ssize_t joins        # whether there are shortcuts
    Py_ssize_t inputs_at    # interface.Plan
    # of the step of training that is under way, see dropout.pxi
    Py_ssize_t trains       # whether it is one
    unsigned long long key
    Py_ssize_t done         # samples of the mini-batch that were in pieces before
    const Walks *walks      # NULL: those of this build

cdef struct Rows:       # samples: dense or, as sparse_rows.SparseRows, sparse
    const real *dense           # (n_rows, n_columns), or NULL
    Py_ssize_t row              # elements from one dense row to the next
    const Py_ssize_t *starts    # (n_rows + 1,)
    const int *columns
    const real *values
    const Py_ssize_t *order     # sample t is row order[first + t], or first + t without order
    Py_ssize_t first
    const double *weights       # of targets: (n_rows,), or NULL where all are 1
    double share_of_weight      # n / (sum of the weights of the n samples of a mini-batch)

cdef struct Ahead:      # dense rows that are needed soon, prefetched a few cache lines at a time
    const Rows *rows
    Py_ssize_t t            # the sample that is next, up to stop - 1
    Py_ssize_t stop
    Py_ssize_t column       # the column of it that is next
    Py_ssize_t n_columns
    Py_ssize_t n_lines      # cache lines at a time

cdef struct Rule:
    Py_ssize_t code
    double beta1
    double beta2
    real learning_rate
    real momentum           # mu, or beta1
    real new_m              # 1 - beta1 and 1 - beta2, subtracted in float64
    real new_v
    real epsilon
    real unbias_m           # 1 / (1 - beta1^t) in step t
    real unbias_v           # 1 / (1 - beta2^t)
    real *state             # (n_theta,): the velocity, m, or the gradient for ACCUMULATE
    real *squares           # (n_theta,): v; a valid address also if the rule has no such array
    Py_ssize_t flat         # whether the step is one pass over theta, as follows
    real hyper[16]          # interface.Rule.hyper, and after them the constants of the step
    double given[8]         # interface.Rule.hyper
    double product          # of the factors of the rule's row up to step number product_step
    Py_ssize_t product_step
    real *gradient          # (n_theta,)
    real *slots             # (n_theta,) each, one after the other
    Py_ssize_t n_slots
    Py_ssize_t n_theta
    double weight_decay     # interface.Regularization
    double clip_norm
    double max_norm
    real l1
    real l2
    real clip_value
    real keep               # 1 - learning_rate weight_decay
    double weight_noise
    real *noisy             # (n_theta,): the parameters with noise, or NULL

cdef struct Walks:      # lent.WALKS: functions of other compiled code, in place of this build's
    bint (*forward_rows)(
        const Net *net, const Rows *X, Py_ssize_t n_samples, real *out) noexcept nogil
    double (*mean_loss)(
        const Net *net, Py_ssize_t n_samples, const Rows *X, const Rows *Y, real *grad,
        Py_ssize_t n_theta) noexcept nogil
    void (*pass_back)(
        const Net *net, Py_ssize_t n_samples, const Rows *X, const Rows *dC_da, real *grad,
        Py_ssize_t n_theta, real *dC_dx) noexcept nogil
    double (*descend_samples)(
        const Net *net, Rule *rule, Py_ssize_t start, Py_ssize_t stop, const Rows *X,
        const Rows *Y, double total, Py_ssize_t step, const double *rates) noexcept nogil
    double (*descend_batches)(
        const Net *net, Rule *rule, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t batch_size,
        const Rows *X, const Rows *Y, double total, Py_ssize_t step, const double *rates,
        Py_ssize_t drops, unsigned long long noise) noexcept nogil


cdef inline Py_ssize_t round_up(Py_ssize_t n) noexcept nogil:
    """The smallest multiple of memory.BLOCK that is at least n."""
    return (n + 15) // 16 * 16


cdef inline Py_ssize_t padded_width(Py_ssize_t n) noexcept nogil:
    """4, 8 or the next multiple of 16: columns for n samples, transposed."""
    return 4 if n <= 4 else 8 if n <= 8 else round_up(n)


cdef inline real *block(const Net *net, const Layer *layer, Py_ssize_t offset) noexcept nogil:
    """z, a or delta of a layer, (batch_size, width), from sample `first` on."""
    return net.work + net.batch_size * offset + net.first * layer.width


cdef inline real *bias_of(const Net *net, const Layer *layer) noexcept nogil:
    """b of a layer, (width,), or NULL without bias."""
    if layer.b < 0:
        return NULL
    return net.theta + layer.b


cdef inline Py_ssize_t row_number(const Rows *rows, Py_ssize_t t) noexcept nogil:
    if rows.order == NULL:
        return rows.first + t
    return rows.order[rows.first + t]


cdef inline const real *row_of(const Rows *rows, Py_ssize_t t) noexcept nogil:
    """Sample t of dense rows: (n_columns,)."""
    return rows.dense + row_number(rows, t) * rows.row


cdef inline void fetch_some(Ahead *ahead) noexcept nogil:
    """Prefetch the next n_lines cache lines; many at once would delay the loads of the product."""
    cdef Py_ssize_t _
    for _ in range(ahead.n_lines):
        if ahead.t >= ahead.stop:
            return
        prefetch(row_of(ahead.rows, ahead.t) + ahead.column, 1)
        ahead.column += LINE
        if ahead.column >= ahead.n_columns:
            ahead.t += 1
            ahead.column = 0
