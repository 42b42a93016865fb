"""The run: peers that are missing or fail, turns, progress, and what an interrupt leaves."""

from dataclasses import replace

import pytest

from deltaloop.benchmarking import peers, runner, workers
from small_benchmark import ADAM, MACHINE, PREDICT, QUICKLY, SGD, Here, fake, rows_of


def test_missing_peer_is_named():
    peer = peers.Peer("ghost", "Ghost", "no-such-package", "nothing")
    row = rows_of(SGD, [fake("right"), peer])["ghost"]
    assert (row.status, row.note) == ("missing", "no-such-package is not installed")


def test_unsupported_job_is_named():
    def refuse(session):
        raise peers.Unsupported("offers no sigmoid")

    row = rows_of(SGD, [fake("picky", refuse)])["picky"]
    assert (row.status, row.note) == ("unsupported", "offers no sigmoid")


def test_slow_start_is_left_out_unless_asked_for():
    slow = replace(fake("slow"), slow_start=True)
    assert rows_of(SGD, [slow], replace(QUICKLY, with_slow_starts=False))["slow"].status == (
        "left out"
    )
    assert rows_of(SGD, [slow])["slow"].status == "timed"


def test_peer_that_fails_is_named_and_the_others_go_on():
    class Broken(Here):
        def host(self, peer, n_threads):
            if peer.name == "broken":
                raise workers.WorkerError("Killed")
            return super().host(peer, n_threads)

    chosen = [fake("broken"), fake("right")]
    rows = {row.peer: row for row in runner.time_job(SGD, chosen, QUICKLY, Broken(chosen))}
    assert (rows["broken"].status, rows["broken"].note) == ("failed", "Killed")
    assert rows["right"].status == "timed"


def test_peers_take_turns():
    order = []

    def watch(name):
        def spoil(session):
            run = session.run
            session.run = lambda: (order.append(name), run())[1]

        return spoil

    chosen = [fake("a", watch("a")), fake("b", watch("b"))]
    rows = rows_of(SGD, chosen, replace(QUICKLY, repeats=3, fewest=3))
    assert [len(row.repeats) for row in rows.values()] == [3, 3]
    changes = [x for x, y in zip(order, [None, *order], strict=False) if x != y]
    assert "".join(changes) == "ababab"  # prepared: ab, then turns: ab, ba, ab


def test_run_reports_progress_up_to_the_end():
    seen = []
    chosen = [fake("right")]
    found = runner.run(
        [(SGD, None, None), (ADAM, "width", 4.0)], chosen, QUICKLY, MACHINE, Here(chosen),
        lambda done, total, text: seen.append((done, total, text)),
    )  # fmt: skip
    assert [one.curve for one in found.jobs] == [None, "width"]
    assert seen[-1] == (4, 4, "done")
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert {total for _, total, _ in seen} == {4}


@pytest.mark.parametrize("at", [1, 2])
def test_an_interrupted_run_keeps_the_jobs_that_were_finished(at):
    jobs_begun = []

    class Impatient(Here):
        def host(self, peer, n_threads):
            if len(set(jobs_begun)) > at:
                raise KeyboardInterrupt
            return super().host(peer, n_threads)

    chosen = [fake("right")]
    found = runner.run(
        [(job, None, None) for job in (SGD, ADAM, PREDICT)], chosen, QUICKLY, MACHINE,
        Impatient(chosen), lambda done, total, text: jobs_begun.append(text.split(":")[0]),
    )  # fmt: skip
    assert [one.job for one in found.jobs] == [SGD, ADAM, PREDICT][:at]
    assert found.interrupted


def test_interrupted_before_the_first_job_is_finished():
    class Impatient(Here):
        def host(self, peer, n_threads):
            raise KeyboardInterrupt

    chosen = [fake("right")]
    with pytest.raises(KeyboardInterrupt):
        runner.run([(SGD, None, None)], chosen, QUICKLY, MACHINE, Impatient(chosen))
