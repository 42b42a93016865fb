"""The door: every form of data that is accepted, and what becomes of it."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import deltaloop as dl
from deltaloop.inputs import validation

N, N_IN, N_OUT = 12, 4, 3
rng = np.random.default_rng(3)
# integers, so that every dtype holds the same values
X0 = rng.integers(0, 9, (N, N_IN)).astype(np.float32)
Y0 = rng.integers(0, 9, (N, N_OUT)).astype(np.float32)


class Frame:
    """What pandas shows to the outside: __array__ and a few names."""

    def __init__(self, values):
        self.values, self.columns = values, ["a", "b"]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)

    def __len__(self):
        return len(self.values)


def unaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)
    view = raw[1:].view(a.dtype).reshape(a.shape)
    view[:] = a
    assert not view.flags.aligned
    return view


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def strided(a, step):
    """`a`, with other values between its columns and its rows."""
    wide = np.full((len(a) * 2, a.shape[1] * abs(step)), 99, a.dtype)
    view = wide[::2, ::step][:, : a.shape[1]]
    view[:] = a
    return view


def within_table(a):
    """Columns of a wider table: unit stride in a row, a larger distance between rows."""
    table = np.full((len(a), a.shape[1] + 5), 99, a.dtype)
    table[:, 2 : 2 + a.shape[1]] = a
    return table[:, 2 : 2 + a.shape[1]]


FORMS = {
    "list": np.ndarray.tolist,
    "list of tuples": lambda a: [tuple(row) for row in a.tolist()],
    "list of arrays": list,
    "object array": lambda a: a.astype(object),
    "frame": Frame,
    "float64": lambda a: a.astype("f8"),
    "float16": lambda a: a.astype("f2"),
    "longdouble": lambda a: a.astype(np.longdouble),
    "int64": lambda a: a.astype("i8"),
    "uint8": lambda a: a.astype("u1"),
    "int8": lambda a: a.astype("i1"),
    "uint64": lambda a: a.astype("u8"),
    "big-endian float32": lambda a: a.astype(">f4"),
    "big-endian float64": lambda a: a.astype(">f8"),
    "big-endian int16": lambda a: a.astype(">i2"),
    "Fortran float32": np.asfortranarray,
    "Fortran float64": lambda a: np.asfortranarray(a.astype("f8")),
    "transposed twice": lambda a: np.ascontiguousarray(a.T).T,
    "strided": lambda a: strided(a, 2),
    "negative stride in a row": lambda a: a[:, ::-1].copy()[:, ::-1],
    "negative stride of rows": lambda a: a[::-1].copy()[::-1],
    "both negative": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "columns of a table": within_table,
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "unaligned float32": unaligned,
    "unaligned float64": lambda a: unaligned(a.astype("f8")),
    "read-only": read_only,
    "nothing masked": lambda a: np.ma.masked_array(a),
    "images": lambda a: a.reshape(len(a), 1, a.shape[1], 1),
    "Fortran images": lambda a: np.asfortranarray(a.reshape(len(a), 1, a.shape[1])),
    "field of a record array": lambda a: np.rec.fromarrays([a], [("x", "f4", a.shape[1:])])["x"],
}


def new_net(**options):
    return dl.Network([N_IN, 5, N_OUT], seed=2, activation="tanh", **options)


# what is accepted


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_data_gives_the_bits_of_the_plain_one(form, dtype):
    plain, net = new_net(dtype=dtype), new_net(dtype=dtype)
    X, Y = FORMS[form](X0), FORMS[form](Y0)
    options = {"epochs": 2, "batch_size": 5, "optimizer": dl.SGD(0.01)}
    plain.fit(X0.astype(dtype), Y0.astype(dtype), **options)
    net.fit(X, Y, **options)
    assert net.theta.tobytes() == plain.theta.tobytes()
    assert net.predict(X).tobytes() == plain.predict(X0.astype(dtype)).tobytes()
    assert net.loss(X, Y) == plain.loss(X0, Y0)
    pairs = zip(net.gradients(X, Y).dW, plain.gradients(X0, Y0).dW, strict=True)
    assert all((a == b).all() for a, b in pairs)


@pytest.mark.parametrize("form", FORMS)
def test_data_of_the_user_are_never_written(form):
    X, Y = FORMS[form](X0), FORMS[form](Y0)
    before = [np.array(np.asarray(a), copy=True) for a in (X, Y)]
    new_net().fit(X, Y, epochs=1)
    assert (np.asarray(X) == before[0]).all()
    assert (np.asarray(Y) == before[1]).all()


def test_broadcast_data_are_accepted():
    X, Y = np.broadcast_to(X0[3], (9, N_IN)), np.broadcast_to(Y0[3], (9, N_OUT))
    nets = [new_net(), new_net()]
    nets[0].fit(X, Y, epochs=1)
    nets[1].fit(X.copy(), Y.copy(), epochs=1)
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_booleans_are_zeros_and_ones():
    X, Y = X0 > 4, Y0 > 4
    assert new_net().loss(X, Y) == new_net().loss(X.astype("f4"), Y.astype("f4"))


def test_read_only_memory_map_is_read_in_place(tmp_path):
    np.save(tmp_path / "X.npy", X0)
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert np.shares_memory(validation.inputs(X, new_net()), X)
    assert (new_net().predict(X) == new_net().predict(X0)).all()


@pytest.mark.parametrize(
    "make",
    [
        np.ndarray.copy,
        read_only,
        within_table,
        lambda a: a[2:7],
        lambda a: np.repeat(a, 3, axis=0)[::3],
        lambda a: a[:1],
        lambda a: a.reshape(N, 2, 2),
    ],
)
def test_rows_of_the_right_dtype_are_not_copied(make):
    X = make(X0.copy())
    rows = validation.inputs(X, new_net())
    assert np.shares_memory(rows, X)
    assert (rows == X.reshape(len(X), -1)).all()


@pytest.mark.parametrize(
    "make",
    [
        np.asfortranarray,
        unaligned,
        lambda a: strided(a, 2),
        lambda a: a[::-1],
        lambda a: a[:, ::-1],
        lambda a: np.broadcast_to(a[0], a.shape),
        lambda a: np.lib.stride_tricks.sliding_window_view(a.ravel(), a.shape[1]),
        lambda a: np.lib.stride_tricks.sliding_window_view(a.ravel(), a.shape[1])[::3],
        lambda a: a.astype("f8"),
        lambda a: a.astype(">f4"),
    ],
)
def test_rows_the_kernels_cannot_read_are_copied(make):
    X = make(X0)
    rows = validation.inputs(X, new_net())
    assert rows.dtype == np.float32
    assert rows.dtype.isnative
    assert rows.flags.aligned
    assert rows.strides[1] == 4
    assert rows.strides[0] >= rows.shape[1] * 4
    assert (rows == X).all()


def column(n):
    return np.arange(n, dtype="f4")


@pytest.mark.parametrize(
    "X",
    [column(8)[:, None], column(16).reshape(8, 2)[:, :1], column(8)[::-1, None], column(8)],
    ids=["new axis", "column", "reversed", "1-d"],
)
def test_single_column_has_rows_the_kernels_can_walk(X):
    net = dl.Network([1, 3, 1], seed=1)
    rows = validation.inputs(X, net)
    assert rows.shape == (8, 1)
    assert rows.strides[1] == 4
    assert rows.strides[0] >= 4
    assert (net.predict(X) == net.predict([[float(x)] for x in X.ravel()])).all()
    net.fit(X, X / 8, epochs=1)


@pytest.mark.parametrize(
    "X", [X0[:1], X0[::-1][:1], X0[::3][:1], np.asfortranarray(X0[:1]), X0[0][None]]
)
def test_single_row_of_any_strides_is_accepted(X):
    assert (new_net().predict(X) == new_net().predict(X.tolist())).all()


def test_samples_of_any_shape_are_flattened():
    net = dl.Network([12, 2])
    X = rng.normal(size=(5, 2, 3, 2)).astype("f4")
    assert (net.predict(X) == net.predict(X.reshape(5, 12))).all()


def test_scalars_are_samples_of_one_value():
    net = dl.Network([1, 2, 1])
    assert (net.predict([1, 2, 3]) == net.predict([[1], [2], [3]])).all()
    assert net.fit([1, 2, 3], [4, 5, 6], epochs=1).loss


def test_targets_of_one_output_may_be_one_dimensional():
    net = dl.Network([N_IN, 1])
    assert net.loss(X0, Y0[:, 0]) == net.loss(X0, Y0[:, :1])


@pytest.mark.parametrize("kind", ["i8", "u1", "f4", "f8", "O", ">i4"])
@pytest.mark.parametrize("shape", [(N,), (N, 1)])
def test_class_numbers_are_one_hot_targets(kind, shape):
    labels = np.arange(N) % N_OUT
    net = new_net(loss="cross_entropy")
    assert net.loss(X0, labels.reshape(shape).astype(kind)) == net.loss(X0, np.eye(N_OUT)[labels])


def test_probabilities_are_targets_of_cross_entropy():
    soft = np.full((N, N_OUT), 1 / N_OUT)
    assert np.isfinite(new_net(loss="cross_entropy").loss(X0, soft))


def test_largest_float32_is_accepted_and_sums_may_overflow():
    huge, net = np.full((3, N_IN), np.finfo("f4").max), new_net()
    rows = validation.inputs(huge, net)
    assert np.isfinite(rows).all()
    assert (validation.inputs(huge.astype("f8"), net) == rows).all()


@given(
    hnp.arrays(
        st.sampled_from(["f2", "f4", "f8", "i2", "u4", "?", ">f4", ">i8"]),
        st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 3)),
        elements=st.integers(0, 1),
    ),
    st.permutations(range(3)),
    st.tuples(*[st.sampled_from([1, -1, 2])] * 3),
)
def test_any_view_is_read_in_its_own_order(array, axes, steps):
    view = array.transpose(axes)[tuple(slice(None, None, step) for step in steps)]
    rows = validation.inputs(view, dl.Network([view[0].size, 1], init="zeros"))
    assert (rows == np.array(view.tolist(), "f4").reshape(len(view), -1)).all()
    assert rows.strides[1] == 4


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("kind", ["f8", "i4", "f4"])
def test_conversion_takes_no_memory_but_that_of_the_result(kind, scaled):
    X, net = np.arange(2_000_000).reshape(-1, 20).astype(kind), dl.Network([20, 1], init="zeros")
    if scaled:
        net.scaling = dl.Scaling(np.full(20, 5.0), np.full(20, 2.0))
    tracemalloc.start()
    try:
        rows = validation.inputs(X, net)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (rows == ((X - 5.0) / 2.0 if scaled else X).astype("f4")).all()
    assert peak < 1.15 * rows.nbytes


@pytest.mark.parametrize("scaled", [False, True])
def test_error_of_a_late_row_names_it_by_its_place_in_the_whole(scaled):
    X, net = np.zeros((100_000, 2)), dl.Network([2, 1])
    if scaled:
        net.scaling = dl.Scaling([0.0, 0.0], [1.0, 1.0])
    X[99_990, 1], X[40_000, 0] = np.nan, 1e300
    with pytest.raises(dl.InvalidInputError, match=r"nan at sample 99990, value 1 \(1 of 200000"):
        net.loss(X, np.zeros(len(X)))
    X[99_990, 1] = -2e300
    with pytest.raises(dl.InvalidInputError, match=r"largest magnitude 2e\+300"):
        net.loss(X, np.zeros(len(X)))


# one_hot


def test_one_hot_has_one_row_per_label():
    rows = dl.one_hot([2, 0, 1, 2], 3, dtype="float64")
    assert rows.dtype == np.float64
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("label", [2, np.int8(2), np.array(2), 2.0])
def test_one_hot_of_one_number_is_its_row(label):
    assert dl.one_hot(label, 3).tolist() == [0, 0, 1]


def test_one_hot_takes_a_column_of_labels():
    assert dl.one_hot([[2], [0]], 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert dl.one_hot([[1]], 3).shape == (1, 3)


@pytest.mark.parametrize("dtype", ["int7", ",", 5, "U3", object, complex, "M8[s]", [("a", "f4")]])
def test_one_hot_refuses_a_dtype_that_is_not_one_of_numbers(dtype):
    with pytest.raises(dl.InvalidTypeError, match="dtype must be one of numbers, as 'float32'"):
        dl.one_hot([0], 3, dtype)


def test_one_hot_refuses_more_rows_than_the_memory_holds():
    with pytest.raises(dl.InvalidInputError, match=r"1000 labels and .* would take .*; take fewer"):
        dl.one_hot([0] * 1000, 10**12)
    with pytest.raises(dl.InvalidInputError, match="n_classes must be a whole number"):
        dl.one_hot([0], 10**30)


@pytest.mark.parametrize(
    ("labels", "n_classes", "error", "text"),
    [
        ([0, 3], 3, dl.InvalidInputError, "from 0 to 2, got 3 at sample 1"),
        ([0, -1], 3, dl.InvalidInputError, "from 0 to 2, got -1 at sample 1"),
        ([0.5], 3, dl.InvalidInputError, "whole numbers from 0 to 2, got 0.5"),
        ([np.nan], 3, dl.InvalidInputError, "whole numbers.*got nan"),
        ([np.inf], 3, dl.InvalidInputError, "whole numbers.*got inf"),
        ([[0, 1]], 3, dl.InvalidInputError, r"shape \(n_samples,\), got shape \(1, 2\)"),
        (["a"], 3, dl.InvalidTypeError, "must contain real numbers"),
        ([], 3, dl.InvalidInputError, "is empty"),
        ([0], 0, dl.InvalidInputError, "n_classes must be a whole number >= 1, got 0"),
        ([0], "3", dl.InvalidTypeError, "n_classes must be a whole number, got '3'"),
        ([0], 2.0, dl.InvalidTypeError, "n_classes must be a whole number, got 2.0"),
    ],
)
def test_one_hot_refuses_what_is_no_class_number(labels, n_classes, error, text):
    with pytest.raises(error, match=text):
        dl.one_hot(labels, n_classes)
