"""From the start of Python to the first epoch."""

import os

from deltaloop.benchmarking import start


def test_start_script_of_deltaloop_trains():
    found = start.once("deltaloop", dict(os.environ))
    assert 0 < found["import_seconds"] < found["total_seconds"] < 60
