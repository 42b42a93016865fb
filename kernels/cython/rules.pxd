# The step of a fused rule on one vector of weights; rows.pxd and tiles.pxd loop over them.
from functions cimport ADAM, NESTEROV, SGD
from lanes cimport over_root, real, rounded, vector
from plan cimport Rule
from same_bits cimport added, kept, subtracted


cdef inline vector descended(
    Py_ssize_t code, const Rule *rule,
    vector w,
    vector g,       # gradient: a product that the compiler may still fuse with a sum
    vector *m,      # the velocity v, or Adam's m: updated; not touched by plain SGD
    vector *v,      # Adam's v: updated; not touched by the other rules
) noexcept nogil:
    """The weights after the step."""
    cdef real eps = rule.learning_rate, mu = rule.momentum
    cdef vector velocity
    if code == SGD:                 # w := w - eps g
        return subtracted(w, eps, g)
    # rounded: else either product of a sum could fuse, and bits would depend on the place
    g = added(rounded(g), rule.l2, w)   # the slope of l2/2 w^2 on top
    if code == ADAM:
        m[0] = kept(added(m[0], rule.new_m, g - m[0]))          # m := beta1 m + (1 - beta1) g
        v[0] = kept(added(v[0], rule.new_v, g * g - v[0]))      # v := beta2 v + (1 - beta2) g^2
        # w := w - eps m_hat / (sqrt(v_hat) + epsilon)
        return w - over_root((eps * rule.unbias_m) * m[0], rule.unbias_v * v[0], rule.epsilon)
    velocity = kept(added(g, mu, m[0]))     # v := mu v + g
    m[0] = velocity
    if code == NESTEROV:
        velocity = added(g, mu, velocity)
    return subtracted(w, eps, velocity)
