"""`Network.trace`: the worked example, the step that is taken, and what is printed."""

import copy
from math import log

import numpy as np
import pytest

import deltaloop as dl
from explain.test_explain import X, Y, network, worked


def test_numbers_are_those_worked_out_by_hand():
    found = worked().trace(X, Y)
    assert (found.x.tolist(), found.y.tolist(), found.loss) == (X, Y, pytest.approx(2))
    expected = {
        "z": [[0, log(3)], [0, -log(3)], [3]],
        "a": [[1 / 2, 3 / 4], [1 / 2, 1 / 4], [3]],
        "slope": [[1 / 4, 3 / 16], [1 / 4, 3 / 16], [1]],
        "delta": [[7 / 2, 3 / 2], [1, 3], [2]],
    }
    for name, lists in expected.items():
        for array, values in zip(getattr(found, name), lists, strict=True):
            assert array == pytest.approx(np.array(values), rel=1e-14, abs=1e-14), name
    assert found.dC_da == pytest.approx([2])
    assert found.dW[1] == pytest.approx(np.array([[1 / 2, 3 / 4], [3 / 2, 9 / 4]]))
    assert found.db[2] is None
    assert found.W_after[2] == pytest.approx(np.array([[2 - 0.1, 8 - 0.05]]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_has_the_bits_of_gradients(dtype):
    net = worked(dtype)
    found, (_, dW, db, delta) = net.trace(X, Y), net.gradients([X], [Y])
    for k in range(3):
        assert found.dW[k].tobytes() == dW[k].tobytes()
        assert (found.db[k] is None) == (db[k] is None)
        assert found.delta[k].tobytes() == delta[k][0].tobytes()


OPTIMIZERS = [
    dl.SGD(0.3), dl.SGD(0.3, momentum=0.9), dl.Adam(0.01), dl.Rprop(0.01),
    dl.SGD(0.3, weight_decay=0.1),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_step_is_the_one_that_the_network_takes_next(optimizer):
    net = dl.Network([3, 4, 2], activation="tanh", dtype="float64", seed=2)
    net.optimizer = optimizer
    rng = np.random.default_rng(0)
    for _ in range(3):
        net.learn_one(rng.normal(size=3), rng.normal(size=2))
    x, y = rng.normal(size=3), rng.normal(size=2)
    before, found = net.theta.copy(), net.trace(x, y)
    assert net.theta.tobytes() == before.tobytes()
    other = copy.deepcopy(net)
    other.learn_one(x, y)
    for k in range(2):
        assert found.W_after[k] == pytest.approx(other.W[k], rel=1e-12, abs=1e-14)
        assert found.b_after[k] == pytest.approx(other.b[k], rel=1e-12, abs=1e-14)


def test_frozen_layers_and_masks_stay():
    mask = np.array([[True, False, True], [True, True, False]])
    layers = [dl.Dense(2, "tanh", mask=mask), dl.Dense(1, "identity", trainable=False)]
    net = dl.Network(3, layers, dtype="float64", seed=1)
    found = net.trace([1.0, 2.0, 3.0], [0.5])
    assert (found.W_after[1] == found.W[1]).all()
    assert (found.W_after[0][~mask] == 0).all()
    assert (found.W_after[0][mask] != found.W[0][mask]).all()


def test_arrays_are_copies():
    net = worked()
    found = net.trace(X, Y)
    net.W[0][:] = 7
    assert found.W[0].tolist() == [[1, 3, 1, 4], [2, 1, -1, 1]]


def test_it_is_printed_in_the_order_of_the_computation():
    lines = repr(worked().trace(X, Y)).splitlines()
    heads = ("Trace: loss mse 2", "forward,", "loss", "backward,", "gradient,")
    places = [next(k for k, line in enumerate(lines) if line.startswith(head)) for head in heads]
    assert places == sorted(places)
    assert ["2", "1.09861", "0.75", "0.1875"] in [line.split() for line in lines]
    row = next(line for line in lines if line.split()[:1] == ["w^2_22"])
    assert row.split() == ["w^2_22", "4", "2.25", "3.775"]


def test_slopes_of_the_loss_stand_beside_the_targets_where_there_are_as_many():
    def below(found):
        lines = repr(found).splitlines()
        start = lines.index("loss")
        stop = next(k for k, line in enumerate(lines) if line.startswith("backward"))
        return [line.split() for line in lines[start + 1 : stop]]

    assert below(worked().trace(X, Y)) == [["unit", "y", "dC/da^4"], ["1", "1", "2"]]
    variances = dl.Network([2, 3, 1], loss="gaussian_nll", seed=1)  # a mean and a variance
    told = below(variances.trace([1.0, 2.0], [3.0]))
    assert told[:3] == [["unit", "y"], ["1", "3"], ["unit", "dC/da^3"]]
    assert [line[0] for line in told[3:]] == ["1", "2"]


def test_softmax_has_no_slope_of_single_units():
    net, x, y = network("tanh", "softmax", "cross_entropy")
    found = net.trace(x, y)
    assert found.slope[-1] is None
    assert found.slope[0].shape == (4,)
    assert "softmax(z)" in repr(found)


def test_wide_layers_are_cut():
    net = dl.Network([30, 20, 2])
    text = repr(net.trace(np.ones(30), [0.0, 1.0]))
    assert "and 18 more" in text
    assert "and 8 more" in text
    assert f"and {20 * 31 - 12 * 13} more" in text


def test_optimizers_of_all_samples_are_refused():
    net = worked()
    net.optimizer = dl.LBFGS()
    with pytest.raises(dl.InvalidInputError, match="makes no step of one sample; assign"):
        net.trace(X, Y)


def test_what_is_not_finite_is_shown_and_said():
    net = worked()
    net.theta[:] = np.nan
    text = repr(net.trace(X, Y))
    assert "nan" in text
    assert "- parameters are nan or infinite" in text
