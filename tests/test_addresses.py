"""Modules that lie in a folder and are addressed without it."""

import importlib
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


@pytest.mark.parametrize(("address", "place", "name"), ADDRESSES)
@pytest.mark.parametrize("form", ["import deltaloop.{0}", "from deltaloop.{0} import {1}"])
def test_first_import_of_a_process_may_be_that_of_an_address(address, place, name, form):
    code = form.format(address, name)
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


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
