"""scipy.sparse at the door, and when rows are listed."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

import deltaloop as dl
from deltaloop.kernels.sparse_rows import SparseRows
from deltaloop.training.listing import arranged

N, N_IN = 60, 20
rng = np.random.default_rng(2)
DENSE = np.where(rng.random((N, N_IN)) < 0.2, rng.normal(size=(N, N_IN)), 0)
Y = rng.normal(size=(N, 2))
MAKERS = [sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.coo_array, sp.lil_matrix, sp.dok_array]


def network(**more):
    return dl.Network([N_IN, 18, 2], activation="tanh", seed=3, **{"dtype": "float64", **more})


def trained(X, **more):
    net = network()
    net.fit(X, Y, epochs=3, **{"batch_size": 1, **more})
    return net


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("batch_size", [1, 8])
def test_every_kind_of_matrix_trains_and_predicts_as_the_dense_array(make, batch_size):
    X = make(DENSE)
    dense = trained(DENSE, batch_size=batch_size, sparse=False)
    sparse = trained(X, batch_size=batch_size)
    np.testing.assert_allclose(sparse.theta, dense.theta, rtol=0, atol=1e-12)
    np.testing.assert_allclose(sparse.predict(X), dense.predict(DENSE), rtol=0, atol=1e-12)
    assert sparse.loss(X, Y) == pytest.approx(dense.loss(DENSE, Y), rel=1e-12)
    np.testing.assert_allclose(
        sparse.gradients(X, Y).dW[0], dense.gradients(DENSE, Y).dW[0], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_dtypes_of_values_and_indices(dtype, index):
    X = sp.csr_matrix(DENSE).astype(dtype)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    expected = network().predict(X.toarray())
    np.testing.assert_allclose(network().predict(X), expected, rtol=0, atol=1e-12)


def test_unsorted_and_doubled_indices_are_put_in_order_in_a_copy():
    data, indices, indptr = [1.0, 2.0, 3.0, 4.0], [7, 2, 7, 0], [0, 3] + [4] * (N - 1)
    X = sp.csr_matrix((data, indices, indptr), shape=(N, N_IN))
    X.has_sorted_indices = X.has_canonical_format = True  # it says so, and is wrong
    expected = np.zeros((N, N_IN))
    expected[0, [7, 2]], expected[1, 0] = [4, 2], 4
    for batch_size in (1, 8):
        np.testing.assert_allclose(
            trained(X, batch_size=batch_size).theta,
            trained(expected, batch_size=batch_size, sparse=False).theta,
            rtol=0,
            atol=1e-12,
        )
    assert X.indices.tolist() == indices


def test_empty_rows_at_the_ends_and_a_matrix_without_values():
    for X in (np.zeros((N, N_IN)), np.vstack([np.zeros((2, N_IN)), DENSE[:-4], DENSE[:2] * 0])):
        X = np.ascontiguousarray(X[:N])
        listed = sp.csr_array(X)
        np.testing.assert_allclose(
            network().predict(listed), network().predict(X), rtol=0, atol=1e-12
        )
        assert np.isfinite(network().fit(listed, Y[: len(X)], epochs=1, batch_size=1).loss).all()


@pytest.mark.parametrize(
    ("X", "error", "text"),
    [
        (sp.csr_array(DENSE[:, :5]), dl.InvalidInputError, r"n_samples, 20\), got \(60, 5"),
        (sp.csr_array((0, N_IN)), dl.InvalidInputError, "got .0, 20"),
        (sp.csr_array(DENSE.astype(complex)), dl.InvalidTypeError, "real numbers.*complex"),
        (sp.csr_array(np.where(DENSE > 1, np.nan, DENSE)), dl.InvalidInputError, "finite"),
        (sp.csr_array(DENSE * 1e300), dl.InvalidInputError, "range of float32"),
    ],
)  # fmt: skip
def test_what_is_refused(X, error, text):
    net = network(dtype="float32")
    before = net.theta.copy()
    for call in (lambda: net.fit(X, Y), lambda: net.predict(X), lambda: net.loss(X, Y)):
        with pytest.raises(error, match=text):
            call()
    assert (net.theta == before).all()


def test_indices_outside_the_matrix_are_refused():
    X = sp.csr_matrix(DENSE)
    X.indices[3] = N_IN + 1000
    with pytest.raises(dl.InvalidInputError, match="not a valid sparse matrix"):
        network().predict(X)


def test_a_matrix_with_room_to_spare_stays_as_it_is():
    X = sp.csr_matrix(DENSE)
    X.data, X.indices = (np.concatenate([v, v[:7]]) for v in (X.data, X.indices))
    data, indices, indptr = X.data, X.indices, X.indptr
    np.testing.assert_allclose(network().predict(X), network().predict(DENSE), rtol=0, atol=1e-12)
    assert X.data is data and X.indices is indices and X.indptr is indptr


def test_sparse_targets_are_refused():
    with pytest.raises(dl.InvalidTypeError, match="Y is a sparse"):
        network().fit(DENSE, sp.csr_matrix(Y))


def test_scaling_of_sparse_rows():
    net = network()
    net.scaling = dl.Scaling(np.zeros(N_IN), np.full(N_IN, 2.0))
    np.testing.assert_allclose(
        net.predict(sp.csr_array(DENSE)), net.predict(DENSE), rtol=0, atol=1e-12
    )
    net.scaling = dl.Scaling(np.ones(N_IN), np.ones(N_IN))
    with pytest.raises(dl.InvalidInputError, match="shifts the inputs"):
        net.predict(sp.csr_array(DENSE))


@pytest.mark.parametrize("scale", [1e39, 1e-46])
def test_scaling_comes_before_rounding(scale):
    net = network(dtype="float32")
    net.scaling = dl.Scaling(np.zeros(N_IN), np.full(N_IN, scale))
    X = DENSE * scale
    np.testing.assert_allclose(net.predict(sp.csr_array(X)), net.predict(X), rtol=0, atol=1e-5)
    with pytest.raises(dl.InvalidInputError, match="range of float32"):
        net.predict(sp.csr_array(X) * 1e60)
    net.scaling = dl.Scaling(np.zeros(N_IN), np.full(N_IN, 1e-300))
    with pytest.raises(dl.InvalidInputError, match="no longer finite after scaling"):
        net.predict(sp.csr_array(DENSE * 1e300))


def test_the_argument_sparse():
    assert trained(DENSE, sparse=True).theta == pytest.approx(trained(DENSE, sparse=False).theta)
    for wrong in ("yes", None, 1, np.array([1, 2])):
        with pytest.raises(dl.InvalidInputError, match="sparse must be 'auto', True or False"):
            trained(DENSE, sparse=wrong)


@pytest.mark.parametrize(
    ("share", "mode", "batch_size", "adam", "listed"),
    [
        (0.1, "auto", 1, False, True),
        (0.1, "auto", 32, False, True),
        (0.4, "auto", 1, False, True),
        (0.4, "auto", 32, False, False),
        (0.9, "auto", 1, False, False),
        (0.1, "auto", 1, True, False),
        (0.9, True, 32, True, True),
        (0.1, False, 1, False, False),
    ],
)
def test_what_becomes_of_a_dense_array(share, mode, batch_size, adam, listed):
    X = np.where(rng.random((500, 50)) < share, 1.0, 0.0)
    backend = network().backend
    found = arranged(X, mode, backend, adam, batch_size)
    assert isinstance(found, SparseRows) == listed
    np.testing.assert_array_equal(found.dense() if listed else found, X)


def test_the_reference_backend_takes_them_too():
    X = sp.csr_array(DENSE)
    net = network(backend="reference")
    net.fit(X, Y, epochs=3, batch_size=1)
    np.testing.assert_allclose(net.theta, trained(X).theta, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", ["cython", "numba"])
def test_no_memory_is_taken_for_zeros(backend):
    n, n_in = 1000, 200_000  # dense, that is 800 MB
    X = sp.csr_array((np.ones(n, "f4"), np.arange(n) * 7, np.arange(n + 1)), shape=(n, n_in))
    net = dl.Network([n_in, 4, 1], backend=backend)
    tracemalloc.start()
    try:
        net.fit(X, np.ones(n), epochs=1, batch_size=n)
        net.gradients(X, np.ones(n))
        net.loss(X, np.ones(n))
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_index_arrays_with_a_stride_are_read_element_by_element():
    """As they come from a table of pairs (row, column)."""
    listed = sp.csr_array(DENSE)
    pairs = np.stack([np.full_like(listed.indices, 7), listed.indices], axis=1)
    apart = np.repeat(listed.indptr, 2)[::2]
    wide = np.repeat(listed.data, 3)[::3]
    for index in (np.int32, np.int64):
        X = sp.csr_array((wide, pairs.astype(index)[:, 1], apart.astype(index)), shape=DENSE.shape)
        X.indices = pairs.astype(index)[:, 1]  # SciPy may have made a copy
        assert not X.indices.flags.c_contiguous
        np.testing.assert_allclose(
            network().predict(X), network().predict(DENSE), rtol=0, atol=1e-12
        )
        np.testing.assert_allclose(
            trained(X).theta, trained(DENSE, sparse=False).theta, rtol=0, atol=1e-12
        )


def broken(**arrays):
    X = sp.csr_array(DENSE)
    for name, array in arrays.items():
        setattr(X, name, np.asarray(array))
    return X


SMALL = sp.csr_array(DENSE)


@pytest.mark.parametrize(
    ("X", "text"),
    [
        (broken(indptr=[0, *[10**8] * (N - 1), 0], indices=np.empty(0, int), data=np.empty(0)),
         "indptr must rise from 0"),
        (broken(indptr=[0] * N), f"with {N + 1} entries"),
        (broken(indptr=[1] * (N + 1)), "indptr must rise from 0"),
        (broken(indptr=[0] * N + [10**9]), "indptr ends at 1000000000, beyond indices or data"),
        (broken(data=SMALL.data[:-1]), "beyond indices or data"),
        (broken(indices=SMALL.indices - 1), f"indices must lie from 0 to {N_IN - 1}"),
        (broken(indices=SMALL.indices + np.int64(2**32)), "indices must lie from 0"),
        (broken(indices=SMALL.indices.reshape(1, -1)), "indices must be a vector"),
        (broken(indices=np.where(SMALL.indices == 2, np.nan, 1.0)), "indices must be a vector"),
        (broken(indices=SMALL.indices.astype(str)), "indices must be a vector"),
        (broken(indptr=np.full(N + 1, None)), "indptr must be a vector of whole numbers"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("door", ["predict", "fit"])
def test_lists_that_lead_out_of_memory_are_refused(X, text, door):
    net = network()
    with pytest.raises(dl.InvalidInputError, match=text):
        net.predict(X) if door == "predict" else net.fit(X, Y)


def test_what_is_stored_beyond_the_last_row_does_not_count():
    X = sp.csr_array(DENSE)
    X.indices = np.concatenate([X.indices, np.full(5, 10**6, X.indices.dtype)])
    X.data = np.concatenate([X.data, np.full(5, np.nan)])
    np.testing.assert_allclose(network().predict(X), network().predict(DENSE), rtol=0, atol=1e-12)


@pytest.mark.parametrize("door", ["predict", "fit"])
def test_columns_that_lead_out_of_memory_are_refused_before_scipy_turns_them(door):
    X, net = sp.csc_array(DENSE), network()
    X.indptr = np.full_like(X.indptr, 10**8)
    X.indptr[[0, -1]] = 0
    with pytest.raises(dl.InvalidInputError, match="indptr must rise from 0"):
        net.predict(X) if door == "predict" else net.fit(X, Y)


def test_what_shares_a_place_is_summed_whatever_the_form():
    rows, columns, data = [3, 0, 3, 59, 3], [2, 1, 2, 19, 0], [1.0, 2.0, 4.0, 8.0, 16.0]
    expected = np.zeros((N, N_IN))
    np.add.at(expected, (rows, columns), data)
    unsorted = sp.csc_array((N, N_IN))
    unsorted.indptr = np.array([0, 1, 2, *[4] * 17, 5])
    unsorted.indices, unsorted.data = np.array([3, 0, 3, 3, 59]), np.array([16.0, 2, 1, 4, 8])
    for X in (sp.coo_array((data, (rows, columns)), shape=(N, N_IN)), unsorted):
        np.testing.assert_allclose(
            network().predict(X), network().predict(expected), rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("door", ["predict", "fit"])
@pytest.mark.parametrize("wrong", [-1, N, 2**31 - 1])
def test_entries_that_lead_out_of_memory_are_refused_before_scipy_turns_them(door, wrong):
    X, net = sp.coo_array(DENSE), network()
    X.row = np.full_like(X.row, wrong)
    with pytest.raises(dl.InvalidInputError, match=f"row must lie from 0 to {N - 1}"):
        net.predict(X) if door == "predict" else net.fit(X, Y)


@pytest.mark.parametrize("door", ["predict", "fit"])
def test_blocks_that_lead_out_of_memory_are_refused(door):
    X, net = sp.bsr_array(DENSE), network()
    X.indptr = np.full_like(X.indptr, 10**8)
    X.indptr[0] = 0
    with pytest.raises(dl.InvalidInputError, match="not a valid sparse matrix"):
        net.predict(X) if door == "predict" else net.fit(X, Y)
