"""The recipe, the average of networks as one network, and the choice among kinds."""

import math
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.tabular import Recipe, engine, train
from deltaloop.tabular.arrays import Targets, parts
from deltaloop.tabular.lengths import held_parts, mean_loss, trained_members
from deltaloop.tabular.merging import merged
from deltaloop.tabular.recipe import (
    chosen_recipe,
    four_waves,
    network,
    simple_network,
    trained_member,
)
from deltaloop.tabular.search import selection


def two_moons(n=120, seed=0):
    rng = np.random.default_rng(seed)
    t, y = rng.uniform(0, np.pi, n), np.arange(n) % 2
    X = np.stack([np.cos(t) + y, np.sin(t) * (1 - 2 * y) + y / 2], 1)
    return (X + rng.normal(0, 0.1, X.shape)).astype(np.float32), y


def test_schedule_has_four_waves_each_twice_as_long():
    u = (2.0 ** np.arange(5) - 1) / 15
    np.testing.assert_allclose(four_waves().factors(u, 1), 0, atol=1e-12)
    tops = (2.0 ** (np.arange(4) + 0.5) - 1) / 15
    np.testing.assert_allclose(four_waves().factors(8 * tops, 8), 1)


def test_network_has_the_numbers_of_the_recipe():
    recipe = Recipe(widths=(16, 8), of_scales=6.0)
    net = network(9, 3, True, recipe, seed=0)
    assert net.sizes == (9, 9, 16, 8, 3)
    assert [layer.rate_of_W for layer in net.layers] == [6.0, 1 / 3, 1 / 4, 1 / math.sqrt(8)]
    assert [layer.rate_of_b for layer in net.layers[1:]] == [0.1] * 3
    assert not net.W[3].any() and (np.diag(net.W[0]) == 1).all()
    assert (net.optimizer.learning_rate, net.optimizer.beta1, net.optimizer.beta2) == (
        recipe.learning_rate, 0.9, 0.95,
    )  # fmt: skip


@pytest.mark.parametrize("is_classes", [True, False])
@pytest.mark.parametrize("of_scales", [0.0, 6.0])
def test_average_of_networks_is_one_network(is_classes, of_scales):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 5)).astype(np.float32)
    nets = []
    for width in (4, 7):
        net = network(5, 3, is_classes, Recipe((width, 2 * width), of_scales=of_scales), width)
        net.W[len(net.layers) - 1] = rng.normal(size=net.W[len(net.layers) - 1].shape)
        if of_scales:
            net.W[0] = np.diag(rng.uniform(0.5, 2, 5))
        nets.append(net)
    outputs = [net.predict(X).astype(np.float64) for net in nets]
    if is_classes:
        mean = np.exp(0.25 * np.log(outputs[0]) + 0.75 * np.log(outputs[1]))
        mean /= mean.sum(axis=1, keepdims=True)
    else:
        mean = 0.25 * outputs[0] + 0.75 * outputs[1]
    np.testing.assert_allclose(merged(nets, [0.25, 0.75]).predict(X), mean, rtol=2e-5, atol=1e-6)


def test_average_keeps_its_networks_apart_in_training():
    nets = [network(2, 2, True, Recipe((4, 4)), seed) for seed in (0, 1)]
    net = merged(nets)
    X, y = two_moons()
    net.fit(X, y, epochs=2, optimizer=dl.Adam(0.01))
    assert not net.W[1][:4, 4:].any() and not net.W[1][4:, :4].any()
    assert net.W[1][:4, :4].any()


def test_parts_have_their_share_of_every_class_and_are_all_rows():
    y = np.repeat([0, 1], [50, 10])
    found = parts(y, 5, True, seed=0)
    assert sorted(np.concatenate(found)) == list(range(60))
    assert [int(y[part].sum()) for part in found] == [2] * 5
    values = np.arange(60.0)[:, None]
    means = [values[part].mean() for part in parts(values, 5, False, seed=0)]
    assert np.ptp(means) <= 4


def test_member_has_the_parameters_of_its_best_epoch():
    X, y = two_moons()
    held = np.arange(0, 120, 5)
    noise = np.random.default_rng(1).permutation(y)  # so that the last epoch is not the best
    recipe = Recipe((32, 32), epochs=60, dropout=0.0, keeps="best")
    member = trained_member(X, Targets.of(noise, 2), recipe, held, seed=0)
    losses = member.history.validation_loss
    assert min(losses) < losses[-1] - 0.01
    assert member.net.loss(X[held], noise[held]) == pytest.approx(min(losses), rel=1e-5)


def quiet(fraction, text):
    assert 0 <= fraction <= 1 and text


def test_noise_is_trained_shortly_and_a_curve_for_all_epochs():
    X, y = two_moons(400)
    noise = np.random.default_rng(1).permutation(y)
    recipe = Recipe((32, 32), epochs=96, members=4, of_shorter=3, tried=2)
    found = {}
    for name, targets in (("moons", y), ("noise", noise)):
        members, interrupted = trained_members(X, Targets.of(targets, 2), recipe, 0, None, quiet)
        assert len({tuple(member.held) for member in members}) == len(members)
        assert not interrupted
        found[name] = [member.epochs for member in members]
    assert found == {"moons": [96] * 4, "noise": [3] * 3}


def test_a_longer_training_stays_only_if_it_is_better():
    X, y = two_moons(200)
    noise = np.random.default_rng(1).permutation(y)
    recipe = Recipe((32, 32), epochs=64, batch_size=32, members=2, lengths=(1 / 16, 1))
    Y = Targets.of(noise, 2)
    chosen = trained_members(X, Y, recipe, 0, None, quiet)[0]
    other = trained_members(X, Y, replace(recipe, lengths=(1,)), 0, None, quiet)[0]
    assert [one.epochs for one in chosen + other] == [4, 4, 64, 64]
    assert mean_loss(chosen) < mean_loss(other)


def test_loss_of_a_network_is_that_of_its_held_rows():
    X, y = two_moons()
    held, weights = np.arange(0, 120, 5), np.arange(120) % 3.0
    member = trained_member(X, Targets.of(y, 2), Recipe((8,), epochs=5), held, 0, weights)
    p = member.net.predict(X[held])[np.arange(len(held)), y[held]]
    expected = -np.sum(weights[held] * np.log(p)) / weights[held].sum()
    assert member.loss == pytest.approx(expected, rel=1e-5)


def test_too_few_rows_or_weights_to_judge_by_are_trained_for_all_epochs():
    X, y = two_moons(120)
    recipe = Recipe((8,), epochs=16)
    few, _ = trained_members(X[:12], Targets.of(y[:12], 2), recipe, 0, None, quiet)
    assert [member.epochs for member in few] == [16] * recipe.members and not len(few[0].held)
    weights = np.ones(120)
    Y = Targets.of(y, 2)
    weights[held_parts(Y, recipe, 0)[0]] = 0
    weighted, _ = trained_members(X, Y, recipe, 0, weights, quiet)
    assert [member.epochs for member in weighted] == [16] * recipe.members


def test_training_that_diverges_is_repeated_more_slowly():
    X, y = two_moons()
    recipe = Recipe((8, 8, 8), learning_rate=1e8, epochs=20)
    member = trained_member(X, Targets.of(y, 2), recipe, np.zeros(0, np.intp), seed=0)
    assert member.recipe.learning_rate < 1e8 and np.isfinite(member.net.theta).all()


def test_held_out_outputs_are_of_networks_that_have_not_seen_the_row():
    X, y = two_moons()
    recipe = Recipe((8, 8), members=3, held=3, epochs=5, lengths=(1,))
    trained = train(X, y, 2, recipe=recipe)
    Y = Targets.of(y, 2)
    assert trained.held.tolist() == list(range(len(X)))
    for k, held in enumerate(held_parts(Y, recipe, 0)):
        net = trained_member(X, Y, recipe, held, k).net
        np.testing.assert_allclose(trained.outputs[held], net.predict(X[held]), rtol=1e-5)


def test_values_come_back_in_their_units():
    X, _ = two_moons()
    y = 1e6 + 1000 * X[:, :1].astype(np.float64)
    trained = train(X, y, None)
    assert np.abs(trained.net.predict(X) - y).mean() < 100
    assert np.abs(trained.outputs - y[trained.held]).mean() < 200


def test_constant_target_is_answered():
    X, _ = two_moons(40)
    trained = train(X, np.full((40, 1), 7.0), None)
    np.testing.assert_allclose(trained.net.predict(X), 7, atol=1e-2)


def test_large_tables_get_fewer_epochs_and_networks():
    small, large = (chosen_recipe(n, 20, 3, True) for n in (500, 200_000))
    assert small.members > large.members and small.epochs > large.epochs
    assert small.batch_size < large.batch_size


@pytest.mark.parametrize("is_classes", [True, False])
@pytest.mark.parametrize("n_in", [20, 200, 1000])
@pytest.mark.parametrize("n", [600, 2000, 4000, 10_000, 50_000])
def test_epochs_are_those_that_the_operations_allowed_are_enough_for(n, n_in, is_classes):
    found = chosen_recipe(n, n_in, 3, is_classes)
    widths = (n_in, *found.widths, 3)
    products = 3  # A W^T forward, and backward those for the gradient of W and of A
    per_epoch = products * n * sum(2 * a * b for a, b in pairwise(widths))  # add and multiply
    longest = 128 if is_classes and n <= 5000 else 256
    allowed = 1e10 * longest / 256 * min(n / 600, 6)
    assert 4 <= found.epochs <= longest
    assert found.epochs == 4 or found.epochs * per_epoch <= allowed
    assert found.epochs == longest or (found.epochs + 1) * per_epoch > allowed


@pytest.mark.parametrize("is_classes", [True, False])
@pytest.mark.parametrize("n", [3, 10, 11, 100, 400, 2000])
def test_simple_network_has_enough_updates_on_small_tables(n, is_classes, monkeypatch):
    """2000 for classes, 500 for values, and 50 epochs at least."""
    asked = []
    monkeypatch.setattr(dl.Network, "fit", lambda net, X, y, **more: asked.append(more))
    X, y = np.zeros((n, 2), np.float32), np.arange(n) % 2
    simple_network(X, y if is_classes else y[:, None] * 1.0, 2 if is_classes else None, 0)
    epochs, steps = asked[0]["epochs"], math.ceil(n / asked[0]["batch_size"])
    fewest = 2000 if is_classes else 500
    assert epochs * steps >= fewest and epochs >= 50
    assert epochs == 50 or (epochs - 1) * steps < fewest


def test_simple_is_the_network_of_a_textbook():
    X, y = two_moons()
    net = train(X, y, 2, simple=True).net
    assert net.sizes == (2, 30, 2) and net.layers[0].activation.name == "tanh"
    assert np.mean(net.predict(X).argmax(1) == y) > 0.85


def test_choice_adds_what_lowers_the_loss_and_stops():
    y = np.zeros(4)

    def loss(out):
        return float(np.square(out - y).mean())

    kinds = [np.full(4, 1.0), np.full(4, -1.0), np.full(4, 5.0)]
    assert sorted(selection(kinds, loss)) == [0, 1]
    assert selection([np.full(4, 0.0), np.full(4, 1.0)], loss) == [0]
    assert selection(kinds, loss, units=[2000, 2000, 1]) == [0]


def test_choice_is_greedy_with_means_of_what_was_chosen():
    generator = np.random.default_rng(1)
    y = generator.normal(size=30)
    kinds = [y + generator.normal(scale=2, size=30) for _ in range(6)]

    def loss(out):
        return float(np.square(out - y).mean())

    picks, best = [], np.inf
    while True:
        tried = [loss(np.mean([kinds[k] for k in [*picks, index]], axis=0)) for index in range(6)]
        if not min(tried) < best - 1e-12:
            break
        best = min(tried)
        picks.append(int(np.argmin(tried)))
    assert len(picks) >= 4
    assert selection(kinds, loss)[: len(picks)] == picks


@pytest.mark.parametrize(("epochs", "is_told"), [(9, True), (10, False), (320, False)])
def test_budget_is_too_short_below_the_shortest_training(epochs, is_told):
    recipe = Recipe(epochs=320, lengths=(1 / 32, 1 / 8, 1.0))
    notes = engine._of_budget([SimpleNamespace(epochs=epochs)], recipe, 1.0)
    assert len(notes) == is_told
    assert all("9 epochs of each network, where 10 to 320 are usual" in note for note in notes)
