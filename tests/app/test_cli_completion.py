"""What the shell offers after Tab."""

import os
import shutil
import subprocess

import pytest
from click.shell_completion import ShellComplete

from command_line import COMMAND
from deltaloop.app.commands import command


def offered(*words):
    """Kinds and values of what may stand in the place of the last word."""
    shell = ShellComplete(command, {}, "deltaloop", "_DELTALOOP_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["tra"], ["train"]),
        (["train", "--optimi"], ["--optimizer"]),
        (["train", "--optimizer", "ada"], ["adam", "adamw", "adagrad", "adadelta"]),
        (["train", "--loss", "poi"], ["poisson"]),
        (["train", "--backend", ""], ["reference", "cython", "numba"]),
        (["convert", "a.npz", "b", "--to", "on"], ["onnx"]),
    ],
)
def test_names_are_completed(words, expected):
    assert set(offered(*words)) == {("plain", name) for name in expected}


@pytest.mark.parametrize(
    "words",
    [["train", "fl"], ["train", "--save", ""], ["predict", "n"], ["predict", "net.npz", "d"],
     ["predict", "net.npz", "-o", "x"], ["export", "net.npz", "n"], ["info", ""],
     ["convert", "a.npz", "b"]],
)  # fmt: skip
def test_files_are_left_to_the_shell(words):
    assert offered(*words) == [("file", words[-1])]


@pytest.mark.parametrize("words", [["train", "--target", ""], ["train", "--learning-rate", ""]])
def test_nothing_is_guessed(words):
    assert offered(*words) == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_understands_it():
    script = f"""
        PATH="{COMMAND.parent}:$PATH"
        eval "$(_DELTALOOP_COMPLETE=bash_source deltaloop)"
        COMP_WORDS=(deltaloop train --optimizer rm); COMP_CWORD=3
        _deltaloop_completion deltaloop
        printf '%s ' "${{COMPREPLY[@]}}"
        complete -p deltaloop
    """
    shown = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=60, env=os.environ
    )
    assert shown.stderr == ""
    assert shown.stdout.startswith("rmsprop complete ")
