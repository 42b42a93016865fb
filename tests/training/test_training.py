"""`fit`: what an epoch is, what is watched, and which settings are accepted."""

import copy
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from deltaloop.training import slices
from small_training import X_OTHER, Y_OTHER, N, X, Y, new_net

BACKENDS = kernels.available()


def parameters(net):
    return [a.copy() for pair in zip(net.W, net.b, strict=True) for a in pair]


def by_hand(W1, b1, W2, b2, X, Y):
    """Losses of the samples and mean gradient of a tanh layer and a linear one, mse."""
    a = np.tanh(X @ W1.T + b1)
    delta2 = a @ W2.T + b2 - Y
    delta1 = (delta2 @ W2) * (1 - a * a)
    n = len(X)
    losses = (delta2**2).sum(axis=1) / 2
    return losses, [delta1.T @ X / n, delta1.mean(axis=0), delta2.T @ a / n, delta2.mean(axis=0)]


def epoch_by_hand(values, velocity, X, Y, batch_size, optimizer):
    """One epoch in the order of the data: mean of the losses before the updates."""
    total, mu = 0.0, optimizer.momentum
    for start in range(0, len(X), batch_size):
        batch = slice(start, start + batch_size)
        losses, gradient = by_hand(*values, X[batch], Y[batch])
        total += losses.sum()
        for w, v, g in zip(values, velocity, gradient, strict=True):
            v *= mu
            v += g
            w -= optimizer.learning_rate * (g + mu * v if optimizer.nesterov else v)
    return total / len(X)


# what an epoch is


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_size", range(1, N + 1))
@pytest.mark.parametrize(
    "optimizer", [dl.SGD(0.2), dl.SGD(0.1, momentum=0.8), dl.SGD(0.1, momentum=0.8, nesterov=True)]
)
def test_epochs_of_every_batch_size_follow_the_equations(optimizer, batch_size, backend):
    net = new_net(backend)
    values = parameters(net)
    velocity = [np.zeros_like(w) for w in values]
    history = net.fit(
        X, Y, epochs=3, batch_size=batch_size, optimizer=optimizer, shuffle=False
    )  # fmt: skip
    expected = [epoch_by_hand(values, velocity, X, Y, batch_size, optimizer) for _ in range(3)]
    assert history.loss == pytest.approx(expected, rel=1e-12)
    for w, v in zip(parameters(net), values, strict=True):
        assert w == pytest.approx(v, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_size", range(1, N + 1))
def test_epoch_is_the_loop_of_its_batches(batch_size, backend):
    net, twin = new_net(backend), new_net(backend)
    net.fit(X, Y, epochs=1, batch_size=batch_size, shuffle=False)
    for start in range(0, N, batch_size):
        batch = slice(start, start + batch_size)
        twin.fit(X[batch], Y[batch], epochs=1, batch_size=len(X[batch]), shuffle=False)
    if N % batch_size == 1 < batch_size:  # a single sample may take another path on its own
        assert net.theta == pytest.approx(twin.theta, rel=1e-13, abs=1e-15)
    else:
        assert net.theta.tobytes() == twin.theta.tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_size", [1, 3])
def test_shuffled_epoch_is_the_plain_epoch_of_permuted_data(batch_size, backend):
    net, twin = new_net(backend), new_net(backend)
    for _ in range(2):
        order = copy.deepcopy(net.generator).permutation(N)
        net.fit(X, Y, epochs=1, batch_size=batch_size)
        twin.fit(X[order], Y[order], epochs=1, batch_size=batch_size, shuffle=False)
        assert net.theta.tobytes() == twin.theta.tobytes()


def test_every_epoch_is_shuffled_anew():
    net, twin = new_net(), new_net()
    net.fit(X, Y, epochs=2, batch_size=1)
    order = copy.deepcopy(twin.generator).permutation(N)
    twin.fit(X[order], Y[order], epochs=2, batch_size=1, shuffle=False)
    assert net.theta.tobytes() != twin.theta.tobytes()


def test_without_shuffling_the_seed_and_the_generator_do_not_matter():
    net = new_net()
    twin = copy.deepcopy(net)
    twin.generator.random(9)
    state = repr(net.generator.bit_generator.state)
    for one in (net, twin):
        one.fit(X, Y, epochs=3, batch_size=2, shuffle=False)
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert repr(net.generator.bit_generator.state) == state


@pytest.mark.parametrize("n", [3, 10, 25])
def test_batches_left_out_hold_ten_samples_or_all(n):
    data = np.random.default_rng(5).normal(size=(n, 5))
    nets = [new_net(), new_net()]
    nets[0].fit(data[:, :3], data[:, 3:], epochs=1)
    nets[1].fit(data[:, :3], data[:, 3:], epochs=1, batch_size=min(10, n))
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_optimizer_left_out_is_sgd_with_its_defaults():
    nets = [new_net(), new_net()]
    nets[0].fit(X, Y)
    nets[1].fit(X, Y, optimizer=dl.SGD(), epochs=30)
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_two_calls_continue_like_one():
    once, twice = new_net(), new_net()
    history = once.fit(X, Y, epochs=5, batch_size=2)
    losses = [twice.fit(X, Y, epochs=n, batch_size=2).loss for n in (2, 3)]
    assert once.theta.tobytes() == twice.theta.tobytes()
    assert history.loss == losses[0] + losses[1]


def test_velocity_starts_afresh_in_every_call():
    optimizer = dl.SGD(0.1, momentum=0.9)
    once, twice = new_net(), new_net()
    once.fit(X, Y, epochs=2, optimizer=optimizer, shuffle=False)
    for _ in range(2):
        twice.fit(X, Y, epochs=1, optimizer=optimizer, shuffle=False)
    assert once.theta.tobytes() != twice.theta.tobytes()


def test_learning_rate_zero_changes_nothing():
    net = new_net()
    before = net.theta.tobytes()
    history = net.fit(X, Y, epochs=3, optimizer=dl.SGD(0.0))
    assert net.theta.tobytes() == before
    assert history.loss == pytest.approx([net.loss(X, Y)] * 3)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [dl.SGD(0.05), dl.SGD(0.05, momentum=0.5), dl.Adam()])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_results_do_not_depend_on_how_an_epoch_is_sliced(
    monkeypatch, batch_size, optimizer, dtype, backend
):
    data = np.random.default_rng(5).normal(size=(41, 5))
    results = set()
    for batches in (1, 2, 5, 1000):
        monkeypatch.setattr(
            slices.Slices, "end",
            lambda self, start, n=batches: min(self.n_samples, start + n * self.batch_size),
        )  # fmt: skip
        net, told = new_net(backend, dtype), []
        history = net.fit(
            data[:, :3], data[:, 3:], epochs=4, batch_size=batch_size, optimizer=optimizer,
            progress=lambda *seen: told.append(seen),  # noqa: B023, called within this turn
        )  # fmt: skip
        assert len(told) == 4 * -(-41 // (batches * batch_size))  # it was sliced like this
        results.add((net.theta.tobytes(), tuple(history.loss)))
    assert len(results) == 1


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 1e9])  # how long a slice may take
def test_results_do_not_depend_on_the_clock(monkeypatch, seconds):
    data = np.random.default_rng(5).normal(size=(5000, 5))
    net, twin = new_net(dtype="float32"), new_net(dtype="float32")
    options = {"epochs": 3, "batch_size": 2, "optimizer": dl.SGD(0.01)}
    history = net.fit(data[:, :3], data[:, 3:], **options)
    monkeypatch.setattr(slices, "SLICE_SECONDS", seconds)
    other = twin.fit(data[:, :3], data[:, 3:], **options)
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert history.loss == other.loss


@pytest.mark.parametrize("seconds_per_batch", [1e-7, 1e-4, 0.03, 10.0])
def test_slices_become_as_long_as_they_shall_be(seconds_per_batch):
    cuts = slices.Slices(n_samples=10**6, batch_size=4, n_theta=100)
    for _ in range(60):
        end = cuts.end(0)
        assert end % 4 == 0
        cuts.measured(end / 4 * seconds_per_batch)
    wanted = slices.SLICE_SECONDS / seconds_per_batch  # in batches
    assert min(max(wanted, 1), 250_000) / 2.1 <= end / 4 <= max(2.1 * wanted, 1)
    assert cuts.end(10**6 - 1) == 10**6


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_train_networks_of_their_own_as_one_after_another(backend):
    def train(seed):
        net = new_net(backend, "float32", seed)
        epochs = 60 if backend == "reference" else 300
        net.fit(X, Y, epochs=epochs, batch_size=2, optimizer=dl.SGD(0.1, momentum=0.5))
        return net.theta.tobytes()

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(train, range(8)))
    assert together == [train(seed) for seed in range(8)]


# validation data


def test_validation_data_are_watched_and_never_trained_on():
    net, twin = new_net(), new_net()
    losses = []
    history = net.fit(X, Y, epochs=4, validation_data=(X_OTHER, Y_OTHER))
    for _ in range(4):
        twin.fit(X, Y, epochs=1)
        losses.append(twin.loss(X_OTHER, Y_OTHER))
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert history.validation_loss == losses


def test_validation_data_may_be_a_data_set():
    xor = dl.datasets.load("xor")
    net = dl.Network([2, 2, 1])
    history = net.fit(*xor, epochs=2, validation_data=xor)
    assert history.validation_loss[-1] == net.loss(*xor)


def test_validation_loss_is_measured_after_the_epoch_like_any_loss():
    net = new_net()
    history = net.fit(X, Y, epochs=3, validation_data=[X, Y], optimizer=dl.SGD(0.0))
    assert history.validation_loss == pytest.approx(history.loss, rel=1e-14)
    assert history.validation_loss == [net.loss(X, Y)] * 3


# settings


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"epochs": 0}, dl.InvalidInputError, "epochs must be a whole number >= 1, got 0"),
        ({"epochs": 2.5}, dl.InvalidTypeError, "epochs must be a whole number, got 2.5"),
        ({"epochs": True}, dl.InvalidInputError, "epochs must be a whole number >= 1, got True"),
        ({"epochs": "5"}, dl.InvalidTypeError, "epochs must be a whole number, got '5'"),
        ({"epochs": None}, dl.InvalidTypeError, "epochs must be a whole number, got None"),
        ({"batch_size": 0}, dl.InvalidInputError, "batch_size must be a whole number >= 1, got 0"),
        (
            {"batch_size": 8},
            dl.InvalidInputError,
            "from 1 to n_samples = 7, got 8; use batch_size=7",
        ),
        ({"batch_size": "all"}, dl.InvalidTypeError, "batch_size must be.*got 'all'"),
        ({"optimizer": "sgd"}, dl.InvalidTypeError, r"such as SGD\(learning_rate=0.1\), got 'sgd'"),
        ({"optimizer": dl.SGD}, dl.InvalidTypeError, r"such as SGD\(learning_rate=0.1\), got <cl"),
        ({"optimizer": dl.Adam}, dl.InvalidTypeError, r"such as SGD\(learning_rate=0.1\), got <cl"),
        ({"optimizer": 0.1}, dl.InvalidTypeError, r"got 0.1; write SGD\(learning_rate=0.1\)"),
        ({"optimizer": "adam"}, dl.InvalidTypeError, r"got 'adam'; write Adam\(\)"),
        ({"optimizer": "torch.optim.SGD"}, dl.InvalidTypeError, r"; write SGD\(\)"),
        ({"optimizer": dl.Adam}, dl.InvalidTypeError, r"; write Adam\(\)"),
        ({"optimizer": object()}, dl.InvalidTypeError, r"got <object object at \w+>$"),
        ({"epochs": 1e3}, dl.InvalidTypeError, "got 1000.0 of type float; write 1000"),
        ({"batch_size": 4.0}, dl.InvalidTypeError, "got 4.0 of type float; write 4"),
        ({"epochs": 10**30}, dl.InvalidInputError, r"epochs must be .* < 2\^63"),
        ({"batch_size": 10**30}, dl.InvalidInputError, r"batch_size must be .* < 2\^63"),
        ({"n_threads": 10**30}, dl.InvalidInputError, r"n_threads must be .* < 2\^63"),
        ({"lr": 0.1}, dl.InvalidTypeError, r"'lr'; write net.fit\(X, Y, optimizer=SGD\(learning"),
        ({"learning_rate": 0.1}, dl.InvalidTypeError, r"write net.fit\(X, Y, optimizer=SGD\("),
        ({"loss": "mse"}, dl.InvalidTypeError, "the loss belongs to the network"),
        ({"verbose": 1}, dl.InvalidTypeError, "'verbose'; write progress=True"),
        ({"n_epoch": 1}, dl.InvalidTypeError, r"'n_epoch'; .* by keyword: epochs, batch_size, opt"),
        ({"tol": -1e-3}, dl.InvalidInputError, "tol must be finite and >= 0, got -0.001"),
        ({"tol": "small"}, dl.InvalidTypeError, "tol must be a number, got 'small'"),
        ({"tol": False}, dl.InvalidTypeError, "tol must be a number, got False"),
        ({"tol": np.nan}, dl.InvalidInputError, "tol must be finite"),
        ({"patience": 0}, dl.InvalidInputError, "patience must be a whole number >= 1, got 0"),
        ({"patience": 1.5}, dl.InvalidTypeError, "patience must be a whole number"),
        ({"patience": True}, dl.InvalidInputError, "patience must be a whole number >= 1, got Tru"),
        ({"target_loss": np.nan}, dl.InvalidInputError, "target_loss must be finite, got nan"),
        ({"target_loss": -np.inf}, dl.InvalidInputError, "target_loss must be finite, got -inf"),
        ({"target_loss": True}, dl.InvalidTypeError, "target_loss must be a number, got True"),
        ({"target_loss": "0"}, dl.InvalidTypeError, "target_loss must be a number, got '0'"),
        (
            {"progress": 3},
            dl.InvalidTypeError,
            "progress must be True, False or a callable, got int",
        ),
        ({"progress": "yes"}, dl.InvalidTypeError, "progress must be.*got str"),
        (
            {"shuffle": "no"},
            dl.InvalidInputError,
            "shuffle must be True, False or 'blocks', got 'no'",
        ),
        ({"shuffle": 1}, dl.InvalidTypeError, "shuffle must be True or False, got 1"),
    ],
)
def test_wrong_setting_is_refused_before_anything_changes(settings, error, text):
    net = new_net()
    theta, state = net.theta.tobytes(), repr(net.generator.bit_generator.state)
    with pytest.raises(error, match=text):
        net.fit(X, Y, **settings)
    assert net.theta.tobytes() == theta
    assert repr(net.generator.bit_generator.state) == state


@pytest.mark.parametrize("arguments", [(X,), (), (X, Y, 10), (X, Y, None, None)])
def test_wrong_number_of_arguments_is_told_what_to_write(arguments):
    with pytest.raises(
        dl.InvalidTypeError, match=r"; write net.fit\(X, Y\), .* keyword: epochs, b"
    ):
        new_net().fit(*arguments)


def test_type_error_of_the_caller_in_a_callback_stays_what_it_is():
    with pytest.raises(TypeError, match="missing 3 required") as caught:
        new_net().fit(X, Y, progress=lambda a, b, c, d, e, f: None)
    assert not isinstance(caught.value, dl.DeltaloopError)


# progress


def test_callable_is_told_epoch_fraction_and_history():
    told = []
    net = new_net()
    history = net.fit(
        X, Y, epochs=3, progress=lambda epoch, part, seen: told.append((epoch, part, len(seen)))
    )
    assert [epoch for epoch, _, _ in told] == sorted(epoch for epoch, _, _ in told)
    assert all(0 < part <= 1 for _, part, _ in told)
    assert all(seen in (epoch - 1, epoch if part == 1 else None) for epoch, part, seen in told)
    assert [epoch for epoch, part, _ in told if part == 1] == [1, 2, 3]
    assert len(history) == 3


def test_watching_changes_nothing():
    nets = [new_net(), new_net()]
    nets[0].fit(X, Y, epochs=3, progress=lambda *_: None)
    nets[1].fit(X, Y, epochs=3)
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_error_of_the_callable_reaches_the_user():
    def progress(*_):
        raise LookupError("mine")

    net = new_net()
    with pytest.raises(LookupError, match="mine"):
        net.fit(X, Y, progress=progress)
    assert np.isfinite(net.predict(X)).all()


def test_seconds_are_those_of_training_alone():
    history = new_net().fit(X, Y, epochs=2, progress=lambda *_: time.sleep(0.05))
    assert max(history.seconds) < 0.05


def test_error_of_the_callable_in_a_diverging_epoch_leaves_finite_parameters(monkeypatch):
    # the second slice of an epoch is asked for while the loss is finite and theta is not
    monkeypatch.setattr(slices.Slices, "end", lambda self, start: start + 1)
    net, seen = dl.Network([1, 1], init="zeros"), []

    def progress(epoch, part, history):
        seen.append(np.isfinite(net.theta).all())
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        net.fit([[1e20], [1e20]], [1e18, 0], epochs=1, batch_size=1, shuffle=False,
                optimizer=dl.SGD(10.0), progress=progress)  # fmt: skip
    assert seen == [False]
    assert not net.theta.any()
