"""deltaloop.numba: a network inside functions that the user has compiled."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time

import numba
import numpy as np
import pytest

import deltaloop as dl
import deltaloop.numba as dn
from deltaloop.kernels import load

# Compiled once for each dtype and number of dimensions.


@numba.njit
def forward(net, x):
    return dn.forward(net, x).copy()


@numba.njit
def loss_gradient(net, x, y, grad):
    return dn.loss_gradient(net, x, y, grad)


@numba.njit
def train(net, X, Y, learning_rate, batch_size):
    total = 0.0
    for first in range(0, len(X), batch_size):
        x, y = X[first : first + batch_size], Y[first : first + batch_size]
        total += dn.train_step(net, x, y, learning_rate) * len(x)
    return total / len(X)


@numba.njit
def train_one_by_one(net, X, Y, learning_rate):
    for t in range(len(X)):
        dn.train_step(net, X[t], Y[t], learning_rate)


@numba.njit
def slopes(net, x, dC_da, grad, dC_dx):
    dn.forward(net, x)
    dn.backward(net, x, dC_da, grad)
    dn.input_gradient(net, x, dC_da, dC_dx)


@pytest.fixture(params=["softmax", "sigmoid"])
def net(request, dtype):
    loss = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}[request.param]
    return dl.Network([5, 18, 7, 3], activation="tanh", loss=loss, dtype=dtype, seed=2)


def samples(net, n):
    generator = np.random.default_rng(3)
    X = generator.normal(size=(n, 5)).astype(net.dtype)
    return X, np.eye(3, dtype=net.dtype)[generator.integers(3, size=n)]


def same(found, expected):
    # not bit for bit: what `net` computes with may be another instruction set
    np.testing.assert_allclose(found, expected, rtol=0, atol=200 * np.finfo(expected.dtype).eps)


@pytest.mark.parametrize("n_samples", [1, 9])
def test_forward_is_predict(net, n_samples):
    X, _ = samples(net, n_samples)
    unpacked = dn.unpack(net, batch_size=9)
    same(forward(unpacked, X), net.predict(X))
    same(forward(unpacked, X[0]), net.predict(X[:1])[0])


def test_loss_gradient_is_that_of_the_network(net):
    X, Y = samples(net, 13)
    expected = net.gradients(X, Y)
    for batch_size in (1, 4, 20):
        grad = np.full_like(net.theta, np.nan)
        loss = loss_gradient(dn.unpack(net, batch_size), X, Y, grad)
        assert loss == pytest.approx(expected.loss, rel=1e-5)
        for k in range(3):
            same(net.plan.W(grad, k), expected.dW[k])
            same(net.plan.b(grad, k), expected.db[k])


def test_steps_are_those_of_fit(net):
    X, Y = samples(net, 13)
    other = dl.Network(
        [5, 18, 7, 3], activation="tanh", loss=net.loss_name, dtype=net.dtype, seed=2
    )
    unpacked, how = dn.unpack(net, batch_size=4), {"shuffle": False, "optimizer": dl.SGD(0.1)}
    train_one_by_one(unpacked, X, Y, 0.1)
    other.fit(X, Y, epochs=1, batch_size=1, **how)
    same(net.theta, other.theta)
    loss = train(unpacked, X, Y, 0.1, 4)
    history = other.fit(X, Y, epochs=1, batch_size=4, **how)
    same(net.theta, other.theta)
    assert loss == pytest.approx(history.loss[0], rel=1e-5)


def test_unpacking_shares_the_parameters():
    net = dl.Network([2, 1])
    unpacked = dn.unpack(net)
    assert np.shares_memory(unpacked.theta, net.theta)
    net.W[0][:] = 0
    net.b[0][:] = 3
    assert forward(unpacked, np.ones(2, np.float32)) == 3


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "identity"])
def test_slopes_match_central_differences(output):
    loss = "cross_entropy" if output == "softmax" else "mse"
    net = dl.Network([5, 6, 3], activation="tanh", output=output, loss=loss, dtype="float64")
    X, _ = samples(net, 4)
    generator, h = np.random.default_rng(0), 1e-6
    D = generator.normal(size=(4, 3))
    grad, dC_dx = np.zeros_like(net.theta), np.empty_like(X)
    slopes(dn.unpack(net, 4), X, D, grad, dC_dx)

    def cost(theta, X):
        net.theta = theta
        return (net.predict(X) * D).sum()

    theta = net.theta.copy()
    direction = generator.normal(size=theta.shape) * (grad != 0)
    numeric = (cost(theta + h * direction, X) - cost(theta - h * direction, X)) / (2 * h)
    assert direction @ grad == pytest.approx(numeric, rel=1e-6)
    moved = generator.normal(size=X.shape)
    numeric = (cost(theta, X + h * moved) - cost(theta, X - h * moved)) / (2 * h)
    assert (dC_dx * moved).sum() == pytest.approx(numeric, rel=1e-6)
    # backward adds: the same samples one by one
    one_by_one, dC_dx_t = np.zeros_like(grad), np.empty(5)
    net.theta = theta
    for t in range(4):
        slopes(dn.unpack(net), X[t], D[t], one_by_one, dC_dx_t)
        np.testing.assert_allclose(dC_dx_t, dC_dx[t], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one_by_one, grad, rtol=1e-9, atol=1e-12)


@numba.njit(parallel=True)
def train_together(nets, X, Y):
    for k in numba.prange(len(nets)):
        for _ in range(20):
            dn.train_step(nets[np.intp(k)], X, Y, 0.1)


def test_networks_learn_in_parallel_as_they_do_alone():
    nets, alone = (
        [dl.Network([5, 18, 3], dtype="float64", seed=k) for k in range(5)] for _ in range(2)
    )
    X, Y = samples(nets[0], 8)
    train_together(numba.typed.List([dn.unpack(net, 8) for net in nets]), X, Y)
    for net, other in zip(nets, alone, strict=True):
        for _ in range(20):
            train(dn.unpack(other, 8), X, Y, 0.1, 8)
        assert net.theta.tobytes() == other.theta.tobytes()


def test_rows_may_lie_apart():
    net = dl.Network([5, 3], dtype="float64")
    X, _ = samples(net, 6)
    frame = np.full((6, 9), np.nan)
    frame[:, 2:7] = X
    unpacked = dn.unpack(net, 6)
    np.testing.assert_array_equal(forward(unpacked, frame[::2, 2:7]), forward(unpacked, X[::2]))


@pytest.mark.parametrize("column", [lambda v: v[:, None], lambda v: np.expand_dims(v, 1)])
def test_a_column_of_single_values_has_any_stride(column):
    net = dl.Network([1, 4, 1], dtype="float64", seed=1)
    x, y = np.linspace(-1, 1, 12)[::2], np.linspace(0, 1, 18)[::3]
    grad, expected = np.empty_like(net.theta), np.empty_like(net.theta)
    net_, columns = dn.unpack(net, 6), (x.reshape(-1, 1).copy(), y.reshape(-1, 1).copy())
    loss = loss_gradient(net_, *columns, expected)
    assert loss_gradient(net_, column(x), column(y), grad) == loss
    assert grad.tobytes() == expected.tobytes()
    np.testing.assert_array_equal(forward(net_, column(x)), forward(net_, columns[0]))
    out, dC_dx = np.empty(12)[::2], np.empty((6, 1))
    slopes(net_, columns[0], columns[1], grad, dC_dx)
    slopes(net_, column(x), column(y), grad, column(out))
    np.testing.assert_array_equal(out, dC_dx[:, 0])


# Refused


def unpacked(batch_size=2):
    return dn.unpack(dl.Network([5, 3]), batch_size)


def zeros(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: dn.forward(net, zeros(4)), "n_in values"),
        (lambda net: dn.forward(net, zeros(10)[::2]), "side by side"),
        (lambda net: dn.forward(net, zeros(3, 5)), "unpack\\(batch_size"),
        (lambda net: dn.forward(net, zeros(0, 5)), "at least 1 sample"),
        (lambda net: dn.train_step(net, zeros(4, 5)[4:], zeros(4, 3)[4:], 0.1), "at least 1"),
        (lambda net: dn.train_step(net, zeros(5), zeros(2), 0.1), "n_out values"),
        (lambda net: dn.train_step(net, zeros(2, 5), zeros(1, 3), 0.1), "number of samples"),
        (lambda net: dn.loss_gradient(net, zeros(5), zeros(3), zeros(7)), "shape of theta"),
        (lambda net: dn.input_gradient(net, zeros(5), zeros(3), zeros(4)), "shape of x"),
    ],
)
def test_wrong_shapes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(unpacked())


CONSTANT = dn.unpack(dl.Network([5, 3]))


@numba.njit
def forward_of_a_global(x):
    return dn.forward(CONSTANT, x)[0]


@pytest.mark.parametrize(
    "call",
    [
        forward_of_a_global,
        lambda x: dn.forward(copy.deepcopy(CONSTANT), x),
        lambda x: dn.train_step(pickle.loads(pickle.dumps(CONSTANT)), x, zeros(3), 0.1),
        lambda x: slopes(copy.deepcopy(CONSTANT), x, zeros(3), zeros(80), x),
    ],
    ids=["global", "deepcopy", "pickle", "backward"],
)
def test_copies_of_an_unpacked_network_are_refused(call):
    """Their scratch memory may be read-only, their addresses those of another process."""
    with pytest.raises(ValueError, match="is a copy: hand it to your function as an argument"):
        call(zeros(5))
    dn.forward(CONSTANT, zeros(5))


def test_rows_that_are_no_whole_elements_apart_are_refused():
    packed = np.zeros(6, [("x", "f4", 5), ("done", "?")])
    net = unpacked(6)
    for rows in (packed["x"], packed["x"][::-1]):
        with pytest.raises(ValueError, match="whole elements apart"):
            dn.forward(net, rows)
        with pytest.raises(ValueError, match="whole elements apart"):
            slopes(net, zeros(6, 5), zeros(6, 3), np.zeros_like(net.theta), rows)
    assert not packed["done"].any()


def test_another_dtype_is_refused_when_the_function_is_compiled():
    with pytest.raises(numba.TypingError, match=r"arrays .* of float32, as the network is, got"):
        dn.forward(unpacked(), np.zeros(5))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda net, grad, out: dn.loss_gradient(net, out, zeros(3), grad), "grad"),
        (lambda net, grad, out: dn.backward(net, out, zeros(3), grad), "grad"),
        (lambda net, grad, out: dn.input_gradient(net, out, zeros(3), out), "out"),
    ],
)
def test_what_is_written_must_be_writable(call, name):
    net = unpacked()
    grad, out = np.zeros_like(net.theta), zeros(5)
    grad.flags.writeable = out.flags.writeable = False
    with pytest.raises(numba.TypingError, match=f"{name} must be a writable array .* got readonly"):
        call(net, grad, out)
    assert not grad.any() and not out.any()


def test_what_is_no_network_is_refused():
    with pytest.raises(dl.InvalidTypeError, match="net must be a Network"):
        dn.unpack("net.npz")
    with pytest.raises(dl.InvalidInputError, match="batch_size"):
        dn.unpack(dl.Network([1, 1]), 0)


def test_scaling_is_refused():
    net = dl.Network([2, 1])
    net.scaling = dl.Scaling.standardize(np.random.default_rng(0).normal(size=(9, 2)))
    with pytest.raises(dl.InvalidInputError, match=r"net.scaling is not applied"):
        dn.unpack(net)


def test_several_threads_are_refused():
    net = dl.Network([2, 1], backend="numba")
    with pytest.raises(dl.InvalidInputError, match="n_threads=2 is more than the backend 'numba'"):
        net.predict([[1, 2]], n_threads=2)
    with pytest.raises(dl.InvalidInputError, match="backend='cython' for several threads"):
        net.fit([[1, 2]] * 4, [1] * 4, batch_size=4, n_threads=2)


# Processes


def run(code, cwd, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=False, cwd=cwd, env=os.environ | environment,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_a_function_of_the_user_is_kept_on_disk(tmp_path):
    (tmp_path / "loop.py").write_text(
        textwrap.dedent(
            """
            import numba
            import deltaloop.numba as dn

            @numba.njit(cache=True)
            def learn(net, x, y, n):
                for _ in range(n):
                    loss = dn.train_step(net, x, y, 0.1)
                return loss
            """
        )
    )
    code = """
        import numpy as np, deltaloop as dl, loop
        net = dl.Network([2, 3, 1])
        one = np.ones(1, np.float32), np.ones(2, np.float32)
        loss = loop.learn(dl.numba.unpack(net), one[1], one[0], 50)
        print(sum(loop.learn.stats.cache_hits.values()), loss)
        """
    first, second = (run(code, tmp_path) for _ in range(2))
    assert (first[0], second[0]) == ("0", "1")
    assert first[1] == second[1]


def test_nowhere_to_write_is_no_error(tmp_path):
    # Numba raises while it decorates, where it finds no folder for its cache=True
    code = """
        import numba.core.caching as caching
        caching.CacheImpl._locator_classes = []
        import deltaloop as dl
        net = dl.Network([2, 1], backend="numba")
        print(net.predict([[0, 0]]).shape)
        """
    assert run(code, tmp_path) == ["(1,", "1)"]


def test_missing_numba_is_explained(tmp_path):
    code = """
        import sys
        sys.modules["numba"] = None
        import deltaloop as dl
        for action in ("dl.Network([2, 1], backend='numba')", "import deltaloop.numba"):
            try:
                exec(action)
            except dl.MissingDependencyError as error:
                print('pip install "deltaloop[numba]"' in str(error))
        """
    assert run(code, tmp_path) == ["True", "True"]


def test_switched_off_compiler_is_explained(tmp_path):
    code = """
        import deltaloop as dl
        actions = [
            "dl.Network([2, 1], backend='numba')", "import deltaloop.numba",
            "import deltaloop.numba_handles",
            "dl.custom_activation('square', lambda z: z * z, lambda z, a: 2 * z)",
        ]
        for action in actions:
            try:
                exec(action)
            except dl.MissingDependencyError as error:
                print("NUMBA_DISABLE_JIT" in str(error))
        """
    assert run(code, tmp_path, NUMBA_DISABLE_JIT="1") == ["True"] * 4


def test_backend_says_what_computes():
    assert load("numba").describe() == f"Numba {numba.__version__}"


def test_what_is_compiled_is_told_by_the_type_of_its_arguments(dtype):
    # so that functions on disk, those of users among them, are not used by another version
    net = dl.Network([2, 1], dtype=dtype)
    (name,) = dn.unpack(net).kernels.dtype.names
    assert name.startswith(f"{dtype}_")
    assert name in str(numba.typeof(dn.unpack(net)))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
def test_an_interrupt_comes_when_what_is_compiled_has_ended():
    """Cut in the middle, Numba could compile nothing more in this process."""
    from deltaloop.kernels.numba import compiling

    ended = []

    def compile():
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            sum(range(100))
        ended.append(True)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            compiling._to_its_end(compile)
        assert ended == [True]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(ZeroDivisionError):  # what it raises is raised
        compiling._to_its_end(lambda: 1 / 0)
