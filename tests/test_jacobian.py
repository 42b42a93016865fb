"""Network.jacobian: layout, units, dtype, and what it refuses."""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.kernels.least_squares import columns_of

rng = np.random.default_rng(0)
X, Y = 5 + 3 * rng.normal(size=(30, 3)), 100 * rng.normal(size=(30, 2))


def new_net(**options):
    return dl.Network([3, 6, 2], activation="tanh", **({"dtype": "float64"} | options))


def test_rows_are_laid_out_as_theta():
    net = new_net()
    J = net.jacobian(X)
    assert J.shape == (30, 2, net.theta.size)
    assert J.dtype == np.float64
    padding = np.delete(np.arange(net.theta.size), columns_of(net.plan))
    assert not J[:, :, padding].any()
    e = net.predict(X) - Y
    expected = net.gradient(X, Y) * 30  # of the mean loss 1/2 |e|^2
    assert np.einsum("to,toj->j", e, J) == pytest.approx(expected, rel=1e-10, abs=1e-9)


def test_a_small_step_changes_predictions_in_the_units_of_the_targets():
    net = new_net()
    net.scaling = dl.Scaling.standardize(X, Y)
    J, before = net.jacobian(X), net.predict(X)
    step = np.zeros(net.theta.size)
    step[columns_of(net.plan)] = 1e-6 * rng.normal(size=net.n_parameters)
    net.theta += step
    assert net.predict(X) - before == pytest.approx(J @ step, abs=1e-8)


def test_scaling_of_inputs_alone_keeps_the_dtype():
    net = new_net(dtype="float32")
    net.scaling = dl.Scaling.standardize(X)
    assert net.jacobian(X).dtype == np.float32


def test_sparse_samples_give_the_same():
    from scipy.sparse import csr_matrix

    sparse = X * (rng.random(X.shape) < 0.3)
    net = new_net()
    assert np.array_equal(net.jacobian(csr_matrix(sparse)), net.jacobian(sparse))


@pytest.mark.parametrize("wrong", [X[:, :2], [[np.nan, 0, 0]], "text", np.zeros((0, 3))])
def test_samples_that_are_not_accepted_are_refused(wrong):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError)):
        new_net().jacobian(wrong)


def test_a_result_beyond_the_memory_is_refused(monkeypatch):
    net = new_net()
    monkeypatch.setattr("deltaloop.inputs.checks._MEMORY", 1000)
    with pytest.raises(dl.InvalidInputError, match=r"the Jacobian would take .* fewer samples"):
        net.jacobian(X)
