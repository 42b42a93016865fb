"""numpy.seterr(all="raise") of the caller changes no result and no error of a public function."""

import numpy as np
import pytest
import scipy.sparse

import deltaloop as dl
from deltaloop import kernels
from deltaloop.tables import Table, looks_like_classes, read
from splitting import split

TINY = np.array([[1e-60, 1e-310], [2e-60, 3e-310], [1.0, 2.0]])
LARGE = np.array([[1e300, 1e308], [2.0, 3.0], [-1e308, 4.0]])
EXTENDED = np.array([["1e-4000", 2], [3, 4], [5, "1e4000"]]).astype(np.longdouble)
ROWS = {"tiny": TINY, "large": LARGE, "extended": EXTENDED[:2], "too large": EXTENDED}


def scaling(targets=True):
    x = [0.0, 0.0], [1e-200, 1e200]
    return dl.Scaling(*x, *(x if targets else ()))


def network(dtype, backend, scaled, loss="mse"):
    net = dl.Network([2, 3, 2], dtype=dtype, activation="tanh", loss=loss, backend=backend)
    net.scaling = scaling() if scaled else None
    return net


def values(result):
    """A result, in a form that can be compared."""
    if isinstance(result, dl.Network):
        return values(result.theta)
    if isinstance(result, dl.Scaling):
        return values([*vars(result).values()])
    if isinstance(result, tuple | list):
        return [values(part) for part in result]
    return repr(result.tolist() if isinstance(result, np.ndarray) else result)


def outcome(door, how):
    """What the door gives, or the error."""
    with np.errstate(all=how):
        try:
            return values(door())
        except dl.DeltaloopError as error:
            return type(error), str(error)


def same_whatever_seterr_says(*doors):
    for door in doors:
        assert outcome(door, "raise") == outcome(door, "ignore")


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", kernels.available())
def test_networks(backend, dtype, scaled, rows, tmp_path):
    X = ROWS[rows]

    def net():
        return network(dtype, backend, scaled)

    def fitted(*data, **options):
        one = net()
        return one.fit(*data, epochs=2, **options).loss, one

    def learned(door, *data):
        one = net()
        return getattr(one, door)(*data), one

    def through_a_file():
        net().save(tmp_path / "net.npz")
        return dl.load(tmp_path / "net.npz")

    def as_c():
        net().to_c(tmp_path / "net.h", learn=True)
        return (tmp_path / "net.h").read_text()

    forms = [X] if X.dtype == np.longdouble else [X, scipy.sparse.csr_array(X)]
    for form in forms:
        same_whatever_seterr_says(
            lambda form=form: net().predict(form),
            lambda form=form: net().loss(form, X),
            lambda form=form: net().gradients(form, X),
            lambda form=form: fitted(form, X),
            lambda form=form: fitted(X * 0 + 1, X * 0, validation_data=(form, X)),
        )
    same_whatever_seterr_says(
        lambda: net().predict_one(X[0]),
        lambda: learned("learn_one", X[0], X[0]),
        lambda: learned("learn_batch", X, X),
        lambda: net().stream().learn(X[0], X[0]),
        through_a_file,
        as_c,
    )


@pytest.mark.parametrize("backend", kernels.available())
def test_losses_that_overflow(backend):
    def diverging():
        net = network("float32", backend, False)
        net.W[0], net.W[1] = np.full((3, 2), 3e38), np.full((2, 3), 3e38)
        return net.fit(np.ones((3, 2)), np.full((3, 2), 1e30), epochs=2).loss

    net = network("float64", backend, False)
    Y = np.full((3, 2), 1e154)
    same_whatever_seterr_says(
        diverging, lambda: net.loss(Y / Y, Y), lambda: net.gradients(Y / Y, Y)
    )


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_targets_of_cross_entropies(loss):
    small = TINY[:2, 0]
    same_whatever_seterr_says(
        lambda: network("float32", "auto", False, loss).loss(
            np.ones((2, 2)), np.c_[small, 1 - small]
        )
    )


@pytest.mark.parametrize("rows", ROWS)
def test_other_doors(rows, tmp_path):
    X = ROWS[rows]

    def table():
        np.save(tmp_path / "t.npy", X)
        return split(read(tmp_path / "t.npy"))

    def assigned():
        net = network("float32", "auto", False)
        net.theta = np.full(net.theta.shape, X[0, 0])
        net.b[0] = [X[0, 1]] * 3
        return net

    same_whatever_seterr_says(
        lambda: dl.Scaling.standardize(X, X),
        lambda: dl.Scaling(X[0], X[1], X[0], X[1]),
        lambda: scaling().inputs(X),
        lambda: scaling().targets(X),
        lambda: scaling().outputs(X),
        lambda: dl.one_hot(X[:, 0], 3),
        lambda: looks_like_classes(X[:, 0]),
        lambda: dl.Network(2, [dl.Dense(2, init=(X[:2], X[0]))]),
        lambda: dl.Adam(X[0, 0]),
        lambda: split(Table(("a", "b"), list(X.T))),
        table,
        assigned,
    )


def test_data_sets_and_text():
    for name in dl.datasets.names():
        same_whatever_seterr_says(lambda name=name: list(dl.datasets.load(name)))
    same_whatever_seterr_says(lambda: list(dl.datasets.load("sine", noise=1e-320)))


def test_numbers_of_text_beyond_the_range_of_float64(tmp_path):
    (tmp_path / "t.csv").write_text("1e-400,1e-310\n3,4\n")
    same_whatever_seterr_says(lambda: split(read(tmp_path / "t.csv")))
