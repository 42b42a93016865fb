"""Libraries in processes of their own: threads, answers, errors, and what dies."""

import io
import pickle

import pytest

from deltaloop.benchmarking import agreement, workers
from small_benchmark import SGD


def test_environment_of_a_worker_limits_every_thread_pool():
    limits = workers.environment(1, "cache", {"HOME": "here", "OMP_NUM_THREADS": "8"})
    assert limits["OMP_NUM_THREADS"] == limits["OPENBLAS_NUM_THREADS"] == "1"
    assert limits["HOME"] == "here"
    assert "multi_thread_eigen=false" in limits["XLA_FLAGS"]
    assert "XLA_FLAGS" not in workers.environment(2, "cache", {})


def test_worker_does_what_a_host_does():
    worker = workers.Worker()
    try:
        prepared = worker.prepare("deltaloop", SGD)
        verdict = agreement.check(SGD, agreement.truth(SGD), prepared.arrays, prepared.loss)
        assert verdict.complaint is None
        assert 0 < worker.turn("deltaloop") < 1
        with pytest.raises(workers.WorkerError, match="KeyError: 'nobody'"):
            worker.prepare("nobody", SGD)
        worker.release("deltaloop")
        with pytest.raises(workers.WorkerError, match="has ended"):
            worker.turn("deltaloop")
    finally:
        worker.close()


def test_process_that_dies_is_an_error_with_its_last_words():
    worker = workers.Worker()
    worker._process.kill()
    with pytest.raises(workers.WorkerError, match="ended with status"):
        worker.turn("deltaloop")
    worker.close()


def test_what_a_library_raises_comes_back_as_one_line():
    class Failing:
        def turn(self, name):
            raise ValueError("first line\nsecond line")

    calls, answers = io.BytesIO(pickle.dumps(("turn", ("x",)))), io.BytesIO()
    workers.serve(calls, answers, Failing())
    assert pickle.loads(answers.getvalue()) == ("error", "ValueError: first line")
