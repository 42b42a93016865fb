"""The doors for one sample and one mini-batch: predict_one, learn_one, learn_batch, streams."""

import numpy as np

from . import draws
from .arrays import dense
from .callbacks import Finding
from .doors import gentle, some_inputs
from .given import plain
from .judge import UNCHECKED, attempt, judge
from .liars import Lie
from .outs import RIGHT, WRONG, Out


def _sample(case):
    """x of one sample."""
    values = draws.inputs(case.draw, 1, case.drawn.sizes[0])
    return dense(case.draw, values, case.drawn.dtype, flat=True)


def _target(case):
    """y of one sample."""
    values = draws.targets(case.draw, 1, case.drawn)
    return dense(case.draw, values, case.drawn.dtype, case.drawn.of_targets, flat=True)


def predict_one(case):
    _predict(case, _sample(case), "predict_one", 1)


def predict_batch(case):
    n = case.draw.count()
    _predict(case, some_inputs(case, n, sparsely=0.03), "predict_batch", n)


def _has_rows(value, name, n):
    """Whether a batch is of n samples, for which `out` was made; some are of one more."""
    try:
        return name == "predict_one" or len(value) == n
    except (TypeError, Lie):
        return False


def _predict(case, x, name, n):
    """A call that takes `out`; n: samples."""
    net, draw = case.net, case.draw
    scaled = net.scaling is not None and net.scaling.y_mean is not None
    out = None
    if draw.chance(0.6):
        if draw.chance(0.3):  # something that an `out` may lie on
            values = draws.inputs(draw, n, case.drawn.sizes[0])
            if name == "predict_one":
                values = values[:1].reshape(-1)
            x = plain(values.astype(case.drawn.dtype), f"own {values.shape}")
        out = Out(draw, n * case.drawn.sizes[-1], "f8" if scaled else net.dtype, x.value, net)
        if out.kind in ("on x", "on theta"):
            x.held = []
    case.log.append(f"{name} out={out and out.kind}")
    theta = net.theta.copy()

    def call():
        returned = getattr(net, name)(x.value, *([] if out is None else [out.value]))
        if out is None:
            return {"out": np.reshape(returned, -1)}
        if out.kind != "none" and returned is not out.value:
            raise Finding("did not return out")
        return {"out": np.reshape(out.written(returned), -1)}

    def compute(theta, X, Y):
        return {"out": np.reshape(getattr(case.same_theta(theta), name)(X), -1)}

    if out is not None and out.kind == "on theta":
        accepted = _on_theta(case, call, x, theta, compute)
    else:
        accepted = judge(
            case, call, [x], compute, draws.longest_sum(case.drawn, 1), UNCHECKED,
            may_refuse=_may_be_refused(x)
            or (out is not None and (out.kind not in RIGHT or not _has_rows(x.value, name, n))),
        )  # fmt: skip
    if out is None:
        return
    if accepted and out.kind in WRONG:
        raise Finding(f"wrote into an out that does not fit: {out.kind}")
    if not accepted and not out.is_unchanged():
        raise Finding("refused, and yet wrote into out")
    if not out.outside_is_unchanged():
        raise Finding("wrote outside out")


def _may_be_refused(X):
    """Formats of SciPy without rows."""
    return "_array" in X.what or "_matrix" in X.what


def _on_theta(case, call, x, theta, compute):
    """`out` is a piece of the parameters: what it receives is the output of those before."""
    actual, error = attempt(call)
    padding_hit = case.net.theta.copy()
    case.net.theta[:] = theta
    case.log.append(x.what)

    def again():
        if error is not None:
            raise error
        return actual

    try:
        return judge(
            case, again, [x], compute, draws.longest_sum(case.drawn, 1), UNCHECKED,
            may_refuse=_may_be_refused(x),
        )  # fmt: skip
    finally:
        case.net.theta[:] = padding_hit
        case.stops = True


def _optimizer(case):
    """One optimiser for both networks, its state fresh."""
    optimizer = gentle(case, draws.optimizer(case.draw))
    case.net.optimizer = optimizer
    return optimizer


def _rate(case, optimizer):
    """Another rate for the last of several steps, or None."""
    return optimizer.learning_rate / 2 if case.draw.chance(0.3) else None


def learn_one(case):
    """One sample, once or several times."""
    x, y, times = _sample(case), _target(case), case.draw.choice((1, 1, 3))
    optimizer = _optimizer(case)
    streamed, rate = case.draw.chance(0.3), _rate(case, optimizer)
    case.log.append(f"{'stream' if streamed else 'learn_one'} x{times} {optimizer} then {rate}")

    def steps(net, x, y):
        net.optimizer = optimizer
        learn = net.stream(10).learn if streamed else net.learn_one
        losses = [learn(x, y) for _ in range(times - 1)]
        if rate is not None:
            net.learning_rate = rate
        losses.append(learn(x, y))
        return {"losses": losses, **case.blocks(net)}

    judge(
        case, lambda: steps(case.net, x.value, y.value), [x, y],
        lambda theta, X, Y: steps(case.same_theta(theta), X, case.in_range(Y)),
        draws.longest_sum(case.drawn, 1) + times, UNCHECKED,
        changes=times > 1,  # the second call may be refused, when an object answers differently
    )  # fmt: skip


def learn_batch(case):
    n = case.draw.count()
    X = some_inputs(case, n, sparsely=0.03)
    values = draws.targets(case.draw, n, case.drawn)
    Y = dense(case.draw, values, case.drawn.dtype, case.drawn.of_targets)
    optimizer = _optimizer(case)
    case.log.append(f"learn_batch {optimizer}")

    def step(net, X, Y):
        net.optimizer = optimizer
        return {"loss": net.learn_batch(X, Y), **case.blocks(net)}

    judge(
        case, lambda: step(case.net, X.value, Y.value), [X, Y],
        lambda theta, X, Y: step(case.same_theta(theta), X, case.in_range(Y)),
        draws.longest_sum(case.drawn, n) + 1, UNCHECKED, may_refuse=_may_be_refused(X),
    )  # fmt: skip


def apply_gradient(case):
    """A gradient from elsewhere, laid out as theta or without its padding."""
    net, optimizer = case.net, _optimizer(case)
    n = case.draw.choice((net.theta.size, net.n_parameters))
    given = dense(case.draw, draws.inputs(case.draw, 1, n), case.drawn.dtype, flat=True)
    case.log.append(f"apply_gradient {optimizer}")

    def step(net, gradient):
        net.optimizer = optimizer
        net.apply_gradient(gradient)
        return case.blocks(net)

    judge(
        case, lambda: step(case.net, given.value), [given],
        lambda theta, gradient, _: step(case.same_theta(theta), gradient), 2,
    )  # fmt: skip
