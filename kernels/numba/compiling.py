"""How functions are compiled: `kernel` and `entry` for the loops, `jit` for the doors to them."""

import hashlib
import inspect
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, errors
from numba.extending import intrinsic

from .. import functions, interface
from .environment import NEAREST, enter, leave
from .lanes import INT, Emitter, Pointer, Value

_ENTRIES: list = []  # in the order of the table of addresses

# How a parameter of a kernel is annotated; a pointer may be null where its comment says so.
WHOLE = "int"
REAL = "real"
DOUBLE = "double"
REALS = "real*"
COLUMNS = "int32*"
RECORD = "int*"  # see plan.py


def jit(function=None, **options):
    """numba.njit as this package wants it.

    Products may fuse with sums; nothing that loses NaN or the order of a sum is allowed. Division
    by zero is a value. The GIL is released. What was compiled is kept on disk, where Numba finds a
    folder that it may write to: without one, with the package and the home directory read-only,
    its `cache=True` is an error, and everything is compiled once per process.
    """
    if function is None:
        return lambda function: jit(function, **options)
    signatures = options.pop("signatures", None)
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}} | options
    try:
        return numba.njit(signatures, cache=True, **options)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return numba.njit(signatures, **options)(function)


def part(function):
    """A jitted function that becomes a part of every caller: no call, no copied arguments."""
    return jit(function, forceinline=True)


def _llvm_type(kind: str, real):
    element = {"int": INT, "real": real, "int32": ir.IntType(32), "double": ir.DoubleType()}
    name = kind.removesuffix("*")
    return element[name].as_pointer() if kind.endswith("*") else element[name]


def _numba_type(kind: str, real):
    element = {"int": types.intp, "real": real, "int32": types.int32, "double": types.float64}
    name = kind.removesuffix("*")
    return types.CPointer(element[name]) if kind.endswith("*") else element[name]


class _Kernel:
    """One function of LLVM per element type."""

    def __init__(self, write, attribute: str, environment: int | None = None):
        self.write, self.name, self.attribute = write, write.__name__, attribute
        self.environment = environment  # None: that of the caller
        _, *self.parameters = inspect.signature(write).parameters.values()
        self.kinds = [parameter.annotation for parameter in self.parameters]
        self.returns = inspect.signature(write).return_annotation

    def type(self, real):
        """Of the function."""
        returned = ir.VoidType() if self.returns is None else _llvm_type(self.returns, real)
        return ir.FunctionType(returned, [_llvm_type(kind, real) for kind in self.kinds])

    def function(self, module, real):
        """The function of this kernel in a module; written there, if it is not yet."""
        name = f"deltaloop.{self.name}.{real}"
        if name in module.globals:
            return module.globals[name]
        function = ir.Function(module, self.type(real), name)
        function.linkage = "internal"
        for attribute in ("nounwind", self.attribute):
            function.attributes.add(attribute)
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        values = [
            Pointer(builder, value, _llvm_type(kind.removesuffix("*"), real))
            if kind.endswith("*")
            else Value(builder, value)
            for value, kind in zip(function.args, self.kinds, strict=True)
        ]
        before = None if self.environment is None else enter(builder, self.environment)
        result = self.write(Emitter(builder, real), *values)
        if self.environment is not None:
            leave(builder, before)
        if result is None:
            builder.ret_void()
        else:
            builder.ret(result.ir)
        return function


def kernel(write):
    """Make a function of what `write(emitter, *parameters)` writes, for `call` in other kernels.

    Parameters are annotated with their kind; `write` returns None or a Value.
    """
    return _Kernel(write, "noinline")


def inline_kernel(write):
    """A kernel of few instructions, which become a part of the caller."""
    return _Kernel(write, "alwaysinline")


def call(emitter: Emitter, callee: _Kernel, *arguments):
    """Call a kernel from a kernel; whole numbers may be constants."""
    function = callee.function(emitter.builder.module, emitter.real)
    values = [(emitter.whole(value) if isinstance(value, int) else value).ir for value in arguments]
    result = emitter.builder.call(function, values)
    return None if callee.returns is None else Value(emitter.builder, result)


def entry(write=None, *, environment=NEAREST):
    """A kernel that jitted functions call, with the table of `entry_points` before its parameters.

    They call it by its address, so that all kernels are compiled once and not once for every
    function that calls them. Its floating-point environment is its own, see environment.py.
    """
    if write is None:
        return lambda write: entry(write, environment=environment)
    made, index = _Kernel(write, "noinline", environment), len(_ENTRIES)
    _ENTRIES.append(made)

    def typing(context, table, *arguments):
        real = _element_type(table)

        def write_call(context, builder, signature, values):
            element = context.get_value_type(real)
            array = cgutils.create_struct_proxy(signature.args[0])(context, builder, values[0])
            entries = builder.bitcast(array.data, INT.as_pointer())
            place = builder.gep(entries, [ir.Constant(INT, index)], source_etype=INT)
            pointer = made.type(element).as_pointer()
            function = builder.inttoptr(builder.load(place, typ=INT), pointer)
            result = builder.call(function, values[1:])
            return context.get_dummy_value() if made.returns is None else result

        returned = types.void if made.returns is None else _numba_type(made.returns, real)
        parameters = (_numba_type(kind, real) for kind in made.kinds)
        return returned(table, *parameters), write_call

    typing.__name__, typing.__doc__ = made.name, write.__doc__
    names = ["context", "table", *(parameter.name for parameter in made.parameters)]
    # Numba reads the names of the parameters from here
    typing.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    )
    return intrinsic(typing)


def _element_type(table):
    """float32 or float64, from the type of a table of entry points."""
    (name,) = table.dtype.fields
    return getattr(types, name.partition("_")[0])


@intrinsic
def _write_addresses(context, table):
    """The addresses of all entries into a table."""

    def write(context, builder, signature, values):
        real = context.get_value_type(_element_type(signature.args[0]))
        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, values[0])
        first = builder.bitcast(array.data, INT.as_pointer())
        for k, made in enumerate(_ENTRIES):
            address = builder.ptrtoint(made.function(builder.module, real), INT)
            place = builder.gep(first, [ir.Constant(INT, k)], source_etype=INT)
            builder.store(address, place)
        return context.get_dummy_value()

    return types.void(table), write


def _digest() -> str:
    """Of all that is compiled, and of what lays out its data."""
    found = find_spec("deltaloop.numba")
    others = [interface.__file__, functions.__file__]
    others += [found.origin] if found and found.origin else []
    paths = sorted(Path(__file__).parent.glob("*.py")) + [Path(other) for other in others]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


@cache
def entry_points(dtype) -> np.ndarray:
    """The addresses of all kernels for one element type, valid in this process.

    The name of the one field of a record tells what was compiled. It is a part of the type of
    everything that is handed a table, so that functions on disk, those of users among them, are
    compiled anew when this package changes.
    """
    table = np.zeros(len(_ENTRIES), [(f"{dtype}_{_digest()}", np.intp)])
    _fill(table)
    table.flags.writeable = False
    return table


@jit
def _fill(table):
    _write_addresses(table)


@intrinsic
def address_of(context, array):
    """The address of the first element, as a whole number. The caller keeps the array alive."""

    def write(context, builder, signature, values):
        found = cgutils.create_struct_proxy(signature.args[0])(context, builder, values[0])
        return builder.ptrtoint(found.data, INT)

    return types.intp(array), write


@intrinsic
def pointer_to(context, table, number):
    """An address as a pointer to elements of the type that a table is for."""
    real = _element_type(table)

    def write(context, builder, signature, values):
        return builder.inttoptr(values[1], context.get_value_type(signature.return_type))

    return types.CPointer(real)(table, types.intp), write


@intrinsic
def record_at(context, number):
    """An address as a pointer to words."""

    def write(context, builder, signature, values):
        return builder.inttoptr(values[0], INT.as_pointer())

    return types.CPointer(types.intp)(types.intp), write


@intrinsic
def number_of(context, pointer):
    """A pointer as an address."""

    def write(context, builder, signature, values):
        return builder.ptrtoint(values[0], INT)

    return types.intp(pointer), write


@intrinsic
def put_real(context, pointer, k, x):
    """Write element k, converted to the type of the elements."""

    def write(context, builder, signature, values):
        element = context.get_data_type(signature.args[2])
        place = builder.gep(values[0], [values[1]], source_etype=element)
        builder.store(values[2], place)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, pointer.dtype), write


@intrinsic(prefer_literal=True)
def words(context, n):
    """Room for n words that lives as long as the function; n is a constant."""
    count = n.literal_value

    def write(context, builder, signature, values):
        return cgutils.alloca_once(builder, INT, size=count)

    return types.CPointer(types.intp)(n), write


@intrinsic
def put(context, record, k, word):
    """Write word k of a record: a whole number, or the bits of a float64."""

    def write(context, builder, signature, values):
        value = values[2]
        if value.type != INT:
            value = builder.bitcast(value, INT)
        builder.store(value, builder.gep(values[0], [values[1]], source_etype=INT))
        return context.get_dummy_value()

    kind = types.float64 if isinstance(word, types.Float) else types.intp
    return types.void(record, types.intp, kind), write


def _check(array, theta, ndims, what, written=False):
    """Refuse an array while its caller is compiled."""
    fits = isinstance(array, types.Array) and array.dtype == theta.dtype and array.ndim in ndims
    if not fits or (written and not array.mutable):
        raise errors.TypingError(f"{what} of {theta.dtype}, as the network is, got {array}")
    return types.void(array, theta), lambda context, *_: context.get_dummy_value()


@intrinsic
def check_rows(context, array, theta):
    """Refuse what is no sample and no rows of samples of the element type of theta."""
    return _check(array, theta, (1, 2), "x, y and dC_da must be arrays (1-d or 2-d)")


@intrinsic
def check_written_rows(context, array, theta):
    """Refuse what `check_rows` refuses, and read-only arrays."""
    return _check(array, theta, (1, 2), "out must be a writable array (1-d or 2-d)", written=True)


@intrinsic
def check_written_flat(context, array, theta):
    """Refuse what is no 1-d array of the element type of theta, and read-only arrays."""
    return _check(array, theta, (1,), "grad must be a writable array (1-d)", written=True)
