"""Spending a given time, by a clock that only trainings move on."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from deltaloop.tabular import Recipe, search
from deltaloop.tabular.arrays import Targets

X, Y = np.zeros((50, 2), np.float32), Targets.of(np.arange(50) % 2, 2)
RECIPE = Recipe((16, 16), epochs=1000)
ONCE, PER_EPOCH = 0.05, 0.01  # seconds


class Trainings:
    """Stands for the clock, and for `trained_member`; one training is interrupted, if wanted."""

    def __init__(self, interrupted=None):
        self.now, self.n_looks = 1e5, 0
        self.interrupted, self.done = interrupted, []

    def clock(self):
        self.n_looks += 1
        assert self.n_looks < 10_000, "it never ends"
        return self.now

    def train(self, X, Y, recipe, held, seed, weights):
        self.now += ONCE + PER_EPOCH * recipe.epochs
        self.done.append(recipe)
        predict = lambda rows: np.tile([0.4, 0.6], (len(rows), 1))  # noqa: E731
        return SimpleNamespace(
            net=SimpleNamespace(predict=predict), recipe=recipe, held=held,
            is_interrupted=len(self.done) - 1 == self.interrupted,
        )  # fmt: skip


@pytest.fixture
def spend(monkeypatch):
    """spend(budget, interrupted): what `search.spend` gives, and the trainings."""

    def spend(budget, interrupted=None, recipe=RECIPE):
        trainings = Trainings(interrupted)
        monkeypatch.setattr(search, "perf_counter", trainings.clock)
        monkeypatch.setattr(search, "trained_member", trainings.train)
        return *search.spend(X, Y, recipe, 0, budget, None, lambda *_: None), trainings

    return spend


TRIES = 2  # short trainings that tell how long an epoch takes


@pytest.mark.parametrize("budget", [1.5, 3.0, 10.0, 40.0])
def test_first_kind_has_the_epochs_that_there_is_time_for(spend, budget):
    *_, trainings = spend(budget)
    first = trainings.done[TRIES : TRIES + search.PARTS]
    assert len({recipe.epochs for recipe in first}) == 1
    taken = sum(ONCE + PER_EPOCH * recipe.epochs for recipe in [*trainings.done[:TRIES], *first])
    assert 0.7 * budget < taken <= budget
    assert trainings.now - 1e5 <= 1.05 * budget


@pytest.mark.parametrize(("budget", "epochs"), [(1e-3, 1), (0.3, 1), (1e3, 1000)])
def test_first_kind_has_at_least_one_epoch_and_no_more_than_the_recipe(spend, budget, epochs):
    *_, trainings = spend(budget)
    assert trainings.done[TRIES] == replace(RECIPE, epochs=epochs)


def test_search_ends_where_no_kind_is_small_enough(spend):
    members, shares, interrupted, trainings = spend(0.3)
    assert len(trainings.done) == TRIES + search.PARTS
    assert len(members) == search.PARTS and shares == [1 / search.PARTS] * search.PARTS
    assert not interrupted


@pytest.mark.parametrize("k", range(search.PARTS))
def test_networks_before_an_interrupt_are_kept(spend, k):
    members, shares, interrupted, trainings = spend(10.0, TRIES + k)
    assert len(trainings.done) == TRIES + k + 1  # none after it
    assert interrupted
    assert len(members) == max(k, 1)  # the one that was interrupted, if there is no other
    assert shares == [1 / len(members)] * len(members)


@pytest.mark.parametrize("k", range(search.PARTS))
def test_kind_that_was_interrupted_is_left_out_where_there_is_another(spend, k):
    members, shares, interrupted, trainings = spend(1e3, TRIES + search.PARTS + k)
    assert len(trainings.done) == TRIES + search.PARTS + k + 1
    assert interrupted
    assert [one.recipe for one in members] == [RECIPE] * search.PARTS
    assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize("k", range(TRIES))
def test_interrupt_of_a_try_leaves_nothing_to_keep(spend, k):
    with pytest.raises(KeyboardInterrupt):
        spend(10.0, k)


def test_work_is_that_of_the_weights_and_not_of_the_rows():
    wide = np.zeros((50, 9), np.float32)
    work = search._work(RECIPE, X, Y)
    assert search._work(RECIPE, X[:10], Y) == work
    assert search._work(RECIPE, wide, Y) - work == RECIPE.epochs * 7 * RECIPE.widths[0]
