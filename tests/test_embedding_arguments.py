"""What predict_one, learn_one and learn_batch take: samples of any form, of the right length."""

import array

import numpy as np
import pytest

import deltaloop as dl
from embedded_networks import BACKENDS, SCALINGS, network, same_bits, samples


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


class Shrinking:
    """A target that takes values out of x while it is read."""

    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None, copy=None):
        del self.x[:]
        return np.zeros(3, dtype)


def test_memory_that_is_read_cannot_be_given_back_meanwhile():
    net = network(backend="cython")
    x = array.array("f", [1, 2, 3, 4, 5])
    with pytest.raises(BufferError):
        net.learn_one(x, Shrinking(x))
    assert len(x) == 5
    del x[:]  # and afterwards it can


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("scaling", [None, "both"])
def test_elements_that_no_buffer_can_name(name, scaling):
    """Complex numbers are refused, others converted."""
    net = network(backend=name)
    net.scaling = SCALINGS.get(scaling)
    with pytest.raises(dl.InvalidTypeError, match="x must hold real numbers, got dtype complex"):
        net.predict_one(np.ones(5, complex))
    with pytest.raises(dl.InvalidTypeError, match="y must hold real numbers, got dtype complex"):
        net.learn_one(np.ones(5), [1j, 0, 0])
    days = np.array([1, 2, 3, 4, 5], "timedelta64[D]")
    assert same_bits(net.predict_one(days), net.predict_one([1, 2, 3, 4, 5]))


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
    with pytest.raises(dl.InvalidInputError, match=r"got shape \(1,\); for .*one_hot\(y, 3\)"):
        net.learn_one(np.zeros(5), 1)
    with pytest.raises(dl.InvalidInputError, match=r"y must have shape \(3,\), got shape \(2,\)$"):
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
