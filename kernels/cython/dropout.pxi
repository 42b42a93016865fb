# Dropout, which units of a layer a sample of a mini-batch does without, and noise, both drawn by
# counting.
#
# Unit j of layer k is dropped in sample t of step s where hash(seed, s, k, t, j) < p 2^16. No state
# passes from one to the next, so that the masks are the same for any number of threads, and the
# backward pass draws them again instead of keeping them. mix: Steele, Lea & Flood (2014),
# SplitMix64; scrambled: Wellons (2018), "lowbias32", without its first step.

cdef inline unsigned long long mix(unsigned long long x) noexcept nogil:
    """A bijection of 64 bits without any pattern."""
    x += <unsigned long long> 0x9e3779b97f4a7c15
    x = (x ^ (x >> 30)) * <unsigned long long> 0xbf58476d1ce4e5b9
    x = (x ^ (x >> 27)) * <unsigned long long> 0x94d049bb133111eb
    return x ^ (x >> 31)


cdef inline unsigned int scrambled(unsigned int x) noexcept nogil:
    """The same of 32 bits, for numbers that follow a mixed one."""
    x *= <unsigned int> 0x7feb352d
    x = (x ^ (x >> 15)) * <unsigned int> 0x846ca68b
    return x ^ (x >> 16)


cdef void begin_masks(Net *net, unsigned long long seed, Py_ssize_t step) noexcept nogil:
    """Which units are dropped in update number `step`."""
    net.key = mix(mix(seed) + <unsigned long long> step)


cdef void drop(
    const Net *net, Py_ssize_t k, double p, Py_ssize_t n_samples, Py_ssize_t width,
    Py_ssize_t row, real *x,            # (n_samples, width), `row` from sample to sample
) noexcept nogil:
    """x := x / (1 - p) for the units that stay, else 0; k: the layer, or -1 for the inputs.

    One hash serves two units, j and j + half, with 16 bits each.
    """
    cdef Py_ssize_t t, j, half = (width + 1) // 2
    cdef real scale = <real> (1 / (1 - p))
    cdef real *pair
    cdef unsigned int least = least_of(p), h, start
    cdef unsigned long long key = mix(net.key + <unsigned long long> (k + 1))
    for t in range(n_samples):
        start = <unsigned int> mix(key + <unsigned long long> (net.done + net.first + t))
        pair = x + half
        for j in range(width - half):
            h = scrambled(start + <unsigned int> j)
            x[j] = x[j] * scale if (h & 0xffff) >= least else <real> 0
            pair[j] = pair[j] * scale if (h >> 16) >= least else <real> 0
        if half > width - half:
            h = scrambled(start + <unsigned int> (half - 1))
            x[half - 1] = x[half - 1] * scale if (h & 0xffff) >= least else <real> 0
        x += row


cdef enum:
    MEAN_OF_SUM = 262140        # of 8 whole numbers from 0 to 65535
    OF_INPUT_NOISE = 0x10000000     # in the place of the number of a layer
    OF_WEIGHT_NOISE = 0x20000000

cdef double DEVIATION = sqrt(8 * (65536. * 65536. - 1) / 12)    # of their sum


cdef inline Py_ssize_t bell(unsigned long long key, Py_ssize_t k) noexcept nogil:
    """Number k of a series: the sum of 8 uniform numbers less its mean, a bell within 4.9 sd."""
    cdef unsigned long long h = mix(key + 2 * <unsigned long long> k)
    cdef Py_ssize_t total = -MEAN_OF_SUM
    total += (h & 0xffff) + (h >> 16 & 0xffff) + (h >> 32 & 0xffff) + (h >> 48)
    h = mix(key + 2 * <unsigned long long> k + 1)
    total += (h & 0xffff) + (h >> 16 & 0xffff) + (h >> 32 & 0xffff) + (h >> 48)
    return total


cdef void add_weight_noise(
    const Net *net, const Rule *rule, const real *theta, Py_ssize_t first, Py_ssize_t stop,
) noexcept nogil:
    """rule.noisy = theta from first to stop - 1, its weights with noise where they are trained."""
    cdef const Layer *layer
    cdef Py_ssize_t k, i, row
    cdef unsigned long long key = mix(net.key + OF_WEIGHT_NOISE)
    cdef real scale = <real> (rule.weight_noise / DEVIATION)
    if first < stop:
        memcpy(rule.noisy + first, theta + first, (stop - first) * sizeof(real))
    for i in range(net.n_layers):
        layer, row = &net.layers[i], net.layers[i].W
        if layer.frozen:
            continue
        for _ in range(layer.n_in):
            for k in range(max(row, first), min(row + layer.n_out, stop)):
                if net.mask == NULL or net.mask[k] != 0:
                    rule.noisy[k] += scale * <real> bell(key, k)
            row += layer.width


cdef inline unsigned int least_of(double p) noexcept nogil:
    """The first of 2^16 numbers with which a unit stays."""
    return min(<unsigned int> (p * 65536 + 0.5), <unsigned int> 65535)


cdef inline Py_ssize_t left_by(const Net *net, const Layer *below) noexcept nogil:
    """Where the next layer reads: a, or in training what dropout has left of it."""
    return below.dropped if net.trains else below.a


cdef void activate_and_drop(const Net *net, Py_ssize_t k, Py_ssize_t n_samples) noexcept nogil:
    """a = f(z) of hidden layer k, and in training what is left of it."""
    cdef const Layer *layer = &net.layers[k]
    activate(layer, n_samples, block(net, layer, layer.z), block(net, layer, layer.a))
    drop_units(net, k, n_samples)


cdef void drop_units(const Net *net, Py_ssize_t k, Py_ssize_t n_samples) noexcept nogil:
    """What is left of a in training."""
    cdef const Layer *layer = &net.layers[k]
    cdef real *left
    if net.trains and layer.dropout > 0:
        left = block(net, layer, layer.dropped)
        memcpy(left, block(net, layer, layer.a), n_samples * layer.width * sizeof(real))
        drop(net, k, layer.dropout, n_samples, layer.n_out, layer.width, left)


cdef void drop_inputs(const Net *net, Py_ssize_t n_samples, real *X, Py_ssize_t row) noexcept nogil:
    """Noise and dropout of the inputs, (n_samples, n_in) from `first` on, in place."""
    cdef Py_ssize_t t, j, n_in = net.layers[0].n_in
    cdef unsigned long long key, of_sample
    cdef real scale = <real> (net.input_noise / DEVIATION)
    if net.input_noise > 0:
        key = mix(net.key + OF_INPUT_NOISE)
        for t in range(n_samples):
            of_sample = mix(key + <unsigned long long> (net.done + net.first + t))
            for j in range(n_in):
                X[t * row + j] += scale * <real> bell(of_sample, j)
    if net.input_dropout > 0:
        drop(net, -1, net.input_dropout, n_samples, n_in, row, X)
