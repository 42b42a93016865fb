"""The judge: peers that compute what the reference does are timed, others are named."""

import re
from dataclasses import replace

import numpy as np
import pytest

from deltaloop.benchmarking import agreement, peers
from small_benchmark import ADAM, PREDICT, QUICKLY, SGD, fake, rows_of


def wrong_learning_rate(session):
    session.rule = replace(session.rule, hyper=(1.02 * session.rule.hyper[0], 0.0))


def wrong_order(session):
    session.X, session.Y = session.X[::-1].copy(), session.Y[::-1].copy()


def forgotten_bias(session):
    run = session.run

    def without_bias():
        loss = run()
        for b in session.net.b:
            b[:] = 0
        return loss

    session.run = without_bias


def wrong_loss(session):
    run = session.run
    session.run = lambda: 2 * run()


def not_finite(session):
    arrays = session.arrays
    session.arrays = lambda: [np.full_like(array, np.nan) for array in arrays()]


def wrong_predictions(session):
    arrays = session.arrays
    session.arrays = lambda: [array + 1e-3 for array in arrays()]


@pytest.mark.parametrize("job", [SGD, ADAM, PREDICT, replace(SGD, batch_size=1)], ids=str)
@pytest.mark.parametrize("name", ["deltaloop", "numpy"])
def test_right_peer_is_timed(job, name):
    peer = peers.table()[name]
    row = rows_of(job, [peer])[name]
    assert (row.status, row.note) == ("timed", "")
    assert len(row.repeats) == QUICKLY.fewest
    assert row.error < 1e-3


@pytest.mark.parametrize(
    "job",
    [
        replace(SGD, batch_size=1),
        replace(PREDICT, activation="tanh", output="identity", loss="mse"),
    ],
    ids=str,
)
def test_fann_agrees(job):
    pytest.importorskip("cynn.fann")
    row = rows_of(job, [peers.table()["fann"]])["fann"]
    assert (row.status, row.note) == ("timed", "")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (wrong_learning_rate, "W of layer 1 off by 0.02 of its movement"),
        (wrong_order, "W of layer 1 off by"),
        (forgotten_bias, "b of layer 1 off by 1 of its movement"),
        (wrong_loss, "mean loss of the epoch .* in place of"),
        (not_finite, "values that are not finite"),
    ],
)
def test_wrong_peer_is_named_and_not_timed(spoil, complaint):
    rows = rows_of(SGD, [fake("right"), fake("wrong", spoil)])
    assert rows["right"].status == "timed"
    assert rows["wrong"].status == "disagrees"
    assert rows["wrong"].repeats == []
    assert re.search(complaint, rows["wrong"].note)


def test_wrong_predictions_are_not_timed():
    rows = rows_of(PREDICT, [fake("wrong", wrong_predictions)])
    assert rows["wrong"].status == "disagrees"
    assert "predictions off by" in rows["wrong"].note


def test_wrong_shapes_are_not_timed():
    expected = agreement.truth(SGD)
    verdict = agreement.check(SGD, expected, [array.T for array in expected.arrays], None)
    assert "in place of" in verdict.complaint
