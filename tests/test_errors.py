"""The classes of errors and the form of their texts."""

import inspect
import pickle

import pytest

import deltaloop as dl
from deltaloop import errors
from deltaloop.initializers import _TABLE as INITIALIZERS
from deltaloop.kernels.interface import ACTIVATIONS, LOSSES
from deltaloop.optimizers import OPTIMIZERS

CLASSES = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if value.__module__ == errors.__name__
]


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (dl.InvalidInputError, ValueError),
        (dl.InvalidTypeError, TypeError),
        (dl.FileFormatError, ValueError),
        (dl.MissingDependencyError, ImportError),
        (dl.DivergenceError, ArithmeticError),
        (dl.DeltaloopWarning, UserWarning),
    ],
)
def test_error_is_caught_as_the_builtin_one_too(error, builtin):
    assert issubclass(error, builtin)


@pytest.mark.parametrize("error", CLASSES, ids=lambda c: c.__name__)
def test_every_class_is_public_and_of_one_family(error):
    assert getattr(dl, error.__name__) is error
    assert error.__name__ in dl.__all__
    assert issubclass(error, dl.DeltaloopError) or error is dl.DeltaloopWarning
    assert error.__doc__


@pytest.mark.parametrize("error", CLASSES, ids=lambda c: c.__name__)
def test_every_error_survives_pickling(error):
    twin = pickle.loads(pickle.dumps(error("what, and what to do")))
    assert type(twin) is error
    assert str(twin) == "what, and what to do"


def test_unknown_name_lists_what_is_accepted_and_the_nearest():
    error = errors.unknown_name("colour", "gren", ("red", "green", "blue"))
    assert str(error) == (
        "unknown colour 'gren', expected one of 'blue', 'green', 'red'; did you mean 'green'?"
    )


@pytest.mark.parametrize("name", ["xxxxxx", 3, None, ("green",)])
def test_unknown_name_suggests_nothing_when_nothing_is_near(name):
    error = errors.unknown_name("colour", name, ("red", "zzzzzzzz"))
    assert str(error) == f"unknown colour {name!r}, expected one of 'red', 'zzzzzzzz'"


TABLES = {
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "initializer": INITIALIZERS,
    "optimizer": OPTIMIZERS,
}


def hint(what, name, accepted=None):
    text = str(errors.unknown_name(what, name, TABLES[what] if accepted is None else accepted))
    return text.partition("; ")[2]


@pytest.mark.parametrize(
    ("what", "name"), [(what, name) for what, table in TABLES.items() for name in table]
)
def test_another_spelling_of_a_name_suggests_it(what, name):
    for spelled in (
        name.upper(), name.title(), name.replace("_", "-"), name.replace("_", " "),
        name.replace("_", "").capitalize(), f"library.{name.upper()}",
    ):  # fmt: skip
        assert hint(what, spelled) == f"did you mean {name!r}?"


@pytest.mark.parametrize(
    ("what", "names", "meant"),
    [
        ("activation", "ReLU nn.ReLU poslin rectifier", "relu"),
        ("activation", "LeakyReLU leaky-relu lrelu", "leaky_relu"),
        ("activation", "linear purelin FANN_LINEAR", "identity"),
        ("activation", "logistic logsig FANN_SIGMOID", "sigmoid"),
        ("activation", "Tanh tansig FANN_SIGMOID_SYMMETRIC", "tanh"),
        ("activation", "LogSoftmax", "log_softmax"),
        ("activation", "GELU gelu", "gelu"),
        ("activation", "gelu_new", "gelu_tanh"),
        ("activation", "nn.SELU", "selu"),
        ("activation", "radbas FANN_GAUSSIAN", "gaussian"),
        ("activation", "Hardtanh satlins FANN_LINEAR_PIECE_SYMMETRIC", "hard_tanh"),
        ("activation", "Hardsigmoid", "hard_sigmoid"),
        ("activation", "elliotsig FANN_ELLIOT_SYMMETRIC", "softsign"),
        ("loss", "categorical_crossentropy sparse_categorical_crossentropy", "cross_entropy"),
        ("loss", "CrossEntropyLoss crossentropy cce", "cross_entropy"),
        ("loss", "NLLLoss negative_log_likelihood", "nll"),
        ("loss", "L1Loss mean_absolute_error", "mae"),
        ("loss", "PoissonNLLLoss", "poisson"),
        ("loss", "KLDivLoss kl_divergence", "kullback_leibler"),
        ("loss", "pinball", "quantile"),
        ("loss", "sigmoid_focal_loss", "binary_focal"),
        ("loss", "SquaredHinge", "squared_hinge"),
        ("loss", "softmax_cross_entropy_with_logits", "cross_entropy"),
        ("loss", "binary_crossentropy BCELoss BCEWithLogitsLoss", "binary_cross_entropy"),
        ("loss", "mean_squared_error MSELoss squared_error MSE", "mse"),
        ("initializer", "xavier_uniform xavier_uniform_ GlorotUniform", "glorot_uniform"),
        ("initializer", "kaiming_normal HeNormal", "he_normal"),
        ("initializer", "random_uniform rand", "uniform"),
        ("optimizer", "SGD sgdm traingd traingdm FANN_TRAIN_INCREMENTAL", "sgd"),
        ("optimizer", "Adam torch.optim.Adam", "adam"),
    ],
)
def test_name_in_another_library_suggests_the_one_here(what, names, meant):
    assert {name: hint(what, name) for name in names.split()} == dict.fromkeys(
        names.split(), f"did you mean {meant!r}?"
    )


@pytest.mark.parametrize(
    ("what", "name", "text"),
    [
        ("loss", "log_loss", "did you mean 'binary_cross_entropy' or 'cross_entropy'?"),
        ("initializer", "xavier", "did you mean 'glorot_normal' or 'glorot_uniform'?"),
        ("initializer", "kaiming", "did you mean 'he_normal' or 'he_uniform'?"),
    ],
)
def test_name_of_several_things_suggests_them_all(what, name, text):
    assert hint(what, name) == text


@pytest.mark.parametrize(
    ("what", "names", "text"),
    [
        ("activation", "CELU nn.GLU Sinc", "it is not built in, but deltaloop.custom_activa"),
        ("loss", "GaussianNLLLoss rmse", "it is not built in, but deltaloop.custom_loss makes"),
        ("initializer", "orthogonal ones", "give the arrays themselves, init="),
    ],
)
def test_name_of_what_does_not_exist_suggests_no_other_but_a_way(what, names, text):
    accepted = {
        "activation": ("elu", "relu", "tanh"),
        "loss": ("mse", "cross_entropy"),
        "initializer": ("normal", "zeros"),
    }[what]
    for name in names.split():
        assert text in hint(what, name, accepted)
        assert "did you mean" not in hint(what, name, accepted)


@pytest.mark.parametrize("name", ["AdamW", "nadam", "trainlm"])
def test_another_optimizer_is_not_taken_for_a_misspelt_one(name):
    assert hint("optimizer", name, ("adam", "sgd", "train")) == ""


def test_names_of_one_function_suggest_the_one_that_is_there():
    assert hint("activation", "swish", ("relu", "silu")) == "did you mean 'silu'?"
    assert hint("activation", "SiLU", ("relu", "swish")) == "did you mean 'swish'?"
    assert hint("loss", "L1Loss", ("mse", "mean_absolute_error")) == (
        "did you mean 'mean_absolute_error'?"
    )


def test_missing_package_names_the_command_that_installs_it():
    error = errors.missing("lamp", "light", "seeing")
    assert isinstance(error, ImportError)
    assert str(error) == (
        "seeing needs the package 'lamp', which is not installed; "
        'install it with: pip install "deltaloop[light]"'
    )
