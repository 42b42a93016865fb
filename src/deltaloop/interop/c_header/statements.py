"""What the functions of an exported header do: predict, and learn_one."""

import numpy as np

from ...inputs.checks import converted
from ...kernels.functions import ACTIVATIONS, LOSSES
from . import whole_numbers
from .parameters import literals
from .units import arguments_of


def _function(head, arrays, *blocks, whole=()):
    """A function: its scratch arrays, (name, length) each, and blocks of statements."""
    scratch = [
        f"{kind} {', '.join(f'{name}[{n}]' for name, n in some)}"
        for kind, some in (("float", arrays), ("int16_t", whole))
        if some
    ]
    blocks = ([scratch] if scratch else []) + list(blocks)
    body = "\n\n".join("\n".join(f"    {line};" for line in block) for block in blocks)
    return f"static inline {head}\n{{\n{body}\n}}\n"


def _activation(net, index, **arrays):
    """The call that applies the activation of a layer, or its slope; none for identity.

    arrays: the names of z and a, and of delta, if the slope is meant.
    """
    layer, slope = net.layers[index], "delta" in arrays
    name, alpha = layer.activation.name, layer.activation.alpha
    if name == "identity":
        return []
    arrays["alpha"] = _constant(net, f"alpha of {name}", alpha or 0.0)
    arguments = ", ".join(arrays[argument] for argument in arguments_of(name, slope))
    return [f"NAME_{name}{'_slope' if slope else ''}({layer.n_out}, {arguments})"]


def _constant(net, name, value):
    return literals(converted(name, np.array([value]), net.dtype), net.dtype)[0]


def _standardize(n, side, scaling, values, out):
    rest = f"NAME_{side}_rest" if f"{side}_rest" in scaling else "0"
    return f"NAME_standardize({n}, {values}, NAME_{side}_mean, {rest}, NAME_{side}_scale, {out})"


def _bias(net, index):
    return f"NAME_b{index + 1}" if net.layers[index].bias else "0"


def _names(net, scaling, output):
    """Names of a^1, a^2, ..., the output included."""
    hidden = [f"a{layer}" for layer in range(2, len(net.sizes))]
    return ["a1" if "x_mean" in scaling else "x", *hidden, output]


def _z_names(net, a):
    """Names of z^2, z^3, ... where slopes need them: the others lie where a does."""
    return [
        f"z{layer + 2}" if ACTIVATIONS[dense.activation.name].keeps_z else a[layer + 1]
        for layer, dense in enumerate(net.layers)
    ]


def _scaled(net, scaling, a):
    """Statements that bring x into the units of the network."""
    return [_standardize(net.sizes[0], "x", scaling, "x", a[0])] if "x_mean" in scaling else []


def _forward(net, scaling, writing, a, z, activate_output=True):
    """Statements of the forward pass; with `activate_output` False the last a remains z."""
    statements = _scaled(net, scaling, a)
    for index, layer in enumerate(net.layers):
        n_in = net.sizes[index]
        weights, product = f"NAME_W{index + 1}", "dense"
        if writing.weights == "int8":
            weights, product = f"{weights}, NAME_s{index + 1}", "dense_int8"
        statements.append(
            f"NAME_{product}({n_in}, {layer.n_out}, {weights}, {_bias(net, index)}, "
            f"{a[index]}, {z[index]})"
        )
        if activate_output or index < len(net.layers) - 1:
            statements += _activation(net, index, z=z[index], a=a[index + 1])
    return statements


def predict(net, scaling, writing) -> str:
    """The function NAME_predict."""
    a = _names(net, scaling, "y")
    arrays = [(name, n) for name, n in zip(a, net.sizes, strict=True) if name not in ("x", "y")]
    whole = []
    if writing.fixed is None:
        statements = _forward(net, scaling, writing, a, a[1:])
    else:
        arrays = arrays[: "x_mean" in scaling]
        whole = [(f"A{layer}", n) for layer, n in enumerate(net.sizes[:-1], start=1)]
        statements = _scaled(net, scaling, a)
        statements += whole_numbers.statements(writing.fixed, net.sizes, a[0], "y")
        statements += _activation(net, len(net.layers) - 1, z="y", a="y")
    if "y_mean" in scaling:
        statements.append(f"NAME_restore({net.sizes[-1]}, NAME_y_mean, NAME_y_scale, y)")
    comment = "/* y = output for x; the two must not overlap */\n"
    head = "void NAME_predict(const float *x, float *y)"
    return comment + _function(head, arrays, statements, whole=whole)


def learn_one(net, scaling, writing) -> str:
    """The function NAME_learn_one."""
    n, last = net.sizes[-1], len(net.layers) - 1
    a = _names(net, scaling, f"a{last + 2}")
    z = _z_names(net, a)
    delta = [f"delta{layer}" for layer in range(1, last + 3)]
    arrays = [(name, n) for name, n in zip(a, net.sizes, strict=True) if name != "x"]
    kept = zip(z, a[1:], net.sizes[1:], strict=True)
    arrays += [(z_name, n_out) for z_name, a_name, n_out in kept if z_name != a_name]
    arrays += list(zip(delta, net.sizes, strict=True))[1:]
    output = net.layers[-1].activation.name
    row = LOSSES[net.loss_name]
    fused = row.is_canonical and row.partner == output
    forward = _forward(net, scaling, writing, a, z, activate_output=not fused)
    target = "target"
    if "y_mean" in scaling:
        target = "y"
        arrays.append((target, n))
        forward.append(_standardize(n, "y", scaling, "target", target))
    loss = f"{output}_{net.loss_name}" if fused else net.loss_name
    p = f"{_constant(net, row.parameter.name, net.plan.loss_parameter)}, " if row.parameter else ""
    backward = [f"const float loss = NAME_{loss}({n}, {p}{a[-1]}, {target}, {delta[-1]})"]
    if not fused:
        backward += _activation(net, last, z=z[-1], a=a[-1], delta=delta[-1])
    descend = []
    for index in range(last, -1, -1):
        sizes, W = f"{net.sizes[index]}, {net.sizes[index + 1]}", f"NAME_W{index + 1}"
        if index:
            backward.append(f"NAME_backward({sizes}, {W}, {delta[index + 1]}, {delta[index]})")
            z_below = z[index - 1]
            backward += _activation(net, index - 1, z=z_below, a=a[index], delta=delta[index])
        b = _bias(net, index)
        step = f"NAME_descend({sizes}, {W}, {b}, {a[index]}, {delta[index + 1]}, learning_rate)"
        if writing.momentum:
            v = f"NAME_vW{index + 1}, {b.replace('_b', '_vb')}"
            step = (
                f"NAME_descend_with_momentum({sizes}, {W}, {b}, {v}, {a[index]}, "
                f"{delta[index + 1]}, learning_rate, momentum)"
            )
        descend.append(step)
    how = " with momentum" if writing.momentum else ""
    comment = f"/* One step of gradient descent{how} on one sample; its loss before the step */\n"
    rates = "float learning_rate" + (", float momentum" if writing.momentum else "")
    head = f"float NAME_learn_one(const float *x, const float *target, {rates})"
    return comment + _function(head, arrays, forward, backward, [*descend, "return loss"])
