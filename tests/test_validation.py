"""The door: every form of data that is accepted, every one that is refused."""

import contextlib
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import deltaloop as dl
from deltaloop import validation

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


class Sparse:
    """What scipy.sparse shows to the outside."""

    nnz, shape = 3, (N, N_IN)

    def toarray(self):
        return X0


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
    "field of a record array": lambda a: np.rec.fromarrays([a], dtype=[("x", "f4", a.shape[1:])])["x"],
}


def new_net(**options):
    return dl.Network([N_IN, 5, N_OUT], seed=2, activation="tanh", **options)


@contextlib.contextmanager
def nothing_changes(net):
    theta, state = net.theta.tobytes(), repr(net.generator.bit_generator.state)
    yield
    assert net.theta.tobytes() == theta
    assert repr(net.generator.bit_generator.state) == state


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
    assert np.shares_memory(validation.inputs(X, N_IN, np.float32), X)
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
    rows = validation.inputs(X, N_IN, np.dtype("f4"))
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
        lambda a: a.astype("f8"),
        lambda a: a.astype(">f4"),
    ],
)
def test_rows_the_kernels_cannot_read_are_copied(make):
    X = make(X0)
    rows = validation.inputs(X, N_IN, np.dtype("f4"))
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
    rows = validation.inputs(X, 1, np.dtype("f4"))
    assert rows.shape == (8, 1)
    assert rows.strides[1] == 4
    assert rows.strides[0] >= 4
    net = dl.Network([1, 3, 1], seed=1)
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
    huge = np.full((3, N_IN), np.finfo("f4").max)
    rows = validation.inputs(huge, N_IN, np.dtype("f4"))
    assert np.isfinite(rows).all()
    assert (validation.inputs(huge.astype("f8"), N_IN, np.dtype("f4")) == rows).all()


@settings(deadline=None, max_examples=60)
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
    rows = validation.inputs(view, view[0].size, np.dtype("f4"))
    assert (rows == np.array(view.tolist(), "f4").reshape(len(view), -1)).all()
    assert rows.strides[1] == 4


# what is refused


NAN_AT_2_1 = X0.copy()
NAN_AT_2_1[2, 1] = np.nan
INF_AT_11_3 = X0.astype("f8")
INF_AT_11_3[11, 3] = -np.inf
IMAGE = X0.copy().reshape(N, 2, 2)
IMAGE[1, 1, 0] = np.nan
BEYOND = X0.astype("f8")
BEYOND[5, 2] = 1e39
HALF = X0.astype("f2")
HALF[7, 0] = np.inf

VALUE, TYPE = dl.InvalidInputError, dl.InvalidTypeError
WRONG_INPUTS = {
    "no number of values": (X0[:, :3], VALUE, r"X must have 4 values per sample, got 3"),
    "one sample, flat": (X0[0], VALUE, r"shape \(4, 1\).*X\.reshape\(1, -1\)"),
    "images of another size": (np.zeros((N, 3, 3)), VALUE, r"4 values per sample, got 9"),
    "a number": (3.5, VALUE, r"\(n_samples, \.\.\.\), got the single number"),
    "nan": (NAN_AT_2_1, VALUE, r"X must be finite, got nan at sample 2, value 1 \(1 of 48"),
    "infinity": (INF_AT_11_3, VALUE, r"X must be finite, got -inf at sample 11, value 3"),
    "nan in an image": (IMAGE, VALUE, r"nan at sample 1, value 2"),
    "infinity in float16": (HALF, VALUE, r"inf at sample 7, value 0"),
    "nan in a list": ([[1, 2, 3, float("nan")]], VALUE, "nan at sample 0, value 3"),
    "None in a list": ([[1, 2, 3, None]], dl.DeltaloopError, "None|NoneType|nan"),
    "beyond float32": (BEYOND, VALUE, r"beyond the range of float32.*1e\+39.*dtype='float64'"),
    "beyond any float": ([[1, 2, 3, 10**400]], VALUE, "X .*(range|large|big)"),
    "empty list": ([], VALUE, r"X is empty, got shape \(0,\)"),
    "no samples": (X0[:0], VALUE, r"X is empty, got shape \(0, 4\)"),
    "no values": (X0[:, :0], VALUE, r"X is empty, got shape \(12, 0\)"),
    "objects": ([[{}, 1, 2, 3]], TYPE, "must contain numbers, found a value of type dict"),
    "strings": ([["a", "b", "c", "d"]], TYPE, "X must contain real numbers, got dtype <U1"),
    "numbers as text": ([["1", "2", "3", "4"]], TYPE, "X must contain real numbers"),
    "numbers as text, object": (np.array([["1", 2, 3, 4]], object), TYPE, "found.*type str"),
    "bytes": (b"abcd", TYPE, "X must contain real numbers"),
    "complex": (X0 + 1j, TYPE, "real numbers, got dtype complex"),
    "dates": (np.zeros((N, N_IN), "M8[s]"), TYPE, r"real numbers, got dtype datetime64\[s\]"),
    "records": (np.zeros(N, [("a", "f4")]), TYPE, "must contain real numbers"),
    "sparse": (Sparse(), TYPE, r"X is a sparse Sparse; use X\.toarray\(\)"),
    "masked": (np.ma.masked_array(X0, X0 > 5), VALUE, "X has masked values; fill or remove"),
    "ragged": ([[1, 2, 3, 4], [5]], VALUE, "X cannot be read as an array of numbers"),
    "nothing": (None, TYPE, "X must.*NoneType"),
    "generator": ((row for row in X0), TYPE, "found a value of type generator"),
    "dict": ({"a": 1}, TYPE, "found a value of type dict"),
}


@pytest.mark.parametrize("call", ["fit", "loss", "gradients", "predict"])
@pytest.mark.parametrize("case", WRONG_INPUTS)
def test_wrong_inputs_are_refused_and_change_nothing(case, call):
    X, error, text = WRONG_INPUTS[case]
    net = new_net()
    with nothing_changes(net), pytest.raises(error, match=text):
        getattr(net, call)(X, *([Y0] if call != "predict" else []))


WRONG_TARGETS = {
    "no number of samples": (Y0[:5], "mse", VALUE, r"X has 12 samples, Y has shape \(5, 3\)"),
    "a number": (1.0, "mse", VALUE, r"one entry per sample.*Y has shape \(\)"),
    "transposed": (Y0.T, "mse", VALUE, r"Y has shape \(3, 12\)"),
    "no number of outputs": (Y0[:, :2], "mse", VALUE, r"must have shape \(12, 3\), got.*\(12, 2\)"),
    "flat": (Y0[:, 0], "mse", VALUE, r"must have shape \(12, 3\), got shape \(12,\)"),
    "class numbers": (np.arange(N) % 3, "mse", VALUE, r"use deltaloop\.one_hot\(Y, 3\)"),
    "nan": (np.where(Y0 == Y0[4, 2], np.nan, Y0), "mse", VALUE, "Y must be finite, got nan"),
    "beyond float32": (Y0.astype("f8") * 1e39, "mse", VALUE, "Y has values beyond the range of float32"),
    "beyond float32, one value": (
        np.where(np.arange(36).reshape(12, 3) == 35, 1e39, Y0.astype("f8")),
        "mse", VALUE, "Y has values beyond",
    ),
    "label too large": (np.arange(N) % 4, "cross_entropy", VALUE, "from 0 to 2, got 3 at sample 3"),
    "label negative": (-np.ones(N, int), "cross_entropy", VALUE, "from 0 to 2, got -1 at sample 0"),
    "label not whole": (np.full(N, 0.5), "cross_entropy", VALUE, "whole numbers.*got 0.5"),
    "labels as text": (["a"] * N, "cross_entropy", TYPE, "return_inverse=True"),
    "rows that are no distribution": (
        np.full((N, 3), 0.5), "cross_entropy", VALUE, r"sum to 1, got a sum of 1.5 at sample 0",
    ),
    "negative probability": (
        np.tile([-1.0, 1, 1], (N, 1)), "cross_entropy", VALUE, r"lie in \[0, 1\], got.*from -1 to 1",
    ),
    "probability above 1": (Y0, "binary_cross_entropy", VALUE, r"must lie in \[0, 1\]"),
    "empty": ([], "mse", VALUE, "Y is empty"),
    "complex": (Y0 * 1j, "mse", TYPE, "Y must contain real numbers"),
    "masked": (np.ma.masked_array(Y0, Y0 > 5), "mse", VALUE, "Y has masked values"),
    "sparse": (Sparse(), "mse", TYPE, r"Y\.toarray\(\)"),
    "ragged": ([[1, 2, 3], [4]] * 6, "mse", VALUE, "Y cannot be read"),
    "nothing": (None, "mse", TYPE, "Y must.*NoneType"),
}  # fmt: skip


@pytest.mark.parametrize("call", ["fit", "loss", "gradients"])
@pytest.mark.parametrize("case", WRONG_TARGETS)
def test_wrong_targets_are_refused_and_change_nothing(case, call):
    Y, loss, error, text = WRONG_TARGETS[case]
    net = new_net(loss=loss)
    with nothing_changes(net), pytest.raises(error, match=text):
        getattr(net, call)(X0, Y)


@pytest.mark.parametrize("case", ["nan", "strings", "sparse", "no number of values", "complex"])
def test_wrong_validation_data_are_refused_for_their_own_reason(case):
    X, error, text = WRONG_INPUTS[case]
    net = new_net()
    with nothing_changes(net), pytest.raises(error, match=text):
        net.fit(X0, Y0, validation_data=(X, Y0[: len(X)] if hasattr(X, "__len__") else Y0))


def test_text_labels_in_validation_data_are_refused_for_their_own_reason():
    net = new_net(loss="cross_entropy")
    with nothing_changes(net), pytest.raises(TYPE, match="return_inverse"):
        net.fit(X0, np.zeros(N, int), validation_data=(X0, ["a"] * N))


@pytest.mark.parametrize("pair", [5, (X0,), (X0, Y0, Y0), True])
def test_validation_data_must_be_a_pair(pair):
    net = new_net()
    with nothing_changes(net), pytest.raises(TYPE, match=r"must be a pair \(X, Y\)"):
        net.fit(X0, Y0, validation_data=pair)


def test_checking_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for X in (NAN_AT_2_1, INF_AT_11_3, BEYOND, HALF):
            with pytest.raises(VALUE):
                new_net().predict(X)


# one_hot


def test_one_hot_has_one_row_per_label():
    rows = dl.one_hot([2, 0, 1, 2], 3, dtype="float64")
    assert rows.dtype == np.float64
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("labels", "n_classes", "error", "text"),
    [
        ([0, 3], 3, VALUE, "from 0 to 2, got 3 at sample 1"),
        ([0, -1], 3, VALUE, "from 0 to 2, got -1 at sample 1"),
        ([0.5], 3, VALUE, "whole numbers from 0 to 2, got 0.5"),
        ([np.nan], 3, VALUE, "whole numbers.*got nan"),
        ([np.inf], 3, VALUE, "whole numbers.*got inf"),
        ([[0, 1]], 3, VALUE, r"shape \(n_samples,\), got shape \(1, 2\)"),
        (["a"], 3, TYPE, "must contain real numbers"),
        ([], 3, VALUE, "is empty"),
        ([0], 0, VALUE, "n_classes must be a whole number >= 1, got 0"),
        ([0], "3", TYPE, "n_classes must be a whole number, got '3'"),
        ([0], 2.0, TYPE, "n_classes must be a whole number, got 2.0"),
    ],
)
def test_one_hot_refuses_what_is_no_class_number(labels, n_classes, error, text):
    with pytest.raises(error, match=text):
        dl.one_hot(labels, n_classes)
