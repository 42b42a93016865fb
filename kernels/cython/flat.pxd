# The step of a flat rule: one pass over parameters, their gradient and the rule's slots.
from functions cimport flat_step
from lanes cimport NATIVE, REPRODUCIBLE, real, vec
from plan cimport Rule
from same_bits cimport kept


cdef inline void descend_flat(
    Py_ssize_t code, const Rule *rule,
    real *theta,            # (n_theta,)  updated from first to stop - 1, both multiples of 16
    Py_ssize_t first, Py_ssize_t stop,
) noexcept nogil:
    """One pass over gradient and slots; code is a constant."""
    cdef Rule constants = rule[0]       # a copy, which the stores below cannot change
    cdef Py_ssize_t k = first, n = rule.n_theta, slot
    cdef vec *state
    cdef const real *g = rule.gradient
    # slots that a rule does not have are not touched: any address will do
    cdef real *s0 = rule.slots
    cdef real *s1 = rule.slots + (n if rule.n_slots > 1 else 0)
    cdef real *s2 = rule.slots + (2 * n if rule.n_slots > 2 else 0)
    while k < stop:
        (<vec *> (theta + k))[0] = flat_step(
            code, constants.hyper, (<vec *> (theta + k))[0], (<const vec *> (g + k))[0],
            <vec *> (s0 + k), <vec *> (s1 + k), <vec *> (s2 + k))
        if REPRODUCIBLE:
            (<vec *> (theta + k))[0] = kept((<vec *> (theta + k))[0])
            for slot in range(rule.n_slots):
                state = <vec *> (s0 + slot * n + k)
                state[0] = kept(state[0])
        k += NATIVE
