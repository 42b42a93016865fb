"""Training of the textbook network, see `modelling`."""

import numpy as np

from ..console.terminal import progress_bar
from . import modelling, report
from .opening import print_opening
from .trained import Part, Trained, about, outputs


def train_by_the_book(problem, preparation, X, X_test, settings, wanted) -> Trained:
    """Train one network as the options say."""
    net = modelling.build(problem, X, settings)
    net.metadata = about(problem, preparation)  # for checkpoints
    optimizer = modelling.build_optimizer(problem, settings)
    batch_size = modelling.batch_size(problem, settings)
    n_epochs = modelling.epochs(problem, settings)
    print_opening(problem, preparation, X)
    y = np.log1p(problem.y_train) if problem.logs else problem.y_train
    examples = modelling.examples(net, X, y)
    with progress_bar(n_epochs, len(X)) as progress:
        history = modelling.train(net, examples, problem, settings, optimizer, progress)
    parts = [Part("train", X, problem.y_train, outputs(net, examples.X, problem.logs))]
    losses = {"train": net.loss(examples.X, examples.Y)}
    if X_test is not None:
        y_test = np.log1p(problem.y_test) if problem.logs else problem.y_test
        tests = modelling.examples(net, X_test, y_test)
        parts.append(Part("test", X_test, problem.y_test, outputs(net, tests.X, problem.logs)))
        losses["test"] = net.loss(tests.X, tests.Y)
    trained = Trained(
        problem, preparation, net, parts, history, history.stop_reason == "interrupted",
        rows=report.model_rows(net, history, n_epochs),
        more_rows=[
            *report.watched_rows(history),
            *report.speed_rows(net, history, len(X), batch_size),
        ],
        losses=losses,
    )  # fmt: skip
    if net.backend_name != "reference":

        def compare():
            found = modelling.compare(net, examples, problem, settings, optimizer)
            return report.comparison_rows(net, found) if found else []

        trained.compare = compare
    return trained
