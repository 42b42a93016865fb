"""Paths that no file can have are refused at every door, before anything is changed."""

import pytest

import deltaloop as dl

NET = dl.Network([2, 1])
DOORS = {
    "save": NET.save,
    "load": dl.load,
    "to_c": NET.to_c,
    "checkpoint": lambda path: NET.fit([[0, 1]], [[1]], checkpoint=path),
    "log": dl.callbacks.CSVLog,
    "table": dl.tables.read,
}


@pytest.mark.parametrize("path", ["", "a\0b", 3], ids=["empty", "zero byte", "number"])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_what_is_no_path_is_refused(door, path):
    before = NET.theta.tobytes()
    with pytest.raises(dl.DeltaloopError, match=r"path|file"):
        door(path)
    assert NET.theta.tobytes() == before
