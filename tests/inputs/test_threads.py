"""Processors that may be used: by affinity, and by the limits of control groups."""

import math
import os

import pytest

from deltaloop.inputs import threads


def files(root, contents):
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return threads._limit(root)


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({}, math.inf),
        ({"proc/self/cgroup": "0::/\n"}, math.inf),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, math.inf),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2.5),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "300000 100000\n",
            },
            1.5,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/\n2:cpu,cpuacct:/x\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "2:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            math.inf,
        ),
        ({"proc/self/cgroup": "nonsense", "sys/fs/cgroup/cpu.max": "?"}, math.inf),
    ],
)
def test_limits_of_control_groups(tmp_path, contents, expected):
    assert files(tmp_path, contents) == expected


@pytest.mark.parametrize(("limit", "expected"), [(0.5, 1), (1.0, 1), (1.9, 1), (math.inf, None)])
def test_processors_are_whole_and_at_least_one(monkeypatch, limit, expected):
    monkeypatch.setattr(threads, "_limit", lambda: limit)
    found = threads.processors()
    if expected is None:
        affinity = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
        expected = len(affinity(0))
    assert found == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pins itself")
def test_one_processor_by_affinity():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert threads.processors() == 1
    finally:
        os.sched_setaffinity(0, before)
