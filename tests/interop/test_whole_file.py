"""Files are written whole or not at all, and stay what they were: links, permissions, names."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.console.outputs import check_output
from deltaloop.interop import whole_file as files
from deltaloop.interop.whole_file import whole_file

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
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError)):
        dl.Network([2, 1]).save(path)


def test_number_of_an_open_file_is_no_path():
    reading, writing = os.pipe()
    try:
        with pytest.raises(TypeError, match="path must be a str or a pathlib"):
            dl.Network([2, 1]).save(writing)
        os.write(writing, b"still open")
    finally:
        os.close(writing)
    with open(reading, "rb") as file:
        assert file.read() == b"still open"


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_name_that_no_file_can_have_is_refused_by_every_door(path):
    net = dl.Network([2, 1])
    for door in (net.save, net.to_c, dl.load, lambda path: check_output("--save", path)):
        with pytest.raises(dl.InvalidInputError, match=r"there is no file .* and can be none"):
            door(path)


@pytest.mark.parametrize("path", [3, None, 2.5, ["net.npz"]])
def test_what_is_no_path_is_refused_by_every_door(path):
    net = dl.Network([2, 1])
    for door in (net.save, net.to_c, dl.load):
        with pytest.raises(dl.InvalidTypeError, match="path must be a str or a pathlib"):
            door(path)


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


# beside other processes

WRITING = """
    import sys
    from deltaloop.interop.whole_file import whole_file

    with whole_file(sys.argv[1]) as file:
        file.write(b"half")
        file.flush()
        print("ready", flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def writing(path):
    """A process in the middle of writing to `path`."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITING), str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def temporary_files(folder):
    return [p for p in folder.iterdir() if p.name.endswith(".part")]


@POSIX
def test_leftover_of_a_killed_process_is_removed_by_the_next_save(path, tmp_path, writing):
    writing.send_signal(signal.SIGKILL)
    writing.wait()
    assert len(temporary_files(tmp_path)) == 1
    dl.Network([2, 1]).save(tmp_path / "other.npz")
    assert len(temporary_files(tmp_path)) == 1
    dl.Network([2, 1]).save(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.npz", "other.npz"]


@POSIX
def test_file_that_another_process_is_writing_is_left_to_it(path, tmp_path, writing):
    dl.Network([2, 1]).save(path)
    assert len(temporary_files(tmp_path)) == 1
    writing.communicate("go on\n")
    assert writing.returncode == 0
    assert path.read_bytes() == b"half"
    assert temporary_files(tmp_path) == []


@POSIX
def test_leftover_of_another_machine_is_removed_when_it_is_a_day_old(path, tmp_path, monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(files, "_machine", lambda: "another0")
        left, descriptor = files.create_beside(str(path))
        os.close(descriptor)
    dl.Network([2, 1]).save(path)
    assert os.path.exists(left)
    os.utime(left, times=(time.time() - 25 * 3600,) * 2)
    dl.Network([2, 1]).save(path)
    assert temporary_files(tmp_path) == []


@POSIX
def test_file_that_was_taken_for_a_leftover_is_made_again(path, tmp_path, monkeypatch):
    lock, taken = files._lock, []

    def late(descriptor, wait):
        if wait and not taken:
            taken.extend(temporary_files(tmp_path))
            taken[0].unlink()
        return lock(descriptor, wait)

    monkeypatch.setattr(files, "_lock", late)
    dl.Network([2, 1]).save(path)
    assert taken
    assert dl.load(path).sizes == (2, 1)


@POSIX
def test_files_are_saved_where_locks_are_unknown_and_nothing_is_tidied(path, monkeypatch, tmp_path):
    import fcntl

    def unknown(*_):
        raise OSError(37, "No locks available")

    left, descriptor = files.create_beside(str(path))
    os.close(descriptor)
    monkeypatch.setattr(fcntl, "flock", unknown)
    dl.Network([2, 1]).save(path)
    assert dl.load(path).sizes == (2, 1)
    assert os.path.exists(left)


def test_leftover_that_is_no_file_is_in_nobodys_way(path, tmp_path):
    folder = tmp_path / f"{files._beginning(path)}{files._machine()}-0.part"
    folder.mkdir()
    dl.Network([2, 1]).save(path)
    assert dl.load(path).sizes == (2, 1)
    assert folder.is_dir()


TRYING = """
    import sys
    from deltaloop.console.outputs import check_output

    seen = []
    sys.addaudithook(lambda event, arguments: seen.append((event, *map(str, arguments))))
    check_output("--save", sys.argv[1])
    print(*(call for call in seen if call[0].startswith(("open", "os."))), sep="\\n")
"""


@pytest.mark.parametrize("exists", [False, True])
def test_trying_an_output_never_touches_the_target(path, tmp_path, exists):
    """Another process that saves there at the same time would lose its file."""
    if exists:
        path.write_bytes(b"of another process")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(TRYING), str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ".part" in done.stdout
    assert repr(str(path)) not in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == (["net.npz"] if exists else [])


@pytest.mark.parametrize("name", ["n" * 256, "n" * 300 + ".npz", "folder/../nowhere/net.npz"])
def test_name_that_cannot_be_written_is_found_before_the_work(tmp_path, name):
    with pytest.raises(dl.InvalidInputError, match=r"--save .* cannot be written: "):
        check_output("--save", str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_longest_file_name_passes_the_check(tmp_path):
    check_output("--save", str(tmp_path / ("n" * 255)))
    assert list(tmp_path.iterdir()) == []


# who may read


def seen_while_writing(path, folder):
    with whole_file(path) as file:
        file.write(b"secret")
        (temporary,) = temporary_files(folder)
        return temporary.stat().st_mode & 0o777


@POSIX
def test_private_file_is_private_while_it_is_written(path, tmp_path):
    path.touch(0o600)
    assert seen_while_writing(path, tmp_path) == 0o600
    path.chmod(0o644)
    assert seen_while_writing(path, tmp_path) == 0o600
    assert path.stat().st_mode & 0o777 == 0o644


@POSIX
def test_new_file_is_no_wider_while_it_is_written_than_afterwards(path, tmp_path):
    previous = os.umask(0o077)
    try:
        assert seen_while_writing(path, tmp_path) == 0o600
    finally:
        os.umask(previous)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_file_that_root_saves_keeps_its_owner_and_group(path):
    dl.Network([2, 1]).save(path)
    os.chown(path, 1234, 2345)
    path.chmod(0o640)
    dl.Network([3, 1]).save(path)
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode & 0o777) == (1234, 2345, 0o640)
    assert dl.load(path).sizes == (3, 1)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_group_that_cannot_be_kept_gives_its_rights_to_no_other(path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    dl.Network([2, 1]).save(path)
    os.chown(path, 1234, 2345)
    path.chmod(0o664)
    monkeypatch.setattr(os, "fchown", refuse)
    dl.Network([3, 1]).save(path)
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.stat().st_uid == os.geteuid()
