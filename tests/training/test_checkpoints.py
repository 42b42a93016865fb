"""Checkpoints: a training that was killed ends as if it had not been; states in files."""

import contextlib
import errno
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from deltaloop.callbacks import every
from deltaloop.interop import archive
from deltaloop.training import checkpoints
from deltaloop.training.samples import Samples
from small_training import X_OTHER, Y_OTHER, X, Y, new_net

BACKENDS = kernels.available()
OPTIONS = {"epochs": 6, "batch_size": 2, "optimizer": dl.Adam(0.1)}


class Killed(BaseException):
    """Ends a process, as far as `fit` can tell."""


def kill_at(step):
    def kill(state):
        if state.step == step:
            raise Killed

    return every(1, kill)


def record(history):
    plain = history.to_dict()
    del plain["seconds"]
    return plain


def file_in(folder):
    return folder / "checkpoint.npz"


# going on


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("step", [1, 2, 4, 5, 13, 24])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"schedule": "one_cycle"},
        {"schedule": dl.schedules.reduce_on_plateau(0.5, patience=1)},
        {"validation_split": 0.3, "restore_best": True, "metrics": ["mse"]},
        {"validation_data": (X_OTHER, Y_OTHER), "patience": 2, "min_delta": 0.05},
        {"shuffle": False, "sample_weight": [1, 2, 1, 0, 1, 1, 3]},
    ],
    ids=str,
)
def test_killed_training_ends_with_the_same_bits(more, step, backend, tmp_path):
    once = new_net(backend)
    whole = once.fit(X, Y, **OPTIONS, **more)
    options = {**OPTIONS, **more, "checkpoint": tmp_path, "checkpoint_every": 0, "resume": True}
    with contextlib.suppress(Killed):  # where it has ended before
        new_net(backend).fit(X, Y, callbacks=[kill_at(step)], **options)
    again = new_net(backend, seed=9)  # as a new process has it, but for what the file holds
    history = again.fit(X, Y, **options)
    assert again.theta.tobytes() == once.theta.tobytes()
    assert record(history) == record(whole)
    assert again.generator.bit_generator.state == once.generator.bit_generator.state


@pytest.mark.parametrize("step", [1, 6, 11])
@pytest.mark.parametrize("split", [None, 0.3])
def test_masks_of_dropout_go_on(split, step, tmp_path):
    def net(seed=4):
        layers = [dl.Dense(6, "tanh", dropout=0.4), dl.Dense(2, "identity")]
        return dl.Network(3, layers, dtype="float64", seed=seed)

    once = net()
    options = {**OPTIONS, "validation_split": split}
    once.fit(X, Y, **options)
    options |= {"checkpoint": tmp_path, "checkpoint_every": 0, "resume": True}
    with pytest.raises(Killed):
        net().fit(X, Y, callbacks=[kill_at(step)], **options)
    again = net(seed=9)
    again.fit(X, Y, **options)
    assert again.theta.tobytes() == once.theta.tobytes()
    again.save(tmp_path / "net.npz", state=True)
    loaded = dl.load(tmp_path / "net.npz")
    for one in (once, loaded):
        one.fit(X, Y, epochs=2, batch_size=2, resume=True, validation_split=split)
    assert loaded.theta.tobytes() == once.theta.tobytes()


SCRIPT = """
    import sys, time
    import numpy as np
    import deltaloop as dl

    data = np.random.default_rng(0).normal(size=(60, 12)).astype("f4")
    net = dl.Network([10, 16, 2], activation="tanh", seed=5)

    def slowly(state):
        time.sleep(0.005)

    print("ready", flush=True)
    history = net.fit(
        data[:, :10], data[:, 10:], epochs=60, batch_size=7, optimizer=dl.Adam(0.01),
        schedule="one_cycle", validation_split=0.2, restore_best=True,
        callbacks=[dl.callbacks.every(4, slowly), dl.callbacks.CSVLog(sys.argv[1] + "/log.csv")],
        checkpoint=sys.argv[1], checkpoint_every=0, resume=True,
    )
    print(net.theta.tobytes().hex(), history.loss, history.validation_loss, history.best_epoch)
"""


def test_process_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path):
    def start(folder):
        folder.mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), str(folder)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ended(process):
        with process:
            out = process.communicate(timeout=60)[0]
        assert process.returncode == 0
        return out.removeprefix("ready\n")

    expected = ended(start(tmp_path / "once"))

    def written():
        return file_in(folder).stat().st_mtime_ns if file_in(folder).exists() else 0

    moments, epochs, folder = random.Random(1), [], tmp_path / "killed"
    while len(epochs) < 10:
        with start(folder) as process:
            before = written()
            assert process.stdout.readline() == "ready\n"
            # every second one gets somewhere
            while len(epochs) % 2 and written() == before and process.poll() is None:
                time.sleep(0.001)
            time.sleep(moments.uniform(0, 0.03))
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)
        assert process.returncode == -signal.SIGKILL  # it had not ended
        if file_in(folder).exists():  # whole, and a network
            epochs.append(len(dl.load(file_in(folder))._run.history))
        else:
            epochs.append(0)
    assert epochs == sorted(epochs)
    assert 0 < epochs[-1] < 60
    assert ended(start(folder)) == expected
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("once", "killed")]
    assert [line.split(",")[:4] for line in logs[0]] == [line.split(",")[:4] for line in logs[1]]
    assert [name for name in os.listdir(folder) if name.endswith(".part")] == []


def test_training_that_is_done_is_not_run_again(tmp_path):
    net, again = new_net(), new_net(seed=9)
    options = {**OPTIONS, "checkpoint": tmp_path, "resume": True, "restore_best": True}
    history = net.fit(X, Y, **options)
    assert record(again.fit(X, Y, **options)) == record(history)
    assert again.theta.tobytes() == net.theta.tobytes()


def test_training_that_patience_ended_stays_ended(tmp_path):
    options = {"epochs": 50, "optimizer": dl.SGD(0.0), "patience": 2, "shuffle": False}
    for _ in range(2):
        history = new_net().fit(X, Y, **options, checkpoint=tmp_path, resume=True)
        assert (len(history), history.stop_reason) == (3, "patience")


def test_training_may_be_made_longer(tmp_path):
    once, net = new_net(), new_net()
    once.fit(X, Y, **{**OPTIONS, "epochs": 9})
    for epochs in (6, 9):
        net.fit(X, Y, **{**OPTIONS, "epochs": epochs}, checkpoint=tmp_path, resume=True)
    assert net.theta.tobytes() == once.theta.tobytes()


def test_training_that_time_ended_goes_on(tmp_path):
    once, n = new_net(), 0
    whole = once.fit(X, Y, **OPTIONS)
    while n < 100:
        n, net = n + 1, new_net()
        history = net.fit(
            X, Y, **OPTIONS, checkpoint=tmp_path, resume=True, max_seconds=0,
            callbacks=[every(3, lambda state: None)],
        )  # fmt: skip
        if history.stop_reason == "epochs":
            break
    assert n > 3
    assert net.theta.tobytes() == once.theta.tobytes()
    assert history.loss == whole.loss


def test_checkpoint_changes_nothing(tmp_path):
    net, twin = new_net(), new_net()
    history = net.fit(X, Y, **OPTIONS, checkpoint=tmp_path, checkpoint_every=0)
    assert history.loss == twin.fit(X, Y, **OPTIONS).loss
    assert net.theta.tobytes() == twin.theta.tobytes()


def test_generator_that_others_hold_goes_on(tmp_path):
    mine = np.random.default_rng(4)
    net = dl.Network([3, 4, 2], seed=mine)
    net.fit(X, Y, epochs=2, checkpoint=tmp_path)
    expected = mine.bit_generator.state
    mine.random(5)
    net.fit(X, Y, epochs=2, checkpoint=tmp_path, resume=True)
    assert net.generator is mine
    assert mine.bit_generator.state == expected


@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_every_generator_of_numpy_is_kept(bits, tmp_path):
    def net():
        return dl.Network([3, 4, 2], seed=np.random.Generator(getattr(np.random, bits)(3)))

    once = net()
    once.fit(X, Y, **OPTIONS)
    options = {**OPTIONS, "checkpoint": tmp_path, "checkpoint_every": 0, "resume": True}
    with pytest.raises(Killed):
        net().fit(X, Y, callbacks=[kill_at(9)], **options)
    again = net()
    again.fit(X, Y, **options)
    assert again.theta.tobytes() == once.theta.tobytes()


# how often


def test_time_between_two_is_kept(tmp_path, monkeypatch):
    now, written = [0.0], []
    monkeypatch.setattr(checkpoints, "perf_counter", lambda: now[0])
    save = archive.save
    monkeypatch.setattr(archive, "save", lambda *a: written.append(now[0]) or save(*a))

    def tick(state):
        now[0] += 1.0

    new_net().fit(
        X, Y, epochs=10, callbacks=[tick], checkpoint=tmp_path, checkpoint_every=3
    )  # fmt: skip
    assert written == [0.0, 3.0, 6.0, 9.0, 10.0]


# what is refused, and what fails


def test_earlier_training_is_not_overwritten(tmp_path):
    net = new_net()
    net.fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    content, theta = file_in(tmp_path).read_bytes(), net.theta.tobytes()
    with pytest.raises(dl.InvalidInputError, match="of an earlier training; go on with it by"):
        net.fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    assert file_in(tmp_path).read_bytes() == content
    assert net.theta.tobytes() == theta


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"batch_size": 3}, "written by a fit with batch_size=2, this one has 3; give the same"),
        ({"optimizer": dl.Adam(0.2)}, "written by a fit with optimizer="),
        ({"schedule": "cosine"}, 'with schedule=None, this one has "cosine'),
        ({"shuffle": False}, "with shuffle=True, this one has False"),
        ({"validation_split": 0.5}, "with validation_split=None, this one has 0.5"),
        ({"metrics": ["mse"]}, r"with metrics=\[\], this one has \['mse'\]"),
        ({"restore_best": True}, "with restore_best=False, this one has True"),
    ],
)
def test_another_fit_does_not_go_on_with_it(change, text, tmp_path):
    net = new_net()
    net.fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    before = net.theta.tobytes()
    with pytest.raises(dl.InvalidInputError, match=text):
        net.fit(X, Y, **{**OPTIONS, **change}, checkpoint=tmp_path, resume=True)
    assert net.theta.tobytes() == before


def changed(values, index):
    values = np.array(values, dtype=float)
    values[index] += 1e-3
    return values


@pytest.mark.parametrize(
    "change",
    [
        {"X": changed(X, (0, 0))},
        {"X": changed(X, (-1, -1))},
        {"X": X[::-1], "Y": Y[::-1]},
        {"Y": changed(Y, (3, 1))},
        {"sample_weight": np.arange(1, len(X) + 1)},
        {"validation_data": (changed(X, (2, 1)), Y)},
    ],
    ids=["first of X", "last of X", "order", "Y", "weights", "validation"],
)
def test_other_values_do_not_go_on_with_it(change, tmp_path):
    net, given = new_net(), {"X": X, "Y": Y, "validation_data": (X, Y), **OPTIONS}
    net.fit(**given, checkpoint=tmp_path)
    before = net.theta.tobytes()
    net.fit(**given, checkpoint=tmp_path, resume=True)
    with pytest.raises(dl.InvalidInputError, match="on other samples, targets or weights"):
        net.fit(**{**given, **change}, checkpoint=tmp_path, resume=True)
    assert net.theta.tobytes() == before


def test_checkpoints_know_samples_by_some_rows_of_many(monkeypatch):
    monkeypatch.setattr(checkpoints, "_LOOKED", 5)
    samples = Samples(np.arange(200.0).reshape(100, 2), np.zeros((100, 1)))
    look = checkpoints.look_of(samples, None)
    for row, seen in ((0, True), (99, True), (49, True), (50, False)):
        other = Samples(changed(samples.X, (row, 0)), samples.Y)
        assert (checkpoints.look_of(other, None) != look) == seen


@pytest.mark.parametrize(
    ("net", "text"),
    [
        (dl.Network([3, 5, 2], activation="tanh", dtype="float64"), "of a network with layers="),
        (new_net(dtype="float32"), "with dtype='float64', this one has 'float32'"),
        (
            dl.Network([3, 4, 2], activation="tanh", dtype="float64", loss="huber"),
            "with loss='mse'",
        ),
    ],
    ids=["layers", "dtype", "loss"],
)
def test_another_network_does_not_go_on_with_it(net, text, tmp_path):
    new_net().fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    before = net.theta.tobytes()
    with pytest.raises(dl.InvalidInputError, match=text):
        net.fit(X, Y, **OPTIONS, checkpoint=tmp_path, resume=True)
    assert net.theta.tobytes() == before


def test_other_samples_do_not_go_on_with_it(tmp_path):
    new_net().fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    with pytest.raises(dl.InvalidInputError, match="with n_samples=7, this one has 6"):
        new_net().fit(X[:6], Y[:6], **OPTIONS, checkpoint=tmp_path, resume=True)


def test_network_without_a_training_is_no_checkpoint(tmp_path):
    new_net().save(file_in(tmp_path), state=True)
    with pytest.raises(dl.FileFormatError, match="a network without a training to go on with"):
        new_net().fit(X, Y, checkpoint=tmp_path, resume=True)


def test_damaged_checkpoint_is_told_and_changes_nothing(tmp_path):
    new_net().fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    content, net = file_in(tmp_path).read_bytes(), new_net()
    before = net.theta.tobytes()
    for n in range(0, len(content), 97):
        file_in(tmp_path).write_bytes(content[:n])
        with pytest.raises(dl.FileFormatError):
            net.fit(X, Y, **OPTIONS, checkpoint=tmp_path, resume=True)
    assert net.theta.tobytes() == before


def edited(path, change):
    with np.load(path) as file:
        arrays = dict(file)
    description = json.loads(str(arrays["format"]))
    change(description, arrays)
    arrays["format"] = np.array(json.dumps(description))
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "change",
    [
        lambda d, a: d["state"]["run"].pop("step"),
        lambda d, a: d["state"]["run"].update(step=-1),
        lambda d, a: d["state"]["run"].update(step="many"),
        lambda d, a: d["state"]["run"].update(rule="magic"),
        lambda d, a: d["state"]["run"].update(optimizer={"name": "os.system"}),
        lambda d, a: d["state"]["run"].update(best_epoch=99),
        lambda d, a: d["state"]["run"].update(columns=["loss"]),
        lambda d, a: d["state"].update(run=5),
        lambda d, a: d["state"]["generator"].update(bit_generator="system"),
        lambda d, a: d["state"]["generator"].update(state=3),
        lambda d, a: d["state"].pop("generator"),
        lambda d, a: a.pop("state_run_slots"),
        lambda d, a: a.update(state_run_slots=a["state_run_slots"][:, :-1]),
        lambda d, a: a.update(state_run_slots=a["state_run_slots"] * np.nan),
        lambda d, a: a.update(state_run_slots=a["state_run_slots"].astype("f4")),
        lambda d, a: a.update(state_run_history=a["state_run_history"][:1]),
        lambda d, a: a.update(W1=a["W1"][:-1]),
    ],
)
def test_checkpoint_with_nonsense_is_told_and_changes_nothing(change, tmp_path):
    new_net().fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    edited(file_in(tmp_path), change)
    net = new_net()
    theta, state = net.theta.tobytes(), net.generator.bit_generator.state
    with pytest.raises(dl.FileFormatError):
        net.fit(X, Y, **OPTIONS, checkpoint=tmp_path, resume=True)
    assert (net.theta.tobytes(), net.generator.bit_generator.state) == (theta, state)


def test_directory_that_cannot_be_made_is_told_before_anything_changes(tmp_path):
    (tmp_path / "file").write_text("")
    net = new_net()
    theta, state = net.theta.tobytes(), net.generator.bit_generator.state
    with pytest.raises(OSError, match="file"):
        net.fit(X, Y, checkpoint=tmp_path / "file" / "run")
    assert (net.theta.tobytes(), net.generator.bit_generator.state) == (theta, state)


def test_full_disk_is_told_once_and_the_training_is_not_lost(tmp_path, monkeypatch):
    net, twin, save, calls = new_net(), new_net(), archive.save, []
    expected = twin.fit(X, Y, **OPTIONS)

    def full(net, theta, path, state):
        calls.append(path)
        if len(calls) in (3, 4):
            raise OSError(errno.ENOSPC, "No space left on device", path)
        save(net, theta, path, state)

    monkeypatch.setattr(archive, "save", full)
    with pytest.warns(
        dl.DeltaloopWarning, match="No space left on device.*training goes on"
    ) as told:
        history = net.fit(X, Y, **OPTIONS, checkpoint=tmp_path, checkpoint_every=0)
    assert len(told) == 1
    assert len(calls) > 5
    assert history.loss == expected.loss
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert len(dl.load(file_in(tmp_path))._run.history) == 6


def test_full_disk_at_the_start_is_an_error(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    monkeypatch.setattr(archive, "save", full)
    net = new_net()
    theta, state = net.theta.tobytes(), net.generator.bit_generator.state
    with pytest.raises(OSError, match="No space left"):
        net.fit(X, Y, checkpoint=tmp_path)
    assert (net.theta.tobytes(), net.generator.bit_generator.state) == (theta, state)


class Mine(np.random.Generator):
    """A generator of somebody else."""


def test_what_would_be_code_is_refused(tmp_path):
    net = new_net()
    net.generator = Mine(np.random.PCG64(1))
    with pytest.raises(dl.InvalidInputError, match="a generator of your own is code"):
        net.fit(X, Y, checkpoint=tmp_path)
    assert not file_in(tmp_path).exists()


def test_checkpoint_is_a_network(tmp_path):
    net = new_net()
    net.fit(X, Y, **OPTIONS, checkpoint=tmp_path)
    assert dl.load(file_in(tmp_path)).theta.tobytes() == net.theta.tobytes()


@pytest.mark.parametrize("wrong", [3, True, b"\0"])
def test_directory_is_a_path(wrong):
    with pytest.raises((dl.InvalidTypeError, dl.InvalidInputError)):
        new_net().fit(X, Y, checkpoint=wrong)


def test_time_between_checkpoints_needs_a_directory(tmp_path):
    with pytest.raises(dl.InvalidInputError, match="give checkpoint='folder', too"):
        new_net().fit(X, Y, checkpoint_every=5)
    with pytest.raises(dl.InvalidInputError, match="checkpoint_every must be finite and >= 0"):
        new_net().fit(X, Y, checkpoint=tmp_path, checkpoint_every=-1)


# states of saved networks


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [dl.SGD(0.1), dl.SGD(0.1, momentum=0.9), dl.Adam(0.1)])
def test_saved_network_goes_on_where_it_was(optimizer, dtype, tmp_path):
    net = new_net(dtype=dtype)
    net.optimizer = optimizer
    net.learn_one(X[0], Y[0])
    net.fit(X, Y, epochs=3, batch_size=2)
    net.save(tmp_path / "net.npz", state=True)
    loaded = dl.load(tmp_path / "net.npz")
    for one in (net, loaded):
        one.learn_one(X[1], Y[1])
        one.fit(X, Y, epochs=3, batch_size=2, resume=True)
    assert loaded.theta.tobytes() == net.theta.tobytes()
    assert record(loaded._run.history) == record(net._run.history)


def test_saved_network_that_was_never_fitted_keeps_its_generator(tmp_path):
    net = new_net(seed=8)
    net.save(tmp_path / "net.npz", state=True)
    loaded = dl.load(tmp_path / "net.npz")
    assert loaded.generator.bit_generator.state == net.generator.bit_generator.state
    assert loaded._run is None


def test_state_is_kept_on_request_only(tmp_path):
    net = new_net()
    net.fit(X, Y, epochs=2)
    net.save(tmp_path / "net.npz")
    with pytest.raises(dl.InvalidInputError, match="this network has none"):
        dl.load(tmp_path / "net.npz").fit(X, Y, resume=True)
    with pytest.raises(dl.InvalidTypeError, match="state must be True or False"):
        net.save(tmp_path / "net.npz", state="all")
