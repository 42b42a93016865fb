"""Docstrings that are put together."""

import pytest

from deltaloop.text import before_examples


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Do it.\n\n    More.\n\n    Examples\n    --------\n    >>> 1",
            "Do it.\n\nMore.\n\nReturns\n-------\nx\n\nExamples\n--------\n>>> 1",
        ),
        (None, "\n\nReturns\n-------\nx\n\nExamples\n"),  # python -OO
    ],
)
def test_shared_sections_come_before_the_examples(text, expected):
    assert before_examples(text, "Returns\n    -------\n    x") == expected
