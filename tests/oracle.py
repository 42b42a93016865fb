"""Backpropagation in scalar Python, written from the equations: slow, and plain to check.

With L weight layers, a^1 = x the input and s = a^(L+1) the output of one sample:

    forward    z_j = sum_k w_jk a_k + b_j,    a_j = f(z_j)
    output     delta_j = sum_k dC/da_k da_k/dz_j
    backward   delta_k = f'(z_k) sum_j w_jk delta_j
    gradient   dC/dw_jk = delta_j a_k,    dC/db_j = delta_j,    means over the samples
    step       plain     w := w - eps g
               momentum  v := mu v + g,  w := w - eps v
               nesterov  v := mu v + g,  w := w - eps (g + mu v)

w_jk leads from unit k to unit j of the next layer. Slopes are taken from z, as in a textbook.
Everything is a list of Python floats, so all arithmetic is double precision; `eps_log` is the
machine epsilon of the dtype that is being imitated, which limits what a logarithm sees.
"""

import math
from typing import NamedTuple


class Layer(NamedTuple):
    """One weight layer: rows of W belong to its units; b is None without bias."""

    W: list
    b: list | None
    activation: str
    alpha: float


class Pass(NamedTuple):
    """What one sample leaves behind; z, a and delta have one list per weight layer."""

    z: list
    a: list
    loss: float
    delta: list


def activate(name, z, alpha):
    """Activations a = f(z) of one layer."""
    if name == "softmax":
        largest = max(z)
        e = [math.exp(z_k - largest) for z_k in z]
        return [e_j / sum(e) for e_j in e]
    if name == "log_softmax":
        log_sum = _log_sum(z)
        return [z_j - log_sum for z_j in z]
    return [_f(name, z_j, alpha) for z_j in z]


def _f(name, z, alpha):
    if name == "identity":
        return z
    if name == "sigmoid":
        return _sigmoid(z)
    if name == "tanh":
        return math.tanh(z)
    if name == "relu":
        return max(z, 0.0)
    if name == "leaky_relu":
        return z if z > 0 else alpha * z
    if name == "elu":
        return z if z > 0 else alpha * math.expm1(z)
    if name == "softplus":
        return _log_1_exp(z)
    if name == "silu":
        return z * _sigmoid(z)
    if name == "selu":
        return SELU[0] * (z if z > 0 else SELU[1] * math.expm1(z))
    if name == "gelu":
        return z * _normal(z)
    if name == "gelu_tanh":
        return z / 2 * (1 + math.tanh(_inner(z)))
    if name == "mish":
        return z * math.tanh(_log_1_exp(z))
    if name == "softsign":
        return z / (1 + abs(z))
    if name == "hard_sigmoid":
        return min(max((z + 3) / 6, 0.0), 1.0)
    if name == "hard_tanh":
        return min(max(z, -1.0), 1.0)
    if name == "lecun_tanh":
        return 1.7159 * math.tanh(2 / 3 * z)
    if name == "gaussian":
        return math.exp(-z * z)
    if name == "sin":
        return math.sin(z)
    if name == "exp":
        return math.exp(z) if z < 709.7 else math.inf
    raise ValueError(name)


def _slope(name, z, alpha):
    """f'(z); at a kink at 0 the slope of the left side, at the ends of hard_... 0."""
    if name == "identity":
        return 1.0
    if name == "sigmoid":
        return _sigmoid(z) * _sigmoid(-z)
    if name == "tanh":
        return 1 / math.cosh(z) ** 2
    if name == "relu":
        return 1.0 if z > 0 else 0.0
    if name == "leaky_relu":
        return 1.0 if z > 0 else alpha
    if name == "elu":
        return 1.0 if z > 0 else alpha * math.exp(z)
    if name == "softplus":
        return _sigmoid(z)
    if name == "silu":
        return _sigmoid(z) + z * _sigmoid(z) * _sigmoid(-z)
    if name == "selu":
        return SELU[0] * (1.0 if z > 0 else SELU[1] * math.exp(z))
    if name == "gelu":
        return _normal(z) + z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    if name == "gelu_tanh":
        inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z * z)
        return (1 + math.tanh(_inner(z))) / 2 + z / 2 / math.cosh(_inner(z)) ** 2 * inner
    if name == "mish":
        y = _log_1_exp(z)
        return math.tanh(y) + z / math.cosh(y) ** 2 * _sigmoid(z)
    if name == "softsign":
        return 1 / (1 + abs(z)) ** 2
    if name == "hard_sigmoid":
        return 1 / 6 if -3 < z < 3 else 0.0
    if name == "hard_tanh":
        return 1.0 if -1 < z < 1 else 0.0
    if name == "lecun_tanh":
        return 1.7159 * 2 / 3 / math.cosh(2 / 3 * z) ** 2
    if name == "gaussian":
        return -2 * z * math.exp(-z * z)
    if name == "sin":
        return math.cos(z)
    if name == "exp":
        return _f(name, z, alpha)
    raise ValueError(name)


def _sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z > 0 else math.exp(z) / (1 + math.exp(z))


SELU = 1.0507009873554804935, 1.6732632423543772848  # of Klambauer et al. (2017)


def _normal(z):
    return math.erfc(-z / math.sqrt(2)) / 2  # the normal distribution function


def _inner(z):
    return math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)  # of gelu_tanh


def _log_sum(z):
    return max(z) + math.log(sum(math.exp(z_k - max(z)) for z_k in z))  # log sum_k exp(z_k)


def _log_1_exp(z):
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))  # log(1 + exp(z))


def jacobian(name, z, a, alpha):
    """J[k][j] = da_k/dz_j; for units of their own f'(z_j) on the diagonal.

    softmax: a_k ([j = k] - a_j); log_softmax: [j = k] - exp(a_j).
    """
    units = range(len(z))
    if name == "softmax":
        return [[a[k] * ((j == k) - a[j]) for j in units] for k in units]
    if name == "log_softmax":
        return [[(j == k) - math.exp(a[j]) for j in units] for k in units]
    return [[_slope(name, z[j], alpha) if j == k else 0.0 for j in units] for k in units]


def loss_and_slope(loss, a, y, eps_log):
    """Loss of one sample and its dC/da_k.

    mse                   1/2 sum_k (a_k - y_k)^2
    binary_cross_entropy  -sum_k [y_k log a_k + (1 - y_k) log(1 - a_k)],  a in [eps, 1 - eps]
    cross_entropy         -sum_k y_k log a_k,                             a in [eps, inf)
    (huber, d)            sum_k 1/2 e_k^2, or d (|e_k| - d/2) where |e_k| = |a_k - y_k| > d
    (exponential, tau)    tau exp(sum_k e_k^2 / tau)

    and those in `other_term`. Where a limit acts, the loss is constant and its slope 0, which the
    logarithm of poisson has alone. A parameter of cross_entropy counts with softmax only.
    """
    total, slopes = 0.0, []
    p = d = None
    if isinstance(loss, tuple):
        loss, p = loss
        d = p
    if loss == "exponential":
        growth = math.exp(sum((a_k - y_k) ** 2 for a_k, y_k in zip(a, y, strict=True)) / p)
        return p * growth, [2 * (a_k - y_k) * growth for a_k, y_k in zip(a, y, strict=True)]
    for a_k, y_k in zip(a, y, strict=True):
        if loss == "mse":
            total += (a_k - y_k) ** 2 / 2
            slope = a_k - y_k
        elif loss == "binary_cross_entropy":
            p = min(max(a_k, eps_log), 1 - eps_log)
            total -= y_k * math.log(p) + (1 - y_k) * math.log(1 - p)
            slope = -y_k / p + (1 - y_k) / (1 - p) if p == a_k else 0.0
        elif loss == "cross_entropy":
            p = max(a_k, eps_log)
            total -= y_k * math.log(p)
            slope = -y_k / p if p == a_k else 0.0
        elif loss == "huber":
            e = a_k - y_k
            total += e * e / 2 if abs(e) <= d else d * (abs(e) - d / 2)
            slope = e if abs(e) <= d else math.copysign(d, e)
        else:
            term, slope = other_term(loss, p, a_k, y_k, eps_log)
            total += term
        slopes.append(slope)
    return total, slopes


def other_term(loss, p, a, y, eps_log):
    """The term of one unit, and its slope.

    mae                           |e|, where e = a - y
    log_cosh                      log cosh e
    (quantile, tau)               (1 - tau) e for e > 0, else -tau e
    hinge, squared_hinge          h = max(0, 1 - y a), and h^2
    nll                           -y a
    (binary_focal, gamma)         -y (1 - a)^gamma log a - (1 - y) a^gamma log(1 - a)
    poisson                       a - y log a
    hellinger                     (sqrt a - sqrt y)^2 / sqrt 2
    kullback_leibler              y log(y / a)
    generalized_kullback_leibler  y log(y / a) - y + a
    itakura_saito                 y / a - log(y / a) - 1
    """
    e, h = a - y, max(0.0, 1 - y * a)
    if loss == "mae":
        return abs(e), (e > 0) - (e < 0)
    if loss == "log_cosh":
        return math.log(math.cosh(e)), math.tanh(e)
    if loss == "quantile":
        return max((1 - p) * e, -p * e), (1 - p if e > 0 else -p if e < 0 else 0.0)
    if loss == "hinge":
        return h, (-y if h > 0 else 0.0)
    if loss == "squared_hinge":
        return h * h, -2 * y * h
    if loss == "nll":
        return -y * a, -y
    if loss == "binary_focal":
        b = min(max(a, eps_log), 1 - eps_log)
        term = -y * (1 - b) ** p * math.log(b) - (1 - y) * b**p * math.log(1 - b)
        slope = y * (p * (1 - b) ** (p - 1) * math.log(b) - (1 - b) ** p / b)
        slope += (1 - y) * (b**p / (1 - b) - p * b ** (p - 1) * math.log(1 - b))
        return term, slope if b == a else 0.0
    b = max(a, eps_log)
    inside = float(b == a)
    if loss == "poisson":
        return a - y * math.log(b), inside * (1 - y / b)
    if loss == "hellinger":
        return (b**0.5 - y**0.5) ** 2 / 2**0.5, inside * (1 - (y / b) ** 0.5) / 2**0.5
    if loss == "kullback_leibler":
        return _y_log(y, b), inside * -y / b
    if loss == "generalized_kullback_leibler":
        return _y_log(y, b) - y + a, inside * (1 - y / b)
    if loss == "itakura_saito":
        return y / b - math.log(y / b) - 1, inside * (1 - y / b) / b
    raise ValueError(loss)


def _y_log(y, a):
    return y * math.log(y / a) if y > 0 else 0.0


def loss_and_delta(activation, alpha, loss, z, a, y, eps_log):
    """Loss of one sample and delta_j = dC/dz_j of the output layer.

    The canonical pairs take the logits and need no limit:

    sigmoid, binary_cross_entropy   sum_j [y_j log(1 + exp(-z_j)) + (1 - y_j) log(1 + exp(z_j))]
                                    delta = a - y
    softmax, cross_entropy          sum_j y_j (log sum_k exp(z_k) - z_j)
                                    delta_j = sum_k y_k a_j - y_j
    softmax, (cross_entropy, s)     the same for (1 - s) y_j + s sum_k y_k / n in place of y_j
    softmax, kullback_leibler       the same as for cross_entropy, and sum_j y_j log y_j
    exp, poisson                    sum_j exp(z_j) - y_j z_j, delta = a - y
    """
    if (activation, loss) == ("sigmoid", "binary_cross_entropy"):
        total = sum(
            y_j * _log_1_exp(-z_j) + (1 - y_j) * _log_1_exp(z_j)
            for z_j, y_j in zip(z, y, strict=True)
        )
        return total, [a_j - y_j for a_j, y_j in zip(a, y, strict=True)]
    name, p = loss if isinstance(loss, tuple) else (loss, 0)
    if activation == "softmax" and name in ("cross_entropy", "kullback_leibler"):
        log_sum = _log_sum(z)
        rest = sum(_y_log(y_j, 1) for y_j in y) if name == "kullback_leibler" else 0.0
        y = [(1 - p) * y_j + p * sum(y) / len(y) for y_j in y]
        total = sum(y_j * (log_sum - z_j) for z_j, y_j in zip(z, y, strict=True))
        return total + rest, [sum(y) * a_j - y_j for a_j, y_j in zip(a, y, strict=True)]
    if (activation, loss) == ("exp", "poisson"):
        total = sum(math.exp(z_j) - y_j * z_j for z_j, y_j in zip(z, y, strict=True))
        return total, [a_j - y_j for a_j, y_j in zip(a, y, strict=True)]
    return general_loss_and_delta(activation, alpha, loss, z, a, y, eps_log)


def general_loss_and_delta(activation, alpha, loss, z, a, y, eps_log):
    """delta_j = sum_k dC/da_k da_k/dz_j, for any pair."""
    total, dC_da = loss_and_slope(loss, a, y, eps_log)
    J = jacobian(activation, z, a, alpha)
    return total, [sum(dC_da[k] * J[k][j] for k in range(len(a))) for j in range(len(z))]


def forward(layers, x):
    """z and a of every weight layer for one sample x."""
    z, a = [], []
    for W, b, activation, alpha in layers:
        a_prev = a[-1] if a else x
        sums = [sum(w_jk * a_k for w_jk, a_k in zip(row, a_prev, strict=True)) for row in W]
        z.append(sums if b is None else [s + b_j for s, b_j in zip(sums, b, strict=True)])
        a.append(activate(activation, z[-1], alpha))
    return z, a


def backpropagate(layers, loss, x, y, eps_log):
    """Forward and backward pass of one sample."""
    z, a = forward(layers, x)
    last = layers[-1]
    C, delta = loss_and_delta(last.activation, last.alpha, loss, z[-1], a[-1], y, eps_log)
    deltas = [delta]
    for index in range(len(layers) - 1, 0, -1):
        W, before = layers[index].W, layers[index - 1]
        delta = [
            _slope(before.activation, z_k, before.alpha)
            * sum(W[j][k] * deltas[0][j] for j in range(len(W)))
            for k, z_k in enumerate(z[index - 1])
        ]
        deltas.insert(0, delta)
    return Pass(z, a, C, deltas)


def gradient(layers, loss, X, Y, eps_log, weights=None):
    """Mean loss of the samples, and a list with (dC/dW, dC/db) per layer, means as well.

    With weights w_t of the samples the means are sum_t w_t ... / sum_t w_t.
    """
    passes = [backpropagate(layers, loss, x, y, eps_log) for x, y in zip(X, Y, strict=True)]
    w = [1.0] * len(X) if weights is None else weights
    n = sum(w)
    grads = []
    for index, (W, b, *_) in enumerate(layers):
        entered = [p.a[index - 1] for p in passes] if index else X
        delta = [[w_t * d for d in p.delta[index]] for w_t, p in zip(w, passes, strict=True)]
        samples = range(len(X))
        dW = [
            [sum(delta[t][j] * entered[t][k] for t in samples) / n for k in range(len(W[0]))]
            for j in range(len(W))
        ]
        db = None if b is None else [sum(delta[t][j] for t in samples) / n for j in range(len(b))]
        grads.append((dW, db))
    return sum(w_t * p.loss for w_t, p in zip(w, passes, strict=True)) / n, grads


def step(rule, hyper, t, w, slots, g):
    """Update number t, from 1, of one parameter: the new w and the list of what the rule keeps."""
    eps, *rest = hyper
    if rule == "sgd":
        return w - eps * g, slots
    if rule in ("momentum", "nesterov"):
        mu, v = rest[0], rest[0] * slots[0] + g
        return w - eps * (v if rule == "momentum" else g + mu * v), [v]
    if rule == "adam":
        beta1, beta2, epsilon = rest
        m = beta1 * slots[0] + (1 - beta1) * g
        v = beta2 * slots[1] + (1 - beta2) * g * g
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        return w - eps * m_hat / (math.sqrt(v_hat) + epsilon), [m, v]
    if rule == "amsgrad":
        beta1, beta2, epsilon = rest
        _, m, v, top = slots
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        top = max(top, v)
        root = math.sqrt(top / (1 - beta2**t))
        return w - eps * m / (1 - beta1**t) / (root + epsilon), [g, m, v, top]
    if rule == "nadam":
        beta1, beta2, epsilon, decay = rest
        _, m, v = slots
        mu = [beta1 * (1 - 0.96 ** (s * decay) / 2) for s in range(1, t + 2)]
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        ahead = mu[t] * m / (1 - math.prod(mu)) + (1 - mu[t - 1]) * g / (1 - math.prod(mu[:t]))
        return w - eps * ahead / (math.sqrt(v / (1 - beta2**t)) + epsilon), [g, m, v]
    if rule == "adagrad":
        decay, epsilon = rest
        v = slots[1] + g * g
        return w - eps / (1 + (t - 1) * decay) * g / (math.sqrt(v) + epsilon), [g, v]
    if rule == "adadelta":
        rho, epsilon = rest
        v = rho * slots[1] + (1 - rho) * g * g
        d = math.sqrt((slots[2] + epsilon) / (v + epsilon)) * g
        return w - eps * d, [g, v, rho * slots[2] + (1 - rho) * d * d]
    if rule == "rprop":
        shrink, grow, smallest, largest = rest
        _, before, size = slots
        size = size or (eps if g else 0.0)  # padding has g = 0
        if g * before < 0:
            return w, [g, 0.0, max(size * shrink, smallest)]
        size = size * grow if g * before > 0 else size
        size = size and min(max(size, smallest), largest)
        return w - size * ((g > 0) - (g < 0)), [g, g, size]
    if rule == "rmsprop":
        rho, epsilon = rest
        v = rho * slots[1] + (1 - rho) * g * g
        return w - eps * g / (math.sqrt(v) + epsilon), [g, v]
    raise ValueError(rule)


def epoch(layers, loss, rule, hyper, n_slots, X, Y, order, batch_size, eps_log, weights=None):
    """One pass over the samples of `order` in mini-batches, the last one possibly shorter.

    Returns
    -------
    layers, slots, total
        The new network; what the rule keeps, for each of its slots a list with (of_W, of_b) per
        layer; and the sum of the sample losses (times their weights), each taken before the update
        it caused.
    """

    def zeros(row):
        return [[0.0] * n_slots for _ in row]

    state = [(list(map(zeros, W)), None if b is None else zeros(b)) for W, b, *_ in layers]
    total, t = 0.0, 0
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        w = [1.0 if weights is None else weights[s] for s in batch]
        of_batch = [X[s] for s in batch], [Y[s] for s in batch]
        mean, grads = gradient(layers, loss, *of_batch, eps_log, w)
        total, t = total + mean * sum(w), t + 1
        moved = []
        for (W, b, *f), (of_W, of_b), (dW, db) in zip(layers, state, grads, strict=True):
            W = [_step_all(rule, hyper, t, *row) for row in zip(W, of_W, dW, strict=True)]
            b = None if b is None else _step_all(rule, hyper, t, b, of_b, db)
            moved.append(Layer(W, b, *f))
        layers = moved
    slots = [
        [
            ([[kept[k] for kept in row] for row in of_W], of_b and [kept[k] for kept in of_b])
            for of_W, of_b in state
        ]
        for k in range(n_slots)
    ]
    return layers, slots, total


def _step_all(rule, hyper, t, w, state, g):
    """The new values of a row of parameters; `state` is updated."""
    moved = [step(rule, hyper, t, *one) for one in zip(w, state, g, strict=True)]
    state[:] = [kept for _, kept in moved]
    return [value for value, _ in moved]
