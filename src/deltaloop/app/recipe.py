"""Training by the recipe for tables."""

import numpy as np

from ..console.terminal import fraction_bar
from ..tabular import engine
from ..tabular.targets import of_logs, probabilities
from . import report
from .opening import print_opening
from .trained import Part, Trained, outputs


def train_by_recipe(problem, preparation, X, X_test, settings, wanted) -> Trained:
    """Train the networks that belong to a table of this size, and average them."""
    print_opening(problem, preparation, X)
    with fraction_bar("training") as progress:
        found = engine.train(
            X, np.log1p(problem.y_train) if problem.logs else problem.y_train,
            problem.question.n_classes,
            seed=settings.seed, budget=wanted.budget, progress=progress, groups=problem.groups,
        )  # fmt: skip
    net = found.net
    net.classes = problem.classes
    parts = [Part("train", X, problem.y_train, outputs(net, X, problem.logs))]
    if X_test is not None:
        parts.append(Part("test", X_test, problem.y_test, outputs(net, X_test, problem.logs)))
    held = None
    if found.held is not None and found.outputs is not None:
        out = probabilities(net, found.outputs)
        held = problem.y_train[found.held], of_logs(out) if problem.logs else out
    return Trained(
        problem, preparation, net, parts, found.history, found.interrupted,
        rows=report.recipe_rows(net, found.notes, found.history), held=held, notes=found.notes,
        more_rows=[("backend", report.backend_text(net.backend_name))],
    )  # fmt: skip
