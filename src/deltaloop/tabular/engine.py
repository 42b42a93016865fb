"""From arrays to a trained network: how many networks of which kind, and their average."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ..errors import InvalidInputError
from ..inputs.checks import number
from ..network import Network
from ..training.history import History
from .arrays import Heads, Targets
from .lengths import trained_members
from .merging import merged
from .recipe import Member, Recipe, chosen_recipe, simple_network
from .search import spend


@dataclass(frozen=True, eq=False)
class Trained:
    """What `train` returns.

    Attributes
    ----------
    net : Network
        The average of the networks that were trained.
    held : ndarray of int, or None
        Rows that at least one of them was not trained on.
    outputs : ndarray
        What those that were not trained on a row predict for it, shape (len(held), n_out).
    notes : tuple of str
    history : History or None
        Of the first of them.
    interrupted : bool
        Whether Ctrl-C ended it before all of them were trained.
    """

    net: Network
    held: np.ndarray | None
    outputs: np.ndarray | None
    notes: tuple[str, ...]
    history: History | None = None
    interrupted: bool = False


def train(
    X: np.ndarray,
    y: np.ndarray,
    n_classes: int | Heads | None,
    *,
    seed: int = 0,
    budget: float | None = None,
    simple: bool = False,
    weights: np.ndarray | None = None,
    progress: bool | Callable[[float, str], None] = False,
    recipe: Recipe | None = None,
    groups: np.ndarray | None = None,
) -> Trained:
    """Train the networks that belong to these rows, and make one of them.

    Parameters
    ----------
    X : ndarray, shape (n, n_inputs), float32
    y : ndarray
        Class numbers (n,) with `n_classes`, else values (n, n_targets) in their own units; with
        several targets of which some are classes a column for each, (n, n_targets).
    n_classes : int or None; or tuple of (str, int or None)
        Of several targets, with their names.
    seed, budget, simple, weights, progress
        As in `tabular.fit`.
    recipe : Recipe, optional
        Left out, the one that belongs to the size of the table.
    groups : ndarray of int, shape (n,), optional
        Rows of one number are held back together.
    """
    if budget is not None:
        budget = number("budget", budget, above=0.0)
        if simple:
            raise InvalidInputError("simple trains one network; leave budget out")
    tell = _teller(progress)
    began = perf_counter()
    if simple:
        net = simple_network(X, y, n_classes, seed, weights)
        note = _summary([net], "30 tanh units, plain gradient descent", began)
        return Trained(net, None, None, (note,))
    Y = Targets.of(y, n_classes)
    if groups is not None and len(np.unique(groups)) < 2:
        groups = None  # none could be held back
    recipe = recipe or chosen_recipe(len(X), X.shape[1], Y.n_out, Y.is_classes)
    if budget is not None:
        members, shares, interrupted = spend(X, Y, recipe, seed, budget, weights, tell, groups)
    else:
        members, interrupted = trained_members(X, Y, recipe, seed, weights, tell, groups)
        shares = None
    net = merged([member.net for member in members], shares)
    Y.give(net)
    rows, outputs = _held_out(members, X, Y)
    kinds = "; ".join(sorted({member.recipe.text for member in members}))
    notes = [_summary(members, kinds, began), *_remarks(members, recipe)]
    notes += [] if budget is None else _of_budget(members, recipe, budget)
    notes += ["stopped by Ctrl-C"] if interrupted else []
    return Trained(net, rows, outputs, tuple(notes), members[0].history, interrupted)


def _held_out(members, X, Y):
    """Rows that some network has not seen, and the mean answer of those that have not."""
    total, count = np.zeros((len(X), Y.n_out)), np.zeros(len(X))
    for member in members:
        if len(member.held):
            total[member.held] += member.net.predict(X[member.held])
            count[member.held] += 1
    rows = np.flatnonzero(count)
    if not len(rows):
        return None, None
    return rows, Y.in_units(total[rows] / count[rows, None])


def _summary(members, kinds, began):
    n = len(members)
    what = "1 network" if n == 1 else f"the average of {n} networks"
    return f"{what} of {kinds}, in {perf_counter() - began:.2g} s"


def _remarks(members: list[Member], recipe: Recipe) -> list[str]:
    """What did not go as planned."""
    told = []
    slower = sum(member.recipe.learning_rate < recipe.learning_rate for member in members)
    if slower:
        told.append(f"{slower} of {len(members)} trainings diverged and were repeated more slowly")
    return told


def _of_budget(members: list[Member], recipe: Recipe, budget: float) -> list[str]:
    """That there was no time for what is trained without a budget, or for anything of use."""
    most = max(member.epochs for member in members)
    least = max(1, int(recipe.epochs * recipe.lengths[0]))
    if most >= least:
        return []
    few = f"{most} epoch{'s' if most > 1 else ''}"
    return [
        f"budget={budget:g} s was enough for {few} of each network, where {least} to "
        f"{recipe.epochs} are usual: the answers are hardly learned; give a longer budget, or none"
    ]


def _teller(progress) -> Callable[[float, str], None]:
    if callable(progress):
        return progress
    if not progress:
        return lambda fraction, text: None
    return lambda fraction, text: print(f"{fraction:4.0%} {text}", file=sys.stderr)
