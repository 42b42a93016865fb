"""Callbacks that change what they were given: an error or an unchanged result, never a crash."""

import numpy as np
import pytest
import scipy.sparse as sp

import deltaloop as dl
from deltaloop import kernels

BACKENDS = kernels.available()
pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
generator = np.random.default_rng(0)
X, Y = generator.normal(size=(60, 6)), generator.normal(size=(60, 3))


def network(backend, **more):
    return dl.Network([6, 20, 3], activation="tanh", backend=backend, dtype="float64", **more)


def trained(backend, change=None, X=X, Y=Y, **more):
    """Parameters after training in which `change(net, X, Y)` is called between two slices."""
    net = network(backend)
    X, Y = X.copy(), Y.copy()
    callback = False if change is None else lambda *_: change(net, X, Y)
    net.fit(X, Y, epochs=3, batch_size=4, progress=callback, **more)
    return net.theta.copy()


def shape_of_X(net, X, Y):
    X.shape = (6, 60) if X.shape == (60, 6) else (60, 6)


def shape_of_Y(net, X, Y):
    Y.shape = (180,) if Y.ndim == 2 else (60, 3)


def shape_of_theta(net, X, Y):
    net.theta.shape = (2, -1) if net.theta.ndim == 1 else (-1,)


def shape_of_b(net, X, Y):
    net.b[0].shape = (1, 20)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("change", [shape_of_X, shape_of_Y, shape_of_theta, shape_of_b])
@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")
def test_shapes_that_callbacks_assign_change_nothing(backend, change):
    expected = trained(backend)
    found = trained(backend, change)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("which", [0, 1])
def test_memory_that_a_callback_resizes_is_refused(backend, which):
    def resize(net, *both):
        both[which].resize((10**6, 6), refcheck=False)

    with pytest.raises(dl.InvalidInputError, match="X or Y was resized while"):
        trained(backend, resize)


@pytest.mark.parametrize("backend", BACKENDS)
def test_indices_that_a_callback_overwrites_change_nothing(backend):
    def overwrite(net, X, Y):
        X.indices[:] = 2**31 - 1
        X.indptr[1:-1] = -(2**31)

    listed = sp.csr_matrix(np.where(generator.random(X.shape) < 0.3, X, 0))
    found = trained(backend, overwrite, X=listed)
    assert found.tobytes() == trained(backend, X=listed).tobytes()


class Permutes(np.random.Generator):
    """A generator with an order of its own."""

    def __init__(self, order):
        super().__init__(np.random.PCG64(0))
        self.order = order

    def permutation(self, n):
        return self.order


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "order",
    [
        np.full(60, 10**9),
        np.arange(-1, 59),
        np.arange(59),
        np.arange(60.0),
        np.zeros(60, int),
        "abc",
        np.arange(60)[:, None],
    ],
    ids=["beyond", "below", "short", "not whole", "the same", "text", "2-d"],
)
def test_an_order_out_of_range_is_refused(backend, order):
    net = network(backend)
    before, net.generator = net.theta.copy(), Permutes(order)
    with pytest.raises(dl.InvalidInputError, match="must give every number below 60"):
        net.fit(X, Y, epochs=1)
    assert net.theta.tobytes() == before.tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_order_may_be_of_any_whole_numbers(backend):
    expected = network(backend)
    expected.generator = Permutes(np.arange(60)[::-1])
    expected.fit(X, Y, epochs=1)
    for order in (
        np.arange(60, dtype=">i4")[::-1],
        np.arange(120)[::-2] // 2,
        [*range(59, -1, -1)],
    ):
        net = network(backend)
        net.generator = Permutes(order)
        net.fit(X, Y, epochs=1)
        assert net.theta.tobytes() == expected.theta.tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_order_that_changes_while_it_is_used_is_not_used(backend):
    order, net = np.arange(60), network(backend)
    net.generator = Permutes(order)

    def overwrite(*_):
        order[:] = 10**9

    with pytest.raises(dl.InvalidInputError, match="must give every number below 60"):
        net.fit(X, Y, epochs=2, progress=overwrite)  # at the second epoch
    assert np.isfinite(net.theta).all()


@pytest.mark.parametrize("generator", [5, None, np.random.RandomState(0)])
def test_a_generator_is_one_of_numpy(generator):
    net = network("reference")
    with pytest.raises(dl.InvalidTypeError, match=r"net\.generator must be a numpy Generator"):
        net.generator = generator
    net.fit(X, Y, epochs=1)


class Lies(np.ndarray):
    """An array whose methods and attributes tell something else."""

    shape = property(lambda self: (1,))
    strides = property(lambda self: (0,))
    size = property(lambda self: 3)

    def reshape(self, *_):
        return np.zeros(0).view(np.ndarray)

    def __len__(self):
        return 10**6


@pytest.mark.parametrize("backend", BACKENDS)
def test_out_may_be_any_array_of_as_many_values(backend):
    net = network(backend)
    expected = net.predict_one(X[0])
    zeros = np.zeros(3), np.zeros((3, 1)), np.zeros((1, 3))
    for out in (np.asmatrix(zeros[0]), np.zeros(3).view(Lies), *zeros):
        assert net.predict_one(X[0], out) is out
        assert np.asarray(out).reshape(-1).tolist() == expected.tolist()
    for out in (np.asmatrix(np.zeros(4)), np.zeros(4).view(Lies), np.zeros(6)[::2]):
        with pytest.raises(dl.InvalidInputError, match="out must be a writable contiguous"):
            net.predict_one(X[0], out)


@pytest.mark.parametrize("backend", BACKENDS)
def test_out_of_a_scaled_network_may_be_any_array_of_as_many_values(backend):
    net = network(backend)
    net.scaling = dl.Scaling.standardize(X, Y)
    expected = net.predict_one(X[0])
    for out in (np.asmatrix(np.zeros(3)), np.zeros(3).view(Lies)):
        net.predict_one(X[0], out)
        assert np.asarray(out).reshape(-1).tolist() == expected.tolist()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [np.matrix, Lies])
def test_subclasses_are_read_as_the_arrays_they_are(backend, kind):
    net, same = network(backend), network(backend)
    odd_X, odd_Y = X.view(kind), Y.view(kind)
    assert net.predict(odd_X).tobytes() == same.predict(X).tobytes()
    assert net.loss(odd_X, odd_Y) == same.loss(X, Y)
    net.fit(odd_X, odd_Y, epochs=2)
    same.fit(X, Y, epochs=2)
    net.learn_one(X[0].view(kind), Y[0].view(kind))
    same.learn_one(X[0], Y[0])
    assert net.theta.tobytes() == same.theta.tobytes()
