"""The data sets are the published ones, in an order that never changes."""

import subprocess
import sys
from dataclasses import FrozenInstanceError
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from deltaloop import datasets
from deltaloop.errors import FileFormatError, InvalidInputError, InvalidTypeError

COMPLETE = ("encoder", "parity", "symmetry", "xor")
CLASSES = ("digits", "iris", "parity", "symmetry", "two_spirals", "xor")


@pytest.fixture(params=datasets.names())
def data(request):
    return datasets.load(request.param)


def test_arrays_are_float32_inputs_and_class_numbers_or_float32_values(data):
    assert data.X.dtype == np.float32
    assert data.X.flags.c_contiguous and data.y.flags.c_contiguous
    assert data.y.dtype == (np.int64 if data.name in CLASSES else np.float32)
    assert len(data.X) == len(data.y)
    assert np.isfinite(data.X).all() and np.isfinite(data.y).all()


def test_names_fit_the_columns_and_the_classes(data):
    assert len(data.feature_names) == len(set(data.feature_names)) == data.X.shape[1]
    if data.name in CLASSES:
        assert set(data.y.tolist()) == set(range(len(data.target_names)))
    else:
        assert data.target_names is None


@pytest.mark.parametrize("name", sorted(set(datasets.names()) - set(COMPLETE)))
def test_train_and_test_part_are_the_whole_and_disjoint(name):
    data = datasets.load(name)
    np.testing.assert_array_equal(np.concatenate([data.X_train, data.X_test]), data.X)
    np.testing.assert_array_equal(np.concatenate([data.y_train, data.y_test]), data.y)
    assert len(data.X_train) == len(data.y_train) == data.n_train


@pytest.mark.parametrize("name", COMPLETE)
def test_all_rows_of_a_complete_table_are_both_training_and_test_part(name):
    data = datasets.load(name)
    for part in (data.X_train, data.X_test):
        np.testing.assert_array_equal(part, data.X)
    for part in (data.y_train, data.y_test):
        np.testing.assert_array_equal(part, data.y)


def test_a_data_set_unpacks_into_X_and_y(data):
    X, y = data
    assert X is data.X and y is data.y


def test_repr_tells_shapes_and_parts(data):
    text = repr(data)
    assert data.name in text and str(data.X.shape) in text and len(text) < 120


def test_every_data_set_tells_what_it_is_and_where_it_comes_from(data):
    assert data.description.endswith(".") and data.source


def test_a_data_set_cannot_be_changed_but_its_arrays_are_its_own(data):
    with pytest.raises(FrozenInstanceError):
        data.name = "other"
    data.X[:] = -1
    assert not (datasets.load(data.name).X == -1).all()


def test_iris_has_the_moments_of_fishers_table():
    X, y = datasets.load("iris")
    assert X.shape == (150, 4) and np.bincount(y).tolist() == [50, 50, 50]
    total = [876.5, 458.6, 563.7, 179.9]  # sums of the four columns in cm
    np.testing.assert_allclose(X.sum(axis=0, dtype=np.float64), total, rtol=1e-6)
    means = [
        [5.006, 3.428, 1.462, 0.246],
        [5.936, 2.770, 4.260, 1.326],
        [6.588, 2.974, 5.552, 2.026],
    ]
    for species, mean in enumerate(means):
        np.testing.assert_allclose(X[y == species].mean(axis=0), mean, rtol=1e-5)


def test_iris_has_the_two_flowers_that_the_uci_file_has_wrong():
    rows = np.round(datasets.load("iris").X.astype(np.float64), 1).tolist()
    assert [4.9, 3.1, 1.5, 0.2] in rows and [4.9, 3.6, 1.4, 0.1] in rows


def test_digits_have_the_counts_and_the_sum_of_the_published_images():
    X, y = datasets.load("digits")
    assert X.shape == (1797, 64) and X.min() == 0 and X.max() == 16
    assert X.sum(dtype=np.float64) == 561718
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_first_image_of_the_original_file_is_the_known_zero():
    data = datasets.load("digits")
    with np.load(Path(datasets.__file__).parent / "data" / "digits.npz") as archive:
        row = archive["row"]
    assert sorted(row.tolist()) == list(range(1797))
    (first,) = np.flatnonzero(row == 0)
    assert data.y[first] == 0
    assert data.X[first, :16].tolist() == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_every_leading_part_of_a_bundled_set_is_stratified(name):
    data = datasets.load(name)
    share = np.bincount(data.y) / len(data.y)
    for n in (30, data.n_train):
        assert np.abs(np.bincount(data.y[:n], minlength=len(share)) - n * share).max() <= 1


def test_the_order_of_the_bundled_sets_is_the_stored_one():
    assert datasets.load("iris").y[:8].tolist() == [2, 0, 1, 0, 2, 1, 2, 1]
    assert datasets.load("digits").y[:12].tolist() == [3, 1, 5, 4, 6, 9, 7, 0, 2, 8, 3, 1]


@pytest.mark.parametrize("n", [2, 3, 7])
def test_parity_counts_the_ones_of_every_row(n):
    X, y = datasets.load("parity", n=n)
    rows = [tuple(map(int, row)) for row in X]
    assert len(set(rows)) == len(rows) == 2**n
    assert y.tolist() == [sum(row) % 2 for row in rows]


def test_xor_is_the_parity_of_two_bits():
    xor, parity = datasets.load("xor"), datasets.load("parity", n=2)
    assert xor.X.tolist() == parity.X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert xor.y.tolist() == parity.y.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("n", [2, 5, 6])
def test_symmetry_marks_the_palindromes(n):
    X, y = datasets.load("symmetry", n=n)
    assert y.tolist() == [int(row == row[::-1]) for row in X.tolist()]
    assert y.sum() == 2 ** ((n + 1) // 2)


def test_encoder_reproduces_the_identity():
    data = datasets.load("encoder", n=np.int64(16))
    np.testing.assert_array_equal(data.X, np.eye(16))
    np.testing.assert_array_equal(data.y, np.eye(16))
    assert not np.shares_memory(data.X, data.y) and "16-4-16" in data.description


def test_two_spirals_are_mirror_images_of_97_points_with_three_turns():
    X, y = datasets.load("two_spirals")
    assert X.shape == (194, 2)
    np.testing.assert_array_equal(X[y == 1], -X[y == 0])
    radius = np.sort(np.hypot(*X[y == 1].T))
    np.testing.assert_allclose(radius, np.linspace(0.5, 6.5, 97), rtol=1e-5)
    assert X[0].tolist() == [0, 6.5] and y[0] == 1
    spiral = X[y == 1][np.argsort(-np.hypot(*X[y == 1].T))]  # from the outer end on
    angle = np.unwrap(np.arctan2(*spiral.T))
    np.testing.assert_allclose(angle, np.linspace(0, 6 * np.pi, 97), atol=1e-4)


def test_two_spirals_keep_both_images_of_a_point_in_one_part():
    data = datasets.load("two_spirals")
    assert (data.n_train, len(data.X_test)) == (146, 48)
    for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test)):
        np.testing.assert_array_equal(X[y == 1], -X[y == 0])


def test_sine_is_the_sine_over_one_period():
    data = datasets.load("sine")
    assert data.X.shape == (200, 1) and data.y.shape == (200,) and data.n_train == 150
    np.testing.assert_allclose(data.y, np.sin(data.X[:, 0]), atol=1e-6)
    x = np.sort(data.X[:, 0])
    np.testing.assert_allclose(x, np.linspace(-np.pi, np.pi, 200), rtol=1e-6)
    assert x[0] < data.X_test.min() and data.X_test.max() < x[-1]


def test_noise_is_repeatable_by_its_seed_and_has_the_given_deviation():
    first = datasets.load("sine", n_samples=4000, noise=0.1, seed=3)
    again = datasets.load("sine", n_samples=4000, noise=0.1, seed=3)
    other = datasets.load("sine", n_samples=4000, noise=0.1, seed=4)
    np.testing.assert_array_equal(first.y, again.y)
    assert (first.y != other.y).any()
    assert np.std(first.y - np.sin(first.X[:, 0])) == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("irsi", {}, r"unknown data set 'irsi', expected one of .*; did you mean 'iris'\?"),
        (3, {}, "unknown data set 3"),
        ([], {}, r"unknown data set \[\]"),
        ("iris", {"n": 3}, r"'iris' has no option 'n' \(got n=3\); it takes no options"),
        ("sine", {"n": 3}, "it takes the options n_samples, noise, seed"),
        ("parity", {"n": 21}, "n must be a whole number from 2 to 20, got 21"),
        ("parity", {"n": 1}, "n must be a whole number from 2 to 20, got 1"),
        ("parity", {"n": 2.0}, r"n must be a whole number, got 2\.0"),
        ("parity", {"n": 10**30}, "n must be a whole number from 2 to 20, got 1000"),
        ("parity", {"n": True}, "n must be a whole number .* got True"),
        ("parity", {"n": "4"}, "n must be a whole number, got '4'"),
        ("symmetry", {"n": -1}, "n must be a whole number from 2 to 20, got -1"),
        ("encoder", {"n": 5000}, "n must be a whole number from 2 to 4096, got 5000"),
        ("sine", {"n_samples": 3}, "n_samples must be a whole number from 4"),
        ("sine", {"noise": -0.1}, r"noise must be in \[0, 1e\+06\), got -0\.1"),
        ("sine", {"noise": float("nan")}, r"noise must be in \[0, 1e\+06\), got nan"),
        ("sine", {"noise": 10**400}, r"noise must be in \[0, 1e\+06\), got 1000"),
        ("sine", {"noise": "much"}, "noise must be a number, got 'much'"),
        ("sine", {"noise": True}, "noise must be a number, got True"),
        ("sine", {"noise": 0.1, "seed": -1}, "seed must be a whole number from 0"),
        ("sine", {"noise": 0.1, "seed": 2**32}, "seed must be a whole number from 0"),
    ],
)
def test_bad_names_and_options_are_refused_with_what_is_accepted(name, options, message):
    with pytest.raises((InvalidInputError, InvalidTypeError), match=message):
        datasets.load(name, **options)


def test_options_may_be_numbers_of_any_type():
    plain = datasets.load("sine", n_samples=40, noise=0.5, seed=3)
    other = datasets.load("sine", n_samples=np.array(40), noise=Fraction(1, 2), seed=np.uint8(3))
    np.testing.assert_array_equal(plain.y, other.y)


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_a_missing_file_of_the_installation_is_named(name, monkeypatch, tmp_path):
    monkeypatch.setattr(datasets, "_DATA", tmp_path)
    with pytest.raises(FileFormatError, match=f"'{name}.* is missing or damaged .*; reinstall"):
        datasets.load(name)


def test_the_sources_name_every_bundled_file_and_its_licence():
    folder = Path(datasets.__file__).parent / "data"
    text = (folder / "SOURCES.md").read_text(encoding="utf-8")
    for file in folder.iterdir():
        assert file.name == "SOURCES.md" or f"## {file.name}" in text
    assert text.count("CC BY 4.0") == 2


def test_loading_imports_no_optional_package():
    code = (
        "import sys, deltaloop.datasets as d; d.load('iris'); d.load('digits');"
        "print(*{'scipy', 'sklearn', 'pandas', 'numba', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
