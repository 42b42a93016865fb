"""fit with optimisers that look at all samples: what they reach, record, refuse, and their end."""

import copy
import pickle
import sys
import threading

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from deltaloop.kernels import least_squares
from deltaloop.training import whole_batch

BACKENDS = kernels.available()
OPTIMIZERS = [dl.LevenbergMarquardt(), dl.SCG(), dl.LBFGS()]
IDS = ["lm", "scg", "lbfgs"]
every = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=IDS)


def sine(n_samples=40, dtype="float64"):
    X = np.linspace(-1, 1, n_samples).reshape(-1, 1)
    return X.astype(dtype), np.sin(np.pi * X).astype(dtype)


def new_net(seed=0, dtype="float64", **options):
    return dl.Network([1, 5, 1], activation="tanh", dtype=dtype, seed=seed, **options)


def test_one_period_of_a_sine_is_learned_from_most_starts():
    # to a mean squared error of 0.002; the loss has the factor 1/2
    X, Y = sine()
    reached = 0
    for seed in range(30):
        history = new_net(seed).fit(
            X, Y, optimizer=dl.LevenbergMarquardt(), epochs=200, target_loss=0.001
        )
        reached += history.stop_reason == "target_loss"
    assert reached >= 25


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_linear_network_becomes_the_least_squares_solution(optimizer, dtype):
    generator = np.random.default_rng(0)
    X, Y = generator.normal(size=(60, 3)), generator.normal(size=(60, 2))
    net = dl.Network([3, 2], dtype=dtype)
    history = net.fit(X, Y, optimizer=optimizer, epochs=300)
    solution, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(60)]), Y, rcond=None)
    allowed = 1e-5 if dtype == "float32" else 1e-6
    assert np.abs(net.W[0] - solution[:3].T).max() <= allowed
    assert np.abs(net.b[0] - solution[3]).max() <= allowed
    assert history.stop_reason == "gradient"
    assert history.loss[-1] == pytest.approx(net.loss(X, Y), rel=1e-5)


@every
def test_the_minimum_is_that_of_scipy(optimizer):
    # a problem with one minimum near the start: both go there
    from scipy.optimize import least_squares

    generator = np.random.default_rng(1)
    X = generator.normal(size=(200, 2))
    Y = 0.7 * np.tanh(X @ [[0.5], [-1.0]] + 0.2) + 0.1 * generator.uniform(-1, 1, (200, 1))
    net = dl.Network(2, [dl.Dense(1, "tanh")], dtype="float64")
    twin = copy.deepcopy(net)

    def errors(parameters):
        twin.theta[used] = parameters
        return (twin.predict(X) - Y).ravel()

    used = np.array([0, 4, 8])  # W, in rows of 4, and b
    assert used.size == net.n_parameters
    found = least_squares(errors, net.theta[used], method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    net.fit(X, Y, optimizer=optimizer, epochs=500)
    assert net.theta[used] == pytest.approx(found.x, abs=1e-5)
    assert net.loss(X, Y) == pytest.approx(found.cost / 200, rel=1e-10)


@every
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_loss_but_that_before_is_lower_and_the_last_is_that_of_the_network(
    optimizer, backend
):
    X, Y = sine()
    net = new_net(backend=backend)
    before = net.loss(X, Y)
    history = net.fit(X, Y, optimizer=optimizer, epochs=12)
    assert (np.diff([before, *history.loss]) <= 0).all()
    assert history.loss[-1] < 0.5 * before
    assert history.loss[-1] == pytest.approx(net.loss(X, Y), rel=1e-12)
    assert len(history) == len(history.loss) == 12
    assert history.stop_reason == "epochs"
    assert min(history.seconds) > 0


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_fit_gives_the_same_bits(optimizer, dtype):
    X, Y = sine(300, dtype)
    first, again = new_net(dtype=dtype), new_net(dtype=dtype)
    histories = [net.fit(X, Y, optimizer=optimizer, epochs=20) for net in (first, again)]
    assert first.theta.tobytes() == again.theta.tobytes()
    assert histories[0].loss == histories[1].loss


@every
def test_who_looks_on_changes_nothing(optimizer):
    X, Y = sine()
    alone, seen, validated = new_net(), new_net(), new_net()
    history = alone.fit(X, Y, optimizer=optimizer, epochs=15)
    calls = []
    options = {"optimizer": optimizer, "epochs": 15}
    seen.fit(X, Y, progress=lambda *state: calls.append(state[:2]), **options)
    watched = validated.fit(X, Y, validation_data=(X, Y), **options)
    assert seen.theta.tobytes() == validated.theta.tobytes() == alone.theta.tobytes()
    assert calls == [(epoch, 1.0) for epoch in range(1, 16)]
    assert watched.loss == history.loss
    assert watched.validation_loss == pytest.approx(history.loss, rel=1e-12)


@every
def test_target_loss_ends_training_at_the_first_epoch_that_has_it(optimizer):
    X, Y = sine()
    history = new_net().fit(X, Y, optimizer=optimizer, epochs=500, target_loss=1e-2)
    assert history.stop_reason == "target_loss"
    assert history.loss[-1] <= 1e-2 < history.loss[-2]
    watched = new_net().fit(
        X, Y, optimizer=optimizer, epochs=500, target_loss=1e-2, validation_data=(X, Y)
    )
    assert len(watched) == len(history)
    assert watched.stop_reason == "target_loss"


@every
def test_patience_watches_the_validation_data(optimizer):
    X, Y = sine()
    far = (X, -Y)  # gets worse while X, Y is learned
    history = new_net().fit(X, Y, optimizer=optimizer, epochs=500, validation_data=far, patience=3)
    assert history.stop_reason == "patience"
    best = int(np.argmin(history.validation_loss))
    assert len(history) == best + 4


@every
def test_patience_and_tol_watch_the_training_data_too(optimizer):
    X, Y = sine()
    history = new_net().fit(X, Y, optimizer=optimizer, epochs=500, tol=0.05, patience=2)
    assert history.stop_reason == "patience"
    assert 2 <= len(history) < 100


@every
def test_an_interrupt_ends_training_with_what_was_learned(optimizer):
    X, Y = sine()

    def stop(epoch, fraction, history):
        if epoch == 4:
            raise KeyboardInterrupt

    net, twin = new_net(), new_net()
    history = net.fit(X, Y, optimizer=optimizer, epochs=50, progress=stop)
    assert history.stop_reason == "interrupted"
    assert len(history.loss) == len(history.seconds) == 4
    twin.fit(X, Y, optimizer=optimizer, epochs=4)
    assert net.theta.tobytes() == twin.theta.tobytes()


@every
def test_a_loss_that_overflows_is_divergence(optimizer):
    X, Y = sine()
    net = new_net()
    before = net.theta.tobytes()
    with pytest.raises(
        dl.DivergenceError, match=r"loss became inf in epoch 1 \(no epoch was finite\); scale X"
    ) as caught:
        net.fit(X, 1e200 * Y, optimizer=optimizer)
    assert net.theta.tobytes() == before
    assert len(caught.value.history) == 0


@every
def test_a_validation_loss_that_overflows_is_divergence(optimizer):
    X, Y = sine()
    net = new_net()
    before = net.theta.tobytes()
    with pytest.raises(dl.DivergenceError, match="validation loss became inf in epoch 1"):
        net.fit(X, Y, optimizer=optimizer, validation_data=(X, 1e200 * Y))
    assert net.theta.tobytes() == before


@every
def test_a_network_at_its_minimum_stays_there(optimizer):
    X, Y = sine()
    net = new_net()
    Y = net.predict(X)
    before = net.theta.tobytes()
    history = net.fit(X, Y, optimizer=optimizer)
    assert (len(history), history.stop_reason) == (0, "gradient")
    assert net.theta.tobytes() == before


@pytest.mark.parametrize(
    ("optimizer", "reason"),
    [
        (dl.LevenbergMarquardt(min_gradient=0), "mu"),
        (dl.SCG(min_gradient=0), "no_progress"),
        (dl.LBFGS(min_gradient=0), "no_progress"),
    ],
    ids=IDS,
)
def test_training_ends_where_no_step_lowers_the_loss(optimizer, reason):
    generator = np.random.default_rng(0)
    X, Y = generator.normal(size=(30, 2)), generator.normal(size=(30, 1))
    net = dl.Network([2, 1], dtype="float64")
    history = net.fit(X, Y, optimizer=optimizer, epochs=5000)
    assert history.stop_reason in (reason, "gradient")
    assert history.stop_reason == reason or np.abs(net.gradient(X, Y)).max() == 0


@every
def test_samples_in_blocks_give_the_same_gradient(optimizer, monkeypatch):
    # blocks of 100 samples, of which those of weight 0 fill one
    X, Y = sine(350, "float32")
    weights = np.ones(350)
    weights[100:200] = 0
    whole, parts = new_net(dtype="float32"), new_net(dtype="float32")
    options = {"optimizer": optimizer, "epochs": 5, "sample_weight": weights}
    expected = whole.fit(X, Y, **options)
    monkeypatch.setattr(whole_batch, "_BLOCK", 100)
    found = parts.fit(X, Y, **options)
    assert found.loss == pytest.approx(expected.loss, rel=1e-7)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sparse_rows_are_learned_as_dense_ones(optimizer, dtype, monkeypatch):
    from scipy.sparse import csr_matrix

    generator = np.random.default_rng(3)
    X = generator.normal(size=(120, 4)) * (generator.random((120, 4)) < 0.4)
    X, Y = X.astype(dtype), generator.normal(size=(120, 2)).astype(dtype)
    nets = [dl.Network([4, 3, 2], activation="tanh", dtype=dtype) for _ in range(4)]
    options = {"optimizer": optimizer, "epochs": 6}
    expected = nets[0].fit(X, Y, **options).loss
    assert nets[1].fit(csr_matrix(X), Y, **options).loss == pytest.approx(expected, rel=1e-9)
    assert nets[2].fit(X, Y, sparse=True, **options).loss == pytest.approx(expected, rel=1e-9)
    monkeypatch.setattr(whole_batch, "_BLOCK", 100)
    assert nets[3].fit(csr_matrix(X), Y, **options).loss == pytest.approx(expected, rel=1e-9)


@every
def test_a_sample_of_weight_two_is_that_sample_twice(optimizer):
    X, Y = sine()
    weights = np.random.default_rng(0).integers(0, 3, 40)
    weighted, repeated = new_net(), new_net()
    history = weighted.fit(X, Y, optimizer=optimizer, epochs=8, sample_weight=weights)
    twice = repeated.fit(np.repeat(X, weights)[:, None], np.repeat(Y, weights)[:, None],
                         optimizer=optimizer, epochs=8)  # fmt: skip
    assert history.loss == pytest.approx(twice.loss, rel=1e-6)


@every
def test_scaling_bias_and_several_outputs(optimizer):
    generator = np.random.default_rng(5)
    X = 100 + 30 * generator.normal(size=(150, 3))
    Y = np.column_stack([X.sum(axis=1), 1e3 * np.sin(X[:, 0] / 30)])
    net = dl.Network(
        3, [dl.Dense(9, "tanh", bias=False), dl.Dense(2, "identity", bias=False)], dtype="float64"
    )
    net.scaling = dl.Scaling.standardize(X, Y)
    before = net.loss(X, Y)
    history = net.fit(X, Y, optimizer=optimizer, epochs=100)
    assert history.loss[-1] < 0.2 * before
    assert not np.delete(net.theta, _places(net)).any()  # the padding
    assert np.std(net.predict(X) - Y, axis=0) == pytest.approx(0, abs=0.5 * Y.std())


def _places(net):
    from deltaloop.kernels.least_squares import columns_of

    return columns_of(net.plan)


@pytest.mark.parametrize("optimizer", OPTIMIZERS[1:], ids=IDS[1:])
@pytest.mark.parametrize("loss", ["cross_entropy", "huber"])
def test_other_losses_are_lowered_too(optimizer, loss):
    generator = np.random.default_rng(7)
    X = generator.normal(size=(90, 2))
    Y = (X[:, 0] > 0).astype(int) if loss == "cross_entropy" else X
    net = dl.Network([2, 4, 2], activation="tanh", loss=loss)
    before = net.loss(X, Y)
    assert net.fit(X, Y, optimizer=optimizer, epochs=60).loss[-1] < 0.1 * before


def own_loss():
    return dl.custom_loss("fourth power", lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3)


@pytest.mark.parametrize("loss", ["huber", "binary_cross_entropy"])
def test_least_squares_refuses_other_losses_and_names_the_way_out(loss):
    net = dl.Network([1, 2, 1], loss=loss)
    before = net.theta.tobytes()
    with pytest.raises(dl.InvalidInputError, match=rf"sum of squares.*{loss}.*SCG\(\) or LBFGS"):
        net.fit([[0.5]], [[0.5]], optimizer=dl.LevenbergMarquardt())
    assert net.theta.tobytes() == before


def test_least_squares_refuses_a_loss_of_ones_own():
    X, Y = sine()
    net = dl.Network([1, 5, 1], activation="tanh", loss=own_loss())
    with pytest.raises(dl.InvalidInputError, match=r"sum of squares.*one of your own.*SCG"):
        net.fit(X, Y, optimizer=dl.LevenbergMarquardt())
    before = net.loss(X, Y)
    assert net.fit(X, Y, optimizer=dl.SCG(), epochs=20).loss[-1] < 0.5 * before


def test_activations_of_ones_own_are_computed_in_float64():
    soft = dl.custom_activation("soft", lambda z: z / (1 + abs(z)), lambda z, a: (1 - abs(a)) ** 2)
    X, Y = sine()
    net = dl.Network([1, 5, 1], activation=soft, dtype="float32")
    before = net.loss(X, Y)
    assert net.fit(X, Y, optimizer=dl.LevenbergMarquardt(), epochs=20).loss[-1] < 0.1 * before


@every
def test_mini_batches_are_refused_with_the_reason(optimizer):
    X, Y = sine()
    net = new_net()
    with pytest.raises(
        dl.InvalidInputError, match=r"n_samples = 40, got 10: \w+ compares the loss"
    ):
        net.fit(X, Y, optimizer=optimizer, batch_size=10)
    net.fit(X, Y, optimizer=optimizer, batch_size=40, epochs=1)


@every
def test_several_threads_are_refused(optimizer):
    X, Y = sine()
    with pytest.raises(dl.InvalidInputError, match="computes in one thread"):
        new_net().fit(X, Y, optimizer=optimizer, n_threads=2)


@every
def test_single_samples_are_refused_with_the_reason(optimizer):
    net = new_net()
    net.optimizer = optimizer
    before = net.theta.tobytes()
    for learn in (
        lambda: net.learn_one([0.5], [0.5]),
        lambda: net.learn_batch([[0.5]], [[0.5]]),
        lambda: net.stream().learn([0.5], [0.5]),
        lambda: net.session(),
        lambda: dl.Network([1, 1]).session(optimizer=optimizer),
    ):
        with pytest.raises(dl.InvalidInputError, match="looks at all samples before every step"):
            learn()
    assert net.theta.tobytes() == before
    assert net.predict_one([0.5]) == net.predict([[0.5]])[0]


@every
def test_the_optimiser_of_the_network_is_that_of_fit(optimizer):
    X, Y = sine()
    net, twin = new_net(), new_net()
    net.optimizer = optimizer
    assert net.fit(X, Y, epochs=5).loss == twin.fit(X, Y, epochs=5, optimizer=optimizer).loss
    net.optimizer = dl.Adam()
    net.learn_one(X[0], Y[0])  # not refused any more


@every
def test_copies_and_files_keep_it(optimizer, tmp_path):
    net = new_net()
    net.optimizer = dl.Adam()
    net.learn_one([0.5], [0.5])
    net.optimizer = optimizer
    net.save(tmp_path / "net.npz")
    for other in (
        copy.deepcopy(net), pickle.loads(pickle.dumps(net)), dl.load(tmp_path / "net.npz")
    ):  # fmt: skip
        assert other.optimizer == optimizer
        with pytest.raises(dl.InvalidInputError, match="looks at all samples"):
            other.learn_one([0.5], [0.5])
        other.use_backend("reference")
        with pytest.raises(dl.InvalidInputError, match="looks at all samples"):
            other.learn_one([0.5], [0.5])
        other.optimizer = dl.SGD()
        other.learn_one([0.5], [0.5])


@every
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "cosine"}, "has no learning rate; leave schedule out"),
        ({"resume": True}, "keeps nothing but the parameters"),
        ({"checkpoint": "folder"}, "leave checkpoint out"),
    ],
)
def test_what_needs_a_learning_rate_or_a_state_is_refused(optimizer, options, message):
    with pytest.raises(dl.InvalidInputError, match=message):
        new_net().fit(*sine(), optimizer=optimizer, **options)


@every
def test_dropout_is_refused(optimizer):
    net = dl.Network([1, 5, 1], activation="tanh", dropout=0.5)
    with pytest.raises(dl.InvalidInputError, match="has no dropout, noise, masks"):
        net.fit(*sine(), optimizer=optimizer)


@every
def test_batches_as_they_come_are_refused(optimizer):
    with pytest.raises(dl.InvalidInputError, match=r"batches come one by one; give X and Y"):
        new_net().fit(lambda: iter([sine()]), optimizer=optimizer)


@every
def test_a_fit_after_it_cannot_resume_what_is_not_kept(optimizer):
    net = new_net()
    net.fit(*sine(), optimizer=optimizer, epochs=2)
    with pytest.raises(dl.InvalidInputError, match="this network has none"):
        net.fit(*sine(), optimizer=dl.SGD(), resume=True)


@every
def test_the_state_in_a_file_is_none(optimizer, tmp_path):
    net = new_net(dtype="float32")
    net.optimizer = optimizer
    net.fit(*sine(), epochs=2)
    net.save(tmp_path / "net.npz", state=True)
    other = dl.load(tmp_path / "net.npz")
    assert other.optimizer == optimizer
    assert other.theta.tobytes() == net.theta.tobytes()


@every
def test_metrics_restore_best_and_a_split_work_as_elsewhere(optimizer):
    X, Y = sine(60)
    Y = Y + 0.3 * np.random.default_rng(0).normal(size=Y.shape)
    net = new_net()
    history = net.fit(
        X, Y, optimizer=optimizer, epochs=40, validation_split=0.3, metrics=["mae"],
        restore_best=True,
    )  # fmt: skip
    assert len(history.metrics["mae"]) == len(history.validation_loss) == len(history)
    assert history.best_epoch == np.argmin(history.validation_loss) + 1
    assert not history.learning_rate
    again = new_net()
    shorter = again.fit(X, Y, optimizer=optimizer, epochs=history.best_epoch, validation_split=0.3)
    assert shorter.loss == history.loss[: history.best_epoch]
    assert again.theta.tobytes() == net.theta.tobytes()


@every
def test_callbacks_are_told_of_every_step_and_may_end_it(optimizer):
    steps = []

    def tell(state):
        steps.append((state.step, state.epoch))
        return state.step == 6

    history = new_net().fit(
        *sine(), optimizer=optimizer, epochs=40, callbacks=[dl.callbacks.every(3, tell)]
    )
    assert steps == [(3, 3), (6, 6)]
    assert len(history) == 6
    assert history.stop_reason.startswith("callback")


@every
def test_time_is_limited_by_max_seconds(optimizer):
    history = new_net().fit(*sine(), optimizer=optimizer, epochs=10**6, max_seconds=0.0)
    assert (len(history), history.stop_reason) == (1, "max_seconds")


def test_least_squares_is_left_between_two_blocks_of_samples(monkeypatch):
    # a block per call, as where one takes 50 ms: progress is told, and Ctrl-C heard
    X, Y = sine(1000)
    monkeypatch.setattr(whole_batch, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(least_squares, "_FIRST", 1)
    seen = []
    net, twin = new_net(), new_net()
    net.fit(
        X, Y, optimizer=dl.LevenbergMarquardt(), epochs=3,
        progress=lambda epoch, fraction, history: seen.append((epoch, fraction)),
    )  # fmt: skip
    assert len(seen) > 6
    assert all(0 <= fraction <= 1 for _, fraction in seen)
    monkeypatch.undo()
    twin.fit(X, Y, optimizer=dl.LevenbergMarquardt(), epochs=3)
    assert net.theta.tobytes() == twin.theta.tobytes()


@every
def test_x_in_a_file_is_read_where_it_lies_or_refused(optimizer, tmp_path):
    X, Y = sine(50)
    for dtype in ("float64", "float32"):
        np.save(tmp_path / f"{dtype}.npy", X.astype(dtype))
    same, other = (np.load(tmp_path / f"{d}.npy", mmap_mode="r") for d in ("float64", "float32"))
    net, twin = new_net(), new_net()
    expected = twin.fit(X, Y, optimizer=optimizer, epochs=3)
    assert net.fit(same, Y, optimizer=optimizer, epochs=3).loss == expected.loss
    with pytest.raises(dl.InvalidInputError, match="X in a file would be converted each time"):
        net.fit(other, Y, optimizer=optimizer)


@every
def test_parameters_that_are_not_finite_are_refused(optimizer):
    net = new_net()
    net.theta[0] = np.nan
    with pytest.raises(dl.InvalidInputError, match="parameters that are nan or infinite"):
        net.fit(*sine(), optimizer=optimizer)


@every
def test_readers_meanwhile_see_parameters_after_a_step(optimizer):
    X, Y = sine(2000)
    net, done, failed = new_net(), threading.Event(), []

    def read():
        while not done.is_set():
            if not np.isfinite(net.predict(X[:3])).all():
                failed.append(True)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        net.fit(X, Y, optimizer=optimizer, epochs=30)
    finally:
        done.set()
        reader.join()
    assert not failed


@every
def test_training_a_network_that_is_trained_already_is_refused(optimizer):
    X, Y = sine()
    net = new_net()

    def again(*_):
        net.fit(X, Y, optimizer=optimizer)

    with pytest.raises(dl.BusyError):
        net.fit(X, Y, optimizer=optimizer, progress=again)


def test_without_scipy_lbfgs_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    net = new_net()
    with pytest.raises(dl.MissingDependencyError, match="LBFGS needs the package 'scipy'"):
        net.fit(*sine(), optimizer=dl.LBFGS())
    assert net.fit(*sine(), optimizer=dl.SCG(), epochs=2).stop_reason == "epochs"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: dl.LevenbergMarquardt(mu=0), r"mu must be finite and > 0, got 0"),
        (lambda: dl.LevenbergMarquardt(increase=1), r"increase must be finite and > 1, got 1"),
        (lambda: dl.LevenbergMarquardt(decrease=1.0), r"decrease must be in \(0, 1\), got 1"),
        (lambda: dl.LevenbergMarquardt(min_gradient=-1), r"min_gradient must be finite and >= 0"),
        (lambda: dl.LBFGS(memory=0), r"memory must be a whole number >= 1, got 0"),
        (lambda: dl.SCG(sigma=float("nan")), r"sigma must be finite"),
        (lambda: dl.LevenbergMarquardt(mu_dec=0.1), r"write LevenbergMarquardt\(decrease=0.1\)"),
        (lambda: dl.LevenbergMarquardt(max_fail=6), r"patience=6"),
        (lambda: dl.LBFGS(history_size=5), r"write LBFGS\(memory=10\)"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, message):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match=message):
        wrong()


@every
def test_settings_become_plain_numbers_and_cannot_be_changed(optimizer):
    given = dl.LevenbergMarquardt(mu=np.float32(0.5))
    assert type(given.mu) is float
    with pytest.raises(AttributeError):
        optimizer.min_gradient = 1.0


@pytest.mark.parametrize(
    ("name", "ours"),
    [("trainlm", "LevenbergMarquardt"), ("trainscg", "SCG"), ("torch.optim.LBFGS", "LBFGS")],
)
def test_names_elsewhere_lead_here(name, ours):
    with pytest.raises(dl.InvalidTypeError, match=rf"write {ours}\(\)"):
        new_net().fit(*sine(), optimizer=name)
