"""How many epochs: chosen on rows that each network is trained without.

A table whose targets are full of chance is learned by heart in a few epochs, another one is learned
better the longer it takes. So a few networks are trained for a small part of the epochs, then anew
for more of them, as long as the mean loss of the rows that they have not seen falls markedly. In
every one of these trainings the learning rate falls to 0. Others of the best length join them.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from .arrays import Targets, parts
from .recipe import FEW, Member, Recipe, trained_member


def trained_members(
    X: np.ndarray, Y: Targets, recipe: Recipe, seed: int, weights,
    tell: Callable[[float, str], None], groups: np.ndarray | None = None,
) -> tuple[list[Member], bool]:  # fmt: skip
    """Networks of the length that suits the table, and whether Ctrl-C came before all were trained.

    The first network that it finds is returned in any case.
    """
    held = held_parts(Y, recipe, seed, groups)
    tells = all(len(rows) and _weigh(rows, weights) for rows in held[: recipe.tried])
    lengths = recipe.lengths if tells else recipe.lengths[-1:]
    chosen: list[Member] = []

    def trained(tried: Recipe, numbers: range) -> Iterator[Member]:
        for k in numbers:
            yield trained_member(X, Y, tried, held[k], seed + k, weights)

    for at, epochs in enumerate(recipe.epochs_of(lengths)):
        tried = replace(recipe, epochs=epochs)
        found: list[Member] = []
        for member in trained(tried, range(min(recipe.tried, recipe.members))):
            if member.is_interrupted:
                return chosen or found or [member], True
            found.append(member)
            tell((at + 1) / (len(lengths) + 1), f"{len(found)} networks of {tried.text}")
        if not chosen:
            chosen = found
            continue
        before, after = mean_loss(chosen), mean_loss(found)
        chosen = found if after < before else chosen
        if after > (1 - recipe.worth) * before:
            break
    best = replace(recipe, epochs=chosen[0].epochs)
    is_longest = best.epochs == recipe.epochs
    wanted = recipe.members if is_longest else min(recipe.of_shorter, recipe.members)
    for member in trained(best, range(len(chosen), wanted)):
        if member.is_interrupted:
            return chosen, True
        chosen.append(member)
        done = len(lengths) + len(chosen) / wanted
        tell(done / (len(lengths) + 1), f"{len(chosen)} networks of {best.text}")
    return chosen, False


def _weigh(rows, weights):
    """Whether a loss of these rows says something."""
    return weights is None or weights[rows].sum() > 0


def mean_loss(members: list[Member]) -> float:
    """The mean loss of the rows that each has not seen."""
    return float(np.mean([member.loss for member in members]))


def held_parts(
    Y: Targets, recipe: Recipe, seed: int, groups: np.ndarray | None = None
) -> list[np.ndarray]:
    """The rows that every network is trained without; none where rows are too few."""
    if len(Y.y) < FEW:
        return [np.zeros(0, np.intp)] * recipe.members
    found = parts(Y.y, max(recipe.held, recipe.members), Y.is_classes, seed, groups)
    # of few groups each is held back by several networks
    return [found[k % len(found)] for k in range(recipe.members)]
