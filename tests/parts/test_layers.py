"""Descriptions of layers: what they hold and what they refuse."""

import copy

import numpy as np
import pytest

import deltaloop as dl


class ReLU:
    """As modules of PyTorch and layers of Keras: called, and named after its function."""

    def __call__(self, z):
        return z


def test_defaults_are_sigmoid_with_bias():
    layer = dl.Dense(3)
    assert (layer.n_out, layer.activation.name, layer.bias) == (3, "sigmoid", True)


def test_name_of_an_activation_becomes_the_activation():
    assert dl.Dense(3, "elu") == dl.Dense(3, dl.Activation("elu", 1.0))


@pytest.mark.parametrize("n_out", [np.int64(3), np.uint8(3), np.array(3)])
def test_width_may_be_a_whole_number_of_any_type(n_out):
    assert type(dl.Dense(n_out).n_out) is int
    assert dl.Dense(n_out) == dl.Dense(3)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((0,), dl.InvalidInputError, "n_out must be a whole number >= 1, got 0"),
        ((-1,), dl.InvalidInputError, "n_out must be a whole number >= 1, got -1"),
        ((True,), dl.InvalidInputError, "n_out must be a whole number >= 1, got True"),
        ((2.0,), dl.InvalidTypeError, "n_out must be a whole number, got 2.0 of type float"),
        (("2",), dl.InvalidTypeError, "n_out must be a whole number, got '2' of type str"),
        ((None,), dl.InvalidTypeError, "missing 1 argument"),
        (([2],), dl.InvalidTypeError, r"n_out must be a whole number, got \[2\]"),
        ((2, "sigmod"), dl.InvalidInputError, "did you mean 'sigmoid'"),
        ((2, None), dl.InvalidTypeError, "such as 'relu'.*got NoneType; for none use 'identity'"),
        (("relu", 8), dl.InvalidTypeError, r"got 'relu'.*units come first: Dense\(8, 'relu'\)"),
        ((dl.Activation("elu"),), dl.InvalidTypeError, r"come first: Dense\(8, 'relu'\)"),
        ((8, 3), dl.InvalidTypeError, "got int; Dense takes its own units alone"),
        ((8, 3, "relu"), dl.InvalidTypeError, "got int; Dense takes its own units alone"),
        ((8, "relu", "zeros"), dl.InvalidTypeError, "values are given by keyword: init='zeros'"),
        ((8, np.tanh), dl.InvalidTypeError, "got ufunc; did you mean 'tanh'"),
        ((8, ReLU()), dl.InvalidTypeError, "got ReLU; did you mean 'relu'"),
        ((8, ReLU), dl.InvalidTypeError, "got type; did you mean 'relu'"),
        ((8, lambda z: z), dl.InvalidTypeError, "got function; .*deltaloop.custom_activation"),
        ((), dl.InvalidTypeError, r"missing 1 .* 'n_out'; write Dense\(8, 'relu'"),
        ((2, "relu", 1), dl.InvalidTypeError, "bias must be True or False, got 1"),
        ((2, "relu", "no"), dl.InvalidTypeError, "bias must be True or False, got 'no'"),
    ],
)
def test_wrong_layer_is_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        dl.Dense(*arguments)


def test_layer_cannot_be_changed():
    with pytest.raises(AttributeError):
        dl.Dense(3).n_out = 4


def test_layers_are_compared_by_shape_and_function():
    assert dl.Dense(3, init=np.zeros((3, 2))) == dl.Dense(3)
    assert dl.Dense(3, bias=False) != dl.Dense(3)
    assert len({dl.Dense(3), dl.Dense(3), dl.Dense(3, "tanh")}) == 2
    assert copy.deepcopy(dl.Dense(3, "elu")) == dl.Dense(3, "elu")


def test_layers_of_a_network_keep_no_initial_values():
    W, b = np.ones((3, 2)), np.ones(3)
    layers = [dl.Dense(3, init=(W, b)), dl.Dense(1, "identity", init="zeros")]
    net = dl.Network(2, layers)
    assert [layer.init for layer in net.layers] == [None, None]
    assert layers[0].init[0] is W  # the description of the user stays as it is
    assert net.W[0].all()


def test_one_description_serves_many_networks():
    layers = [dl.Dense(3, "tanh"), dl.Dense(1, "identity")]
    nets = [dl.Network(2, layers, seed=seed) for seed in (1, 2)]
    nets[0].fit([[0, 1]], [1], epochs=1)
    assert nets[0].layers == nets[1].layers
    assert not np.shares_memory(nets[0].theta, nets[1].theta)
