"""The code that messages advise is run, and does what the caller wanted."""

import re

import numpy as np
import pytest

import deltaloop as dl
from embedded_networks import BACKENDS, SCALINGS, network

X = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
NAMES = ["rose", "iris", "tulip", "iris"]
NUMBERS = [1, 0, 2, 0]


def message(call, *arguments, **options):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError)) as caught:
        call(*arguments, **options)
    return str(caught.value)


def advised(pattern, text):
    """The part of a message that is Python."""
    found = re.search(pattern, text)
    assert found, text
    return found[0]


# class numbers


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("scaling", [None, "inputs"])
@pytest.mark.parametrize("y", [2, [2], np.int8(2), np.array(2)], ids=repr)
def test_one_class_number_becomes_the_targets_of_a_sample(y, name, scaling):
    net, same = (network(backend=name, loss="cross_entropy") for _ in range(2))
    net.scaling = same.scaling = SCALINGS.get(scaling)
    advice = advised(r"deltaloop\.one_hot\(.*\)", message(net.learn_one, X[0], y))
    net.learn_one(X[0], eval(advice, {"deltaloop": dl, "y": y}))
    same.learn_one(X[0], [0, 0, 1])
    assert (net.theta == same.theta).all()


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("Y", [NUMBERS, np.array(NUMBERS)[:, None]], ids=["flat", "column"])
def test_class_numbers_become_the_targets_of_a_mini_batch(Y, name):
    net, same = (network(backend=name, loss="cross_entropy") for _ in range(2))
    advice = advised(r"deltaloop\.one_hot\(.*\)", message(net.learn_batch, X, Y))
    net.learn_batch(X, eval(advice, {"deltaloop": dl, "Y": Y}))
    same.learn_batch(X, np.eye(3)[NUMBERS])
    assert (net.theta == same.theta).all()


@pytest.mark.parametrize("form", ["int64", "uint8", "float32", "object"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_class_numbers_of_any_type_become_targets_of_fit(form, shape):
    Y = np.array(NUMBERS, form).reshape(shape)
    advice = advised(r"deltaloop\.one_hot\(.*\)", message(network().fit, X, Y))
    Y = eval(advice, {"deltaloop": dl, "Y": Y})
    assert network().loss(X, Y) == network().loss(X, np.eye(3)[NUMBERS])


def test_values_that_are_no_class_numbers_are_not_taken_for_them():
    assert "one_hot" not in message(network().fit, X, [0.5, 1, 2, 0])


# names of classes


class Column:
    """A column of a data frame: no array, but NumPy can make one of it."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


TEXTS = np.array(NAMES)
CONTAINERS = {
    "list": NAMES,
    "tuple": tuple(NAMES),
    "list of np.str_": list(TEXTS),
    "array": TEXTS,
    "array of objects": TEXTS.astype(object),
    "array of StringDType": TEXTS.astype(np.dtypes.StringDType()),
    "array of bytes": TEXTS.astype(bytes),
    "objects that are bytes": TEXTS.astype(bytes).astype(object),
    "list of bytes": [name.encode() for name in NAMES],
    "column": TEXTS[:, None],
    "column of objects": TEXTS.astype(object)[:, None],
    "series": Column(TEXTS.astype(object)),
    "categorical": Column(TEXTS),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("door", ["fit", "validation", "loss", "one_hot"])
def test_names_of_classes_become_numbers_whatever_holds_them(door, container):
    labels, net = CONTAINERS[container], network(loss="cross_entropy")
    text = {
        "fit": lambda: message(net.fit, X, labels),
        "validation": lambda: message(net.fit, X, NUMBERS, validation_data=(X, labels)),
        "loss": lambda: message(net.loss, X, labels),
        "one_hot": lambda: message(dl.one_hot, labels, 3),
    }[door]()
    advice = advised(r"names, numbers = .*\)", text)
    found = {"np": np, "labels": labels}
    exec(advice, found)
    assert found["numbers"].ravel().tolist() == NUMBERS
    assert net.loss(X, found["numbers"]) == net.loss(X, NUMBERS)
    assert [str(name).strip("b'") for name in found["names"]] == ["iris", "rose", "tulip"]


@pytest.mark.parametrize("labels", [[1, 2, 3, 2], [10, 0, 20, 0], [0.5, 1, 2, 1]], ids=repr)
def test_other_numbers_of_classes_become_those_from_zero(labels):
    net = network(loss="cross_entropy")
    found = {"np": np, "labels": labels}
    exec(advised(r"names, numbers = .*\)", message(net.fit, X, labels)), found)
    net.fit(X, found["numbers"], epochs=1)


@pytest.mark.parametrize("labels", [["a", None, "b", "a"], [1, "a", 2, 3], [{}, {}, {}, {}]])
def test_advice_that_could_not_be_followed_is_not_given(labels):
    assert "np.unique" not in message(network().fit, X, np.array(labels, object))


def test_text_among_inputs_is_not_taken_for_classes():
    assert "np.unique" not in message(network().predict, [["a"] * 5])
