"""Processes of the peers, and the times that the benchmarks replay.

All peers of a job that were selected are timed together, in turns, by `deltaloop.benchmarking`. The
tests then hand these times to pytest-benchmark, one peer each, through a clock that they move on.
"""

import pytest

import kept
from clock import CLOCK
from deltaloop.benchmarking import machine, runner, workers
from deltaloop.benchmarking.results import JobResult


def pytest_benchmark_update_json(output_json):
    """Files of results are small and say nothing about the host."""
    kept.trim(output_json)


@pytest.fixture(scope="session")
def here():
    """This machine, measured."""
    return machine.measure()


@pytest.fixture(scope="session")
def places():
    """A process for every library."""
    found = workers.Workers()
    yield found
    found.close()


@pytest.fixture(scope="session")
def timed(here, places):
    """(entry, peers) -> JobResult, measured once per entry."""
    known = {}

    def result(entry, peers):
        job, curve, x = entry
        if entry not in known:
            settings = runner.SCALING if curve else runner.Settings()
            rows = runner.time_job(job, peers, settings, places)
            known[entry] = JobResult(job, here.floor(job), rows, curve, x)
        return known[entry]

    return result


@pytest.fixture
def replay():
    """(benchmark, durations): hand measured times to pytest-benchmark."""

    def hand_over(benchmark, durations):
        benchmark.pedantic(CLOCK.replay(durations), rounds=len(durations), iterations=1)

    return hand_over


@pytest.fixture
def selected(request):
    """Values of the parameter `peer` in all tests of the same entry that were selected."""
    entry = request.node.callspec.params["entry"]
    return [
        item.callspec.params["peer"]
        for item in request.session.items
        if getattr(item, "callspec", None) is not None
        and item.callspec.params.get("entry") == entry
    ]
