"""Every job and every point of the scaling curves, in every backend and every peer.

A group is one job; times are per step, or per call where the job is to predict. A peer that does
not agree with the float64 reference, or is not installed, is skipped with the reason.
"""

import pytest

from clock import CLOCK
from deltaloop.benchmarking.jobs import JOBS, SCALING_NAMES, scaling
from deltaloop.benchmarking.peers import select
from deltaloop.inputs.threads import processors

ENTRIES = {job.name: (job, None, None) for job in JOBS} | {
    f"{name} {x:g}, {job.name}": (job, name, x)
    for name in SCALING_NAMES
    for x, job in scaling(name, processors()).items()
}


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("peer", select([]), ids=lambda peer: peer.name)
@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_job(benchmark, replay, timed, selected, entry, peer):
    result = timed(entry, selected)
    row = next(row for row in result.rows if row.peer == peer.name)
    if row.status != "timed":
        assert not (peer.is_ours and row.status in ("disagrees", "failed")), row.note
        pytest.skip(f"{row.status}: {row.note}")
    benchmark.group = result.job.name if result.curve is None else f"{result.curve} {result.x:g}"
    benchmark.extra_info.update(
        peer=row.label,
        version=peer.available(),
        unit=f"seconds per {result.job.unit}",
        flops=result.job.flops,
        bytes=result.job.weight_bytes + result.job.input_bytes,
        floor=result.floor,
        loss=row.loss,
        error=row.error,
        compile_seconds=row.compile_seconds,
    )
    replay(benchmark, row.repeats)
