"""Which rows are tested with: shares, classes, groups, order of time."""

import numpy as np
import pytest

from deltaloop.app.holdout import Choice, held_out_rows
from deltaloop.errors import InvalidInputError


@pytest.mark.parametrize(
    ("n", "fraction", "expected"),
    [(100, None, 20), (20, None, 4), (7, 0.5, 4), (2, 0.9, 1), (4, 0.1, 1)],
)
def test_share_of_the_rows(n, fraction, expected):
    assert held_out_rows(n, Choice(fraction)).sum() == expected


def test_few_rows_all_train_unless_a_test_part_is_asked_for():
    assert held_out_rows(19, Choice()).sum() == 0
    assert held_out_rows(19, Choice(0.2)).sum() == 4
    assert held_out_rows(19, Choice(way="last")).sum() == 4
    assert held_out_rows(19, Choice(way="random")).sum() == 4
    assert held_out_rows(19, Choice(group="g"), groups=[*"aabb"] + ["c"] * 15).sum() == 4


def test_last_rows_are_the_last():
    assert np.flatnonzero(held_out_rows(10, Choice(0.3, "last"))).tolist() == [7, 8, 9]


def test_seed_chooses_the_rows():
    one, same, other = (held_out_rows(100, Choice(seed=seed)) for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any()


def test_class_that_no_row_has_is_no_trouble():
    codes = np.array([0] * 30 + [2] * 30)
    test = held_out_rows(60, Choice(), codes)
    assert np.bincount(codes[test]).tolist() == [6, 0, 6]


@pytest.mark.parametrize(
    ("counts", "fraction", "n_test"),
    [([1, 10], 0.5, 6), ([1, 1, 1, 8], 0.25, 3), ([1, 1, 8], 0.25, 2), ([1, 1, 1], 0.5, 0)],
)
def test_share_of_classes_that_cannot_give_a_row_comes_from_the_others(counts, fraction, n_test):
    codes = np.repeat(np.arange(len(counts)), counts)
    test = held_out_rows(len(codes), Choice(fraction), codes)
    assert test.sum() == (codes[test] == len(counts) - 1).sum() == n_test


@pytest.mark.parametrize("seed", range(20))
def test_groups_stay_together_and_are_near_the_share(seed):
    groups = np.random.default_rng(seed).integers(0, 25, 400).tolist()
    test = held_out_rows(400, Choice(group="g", seed=seed), groups=groups)
    tested, trained = (
        {g for g, t in zip(groups, test, strict=True) if t is on} for on in (True, False)
    )
    assert not tested & trained
    assert 60 <= test.sum() <= 100


def test_groups_leave_rows_to_train_with():
    test = held_out_rows(10, Choice(0.9, group="g"), groups=["a"] * 5 + ["b"] * 5)
    assert test.sum() == 5


def test_row_without_group_is_a_group_of_its_own():
    test = held_out_rows(100, Choice(group="g"), groups=[None] * 100)
    assert test.sum() == 20


def test_group_that_a_class_has_alone_is_trained():
    groups, codes = ["a"] * 50 + ["b"] * 50 + ["c"] * 10, np.array([0] * 100 + [1] * 10)
    for seed in range(10):
        test = held_out_rows(110, Choice(group="g", seed=seed), codes, groups)
        assert not test[100:].any() and test.any()


@pytest.mark.parametrize(
    ("groups", "codes", "part"),
    [
        (["a"] * 30, None, "the same value in every row"),
        (
            ["a"] * 15 + ["b"] * 15,
            np.repeat([0, 1], 15),
            "every one of them holds all rows of a class",
        ),
    ],
)
def test_groups_that_cannot_be_divided_are_refused(groups, codes, part):
    with pytest.raises(InvalidInputError, match=part):
        held_out_rows(30, Choice(group="g"), codes, groups)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"fraction": 1.0}, r"must be in \[0, 1\), got 1"),
        ({"fraction": float("nan")}, r"\[0, 1\)"),
        ({"way": "lst"}, "did you mean 'last'"),
        ({"way": "last", "group": "g"}, "leave one of them out"),
        ({"fraction": 0.0, "way": "last"}, "--test-fraction 0 leaves no test part for --test"),
        ({"fraction": 0.0, "group": "g"}, "--test-fraction 0 leaves no test part for --group"),
    ],
)
def test_options_that_exclude_each_other_are_refused(options, part):
    with pytest.raises(InvalidInputError, match=part):
        Choice(**options)


def test_inputs_without_names_are_numbered_from_1():
    from types import SimpleNamespace

    from deltaloop.app.problems import inputs_table

    data = SimpleNamespace(X=np.arange(6.0).reshape(2, 3), feature_names=(), name="made")
    assert inputs_table(data).columns == ("x1", "x2", "x3")
