"""A network as one C header: constants, and the functions that compute with them."""

import re
import warnings
import zlib
from pathlib import Path

import numpy as np

from ..errors import DeltaloopWarning, InvalidInputError, InvalidTypeError
from ..inputs.checks import any_size, converted, switch
from ..inputs.paths import as_path
from ..kernels.coefficients import NORMAL
from ..kernels.functions import ACTIVATIONS, LOSSES
from ..parts.custom import refuse_custom
from ..version import __version__
from .c_functions import FUNCTIONS, arguments_of, constants
from .whole_file import whole_file

_VALUES_PER_LINE = 8
_ROUGH = 1e-4  # of a standard deviation
_LIBRARY = [
    f"{name}{suffix}" for suffix in ("", "f") for name in ("cos", "exp", "sin", "sqrt", "tanh")
]
_FINE = {"float32": "256.0f", "float64": "1048576.0f"}  # 40 times it has half the bits, or fewer
_LAST_ODD = {"float32": 15, "float64": 33}  # (1/3)^(k + 1) / (k + 2) is below half an ulp


# Sizes of layers become constants in what is inlined.
_KEYWORDS = """\
#ifdef __GNUC__
#define UPPER_RESTRICT __restrict
#else
#define UPPER_RESTRICT
#endif
#if defined __GNUC__ && !defined __OPTIMIZE_SIZE__
#define UPPER_INLINED static inline __attribute__((always_inline))
#else
#define UPPER_INLINED static inline
#endif
"""


def write(net, path, name: str | None = None, learn: bool = False) -> None:
    """Write the header of `net`; see `Network.to_c`."""
    name = _name_of_file(path) if name is None else _checked_name(name)
    # not in the middle of a step that another thread takes
    text = net._turns.read(header, net, name, switch("learn", learn))
    with whole_file(path, "w") as file:
        file.write(text)


@any_size
def header(net, name: str, learn: bool) -> str:
    """The text of the header."""
    refuse_custom(
        net,
        "a function of Python cannot be written as C",
        "use built-in activations and a built-in loss, see deltaloop.activations and "
        "deltaloop.losses",
    )
    if not np.isfinite(net.theta).all():
        raise InvalidInputError(
            "the network has parameters that are nan or infinite, which C cannot compute with; "
            "train it anew with a lower learning_rate"
        )
    if net.plan.heads is not None:
        raise InvalidInputError(
            "a network with heads cannot be written as C, which has one kind of outputs; make one "
            "of the same layers with a plain last layer for each of them"
        )
    if net.plan.joins:
        raise InvalidInputError(
            "a network with shortcuts cannot be written as C; make one without them"
        )
    if learn and net.plan.by_batches:
        raise InvalidInputError(
            "learn=True writes steps without the dropout, noise, masks, frozen layers or learning "
            "rates of layers of this network; leave learn out, or make a network without them and "
            "give it the parameters: other.theta = net.theta"
        )
    scaling = _scaling(net)
    functions = [_predict(net, scaling)] + ([_learn_one(net, scaling)] if learn else [])
    code = _in_dtype(_with_helpers("\n".join(functions)), net.dtype)
    library = [f for f in _LIBRARY if re.search(rf"\b{f}\(", code)]
    include = [f"#include <math.h> /* {', '.join(library)} */\n"] if library else []
    if re.search(r"\bint(32|64)_t\b", code):
        include.append("#include <stdint.h>\n#include <string.h>\n")
    # not the name alone: two networks of one name in a program are an error of the compiler then
    guard = f"UPPER_{zlib.crc32(code.encode() + net.theta.tobytes()):08X}_H"
    parts = [
        _comment(net, learn),
        f"#ifndef {guard}\n#define {guard}\n",
        *include,
        f"#define UPPER_N_IN {net.sizes[0]}\n#define UPPER_N_OUT {net.sizes[-1]}\n",
        *_parameters(net, learn),
        *(
            _array(f"NAME_{key}", value, net.dtype)
            for key, value in scaling.items()
            if f"NAME_{key}" in code
        ),
        _KEYWORDS,
        code,
        "#endif\n",
    ]
    names = {"NAME": name, "UPPER": name.upper()}
    return re.sub(r"\b(NAME|UPPER)(?=_)", lambda found: names[found[0]], "\n".join(parts))


# the name


def _name_of_file(path):
    """The stem of the file as a prefix of C names: 'net' for 'build/net.h'."""
    stem = re.sub(r"[^A-Za-z0-9]+", "_", Path(as_path(path)).stem).strip("_")
    return stem if re.match("[A-Za-z]", stem) else f"net_{stem}".strip("_")


def _checked_name(name):
    if not isinstance(name, str):
        raise InvalidTypeError(f"name must be a text, got {name!r}")
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
        raise InvalidInputError(
            "name must be a C identifier that begins with a letter (a to z, then digits and _ as "
            f"well), got {name!r}"
        )
    return name


# data


def _literals(values, dtype):
    """Every value as a C constant that reads back as exactly the same number."""
    suffix = "f" if dtype == np.float32 else ""
    return [text + suffix for text in np.ravel(values).astype(dtype).astype(str).tolist()]


def _array(name, values, dtype, constant=True):
    """Definition of an array: one or more lines for every row of values."""
    rows = np.atleast_2d(values)
    size = " * ".join(map(str, np.shape(values)))
    lines = [f"static {'const ' if constant else ''}{_type(dtype)} {name}[{size}] = {{"]
    for row in rows:
        literals = _literals(row, dtype)
        for first in range(0, len(literals), _VALUES_PER_LINE):
            lines.append("    " + ", ".join(literals[first : first + _VALUES_PER_LINE]) + ",")
    return "\n".join([*lines, "};", ""])


def _type(dtype):
    return "float" if dtype == np.float32 else "double"


def _parameters(net, learn):
    """W and b of every layer, in the 1-based names of the mathematics."""
    for index, (W, b) in enumerate(zip(net.W, net.b, strict=True), start=1):
        yield _array(f"NAME_W{index}", W.T, net.dtype, constant=not learn)
        if b is not None:
            yield _array(f"NAME_b{index}", b, net.dtype, constant=not learn)


def _scaling(net):
    """Arrays of the scaling by name, in the dtype of the network; empty without scaling."""
    arrays = {}
    for side in ("x", "y"):
        mean = getattr(net.scaling, f"{side}_mean", None)
        if mean is None:
            continue
        scale = getattr(net.scaling, f"{side}_scale")
        arrays[f"{side}_mean"] = converted(f"{side}_mean", mean, net.dtype)
        rest = (mean - arrays[f"{side}_mean"]).astype(net.dtype)
        if rest.any():  # float32: x - mean would lose digits where the mean is large
            arrays[f"{side}_rest"] = rest
        arrays[f"{side}_scale"] = converted(f"{side}_scale", scale, net.dtype)
        if (np.abs(scale) < np.finfo(net.dtype).tiny).any() and net.dtype == np.float32:
            raise InvalidInputError(
                f"{side}_scale has values below the range of float32 (smallest magnitude "
                f"{np.abs(scale).min():g}); rescale the data or use dtype='float64'"
            )
        if net.dtype == np.float32:
            _warn_of_rounding(side, np.abs(arrays[f"{side}_mean"]), np.abs(scale))
    return arrays


def _warn_of_rounding(side, mean, scale):
    """The header takes and gives floats: they are rounded before their mean is taken off."""
    lost = np.spacing(mean) / scale
    if lost.max() > _ROUGH:
        warnings.warn(
            f"{side} of the header is float, in which numbers near {mean[lost.argmax()]:g} are "
            f"{lost.max():.1g} of a standard deviation apart: the program computes that much less "
            "exactly than predict; move the data towards 0 or use dtype='float64'",
            DeltaloopWarning,
            stacklevel=6,
        )


# code


def _with_helpers(code):
    """`code` with the functions that it calls in front of it."""
    for name, text in reversed(FUNCTIONS.items()):
        if f"NAME_{name}(" in code:
            code = f"{text}\n{code}"
    return code


def _in_dtype(code, dtype):
    """`code`, which is written for float32, for `dtype`."""
    for name, value in constants(dtype.name).items():
        code = re.sub(rf"\b{name}\b", value, code)
    code = code.replace("LAST_ODD", str(_LAST_ODD[dtype.name]))
    code = code.replace("FINE", _FINE[dtype.name])
    for name, values in zip(("NORMAL_P", "NORMAL_Q"), NORMAL[dtype.name], strict=True):
        code = code.replace(name, ", ".join(f"{value!r}f" for value in values))
        code = code.replace(f"LAST_OF_{name[-1]}", str(len(values) - 1))
    if dtype == np.float64:
        code = re.sub(r"\bfloat\b", "double", code)
        code = re.sub(r"\b(cos|exp|sin|sqrt|tanh)f\b", r"\1", code)
        code = re.sub(r"(\d(?:\.\d+)?(?:e[-+]?\d+)?)f\b", r"\1", code)
    return code.replace("EPSILON", _literals(np.finfo(dtype).eps, dtype)[0])


def _function(head, arrays, *blocks):
    """A function: its scratch arrays, (name, length) each, and blocks of statements."""
    scratch = [f"float {', '.join(f'{name}[{n}]' for name, n in arrays)}"]
    blocks = ([scratch] if arrays else []) + list(blocks)
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
    return _literals(converted(name, np.array([value]), net.dtype), net.dtype)[0]


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


def _forward(net, scaling, a, z, activate_output=True):
    """Statements of the forward pass; with `activate_output` False the last a remains z."""
    statements = []
    if "x_mean" in scaling:
        statements.append(_standardize(net.sizes[0], "x", scaling, "x", a[0]))
    for index, layer in enumerate(net.layers):
        n_in = net.sizes[index]
        statements.append(
            f"NAME_dense({n_in}, {layer.n_out}, NAME_W{index + 1}, {_bias(net, index)}, "
            f"{a[index]}, {z[index]})"
        )
        if activate_output or index < len(net.layers) - 1:
            statements += _activation(net, index, z=z[index], a=a[index + 1])
    return statements


def _predict(net, scaling):
    a = _names(net, scaling, "y")
    arrays = [(name, n) for name, n in zip(a, net.sizes, strict=True) if name not in ("x", "y")]
    statements = _forward(net, scaling, a, a[1:])
    if "y_mean" in scaling:
        statements.append(f"NAME_restore({net.sizes[-1]}, NAME_y_mean, NAME_y_scale, y)")
    comment = "/* y = output for x; the two must not overlap */\n"
    return comment + _function("void NAME_predict(const float *x, float *y)", arrays, statements)


def _learn_one(net, scaling):
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
    forward = _forward(net, scaling, a, z, activate_output=not fused)
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
        descend.append(
            f"NAME_descend({sizes}, {W}, {_bias(net, index)}, {a[index]}, {delta[index + 1]}, "
            "learning_rate)"
        )
    comment = "/* One step of gradient descent on one sample; its loss before the step */\n"
    head = "float NAME_learn_one(const float *x, const float *target, float learning_rate)"
    return comment + _function(head, arrays, forward, backward, [*descend, "return loss"])


def _comment(net, learn):
    """What the header is and how it is used."""
    kind = _type(net.dtype)
    lines = [
        f"A neural network, written by deltaloop {__version__}.",
        "",
        *repr(net).splitlines()[1:],
        "",
        f"  {net.dtype}, {net.n_parameters * net.dtype.itemsize:,} bytes; loss {net._loss}",
        "",
        "In one source file, because everything in here is static:",
        "",
        f"    {kind} x[UPPER_N_IN] = {{...}}, y[UPPER_N_OUT];",
        "    NAME_predict(x, y);",
    ]
    if learn:
        lines += [
            "",
            "and, to learn one sample (the loss is in the units of the network):",
            "",
            f"    {kind} loss = NAME_learn_one(x, target, learning_rate);",
        ]
    lines += ["", "W[k * n_out + j] leads from unit k of a layer to unit j of the next one."]
    if net.scaling is not None:
        both = "" if net.scaling.y_mean is None else " and y"
        lines += [f"x{both} are in the units of the data: they are scaled in here."]
    return "\n".join(["/*", *(f" * {line}".rstrip() for line in lines), " */", ""])
