"""Spending a given time: networks of several kinds, and the average that does best on held rows.

Every kind is trained once per part of the rows, each time without that part, so that there is a
prediction for every row by a network that has not seen it. The average begins with the best kind;
then, again and again, the kind is added (maybe once more) that lowers the loss of the average most,
until none does.

Source: Caruana, Niculescu-Mizil, Crew & Ksikes (2004), Ensemble selection from libraries of models.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from time import perf_counter

import numpy as np

from .arrays import Targets, parts
from .recipe import Member, Recipe, trained_member

PARTS = 5
_MOST_PICKS = 30
_MOST_UNITS = 2048  # of a layer of the average: it takes that squared to predict and to store


@dataclass(frozen=True, eq=False)
class Kind:
    """One recipe, trained without each of the parts, and its predictions of the rows left out."""

    recipe: Recipe
    members: list[Member]
    outputs: np.ndarray


def kinds_of(recipe: Recipe, seed: int) -> Iterator[Recipe]:
    """The recipe in all its lengths, then others at random, of the same depth and activation."""
    yield recipe
    for epochs in recipe.epochs_of(recipe.lengths)[-2::-1]:
        yield replace(recipe, epochs=epochs)
    generator = np.random.default_rng(seed)
    width = recipe.widths[0]
    while True:
        chosen = int(generator.choice([max(8, width // 2), width, 2 * width]))
        yield replace(
            recipe,
            widths=(chosen,) * len(recipe.widths),
            dropout=float(generator.choice([0.0, 0.1, 0.2, 0.4])),
            learning_rate=recipe.learning_rate * float(2 ** generator.uniform(-2, 1)),
            weight_decay=float(generator.choice([0.0, 0.02, 0.2])),
            epochs=max(1, int(recipe.epochs * generator.choice([*recipe.lengths, 2.0]))),
        )


def spend(
    X: np.ndarray, Y: Targets, recipe: Recipe, seed: int, budget: float, weights,
    tell: Callable[[float, str], None], groups: np.ndarray | None = None,
) -> tuple[list[Member], list[float], bool]:  # fmt: skip
    """Networks and their shares in the average, after about `budget` seconds.

    And whether Ctrl-C came before: what was not complete then is left out, if there is more.

    The first kind is trained in any case, in fewer epochs where it has to be; another one only
    where there is time for it.
    """
    began = perf_counter()
    held = parts(Y.y, min(PARTS, len(X)), Y.is_classes, seed, groups)
    per_work = 0.0
    kinds: list[Kind] = []
    interrupted = False
    for number, tried in enumerate(kinds_of(recipe, seed)):
        start = perf_counter()
        left = budget - (start - began)
        if not kinds:
            tried = _that_fits(X, Y, tried, held, seed, weights, left)
        elif left < per_work * _work(tried, X, Y):
            if number > len(kinds) + _MOST_PICKS:
                break  # none of so many was small enough
            continue
        members = []
        for k, rows in enumerate(held):
            first = seed + PARTS * number + k
            members.append(trained_member(X, Y, tried, rows, first, weights))
            if interrupted := members[-1].is_interrupted:
                break
            done = min(1.0, (perf_counter() - began) / budget)
            tell(done, f"network {PARTS * len(kinds) + k + 1}: {tried.text}")
        if interrupted and kinds:
            break
        if interrupted:
            complete = members[:-1] or members
            return complete, [1 / len(complete)] * len(complete), True
        kinds.append(Kind(tried, members, _outputs(members, X, Y)))
        per_work = max(per_work, (perf_counter() - start) / _work(tried, X, Y))
    units = [kind.recipe.widths[0] * len(kind.members) for kind in kinds]
    picks = selection([kind.outputs for kind in kinds], lambda out: _loss(out, Y), units)
    chosen, shares = [], []
    for index in np.unique(picks):
        share = picks.count(index) / len(picks)
        chosen += kinds[index].members
        shares += [share / len(kinds[index].members)] * len(kinds[index].members)
    tell(1.0, f"{len(set(picks))} of {len(kinds)} kinds are averaged")
    return chosen, shares, interrupted


def _work(recipe, X, Y):
    """What an epoch costs, times epochs: weights and, for small batches, layers."""
    widths = (X.shape[1], *recipe.widths, Y.n_out)
    return recipe.epochs * sum(a * b + 2000 for a, b in pairwise(widths))


def _that_fits(X, Y, recipe, held, seed, weights, seconds):
    """The recipe with as many epochs as there is time for, by the difference of two short tries."""
    begun = perf_counter()
    taken = []
    for epochs in (1, 5):
        start = perf_counter()
        tried = replace(recipe, epochs=epochs)
        if trained_member(X, Y, tried, held[0], seed, weights).is_interrupted:
            raise KeyboardInterrupt
        taken.append(perf_counter() - start)
    once, per_epoch = min(taken), max(taken[1] - taken[0], 1e-9) / 4
    left = 0.9 * (seconds - (perf_counter() - begun)) / len(held) - once
    return replace(recipe, epochs=int(np.clip(left / per_epoch, 1, recipe.epochs)))


def selection(
    outputs: list[np.ndarray], loss: Callable[[np.ndarray], float], units: list[int] | None = None
) -> list[int]:
    """Greedy choice with repetition: numbers of the kinds, as often as they count.

    `units` are those of every kind; of the average there are at most 2048.

    Examples
    --------
    >>> import numpy as np
    >>> from deltaloop.tabular.search import selection
    >>> y = np.array([1.0, 1.0])
    >>> of_kinds = [np.array([2.0, 1.0]), np.array([0.0, 1.0]), np.array([9.0, 9.0])]
    >>> sorted(selection(of_kinds, lambda out: np.square(out - y).mean()))
    [0, 1]
    """
    units = [0] * len(outputs) if units is None else units
    losses = [loss(out) for out in outputs]
    picks = [int(np.argmin(losses))]
    total, best = outputs[picks[0]].copy(), min(losses)
    while len(picks) < _MOST_PICKS:
        room = _MOST_UNITS - sum(units[k] for k in set(picks))
        tried = [
            loss((total + out) / (len(picks) + 1)) if k in picks or units[k] <= room else np.inf
            for k, out in enumerate(outputs)
        ]
        index = int(np.argmin(tried))
        if not tried[index] < best:
            break
        picks.append(index)
        total, best = total + outputs[index], tried[index]
    return picks


def _outputs(members, X, Y):
    """What the networks predict of the rows that they have not seen; of classes the logarithms."""
    out = np.empty((len(X), Y.n_out))
    for member in members:
        predicted = member.net.predict(X[member.held]).astype(np.float64)
        out[member.held] = np.log(np.maximum(predicted, 1e-12)) if Y.is_classes else predicted
    return out


def _loss(out, Y):
    """Log loss of the probabilities behind mean logarithms, or the mean squared error."""
    if not Y.is_classes:
        return float(np.square(out - Y.y).mean())
    out = out - out.max(axis=1, keepdims=True)
    sums = np.log(np.exp(out).sum(axis=1))
    return float(np.mean(sums - out[np.arange(len(out)), Y.y]))
