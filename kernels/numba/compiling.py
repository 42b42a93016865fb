"""How functions are compiled, and how those that are compiled apart find each other.

`walk`    a jitted function over layers, samples or batches that others call
`native`  a function that the Cython build lends

Both are called by their address, which a table has that every `net` leads to: walks are compiled
once per element type, and not once for every function that calls them. `part` makes the jitted
functions that walks and doors are put together from.
"""

import hashlib
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .. import functions, interface, lent, memory
from .pointers import WORD, PointerType, StructType, place_of

# Kinds of parameters: those of lent.py.
NET, ROWS, RULE, PIECE, AHEAD, LAYER = "net", "rows", "rule", "piece", "ahead", "layer"
WHOLE, DOUBLE, TRUTH, REAL = "whole", "double", "truth", "real"
REALS, COLUMNS, DOUBLES = "reals", "columns", "doubles"
_TYPES = {
    WHOLE: types.intp, DOUBLE: types.float64, TRUTH: types.intc, None: types.void,
    COLUMNS: PointerType(types.int32), DOUBLES: PointerType(types.float64),
    "words": PointerType(types.intp),
}  # fmt: skip


def jit(function=None, **options):
    """numba.njit as this package wants it.

    Nothing that loses NaN or the order of a sum is allowed. Division by zero is a value. The GIL is
    released. What was compiled is kept on disk.
    """
    if function is None:
        return lambda function: jit(function, **options)
    options = {"nogil": True, "error_model": "numpy"} | options
    return _kept(lambda **keep: numba.njit(function, **keep | options))


# walks and their parts have no arrays, so nothing is counted or rewritten
_PLAIN = {"error_model": "numpy", "no_rewrites": True, "_nrt": False}


def _kept(compile):
    """compile(cache=True), where Numba finds a folder that it may write to.

    Without one, with the package and the home directory read-only, that is an error, and everything
    is compiled once per process.
    """
    try:
        return compile(cache=True)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return compile()


def part(function):
    """A jitted function that becomes a part of its callers, and is kept on disk with them."""
    made = numba.njit(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, **_PLAIN)
    template = made.get_call_template

    def one_template(arguments, keywords):
        # a constant makes no other version
        return template([types.unliteral(argument) for argument in arguments], keywords)

    made.get_call_template = one_template
    return made


def _digest() -> str:
    """Of all that is compiled, and of what lays out its data."""
    found = find_spec("deltaloop.numba")
    others = [interface.__file__, memory.__file__, functions.__file__, lent.__file__]
    others += [found.origin] if found and found.origin else []
    paths = sorted(Path(__file__).parent.glob("*.py")) + [Path(other) for other in others]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


# A part of the type of everything that is handed addresses, so that functions on disk, those of
# users among them, are compiled anew when this package changes.
DIGEST = _digest()


@cache
def type_of(kind, real):
    """The type of Numba that a kind stands for, where elements are `real`."""
    if kind == REAL:
        return real
    if kind == REALS:
        return PointerType(real)
    return _struct(kind, real) if kind == LAYER or kind in lent.STRUCTS else _TYPES[kind]


def _struct(name, real):
    dtype, fields, arrays = lent.struct(name, str(real)), {}, []
    kinds = lent.STRUCTS.get(name) or {
        field: DOUBLE if dtype[field] == np.float64 else WHOLE for field in dtype.names
    }
    for field, kind in kinds.items():
        if isinstance(kind, tuple):  # side by side
            kind = REALS if kind[0] == REAL else DOUBLES
            arrays.append(field)
        fields[field] = type_of(kind, real), dtype.fields[field][1]
    return StructType(f"{name} {real} {DIGEST}", real, fields, dtype.itemsize, arrays)


@cache
def words_type(dtype) -> np.dtype:
    """A word of 8 bytes; the name of its one field tells what was compiled."""
    return np.dtype([(f"{dtype}_{DIGEST}", np.intp)])


_OTHERS: list[str] = []  # what the table of addresses has after lent.WALKS


class _Entry:
    """A walk or a native: its parameters with their kinds, and its types for an element type."""

    def __init__(self, function, environment=None):
        parameters = inspect.signature(function).parameters
        self.function, self.name, self.environment = function, function.__name__, environment
        self.names, self.kinds = list(parameters), [p.annotation for p in parameters.values()]
        self.returns = inspect.signature(function).return_annotation
        if self.name not in lent.WALKS:
            _OTHERS.append(self.name)
        self.place = (*lent.WALKS, *_OTHERS).index(self.name)  # in the table of addresses

    def signature(self, real):
        """Of Numba."""
        return type_of(self.returns, real)(*(type_of(kind, real) for kind in self.kinds))

    def called(self, context, builder, table, values, real=None):
        """What it returns, for values of its types."""
        returned = ir.VoidType()
        if self.returns is not None:
            returned = context.get_value_type(type_of(self.returns, real))
        kind = ir.FunctionType(returned, [value.type for value in values])
        place = builder.gep(table, [ir.Constant(WORD, self.place)], source_etype=WORD)
        function = builder.inttoptr(builder.load(place, typ=WORD), kind.as_pointer())
        return builder.call(function, values)


def _own(function, environment=None):
    """What jitted functions call: an intrinsic whose first argument is a net."""
    made = _Entry(function, environment)
    takes_net = made.names[0] == "net"

    def typing(_context, net, *_arguments):
        declared = made.signature(net.real)

        def write(context, builder, _signature, values):
            place = place_of(context, builder, net, values[0], "walks")
            table = builder.load(place, typ=WORD.as_pointer())
            if environment is not None:
                own = ir.Constant(ir.IntType(32), environment)
                before = enter.made.called(context, builder, table, [own])
            found = made.called(context, builder, table, values[not takes_net :], net.real)
            if environment is not None:
                leave.made.called(context, builder, table, [own, before])
            return context.get_dummy_value() if made.returns is None else found

        return declared.return_type(*([] if takes_net else [net]), *declared.args), write

    typing.__name__, typing.__doc__ = made.name, function.__doc__
    names = ["context", "net", *made.names[takes_net:]]
    # Numba reads the names of the parameters from here
    typing.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    )
    found = intrinsic(typing)
    found.made = made
    return found


def native(function):
    """A function that the Cython build lends, declared by the kinds of its parameters.

    Jitted functions call it with a net before these, unless a net is the first of them.
    """
    return _own(function)


def walk(function=None, *, environment=None):
    """A jitted function, whose first parameter is a net, that is called by its address.

    Parameters are annotated with their kinds. It may run in an environment of its own.
    """
    if function is None:
        return lambda function: walk(function, environment=environment)
    return _own(function, environment)


NEAREST, FLUSHING = 0, 1  # environments: see cython/environment.pxd


@native
def enter(flushing: TRUTH) -> WHOLE:
    """Take an environment; what `leave` wants to know."""


@native
def leave(flushing: TRUTH, before: WHOLE) -> None:
    """Give the caller's environment back."""


_TABLES: dict = {}
_PROVIDED: list = []  # what was compiled, so that it stays as long as the process
_LOCK = threading.RLock()


def entry_points(dtype) -> np.ndarray:
    """The addresses of all entries for one element type, valid in this process.

    Before `provide` was called for them those of walks are 0.
    """
    if dtype not in _TABLES:
        addresses = lent.core(dtype).addresses()
        table = np.array([addresses.get(name, 0) for name in (*lent.WALKS, *_OTHERS)], np.intp)
        _TABLES.setdefault(dtype, table)  # of several threads, one comes first
    return _TABLES[dtype]


def provide(dtype, walk) -> None:
    """Compile what is about to be called, or take it from disk."""
    made, table = walk.made, entry_points(dtype)
    if table[made.place]:
        return
    signature = made.signature(numba.from_dtype(dtype))

    def compile():
        with _LOCK:
            found = _kept(lambda **keep: numba.cfunc(signature, **_PLAIN | keep)(made.function))
            _PROVIDED.append(found)
            table[made.place] = found.address

    _to_its_end(compile)


def _to_its_end(function):
    """Call it; Ctrl-C is raised when it has ended.

    Cut in the middle, Numba's registries are lost, and nothing can be compiled in the process any
    more. Signals reach the main thread alone, so another one computes.
    """
    if threading.current_thread() is not threading.main_thread():
        function()
        return
    with ThreadPoolExecutor(1) as pool:
        pool.submit(function).result()
