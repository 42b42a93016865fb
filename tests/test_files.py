"""Files are written whole or not at all, and stay what they were: links, permissions, names."""

import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.files import whole_file

POSIX = pytest.mark.skipif(os.name != "posix", reason="links and permissions are POSIX")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.npz"


# whole or not at all


@pytest.mark.parametrize("before", [None, b"what was there"])
@pytest.mark.parametrize("failure", [OSError, KeyboardInterrupt, MemoryError])
def test_failed_write_leaves_the_old_file_and_nothing_else(
    path, tmp_path, monkeypatch, before, failure
):
    def half(file, **arrays):
        file.write(b"half")
        raise failure("stopped")

    if before is not None:
        path.write_bytes(before)
    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(failure, match="stopped"):
        dl.Network([2, 1]).save(path)
    assert [p.name for p in tmp_path.iterdir()] == ([] if before is None else ["net.npz"])
    assert before is None or path.read_bytes() == before


def test_failed_rename_leaves_the_old_file_and_nothing_else(path, tmp_path, monkeypatch):
    def refuse(temporary, target):
        raise OSError(1, "no rename", temporary, None, target)

    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError, match="no rename") as told:
        dl.Network([2, 1]).save(path)
    assert (told.value.filename, told.value.filename2) == (str(path), None)
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]
    assert path.read_bytes() == b"old"


FULL_DISK = """
    import resource, signal, sys
    import deltaloop as dl

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write beyond the limit is an OSError
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        dl.Network([100, 100]).save(sys.argv[1])
    except OSError as error:
        print("refused:", error)
"""


@POSIX
def test_full_disk_leaves_the_old_file_and_nothing_else(path, tmp_path):
    dl.Network([3, 1]).save(path)
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("refused:"), done.stderr
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


def test_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    (tmp_path / "file").touch()
    for folder, error in (("nowhere", FileNotFoundError), ("file", NotADirectoryError)):
        path = tmp_path / folder / "net.npz"
        with pytest.raises(error) as told:
            dl.Network([2, 1]).save(path)
        assert told.value.filename == str(path)
    (tmp_path / "file").unlink()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        dl.Network([2, 1]).save(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    if os.name == "posix" and os.geteuid() != 0:  # root may write everywhere
        (tmp_path / "folder").chmod(0o500)
        with pytest.raises(PermissionError, match=r"folder.net\.npz"):
            dl.Network([2, 1]).save(tmp_path / "folder" / "net.npz")


def test_error_about_another_file_keeps_its_name(path):
    with pytest.raises(FileNotFoundError, match="elsewhere"), whole_file(path):
        os.stat("elsewhere")


@POSIX
def test_permissions_are_the_usual_ones(path):
    previous = os.umask(0o027)
    try:
        dl.Network([2, 1]).save(path)
    finally:
        os.umask(previous)
    assert path.stat().st_mode & 0o777 == 0o640


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_replaced_file_keeps_its_permissions(path, mode):
    dl.Network([2, 1]).save(path)
    path.chmod(mode)
    dl.Network([3, 1]).save(path)
    assert path.stat().st_mode & 0o777 == mode
    assert dl.load(path).sizes == (3, 1)


@POSIX
def test_symbolic_link_stays_and_its_target_is_replaced(path, tmp_path):
    link = tmp_path / "latest.npz"
    dl.Network([2, 1]).save(path)
    link.symlink_to(path)
    dl.Network([3, 1]).save(link)
    assert link.is_symlink()
    assert dl.load(path).sizes == (3, 1)


@POSIX
def test_symbolic_link_to_a_file_that_is_not_there_yet_creates_it(path, tmp_path):
    folder, link = tmp_path / "folder", tmp_path / "latest.npz"
    folder.mkdir()
    link.symlink_to("folder/net.npz")
    dl.Network([3, 1]).save(link)
    assert link.is_symlink()
    assert [p.name for p in folder.iterdir()] == ["net.npz"]
    assert dl.load(link).sizes == (3, 1)


@pytest.mark.parametrize("name", ["n" * 251 + ".npz", "ö" * 127 + "n"], ids=["ascii", "utf-8"])
def test_longest_file_name_can_be_saved(tmp_path, name):
    assert len(os.fsencode(name)) == 255
    for sizes in ([2, 1], [3, 1]):
        dl.Network(sizes).save(tmp_path / name)
    assert dl.load(tmp_path / name).sizes == (3, 1)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_file_name_that_is_too_long_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="nnn"):
        dl.Network([2, 1]).save(tmp_path / ("n" * 256))
    assert list(tmp_path.iterdir()) == []


def test_threads_that_save_to_one_name_leave_one_whole_file(path, tmp_path):
    failures = []

    def work(width):
        try:
            for _ in range(20):
                dl.Network([width, 1]).save(path)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(width,)) for width in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert dl.load(path).sizes in {(2, 1), (3, 1)}
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


@pytest.mark.parametrize("path", ["", 5, None, 2.5, ["net.npz"]])
def test_save_refuses_what_is_no_path(path):
    with pytest.raises((OSError, TypeError)):
        dl.Network([2, 1]).save(path)


def test_number_of_an_open_file_is_no_path():
    reading, writing = os.pipe()
    try:
        with pytest.raises(TypeError, match="not int"):
            dl.Network([2, 1]).save(writing)
        os.write(writing, b"still open")
    finally:
        os.close(writing)
    with open(reading, "rb") as file:
        assert file.read() == b"still open"


# any file


@POSIX
def test_pipe_is_written_directly_and_stays_a_pipe(path):
    os.mkfifo(path)
    got = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    with whole_file(path) as file:
        file.write(b"through the pipe")
    reader.join()
    assert got == [b"through the pipe"]
    assert path.is_fifo()


def test_text_is_utf_8_with_its_line_ends_as_they_are(path):
    with whole_file(path, "w") as file:
        file.write("größer\r\n∂\n")
    assert path.read_bytes() == "größer\r\n∂\n".encode()


def test_file_is_not_there_before_it_is_whole(path, tmp_path):
    with whole_file(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
        assert all(p.name.startswith(".") for p in tmp_path.iterdir())
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


def test_leftover_of_a_killed_process_is_in_nobodys_way(path, tmp_path):
    (tmp_path / ".net.npz.part").write_bytes(b"left over")
    dl.Network([2, 1]).save(path)
    assert dl.load(path).sizes == (2, 1)
