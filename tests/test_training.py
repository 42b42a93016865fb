"""`fit`: what an epoch is, when training ends, and what it leaves behind."""

import copy
import json
import pickle
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels, training

BACKENDS = kernels.available()
N = 7
rng = np.random.default_rng(11)
X, Y = rng.normal(size=(N, 3)), rng.normal(size=(N, 2))
X_OTHER, Y_OTHER = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))


def new_net(backend="auto", dtype="float64", seed=4):
    return dl.Network([3, 4, 2], activation="tanh", dtype=dtype, backend=backend, seed=seed)


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
    net, twin = new_net(backend, "float32"), new_net(backend, "float32")
    net.fit(X, Y, epochs=1, batch_size=batch_size, shuffle=False)
    for start in range(0, N, batch_size):
        batch = slice(start, start + batch_size)
        twin.fit(X[batch], Y[batch], epochs=1, batch_size=len(X[batch]), shuffle=False)
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
    data = rng.normal(size=(n, 5))
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
def test_results_do_not_depend_on_how_an_epoch_is_sliced(monkeypatch, backend):
    data = rng.normal(size=(101, 5))
    results = []
    for batches in (1, 2, 5, 1000):  # as the clock may have it
        monkeypatch.setattr(
            training._Slices, "next",
            lambda self, start, n=batches: min(self.n_samples, start + n * self.batch_size),
        )  # fmt: skip
        net = new_net(backend, "float32")
        history = net.fit(
            data[:, :3], data[:, 3:], epochs=4, batch_size=3, optimizer=dl.SGD(0.05, momentum=0.5)
        )
        results.append((net.theta.tobytes(), history.loss))
    assert results[1:] == results[:-1]


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


# when training ends


def epochs_until(losses, tol=None, patience=None, target_loss=None):
    """The rule of the docstring of `fit`, spelled out: (epochs, stop_reason)."""
    best, without = float("inf"), 0
    for epoch, loss in enumerate(losses, 1):
        if target_loss is not None and loss <= target_loss:
            return epoch, "target_loss"
        fell = loss < best - (tol or 0.0)
        best, without = (loss, 0) if fell else (best, without + 1)
        if (tol is not None or patience is not None) and without >= (patience or 1):
            return epoch, "tol"
    return len(losses), "epochs"


RULES = [
    {},
    {"tol": 0.0},
    {"tol": 1e-3},
    {"tol": 0.05},
    {"patience": 1},
    {"patience": 4},
    {"tol": 1e-3, "patience": 3},
    {"tol": 100.0, "patience": 5},
    {"target_loss": 0.5},
    {"target_loss": -1.0},
    {"target_loss": 0.3, "tol": 1e-4, "patience": 2},
    {"target_loss": 1e9},
]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("watched", ["training", "validation"])
def test_training_ends_where_the_rule_says(rule, watched):
    options = {"epochs": 60, "batch_size": 2, "optimizer": dl.SGD(0.3)}
    if watched == "validation":
        options["validation_data"] = (X_OTHER, Y_OTHER)
    whole = new_net().fit(X, Y, **options)
    losses = whole.validation_loss or whole.loss
    history = new_net().fit(X, Y, **options, **rule)
    assert (len(history), history.stop_reason) == epochs_until(losses, **rule)
    assert history.loss == whole.loss[: len(history)]
    assert history.validation_loss == whole.validation_loss[: len(history)]


def test_rules_above_do_end_training_in_every_way():
    whole = new_net().fit(X, Y, epochs=60, batch_size=2, optimizer=dl.SGD(0.3))
    ends = [epochs_until(whole.loss, **rule) for rule in RULES]
    assert {reason for _, reason in ends} == {"epochs", "tol", "target_loss"}
    assert len({epochs for epochs, _ in ends}) > 5


def test_target_loss_is_reached_when_it_is_equalled():
    losses = new_net().fit(X, Y, epochs=5).loss
    history = new_net().fit(X, Y, epochs=5, target_loss=losses[2])
    assert len(history) == 3


# settings


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"epochs": 0}, dl.InvalidInputError, "epochs must be a whole number >= 1, got 0"),
        ({"epochs": 2.5}, dl.InvalidTypeError, "epochs must be a whole number, got 2.5"),
        ({"epochs": None}, dl.InvalidTypeError, "epochs must be a whole number, got None"),
        ({"batch_size": 0}, dl.InvalidInputError, "batch_size must be a whole number >= 1, got 0"),
        ({"batch_size": 8}, dl.InvalidInputError, "from 1 to n_samples = 7, got 8; use batch_size=7"),
        ({"batch_size": "all"}, dl.InvalidTypeError, "batch_size must be.*got 'all'"),
        ({"optimizer": "sgd"}, dl.InvalidTypeError, r"such as SGD\(learning_rate=0.1\), got 'sgd'"),
        ({"optimizer": dl.SGD}, dl.InvalidTypeError, r"such as SGD\(learning_rate=0.1\)"),
        ({"optimizer": 0.1}, dl.InvalidTypeError, "optimizer must be.*got 0.1"),
        ({"tol": -1e-3}, dl.InvalidInputError, "tol must be finite and >= 0, got -0.001"),
        ({"tol": "small"}, dl.InvalidTypeError, "tol must be a number, got 'small'"),
        ({"tol": np.nan}, dl.InvalidInputError, "tol must be finite"),
        ({"patience": 0}, dl.InvalidInputError, "patience must be a whole number >= 1, got 0"),
        ({"patience": 1.5}, dl.InvalidTypeError, "patience must be a whole number"),
        ({"target_loss": np.nan}, dl.InvalidInputError, "target_loss must be (a )?finite.*got nan"),
        ({"target_loss": -np.inf}, dl.InvalidInputError, "target_loss must be (a )?finite.*got -inf"),
        ({"target_loss": "0"}, dl.InvalidTypeError, "target_loss must be a number, got '0'"),
        ({"progress": 3}, dl.InvalidTypeError, "progress must be True, False or a callable, got int"),
        ({"progress": "yes"}, dl.InvalidTypeError, "progress must be.*got str"),
        ({"shuffle": "no"}, dl.InvalidTypeError, "shuffle must be True or False, got 'no'"),
    ],
)
def test_wrong_setting_is_refused_before_anything_changes(settings, error, text):
    net = new_net()
    theta, state = net.theta.tobytes(), repr(net.generator.bit_generator.state)
    with pytest.raises(error, match=text):
        net.fit(X, Y, **settings)
    assert net.theta.tobytes() == theta
    assert repr(net.generator.bit_generator.state) == state


# progress


def test_callable_is_told_epoch_fraction_and_history():
    told = []
    net = new_net()
    history = net.fit(
        X, Y, epochs=3, progress=lambda epoch, part, seen: told.append((epoch, part, len(seen)))
    )
    assert [epoch for epoch, _, _ in told] == sorted(epoch for epoch, _, _ in told)
    assert all(0 < part <= 1 and seen == epoch - 1 for epoch, part, seen in told)
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


# divergence


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_divergence_names_epoch_loss_and_remedy_and_keeps_the_last_finite(
    batch_size, dtype, backend
):
    options = {"batch_size": batch_size, "optimizer": dl.SGD(30.0)}
    net, twin = (dl.Network([3, 2], dtype=dtype, backend=backend, seed=1) for _ in range(2))
    with pytest.raises(dl.DivergenceError) as caught:
        net.fit(X, Y, epochs=10_000, **options)
    error = caught.value
    assert error.epoch > 1
    history = twin.fit(X, Y, epochs=error.epoch - 1, **options)
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert np.isfinite(net.theta).all()
    assert error.last_loss == history.loss[-1]
    assert error.history.loss == history.loss
    text = str(error)
    assert f"in epoch {error.epoch} (last finite loss {error.last_loss:.6g}" in text
    assert text.startswith(("loss became nan", "loss became inf", "parameters became"))
    assert "learning_rate=30); lower learning_rate or scale X to unit variance" in text


def test_divergence_in_the_first_epoch_restores_the_initial_values():
    net = dl.Network([3, 2])
    before = net.theta.tobytes()
    with pytest.raises(dl.DivergenceError, match="epoch 1 .*no epoch was finite") as caught:
        net.fit(X, Y, batch_size=1, epochs=5, optimizer=dl.SGD(1e30))
    assert net.theta.tobytes() == before
    assert caught.value.last_loss is None
    assert len(caught.value.history) == 0


def test_parameters_that_overflow_after_a_finite_loss_are_divergence():
    net = dl.Network([1, 1], init="zeros")
    with pytest.raises(dl.DivergenceError, match="parameters became infinite in epoch 1"):
        net.fit([[1e20]], [1e18], epochs=1, optimizer=dl.SGD(10.0))
    assert not net.theta.any()


def test_network_can_be_trained_after_divergence():
    net = dl.Network([3, 2])
    with pytest.raises(dl.DivergenceError):
        net.fit(X, Y, batch_size=1, optimizer=dl.SGD(1e30))
    assert net.fit(X, Y, epochs=2, optimizer=dl.SGD(0.01)).loss[-1] < 1e3


def test_divergence_error_survives_pickling():
    with pytest.raises(dl.DivergenceError) as caught:
        dl.Network([3, 2]).fit(X, Y, epochs=1000, optimizer=dl.SGD(30.0))
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (str(twin), twin.epoch, twin.last_loss) == (
        str(caught.value), caught.value.epoch, caught.value.last_loss,
    )  # fmt: skip
    assert twin.history.loss == caught.value.history.loss


def test_parameters_that_were_never_finite_are_not_blamed_on_the_learning_rate():
    net = new_net()
    net.W[0][0, 0] = np.nan
    with pytest.raises(dl.DeltaloopError) as caught:
        net.fit(X, Y, epochs=1)
    assert "back in place" not in str(caught.value)


# Ctrl-C


@pytest.mark.parametrize("epoch", [1, 2, 4])
def test_interrupt_keeps_finished_epochs_and_a_usable_network(epoch):
    def progress(now, fraction, history):
        if now == epoch:
            raise KeyboardInterrupt

    net = new_net()
    history = net.fit(X, Y, epochs=9, progress=progress, validation_data=(X_OTHER, Y_OTHER))
    assert history.stop_reason == "interrupted"
    assert len(history.loss) == len(history.validation_loss) == len(history.seconds) == epoch - 1
    assert "interrupted" in repr(history)
    assert np.isfinite(net.predict(X)).all()
    assert net.fit(X, Y, epochs=2).stop_reason == "epochs"


def test_interrupt_while_watching_leaves_no_half_row(monkeypatch):
    net, calls = new_net(), []

    def interrupted(*data):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return 0.5

    # the loss of the validation data is where Ctrl-C arrives
    name = "mean_loss" if hasattr(net, "mean_loss") else "_mean_loss"
    monkeypatch.setattr(net, name, interrupted)
    history = net.fit(X, Y, epochs=9, validation_data=(X, Y))
    assert history.stop_reason == "interrupted"
    assert len(history.loss) == len(history.validation_loss) == len(history.seconds) == 2


def test_interrupt_of_a_diverging_epoch_leaves_finite_parameters():
    def progress(*_):
        raise KeyboardInterrupt

    net = dl.Network([3, 2])
    try:
        net.fit(X, Y, batch_size=1, optimizer=dl.SGD(1e30), progress=progress)
    except dl.DivergenceError:
        pass
    assert np.isfinite(net.theta).all()


LONG_RUN = """
    import json, signal, sys
    import numpy as np
    import deltaloop as dl

    signal.signal(signal.SIGINT, signal.default_int_handler)  # in background jobs it is ignored
    n, epochs = {n}, {epochs}
    data = np.random.default_rng(0).normal(size=(n, 12)).astype("f4")
    net = dl.Network([10, 16, 2])
    said = []

    def progress(epoch, fraction, history):
        if not said:
            said.append(print("ready", flush=True))

    history = net.fit(data[:, :10], data[:, 10:], epochs=epochs, progress=progress, batch_size=1)
    again = net.fit(data[:9, :10], data[:9, 10:], epochs=1)
    print(json.dumps([history.to_dict(), bool(np.isfinite(net.theta).all()), again.stop_reason]))
"""


@pytest.mark.parametrize(("n", "epochs"), [(100, 10**9), (500_000, 1000)])
def test_ctrl_c_ends_training_within_a_moment(n, epochs):
    script = textwrap.dedent(LONG_RUN).format(n=n, epochs=epochs)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
            time.sleep(0.1)
            begin = time.perf_counter()
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=20)
            seconds = time.perf_counter() - begin
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
    history, finite, again = json.loads(out)
    assert history["stop_reason"] == "interrupted"
    assert len(history["loss"]) == len(history["seconds"]) < epochs
    assert finite
    assert again == "epochs"
    assert seconds < 2
