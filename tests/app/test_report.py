"""What the report of a training run says in words."""

import pytest

import deltaloop as dl
from deltaloop.app import report


@pytest.mark.parametrize("reason", ["tol", "patience", "target_loss", "max_seconds", "interrupted"])
def test_reason_of_stopping_is_told_in_words(reason):
    told = report._epochs(dl.History(seconds=[0.5], stop_reason=reason), 1000)
    assert told.startswith("1 of 1,000 (")
    assert reason not in told
