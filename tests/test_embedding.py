"""One sample and one mini-batch at a time: the same numbers as predict and fit, and the doors."""

import copy
import importlib
import pickle
import sys
import threading

import numpy as np
import pytest

import deltaloop as dl
from cases import ALPHA, HIDDEN, PAIRS, case
from deltaloop.kernels.interface import LOSSES
from tolerances import assert_within, eps

OPTIMIZERS = {
    "sgd": dl.SGD(learning_rate=0.05),
    "momentum": dl.SGD(learning_rate=0.02, momentum=0.9),
    "nesterov": dl.SGD(learning_rate=0.02, momentum=0.9, nesterov=True),
    "adam": dl.Adam(learning_rate=0.003),
}
BACKENDS = ["reference", "cython"]


def network(sizes=(5, 9, 3), activation="tanh", seed=1, **more):
    return dl.Network(list(sizes), activation=activation, seed=seed, **more)


def samples(n, sizes=(5, 9, 3), dtype="float32", seed=0):
    """Targets between 0 and 1 that sum to 1: fit for every loss."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, sizes[0]))
    Y = generator.dirichlet(np.ones(sizes[-1]), n) if sizes[-1] > 1 else generator.random((n, 1))
    return X.astype(dtype), Y.astype(dtype)


def of_case(backend, dtype, activation, loss, hidden="tanh", n=7):
    """A network that computes with `backend`, and samples that suit its output and loss."""
    found = case(3, [6, 11, 3], [hidden, activation], loss, dtype, n)
    layers = [
        dl.Dense(n_out, dl.Activation(name, ALPHA.get(name)))
        for n_out, name in ((11, hidden), (3, activation))
    ]
    # made with the loss that goes with every output, so that no pair is warned of
    net = dl.Network.__new__(dl.Network)
    net._initialize(6, tuple(layers), loss, dtype, "glorot_uniform", 0, "reference")
    net.use_backend(backend)
    net.theta = found.theta
    return net, found.X, found.Y


def same_bits(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


# predict_one


@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_predict_one_is_predict(backend, dtype, activation, loss):
    net, X, _ = of_case(backend, dtype, activation, loss)
    for row in X:
        assert same_bits(net.predict_one(row), net.predict(row[None])[0])


@pytest.mark.parametrize("hidden", HIDDEN)
def test_predict_one_is_predict_for_hidden_activations(backend, dtype, hidden):
    net, X, _ = of_case(backend, dtype, "identity", "mse", hidden)
    for row in X:
        assert same_bits(net.predict_one(row), net.predict(row[None])[0])


SCALINGS = {
    "inputs": dl.Scaling([1.0, -2, 3, 0, 5], [2.0, 0.5, 1, 3, -1]),
    "both": dl.Scaling([1.0, -2, 3, 0, 5], [2.0, 0.5, 1, 3, -1], [10.0, 20, 30], [5.0, 4, 3]),
}


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("name", BACKENDS)
def test_predict_one_with_scaling_is_predict(name, dtype, scaling):
    net = network(dtype=dtype, backend=name)
    net.scaling = SCALINGS[scaling]
    X, _ = samples(5, dtype=dtype)
    for row in X:
        expected = net.predict(row[None])[0]
        assert same_bits(net.predict_one(row), expected)
        assert same_bits(net.predict_one(row.tolist()), expected)
        out = np.full(3, 7, expected.dtype)
        assert net.predict_one(row, out) is out
        assert same_bits(out, expected)


@pytest.mark.parametrize("name", BACKENDS)
def test_out_receives_the_outputs(name, dtype):
    net = network(dtype=dtype, backend=name)
    (row,), _ = samples(1, dtype=dtype)
    for shape in (3, (1, 3), (3, 1)):
        out = np.full(shape, 7, dtype)
        assert net.predict_one(row, out=out) is out
        assert same_bits(out.ravel(), net.predict_one(row))


@pytest.mark.parametrize("scaling", [None, *SCALINGS])
@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(
    "wrong",
    [
        lambda dtype, other: np.zeros(2, dtype),
        lambda dtype, other: np.zeros((2, 3), dtype),
        lambda dtype, other: np.zeros(3, other),
        lambda dtype, other: np.zeros(3, dtype.newbyteorder()),
        lambda dtype, other: np.zeros(6, dtype)[::2],
        lambda dtype, other: np.zeros(3, dtype)[::-1],
        lambda dtype, other: np.broadcast_to(np.zeros(1, dtype), 3),
        lambda dtype, other: [0.0, 0.0, 0.0],
        lambda dtype, other: "out",
    ],
    ids=["short", "long", "dtype", "order", "strided", "reversed", "read-only", "list", "text"],
)
def test_out_that_does_not_fit_is_refused(name, wrong, scaling):
    net = network(backend=name)
    net.scaling = SCALINGS.get(scaling)
    kinds = np.dtype("float64"), np.dtype("float32")
    out = wrong(*(kinds if scaling == "both" else kinds[::-1]))
    before = np.array(out)
    with pytest.raises(dl.InvalidInputError, match="out must be a writable contiguous array of 3"):
        net.predict_one(np.ones(5, np.float32), out)
    assert (np.array(out) == before).all()


class Column:
    """Something that NumPy can make an array of."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


def forms(row):
    """Sample `row` in all forms that are accepted."""
    wide = np.zeros((len(row), 3), row.dtype)
    wide[:, 1] = row
    shifted = np.zeros(row.nbytes + 1, np.uint8)[1:].view(row.dtype)
    shifted[:] = row
    read_only = row.copy()
    read_only.flags.writeable = False
    return {
        "float64": row.astype(np.float64), "float32": row.astype(np.float32),
        "long double": row.astype(np.longdouble), "list": row.tolist(), "tuple": tuple(row),
        "strided": wide[:, 1], "reversed": row[::-1].copy()[::-1], "unaligned": shifted,
        "big-endian": row.astype(row.dtype.newbyteorder()), "read-only": read_only,
        "row of 2-d": row[None], "column": row[:, None], "memoryview": memoryview(row),
        "array": Column(row.tolist()), "object": row.astype(object),
    }  # fmt: skip


@pytest.mark.parametrize("name", BACKENDS)
def test_samples_of_any_form_give_the_same(name, dtype):
    sizes = (5, 9, 3)
    row, target = np.array([1, -2, 0.5, 0, 3], dtype), np.array([0.25, 0.5, 0.25], dtype)
    expected, trained = network(sizes, dtype=dtype, backend=name).predict_one(row), []
    for (form, x), y in zip(forms(row).items(), forms(target).values(), strict=True):
        net = network(sizes, dtype=dtype, backend=name)
        assert same_bits(net.predict_one(x), expected), form
        net.learn_one(x, y)
        assert same_bits(net.predict_one(x), net.predict_one(row)), form
        trained.append(net.theta.tobytes())
    assert len(set(trained)) == 1


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("scaling", [None, *SCALINGS])
def test_wrong_lengths_are_refused_and_change_nothing(name, scaling):
    net = network(backend=name)
    net.scaling = SCALINGS.get(scaling)
    before = net.theta.copy()
    X, Y = samples(4)
    for x in (X[0, :4], X[:2], np.zeros(6), np.zeros(0), 1.0):
        with pytest.raises(dl.InvalidInputError, match=r"x must have shape \(5,\), got shape"):
            net.predict_one(x)
        with pytest.raises(dl.InvalidInputError, match=r"x must have shape \(5,\), got shape"):
            net.learn_one(x, Y[0])
    with pytest.raises(dl.InvalidInputError, match=r"y must have shape \(3,\), got shape \(2,\)"):
        net.learn_one(X[0], Y[0, :2])
    for bad in (X[:, :4], X[:3].tolist(), np.zeros((4, 6)), X.reshape(5, 4), X.ravel()):
        with pytest.raises(dl.InvalidInputError, match="must have shape"):
            net.learn_batch(bad, Y)
    for bad in (Y[:, :2], Y[:3].tolist(), np.zeros((4, 4)), Y.T, Y.ravel()):
        with pytest.raises(dl.InvalidInputError, match=r"Y must have shape \(4, 3\), got shape"):
            net.learn_batch(X, bad)
    assert same_bits(net.theta, before)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("scaling", [None, "both"])
def test_empty_batches_are_refused(name, scaling):
    net = network(backend=name)
    net.scaling = SCALINGS.get(scaling)
    for X, Y in ((np.zeros((0, 5)), np.zeros((0, 3))), ([], [])):
        with pytest.raises(dl.InvalidInputError, match="X is empty, give at least 1 sample"):
            net.learn_batch(X, Y)


@pytest.mark.parametrize("name", BACKENDS)
def test_nan_that_goes_in_comes_out(name, dtype):
    net = network(dtype=dtype, backend=name)
    (row,), (target,) = samples(1, dtype=dtype)
    x = row.copy()
    x[2] = np.nan
    assert np.isnan(net.predict_one(x)).all()
    assert np.isfinite(net.theta).all()
    assert np.isnan(net.learn_one(row, np.full(3, np.nan)))
    assert np.isnan(network(dtype=dtype, backend=name).learn_one(x, target))
    assert np.isnan(network(dtype=dtype, backend=name).learn_batch([x, row], [target, target]))


# learn_one and learn_batch


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("hidden", ["tanh", "relu"])
@pytest.mark.parametrize("loss", LOSSES)
def test_learn_one_is_fit_sample_by_sample(backend, dtype, optimizer, hidden, loss):
    X, Y = samples(30, (5, 33, 3), dtype)
    nets = [network((5, 33, 3), hidden, loss=loss, dtype=dtype) for _ in range(2)]
    for net in nets:
        net.use_backend(backend)
        net.optimizer = OPTIMIZERS[optimizer]
    history = nets[0].fit(X, Y, epochs=1, batch_size=1, shuffle=False)
    losses = [nets[1].learn_one(x, y) for x, y in zip(X, Y, strict=True)]
    assert same_bits(nets[1].theta, nets[0].theta)
    assert sum(losses) / 30 == history.loss[0]
    assert all(isinstance(loss, float) for loss in losses)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, 2, 16, 60, 300])
def test_learn_batch_is_fit_batch_by_batch(backend, dtype, optimizer, batch_size):
    X, Y = samples(600 if batch_size == 300 else 60, dtype=dtype)
    nets = [network(dtype=dtype) for _ in range(2)]
    for net in nets:
        net.use_backend(backend)
        net.optimizer = OPTIMIZERS[optimizer]
    history = nets[0].fit(X, Y, epochs=1, batch_size=batch_size, shuffle=False)
    total = 0.0
    for start in range(0, len(X), batch_size):
        part = slice(start, start + batch_size)
        total += nets[1].learn_batch(X[part], Y[part]) * len(X[part])
    assert same_bits(nets[1].theta, nets[0].theta)
    assert total / len(X) == pytest.approx(history.loss[0], rel=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_batches_may_grow_and_shrink(backend, dtype, optimizer):
    X, Y = samples(400, dtype=dtype)
    net, plain = network(dtype=dtype), network(dtype=dtype)
    for each in (net, plain):
        each.use_backend(backend)
        each.optimizer = OPTIMIZERS[optimizer]
    for n in (1, 3, 2, 40, 7, 300, 1, 257, 400):
        # with room for exactly n samples, and the state that was there before
        before = plain.theta.copy()
        loss = net.learn_batch(X[:n], Y[:n])
        assert loss == pytest.approx(plain.loss(X[:n], Y[:n]), rel=100 * eps(dtype))
        plain.theta = net.theta
        assert not same_bits(before, plain.theta)


@pytest.mark.parametrize("n", [1, 2, 5, 300])
def test_step_of_a_batch_is_the_gradient(backend, n):
    net = network(dtype="float64")
    net.use_backend(backend)
    net.optimizer = dl.SGD(learning_rate=1.0)
    X, Y = samples(n, dtype="float64")
    gradients, before = net.gradients(X, Y), [W.copy() for W in net.W]
    loss = net.learn_batch(X, Y)
    assert loss == pytest.approx(gradients.loss, rel=1e-13)
    for k, dW in enumerate(gradients.dW):
        assert_within({"W": before[k] - net.W[k]}, {"W": dW}, {"W": 1e-13})


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("scaling", SCALINGS)
def test_learning_in_the_units_of_the_data(name, dtype, scaling):
    X, Y = samples(20, dtype=dtype)
    X, Y = 3 * X - 1, 10 * Y + 30
    nets = [network(dtype=dtype, backend=name) for _ in range(2)]
    for net in nets:
        net.scaling = SCALINGS[scaling]
    nets[0].fit(X, Y, epochs=1, batch_size=1, shuffle=False)
    for x, y in zip(X, Y, strict=True):
        nets[1].learn_one(x, y)
    assert same_bits(nets[1].theta, nets[0].theta)
    nets[0].fit(X, Y, epochs=1, batch_size=20, shuffle=False)
    nets[1].learn_batch(X.tolist(), Y.tolist())
    assert same_bits(nets[1].theta, nets[0].theta)


@pytest.mark.parametrize("name", BACKENDS)
def test_one_row_of_a_batch_may_not_be_flat(name):
    net = network(backend=name)
    X, Y = samples(1)
    net.learn_batch(X, Y)
    with pytest.raises(dl.InvalidInputError, match=r"Y must have shape \(1, 3\), got shape \(3,\)"):
        net.learn_batch(X, Y[0])


@pytest.mark.parametrize("name", BACKENDS)
def test_targets_of_one_output_may_be_flat(name):
    X, Y = samples(6, (5, 9, 1))
    nets = [network((5, 9, 1), backend=name) for _ in range(2)]
    nets[0].learn_batch(X, Y)
    nets[1].learn_batch(X, Y.ravel())
    assert same_bits(nets[1].theta, nets[0].theta)


# optimizer


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_assigning_the_optimizer_resets_its_state(name, optimizer):
    X, Y = samples(20)
    net, fresh = network(backend=name), network(backend=name)
    net.optimizer = OPTIMIZERS[optimizer]
    for x, y in zip(X, Y, strict=True):
        net.learn_one(x, y)
    fresh.theta = net.theta
    for each in (net, fresh):
        each.optimizer = OPTIMIZERS[optimizer]
        each.learn_batch(X, Y)
        each.learn_one(X[0], Y[0])
    assert same_bits(net.theta, fresh.theta)


@pytest.mark.parametrize("name", BACKENDS)
def test_fit_neither_uses_nor_changes_the_state_of_the_optimizer(name):
    X, Y = samples(20)
    nets = [network(backend=name) for _ in range(2)]
    for net in nets:
        net.optimizer = OPTIMIZERS["momentum"]
        net.learn_one(X[0], Y[0])
    theta = nets[0].theta.copy()
    nets[0].fit(X, Y, epochs=1)
    nets[0].theta = theta
    for net in nets:
        net.learn_one(X[1], Y[1])
    assert same_bits(nets[1].theta, nets[0].theta)


def test_what_is_no_optimizer_is_refused():
    net = network()
    for wrong in ("adam", None, 0.1, dl.SGD):
        with pytest.raises(dl.InvalidTypeError, match="optimizer must be an optimiser such as"):
            net.optimizer = wrong
    assert net.optimizer == dl.SGD()


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda net: pickle.loads(pickle.dumps(net))],
    ids=["deepcopy", "copy", "pickle"],
)  # fmt: skip
def test_copies_go_on_where_the_network_is(name, optimizer, copied):
    X, Y = samples(5)
    net = network(backend=name)
    net.optimizer = OPTIMIZERS[optimizer]
    net.learn_batch(X, Y)
    other = copied(net)
    assert other.optimizer == net.optimizer
    assert same_bits(other.theta, net.theta)
    kept = net.theta.copy()
    for _ in range(2):
        other.learn_batch(X, Y)
    assert same_bits(net.theta, kept)
    for _ in range(2):
        net.learn_batch(X, Y)
    assert same_bits(other.theta, net.theta)
    net.optimizer = net.optimizer  # afresh
    for one in (net, other):
        one.learn_batch(X, Y)
    assert same_bits(other.theta, net.theta) == (optimizer == "sgd")


# threads


def during(net, call):
    """What `call` gives or raises in a thread of its own while `net` is in the middle of fit."""
    X, Y = samples(20)
    found = []

    def look(*_):
        def run():
            try:
                found.append(call())
            except dl.BusyError as error:
                found.append(error)

        if not found:
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()

    net.fit(X, Y, epochs=2, progress=look)
    return found[0]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("door", ["learn_one", "learn_batch", "fit", "stream"])
def test_two_threads_cannot_train_one_network(name, door):
    net = network(backend=name)
    X, Y = samples(3)
    calls = {
        "learn_one": lambda: net.learn_one(X[0], Y[0]),
        "learn_batch": lambda: net.learn_batch(X, Y),
        "fit": lambda: net.fit(X, Y, epochs=1),
        "stream": lambda: net.stream().learn(X[0], Y[0]),
    }
    error = during(net, calls[door])
    assert isinstance(error, dl.BusyError)
    assert "is being trained already" in str(error)
    calls[door]()  # now that it is over


@pytest.mark.parametrize("name", BACKENDS)
def test_one_thread_predicts_while_another_trains(name):
    net = network(backend=name)
    (x,), _ = samples(1)
    assert np.isfinite(during(net, lambda: net.predict_one(x))).all()


@pytest.mark.parametrize("name", BACKENDS)
def test_the_callback_of_fit_may_predict(name):
    net, found = network(backend=name), []
    X, Y = samples(20)
    net.fit(X, Y, epochs=3, progress=lambda *_: found.append(net.predict_one(X[0])))
    assert len(found) >= 3
    assert same_bits(found[-1], net.predict_one(X[0]))


@pytest.mark.parametrize("name", BACKENDS)
def test_network_is_free_again_after_an_error(name):
    net = network(backend=name)
    X, Y = samples(20)

    def fail(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        net.fit(X, Y, progress=fail)
    with pytest.raises(dl.DivergenceError):
        net.fit(1e30 * X, Y, optimizer=dl.SGD(learning_rate=1e30))
    with pytest.raises(dl.InvalidInputError):
        net.learn_batch(X, Y[:3])
    assert np.isfinite(net.learn_one(X[0], Y[0]))


@pytest.mark.parametrize("name", BACKENDS)
def test_nobody_trains_while_a_larger_batch_makes_room(name, monkeypatch):
    net, same = network(backend=name), network(backend=name)
    X, Y = samples(20)
    module, met = sys.modules[type(net._session).__module__], []
    make_room = module.Work

    def meet():
        for call in (lambda: net.learn_batch(X[:3], Y[:3]), lambda: net.learn_one(X[0], Y[0])):
            with pytest.raises(dl.BusyError):
                call()
        met.append(net.predict_one(X[0]))

    def interrupted(plan, n):
        work = make_room(plan, n)
        if n == 20:
            thread = threading.Thread(target=meet)
            thread.start()
            thread.join()
        return work

    with monkeypatch.context() as patch:
        patch.setattr(module, "Work", interrupted)
        net.learn_batch(X, Y)
    assert same_bits(met[0], same.predict_one(X[0]))
    same.learn_batch(X, Y)
    assert same_bits(net.theta, same.theta)


@pytest.mark.parametrize("name", BACKENDS)
def test_room_that_cannot_be_made_changes_nothing(name, monkeypatch):
    net = network(backend=name)
    X, Y = samples(20)
    before, module = net.theta.copy(), sys.modules[type(net._session).__module__]

    def full(plan, n):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(module, "Work", full)
        with pytest.raises(MemoryError):
            net.learn_batch(X, Y)
    assert same_bits(net.theta, before)
    assert np.isfinite(net.learn_batch(X, Y))


@pytest.fixture
def often_switching():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("name", BACKENDS)
def test_threads_that_compete_are_served_or_refused(name, often_switching):
    """Growing batches make room in Python, where threads take turns."""
    X, Y = samples(600)
    net = network(backend=name)
    net.optimizer = OPTIMIZERS["momentum"]
    steps, wrong = [], []

    def work(seed):
        generator = np.random.default_rng(seed)
        for _ in range(60):
            n = int(generator.integers(1, 600))
            try:
                choice = generator.integers(4)
                if choice == 0:
                    net.predict_one(X[n])
                elif choice == 1:
                    net.optimizer = OPTIMIZERS["adam" if n % 2 else "momentum"]
                else:
                    net.learn_batch(X[:n], Y[:n])
                    steps.append(n)
            except dl.BusyError:
                continue
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert steps
    assert np.isfinite(net.theta).all()
    net.learn_one(X[0], Y[0])


# what compiled code uses


def test_numba_handles_say_that_numba_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "deltaloop.numba_handles", raising=False)
    with pytest.raises(dl.MissingDependencyError, match=r'pip install "deltaloop\[numba\]"'):
        importlib.import_module("deltaloop.numba_handles")


def test_session_needs_the_compiled_backend():
    with pytest.raises(dl.InvalidInputError, match="needs backend='cython', this network has 'r"):
        network(backend="reference").session()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True])
def test_batch_size_of_a_session_is_a_positive_whole_number(wrong):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match="batch_size must be"):
        network(backend="cython").session(wrong)


def test_optimizer_of_a_session_is_one():
    with pytest.raises(dl.InvalidTypeError, match="optimizer must be"):
        network(backend="cython").session(optimizer="adam")


def test_session_has_a_state_of_its_own():
    X, Y = samples(2)
    net, same = network(backend="cython"), network(backend="cython")
    net.optimizer = same.optimizer = OPTIMIZERS["momentum"]
    session = net.session()
    net.learn_one(X[0], Y[0])
    session.learn_one(X[1], Y[1])
    same.learn_one(X[0], Y[0])
    same.optimizer = same.optimizer
    same.learn_one(X[1], Y[1])
    assert same_bits(net.theta, same.theta)
