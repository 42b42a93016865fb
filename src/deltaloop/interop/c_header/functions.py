"""The C functions that an exported header is made of, and how they come into it.

They are written for float and a network called NAME; `header` puts in the name, and `in_dtype`
double for a network in float64, with its constants: EPSILON is the machine epsilon, LAST_ODD the
last term of a series, NORMAL_TERMS coefficients up to t^LAST_OF_NORMAL, FINE a power of 2, and
those of `numbers.constants`. C99 and C++11; of the library, sinf and cosf for sin,
and sqrtf for hellinger; expf and tanhf where the compiler is asked for small code.

A function stands after those that it calls, and comes into a header where it is called.
"""

import re

import numpy as np

from ...kernels.coefficients import NORMAL
from .layers import LAYERS
from .numbers import NUMBERS, constants
from .parameters import literals
from .units import UNITS
from .whole_numbers import FIXED

FUNCTIONS = {**NUMBERS, **UNITS, **LAYERS, **FIXED}  # name, without its prefix: text
_FINE = {"float32": "256.0f", "float64": "1048576.0f"}  # 40 times it has half the bits, or fewer
_LAST_ODD = {"float32": 15, "float64": 33}  # (1/3)^(k + 1) / (k + 2) is below half an ulp


def with_helpers(code: str) -> str:
    """`code` with the functions that it calls in front of it."""
    for name, text in reversed(FUNCTIONS.items()):
        if f"NAME_{name}(" in code:
            code = f"{text}\n{code}"
    return code


def in_dtype(code: str, dtype: np.dtype) -> str:
    """`code`, which is written for float32, for `dtype`."""
    for name, value in constants(dtype.name).items():
        code = re.sub(rf"\b{name}\b", value, code)
    code = code.replace("LAST_ODD", str(_LAST_ODD[dtype.name]))
    code = code.replace("FINE", _FINE[dtype.name])
    values = NORMAL[dtype.name]
    code = code.replace("NORMAL_TERMS", ", ".join(f"{value!r}f" for value in values))
    code = code.replace("LAST_OF_NORMAL", str(len(values) - 1))
    if dtype == np.float64:
        code = re.sub(r"\bfloat\b", "double", code)
        code = re.sub(r"\b(cos|exp|sin|sqrt|tanh)f\b", r"\1", code)
        code = re.sub(r"(\d(?:\.\d+)?(?:e[-+]?\d+)?)f\b", r"\1", code)
    return code.replace("EPSILON", literals(np.finfo(dtype).eps, dtype)[0])


def in_flash(code: str, progmem: bool) -> str:
    """`code` with UPPER_FLASH(x) for what is read from flash; without `progmem`, x itself.

    What is marked FLASH(x) are parameters, which an AVR does not see among its data.
    """
    if progmem:
        return re.sub(r"\bFLASH(_[A-Z]+)?\(", r"UPPER_FLASH\1(", code)
    return re.sub(r"\bFLASH(?:_[A-Z]+)?\(([^()]*)\)", r"\1", code)
