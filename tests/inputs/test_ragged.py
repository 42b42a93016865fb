"""Lists whose parts have unlike lengths are no array: every door says so, in one kind of error."""

import numpy as np
import pytest

import deltaloop as dl

X = np.random.default_rng(0).normal(size=(20, 3))
Y, NET = X[:, :1], dl.Network([3, 4, 1])
NETS = dl.Ensemble([3, 4, 1], n=2)
RAGGED = ([[1.0, 2.0, 3.0], [4.0]], [[1, [2]], [3, [4]]], [X, X[:3]], [X[0], None])
DOORS = {
    "predict": NET.predict,
    "loss": lambda v: NET.loss(v, Y),
    "loss, Y": lambda v: NET.loss(X, v),
    "fit": lambda v: NET.fit(v, Y),
    "fit, weights": lambda v: NET.fit(X, Y, sample_weight=v),
    "validation_data": lambda v: NET.fit(X, Y, validation_data=(v, Y)),
    "apply_gradient": NET.apply_gradient,
    "hessian_vector_product": lambda v: NET.hessian_vector_product(X, Y, v),
    "parameters": lambda v: setattr(NET, "parameters", v),
    "theta": lambda v: setattr(NET, "theta", v),
    "backward": lambda v: NET.backward(X, v),
    "one_hot": lambda v: dl.one_hot(v, 3),
    "scaling": dl.Scaling.standardize,
    "metric": lambda v: dl.metrics.mse(Y, v),
    "ensemble, predict": NETS.predict,
    "ensemble, mean": NETS.mean,
    "ensemble, fit": lambda v: NETS.fit(v, Y),
    "ensemble, Y": lambda v: NETS.fit(X, v),
    "ensemble, weights": lambda v: NETS.fit(X, Y, sample_weight=v),
    "ensemble, rates": lambda v: NETS.fit(X, Y, learning_rate=v),
    "ensemble, epochs": lambda v: NETS.fit(X, Y, epochs=v),
    "ensemble, parameters": lambda v: setattr(NETS, "parameters", v),
}


@pytest.mark.parametrize("values", RAGGED, ids=["rows", "nested", "arrays", "None"])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_lists_of_unlike_lengths_are_refused(door, values):
    before = NET.parameters, NETS.parameters
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError)):
        door(values)
    np.testing.assert_array_equal(NET.parameters, before[0])
    np.testing.assert_array_equal(NETS.parameters, before[1])
