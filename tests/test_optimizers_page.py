"""docs/optimizers.md has every optimiser with the defaults of its class."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import deltaloop as dl
from deltaloop.optimizers import OPTIMIZERS, Optimizer

PAGES = Path(__file__).parents[1] / "docs"
PAGE = (PAGES / "optimizers.md").read_text(encoding="utf-8")
RULES = PAGE[PAGE.index("## The rules") : PAGE.index("## Names elsewhere")]
OF_BATCHES = [kind for kind in OPTIMIZERS.values() if issubclass(kind, Optimizer)]


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_the_page_has_it_among_those_to_choose_from(kind):
    table = PAGE[PAGE.index("## Which one") : PAGE.index("## The rules")]
    assert f"`{kind.__name__}`" in table


@pytest.mark.parametrize("kind", OF_BATCHES)
def test_defaults_are_those_of_the_class(kind):
    row = next(line for line in RULES.splitlines() if line.startswith(f"| `{kind.__name__}` |"))
    defaults = row.split(" | ")[-1]
    shown = {name: float(value) for name, value in re.findall(r"(\w+) = ([\d.e-]+)", defaults)}
    assert shown
    for field in fields(kind):
        if field.name in shown:
            assert shown.pop(field.name) == field.default
        elif not field.kw_only and "others as Adam" in defaults:
            assert field.default == getattr(dl.Adam(), field.name)
        elif not field.kw_only:
            assert kind is dl.SGD  # whose rows for momentum and nesterov follow
    assert not shown


def test_every_setting_that_all_optimizers_share_is_a_row_of_its_page():
    page = (PAGES / "regularization.md").read_text(encoding="utf-8")
    shared = [field.name for field in fields(Optimizer)]
    found = [name for name in re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) if name in shared]
    assert found[: len(shared)] == [
        "weight_noise",
        "clip_value",
        "clip_norm",
        "l1",
        "l2",
        "weight_decay",
        "max_norm",
    ]
    assert set(found) == set(shared)
