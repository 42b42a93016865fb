"""Dropout through the public doors: settings, copies, files, and what refuses it."""

import copy
import pickle

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels


def data(n=60):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(n, 5)).astype("float32")
    return X, np.tanh(X[:, :2])


def network(**more):
    more = {"dropout": 0.3, "input_dropout": 0.1, "seed": 3} | more
    return dl.Network([5, 16, 12, 2], activation="tanh", **more)


def test_a_list_of_widths_has_it_in_every_hidden_layer():
    net = network()
    assert [layer.dropout for layer in net.layers] == [0.3, 0.3, 0.0]
    assert net.input_dropout == 0.1
    assert repr(net).splitlines()[2:5] == [
        "  input      5                   dropout 0.1",
        "      1     16  tanh         96  dropout 0.3",
        "      2     12  tanh        204  dropout 0.3",
    ]


def test_layers_may_differ():
    net = dl.Network(5, [dl.Dense(8, "relu", dropout=0.5), dl.Dense(4), dl.Dense(1)])
    assert [layer.dropout for layer in net.layers] == [0.5, 0.0, 0.0]
    assert net.plan.layers["dropout"].tolist() == [0.5, 0.0, 0.0]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_same_seed_gives_the_same_network_and_another_another(n_threads):
    X, Y = data()
    found = []
    for seed in (3, 3, 4):
        net = network()
        net.generator = np.random.default_rng(seed)
        net.fit(X, Y, epochs=3, batch_size=20, n_threads=n_threads, shuffle=False)
        found.append(net.theta.copy())
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 1e-4


def test_two_fits_have_other_masks_and_a_resumed_one_goes_on_bit_for_bit():
    X, Y = data()
    whole, halves = network(), network()
    whole.fit(X, Y, epochs=6)
    halves.fit(X, Y, epochs=2)
    halves.fit(X, Y, epochs=4, resume=True)
    np.testing.assert_array_equal(whole.theta, halves.theta)


def test_it_costs_no_draw_where_there_is_none():
    X, Y = data()
    states = []
    for more in ({"dropout": 0.0, "input_dropout": 0.0}, {}):
        net = network(**more)
        net.fit(X, Y, epochs=1, shuffle=False)
        states.append(net.generator.bit_generator.state["state"]["state"])
    untouched = dl.Network([5, 16, 12, 2], activation="tanh", seed=3)
    assert states[0] == untouched.generator.bit_generator.state["state"]["state"] != states[1]


def test_what_few_digits_teach_holds_better_for_others():
    X, y = dl.datasets.load("digits")
    X = X / 16
    losses = {0.0: [], 0.5: []}
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(X))
        known, new = order[:300], order[300:]
        for p, found in losses.items():
            net = dl.Network(
                [64, 128, 10], activation="relu", loss="cross_entropy", dropout=p,
                input_dropout=p / 2.5, seed=seed,
            )  # fmt: skip
            net.fit(X[known], y[known], epochs=200, optimizer=dl.Adam(0.002))
            found.append(net.loss(X[new], y[new]))
    assert np.mean(losses[0.5]) < 0.85 * np.mean(losses[0.0])  # 0.158 and 0.208


@pytest.mark.parametrize("backend", kernels.available())
def test_learn_one_and_learn_batch_drop_too_and_copies_go_on(backend):
    X, Y = data()
    net, plain = network(backend=backend), network(backend=backend, dropout=0, input_dropout=0)
    plain.theta = net.theta
    for one in (net, plain):
        one.learn_one(X[0], Y[0])
        one.learn_batch(X[:8], Y[:8])
    assert np.abs(net.theta - plain.theta).max() > 1e-4
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.input_dropout == 0.1
        other.learn_batch(X[8:16], Y[8:16])
        expected = copy.deepcopy(net)
        expected.learn_batch(X[8:16], Y[8:16])
        np.testing.assert_array_equal(other.theta, expected.theta)


@pytest.mark.parametrize("state", [False, True])
def test_files_keep_it(tmp_path, state):
    X, Y = data()
    net = network()
    net.fit(X, Y, epochs=1)
    net.save(tmp_path / "net.npz", state=state)
    loaded = dl.load(tmp_path / "net.npz")
    assert [layer.dropout for layer in loaded.layers] == [0.3, 0.3, 0.0]
    assert loaded.input_dropout == 0.1
    if state:
        for one in (net, loaded):
            one.fit(X, Y, epochs=2, resume=True)
            one.learn_one(X[0], Y[0])
        np.testing.assert_array_equal(net.theta, loaded.theta)


def test_predictions_use_all_units():
    net = network()
    plain = network(dropout=0, input_dropout=0)
    plain.theta = net.theta
    X, Y = data()
    np.testing.assert_array_equal(net.predict(X), plain.predict(X))
    assert net.loss(X, Y) == plain.loss(X, Y)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: dl.Dense(3, dropout=1.0), r"dropout must be in \[0, 1\), got 1.0"),
        (lambda: dl.Dense(3, dropout=-0.1), r"dropout must be in \[0, 1\), got -0.1"),
        (lambda: dl.Dense(3, dropout="half"), "dropout must be a number, got 'half'"),
        (lambda: network(input_dropout=2), r"input_dropout must be in \[0, 1\), got 2"),
        (lambda: network(dropout=None), "dropout must be a number, got None"),
        (lambda: dl.Network(4, [dl.Dense(2, dropout=0.5)]), "last layer has dropout=0.5"),
        (
            lambda: dl.Network(4, [dl.Dense(2), dl.Dense(1)], dropout=0.5),
            "dropout belong to a list of sizes",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make, text):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match=text):
        make()


def test_what_cannot_drop_refuses(tmp_path):
    with pytest.raises(dl.InvalidInputError, match="learn=True writes steps without the dropout"):
        network().to_c(tmp_path / "net.h", learn=True)
    network().to_c(tmp_path / "net.h")
    pytest.importorskip("numba")
    from deltaloop import numba as dn

    with pytest.raises(dl.InvalidInputError, match="train_step would not apply the dropout"):
        dn.unpack(network())
