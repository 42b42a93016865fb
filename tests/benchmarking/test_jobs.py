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
