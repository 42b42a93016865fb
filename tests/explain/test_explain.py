"""`Network.explain`: the worked example, every pair of output and loss, and what is refused."""

import warnings
from math import log

import numpy as np
import pytest

import cases
import deltaloop as dl

WEIGHTS = [
    ([[1, 3, 1, 4], [2, 1, -1, 1]], [1, 1 + log(3)]),
    ([[2, -4], [4, 4]], [2, -5 - log(3)]),
    [[2, 8]],
]
X, Y = [1, 0, 2, -1], [1]


def worked(dtype="float64", **more):
    """The 4-2-2-1 network of test_worked_example.py."""
    layers = [
        dl.Dense(2, "sigmoid", init=WEIGHTS[0]),
        dl.Dense(2, "sigmoid", init=WEIGHTS[1]),
        dl.Dense(1, "identity", bias=False, init=WEIGHTS[2]),
    ]
    return dl.Network(4, layers, dtype=dtype, **more)


def network(activation, output, loss, dtype="float64", seed=3):
    """A 3-4-3-2 network with a loss, and one sample for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl.DeltaloopWarning)
        n_out = 2
        case = cases.case(seed, [3, 4, n_out], [activation, output], loss, np.dtype(dtype), 1)
        layers = [dl.Dense(4, activation), dl.Dense(n_out, output)]
        net = dl.Network(3, layers, loss=cases.loss_named(loss, output), dtype=dtype)
    for k in range(2):
        net.W[k], b = case.plan.W(case.theta, k), case.plan.b(case.theta, k)
        net.b[k] = 0 * net.b[k] if b is None else b
    Y = case.Y
    if net._loss.row.targets_sum_to_1:
        Y = np.array([[0.25, 0.75]])
    return net, case.X, Y


def parameters(net):
    """Every parameter as (keyword, place from 1, index of dW or db)."""
    for k, W in enumerate(net.W):
        for j in range(W.shape[0]):
            for i in range(W.shape[1]):
                yield "W", (k + 1, j + 1, i + 1), (k, (j, i))
            if net.b[k] is not None:
                yield "b", (k + 1, j + 1), (k, (j,))


def test_derivative_of_the_worked_example_is_nine_quarters():
    found = worked().explain(X, Y, W=(2, 2, 2))
    assert found.name == "w^2_22"
    assert found.value == pytest.approx(9 / 4, rel=1e-14)
    assert (found.delta.name, found.dz_name) == ("delta^3_2", "a^2_2")
    factors = found.delta.dC_da, found.delta.slope, found.delta.value, found.dz
    assert factors == pytest.approx((16, 3 / 16, 3, 3 / 4), rel=1e-14)
    assert [(term.names, term.value) for term in found.delta.terms] == [
        (("w^3_12", "delta^4_1"), pytest.approx(16, rel=1e-14))
    ]


def test_text_has_formulas_and_numbers():
    text = repr(worked().explain(X, Y, W=(2, 2, 2), recursive=True)).splitlines()
    assert [line.split()[-1] for line in text[1:6]] == ["16", "0.1875", "3", "0.75", "2.25"]
    assert text[0] == "dC/dw^2_22 = dC/da^3_2 * da^3_2/dz^3_2 * dz^3_2/dw^2_22 = 2.25"
    assert text[1].split() == ["dC/da^3_2", "w^3_12", "delta^4_1", "8", "*", "2", "16"]
    assert text[5].split() == ["dC/dw^2_22", "delta^3_2", "*", "a^2_2", "3", "*", "0.75", "2.25"]
    assert text[6] == "where delta^4_1 comes from"
    assert text[7].split() == ["dC/da^4_1", "a", "-", "y", "a", "=", "3,", "y", "=", "1", "2"]
    assert text[-1] == "loss mse 2; central difference of it 2.25"


def test_recursion_leads_to_the_outputs():
    found = worked().explain(X, Y, b=(1, 2), recursive=True)
    assert [delta.name for delta in found.deltas] == ["delta^3_1", "delta^3_2", "delta^4_1"]
    assert [delta.value for delta in found.deltas] == pytest.approx([1, 3, 2], rel=1e-14)
    assert worked().explain(X, Y, b=(1, 2)).deltas == ()
    assert float(found) == found.value == pytest.approx(3 / 2, rel=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["reference", "cython"])
def test_every_number_has_the_bits_of_gradients(backend, dtype):
    net = worked(dtype, backend=backend)
    _, dW, db, _ = net.gradients([X], [Y])
    seen = 0
    for kind, place, (k, index) in parameters(net):
        found = net.explain(X, Y, **{kind: place})
        assert found.value == float((dW if kind == "W" else db)[k][index])
        assert found.value == found.delta.value * found.dz  # of one sample without rounding
        seen += 1
    assert seen == net.n_parameters


@pytest.mark.parametrize(("output", "loss"), cases.PAIRS, ids="-".join)
def test_factors_multiply_to_the_gradient_for_every_loss(output, loss):
    net, X, Y = network("tanh", output, loss)
    _, dW, db, _ = net.gradients(X, Y)
    for kind, place, (k, index) in [*parameters(net)][:3] + [*parameters(net)][-5:]:
        found = net.explain(X, Y, **{kind: place})
        delta = found.delta
        assert found.value == float((dW if kind == "W" else db)[k][index])
        assert found.difference == pytest.approx(found.value, rel=1e-6, abs=1e-9)
        if delta.kind == "coupled":
            assert delta.value == pytest.approx(sum(t.value for t in delta.terms), abs=1e-12)
        elif delta.kind != "cancelled":
            assert delta.value == pytest.approx(delta.dC_da * delta.slope, rel=1e-9, abs=1e-13)
        assert found.name in repr(found)
        assert found._repr_latex_().count("{") == found._repr_latex_().count("}")


@pytest.mark.parametrize("activation", cases.HIDDEN)
def test_factors_multiply_to_the_gradient_for_every_activation(activation):
    net, X, Y = network(activation, "identity", "mse")
    found = net.explain(X, Y, W=(1, 2, 3))
    assert found.value == net.gradients(X, Y).dW[0][1, 2]
    assert found.delta.kind == "hidden"
    product = found.delta.dC_da * found.delta.slope * found.dz
    assert product == pytest.approx(found.value, rel=1e-9, abs=1e-13)
    assert found.difference == pytest.approx(found.value, rel=1e-6, abs=1e-9)


def test_canonical_delta_is_output_minus_target():
    for output, loss in cases.CANONICAL:
        net, X, Y = network("tanh", output, loss)
        found = net.explain(X, Y, b=(2, 1))
        assert found.delta.kind == "cancelled"
        if loss not in ("binary_focal", "cross_entropy"):  # which is smoothed here
            assert found.delta.formula == "a - y"
            a = net.activations(X, -1)[0, 0]
            assert found.delta.value == pytest.approx(a - Y[0, 0], rel=1e-12)


def test_softmax_with_mse_goes_through_the_jacobian():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl.DeltaloopWarning)
        net = dl.Network([3, 4, 3], output="softmax", loss="mse", dtype="float64", seed=2)
    found = net.explain([1.0, -1.0, 0.5], [1.0, 0.0, 0.0], W=(2, 3, 1))
    a = net.predict([[1.0, -1.0, 0.5]])[0]
    expected = [(a[k] - (k == 0)) * a[k] * ((k == 2) - a[2]) for k in range(3)]
    assert [term.value for term in found.delta.terms] == pytest.approx(expected, rel=1e-12)
    assert found.delta.terms[1].names == ("dC/da^3_2", "da^3_2/dz^3_3")


def test_label_smoothing_is_in_the_formula():
    net = dl.Network([2, 3], loss=dl.Loss("cross_entropy", label_smoothing=0.3), dtype="float64")
    found = net.explain([1.0, 2.0], 0, b=(1, 1))
    assert "= 0.8" in found.delta.formula
    assert found.value == pytest.approx(net.predict([[1.0, 2.0]])[0, 0] - 0.8, rel=1e-12)


def test_mask_leaves_a_connection_out():
    mask = [[True, False], [True, True]]
    net = dl.Network(2, [dl.Dense(2, "tanh", mask=mask), dl.Dense(1)], dtype="float64", seed=1)
    found = net.explain([1.0, 2.0], [0.5], W=(1, 1, 2))
    assert (found.value, found.connected, found.difference) == (0.0, False, 0.0)
    assert "a mask leaves this connection out" in repr(found)
    assert "mask" in found._repr_latex_()
    other = net.explain([1.0, 2.0], [0.5], W=(1, 2, 2))
    assert other.connected
    assert other.value == net.gradients([[1.0, 2.0]], [0.5]).dW[0][1, 1]


def test_missing_connections_are_no_terms():
    mask = [[True, False]]
    net = dl.Network(2, [dl.Dense(2, "tanh"), dl.Dense(1, "identity", mask=mask)], seed=1)
    assert len(net.explain([1.0, 2.0], [0.5], b=(1, 1)).delta.terms) == 1
    assert net.explain([1.0, 2.0], [0.5], b=(1, 2)).delta.terms == ()


def test_dropout_and_scaling_are_said():
    net = dl.Network([2, 3, 1], dropout=0.5, dtype="float64")
    net.scaling = dl.Scaling([1.0, 2.0], [2.0, 4.0], [3.0], [0.5])
    found = net.explain([3.0, 6.0], [4.0], W=(1, 1, 2))
    assert found.dz == 1.0  # (6 - 2) / 4
    assert found.value == net.gradients([[3.0, 6.0]], [4.0]).dW[0][0, 1]
    assert "scaled by net.scaling" in repr(found)
    assert "dropout and noise are off" in repr(found)


def test_functions_of_users_are_explained():
    pytest.importorskip("numba")
    square = dl.custom_activation("square", lambda z: z * z, lambda z, a: 2 * z)
    fourth = dl.custom_loss("fourth", lambda a, y: (a - y) ** 4 / 4, lambda a, y: (a - y) ** 3)
    net = dl.Network([2, 2, 1], activation=square, loss=fourth, dtype="float64", seed=1)
    found = net.explain([1.0, 2.0], [0.5], W=(1, 1, 2), recursive=True)
    assert found.value == net.gradients([[1.0, 2.0]], [0.5]).dW[0][0, 1]
    assert found.delta.slope == pytest.approx(2 * found.delta.z)
    assert found.difference == pytest.approx(found.value, rel=1e-7)
    assert "square'(z^2_1) = slope(z, a)" in repr(found)


def test_shortcuts_lead_from_every_layer_that_enters():
    layers = [dl.Dense(3, "tanh"), dl.Dense(2, "sigmoid", shortcuts=[0]),
              dl.Dense(2, "identity", shortcuts=[0, 1])]  # fmt: skip
    net, x, y = dl.Network(2, layers, dtype="float64", seed=4), [0.4, -0.7], [0.5, 1.0]
    _, dW, db, _ = net.gradients([x], [y])
    trace = net.trace(x, y)
    for kind, place, (k, index) in parameters(net):
        found = net.explain(x, y, **{kind: place})
        assert found.value == float((dW if kind == "W" else db)[k][index])
        assert found.difference == pytest.approx(found.value, rel=1e-6, abs=1e-9)
        delta = found.delta
        assert delta.value == pytest.approx(delta.dC_da * delta.slope, rel=1e-12)
        if kind == "W":
            assert delta.value * found.dz == pytest.approx(found.value, rel=1e-12)
    # columns of the last W: 2 units of layer 2, 2 inputs, 3 units of layer 1
    assert net.explain(x, y, W=(3, 1, 3)).dz_name == "a^1_1"
    assert net.explain(x, y, W=(3, 1, 7)).dz_name == "a^2_3"
    terms = [term.names for term in net.explain(x, y, b=(1, 2)).delta.terms]
    assert terms == [
        ("w^2_12", "delta^3_1"), ("w^2_22", "delta^3_2"),
        ("w^3_16", "delta^4_1"), ("w^3_26", "delta^4_2"),
    ]  # fmt: skip
    assert r"&= \sum w \delta = " in net.explain(x, y, b=(1, 2))._repr_latex_()
    assert trace.z[2] == pytest.approx(
        net.W[2] @ np.concatenate([trace.a[1], x, trace.a[0]]) + net.b[2], rel=1e-12
    )
    with pytest.raises(dl.InvalidInputError, match="what enters it are numbered 1 to 7, got 8"):
        net.explain(x, y, W=(3, 1, 8))


HEADS = {
    "policy": dl.Head(3, loss="cross_entropy"),
    "value": dl.Head(1, weight=0.5),
    "mixed": dl.Head(2, "softmax", loss="mse"),
    "range": dl.Head(2, loss="gaussian_nll", weight=2.0),
}
TARGETS = {"policy": 1, "value": [0.5], "mixed": [1.0, 0.0], "range": [0.3, -0.2]}


def with_heads(dtype="float64"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl.DeltaloopWarning)
        layers = [dl.Dense(4, "tanh"), dl.Dense(heads=HEADS)]
        return dl.Network(2, layers, dtype=dtype, seed=5)


def test_outputs_of_heads_have_their_own_losses():
    net, x = with_heads(), [0.4, -0.7]
    _, dW, db, _ = net.gradients([x], {name: [y] for name, y in TARGETS.items()})
    kinds = []
    for kind, place, (k, index) in parameters(net):
        found = net.explain(x, TARGETS, **{kind: place}, recursive=True)
        assert found.value == float((dW if kind == "W" else db)[k][index])
        assert found.difference == pytest.approx(found.value, rel=1e-6, abs=1e-9)
        delta = found.delta
        if delta.kind == "coupled":
            assert delta.value == pytest.approx(sum(t.value for t in delta.terms), abs=1e-12)
        elif delta.kind != "cancelled":
            assert delta.value == pytest.approx(delta.dC_da * delta.slope, rel=1e-12)
        if kind == "b" and k == 1:
            kinds.append((delta.kind, delta.formula))
    assert kinds[0] == ("cancelled", "a - y")
    assert kinds[3] == ("output", "0.5 * (a - y)")
    assert [kind for kind, _ in kinds[4:6]] == ["coupled"] * 2
    assert (
        kinds[6:]
        == [("cancelled", "2 * ((m - y) / v)")] * 2
        + [("cancelled", "2 * (1/2 (1 - (y - m)^2 / v))")] * 2
    )


def test_slopes_of_a_loss_with_variances_lead_to_delta():
    net, x = with_heads(), [0.4, -0.7]
    found = net.trace(x, TARGETS)
    range_ = slice(6, 10)
    product = (found.dC_da * found.slope[-1])[range_]
    assert product == pytest.approx(found.delta[-1][range_], rel=1e-12)
    assert np.isnan(found.slope[-1][:3]).all()
    assert "delta^3" in repr(found)
    assert "a^3 = f(z)" in repr(found)
    assert "nan" not in repr(found)
    assert dl.check_gradients(net, [x], {name: [y] for name, y in TARGETS.items()})


def test_surrogate_slopes_are_said():
    pytest.importorskip("numba")
    step = dl.custom_activation(
        "step", lambda z: 1.0 if z > 0 else 0.0, lambda z, a: 1.0 if abs(z) < 1 else 0.0,
        surrogate=True,
    )  # fmt: skip
    found = dl.Network([2, 2, 1], activation=step).explain([0.1, 0.2], [1.0], W=(1, 1, 1))
    assert "f'(z) of layer 1 is a surrogate" in repr(found)
    assert found.delta.slope == 1.0


def test_long_sums_show_their_largest_terms():
    net = dl.Network([3, 2, 40], seed=1, dtype="float64")
    lines = repr(net.explain([1.0, 2.0, 3.0], np.zeros(40), b=(1, 1))).splitlines()
    assert "40 terms" in lines[1]
    assert sum("delta^3_" in line and "w^2_" in line for line in lines[2:]) == 12
    assert any("28 smaller ones" in line for line in lines)
    total = float(lines[1].split()[-1])
    terms = [float(line.split()[-1]) for line in lines[2:15]]
    assert sum(terms) == pytest.approx(total, rel=1e-4)


def test_names_of_two_digits_have_a_comma():
    net = dl.Network([12, 11, 1])
    assert net.explain(np.ones(12), [0.0], W=(1, 3, 12)).name == "w^1_3,12"
    net = dl.Network([1, 10, 2])
    assert r"\sum_i w^{2}_{i,10} \delta^{3}_{i}" in net.explain(1, [0, 1], b=(1, 10))._repr_latex_()


def test_latex_of_the_worked_example():
    text = worked().explain(X, Y, W=(2, 2, 2))._repr_latex_()
    assert text.startswith("$\\displaystyle \\begin{aligned}")
    assert r"\frac{\partial C}{\partial w^{2}_{22}} &= " in text
    assert r"= 3 \cdot 0.75 = 2.25" in text
    assert "(sigmoid)" in text
    assert r"{\partial b^{1}_{1}} &= 1 \\" in worked().explain(X, Y, b=(1, 1))._repr_latex_()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "one of them, got W=None and b=None"),
        ({"W": (1, 1, 1), "b": (1, 1)}, "one of them"),
        ({"W": (1, 1)}, r"W must be 3 whole numbers \(layer, unit, unit of the layer before\)"),
        ({"b": 3}, "b must be 2 whole numbers"),
        ({"W": (1.0, 1, 1)}, "W must be 3 whole numbers"),
        ({"W": (4, 1, 1)}, "has weight layers 1 to 3, got 4"),
        ({"W": (0, 1, 1)}, "has weight layers 1 to 3, got 0"),
        ({"W": (1, 3, 1)}, "units of layer 1 are numbered 1 to 2, got 3"),
        ({"W": (1, 1, 5)}, "inputs are numbered 1 to 4, got 5"),
        ({"W": (2, 1, 3)}, "units of the layer before are numbered 1 to 2, got 3"),
        ({"b": (3, 1)}, "layer 3 has no bias"),
        ({"W": (1, 1, 1), "recursive": 1}, "recursive must be True or False"),
    ],
)
def test_what_is_no_parameter_is_refused(given, text):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match=text):
        worked().explain(X, Y, **given)


def test_several_samples_are_refused():
    with pytest.raises(dl.InvalidInputError, match=r"one sample, got 2 .*give X\[0\] and Y\[0\]"):
        worked().explain([X, X], [Y, Y], W=(1, 1, 1))
    with pytest.raises(dl.InvalidInputError, match="4 values per sample, got 3"):
        worked().explain([1, 2, 3], Y, W=(1, 1, 1))


def test_forms_of_one_sample_are_the_same():
    sparse = pytest.importorskip("scipy.sparse")
    net = worked()
    expected = net.explain(X, Y, W=(1, 2, 3)).value
    for x, y in (([X], [Y]), (np.array(X, np.int8), 1), (sparse.csr_array([X]), Y)):
        assert net.explain(x, y, W=(1, 2, 3)).value == expected


def test_what_is_not_finite_is_said():
    net = dl.Network([2, 1], dtype="float64", seed=0)
    found = net.explain([1e200, 1e200], [0.0], W=(1, 1, 2))
    assert "infinite or nan here" in repr(found)
    assert "infinite or nan here" in repr(net.trace([1e200, 1e200], [0.0]))
    assert net.explain([1.0, 1.0], [0.0], W=(1, 1, 2)).notes == ()


def test_formulas_of_outputs_have_their_numbers():
    net = dl.Network([1, 1], dtype="float64", loss="gaussian_nll", seed=1)
    m, v = net.predict([[1.0]])[0]
    delta = net.explain([1.0], [-0.5], b=(1, 1)).delta
    assert delta.numbers == f"({m:.6g} - (-0.5)) / {v:.6g}"
    assert delta.value == pytest.approx((m + 0.5) / v, rel=1e-12)
    assert f"1/2 (1 - ({m:.6g} - (-0.5))^2 / {v:.6g})" in repr(net.explain([1.0], [-0.5], b=(1, 2)))
    soft = dl.Network([2, 3], loss=dl.Loss("cross_entropy", label_smoothing=0.1), dtype="float64")
    delta = soft.explain([1.0, 2.0], 1, b=(1, 1)).delta
    a, goal = delta.numbers.split(" - ")
    assert float(a) - float(goal) == pytest.approx(delta.value, abs=1e-5)
    assert float(goal) == pytest.approx(0.1 / 3, abs=1e-6)
