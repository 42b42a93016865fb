"""`deltaloop train`: schedules, what is watched, time and checkpoints."""

import pytest

import deltaloop as dl
from command_line import call, rows


def test_patience_ends_training_with_the_best_network(flowers):
    status, output = call(
        "train", flowers, "--target", "species", "--epochs", 2000, "--validation", 0.2,
        "--patience", 3, "--metrics", "accuracy, f1",
    )  # fmt: skip
    assert status == 0
    found = rows(output)
    assert "the loss stopped falling" in found["epochs"]
    watched = next(value for label, value in found.items() if label.startswith("validation, epoch"))
    assert watched.startswith("loss ")
    assert ", accuracy " in watched
    assert ", f1 " in watched


def test_schedule_changes_what_is_learned(flowers, tmp_path):
    thetas = set()
    for name in ("constant", "cosine", "one_cycle"):
        path = tmp_path / f"{name}.npz"
        status, _ = call("train", flowers, "--epochs", 5, "--schedule", name, "--save", path)
        assert status == 0
        thetas.add(dl.load(path).theta.tobytes())
    assert len(thetas) == 3


def test_time_ends_training(flowers):
    status, output = call("train", flowers, "--epochs", 10**9, "--max-seconds", 0.2)
    assert status == 0
    assert "the time was over" in rows(output)["epochs"]


def test_checkpoint_is_gone_on_with(flowers, tmp_path):
    options = ("train", flowers, "--epochs", 8, "--checkpoint", tmp_path / "run")
    once, again = tmp_path / "once.npz", tmp_path / "again.npz"
    assert call(*options, "--save", once)[0] == 0
    assert (tmp_path / "run" / "checkpoint.npz").is_file()
    status, output = call(*options, "--resume", "--save", again)
    assert status == 0
    assert rows(output)["epochs"] == "8"
    assert dl.load(again).theta.tobytes() == dl.load(once).theta.tobytes()
    status, output = call(*options)
    assert status == 2
    assert "go on with it by resume=True" in output


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--schedule", "cosin"), "did you mean 'cosine'?"),
        (("--metrics", "accuracyy"), "did you mean 'accuracy'?"),
        (("--validation", 2), "must be in (0, 1), got 2"),
        (("--patience", 0), "whole number >= 1"),
        (("--resume",), "--resume needs the folder to go on with; give --checkpoint FOLDER"),
        (("--max-seconds", -1), "max_seconds must be finite and >= 0"),
    ],
)
def test_wrong_option_is_told_on_one_line(flowers, options, text):
    status, output = call("train", flowers, *options)
    assert status == 2
    assert text in output
