# One step of an optimiser on a vector of weights, for a loop over all of them.
from functions cimport ADAM, NESTEROV, SGD
from lanes cimport quotient, real, root, rounded, vector
from plan cimport Rule


cdef inline vector descended(
    Py_ssize_t code, const Rule *rule,
    vector w,
    vector g,       # gradient, a product
    vector *m,      # velocity, or the mean of g: updated; not touched by plain SGD
    vector *v,      # mean of g^2: updated, by Adam alone
) noexcept nogil:
    """The weights after the step."""
    cdef real eps = rule.learning_rate, mu = rule.momentum
    cdef vector velocity
    if code == SGD:                 # w := w - eps g
        return w - eps * g
    g = rounded(g)                  # or the compiler chooses which product of mu v + g fuses
    if code == ADAM:
        m[0] += rule.new_m * (g - m[0])         # m := beta1 m + (1 - beta1) g
        v[0] += rule.new_v * (g * g - v[0])     # v := beta2 v + (1 - beta2) g^2
        # w := w - eps m_hat / (sqrt(v_hat) + epsilon)
        return w - quotient((eps * rule.unbias_m) * m[0],
                            root(rule.unbias_v * v[0]) + rule.epsilon)
    velocity = mu * m[0] + g        # v := mu v + g
    m[0] = velocity
    if code == NESTEROV:
        velocity = g + mu * velocity
    return w - eps * velocity
