"""Doors for compiled code: handles by their address or capsule, and the functions for Numba."""

import copy
import ctypes
import functools
from types import SimpleNamespace

import numpy as np

import deltaloop as dl
from handles import Called, Handle

from . import draws
from .callbacks import Finding
from .doors import gentle
from .given import Given, fenced
from .heads import parts, row_of
from .judge import UNCHECKED, judge


@functools.cache
def numba_modules():
    """deltaloop.numba and deltaloop.numba_handles, and what Numba raises; None without Numba."""
    try:
        import numba

        import deltaloop.numba
        import deltaloop.numba_handles
    except ImportError:
        return None
    return deltaloop.numba, deltaloop.numba_handles, numba.errors.NumbaError


def warm_up(names):
    """Compile, once for all children, what cases of these backends call."""
    if numba_modules() is None:
        return
    functions, handles, _ = numba_modules()
    for dtype in ("float32", "float64"):
        X, Y = np.ones((2, 2), dtype), np.ones((2, 2), dtype)
        for name in {"cython", "numba"} & set(names):
            session = dl.Network([2, 3, 2], dtype=dtype, backend=name).session(2)
            handles.forward(session.address, X, Y.copy())
            handles.learn(session.address, X, Y)
        if "numba" not in names:
            continue
        net = dl.Network([2, 3, 2], dtype=dtype, backend="numba")
        net.learn_one(X[0], Y[0])
        net.predict_one(X[0])
        net.fit(X, Y, epochs=1)
        net.gradients(X, net.predict(X))
        unpacked, grad = functions.unpack(net, 2), np.zeros_like(net.theta)
        wide = np.ones((2, 3), dtype)[:, :2]
        for x, y, out in ((X[0], Y[0], X[0].copy()), (X, Y, X.copy()), (wide, Y, X.copy())):
            functions.forward(unpacked, x)
            functions.backward(unpacked, x, y, grad)
            functions.input_gradient(unpacked, x, y, out)
            functions.loss_gradient(unpacked, x, y, grad)
            functions.train_step(unpacked, x, y, 0.0)


def _rows(case, n, wall=True):
    """X and Y in the dtype of the network, at the end of what may be read."""
    X, Y = draws.inputs(case.draw, n, case.drawn.sizes[0]), draws.targets(case.draw, n, case.drawn)
    if X.shape != (n, case.drawn.sizes[0]) or Y.shape != (n, case.drawn.n_targets):
        X, Y = np.zeros((n, case.drawn.sizes[0])), np.full((n, case.drawn.n_targets), 1.0)
        Y /= case.drawn.n_targets
    givens = []
    with np.errstate(over="ignore"):
        for name, values in (("X", X), ("Y", Y)):
            typed = values.astype(case.drawn.dtype)
            value = fenced(typed.shape, typed.dtype, case.draw.chance(0.8)) if wall else typed
            value[...] = typed
            givens.append(
                Given(f"{name} {value.shape}", value, typed.astype(np.float64), held=[value])
            )
    return givens


def _are_right(case, X, Y):
    """Whether the reference, which checks, takes them as well."""
    finite = np.isfinite(X.clean).all() and np.isfinite(Y.clean).all()
    if case.drawn.heads:
        of_heads = parts(Y.clean, case.drawn.heads)
        return finite and all(_suits(row_of(loss), part) for loss, part in of_heads)
    return finite and (_suits(row_of(case.drawn.loss), Y.clean))


def _suits(row, Y):
    low, high = row.targets
    return Y.min() >= low and Y.max() <= high and (np.isin(Y, row.only_targets or Y)).all()


def _unscaled(case, theta):
    net = case.same_theta(theta)
    net.scaling = None
    return net


def _session(case, room, optimizer):
    """What has the address of a handle: a session, or what the network alone keeps alive."""
    how = case.draw.choice(("session", "address", "capsule", "orphaned capsule"))
    net = case.net
    if how.startswith("orphaned"):  # nothing else keeps its network
        net = copy.deepcopy(net)
    if how == "session":
        return how, net.session(room, optimizer)
    if how == "address":
        address = net.session(room, optimizer).address
        net.session(1), dl.Network([1, 1], backend="cython").session(1)  # may take its memory
        return how, SimpleNamespace(address=address, net=net)
    capsule = net.session(room, optimizer).capsule
    net.session(1)
    del net
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer(capsule, b"deltaloop.handle.1")
    return how, SimpleNamespace(address=address, capsule=capsule)


def handle(case):
    """A handle, called through ctypes or through numba_handles."""
    draw, net = case.draw, case.net
    n_targets = case.drawn.n_targets
    if net.backend.NAME == "reference" or n_targets != net.sizes[-1]:
        case.log.append("session")
        if judge(case, lambda: {"none": net.session()}, []):
            raise Finding("a session without compiled code, or with other targets than outputs")
        return
    n = draw.count()
    X, Y = _rows(case, n)
    room, optimizer = n + draw.randint(0, 3), gentle(case, draws.optimizer(draw))
    how, session = _session(case, room, optimizer)
    calls = ["forward", "loss_gradient", "numba forward", "learn", "numba learn"]
    call = draw.choice(calls[:3] if how.startswith("orphaned") else calls)
    if call.startswith("numba") and numba_modules() is None:
        call = call[6:]
    case.log.append(f"{how} of a handle: {call}, room for {room}, {optimizer}")
    found = Handle.from_address(session.address)
    if (found.itemsize, found.n_in, found.batch_size) != (net.dtype.itemsize, net.sizes[0], room):
        raise Finding("the handle belongs to another session")
    called = Called(session)

    def act():
        if call == "forward":
            out = fenced((n, net.sizes[-1]), net.dtype, True)
            called.handle.forward(called.handle, X.value.ctypes.data, n, out.ctypes.data)
            return {"out": out}
        if call == "numba forward":
            out = np.empty((n, net.sizes[-1]), net.dtype)
            numba_modules()[1].forward(session.address, X.value, out)
            return {"out": out}
        if call == "loss_gradient":
            grad = fenced((net.theta.size,), net.dtype, True)
            loss = called.loss_gradient(X.value, Y.value, grad)
            return {"loss": loss, **_named(net, grad)}
        learn = called.learn
        if call == "numba learn":
            learn = functools.partial(numba_modules()[1].learn, session.address)
        return {"loss": learn(X.value, Y.value), **case.blocks(net)}

    def compute(theta, X, Y):
        twin, scaling = _unscaled(case, theta), case.drawn.scaling
        try:
            if call.endswith("forward"):
                return {"out": twin.predict(X)}
            if call == "loss_gradient":
                return _gradient(twin, X, case.in_range(Y))
            twin.optimizer = optimizer
            return {"loss": twin.learn_batch(X, case.in_range(Y)), **case.blocks(twin)}
        finally:
            twin.scaling = scaling

    judge(
        case,
        act,
        [X, Y],
        compute if _are_right(case, X, Y) else None,
        draws.longest_sum(case.drawn, n) + 1,
    )


def _named(net, grad):
    named = {f"dW{k}": net.plan.W(grad, k) for k in range(len(net.layers))}
    return named | {
        f"db{k}": net.plan.b(grad, k) for k in range(len(net.layers)) if net.layers[k].bias
    }


def _gradient(twin, X, Y):
    loss, dW, db, _ = twin.gradients(X, Y)
    named = {"loss": loss} | {f"dW{k}": dW[k] for k in range(len(dW))}
    return named | {f"db{k}": db[k] for k in range(len(db)) if db[k] is not None}


def numba_functions(case):
    """deltaloop.numba, called from Python: the same code as in a function of the caller's."""
    draw, net = case.draw, case.net
    functions, _, numba_error = numba_modules()
    n = draw.count()
    X, Y = _rows(case, n)
    room, shape = n + draw.randint(-1, 2), draw.choice(("", "", "", "flat", "padded", "bad"))
    x, y = X.value, Y.value
    if shape == "flat" and n == 1:
        x, y = x[0], y[0]
    elif shape == "padded":
        x = np.full((n, x.shape[1] + 3), np.nan, x.dtype)[:, : x.shape[1]]
        x[...] = X.value
    elif shape == "bad":
        x, y = draw.choice(((x[:, 1:], y), (x, y[:-1]), (x[:0], y[:0]), (x, y[:, 1:])))
    call = draw.choice(("forward", "loss_gradient", "train_step", "backward", "input_gradient"))
    case.log.append(f"numba.{call} {shape} room for {room}")
    holder = np.full(net.theta.size + 64, 7, net.dtype)
    grad = holder[32:-32]

    def act():
        unpacked = functions.unpack(net, room)
        if call == "forward":
            return {"out": functions.forward(unpacked, x).reshape(n, -1).copy()}
        if call == "loss_gradient":
            return {"loss": functions.loss_gradient(unpacked, x, y, grad), **_named(net, grad)}
        if call == "train_step":
            return {"loss": functions.train_step(unpacked, x, y, 0.01), **case.blocks(net)}
        slope = (functions.forward(unpacked, x) - y) / n  # of mse
        if call == "backward":
            grad[:] = 0
            functions.backward(unpacked, x, np.ascontiguousarray(slope, y.dtype), grad)
            return _named(net, grad) if net.loss_name == "mse" else {}
        functions.input_gradient(unpacked, x, y, np.empty_like(x))
        return {}

    def compute(theta, X, Y):
        twin, scaling = _unscaled(case, theta), case.drawn.scaling
        try:
            if call == "forward":
                return {"out": twin.predict(X)}
            if call == "loss_gradient":
                return _gradient(twin, X, case.in_range(Y))
            if call == "train_step":
                twin.optimizer = dl.SGD(0.01)
                return {"loss": twin.learn_batch(X, case.in_range(Y)), **case.blocks(twin)}
            if call == "backward" and twin.loss_name == "mse":
                found = _gradient(twin, X, Y)
                return {name: found[name] for name in found if name != "loss"}
            return {}
        finally:
            twin.scaling = scaling

    known = _are_right(case, X, Y) and shape != "bad"
    has_no_function = net.plan.by_batches or net.plan.heads is not None
    accepted = judge(
        case, act, [X, Y], compute if known else None,
        draws.longest_sum(case.drawn, n) + 1, (*UNCHECKED, numba_error),
        may_refuse=shape == "bad" or room < n or net.scaling is not None or has_no_function,
    )  # fmt: skip
    refuses = net.scaling is not None or has_no_function
    if accepted and (refuses or (room < n and call != "loss_gradient")):
        raise Finding("took what it has to refuse")
    if (holder[:32] != 7).any() or (holder[-32:] != 7).any():
        raise Finding("wrote outside grad")
