"""Dense arguments: every dtype, memory order and container that NumPy users hand over."""

import array as array_module
from fractions import Fraction

import numpy as np

from .draws import Draw, whole
from .given import Given, fenced, strided
from .liars import Fickle, Interface, ShortSequence, Shown, liar

USUAL = ("f4", "f4", "f8", "f8", "own", "own", "own", "own")
REAL = ("f2", "g", ">f4", ">f8", "i1", "i2", "i4", "i8", "u1", "u2", "u8", "?", ">i4", ">u2", "O")
REFUSED = ("U", "S", "c8", "c16", "m8[s]", "M8[s]", "V4", "O none", "O text", "O nested")
LAYOUTS = (
    "owned", "C", "C", "F", "rows back", "columns back", "both back", "every second", "padded",
    "odd bytes", "shifted", "one row", "one value", "sliding", "fenced", "fenced", "before",
)  # fmt: skip


def dense(draw: Draw, values: np.ndarray, dtype, loss="mse", flat=False) -> Given:
    """`values`, shape (n, k), as anything; `flat`: one row of them, shape (k,)."""
    code = draw.choice(USUAL if draw.chance(0.6) else REAL if draw.chance(0.9) else REFUSED)
    code = np.dtype(dtype).str if code == "own" else code
    typed, clean, verdict = _typed(draw, values, code, loss)
    layout = draw.choice(LAYOUTS)
    if typed.dtype.hasobject or typed.size == 0 or typed.dtype.kind in "USV":
        value, held = (np.asfortranarray(typed) if layout == "F" else typed), []
    else:
        value, clean, holder = _laid_out(draw, typed, clean, layout)
        held = [holder]
    if flat:
        value = value[0] if len(value) else value.reshape(-1)
        clean = None if clean is None else clean[:1].reshape(-1)
    what = f"{code} {value.shape} {layout}"
    if draw.chance(0.2):
        value.flags.writeable = False
        what += " read-only"
    given = Given(what, value, clean, verdict, held)
    if draw.chance(0.35):
        _contain(draw, given)
    elif value.ndim == 2 and value.size and layout == "owned" and draw.chance(0.2):
        given.value = value.reshape(len(value), 1, -1, 1)  # one sample may have any shape
        given.what += f" as {given.value.shape}"
        given.verdict = "may" if verdict == "same" else verdict
    return given


def _typed(draw, values, code, loss):
    """`values` in the dtype, as float64, and the verdict."""
    kind = code.lstrip("<>=|")[0]
    if code.startswith("O "):
        typed = values.astype(object)
        if typed.size:
            other = {"none": None, "text": "1.0", "nested": [1.0]}[code[2:]]
            typed.reshape(-1)[draw.randrange(typed.size)] = other
        return typed, None, "never"
    if kind in "iu?":
        values = whole(values, loss)
        typed = np.abs(values).astype(code) if kind == "u" else values.astype(code)
        return typed, typed.astype(np.float64), "same"
    if kind == "O":
        make = draw.choice((float, np.float64, np.float32, np.longdouble, Fraction))
        if make is Fraction and not np.isfinite(values).all():
            make = float
        typed = np.empty(values.shape, object)
        typed.reshape(-1)[:] = [make(v) for v in values.reshape(-1).tolist()]
        return typed, values.astype(np.float32 if make is np.float32 else np.float64) * 1.0, "same"
    with np.errstate(all="ignore"):
        if kind in "mMV":
            numbers = whole(values, "mse").astype("i8" if kind != "V" else "i4")
            typed = numbers.view("V4") if kind == "V" else numbers.astype(code)
            return typed, numbers.astype(np.float64), "never"
        typed = values.astype(code)
        if kind in "cUS":
            return typed, values, "never"
        return typed, typed.astype(np.float64), "same"


def _laid_out(draw, typed, clean, layout):
    """An array of the same numbers (of fewer, where rows share memory), clean, its memory."""
    n, k = typed.shape
    size = typed.itemsize
    offset = draw.randrange(1, 8) if layout == "shifted" else 0
    if layout == "owned":
        value = typed.copy()
        return value, clean, value
    if layout in ("fenced", "before"):
        value = fenced((n, k), typed.dtype, layout == "fenced")
        value[...] = typed
        return value, clean, value
    if layout == "one row":
        typed, clean = np.repeat(typed[:1], n, axis=0), np.repeat(clean[:1], n, axis=0)
    elif layout == "one value":
        typed, clean = np.full_like(typed, typed[0, 0]), np.full_like(clean, clean[0, 0])
    elif layout == "sliding":  # row t holds the values t, t + 1, ... of a series
        series = np.add.outer(np.arange(n), np.arange(k))
        typed, clean = (np.resize(array.reshape(-1), n + k)[series] for array in (typed, clean))
    strides = {
        "F": (size, n * size), "rows back": (-k * size, size), "columns back": (k * size, -size),
        "both back": (-k * size, -size), "every second": (2 * k * size, 2 * size),
        "padded": ((k + draw.randint(1, 9)) * size, size), "odd bytes": (k * size + 1, size),
        "one row": (0, size), "one value": (0, 0), "sliding": (size, size),
    }.get(layout, (k * size, size))  # fmt: skip
    value, holder = strided((n, k), typed.dtype, strides, offset)
    value[...] = typed
    return value, clean, holder


def _contain(draw, given) -> None:
    """Put the array into something else, or make it something else."""
    value = given.value
    kinds = ["list", "tuple", "list of arrays", "masked", "honest subclass", "liar", "liar", "liar"]
    kinds += ["array method", "interface", "fickle", "short sequence", "junk", "all masked"]
    if value.ndim == 2:
        kinds += ["matrix"] * 2
    if not value.dtype.hasobject:
        kinds += ["memmap"] * 2
    if value.dtype.isnative and value.dtype.char in "bhilqBHILQfd" and value.size:
        kinds += ["memoryview", "ctypes"] + ["array.array"] * (value.ndim == 1)
    kind = draw.choice(kinds)
    given.what = f"{kind} of {given.what}"
    if kind in ("list", "tuple"):
        given.value = value.tolist() if kind == "list" else tuple(value.tolist())
    elif kind == "list of arrays":
        given.value = list(value)
    elif kind == "memmap":
        given.value = value.view(np.memmap)
    elif kind == "matrix":
        given.value = value.view(np.matrix)
    elif kind == "masked":
        given.value = value.view(np.ma.MaskedArray)
    elif kind == "all masked":
        given.value = np.ma.masked_array(value, mask=np.ones(value.shape, bool))
        given.verdict, given.clean = "never", None
    elif kind == "honest subclass":
        given.value = value.view(liar(()))
    elif kind == "liar":
        cls = liar(draw.sample(liar.names, draw.randint(1, 3)))
        given.value, given.what = value.view(cls), f"{cls.__name__} {given.what}"
    elif kind == "array method":
        given.value = Shown(value)
    elif kind == "interface":
        given.value = Interface(value)
    elif kind == "fickle":
        given.value, given.clean = Fickle(value, draw.randrange(1 << 30)), None
    elif kind == "short sequence":
        given.value, given.clean = ShortSequence(value, draw.choice((-1, 0, 1, 2**40))), None
    elif kind == "junk":
        given.value = draw.choice(
            (None, "abc", b"abc", {}, set(), object(), 3.0, [], [[]], iter([]))
        )
        given.clean = None
    elif kind == "memoryview":
        given.value = memoryview(value)
    elif kind == "array.array":
        given.value = array_module.array(value.dtype.char, value.tolist())
    elif kind == "ctypes":
        copy = np.ascontiguousarray(value).copy()
        given.value = np.ctypeslib.as_ctypes(copy)
    if given.verdict == "same" and kind not in ("list", "matrix", "masked", "memoryview", "memmap"):
        given.verdict = "may"
    if kind in ("list", "tuple", "junk", "fickle") and given.verdict == "never":
        given.verdict = "may"  # dtypes that a list does not keep
