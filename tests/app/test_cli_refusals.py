"""What the command line refuses, in one line that says what is accepted."""

import os
import threading
from pathlib import Path

import pytest

from command_line import call, refused, run, write_csv
from deltaloop.app import train_command


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ("digts", "did you mean 'digits'?"),
        ("nowhere.csv", "no file 'nowhere.csv'"),
        (".", "directory"),
        ("iris --layers 3x", "--layers must be widths"),
        ("iris --layers 0", "--layers must be widths"),
        ("iris --layers 1000000,1000000,1000000", "memory"),
        ("iris --task regress", "did you mean 'regression'?"),
        ("iris --activation rleu", "did you mean 'relu'?"),
        ("iris --activation softmax", "softmax is an output activation"),
        ("iris --loss mes", "'mse'"),
        ("iris --simple --optimizer adm", "unknown optimizer 'adm'"),
        ("iris --simple --optimizer adm --batch-size 5", "did you mean 'adam'?"),
        ("iris --loss binary_cross_entropy", "needs 2 classes, the target has 3"),
        ("sine --loss cross_entropy", "needs classes"),
        ("iris --loss hinge", "takes targets of -1 and 1, which the command does not make"),
        ("iris --loss poisson", "needs values, but the task is classification"),
        ("sine --loss poisson", "Y must lie in [0, inf) for poisson"),
        ("sine --task classification", "use --task regression"),
        ("iris --optimizer sdg", "did you mean 'sgd'?"),
        ("iris --learning-rate -1", "got -1"),
        ("iris --learning-rate nan", "got nan"),
        ("iris --learning-rate fast", "'fast'"),
        ("iris --momentum 1", "got 1.0"),
        ("iris --nesterov", "momentum"),
        ("iris --batch-size 0", "whole number >= 1, got '0'"),
        ("iris --batch-size 106", "at most 105"),
        ("iris --epochs 1.5", "whole number >= 1, got '1.5'"),
        ("iris --seed -1", "whole number >= 0, got '-1'"),
        ("iris --dtype float16", "'float32'"),
        ("iris --backend cuda", "'cython'"),
        ("iris --target species", "--target is for tables"),
        ("iris --test-fraction 0.5", "--test-fraction is for tables"),
        ("iris --layer 3", "--layers"),
        ("iris iris", "unexpected extra argument"),
        ("iris --save /", "directory"),
        ("iris --save /nowhere/net.npz", "cannot be written"),
    ],
)
def test_of_train(arguments, part):
    assert part in refused("train", *arguments.split())


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("--target speces", "did you mean 'species'?"),
        ("--target 5", "numbered 1 to 4"),
        ("--target 0", "numbered 1 to 4"),
        ("--ignore species", "cannot be ignored"),
        ("--ignore hue", "no column 'hue'"),
        ("--task regression", "holds text, such as"),
        ("--test-fraction 1", "[0, 1)"),
        ("--test-fraction nan", "[0, 1)"),
    ],
)
def test_of_options_for_a_table(flowers, options, part):
    assert part in refused("train", flowers, *options.split())


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("a,y\n", "header"),
        ("a,y\n1,2\n", "at least 2"),
        ("y\n1\n2\n", "has no column beside the target"),
        ("a,y\n1,no\n2,no\n3,no\n", "has the value no in every row"),
        ("a,y\n1,2\n3,inf\n4,5\n", "infinite"),
        ("a,y\n1,2\n3\n", "cells"),
        ("a;y\n1;2 kg\n2;3 kg\n", "numbers with 'kg'"),
        ("a,y\n" + "".join(f"{i},n{i}\n" for i in range(40)), "it is no class"),
    ],
)
def test_of_tables(tmp_path, text, part):
    path = tmp_path / "t.csv"
    path.write_text(text)
    assert part in refused("train", path)


def test_of_tables_that_take_more_memory_than_is_allowed(flowers, tmp_path):
    net = tmp_path / "net.npz"
    assert call("train", flowers, "--save", net, "--max-memory", 1)[0] == 0
    for arguments in (("train", flowers), ("predict", net, flowers)):
        assert "(--max-memory), in GiB" in refused(*arguments, "--max-memory", 1e-6)
        assert "max_memory must be finite and >= 0" in refused(*arguments, "--max-memory", -1)


def test_of_binary_files(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(bytes(range(256)))
    assert "not UTF-8" in refused("train", path)


def test_of_commands():
    assert "did you mean 'train'?" in refused("tran").casefold()
    assert "'NET'" in refused("predict")
    assert "'DATA'" in refused("predict", "net.npz")


def test_of_an_unwritable_file_come_before_training(monkeypatch, tmp_path):
    def never(*_):
        pytest.fail("trained before the file was tried")

    monkeypatch.setattr(train_command, "open_problem", never)
    assert "directory" in refused("train", "iris", "--save", tmp_path)
    (tmp_path / "file").touch()
    assert "cannot be written" in refused("train", "iris", "--save", tmp_path / "file/net.npz")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_name_that_the_file_system_does_not_take_is_refused_before_training(monkeypatch, tmp_path):
    monkeypatch.setattr(train_command, "open_problem", lambda *_: pytest.fail("trained"))
    told = refused("train", "iris", "--save", tmp_path / f"{'n' * 300}.npz")
    assert "cannot be written: File name too long" in told

    def touch(path):  # as where a name must not have a colon
        raise OSError(22, "Invalid argument", str(path))

    monkeypatch.setattr(Path, "touch", touch)
    told = refused("train", "iris", "--save", tmp_path / "a:b.npz")
    assert told.endswith("a:b.npz' cannot be written: Invalid argument")
    assert not list(tmp_path.iterdir())


def test_a_pipe_is_never_replaced(flowers, tmp_path):
    pipe, net = tmp_path / "pipe", tmp_path / "net.npz"
    os.mkfifo(pipe)  # stands for devices too: a test that fails must not harm the machine
    assert "no ordinary file" in refused("train", "iris", "--save", pipe)
    assert call("train", flowers, "--save", net)[0] == 0
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text("utf-8")))
    reader.start()
    assert call("predict", net, flowers, "-o", pipe) == (0, "")
    reader.join(timeout=10)
    assert received == [call("predict", net, flowers)[1]]
    assert pipe.is_fifo()


def test_names_in_messages_and_reports_do_not_move_the_cursor(tmp_path):
    escape = "\x1b]0;title\x07\x9b2J"
    table = write_csv(
        tmp_path / f"{escape}.csv", ["a", f"y{escape}"], [[k, k % 2] for k in range(9)]
    )
    one = write_csv(tmp_path / "one.csv", ["a", "y"], [[k, escape] for k in range(9)])
    net, header = tmp_path / f"{escape}.npz", tmp_path / f"{escape}.h"
    printed = [
        call("train", table, "--save", net, "--epochs", 1),
        call("info", net),
        call("export", net, header),
        call("train", one),
        call("train", escape),
        call(escape),
        call("train", "iris", "--activation", escape),
        call("train", "iris", "--save", tmp_path / escape / "net.npz"),
    ]
    assert [status for status, _ in printed] == [0, 0, 0, 2, 2, 2, 2, 2]
    for _, text in printed:
        assert text.replace("\n", "").isprintable()
        assert r"\x1b]0;title\x07\x9b2J" in text


def test_name_that_the_terminal_has_no_characters_for_is_written_out(flowers, tmp_path):
    net = tmp_path / "net.npz"
    environment = {"PYTHONIOENCODING": "cp1251"}  # of another alphabet
    assert call("train", flowers, "--save", net)[0] == 0
    cells = write_csv(tmp_path / "t.csv", ["length", "width", "colour"], [[-9, 0, "blue"]])
    status, out, err = run("predict", net, cells, env=environment)
    assert (status, err) == (0, "")
    assert r"[bold]\u5c0f" in out
    strange = tmp_path / os.fsdecode(b"\xff\xfe.csv")
    strange.write_bytes(flowers.read_bytes())
    status, out, err = run("train", strange, "--epochs", 1)
    assert (status, err) == (0, "")
    assert r"\udcff\udcfe.csv" in out
