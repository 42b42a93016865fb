"""Records of plan.py and rules.py, filled from arrays in jitted functions."""

from . import plan, rules
from .compiling import address_of, number_of, part, pointer_to, put, put_real

N_NUMBERS = rules.N_HYPER + 1  # words, of 8 bytes: room for a 1 before the constants of a rule


@part
def _place(buffer, offset):
    """The address of a part of Work, or 0 where there is no room for it."""
    return address_of(buffer) + offset * buffer.itemsize if offset >= 0 else 0


@part
def fill_net(net, layers, loss, loss_parameter, theta, places, buffer, costs, one):
    """Plan, theta and Work as the words of a Net; `one` is the address of a 1."""
    put(net, plan.LAYERS, address_of(layers))
    put(net, plan.N_LAYERS, layers.shape[0])
    put(net, plan.LOSS, loss)
    put(net, plan.LOSS_PARAMETER, loss_parameter)
    put(net, plan.THETA, address_of(theta))
    put(net, plan.ROOM, places[plan.BATCH_SIZE])
    put(net, plan.BUFFER, address_of(buffer))
    put(net, plan.TURNED, _place(buffer, places[plan.TURNED_PLACE]))
    put(net, plan.TURNED_PREV, _place(buffer, places[plan.TURNED_PREV_PLACE]))
    put(net, plan.PARTIAL, _place(buffer, places[plan.PARTIAL_PLACE]))
    put(net, plan.GATHERED, _place(buffer, places[plan.GATHERED_PLACE]))
    put(net, plan.COSTS, address_of(costs))
    put(net, plan.ONE, one)


@part
def fill_dense(rows, X):
    """Rows of an array, or one sample, as the words of Rows."""
    put(rows, plan.DENSE, address_of(X))
    put(rows, plan.ROW, X.strides[0] // X.itemsize)
    put(rows, plan.ORDER, 0)
    put(rows, plan.FIRST, 0)
    put(rows, plan.WEIGHTS, 0)


@part
def fill_order(rows, order):
    """The order of the samples; none if it is empty."""
    if order.size > 0:
        put(rows, plan.ORDER, address_of(order))


@part
def fill_targets(rows, Y, order, weights):
    """Rows of an array, their order and their weights; none if those are empty."""
    fill_dense(rows, Y)
    fill_order(rows, order)
    if weights.size > 0:
        put(rows, plan.WEIGHTS, address_of(weights))


@part
def fill_rows(rows, X, starts, columns, values, order):
    """Rows of an array or, where `starts` is not empty, SparseRows."""
    fill_dense(rows, X)
    fill_order(rows, order)
    if starts.size > 0:
        put(rows, plan.DENSE, 0)
        put(rows, plan.STARTS, address_of(starts))
        put(rows, plan.COLUMNS, address_of(columns))
        put(rows, plan.VALUES, address_of(values))


@part
def fill_rule(rule, hyper, code, learning_rate, beta1, beta2, epsilon, m, v):
    """A rule as words, its constants in `hyper`, (N_HYPER,); beta1 is also the momentum."""
    put_real(hyper, rules.LEARNING_RATE, learning_rate)
    put_real(hyper, rules.MU, beta1)
    put_real(hyper, rules.DECAY, beta2)
    put_real(hyper, rules.NEW_M, 1 - beta1)
    put_real(hyper, rules.NEW_V, 1 - beta2)
    put_real(hyper, rules.EPSILON, epsilon)
    put(rule, rules.CODE, code)
    put(rule, rules.HYPER, number_of(hyper))
    put(rule, rules.M, m)
    put(rule, rules.V, v)
    put(rule, rules.BETA1, beta1)
    put(rule, rules.BETA2, beta2)


@part
def fill_flat(rule, hyper, given, state):
    """What flat rules want besides: the hyper-parameters as they are, (MOST_HYPER,) float64."""
    for k in range(given.size):
        put_real(hyper, rules.RAW + k, given[k])
    put(rule, rules.N_THETA, state.shape[1])


@part
def slots(state, theta):
    """The addresses m and v of a state; rules without one get an address all the same."""
    m = address_of(state) if state.shape[0] > 0 else address_of(theta)
    return m, m + state.shape[1] * state.itemsize if state.shape[0] > 1 else m


@part
def reals(kernels, room):
    """Words as reals, the first of which is 1."""
    pointer = pointer_to(kernels, number_of(room))
    put_real(pointer, 0, 1.0)
    return pointer
