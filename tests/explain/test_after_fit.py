"""The warning after a fit: where nothing was learned, and never where all is well."""

import warnings

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.explain import after_fit, units

RNG = np.random.default_rng(6)
X = RNG.normal(size=(1000, 5))
LINEAR = X @ [1.0, -2.0, 0.5, 0.0, 1.0]
WAVES = np.sin(2 * X[:, 0]) * X[:, 1]
DIGITS = dl.datasets.load("digits")


def texts(net, inputs, targets, **settings):
    """What a fit warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(inputs, targets, **settings)
    assert all(issubclass(each.category, dl.DeltaloopWarning) for each in caught)
    assert all(each.filename == __file__ for each in caught)  # the line of the user
    return [str(each.message) for each in caught]


def text(net, inputs, targets, **settings):
    (told,) = texts(net, inputs, targets, **settings)
    assert told.endswith("; net.diagnose(X, Y) tells more")
    return told


# what is wrong


@pytest.mark.parametrize("hidden", [[30], [30, 20]])
def test_raw_pixels_are_told_to_be_standardised(hidden):
    net = dl.Network([64, *hidden, 10], activation="relu", loss="cross_entropy")
    told = text(net, *DIGITS)
    assert told.startswith(
        "the loss is no better than that of the best constant prediction: 34 of 64 inputs are far "
        "from mean 0 and deviation 1"
    )
    assert "standardise: net.scaling = deltaloop.Scaling.standardize(X)" in told
    assert f"{hidden[-1]} of {hidden[-1]} units of layer {len(hidden)} are dead" in told


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_years_are_told_to_be_standardised(activation, loss):
    years = 2000 + 10 * X
    net = dl.Network([5, 16, 1], activation=activation, loss=loss)
    settings = {"epochs": 30, "optimizer": dl.Adam(0.003)}
    assert "standardise: net.scaling" in text(net, years, LINEAR, **settings)
    net.scaling = dl.Scaling.standardize(years)
    net.fit(years, LINEAR, **settings)  # a warning would be an error


def test_rate_that_is_too_high_is_told():
    net = dl.Network([5, 16, 1], activation="tanh")
    told = text(net, X, LINEAR, epochs=30, optimizer=dl.SGD(0.15, momentum=0.9))
    assert told.startswith("the loss is no better than that of the best constant prediction")


def test_inputs_that_tell_nothing_are_told():
    net = dl.Network([5, 8, 1], activation="sigmoid")
    told = text(net, X, RNG.normal(size=1000), epochs=30, optimizer=dl.SGD(0.01))
    assert "try another learning_rate, or inputs that tell more" in told


def test_dead_layer_is_told_though_the_bias_learns():
    net = dl.Network([5, 300, 1], activation="relu")
    net.b[0][:] = -100
    net.W[1][:] = 1
    net.b[0][:20] = 0  # 280 of 300
    told = text(net, X, WAVES, epochs=60, batch_size=50, optimizer=dl.SGD(1e-4))
    assert "280 of 300 units of layer 1 are dead" in told


def test_training_that_ends_too_early_is_told():
    net = dl.Network([5, 4, 1], activation="tanh")
    told = text(net, X, LINEAR, epochs=40, optimizer=dl.SGD(1e-4))
    assert told.startswith("the loss was still falling clearly after 40 epochs: train for more")
    validated = texts(
        dl.Network([5, 64, 1], activation="tanh"), X[:300], LINEAR[:300],
        validation_data=(X[300:], LINEAR[300:]), epochs=40, optimizer=dl.SGD(5e-5),
    )  # fmt: skip
    assert "still falling clearly" in validated[0]


@pytest.mark.parametrize("form", ["split", "sparse", "sparse split", "weights", "class_weight"])
def test_samples_of_every_form_are_judged(form):
    sparse = pytest.importorskip("scipy.sparse")
    years, y = 2000 + 10 * X, (LINEAR > 0).astype(int)
    settings = {}
    if "split" in form:
        settings["validation_split"] = 0.2
    if "sparse" in form:
        years = sparse.csr_array(years)
    if form == "weights":
        settings["sample_weight"] = np.arange(len(y)) % 3
    if form == "class_weight":
        settings["class_weight"] = "balanced"
    net = dl.Network([5, 16, 2], activation="tanh", loss="cross_entropy")
    told = text(net, years, y, optimizer=dl.SGD(0.01), **settings)
    assert told.startswith("the loss is no better than that of the best constant prediction: 5 of")


def test_loss_without_a_formula_is_searched_for():
    net = dl.Network([5, 300, 1], activation="sigmoid", loss="huber")
    skewed = RNG.exponential(size=1000) ** 3  # the mean is far from the best constant
    least = after_fit.best_constant(net, skewed[:, None].astype("f4"))[0]
    mean = after_fit.constant_loss(net, skewed[:, None].astype("f4"))
    assert mean > 1.2 * least
    found = texts(net, 2000 + X, skewed, epochs=60, optimizer=dl.SGD(1e-4))
    assert "no better than that of the best constant" in found[0]


def test_loss_below_zero_is_compared_as_well():
    counts = RNG.poisson(20, 1000)
    net = dl.Network([5, 16, 1], activation="tanh", loss="poisson")
    net.b[1][:] = 3
    told = text(net, 2000 + 10 * X, counts, epochs=30, optimizer=dl.SGD(1e-4))
    assert "no better than that of the best constant prediction: 5 of 5 inputs" in told
    net = dl.Network([5, 16, 1], activation="tanh", loss="poisson")
    net.b[1][:] = 3
    history = net.fit(X, np.round(np.exp(3 + X[:, 0])), epochs=30, optimizer=dl.Adam(0.005))
    assert history.loss[-1] < 0


# what is not judged, or well


@pytest.mark.parametrize("loss", ["mse", "huber", "cross_entropy"])
def test_healthy_fit_passes_nothing_through_the_network(monkeypatch, loss):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(units, "look", refuse)
    monkeypatch.setattr(after_fit, "best_constant", refuse)
    monkeypatch.setattr(dl.Network, "_mean_loss", refuse)
    y = LINEAR > 0 if loss == "cross_entropy" else LINEAR
    net = dl.Network([5, 16, 1 + (loss == "cross_entropy")], activation="tanh", loss=loss)
    history = net.fit(X, y, epochs=100, optimizer=dl.Adam(0.01))
    assert history.loss[-1] < 0.1 * history.loss[0]
    with pytest.raises(AssertionError):  # the case that is meant
        net.fit(2000 + X, RNG.integers(0, 2, 1000), optimizer=dl.Adam(0.001))


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 9},
        {"epochs": 29, "batch_size": 200},  # 261 updates
        {"target_loss": 1e9},
        {"progress": "stop"},
    ],
    ids=str,
)
def test_little_training_is_not_judged(settings):
    if "progress" in settings:

        def stop(epoch, fraction, history):
            if epoch == 20:
                raise KeyboardInterrupt

        settings = {"progress": stop}
    net = dl.Network([64, 30, 10], activation="relu", loss="cross_entropy")
    net.b[0][:] = -1e4
    assert texts(net, *DIGITS, **settings) == []


@pytest.mark.parametrize(("epochs", "is_judged"), [(299, False), (300, True)])
def test_judged_is_what_made_300_updates(epochs, is_judged):
    net = dl.Network([5, 30, 1])
    told = texts(
        net, 2000 + X, LINEAR, epochs=epochs, batch_size=len(X), optimizer=dl.Adam(1e-4)
    )  # fmt: skip
    assert len(told) == is_judged


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, MemoryError])
def test_trouble_while_looking_costs_no_training(monkeypatch, trouble):
    def fail(*_):
        raise trouble

    monkeypatch.setattr(after_fit, "constant_loss", fail)
    assert len(dl.Network([5, 16, 1]).fit(2000 + X, LINEAR)) == 30


def test_few_samples_are_not_judged():
    net = dl.Network([5, 30, 1])
    assert texts(net, 2000 + X[:19], LINEAR[:19], epochs=5000, optimizer=dl.Adam(1e-4)) == []


def test_learning_by_heart_is_not_told_to_go_on():
    few = RNG.normal(size=200)
    net = dl.Network([5, 32, 32, 1], activation="relu")
    history = net.fit(X[:200], few, epochs=60, optimizer=dl.Adam(0.002))
    assert after_fit._still_falls(history)  # the case that is meant


def test_targets_that_never_change_are_not_judged():
    net = dl.Network([5, 30, 1])
    assert texts(net, 2000 + X, np.ones(1000)) == []


def test_noisy_targets_are_well_learned():
    noisy = LINEAR + 2.5 * RNG.normal(size=1000)  # R^2 of 0.5
    net = dl.Network([5, 16, 1], activation="tanh")
    history = net.fit(X, noisy, epochs=60, optimizer=dl.SGD(0.003))
    assert history.loss[-1] > after_fit.LEARNED * noisy.var() / 2


HEALTHY = {
    "digits": lambda: (DIGITS.X / 16, DIGITS.y),
    "iris": lambda: dl.datasets.load("iris"),
    "linear": lambda: (X, LINEAR),
    "waves": lambda: (X, WAVES),
    "two classes": lambda: (X, (LINEAR > 0).astype(int)),
    "rare class": lambda: (X, (LINEAR > 3.5).astype(int)),
}


@pytest.mark.parametrize("optimizer", [dl.SGD(0.03), dl.SGD(0.003, momentum=0.9), dl.Adam(0.01)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "elu"])
@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_fit_is_silent(name, activation, optimizer):
    inputs, y = HEALTHY[name]()
    classes = y.dtype.kind == "i"
    net = dl.Network(
        [inputs.shape[1], 24, int(y.max()) + 1 if classes else 1], activation=activation,
        loss="cross_entropy" if classes else "mse",
    )  # fmt: skip
    net.scaling = dl.Scaling.standardize(inputs) if name == "iris" else None
    epochs = 200 if activation == "sigmoid" else 60
    net.fit(inputs, y, epochs=epochs, optimizer=optimizer)
