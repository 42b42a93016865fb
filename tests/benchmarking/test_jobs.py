"""What a job computes and reads, the lists of jobs, and how some are chosen."""

from dataclasses import replace

import pytest

from deltaloop.benchmarking import jobs
from deltaloop.benchmarking.jobs import JOBS
from deltaloop.errors import InvalidInputError
from small_benchmark import ADAM, PREDICT, SGD


def test_flops_are_those_of_the_products():
    # forward 5*4 + 4*3, gradient the same, delta through the second layer alone; 2 per product
    assert SGD.flops == 2 * 2 * (2 * (20 + 12) + 12)
    assert PREDICT.flops == 2 * 1 * (20 + 12)


def test_flops_leave_inputs_out_that_are_zero():
    assert replace(SGD, density=0.5).flops == 2 * 2 * (0.5 * 2 * 20 + 3 * 12)


def test_bytes_are_those_of_weights_biases_and_state():
    n = 20 + 12 + 4 + 3
    assert SGD.weight_bytes == 4 * n
    assert ADAM.weight_bytes == 3 * 4 * n
    assert SGD.input_bytes == 4 * 2 * 5
    assert ADAM.memory_bytes == 3 * 4 * n


def test_bytes_leave_rows_out_that_no_input_of_the_batch_needs():
    assert replace(SGD, density=0.5).weight_bytes == 4 * (0.75 * 20 + 12 + 4 + 3)
    assert replace(ADAM, density=0.5).weight_bytes == ADAM.weight_bytes  # Adam moves them all


def test_names_of_jobs_are_unique():
    names = [job.name for job in jobs.ALL]
    assert len(set(names)) == len(names)


def test_every_job_has_a_target_and_quick_jobs_are_among_them():
    assert all(job.target is not None and 0 < job.target < 1 for job in JOBS)
    assert all(job.share is not None and 0 < job.share < 1 for job in jobs.PEAK)
    assert all(job.published for job in jobs.PUBLISHED)
    assert set(jobs.QUICK) <= set(JOBS)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("width", 1, 2048),
        ("batch", 1, 4096),
        ("depth", 1, 8),
        ("density", 1, 100),
        ("threads", 1, 3),
    ],
)
def test_scaling_curves_reach_their_ends(name, first, last):
    points = jobs.scaling(name, n_cpus=3)
    assert (min(points), max(points)) == (first, last)
    assert all(job.n_steps >= 2 and job.target is None for job in points.values())


def test_unknown_curve_is_refused():
    with pytest.raises(InvalidInputError, match="unknown scaling curve 'wide'"):
        jobs.scaling("wide")


@pytest.mark.parametrize(
    ("pattern", "n_jobs"),
    [("784-30-10", 3), ("784-30-10 Sigmoid, batch 1", 1), ("*batch 1", 6), ("predict*1 row", 2),
     ("784*10,000", 1)],
)  # fmt: skip
def test_patterns_select_jobs(pattern, n_jobs):
    assert len(jobs.select(JOBS, [pattern])) == n_jobs


def test_pattern_without_a_match_is_refused():
    with pytest.raises(InvalidInputError, match="'nothing' matches none of the jobs: 2-4-1"):
        jobs.select(JOBS, ["784-30-10", "nothing"])


def test_memory_counts_a_bias_for_each_unit_and_the_arrays_of_the_optimiser():
    assert SGD.memory_bytes == 4 * ((5 + 1) * 4 + (4 + 1) * 3)
    assert replace(SGD, sizes=(7, 2, 9)).memory_bytes == 4 * ((7 + 1) * 2 + (2 + 1) * 9)


def test_names_tell_what_is_special():
    assert SGD.name == "5-4-3 sigmoid, batch 2"
    assert replace(SGD, density=0.19).name == "5-4-3 sigmoid, batch 2, 19 % non-zero"
    assert replace(SGD, n_threads=2).name == "5-4-3 sigmoid, batch 2, 2 threads"
    assert ADAM.name == "5-4-3 relu, Adam, batch 4"
    assert PREDICT.name == "predict 5-4-3 relu, 1 row"
    assert replace(PREDICT, batch_size=10000).name == "predict 5-4-3 relu, 10,000 rows"


def test_points_of_a_curve_are_what_their_numbers_say():
    density = jobs.scaling("density")
    assert all(
        job.density == percent / 100 and job.batch_size == 1 for percent, job in density.items()
    )
    assert list(jobs.scaling("width")) == [2**k for k in range(12)]
    assert all(job.sizes[1:3] == (n, n) for n, job in jobs.scaling("width").items())
    assert all(job.batch_size == n for n, job in jobs.scaling("batch").items())
    assert all(len(job.sizes) == n + 2 for n, job in jobs.scaling("depth").items())


def test_steps_of_an_epoch_take_about_a_millisecond():
    small = replace(SGD, batch_size=1)
    assert jobs._steps(small) == 500
    large = replace(SGD, sizes=(1000, 1000, 1000), batch_size=1)
    assert jobs._steps(large) == int(1e8 / large.flops) == 10
    assert jobs._steps(replace(large, batch_size=1 << 15)) == 2
    assert jobs._steps(replace(SGD, batch_size=1024)) == 32


def test_unit_is_what_is_measured():
    assert (SGD.unit, ADAM.unit, PREDICT.unit) == ("step", "step", "call")
