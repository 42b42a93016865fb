"""The doors for one sample and one mini-batch: predict_one, learn_one, learn_batch, streams."""

import numpy as np

from . import draws
from .arrays import dense
from .callbacks import Finding
from .doors import gentle, some_inputs
from .given import plain
from .judge import UNCHECKED, attempt, judge
from .outs import RIGHT, WRONG, Out


def _sample(case):
    """x of one sample."""
    values = draws.inputs(case.draw, 1, case.drawn.sizes[0])
    return dense(case.draw, values, case.drawn.dtype, flat=True)


def _target(case):
    """y of one sample."""
    values = draws.targets(case.draw, 1, case.drawn)
    return dense(case.draw, values, case.drawn.dtype, case.drawn.loss, flat=True)


def predict_one(case):
    x, net, draw = _sample(case), case.net, case.draw
    scaled = net.scaling is not None and net.scaling.y_mean is not None
    out = None
    if draw.chance(0.6):
        if draw.chance(0.3):  # something that an `out` may lie on
            values = draws.inputs(draw, 1, case.drawn.sizes[0])[:1].reshape(-1)
            x = plain(values.astype(case.drawn.dtype), f"own {values.shape}")
        out = Out(draw, case.drawn.sizes[-1], "f8" if scaled else net.dtype, x.value, net)
        if out.kind in ("on x", "on theta"):
            x.held = []
    case.log.append(f"predict_one out={out and out.kind}")
    theta = net.theta.copy()

    def call():
        returned = net.predict_one(x.value, *([] if out is None else [out.value]))
        if out is None:
            return {"out": returned}
        if out.kind != "none" and returned is not out.value:
            raise Finding("did not return out")
        return {"out": np.reshape(out.written(returned), -1)}

    accepted = judge(
        case, call, [x],
        lambda theta, X, Y: {"out": case.same_theta(theta).predict_one(X)},
        draws.longest_sum(case.drawn, 1), UNCHECKED,
        may_refuse=out is not None and out.kind not in RIGHT,
        changes=out is not None and out.kind == "on theta",
    ) if out is None or out.kind != "on theta" else _on_theta(case, call, x, theta)  # fmt: skip
    if out is None:
        return
    if accepted and out.kind in WRONG:
        raise Finding(f"wrote into an out that does not fit: {out.kind}")
    if not accepted and not out.is_unchanged():
        raise Finding("refused, and yet wrote into out")
    if not out.outside_is_unchanged():
        raise Finding("wrote outside out")


def _on_theta(case, call, x, theta):
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
            case, again, [x], lambda theta, X, Y: {"out": case.same_theta(theta).predict_one(X)},
            draws.longest_sum(case.drawn, 1), UNCHECKED,
        )  # fmt: skip
    finally:
        case.net.theta[:] = padding_hit
        case.stops = True


def _optimizer(case):
    """One optimiser for both networks, its state fresh."""
    optimizer = gentle(case, case.draw.choice(draws.OPTIMIZERS))
    case.net.optimizer = optimizer
    return optimizer


def learn_one(case):
    """One sample, once or several times."""
    x, y, times = _sample(case), _target(case), case.draw.choice((1, 1, 3))
    optimizer = _optimizer(case)
    streamed = case.draw.chance(0.3)
    case.log.append(f"{'stream' if streamed else 'learn_one'} x{times} {optimizer}")

    def steps(net, x, y):
        net.optimizer = optimizer
        learn = net.stream(10).learn if streamed else net.learn_one
        losses = [learn(x, y) for _ in range(times)]
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
    Y = dense(case.draw, values, case.drawn.dtype, case.drawn.loss)
    optimizer = _optimizer(case)
    case.log.append(f"learn_batch {optimizer}")

    def step(net, X, Y):
        net.optimizer = optimizer
        return {"loss": net.learn_batch(X, Y), **case.blocks(net)}

    judge(
        case, lambda: step(case.net, X.value, Y.value), [X, Y],
        lambda theta, X, Y: step(case.same_theta(theta), X, case.in_range(Y)),
        draws.longest_sum(case.drawn, n) + 1, UNCHECKED,
        may_refuse="_array" in X.what or "_matrix" in X.what,
    )  # fmt: skip
