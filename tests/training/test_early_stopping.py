"""What is monitored, the best parameters, splitting, time and targets."""

import time

import numpy as np
import pytest

import deltaloop as dl
from small_training import X_OTHER, Y_OTHER, N, X, Y, new_net

WATCHED = {"validation_data": (X_OTHER, Y_OTHER)}
FAST = {"optimizer": dl.SGD(0.5, momentum=0.9), "batch_size": 2}  # the loss goes up and down


# the best parameters


@pytest.mark.parametrize("watched", [{}, WATCHED, {"validation_split": 0.3}])
def test_parameters_are_those_of_the_best_epoch(watched):
    # shuffling is left out so that every prefix of the training can be run again
    options = {**FAST, **watched, "shuffle": False}
    net = new_net()
    history = net.fit(X, Y, epochs=25, restore_best=True, **options)
    losses = history.validation_loss or history.loss
    best = int(np.argmin(losses)) + 1
    assert history.best_epoch == best < 25
    assert len(history) == 25
    twin = new_net()
    twin.fit(X, Y, epochs=best, **options)
    assert net.theta.tobytes() == twin.theta.tobytes()


def test_best_epoch_is_told_without_restoring():
    history = new_net().fit(X, Y, epochs=25, **FAST, **WATCHED)
    assert history.best_epoch == int(np.argmin(history.validation_loss)) + 1


def test_best_parameters_come_back_after_patience():
    net = new_net()
    history = net.fit(X, Y, epochs=200, patience=4, restore_best=True, **FAST, **WATCHED)
    assert history.stop_reason == "patience"
    assert net.loss(X_OTHER, Y_OTHER) == min(history.validation_loss)
    assert len(history) >= history.best_epoch + 4


def test_best_parameters_come_back_after_an_interrupt():
    net = new_net()

    def interrupt(state):
        if state.epoch == 12:
            raise KeyboardInterrupt

    history = net.fit(X, Y, epochs=200, restore_best=True, callbacks=[interrupt], **FAST, **WATCHED)
    assert history.stop_reason == "interrupted"
    assert net.loss(X_OTHER, Y_OTHER) == min(history.validation_loss)


def test_best_of_a_resumed_training_may_lie_in_the_fit_before():
    net = new_net()
    options = {**WATCHED, "restore_best": True, "batch_size": 2}
    first = net.fit(X, Y, epochs=15, optimizer=dl.SGD(0.1), **options)
    before = net.theta.tobytes()
    net.fit(X, Y, epochs=1, optimizer=dl.SGD(30.0), resume=True, **options)  # goes up
    assert net.theta.tobytes() == before
    assert net._run.history.best_epoch == first.best_epoch


def test_min_delta_is_tol():
    histories = [
        new_net().fit(X, Y, epochs=60, patience=2, **FAST, **{name: 0.02})
        for name in ("tol", "min_delta")
    ]
    assert len(histories[0]) == len(histories[1]) < 60
    with pytest.raises(dl.InvalidInputError, match="two names of one number"):
        new_net().fit(X, Y, tol=0.1, min_delta=0.1)


# metrics


def test_metrics_are_measured_after_every_epoch_on_validation_data():
    net, seen = new_net(), []
    history = net.fit(
        X, Y, epochs=4, metrics=("r2", "mae"), **WATCHED,
        callbacks=[lambda state: seen.append(state.net.predict(X_OTHER))],
    )  # fmt: skip
    assert list(history.metrics) == ["r2", "mae"]
    assert history.metrics["r2"] == [dl.metrics.r2(Y_OTHER, out) for out in seen]
    assert history.metrics["mae"] == [dl.metrics.mae(Y_OTHER, out) for out in seen]
    assert "mae" in repr(history) and "r2" in repr(history)
    assert history.to_dict()["metrics"] == history.metrics


def test_metrics_without_validation_data_are_those_of_training_data():
    net = new_net()
    history = net.fit(X, Y, epochs=2, metrics="mse")
    assert history.metrics["mse"][-1] == dl.metrics.mse(Y, net.predict(X))


def test_metrics_of_a_split_are_those_of_what_is_held_back():
    net = new_net()
    history = net.fit(X, Y, epochs=2, metrics=["mse"], validation_split=0.3)
    held = net._run.held
    assert history.metrics["mse"][-1] == dl.metrics.mse(Y[held], net.predict(X[held]))


def test_function_of_the_user_is_a_metric():
    def worst(Y, Y_predicted):
        return np.abs(Y - Y_predicted).max()

    net = new_net()
    history = net.fit(X, Y, epochs=2, metrics=[worst])
    assert history.metrics["worst"][-1] == np.abs(Y - net.predict(X)).max()
    with pytest.raises(dl.InvalidInputError, match=r"set worst\.higher_is_better = True, or False"):
        net.fit(X, Y, metrics=[worst], monitor="worst")
    worst.higher_is_better = False
    history = net.fit(X, Y, epochs=9, metrics=[worst], monitor="worst", **FAST)
    assert history.best_epoch == int(np.argmin(history.metrics["worst"])) + 1


def test_function_that_changes_what_it_gets_changes_nothing():
    def spoil(Y, Y_predicted):
        Y[:] = 0
        Y_predicted[:] = 0
        return 0.0

    nets = new_net(), new_net()
    histories = [
        net.fit(X, Y.copy(), epochs=3, metrics=[*more, "mse"])
        for net, more in zip(nets, ([], [spoil]), strict=True)
    ]
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()
    assert histories[0].metrics["mse"] == histories[1].metrics["mse"]


def test_metric_that_is_monitored_ends_training_and_chooses_the_best():
    digits = dl.datasets.load("digits")
    net = dl.Network([64, 10], loss="cross_entropy")
    part = digits.X_train[:300], digits.y_train[:300]
    data = digits.X_test, digits.y_test
    history = net.fit(
        *part, epochs=40, validation_data=data, metrics=["accuracy"], monitor="accuracy",
        patience=3, restore_best=True, optimizer=dl.SGD(0.02),
    )  # fmt: skip
    accuracy = history.metrics["accuracy"]
    assert history.best_epoch == int(np.argmax(accuracy)) + 1
    assert dl.metrics.accuracy(data[1], net.predict(data[0])) == max(accuracy)
    assert history.stop_reason == "patience"
    assert len(history) == history.best_epoch + 3


@pytest.mark.parametrize(("monitor", "target"), [("loss", 0.4), ("mse", 0.4), ("r2", 0.6)])
def test_target_is_reached_from_the_side_that_is_worse(monitor, target):
    history = new_net().fit(
        X, Y, epochs=500, metrics=["mse", "r2"], monitor=monitor, target=target, batch_size=2
    )
    assert history.stop_reason == "target"
    column = history.metrics.get(monitor, history.loss)
    is_reached = [value >= target if monitor == "r2" else value <= target for value in column]
    assert is_reached.index(True) == len(history) - 1


# splitting


def test_split_is_drawn_by_the_generator_and_never_trained_on():
    net, twin = new_net(), new_net()
    order = twin.generator.permutation(N)
    held, kept = np.sort(order[:3]), np.sort(order[3:])  # ceil(0.3 * 7)
    history = net.fit(X, Y, epochs=3, batch_size=2, validation_split=0.3, shuffle=False)
    expected = twin.fit(
        X[kept], Y[kept], epochs=3, batch_size=2, validation_data=(X[held], Y[held]), shuffle=False
    )  # fmt: skip
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert history.validation_loss == expected.validation_loss
    assert history.loss == expected.loss


@pytest.mark.parametrize("weights", [None, [1.0, 0, 2, 1, 1, 3, 1]])
def test_shuffled_split_trains_on_the_rest(weights):
    net, twin = new_net(), new_net()
    kept = np.sort(twin.generator.permutation(N)[3:])
    history = net.fit(X, Y, epochs=3, batch_size=2, validation_split=0.3, sample_weight=weights)
    expected = twin.fit(
        X[kept], Y[kept], epochs=3, batch_size=2,
        sample_weight=None if weights is None else np.array(weights)[kept],
    )  # fmt: skip
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert history.loss == pytest.approx(expected.loss, rel=1e-14)


def test_split_of_a_sparse_matrix():
    sparse = pytest.importorskip("scipy.sparse")
    dense, listed = new_net(), new_net()
    histories = [
        net.fit(data, Y, epochs=3, validation_split=0.3)
        for net, data in ((dense, X), (listed, sparse.csr_matrix(X)))
    ]
    assert listed.theta == pytest.approx(dense.theta)
    assert histories[0].validation_loss == pytest.approx(histories[1].validation_loss)


def test_batch_size_left_out_counts_what_is_left():
    net = new_net()
    net.fit(X, Y, epochs=1, validation_split=0.5)  # 3 samples are left
    with pytest.raises(dl.InvalidInputError, match="from 1 to n_samples = 3, got 4"):
        net.fit(X, Y, epochs=1, validation_split=0.5, batch_size=4)


# time


def test_time_ends_training_after_the_first_slice():
    history = new_net().fit(X, Y, epochs=9, max_seconds=0)
    assert history.stop_reason == "max_seconds"
    assert len(history) == 1


def test_time_ends_training_in_the_middle_of_an_epoch():
    data = np.random.default_rng(0).normal(size=(2000, 5))
    net = new_net("reference")
    began, computed = time.perf_counter(), time.thread_time()
    history = net.fit(data[:, :3], data[:, 3:], epochs=10**6, batch_size=1, max_seconds=0.2)
    assert history.stop_reason == "max_seconds"
    assert time.perf_counter() - began >= 0.2
    assert time.thread_time() - computed < 3  # of this thread, whatever else the machine does
    assert np.isfinite(net.theta).all()


# what is refused


def test_metric_that_does_not_fit_the_targets_is_refused_before_anything_changes():
    net = new_net()
    before = net.theta.tobytes()
    with pytest.raises(dl.InvalidInputError):
        net.fit(X, Y, metrics=["auc"])
    assert net.theta.tobytes() == before


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"validation_split": 0}, r"validation_split must be in \(0, 1\), got 0"),
        ({"validation_split": 1.0}, r"validation_split must be in \(0, 1\), got 1"),
        ({"validation_split": "some"}, "validation_split must be a number, got 'some'"),
        ({"validation_split": 0.9}, "validation_split=0.9 leaves none of 7 samples for training"),
        ({"validation_split": 0.3, **WATCHED}, "both say what is watched; give one"),
        ({"metrics": ["accuracyy"]}, "unknown metric 'accuracyy'.*did you mean 'accuracy'?"),
        ({"metrics": ["mse", "mse"]}, "metrics has 'mse' twice"),
        ({"metrics": 3}, "metrics must be a list of names or functions, got 3"),
        ({"metrics": [3]}, "a metric is a name such as 'accuracy', or a function"),
        ({"monitor": "mse"}, "unknown monitor 'mse', expected one of 'loss'.*or one of metrics"),
        ({"monitor": "mse", "metrics": ["r2"]}, "expected one of 'loss', 'r2'"),
        ({"monitor": "val_loss"}, "expected one of 'loss'; did you mean 'loss'?"),
        ({"monitor": ["mse"], "metrics": ["mse"]}, r"monitor must be .*, got \['mse'\]"),
        ({"monitor": 3}, "monitor must be 'loss' or the name of a metric, got 3"),
        ({"restore_best": 1}, "restore_best must be True or False, got 1"),
        ({"max_seconds": -1}, "max_seconds must be finite and >= 0, got -1"),
        ({"target": "low"}, "target must be a number, got 'low'"),
        ({"min_delta": -1}, "min_delta must be finite and >= 0, got -1"),
        ({"early_stopping": True}, "write validation_split=0.1, patience=10, restore_best=True"),
        ({"lr_scheduler": 1}, "write schedule='cosine'"),
        ({"warm_start": True}, "write resume=True"),
        ({"sample_weight": [1, 1, 1, 1, 1, 1, 1], "class_weight": "balanced"}, "has none"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_changes(options, text):
    net = new_net()
    theta, state = net.theta.tobytes(), net.generator.bit_generator.state
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match=text):
        net.fit(X, Y, **options)
    assert (net.theta.tobytes(), net.generator.bit_generator.state) == (theta, state)


def test_metrics_may_be_an_array_of_names():
    history = new_net().fit(X, Y, epochs=1, metrics=np.array(["mse", "mae"]))
    assert list(history.metrics) == ["mse", "mae"]
    assert list(new_net().fit(X, Y, epochs=1, metrics=np.array([])).metrics) == []


def test_a_metric_is_monitored_while_the_rate_changes_in_every_update():
    """Before the first epoch ends there is no entry of the metric yet."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    net = dl.Network([3, 2], seed=0)
    history = net.fit(
        X, X[:, :2], epochs=4, batch_size=10, metrics=["r2"], monitor="r2", restore_best=True,
        validation_data=(X, X[:, :2]), schedule=dl.schedules.cosine(per="step"),
    )  # fmt: skip
    assert len(history.metrics["r2"]) == 4
    assert history.best_epoch == int(np.argmax(history.metrics["r2"])) + 1


@pytest.mark.parametrize("value", ["good", None, np.zeros(2), 1j])
def test_a_metric_that_is_no_number_is_told_before_anything_changes(value):
    def metric(y, p):
        return value

    net = new_net()
    before = net.theta.tobytes()
    with pytest.raises(dl.InvalidTypeError, match="the metric metric must return a number, got"):
        net.fit(X, Y, metrics=[metric])
    assert net.theta.tobytes() == before


def test_an_error_of_a_metric_comes_out_as_it_is():
    def metric(y, p):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        new_net().fit(X, Y, metrics=[metric])
