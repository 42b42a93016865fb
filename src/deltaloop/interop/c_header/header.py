"""The text of an exported header, from a network."""

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InvalidInputError, InvalidTypeError
from ...inputs.checks import any_size, shown, switch
from ...inputs.paths import as_path
from ...parts.custom import refuse_custom
from ...version import __version__
from ..whole_file import whole_file
from .fixed_point import FixedPoint
from .functions import in_dtype, in_flash, with_helpers
from .parameters import array, c_type, parameters, scaling_arrays
from .statements import learn_one, predict
from .whole_numbers import arrays_of, is_unlike

_LIBRARY = [
    f"{name}{suffix}" for suffix in ("", "f") for name in ("cos", "exp", "sin", "sqrt", "tanh")
]

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
# An AVR reads constants in flash by instructions of their own.
_FLASH = """\
#ifdef __AVR__
#include <avr/pgmspace.h>
#define UPPER_IN_FLASH PROGMEM
#define UPPER_FLASH(x) pgm_read_float(&(x))
#else
#define UPPER_IN_FLASH
#define UPPER_FLASH(x) (x)
#endif
"""
_FLASH_OF = {
    "int8": """\
#ifdef __AVR__
#define UPPER_FLASH_BYTE(x) (int8_t)pgm_read_byte(&(x))
#else
#define UPPER_FLASH_BYTE(x) (x)
#endif
""",
    "int16": """\
#ifdef __AVR__
#define UPPER_FLASH_WORD(x) (int16_t)pgm_read_word(&(x))
#define UPPER_FLASH_LONG(x) (int32_t)pgm_read_dword(&(x))
#else
#define UPPER_FLASH_WORD(x) (x)
#define UPPER_FLASH_LONG(x) (x)
#endif
""",
}


@dataclass(frozen=True)
class Writing:
    """What a header is to hold."""

    learn: bool = False
    momentum: bool = False
    weights: str | None = None  # None: of the dtype; "int8", "int16"
    progmem: bool = False
    fixed: FixedPoint | None = None  # the same network with weights="int16"


def write(net, path, name: str | None = None, **options) -> None:
    """Write the header of `net`; see `Network.to_c`."""
    name = _name_of_file(path) if name is None else _checked_name(name)
    # not in the middle of a step that another thread takes
    text = net._turns.read(_text, net, name, options)
    with whole_file(path, "w") as file:
        file.write(text)


def _text(net, name, options):
    return header(net, name, _writing(net, **options))


def _writing(
    net, learn=False, momentum=False, weights=None, progmem=False, samples=None
) -> Writing:
    """The options, once they are known to go together."""
    learn, momentum = switch("learn", learn), switch("momentum", momentum)
    progmem = switch("progmem", progmem)
    if weights not in (None, "int8", "int16"):
        raise InvalidInputError(
            "weights must be 'int8' or 'int16', or left out to have them in "
            f"{net.dtype}, got {shown(weights)}"
        )
    if weights == "int16" and samples is None:
        raise InvalidInputError(
            "weights='int16' needs samples (--samples): inputs as they will come, which tell how "
            "large numbers grow"
        )
    if weights != "int16" and samples is not None:
        raise InvalidInputError("samples are for weights='int16'; give both")
    if momentum and not learn:
        raise InvalidInputError("momentum=True is for the steps that learn=True writes; give both")
    if learn and (weights or progmem):
        option = f"weights={weights!r}" if weights else "progmem=True"
        raise InvalidInputError(
            f"{option} makes weights that cannot change, and learn=True changes them; leave one out"
        )
    if progmem and net.dtype != np.float32:
        raise InvalidInputError(
            "progmem=True is for AVR, which computes in float; use a network in float32"
        )
    fixed = None if samples is None else FixedPoint(net, samples)
    return Writing(learn, momentum, weights, progmem, fixed)


@any_size
def header(net, name: str, writing: Writing) -> str:
    """The text of the header."""
    _refuse_what_c_lacks(net, writing.learn)
    scaling = scaling_arrays(net)
    functions = [predict(net, scaling, writing)]
    if writing.learn:
        functions.append(learn_one(net, scaling, writing))
    code = in_flash(with_helpers("\n".join(functions)), writing.progmem)
    code = in_dtype(code, net.dtype)
    calls = re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL)  # formulas in comments are none
    library = [f for f in _LIBRARY if re.search(rf"\b{f}\(", calls)]
    include = [f"#include <math.h> /* {', '.join(library)} */\n"] if library else []
    if re.search(r"\bint(8|32|64)_t\b", code):
        include.append("#include <stdint.h>\n" + "#include <string.h>\n" * ("memcpy(" in code))
    if writing.progmem:
        include.append(_FLASH + _FLASH_OF.get(writing.weights or "", ""))
    # not the name alone: two networks of one name in a program are an error of the compiler then
    guard = f"UPPER_{zlib.crc32(code.encode() + net.theta.tobytes()):08X}_H"
    parts = [
        _comment(net, writing),
        f"#ifndef {guard}\n#define {guard}\n",
        *include,
        f"#define UPPER_N_IN {net.sizes[0]}\n#define UPPER_N_OUT {net.sizes[-1]}\n",
        *(parameters(net, writing) if writing.fixed is None else _whole_numbers(net, writing)),
        *(
            array(f"NAME_{key}", value, net.dtype, flash=writing.progmem)
            for key, value in scaling.items()
            if f"NAME_{key}" in code
        ),
        _KEYWORDS,
        code,
        "#endif\n",
    ]
    names = {"NAME": name, "UPPER": name.upper()}
    return re.sub(r"\b(NAME|UPPER)(?=_)", lambda found: names[found[0]], "\n".join(parts))


def _whole_numbers(net, writing):
    """Parameters and tables in fixed point."""
    if is_unlike(writing.fixed):
        powers = 2.0**writing.fixed.exponents
        yield array("NAME_powers", powers, net.dtype, flash=writing.progmem)
    for name, values in arrays_of(writing.fixed):
        yield array(name, values, values.dtype, flash=writing.progmem)


def _refuse_what_c_lacks(net, learn):
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


def _comment(net, writing):
    """What the header is and how it is used."""
    kind = c_type(net.dtype)
    lines = [
        f"A neural network, written by deltaloop {__version__}.",
        "",
        *repr(net).splitlines()[1:],
        "",
        f"  {net.dtype}, {_n_bytes(net, writing):,} bytes; loss {net._loss}",
        "",
        "In one source file, because everything in here is static:",
        "",
        f"    {kind} x[UPPER_N_IN] = {{...}}, y[UPPER_N_OUT];",
        "    NAME_predict(x, y);",
    ]
    if writing.learn:
        momentum = ", momentum" * writing.momentum
        lines += [
            "",
            "and, to learn one sample (the loss is in the units of the network):",
            "",
            f"    {kind} loss = NAME_learn_one(x, target, learning_rate{momentum});",
        ]
    lines += ["", f"W[{_place(writing)}] leads from unit k of a layer to unit j of the next one."]
    if writing.fixed is not None:
        lines += ["Hidden layers are whole numbers of 16 bits, times powers of two."]
    if writing.weights == "int8":
        lines += ["It is a whole number; the weight itself is s[j] W[k * n_out + j]."]
    if net.scaling is not None:
        both = "" if net.scaling.y_mean is None else " and y"
        lines += [f"x{both} are in the units of the data: they are scaled in here."]
    return "\n".join(["/*", *(f" * {line}".rstrip() for line in lines), " */", ""])


def _place(writing):
    return "k * n_out + j" if writing.fixed is None else "j * n_in + k"


def _n_bytes(net, writing):
    """Of all parameters."""
    if writing.fixed is not None:
        return sum(values.nbytes for _, values in arrays_of(writing.fixed))
    if writing.weights is None:
        return net.n_parameters * net.dtype.itemsize
    biases = sum(len(b) for b in net.b if b is not None)
    scales = sum(net.sizes[1:])
    return sum(W.size for W in net.W) + (biases + scales) * net.dtype.itemsize
