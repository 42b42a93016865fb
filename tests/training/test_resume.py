"""A training in two calls is the training in one, bit for bit."""

import copy
import pickle
import re

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels, schedules
from small_training import X_OTHER, Y_OTHER, X, Y, new_net

BACKENDS = kernels.available()
OPTIMIZERS = {
    "sgd": dl.SGD(0.1),
    "momentum": dl.SGD(0.1, momentum=0.9),
    "adam": dl.Adam(0.05),
    "rmsprop": dl.RMSprop(0.05),
}


def record(history):
    plain = history.to_dict()
    del plain["seconds"]
    return plain


def same(one, other):
    return (
        one.theta.tobytes() == other.theta.tobytes()
        and one.generator.bit_generator.state == other.generator.bit_generator.state
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_calls_are_one(name, dtype, backend):
    once, twice = new_net(backend, dtype), new_net(backend, dtype)
    options = {"batch_size": 2, "optimizer": OPTIMIZERS[name]}
    whole = once.fit(X, Y, epochs=20, **options)
    first = twice.fit(X, Y, epochs=10, **options)
    both = twice.fit(X, Y, epochs=10, resume=True, **options)
    assert same(once, twice)
    assert record(both) == record(whole)
    assert record(first)["loss"] == whole.loss[:10]  # the record of the first call is its own


@pytest.mark.parametrize("schedule", ["cosine", schedules.step(every=2), lambda t: 1 / (1 + t)])
@pytest.mark.parametrize("again", ["here", "pickle", "file"])
def test_a_schedule_that_is_not_given_again_is_asked_for(schedule, again, tmp_path):
    net = new_net()
    net.fit(X, Y, epochs=4, optimizer=dl.SGD(0.1), schedule=schedule)
    if again == "pickle":
        net = pickle.loads(pickle.dumps(net))
    elif again == "file":
        net.save(tmp_path / "net.npz", state=True)
        net = dl.load(tmp_path / "net.npz")
    before = net.theta.copy()
    with pytest.raises(dl.InvalidInputError, match=r"had schedule=.*schedule='constant'"):
        net.fit(X, Y, epochs=2, resume=True)
    np.testing.assert_array_equal(net.theta, before)
    rates = net.fit(X, Y, epochs=2, resume=True, schedule=schedule).learning_rate
    assert rates[4] < 0.1
    assert net.fit(X, Y, epochs=2, resume=True, schedule="constant").learning_rate[-2:] == [0.1] * 2
    assert len(net.fit(X, Y, epochs=2, resume=True)) == 10  # a constant one may be left out


def test_without_resume_the_state_starts_afresh():
    once, twice = new_net(), new_net()
    once.fit(X, Y, epochs=4, optimizer=dl.Adam())
    for _ in range(2):
        twice.fit(X, Y, epochs=2, optimizer=dl.Adam())
    assert not same(once, twice)


@pytest.mark.parametrize(
    "more",
    [
        {"schedule": schedules.exponential(0.7)},
        {"schedule": schedules.cosine(epochs=9, warmup=2)},
        {"schedule": schedules.exponential(0.7, per="step")},
        {"schedule": schedules.per_step(lambda k: 1 / (1 + k))},
        {"schedule": schedules.reduce_on_plateau(0.5, patience=1, min_delta=0.1)},
        {"validation_split": 0.3},
        {"validation_split": 0.3, "shuffle": False},
        {"validation_data": (X_OTHER, Y_OTHER), "metrics": ["mse", "r2"], "monitor": "r2"},
        {"patience": 3, "min_delta": 0.05},
        {"sample_weight": [1, 2, 0, 1, 3, 1, 1]},
    ],
    ids=lambda more: re.sub(" at 0x[0-9a-f]+", "", str(more)),  # no addresses
)
@pytest.mark.parametrize("first", [1, 4, 8])
def test_two_calls_are_one_with(first, more):
    once, twice = new_net(), new_net()
    options = {"batch_size": 2, "optimizer": dl.SGD(0.3, momentum=0.5), **more}
    whole = once.fit(X, Y, epochs=9, **options)
    history = twice.fit(X, Y, epochs=first, **options)
    if history.stop_reason == "epochs":
        history = twice.fit(X, Y, epochs=9 - first, resume=True, **options)
    assert same(once, twice)
    assert record(history) == record(whole)


MOVES = [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))]


def through_a_file(net, folder):
    net.save(folder / "net.npz", state=True)
    return dl.load(folder / "net.npz")


@pytest.mark.parametrize("move", MOVES)
def test_copies_go_on_where_the_network_is(move):
    net = new_net()
    net.fit(X, Y, epochs=3, optimizer=dl.Adam())
    twin = move(net)
    histories = [one.fit(X, Y, epochs=3, resume=True) for one in (net, twin)]
    assert same(net, twin)
    assert record(histories[0]) == record(histories[1])
    once = new_net()
    once.fit(X, Y, epochs=6, optimizer=dl.Adam())
    assert same(net, once)


@pytest.mark.parametrize("move", [*MOVES, through_a_file])
@pytest.mark.parametrize("before", [0, 2], ids=["first fit", "second fit"])
def test_what_a_callback_keeps_after_an_epoch_goes_on_from_there(before, move, tmp_path):
    net, kept = new_net(), []
    if before:
        net.fit(X, Y, epochs=before, optimizer=dl.SGD(0.2))

    def keep(state):
        if state.epoch == 3:
            more = [tmp_path] if move is through_a_file else []
            kept.append(move(state.net, *more))

    options = {"batch_size": 2, "optimizer": dl.Adam(0.05)}
    history = net.fit(X, Y, epochs=6, callbacks=[keep], restore_best=True, **options)
    again = kept[0].fit(X, Y, epochs=3, resume=True, restore_best=True, **options)
    assert same(net, kept[0])
    assert record(again) == record(history)


def test_there_is_nothing_to_go_on_with_in_the_middle_of_an_epoch():
    net, kept = new_net(), []
    net.fit(X, Y, epochs=2)
    keep = dl.callbacks.every(2, lambda state: kept.append(copy.deepcopy(state.net)))
    net.fit(X, Y, epochs=1, batch_size=2, callbacks=[keep])
    with pytest.raises(dl.InvalidInputError, match="has none"):
        kept[0].fit(X, Y, resume=True)


def test_optimizer_left_out_is_that_of_the_fit_before():
    once, twice = new_net(), new_net()
    once.fit(X, Y, epochs=4, optimizer=dl.Adam())
    twice.fit(X, Y, epochs=2, optimizer=dl.Adam())
    twice.fit(X, Y, epochs=2, resume=True)
    assert same(once, twice)


def test_optimizer_of_the_network_may_get_another_learning_rate():
    nets = new_net(), new_net()
    for net in nets:
        net.optimizer = dl.SGD(0.1, momentum=0.9)
        net.fit(X, Y, epochs=2)
        net.optimizer = dl.SGD(0.01, momentum=0.9)
    nets[0].fit(X, Y, epochs=2, resume=True)
    nets[1].fit(X, Y, epochs=2, resume=True, optimizer=dl.SGD(0.01, momentum=0.9))
    assert same(*nets)
    assert nets[0]._run.history.learning_rate == [0.1, 0.1, 0.01, 0.01]


def ends_in_the_middle(steps):
    return [dl.callbacks.every(steps, lambda state: True)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("steps", [1, 3, 5, 9])
def test_epoch_that_was_ended_in_the_middle_is_gone_on_with(steps, shuffle, backend):
    once, twice = new_net(backend), new_net(backend)
    options = {"batch_size": 2, "optimizer": dl.Adam(0.1), "shuffle": shuffle}
    whole = once.fit(X, Y, epochs=5, **options)
    first = twice.fit(X, Y, epochs=5, callbacks=ends_in_the_middle(steps), **options)
    assert first.stop_reason == "callback <lambda>"
    assert len(first) == steps // 4
    history = twice.fit(X, Y, epochs=5 - len(first), resume=True, **options)
    assert same(once, twice)
    assert record(history) == record(whole)


def test_place_in_an_epoch_is_left_where_the_samples_are_others():
    net = new_net()
    net.fit(X, Y, epochs=2, batch_size=2, callbacks=ends_in_the_middle(1))
    history = net.fit(X[:5], Y[:5], epochs=2, batch_size=2, resume=True)
    assert len(history) == 2


def test_interrupted_training_can_be_resumed():
    net = new_net()

    def interrupt(epoch, fraction, history):
        if epoch == 3:
            raise KeyboardInterrupt

    assert net.fit(X, Y, epochs=9, progress=interrupt).stop_reason == "interrupted"
    history = net.fit(X, Y, epochs=2, resume=True)
    assert history.stop_reason == "epochs"
    assert len(history) == 5 or len(history) == 4


def test_patience_that_ended_training_is_patient_again():
    options = {"optimizer": dl.SGD(0.0), "patience": 2, "shuffle": False}
    net = new_net()
    assert len(net.fit(X, Y, epochs=9, **options)) == 3
    assert len(net.fit(X, Y, epochs=9, resume=True, **options)) == 5


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        (None, {}, "resume=True goes on where the fit before ended, but this network has none"),
        ({"optimizer": dl.Adam()}, {"optimizer": dl.SGD()}, "the state of the rule 'adam', which"),
        (
            {"optimizer": dl.SGD()},
            {"optimizer": dl.SGD(momentum=0.5)},
            r"'sgd', which SGD\(learning_rate=0.1, momentum=0.5",
        ),
        ({}, {"validation_data": (X, Y)}, "has no metrics and no val.*but this one has validation"),
        ({"metrics": ["mse"]}, {}, "which has mse, but this one has none"),
        ({"validation_split": 0.3}, {"validation_split": 0.5}, "there are 7 samples now, with val"),
        ({}, {"resume": "yes"}, "resume must be True or False, got 'yes'"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused(before, now, text):
    net = new_net()
    if before is not None:
        net.fit(X, Y, epochs=2, **before)
    theta, state = net.theta.tobytes(), net.generator.bit_generator.state
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match=text):
        net.fit(X, Y, epochs=2, **{"resume": True, **now})
    assert (net.theta.tobytes(), net.generator.bit_generator.state) == (theta, state)


def test_training_that_diverged_leaves_nothing_to_go_on_with():
    net = dl.Network([3, 2], seed=1)
    with pytest.raises(dl.DivergenceError):
        net.fit(X * 1e10, Y, epochs=50, optimizer=dl.SGD(1e5))
    with pytest.raises(dl.InvalidInputError, match="this network has none"):
        net.fit(X, Y, resume=True)


def test_resumed_training_that_diverged_leaves_nothing_to_go_on_with():
    net = new_net()
    net.fit(X, Y, epochs=2, optimizer=dl.SGD(0.1, momentum=0.9))
    with pytest.raises(dl.DivergenceError):
        net.fit(X, Y, epochs=99, optimizer=dl.SGD(1e200, momentum=0.9), resume=True)
    assert np.isfinite(net.theta).all()
    with pytest.raises(dl.InvalidInputError, match="this network has none"):
        net.fit(X, Y, resume=True)


def test_optimizer_in_a_pickle_holds_its_settings_alone():
    optimizer = dl.Adam(0.1)
    optimizer.rule()
    again = pickle.loads(pickle.dumps(optimizer))
    assert again == optimizer
    assert vars(again) == {name: getattr(optimizer, name) for name in vars(again)}
    assert "_rule" not in vars(again)
    assert again.rule() == optimizer.rule()


def test_error_of_a_callback_leaves_what_was_done_to_go_on_with():
    net = new_net()

    def fail(state):
        if state.epoch == 3:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        net.fit(X, Y, epochs=9, callbacks=[fail])
    assert len(net.fit(X, Y, epochs=2, resume=True)) == 5


def test_network_keeps_no_run_before_its_first_fit():
    assert np.isfinite(new_net().theta).all()
    assert new_net()._run is None
