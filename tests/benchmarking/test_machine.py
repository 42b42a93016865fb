"""What the machine can do, and the floor that follows from it."""

from dataclasses import replace

import pytest

from deltaloop.benchmarking import machine
from deltaloop.benchmarking.jobs import JOBS
from small_benchmark import MACHINE, SGD


def test_floor_is_the_larger_of_arithmetic_and_traffic():
    arithmetic, traffic = SGD.flops / 100e9, 2 * SGD.weight_bytes / 400e9 + SGD.input_bytes / 200e9
    assert MACHINE.floor(SGD) == pytest.approx(max(arithmetic, traffic))
    many = replace(SGD, batch_size=1000)
    assert MACHINE.floor(many) == pytest.approx(many.flops / 100e9)


def test_floor_uses_the_level_that_holds_the_weights():
    assert MACHINE.level(1000).name == "L1"
    assert MACHINE.level(1 << 20).name == "memory"


def test_machine_is_measured():
    found = machine.measure()
    assert found.gflops > 0.1
    assert [level.name for level in found.levels][-1] == "memory"
    assert all(level.read > 0.1 and level.modify > 0.1 for level in found.levels)
    assert found.n_cpus >= 1
    assert 0 < found.floor(JOBS[3]) < 1e-3


def test_rates_of_products_are_those_of_the_fastest(monkeypatch):
    seconds = iter([1e-3, 1e-4, 1e-3] * 2)  # of a call, for the shapes one after the other
    monkeypatch.setattr(machine, "best", lambda product, n_calls: next(seconds))
    rows, n_in, n_out = machine._PRODUCTS[1]
    assert machine._tile_gflops() == pytest.approx(2 * rows * n_in * n_out / 1e-4 / 1e9)
    assert machine._blas_gflops() == pytest.approx(2 * rows * n_in * n_out / 1e-4 / 1e9)
