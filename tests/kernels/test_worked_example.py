"""One gradient worked out by hand: the 4-2-2-1 network, sigmoid, sigmoid, linear without bias.

Superscripts count layers of units: a^1 = x, ..., a^4 = s; W^l and b^l lead from a^l to z^(l+1).
The numbers are chosen so that every activation is a simple fraction:

    sigmoid(0) = 1/2    sigmoid(ln 3) = 3/4    sigmoid(-ln 3) = 1/4

Input and target

    x = (1, 0, 2, -1),  y = 1

Forward

    W^1 = [1 3  1 4]   b^1 = (1, 1 + ln 3)
          [2 1 -1 1]

    z^2_1 = 1*1 + 3*0 + 1*2 + 4*(-1) + 1        = -1 + 1          = 0      a^2_1 = 1/2
    z^2_2 = 2*1 + 1*0 - 1*2 + 1*(-1) + 1 + ln 3 = -1 + 1 + ln 3   = ln 3   a^2_2 = 3/4

    W^2 = [2 -4]       b^2 = (2, -5 - ln 3)
          [4  4]

    z^3_1 = 2*1/2 - 4*3/4 + 2                   = 1 - 3 + 2       = 0      a^3_1 = 1/2
    z^3_2 = 4*1/2 + 4*3/4 - 5 - ln 3            = 2 + 3 - 5 - ln 3 = -ln 3  a^3_2 = 1/4

    W^3 = [2  8]       no bias

    s = z^4 = 2*1/2 + 8*1/4 = 1 + 2 = 3
    C = 1/2 (s - y)^2 = 1/2 * 2^2 = 2

Backward

    delta^4   = s - y                                               = 2
    delta^3_1 = w^3_11 delta^4 a^3_1 (1 - a^3_1) = 2 * 2 * 1/2 * 1/2 = 1
    delta^3_2 = w^3_12 delta^4 a^3_2 (1 - a^3_2) = 8 * 2 * 1/4 * 3/4 = 3
    delta^2_1 = (w^2_11 delta^3_1 + w^2_21 delta^3_2) a^2_1 (1 - a^2_1)
              = ( 2 * 1 + 4 * 3) * 1/2 * 1/2                        = 7/2
    delta^2_2 = (w^2_12 delta^3_1 + w^2_22 delta^3_2) a^2_2 (1 - a^2_2)
              = (-4 * 1 + 4 * 3) * 3/4 * 1/4                        = 3/2

Gradient: dC/dw^l_jk = delta^(l+1)_j a^l_k, dC/db^l_j = delta^(l+1)_j

    dC/dw^2_22 = (s - y) w^3_12 a^3_2 (1 - a^3_2) a^2_2
               =    2    *  8  * 1/4 *   3/4     * 3/4              = 9/4

    dC/dW^1 = [7/2 0 7 -7/2]  dC/db^1 = (7/2, 3/2)    dC/dW^3 = [1 1/2]
              [3/2 0 3 -3/2]
    dC/dW^2 = [1/2 3/4]       dC/db^2 = (1, 3)
              [3/2 9/4]
"""

from math import log

import numpy as np
import pytest

import cases
from deltaloop import SGD
from deltaloop.kernels.interface import Plan
from deltaloop.kernels.memory import aligned_zeros
from tolerances import eps

UNITS = [(2, "sigmoid", 0.0, True), (2, "sigmoid", 0.0, True), (1, "identity", 0.0, False)]
PARAMETERS = {
    "W1": [[1, 3, 1, 4], [2, 1, -1, 1]],
    "b1": [1, 1 + log(3)],
    "W2": [[2, -4], [4, 4]],
    "b2": [2, -5 - log(3)],
    "W3": [[2, 8]],
}
X, Y = [[1, 0, 2, -1]], [[1]]
GRADIENT = {
    "W1": [[7 / 2, 0, 7, -7 / 2], [3 / 2, 0, 3, -3 / 2]],
    "b1": [7 / 2, 3 / 2],
    "W2": [[1 / 2, 3 / 4], [3 / 2, 9 / 4]],
    "b2": [1, 3],
    "W3": [[1, 1 / 2]],
}
ACTIVATIONS = {"a2": [[1 / 2, 3 / 4]], "a3": [[1 / 2, 1 / 4]], "a4": [[3]], "z4": [[3]]}
DELTAS = {"delta2": [[7 / 2, 3 / 2]], "delta3": [[1, 3]], "delta4": [[2]]}


@pytest.fixture
def network(dtype):
    plan = Plan.build(4, UNITS, "mse", dtype)
    theta = aligned_zeros(plan.n_theta, dtype)
    for name, view in cases.blocks(plan, theta).items():
        view[:] = PARAMETERS[name]
    return plan, theta


@pytest.fixture
def found(backend, network, dtype):
    plan, theta = network
    return cases.gradient_of(backend, plan, theta, np.array(X, dtype), np.array(Y, dtype))


def close(expected, dtype):
    """A dozen roundings of numbers up to 8: the terms of z^3_2 are that large."""
    return pytest.approx(np.array(expected), rel=0, abs=12 * 8 * eps(dtype))


def test_output_is_3(backend, network, dtype):
    plan, theta = network
    assert cases.forward_of(backend, plan, theta, np.array(X, dtype)) == close([[3]], dtype)


def test_loss_is_2(found, dtype):
    assert found["loss"] == close(2, dtype)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_worked_out_by_hand(found, name, dtype):
    assert found[name] == close(ACTIVATIONS[name], dtype)


@pytest.mark.parametrize("name", DELTAS)
def test_deltas_are_those_worked_out_by_hand(found, name, dtype):
    assert found[name] == close(DELTAS[name], dtype)


def test_derivative_for_weight_22_of_layer_2_is_nine_quarters(found, dtype):
    s, y, w3_12, a3_2, a2_2 = 3, 1, 8, 1 / 4, 3 / 4
    assert (s - y) * w3_12 * a3_2 * (1 - a3_2) * a2_2 == 9 / 4
    assert found["dC/dW2"][1, 1] == close(9 / 4, dtype)


@pytest.mark.parametrize("name", GRADIENT)
def test_gradient_is_that_worked_out_by_hand(found, name, dtype):
    assert found[f"dC/d{name}"] == close(GRADIENT[name], dtype)


@pytest.mark.parametrize("name", PARAMETERS)
def test_step_goes_down_the_gradient(backend, network, name, dtype):
    plan, theta = network
    case = cases.Case(plan, theta, np.array(X, dtype), np.array(Y, dtype))
    after = cases.trained(backend, case, SGD(0.5).rule(), None, 1)
    expected = np.array(PARAMETERS[name]) - 0.5 * np.array(GRADIENT[name])
    assert after[name] == close(expected, dtype)
