"""The doors that check what they get: fit, predict, loss, gradients, and assignments."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

import deltaloop as dl
from deltaloop.kernels import functions

from . import callbacks, draws
from .arrays import dense
from .callbacks import Callback, Finding
from .given import Given, plain
from .heads import as_dict
from .judge import CHECKED, judge
from .liars import ORDERS, TRUE_ORDERS, Orders
from .matrices import sparse


def some_inputs(case, n, sparsely=0.3) -> Given:
    """X of n samples, dense or sparse."""
    X = draws.inputs(case.draw, n, case.drawn.sizes[0])
    if case.draw.chance(sparsely) and len(X):
        return _unshifted(case, sparse(case.draw, X))
    return dense(case.draw, X, case.drawn.dtype)


def _unshifted(case, given):
    """A sparse matrix, which a scaling that makes zeros something else is a reason to refuse."""
    if case.net.scaling is not None and case.net.scaling.x_mean.any():
        given.verdict = "never"
    return given


def some_targets(case, n, in_dicts=0.5) -> Given:
    """Y of n samples: rows, numbers of classes, or a vector where there is one output."""
    draw, n_out, heads = case.draw, case.drawn.n_targets, case.drawn.heads
    Y = draws.targets(draw, n, case.drawn)
    right = Y.shape == (n, n_out)
    if heads and draw.chance(in_dicts) and right:
        typed = Y.astype(draw.choice(("f4", "f8")))
        names = [name for name, _ in case.drawn.layers[-1].heads]
        value = as_dict(typed, names, heads)
        return Given(f"dict of {len(names)}", value, typed.astype(np.float64), held=[typed])
    if heads:
        return dense(draw, Y, case.drawn.dtype, heads)
    of_classes = functions.LOSSES[case.drawn.loss].targets_sum_to_1
    if of_classes and draw.chance(0.3) and n_out > 1 and right:
        labels = np.nan_to_num(Y).argmax(axis=1).astype(float)
        given = dense(draw, labels[None], case.drawn.dtype, flat=True)
        if given.clean is not None:  # some layouts, and bool, hold other classes than were drawn
            given.clean = np.eye(n_out)[given.clean.astype(int)]
        return given
    if n_out == 1 and draw.chance(0.3) and right:
        given = dense(draw, Y.T, case.drawn.dtype, "mse", flat=True)
        if given.clean is not None:
            given.clean = given.clean.reshape(-1, 1)
        return given
    return dense(draw, Y, case.drawn.dtype, case.drawn.loss)


def _threads(case):
    """Threads, and whether they are a reason to refuse."""
    n = case.draw.choice((1, 1, 1, 2, 3, 5)) if case.is_compiled or case.draw.chance(0.05) else 1
    return n, n > 1 and not case.is_compiled


def _weights(case, n) -> Given:
    """Weights of samples, as any array, or None; 0 for some, and now and then for all."""
    draw = case.draw
    if draw.chance(0.7):
        return Given("no weights", None, np.zeros(0))
    weights = draw.arrays.integers(1, 3 * draws.STEPS, n) / draws.STEPS
    weights[draw.arrays.random(n) < 0.2] = 0
    weights[draw.randrange(n)] = 1
    if draw.chance(0.03):
        weights[draw.randrange(n)] = draw.choice((-1, np.nan, np.inf))
    elif draw.chance(0.03):
        weights[:] = 0
    given = dense(draw, weights[None], "f8", "mse", flat=True)
    given.what = f"weights {given.what}"
    return given


def _clean_weights(given):
    """The weights for the reference."""
    return None if given.value is None else given.clean


def predict(case):
    n = case.draw.count()
    X, (n_threads, refused) = some_inputs(case, n), _threads(case)
    case.log.append(f"predict n_threads={n_threads}")
    judge(
        case, lambda: {"out": case.net.predict(X.value, n_threads)}, [X],
        lambda theta, X, Y: {"out": case.same_theta(theta).predict(X)},
        draws.longest_sum(case.drawn, 1), may_refuse=refused,
    )  # fmt: skip


def loss(case):
    n = case.draw.count()
    X, Y = some_inputs(case, n), some_targets(case, n)
    weights = _weights(case, n)
    case.log.append("loss")
    judge(
        case, lambda: {"loss": case.net.loss(X.value, Y.value, sample_weight=weights.value)},
        [X, Y, weights],
        lambda theta, X, Y: {
            "loss": case.same_theta(theta).loss(
                X, case.in_range(Y), sample_weight=_clean_weights(weights)
            )
        },
        draws.longest_sum(case.drawn, n),
    )  # fmt: skip


def gradients(case):
    def found(net, X, Y):
        loss, dW, db, delta = net.gradients(X, Y)
        named = {"loss": loss}
        for k in range(len(dW)):
            named |= {f"dW{k}": dW[k], f"delta{k}": delta[k]}
            named |= {} if db[k] is None else {f"db{k}": db[k]}
        return named

    n = case.draw.count()
    X, Y = some_inputs(case, n), some_targets(case, n)
    case.log.append("gradients")
    judge(
        case, lambda: found(case.net, X.value, Y.value), [X, Y],
        lambda theta, X, Y: found(case.same_theta(theta), X, case.in_range(Y)),
        draws.longest_sum(case.drawn, n),
    )  # fmt: skip


def gradient(case):
    """The flat one."""
    n = case.draw.count()
    X, Y, weights = some_inputs(case, n), some_targets(case, n), _weights(case, n)
    case.log.append("gradient")
    judge(
        case, lambda: {"grad": case.net.gradient(X.value, Y.value, sample_weight=weights.value)},
        [X, Y, weights],
        lambda theta, X, Y: {
            "grad": case.same_theta(theta).gradient(
                X, case.in_range(Y), sample_weight=_clean_weights(weights)
            )
        },
        draws.longest_sum(case.drawn, n),
    )  # fmt: skip


def diagnose(case):
    """The loss, and norms of gradients and slopes layer by layer."""

    def found(net, X, Y):
        told = net.diagnose(X, Y)
        named = {"loss": told.loss}
        for layer in told.layers:
            named |= {
                f"gradient{layer.number}": layer.gradient,
                f"delta{layer.number}": layer.delta,
            }
        return named

    n = case.draw.count()
    X, Y = some_inputs(case, n), some_targets(case, n)
    case.log.append("diagnose")
    judge(
        case, lambda: found(case.net, X.value, Y.value), [X, Y],
        lambda theta, X, Y: found(case.same_theta(theta), X, case.in_range(Y)),
        draws.longest_sum(case.drawn, n),
    )  # fmt: skip


def backward(case):
    """From slopes of one's own to the gradient by all parameters, or by the inputs."""
    n, name = case.draw.count(), case.draw.choice(("backward", "input_gradient"))
    X = some_inputs(case, n)
    Y = dense(case.draw, draws.slopes(case.draw, n, case.drawn), case.drawn.dtype, "mse")
    case.log.append(name)
    judge(
        case, lambda: {name: getattr(case.net, name)(X.value, Y.value)}, [X, Y],
        lambda theta, X, Y: {name: getattr(case.same_theta(theta), name)(X, Y)},
        draws.longest_sum(case.drawn, n),
    )  # fmt: skip


def jacobian(case):
    n = case.draw.count()
    X = some_inputs(case, n)
    case.log.append("jacobian")
    judge(
        case, lambda: {"jacobian": case.net.jacobian(X.value)}, [X],
        lambda theta, X, _: {"jacobian": case.same_theta(theta).jacobian(X)},
        draws.longest_sum(case.drawn, n),
    )  # fmt: skip


def gentle(case, optimizer):
    """Steps so small that outputs do not run into the limits of a logarithm."""
    if not case.is_limited:
        return optimizer
    if isinstance(optimizer, dl.SGD):
        return replace(optimizer, learning_rate=optimizer.learning_rate / 10)
    return optimizer


def fit(case):
    draw, n = case.draw, case.draw.count()
    kind = None if draw.chance(0.6) else draw.choice(sorted(callbacks.KINDS))
    X, Y = some_inputs(case, n), some_targets(case, n, 0.0 if kind else 0.5)
    if kind and draw.chance(0.7):  # arrays whose memory and metadata are within reach
        X, Y = (
            plain(values.astype(case.drawn.dtype), f"own {values.shape}")
            for values in (draws.inputs(draw, n, case.drawn.sizes[0]),
                           draws.targets(draw, n, case.drawn))
        )  # fmt: skip
        if kind.startswith("S") and X.value.size:
            X.value, X.what = sp.csr_array(X.value), f"own {X.what[4:]} in CSR"
            _unshifted(case, X)
    epochs = draw.choice((1, 1, 2, 3)) if kind is None else 3
    batch_size = max(draw.choice((1, 2, 3, 8, 16, n, n)), n * epochs // 40)
    batch_size = draw.choice((None, min(batch_size, n)))
    n_threads, refused = _threads(case)
    settings = {
        "epochs": epochs, "batch_size": batch_size, "shuffle": draw.chance(0.6),
        "optimizer": gentle(case, draws.optimizer(draw)),
    }  # fmt: skip
    weights = _weights(case, n)
    rates = draw.choice(sorted(draws.SCHEDULES)) if draw.chance(0.3) else None
    mode = draw.choice(("auto", "auto", True, False))
    order = draw.choice(list(ORDERS)) if settings["shuffle"] and draw.chance(0.2) else "honest"
    seed, watched, watched_clean = draw.getrandbits(30), None, None
    givens = [X, Y, weights]
    if draw.chance(0.15):
        watched = some_inputs(case, 3), some_targets(case, 3)
        givens += watched
        if all(given.clean is not None for given in watched):
            watched_clean = tuple(given.clean for given in watched)
    progress = Callback(kind, case.net, X.value, Y.value, draw.randrange(3)) if kind else False
    case.log.append(
        f"fit {settings} schedule={rates} sparse={mode} n_threads={n_threads} order={order} "
        f"callback={kind}"
    )
    settings["schedule"] = rates and draws.SCHEDULES[rates]

    def call():
        case.net.generator = Orders(seed, order)
        history = case.net.fit(
            X.value, Y.value, **settings, sample_weight=weights.value, sparse=mode,
            n_threads=n_threads, progress=progress,
            validation_data=watched and tuple(given.value for given in watched),
        )  # fmt: skip
        return found(history, case.net)

    def found(history, net):
        more = {"watched": history.validation_loss} if watched else {}
        return {"losses": history.loss, **more, **case.blocks(net)}

    def compute(theta, X, Y):
        net = case.same_theta(theta)
        net.generator = Orders(seed, "honest")
        history = net.fit(
            X, case.in_range(Y), **settings, sample_weight=_clean_weights(weights),
            validation_data=watched_clean,
        )  # fmt: skip
        return found(history, net)

    acts = kind in callbacks.TAMPERING
    case.is_damaged = acts and kind.startswith(callbacks.DAMAGES_THETA)
    n_terms = draws.longest_sum(case.drawn, n) + epochs * -(-n // (batch_size or min(n, 10)))
    known = order in TRUE_ORDERS and not acts
    accepted = judge(
        case, call, givens, compute if known else None, n_terms,
        # what lies in a file is not listed in memory
        may_refuse=n_threads > 1 or refused or order != "honest"
        or (mode is True and "memmap" in X.what),
        changes=kind is not None,
        allowed=CHECKED,
    )  # fmt: skip
    if accepted and order in ("too large", "far", "negative", "empty", "text"):
        raise Finding(f"trained in an order that is none: {order}")
    if case.is_damaged:
        case.stops = True
        case.log.append("predict after that")
        judge(case, lambda: {"out": case.net.predict(np.ones((2, case.drawn.sizes[0])))}, [])


def least_squares(case):
    """Methods that look at all samples: each step lowers the loss, and it is the one reported."""
    draw, n = case.draw, case.draw.count()
    if case.net.n_parameters > 300:
        return
    optimizer = draw.choice(draws.WHOLE_BATCH)
    X, Y, weights = some_inputs(case, n), some_targets(case, n), _weights(case, n)
    case.log.append(f"fit {optimizer}")

    def wrong(net, X, Y, weights):
        before = net.theta.copy()
        losses = net.fit(X, Y, epochs=3, optimizer=optimizer, sample_weight=weights).loss
        falls = all(later < sooner for sooner, later in pairwise(losses))
        moves = bool(losses) == (net.theta.tobytes() != before.tobytes())
        return {"wrong": float(not (falls and (moves or net.dtype == np.float32)))}

    judge(
        case, lambda: wrong(case.net, X.value, Y.value, weights.value), [X, Y, weights],
        lambda theta, X, Y: wrong(
            case.same_theta(theta), X, case.in_range(Y), _clean_weights(weights)
        ),
        may_refuse="memmap" in X.what,  # it may have to be converted, again and again
    )  # fmt: skip


def freeze(case):
    """Other layers are trained from now on."""
    which = [case.draw.chance(0.6) for _ in case.net.layers]
    case.log.append(f"trainable = {which}")
    for net in (case.net, case.twin):
        net.trainable = which
    if case.net.trainable != tuple(which):
        raise Finding("other layers are trained than were assigned")


def assign(case):
    """theta, W, b or the vector: what was assigned is there, and nothing else has changed."""
    draw, net = case.draw, case.net
    name = draw.choice(("W", "W", "b", "theta", "parameters"))
    index, whole = draw.randrange(len(net.layers)), name in ("theta", "parameters")
    view = getattr(net, name) if whole else getattr(net, name)[index]
    if view is None:
        return
    values = draws.inputs(draw, 1, view.size).reshape(-1)[: view.size]
    if values.size != view.size:
        return
    values = values.reshape(view.shape if view.ndim == 2 else (1, -1))
    if name == "theta":
        given = plain(net.theta.astype(np.float64) / 2, "half of theta")
    elif draw.chance(0.2):
        other = view[::-1] if draw.chance(0.5) else view[..., ::-1]
        given = Given("its own mirror image", other, other.astype(np.float64))
    else:
        given = dense(draw, values, case.drawn.dtype, flat=view.ndim == 1)
    case.log.append(f"assign {name}" + ("" if whole else f"[{index}]"))
    untouched = net.theta.copy()

    def call():
        if whole:
            setattr(net, name, given.value)
        else:
            getattr(net, name)[index] = given.value
        return case.blocks(net)

    def compute(theta, X, Y):
        twin = case.same_theta(untouched)
        if whole:
            setattr(twin, name, np.reshape(X, -1))
        else:
            getattr(twin, name)[index] = X
        return case.blocks(twin)

    judge(case, call, [given], compute)
    net.theta[:] = case.drawn.theta  # units saturate with the numbers that were assigned
