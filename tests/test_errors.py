"""The classes of errors and the form of their texts."""

import inspect
import pickle

import pytest

import deltaloop as dl
from deltaloop import errors

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


def test_missing_package_names_the_command_that_installs_it():
    error = errors.missing("lamp", "light", "seeing")
    assert isinstance(error, ImportError)
    assert str(error) == (
        "seeing needs the package 'lamp', which is not installed; "
        'install it with: pip install "deltaloop[light]"'
    )
