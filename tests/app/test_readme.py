"""The README opens with a table of the user's own, and what it shows is what happens.

Figures depend on the processor: the text around them is compared, and how good they are.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import number, rows

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d[\d,.]*(e[-+]?\d+)?")


def form(text):
    """The text without what differs between machines: figures, curves, the instruction set."""
    lines = [re.sub("[▁▂▃▄▅▆▇█]+", "~", line) for line in text.splitlines()]
    lines = [line.split("  ")[0] if line.startswith("backend") else line for line in lines]
    return [re.sub(" +", " ", NUMBER.sub("#", line)) for line in lines]


@pytest.fixture
def blocks():
    """(language, text) of the blocks of the opening."""
    opening = README.read_text("utf-8").split("\n## Ten lines of Python")[0]
    found = BLOCK.findall(opening)
    assert [language for language, _ in found] == ["csv", "sh", "text", "sh", "text"]
    return [text for _, text in found]


def shell(text):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-e"], input=text, capture_output=True, text=True, check=True, encoding="utf-8",
        env=os.environ | {"PATH": path},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_table_of_the_readme_is_learned_as_it_says(blocks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table, train, report, predict, predicted = blocks
    Path("flats.csv").write_text(table, "utf-8")
    found = shell(train)
    assert form(found) == form(report)
    for told in (report, found):
        error, constant = rows(told)["test RMSE"].split(" (constant answer: ")
        assert number(error) < 0.5 * number(constant)
    found = shell(predict)
    assert form(found) == form(predicted)
    assert found.splitlines()[0] == predicted.splitlines()[0]
    ids = [line.split(",")[0] for line in table.splitlines()]
    assert [line.split(",")[0] for line in found.splitlines()] == ids[: len(found.splitlines())]
