"""Rows of functions.py: whatever has to know one knows it, and what is printed of it is right."""

import importlib.util
import inspect
import re
import sys
from pathlib import Path
from typing import ClassVar

import pytest

import cases
import embedded_networks
import exact
import oracle
import tolerances
from deltaloop.interop.c_header import functions as c_functions
from deltaloop.kernels import expressions, functions, interface, reference
from deltaloop.parts.optimizers import OPTIMIZERS
from fuzz import draws

ROOT = Path(__file__).resolve().parents[2]
LOGITS = [name for name, row in functions.LOSSES.items() if row.logits_value]
OF_UNITS = [name for name, row in functions.ACTIVATIONS.items() if row.f is not None]


@pytest.fixture(scope="module")
def written():
    """The text of what the build writes for Cython."""
    path = ROOT / "kernels" / "cython" / "write_functions.py"
    spec = importlib.util.spec_from_file_location("write_functions", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:  # it makes the folder of kernels a place of modules
        patch.setattr(sys, "path", sys.path.copy())
        spec.loader.exec_module(module)
    return module.tables(), module.switches()


@pytest.mark.parametrize("name", functions.ACTIVATIONS)
def test_every_activation_is_known_to_the_reference_the_oracle_and_the_c_export(name):
    assert interface.ACTIVATIONS.index(name) == list(functions.ACTIVATIONS).index(name)
    assert name in reference.CURVES
    z = [0.5, -0.25]
    oracle.jacobian(name, z, oracle.activate(name, z, 0.3), 0.3)
    assert name == "identity" or {name, f"{name}_slope"} <= c_functions.FUNCTIONS.keys()


@pytest.mark.parametrize("name", OF_UNITS)
def test_every_activation_is_written_for_cython_and_has_its_accuracy(name, written):
    functions_pxd, switches = written
    code = name.upper()
    assert functions_pxd.count(f"if activation == {code}:") == 2  # f and slope
    common = functions.ACTIVATIONS[name].is_common
    assert switches.count(f"if activation == {code}:") == (
        4 if common and code != "IDENTITY" else 2
    )
    assert (
        switches.count(f"activation == {code} ") + switches.count(f"activation == {code})")
        == common
    )
    assert name in tolerances.ULP


@pytest.mark.parametrize("name", functions.LOSSES)
def test_every_loss_is_known_to_the_reference_the_oracle_the_c_export_and_the_tests(name, written):
    assert interface.LOSSES.index(name) == list(functions.LOSSES).index(name)
    row = functions.LOSSES[name]
    loss = cases.loss_named(name)
    assert (loss.parameter is None) == (row.parameter is None)
    assert {name: loss.parameter} == {name: cases.PARAMETER.get(name)}
    given = (name, loss.parameter) if row.parameter else name
    a = -0.25 if name == "nll" else 0.25  # a logarithm
    assert oracle.loss_and_slope(given, [a], [0.75], 1e-7)[0] > 0
    assert name in reference.TERMS
    assert name in c_functions.FUNCTIONS


@pytest.mark.parametrize("name", functions.LOSSES)
def test_every_loss_is_written_for_cython(name, written):
    functions_pxd, switches = written
    logits = name in LOGITS
    outer = functions.LOSSES[name].outer is not None
    assert functions_pxd.count(f"if loss == {name.upper()}:") == (4 if logits else 2) + outer
    common = functions.LOSSES[name].is_common
    assert switches.count(f"if loss == {name.upper()}:") == common
    assert (
        switches.count(f"loss == {name.upper()} \\") + switches.count(f"loss == {name.upper()})")
        == common
    )
    assert switches.count(f"if loss == {name.upper()} and") == (2 if logits else 1)
    partner = functions.LOSSES[name].partner.upper()
    pair = f"(loss == {name.upper()} and activation == {partner})"
    assert (pair in functions_pxd) == functions.LOSSES[name].is_canonical


@pytest.mark.parametrize("name", OF_UNITS)
def test_every_activation_has_exact_values(name):
    assert name in exact.EXACT, f"tests/exact.py has no row {name!r}"
    alpha = 0.3 if functions.ACTIVATIONS[name].alpha else 0.0
    for z in (-2.0, -0.5, 0.5, 2.0):  # differences of f are its slope
        ends = [exact.value(name, z + h, alpha) for h in (1e-6, -1e-6)]
        assert float(ends[0] - ends[1]) / 2e-6 == pytest.approx(
            exact.slopes(name, z, alpha).item(), rel=1e-6
        )


@pytest.mark.parametrize("name", functions.RULES)
def test_every_rule_is_known_to_an_optimizer_the_oracle_and_the_tests(name, written):
    row = functions.RULES[name]
    rule = cases.RULES[name].rule()
    assert type(cases.RULES[name]) in OPTIMIZERS.values()
    assert interface.RULES[rule.code] == name
    assert rule.n_slots == len(row.slots) + (not row.is_fused)
    assert len(rule.hyper) == len(row.hyper) <= 8
    w, slots = oracle.step(name, rule.hyper, 1, 1.0, [0.0] * rule.n_slots, 0.5)
    assert w < 1
    assert len(slots) == rule.n_slots
    assert f"if code == {name.upper()}:" in written[0]


def row_of(optimizer):
    """The name of the row of an optimiser."""
    return interface.RULES[optimizer.rule().code]


def test_the_readme_names_every_activation_loss_and_optimiser():
    text = (ROOT / "README.md").read_text()
    classes = [type(optimizer).__name__ for optimizer in cases.RULES.values()]
    for name in [*functions.ACTIVATIONS, *functions.LOSSES, *classes]:
        assert re.search(rf"\b{name}\b", text), name


def test_no_table_of_tests_names_what_is_no_row():
    assert cases.RULES.keys() == functions.RULES.keys()
    assert embedded_networks.OPTIMIZERS.keys() == functions.RULES.keys()
    drawn = {row_of(optimizer) for optimizer in draws.OPTIMIZERS}
    assert drawn == functions.RULES.keys()
    assert reference.CURVES.keys() == functions.ACTIVATIONS.keys()
    assert reference.TERMS.keys() == functions.LOSSES.keys()
    assert list(exact.EXACT) == OF_UNITS


class Python(expressions.Language):
    """Rows as Python, to be evaluated."""

    calls: ClassVar = {"logistic": "logistic", "log": "log"}
    statement = "{name} = {value}"
    epsilon = "epsilon"

    def number(self, x):
        return repr(x)

    def where_above(self, x, y, above, other):
        return f"({above} if {x} > {y} else {other})"


def test_what_is_printed_computes_what_the_row_says():
    def slope(m, z, a, alpha):  # of silu
        s = m.logistic(z)
        return s + a * (1 - s)

    lines, result, n = expressions.written(slope, Python(), "z", "a")
    assert lines == ["t0 = logistic(z)", "t1 = 1 - t0", "t2 = a * t1", "t3 = t0 + t2"]
    assert (result, n) == ("t3", 4)
    names = {"z": 0.5, "a": 0.5 * oracle._sigmoid(0.5), "logistic": oracle._sigmoid}
    for line in lines:
        exec(line, names)
    assert names[result] == pytest.approx(oracle._slope("silu", 0.5, 0), rel=1e-14)


def test_a_constant_result_and_every_operator_are_printed():
    def f(m, x, alpha):
        return m.where_above(x, 1, 2 / x, 3 - x) * -x + x / 2 - alpha * x

    lines, result, _ = expressions.written(f, Python(), "x")
    names = {"x": 0.5, "alpha": 4.0}
    for line in lines:
        exec(line, names)
    assert names[result] == (3 - 0.5) * -0.5 + 0.25 - 2
    assert expressions.written(functions.identity.slope, Python(), "z", "a")[1] == "1"


def test_what_is_made_of_scalars_alone_takes_no_variable():
    def f(m, x, alpha):
        return m.where_above(x, 1 - m.epsilon, -alpha, (2 - alpha) / x)

    lines, result, n = expressions.written(f, Python(), "x", parameter="p")
    assert lines == ["t0 = (2 - p) / x", "t1 = ((-p) if x > (1 - epsilon) else t0)"]
    assert (result, n) == ("t1", 2)


def test_the_example_of_contributing_is_the_source():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", text, re.S)
    source = inspect.getsource(functions)
    for line in block.splitlines():
        assert line.strip() in source
