"""The door: each network of an ensemble is the Network with its seed."""

import warnings

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import Dense

X, Y = dl.datasets.load("iris")
X = (X - X.mean(axis=0)) / X.std(axis=0)
X, Y = X[::3], Y[::3]
SHAPE = {"activation": "tanh", "loss": "cross_entropy"}


def alone(ens, k, dtype="float32", backend="auto"):
    return dl.Network([4, 5, 3], seed=int(ens.seeds[k]), dtype=dtype, backend=backend, **SHAPE)


def test_initial_parameters_are_those_of_the_network_with_that_seed():
    ens = dl.Ensemble([4, 5, 3], n=7, **SHAPE)
    for k in range(7):
        assert (ens[k].parameters == alone(ens, k).parameters).all()
        assert (ens.parameters[k] == alone(ens, k).parameters).all()
    layers = [Dense(6, "relu", init="he_normal", bias_init=0.1), Dense(2, "identity", bias=False)]
    ens = dl.Ensemble(3, layers, seeds=[5, 9])
    assert (ens[1].parameters == dl.Network(3, layers, seed=9).parameters).all()


HOW = [
    {"optimizer": dl.SGD(0.3), "batch_size": 1},
    {"optimizer": dl.SGD(0.1, momentum=0.9, nesterov=True), "batch_size": 7},
    {"optimizer": dl.Adam(0.01, l2=0.01), "batch_size": 1, "shuffle": False},
    {"optimizer": dl.AdamW(0.01), "validation_data": (X[::2], Y[::2]), "patience": 2},
]


@pytest.mark.parametrize("how", HOW, ids=range(len(HOW)))
def test_reference_gives_the_bits_of_the_network(how):
    ens = dl.Ensemble([4, 5, 3], n=3, dtype="float64", backend="reference", **SHAPE)
    history = ens.fit(X, Y, epochs=3, **how)
    for k in range(3):
        net = alone(ens, k, "float64", "reference")
        found = net.fit(X, Y, epochs=3, **how)
        assert (ens.parameters[k] == net.parameters).all()
        assert history.loss[: len(found), k].tolist() == found.loss
        assert history.n_epochs[k] == len(found)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("how", HOW, ids=range(len(HOW)))
def test_compiled_gives_the_network_within_rounding(how, dtype):
    ens = dl.Ensemble([4, 5, 3], seeds=100, n=19, dtype=dtype, **SHAPE)
    history = ens.fit(X, Y, epochs=3, **how)
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    for k in (0, 7, 18):
        net = alone(ens, k, dtype)
        found = net.fit(X, Y, epochs=3, **how)
        np.testing.assert_allclose(
            ens.parameters[k], net.parameters, rtol=tolerance, atol=tolerance
        )
        np.testing.assert_allclose(history.loss[:, k], found.loss, rtol=tolerance)
        # the next order of samples is the same, too
        again = ens[k].generator.permutation(50), net.generator.permutation(50)
        assert (again[0] == again[1]).all()


def test_numbers_of_every_network():
    rates, momenta = np.linspace(0.01, 0.3, 18), np.linspace(0, 0.9, 18)
    decays = np.linspace(0, 0.1, 18)
    ens = dl.Ensemble([4, 5, 3], n=18, **SHAPE)
    ens.fit(
        X, Y, epochs=2, learning_rate=rates, momentum=momenta, weight_decay=decays,
        optimizer=dl.SGD(),
    )  # fmt: skip
    for k in (0, 9, 17):
        net = alone(ens, k)
        net.fit(
            X, Y, epochs=2,
            optimizer=dl.SGD(rates[k], momentum=momenta[k], weight_decay=decays[k]),
        )  # fmt: skip
        np.testing.assert_allclose(ens.parameters[k], net.parameters, rtol=1e-4, atol=1e-5)


def test_samples_and_weights_of_every_network():
    own = np.stack([np.roll(X, k, axis=0) for k in range(17)])
    targets = np.stack([np.roll(Y, k) for k in range(17)])
    weights = np.random.default_rng(0).integers(0, 3, (17, len(X)))
    ens = dl.Ensemble([4, 5, 3], n=17, **SHAPE)
    ens.fit(own, targets, epochs=2, sample_weight=weights, validation_data=(own, targets))
    for k in (0, 16):
        net = alone(ens, k)
        net.fit(own[k], targets[k], epochs=2, sample_weight=weights[k])
        np.testing.assert_allclose(ens.parameters[k], net.parameters, rtol=1e-4, atol=1e-5)
    assert ens.predict(own).shape == (17, len(X), 3)
    np.testing.assert_allclose(ens.predict(own)[16], ens[16].predict(own[16]), atol=1e-5)
    np.testing.assert_allclose(ens.loss(own, targets)[16], ens[16].loss(own[16], targets[16]))


def test_early_ends_and_the_best_of_each():
    how = {"epochs": 40, "patience": 2, "restore_best": True, "validation_data": (X[::2], Y[::2])}
    ens = dl.Ensemble([4, 5, 3], n=33, dtype="float64", **SHAPE)
    rates = np.geomspace(0.01, 5, 33)
    history = ens.fit(X, Y, learning_rate=rates, **how)
    assert len(set(history.n_epochs)) > 3
    for k in (3, 20, 32):
        net = alone(ens, k, "float64")
        found = net.fit(X, Y, optimizer=dl.SGD(rates[k]), **how)
        assert (history.n_epochs[k], history.best_epoch[k]) == (len(found), found.best_epoch)
        assert history.stop_reason[k] == found.stop_reason
        np.testing.assert_allclose(ens.parameters[k], net.parameters, rtol=1e-9, atol=1e-9)
    assert np.isnan(history.loss[history.n_epochs[3] :, 3]).all()
    assert "networks" in repr(history)
    last = history.validation_loss[history.n_epochs[5] - 1, 5]
    assert history.last_loss[5] == last


def test_epochs_of_every_network():
    ens = dl.Ensemble([4, 5, 3], n=20, **SHAPE)
    history = ens.fit(X, Y, epochs=np.arange(1, 21))
    assert history.n_epochs.tolist() == list(range(1, 21))
    net = alone(ens, 4)
    net.fit(X, Y, epochs=5)
    np.testing.assert_allclose(ens.parameters[4], net.parameters, rtol=1e-4, atol=1e-5)


def test_threads_give_the_same_bits():
    found = []
    for n_threads in (1, 3):
        ens = dl.Ensemble([4, 5, 3], n=70, **SHAPE)
        ens.fit(X, Y, epochs=2, n_threads=n_threads)
        found.append((ens.parameters.tobytes(), ens.predict(X, n_threads).tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("n_threads", [1, 3])
def test_wide_networks_go_one_by_one_with_the_bits_of_each(n_threads):
    ens = dl.Ensemble([4, 60, 3], n=4, **SHAPE)
    history = ens.fit(
        X, Y, epochs=[3, 2, 3, 3], batch_size=10, learning_rate=[0.1, 0.2, 0.3, 0.4],
        n_threads=n_threads, restore_best=True, validation_data=(X, Y),
    )  # fmt: skip
    assert history.n_epochs.tolist() == [3, 2, 3, 3]
    net = dl.Network([4, 60, 3], seed=1, **SHAPE)
    found = net.fit(
        X, Y, epochs=2, batch_size=10, optimizer=dl.SGD(0.2), restore_best=True,
        validation_data=(X, Y),
    )  # fmt: skip
    assert (ens.parameters[1] == net.parameters).all()
    assert history.validation_loss[:2, 1].tolist() == found.validation_loss
    assert (ens.predict(X)[1] == net.predict(X)).all()


@pytest.mark.parametrize("n_watched", [7, 700])
def test_each_network_watches_samples_of_its_own(n_watched):
    rng = np.random.default_rng(4)
    own, targets = rng.normal(size=(18, n_watched, 4)), rng.integers(3, size=(18, n_watched))
    ens = dl.Ensemble([4, 5, 3], n=18, **SHAPE)
    data = np.stack([X] * 18), np.stack([Y] * 18)
    history = ens.fit(*data, epochs=2, validation_data=(own, targets))
    for k in range(18):
        expected = ens[k].loss(own[k], targets[k])
        assert history.validation_loss[1, k] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 10])
def test_a_network_that_diverges_harms_no_other(batch_size):
    found, T = [], dl.one_hot(Y.astype(int), 3)
    for rate in (0.1, 1e25):
        ens = dl.Ensemble([4, 5, 3], n=17, activation="relu", dtype="float32")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dl.DeltaloopWarning)
            history = ens.fit(
                X, T, epochs=6, batch_size=batch_size,
                learning_rate=np.r_[0.1, 0.05, 0.1, rate, [0.1] * 13], validation_data=(X, T),
            )  # fmt: skip
        others = [0, 1, 2, *range(4, 17)]
        losses = history.loss[:, others], history.validation_loss[:, others]
        found.append((ens.parameters[others], *losses, history.stop_reason[others]))
    assert history.stop_reason[3] == "diverged"
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("batch_size", [1, 10])
@pytest.mark.parametrize("own", [False, True])
def test_a_sample_of_weight_0_leaves_no_trace(batch_size, own):
    found, T = [], dl.one_hot(Y.astype(int), 3)
    weights = np.ones(len(X))
    weights[3] = 0
    for value in (1.0, float(np.finfo(np.float32).max)):  # z, a and the loss become infinite
        samples = X.copy()
        samples[3] = value
        ens = dl.Ensemble([4, 5, 3], n=17, activation="relu", dtype="float32")
        ens.parameters = 2 * ens.parameters
        given = (np.stack([samples] * 17), np.stack([T] * 17)) if own else (samples, T)
        each = np.stack([weights] * 17) if own else weights
        history = ens.fit(
            *given, epochs=2, batch_size=batch_size, sample_weight=each, learning_rate=0.01
        )
        found.append((ens.parameters, history.loss))
    assert np.isfinite(found[0][1]).all()
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n_out", [1, 4, 16])
@pytest.mark.parametrize("y", [1.63671875, 1.8505859375, 1.813232421875])
def test_losses_are_added_up_in_double(n_out, y):
    """16 terms at a time in float32: 15 roundings of half an ulp. All 2048 in float32 lose more."""
    ens = dl.Ensemble(1, [Dense(n_out, "identity", init="zeros")], n=17, dtype="float32")
    n = 2048
    given = np.ones((n, 1)), np.full((n, n_out), y)
    history = ens.fit(*given, epochs=1, batch_size=1, learning_rate=1e-30)
    term = float(np.float32(y) * np.float32(y)) / 2  # a is 0
    np.testing.assert_allclose(history.loss[0], n_out * term, rtol=16 * 2.0**-24)


@pytest.mark.parametrize("sizes", [[4, 5, 3], [4, 100, 3]], ids=str)
def test_those_that_diverge_are_told_of(sizes):
    rates = np.full(20, 0.1)
    rates[[2, 7]] = 1e8
    ens = dl.Ensemble(sizes, n=20, activation="relu", dtype="float32")
    T = dl.one_hot(Y.astype(int), 3)
    with pytest.warns(dl.DeltaloopWarning, match="2 of 20 networks .* number 2"):
        history = ens.fit(X, T, epochs=8, learning_rate=rates)
    assert (history.stop_reason == "diverged").nonzero()[0].tolist() == [2, 7]
    assert np.isfinite(ens.parameters).all()
    with pytest.raises(dl.DivergenceError, match="every network"):
        ens.fit(X, T, epochs=8, learning_rate=1e9)
    assert np.isfinite(ens.parameters).all()


def test_answers_of_all_together():
    ens = dl.Ensemble([4, 5, 3], n=21, **SHAPE)
    ens.fit(X, Y, epochs=2)
    out = ens.predict(X)
    assert out.shape == (21, len(X), 3) and out.dtype == np.float32
    np.testing.assert_allclose(out[20], ens[20].predict(X), atol=1e-6)
    np.testing.assert_allclose(ens.mean(X), out.mean(axis=0), atol=1e-6)
    low, high = ens.interval(X, 0.8)
    np.testing.assert_allclose(low, np.quantile(out, 0.1, axis=0), atol=1e-6)
    np.testing.assert_allclose(high, np.quantile(out, 0.9, axis=0), atol=1e-6)
    for level in (0, 1, 1.005):
        with pytest.raises(dl.InvalidInputError, match="level must be"):
            ens.interval(X, level)
    losses = ens.loss(X, Y)
    np.testing.assert_allclose(losses[5], ens[5].loss(X, Y), rtol=1e-6)
    assert ens.best(X, Y).loss(X, Y) == ens.best((X, Y)).loss(X, Y) == losses.min()
    with pytest.raises(dl.InvalidTypeError, match=r"X without Y must be a pair \(X, Y\)"):
        ens.best(X)


def test_parts_of_an_ensemble_are_their_own():
    ens = dl.Ensemble([4, 5, 3], n=10, **SHAPE)
    part = ens[[1, 8]]
    part.fit(X, Y, epochs=1)
    assert (ens.parameters[1] == alone(ens, 1).parameters).all()
    assert part.seeds.tolist() == [1, 8] and len(ens[2:5]) == 3 and len(list(ens)) == 10
    net = alone(ens, 8)
    net.fit(X, Y, epochs=1)
    np.testing.assert_allclose(part.parameters[1], net.parameters, rtol=1e-4, atol=1e-5)
    with pytest.raises(IndexError, match="10 networks"):
        ens[10]


def test_progress_of_networks_one_by_one_is_the_share_that_is_done():
    seen = []
    dl.Ensemble([4, 60, 3], n=4, **SHAPE).fit(X, Y, epochs=2, batch_size=10, progress=seen.append)
    assert seen == [0.25, 0.5, 0.75, 1.0]


def test_progress_is_told_up_to_the_end():
    seen = []
    dl.Ensemble([4, 5, 3], n=10, **SHAPE).fit(X, Y, epochs=5, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0


@pytest.mark.parametrize("sizes", [[4, 5, 3], [4, 100, 3]], ids=str)
def test_an_interrupt_ends_it_in_good_order(sizes):
    def interrupt(fraction):
        raise KeyboardInterrupt

    ens = dl.Ensemble(sizes, n=40, **SHAPE)
    history = ens.fit(X, Y, epochs=500, batch_size=10, progress=interrupt)
    assert "interrupted" in history.stop_reason
    assert 0 < history.n_epochs.max() and history.n_epochs.min() < 500
    assert np.isfinite(ens.parameters).all()
    ens.fit(X, Y, epochs=1)


def test_files(tmp_path):
    layers = [Dense(6, dl.Activation("leaky_relu", 0.2)), Dense(2, "identity", bias=False)]
    ens = dl.Ensemble(4, layers, seeds=[3, 1, 4], loss=dl.Loss("huber", threshold=0.7))
    ens.save(tmp_path / "all.npz")
    again = dl.Ensemble.load(tmp_path / "all.npz")
    assert (again.parameters == ens.parameters).all() and again.seeds.tolist() == [3, 1, 4]
    assert (again.predict(X) == ens.predict(X)).all() and again.layers == ens.layers
    assert repr(again) == repr(ens)
    ens[0].save(tmp_path / "one.npz")
    with pytest.raises(dl.FileFormatError, match="expected an ensemble"):
        dl.Ensemble.load(tmp_path / "one.npz")
    with pytest.raises(dl.FileFormatError, match="expected a saved network"):
        dl.load(tmp_path / "all.npz")
    content = (tmp_path / "all.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(dl.FileFormatError):
        dl.Ensemble.load(tmp_path / "cut.npz")
    ens.parameters[1, 2] = np.nan
    with pytest.raises(dl.InvalidInputError, match="nan"):
        ens.save(tmp_path / "all.npz")
    assert (tmp_path / "all.npz").read_bytes() == content
    with pytest.raises(dl.InvalidInputError, match="nan or infinite"):
        ens.fit(X, Y)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: dl.Ensemble(4, [Dense(5, dropout=0.1), Dense(3)]), "no dropout"),
        (lambda: dl.Ensemble(4, [Dense(5), Dense(3, shortcuts=[0])]), "no shortcuts"),
        (lambda: dl.Ensemble(4, [Dense(5, trainable=False), Dense(3)]), "no frozen layers"),
        (lambda: dl.Ensemble(4, [Dense(5, rate_of_W=0.5), Dense(3)]), "no learning rates"),
        (lambda: dl.Ensemble(4, [Dense(5, mask=np.ones((5, 4))), Dense(3)]), "no masks"),
        (lambda: dl.Ensemble([4, 5, 1], loss="gaussian_nll"), "no heads"),
        (lambda: dl.Ensemble([4, 5, 3], n=0), "n must be"),
        (lambda: dl.Ensemble([4, 5, 3], n=2, seeds=[1, 2, 3]), "3 seeds"),
        (lambda: dl.Ensemble([4, 5, 3], seeds=[]), "seeds is empty"),
        (lambda: dl.Ensemble([4, 5, 3], seeds=[1.5]), "every seed"),
        (lambda: dl.Ensemble([4, 5, 3], seeds=np.random.default_rng(0)), "range"),
        (lambda: dl.Ensemble([4, 5, 3], seed=1), "seeds=0"),
        (lambda: dl.Ensemble([4, 5, 3], n=10**15), "smaller n"),
    ],
)
def test_what_an_ensemble_does_not_have_is_refused(make, text):
    with pytest.raises(dl.DeltaloopError, match=text):
        make()


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"learning_rate": [0.1, 0.2]}, "learning_rate"),
        ({"learning_rate": [0.1, 0.2, -1]}, "learning_rate must be >= 0, got -1 for network 2"),
        ({"momentum": 1.0}, "momentum"),
        ({"momentum": [0.5, 1.0, 0.0]}, "momentum must be >= 0 and < 1, got 1 for network 1"),
        ({"momentum": 0.5, "optimizer": dl.Adam()}, "belongs to SGD"),
        ({"optimizer": dl.LBFGS()}, "mini-batches"),
        ({"optimizer": dl.Rprop(), "batch_size": 5}, "batch_size=50"),
        ({"optimizer": dl.SGD(weight_noise=0.1)}, "weight_noise"),
        ({"epochs": [1, 2]}, "3 entries"),
        ({"batch_size": 51}, "from 1 to 50"),
        ({"sample_weight": np.zeros((3, 50))}, "0 for every sample of network 0"),
        ({"sample_weight": np.ones((2, 50))}, "sample_weight"),
        ({"validation_data": X}, "pair"),
        ({"schedule": "cosine"}, "constant"),
        ({"progress": 3}, "callable"),
        ({"patience": 0}, "patience"),
    ],
)
def test_settings_that_do_not_fit_are_refused(how, text):
    ens = dl.Ensemble([4, 5, 3], n=3, **SHAPE)
    before = ens.parameters.copy()
    with pytest.raises(dl.DeltaloopError, match=text):
        ens.fit(X, Y, **how)
    assert (ens.parameters == before).all()


def test_samples_that_do_not_fit_are_refused():
    ens = dl.Ensemble([4, 5, 3], n=3, **SHAPE)
    own = np.stack([X] * 3)
    for data, text in [
        ((own[:2], Y), "shape \\(3, n_samples, 4\\)"),
        ((own, Y), "X of every network"),
        ((X, np.zeros((3, 50, 3))), "broadcast_to"),
        ((X[:, :3], Y), "4 values"),
        ((np.where(X == X[3, 1], np.nan, X), Y), "nan"),
    ]:
        with pytest.raises(dl.DeltaloopError, match=text):
            ens.fit(*data)
    for data, text in [
        (([X, X[:3]], Y), "different lengths"),
        ((None, Y), "X must be an array"),
        ((X, 3), "Y must be an array"),
    ]:
        with pytest.raises(dl.DeltaloopError, match=text):
            ens.fit(*data)
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(dl.InvalidTypeError, match="toarray"):
        ens.fit(sparse.csr_array(X), Y)


@pytest.mark.parametrize("own", [False, True])
def test_samples_are_taken_up_to_a_number(own, monkeypatch):
    from deltaloop.ensemble import arguments

    monkeypatch.setattr(arguments, "_MOST_ROWS", 49)
    ens = dl.Ensemble([4, 5, 3], n=3, **SHAPE)
    data = (np.stack([X] * 3), np.stack([Y] * 3)) if own else (X, Y)
    with pytest.raises(dl.InvalidInputError, match="up to 49 samples, got 50"):
        ens.fit(*data, epochs=1)
    ens.fit(*(array[:, :49] if own else array[:49] for array in data), epochs=1)


def test_seeds_that_do_not_fit_are_refused():
    for seeds, text in [(2**63 - 2, "to 9223372036854775805"), ({1, 2}, "whole numbers")]:
        with pytest.raises(dl.DeltaloopError, match=text):
            dl.Ensemble([4, 5, 3], n=3 if isinstance(seeds, int) else None, seeds=seeds, **SHAPE)


def test_parameters_are_assigned_whole_and_of_their_shape():
    ens = dl.Ensemble([4, 5, 3], n=3, **SHAPE)
    with pytest.raises(dl.InvalidInputError, match="shape \\(3, 43\\)"):
        ens.parameters = np.zeros((3, 3))
    ens.parameters = np.full((3, 43), 0.5, order="F")
    assert ens.parameters.dtype == "float32"
    assert ens.parameters.flags.c_contiguous


@pytest.mark.parametrize("which", ["a", 1.0, True, None, np.zeros((2, 2), int)], ids=str)
def test_what_is_no_choice_of_networks_is_refused(which):
    with pytest.raises(IndexError, match="a number, a slice or a list"):
        dl.Ensemble([4, 5, 3], n=3, **SHAPE)[which]


def test_targets_whose_squares_are_infinite_in_float32():
    ens = dl.Ensemble([4, 5, 3], n=17, activation="tanh")
    far = np.linspace(-1e19, 1e19, 3 * len(X)).reshape(-1, 3)
    history = ens.fit(X, far, epochs=1, learning_rate=1e-3)
    net = dl.Network([4, 5, 3], activation="tanh", seed=16)
    one = net.fit(X, far, epochs=1, optimizer=dl.SGD(1e-3))
    assert np.isclose(history.loss[0, 16], one.loss[0])


def test_penalties_that_lanes_do_not_have_go_one_by_one():
    ens = dl.Ensemble([4, 5, 3], n=17, **SHAPE)
    ens.fit(X, Y, epochs=2, optimizer=dl.SGD(0.1, clip_norm=0.5, max_norm=1.0))
    net = alone(ens, 16)
    net.fit(X, Y, epochs=2, optimizer=dl.SGD(0.1, clip_norm=0.5, max_norm=1.0))
    assert (ens.parameters[16] == net.parameters).all()


def test_nothing_is_warned_of_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dl.Ensemble([4, 5, 3], n=5, **SHAPE).fit(X, Y, epochs=3, n_threads=2)


def test_room_for_all_predictions_is_asked_for_before_they_are_made(monkeypatch):
    from deltaloop.ensemble import answering

    asked = []
    monkeypatch.setattr(answering, "check_memory", lambda what, n, advice: asked.append((what, n)))
    dl.Ensemble([4, 5, 3], n=7, **SHAPE).predict(X)
    assert asked == [("all predictions", 7 * len(X) * 3 * 4)]


def test_a_weight_that_is_tiny_beside_the_largest_counts_as_nothing():
    from deltaloop.ensemble.arguments import weights_of

    W = np.array([[1.0, 1e-305, 0.5], [1e-200, 1e-310, 0.0]])
    found, first = weights_of(W, 3, 2)
    assert (found.reshape(2, 3) > 0).tolist() == [[True, False, True], [True, True, False]]
    assert first.tolist() == [0, 3]


@pytest.mark.parametrize("n", [3, 16])  # few are trained one by one, many side by side
def test_momenta_alone_may_differ(n):
    momenta = np.linspace(0, 0.9, n)
    ens = dl.Ensemble([4, 5, 3], n=n, **SHAPE)
    ens.fit(X, Y, epochs=2, momentum=momenta, optimizer=dl.SGD(0.05), shuffle=False)
    for k in (0, 1, n - 1):
        net = alone(ens, k)
        net.fit(X, Y, epochs=2, optimizer=dl.SGD(0.05, momentum=momenta[k]), shuffle=False)
        np.testing.assert_allclose(ens.parameters[k], net.parameters, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seeds", [[3, -1, 4], [3, 1], [3.0, 1.0, 4.0]])
def test_seeds_in_a_file_that_are_none_are_refused(seeds, tmp_path):
    dl.Ensemble([4, 5, 3], seeds=[3, 1, 4], **SHAPE).save(tmp_path / "all.npz")
    with np.load(tmp_path / "all.npz") as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(tmp_path / "other.npz", **{**arrays, "seeds": np.array(seeds)})
    with pytest.raises(dl.FileFormatError, match="expected a seed >= 0 for every network"):
        dl.Ensemble.load(tmp_path / "other.npz")
