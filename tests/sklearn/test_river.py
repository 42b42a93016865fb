"""The wrapper in the documentation passes the checks of river."""

import importlib
import re
from pathlib import Path

import pytest

checks = pytest.importorskip("river.checks")

PAGE = Path(__file__).parents[2] / "docs" / "sklearn.md"


def test_wrapper_of_the_page_passes_the_checks_of_river(tmp_path, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    code = next(block for block in blocks if "class OnlineRegressor" in block)
    text = "import numpy as np\n" + code.partition("\n\n\nmodel =")[0]
    (tmp_path / "wrapper_for_river.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    checks.check_estimator(importlib.import_module("wrapper_for_river").OnlineRegressor())
