"""How functions are compiled: `jit` for code that walks over layers, `kernel` for its loops."""

import hashlib
import inspect
from functools import cache
from pathlib import Path

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .lanes import INT, Emitter, Pointer, Value

_KERNELS: dict = {}  # by the identity of what jitted functions call
_ENTRIES: list = []  # in the order of the table of addresses

# How a parameter of a kernel is annotated; a pointer may be null where its comment says so.
WHOLE = "int"
REAL = "real"
REALS = "real*"
COLUMNS = "int32*"
DOUBLES = "double*"


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

    def __init__(self, write, is_inline):
        self.write, self.name, self.is_inline = write, write.__name__, is_inline
        _, *parameters = inspect.signature(write).parameters.values()
        self.kinds = [parameter.annotation for parameter in parameters]
        self.returns = inspect.signature(write).return_annotation

    def type(self, real):
        """Of the function."""
        returned = ir.VoidType() if self.returns is None else _llvm_type(self.returns, real)
        return ir.FunctionType(returned, [_llvm_type(kind, real) for kind in self.kinds])

    def function(self, module, real):
        """The function of this kernel in a module; defined there, if it is not yet."""
        name = f"deltaloop.{self.name}.{real}"
        if name in module.globals:
            return module.globals[name]
        function = ir.Function(module, self.type(real), name)
        function.linkage = "linkonce_odr"
        function.attributes.add("nounwind")
        function.attributes.add("alwaysinline" if self.is_inline else "noinline")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        values = [
            Pointer(builder, value, _llvm_type(kind.removesuffix("*"), real))
            if kind.endswith("*")
            else Value(builder, value)
            for value, kind in zip(function.args, self.kinds, strict=True)
        ]
        result = self.write(Emitter(builder, real), *values)
        if result is None:
            builder.ret_void()
        else:
            builder.ret(result.ir)
        return function

    def signature(self, real, *before):
        """As Numba sees it, with more parameters before those of the kernel."""
        returned = types.void if self.returns is None else _numba_type(self.returns, real)
        return returned(*before, *(_numba_type(kind, real) for kind in self.kinds))


def kernel(write):
    """Make a function that writes instructions callable from jitted functions, by its address.

    `write(emitter, *parameters)` has parameters that are annotated with their kind and returns
    None or a Value. Jitted functions call it with the table of `entry_points` before the
    parameters. So kernels are compiled once, and not once for every function that calls them.
    """
    made, index = _Kernel(write, False), len(_ENTRIES)
    first = made.kinds.index(REALS)

    def typing(context, table, *arguments):
        signature = made.signature(arguments[first].dtype, table)

        def write_call(context, builder, signature, values):
            real = context.get_value_type(signature.args[1 + first].dtype)
            entries = builder.bitcast(values[0], INT.as_pointer())
            entry = builder.load(
                builder.gep(entries, [ir.Constant(INT, index)], source_etype=INT), typ=INT
            )
            function = builder.inttoptr(entry, made.type(real).as_pointer())
            result = builder.call(function, values[1:])
            return context.get_dummy_value() if made.returns is None else result

        return signature, write_call

    parameters = list(inspect.signature(write).parameters.values())
    table = inspect.Parameter("table", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = _intrinsic(typing, made, [parameters[0], table, *parameters[1:]])
    _ENTRIES.append(made)
    _KERNELS[id(found)] = made
    return found


def inline_kernel(write):
    """The same for a few instructions, which become a part of the caller; no table."""
    made = _Kernel(write, True)
    first = made.kinds.index(REALS)

    def typing(context, *arguments):
        real = arguments[first].dtype

        def write_call(context, builder, signature, values):
            function = made.function(builder.module, context.get_value_type(real))
            result = builder.call(function, values)
            return context.get_dummy_value() if made.returns is None else result

        return made.signature(real), write_call

    found = _intrinsic(typing, made, list(inspect.signature(write).parameters.values()))
    _KERNELS[id(found)] = made
    return found


def _intrinsic(typing, made, parameters):
    typing.__name__ = made.name
    typing.__doc__ = made.write.__doc__
    # Numba reads the names of the parameters from here
    typing.__signature__ = inspect.Signature(parameters)
    return intrinsic(typing)


@intrinsic
def _write_addresses(context, table, like):
    """The addresses of all kernels for the element type of the array `like` into a table."""

    def write(context, builder, signature, values):
        real = context.get_value_type(signature.args[1].dtype)
        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, values[0])
        first = builder.bitcast(array.data, INT.as_pointer())
        for k, made in enumerate(_ENTRIES):
            entry = builder.ptrtoint(made.function(builder.module, real), INT)
            place = builder.gep(first, [ir.Constant(INT, k)], source_etype=INT)
            builder.store(entry, place)
        return context.get_dummy_value()

    return types.void(table, like), write


def _digest() -> str:
    """Of all that is compiled here."""
    texts = (path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


@cache
def entry_points(dtype) -> np.ndarray:
    """The addresses of all kernels for one element type, valid in this process.

    The name of the one field of a record tells what was compiled. It is a part of the type of
    everything that is handed a table, so that functions on disk, those of users among them, are
    compiled anew when this package changes.
    """
    table = np.zeros(len(_ENTRIES), [(f"entry_{_digest()}", np.intp)])
    _fill(table, np.empty(0, dtype))
    table.flags.writeable = False
    return table


def call(emitter: Emitter, callee, *arguments):
    """Call a kernel from a kernel."""
    made = _KERNELS[id(callee)]
    function = made.function(emitter.builder.module, emitter.real)
    values = [
        (emitter.whole(value) if isinstance(value, int) else value).ir for value in arguments
    ]
    result = emitter.builder.call(function, values)
    return None if made.returns is None else Value(emitter.builder, result)


@jit
def _fill(table, like):
    _write_addresses(table, like)


@intrinsic
def address(context, array):
    """The first element of an array: a pointer. The caller keeps the array alive."""

    def write(context, builder, signature, values):
        return cgutils.create_struct_proxy(signature.args[0])(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), write


@intrinsic
def at(context, pointer, offset):
    """The pointer to an element some way on."""

    def write(context, builder, signature, values):
        element = context.get_data_type(signature.return_type.dtype)
        return builder.gep(values[0], [values[1]], source_etype=element)

    return pointer(pointer, types.intp), write


@intrinsic
def null(context, pointer):
    """A null pointer of the same type."""

    def write(context, builder, signature, values):
        return cgutils.get_null_value(values[0].type)

    return pointer(pointer), write


@intrinsic
def get(context, pointer, offset):
    """The element at an offset."""

    def write(context, builder, signature, values):
        element = context.get_data_type(signature.return_type)
        place = builder.gep(values[0], [values[1]], source_etype=element)
        return builder.load(place, typ=element)

    return pointer.dtype(pointer, types.intp), write


@intrinsic
def put(context, pointer, offset, value):
    """Write the element at an offset."""

    def write(context, builder, signature, values):
        element = context.get_data_type(signature.args[2])
        place = builder.gep(values[0], [values[1]], source_etype=element)
        builder.store(values[2], place)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, pointer.dtype), write


@intrinsic(prefer_literal=True)
def stack(context, pointer, n):
    """Room for n elements that lives as long as the function: n must be a constant."""
    count = n.literal_value

    def write(context, builder, signature, values):
        element = context.get_data_type(signature.return_type.dtype)
        return cgutils.alloca_once(builder, element, size=count)

    return pointer(pointer, n), write


@intrinsic
def like(context, pointer, x):
    """x in the type of the elements of a pointer."""

    def write(context, builder, signature, values):
        return values[1]

    return pointer.dtype(pointer, pointer.dtype), write


@intrinsic
def as_columns(context, pointer):
    """The same address, read as int32."""

    def write(context, builder, signature, values):
        return builder.bitcast(values[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.int32)(pointer), write
