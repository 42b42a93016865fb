"""Modules that lie in a folder and are addressed without it."""

import importlib
import os
import pickle
import subprocess
import sys

import pytest

import deltaloop as dl

# address, where it leads, and a name that users take from there
ADDRESSES = [
    ("activations", "parts.activations", "Activation"),
    ("callbacks", "training.callbacks", "CSVLog"),
    ("custom", "parts.custom", "CustomActivation"),
    ("history", "training.history", "History"),
    ("initializers", "parts.initializers", "initial_values"),
    ("layers", "parts.layers", "Dense"),
    ("losses", "parts.losses", "check_loss"),
    ("optimizers", "parts.optimizers", "SGD"),
    ("scaling", "parts.scaling", "Scaling"),
    ("schedules", "training.schedules", "cosine"),
    ("stream", "training.stream", "Stream"),
]


@pytest.mark.parametrize(("address", "place", "name"), ADDRESSES)
def test_module_is_found_under_both_names_and_is_the_same(address, place, name):
    module = importlib.import_module(f"deltaloop.{address}")
    assert module is importlib.import_module(f"deltaloop.{place}")
    assert module is getattr(dl, address)
    assert hasattr(module, name)


FIRST = """
import os
import sys
import numpy  # once for all: what follows is a fork for each

for code in {codes!r}:
    child = os.fork()
    if child == 0:
        try:
            assert not [name for name in sys.modules if name.startswith("deltaloop")]
            exec(code, {{}})
        except BaseException as error:
            print(f"{{code}}: {{error!r}}", flush=True)
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_first_import_of_a_process_may_be_that_of_an_address():
    forms = "import deltaloop.{0}", "from deltaloop.{0} import {1}"
    codes = [form.format(address, name) for address, _, name in ADDRESSES for form in forms]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FIRST.format(codes=codes)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("datasets", "load"), ("embedding", "get_include"), ("errors", "BusyError"),
        ("network", "Network"), ("numba", "unpack"), ("numba_handles", "learn"),
        ("kernels", "load"), ("kernels.interface", "Plan"), ("tables", "read"),
    ],
)  # fmt: skip
def test_public_module_is_where_it_always_was(module, name):
    assert hasattr(importlib.import_module(f"deltaloop.{module}"), name)


def test_pickles_name_the_classes_of_addresses():
    assert pickle.loads(b"cdeltaloop.layers\nDense\n.") is dl.Dense
