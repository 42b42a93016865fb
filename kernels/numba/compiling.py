"""How functions are compiled, and how those that are compiled apart find each other.

`kernel`  a function of LLVM, see lanes.py: the loops that decide the speed
`walk`    a jitted function over layers, samples and batches that others call
`native`  a function of the Cython build

All of these are called by their address, which the table of `entry_points` has: they are compiled
once per element type, and not once for every function that calls them. Kernels call each other
with `call`. `part` makes the jitted functions that walks and doors are put together from.
"""

import hashlib
import inspect
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .. import functions, interface, products
from .environment import enter, leave
from .lanes import INT, Emitter
from .pointers import PointerType

# Kinds of parameters: types of Numba, or functions that give one for an element type. A class of
# NamedTuple stands for tuples of what its fields are annotated with.
WHOLE, DOUBLE, TRUTH = types.intp, types.float64, types.boolean
COLUMNS, WORDS = PointerType(types.int32), PointerType(types.intp)
DOUBLES = PointerType(types.float64)


def REAL(real):
    """An element."""
    return real


def REALS(real):
    """A pointer to elements; it may be null where a comment says so."""
    return PointerType(real)


def ROOM(real):
    """A pointer to elements that nothing else leads to while a kernel runs."""
    return PointerType(real)


def RULE(real):
    """A record of products.py."""
    return numba.from_dtype(products.rule_record(f"f{real.bitwidth // 8}"))


def PRODUCT(real):
    """A record of products.py."""
    return numba.from_dtype(products.product_record(f"f{real.bitwidth // 8}"))


def type_of(kind, real):
    """The type that a kind stands for."""
    if kind is None:
        return types.void
    if isinstance(kind, types.Type):
        return kind
    if isinstance(kind, type):
        fields = [type_of(field, real) for field in kind.__annotations__.values()]
        return types.NamedTuple(fields, kind)
    return kind(real)


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
        return numba.njit(signatures, **{"cache": True} | options)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return numba.njit(signatures, **options)(function)


def part(function):
    """A jitted function that becomes a part of its callers, and is kept on disk with them."""
    made = jit(
        function, cache=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, no_rewrites=True,
        _nrt=False,
    )  # fmt: skip
    template = made.get_call_template

    def one_template(arguments, keywords):
        # a constant makes no other version
        return template([types.unliteral(argument) for argument in arguments], keywords)

    made.get_call_template = one_template
    return made


_ENTRIES: list = []  # in the order of the table of addresses


class _Function:
    """What `kernel`, `walk` and `native` have in common: kinds, and a type per element type."""

    def __init__(self, function, kinds):
        self.function, self.name = function, function.__name__
        self.names, self.kinds = zip(*kinds, strict=True)
        self.returns = inspect.signature(function).return_annotation

    def signature(self, real):
        """Of Numba."""
        return type_of(self.returns, real)(*(type_of(kind, real) for kind in self.kinds))

    def type(self, context, real):
        """Of LLVM."""
        signature = self.signature(real)
        returned = context.get_value_type(signature.return_type)
        return ir.FunctionType(
            ir.VoidType() if self.returns is None else returned,
            [context.get_value_type(argument) for argument in signature.args],
        )

    def written(self, context, module, real):
        """The function of LLVM in a module; written there, if it is not yet."""
        name = f"deltaloop.{self.name}.{real}"
        if name in module.globals:
            return module.globals[name]
        function = ir.Function(module, self.type(context, real), name)
        function.linkage = "internal"
        function.attributes.add("nounwind")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.write(context, builder, function, real)
        return function


class _Kernel(_Function):
    def write(self, context, builder, function, real):
        function.attributes.add("noinline")
        for argument, kind in zip(function.args, self.kinds, strict=True):
            if kind is ROOM:
                argument.add_attribute("noalias")
        e = Emitter(context, builder, context.get_value_type(real), real)
        arguments = map(e.wrapped, function.args, self.signature(real).args)
        found = self.function(e, *arguments)
        if found is None:
            builder.ret_void()
        else:
            builder.ret(found.ir)


class _Walk(_Function):
    environment: int | None = None  # that of the caller

    def write(self, context, builder, function, real):
        function.attributes.add("noinline")
        signature = self.signature(real)
        compiled = self.dispatcher.get_compile_result(signature)
        context.active_code_library.add_linking_library(compiled.library)
        before = None if self.environment is None else enter(builder, self.environment)
        _, found = context.call_conv.call_function(
            builder, context.declare_function(builder.module, compiled.fndesc),
            signature.return_type, signature.args, function.args,
        )  # fmt: skip
        if self.environment is not None:
            leave(builder, self.environment, before)
        if self.returns is None:
            builder.ret_void()
        else:
            builder.ret(found)


class _Native(_Function):
    pass


def _entry(made):
    """What jitted functions call: an intrinsic whose first argument is a Net, see plan.py."""
    index = len(_ENTRIES)
    _ENTRIES.append(made)

    def typing(_context, net, *_arguments):
        theta = net.types[net.fields.index("theta")]
        signature = made.signature(theta.dtype)

        def write(context, builder, _signature, values):
            table = builder.extract_value(values[0], net.fields.index("kernels"))
            place = builder.gep(table, [ir.Constant(INT, index)], source_etype=INT)
            pointer = made.type(context, theta.dtype).as_pointer()
            function = builder.inttoptr(builder.load(place, typ=INT), pointer)
            found = builder.call(function, values if takes_net else values[1:])
            return context.get_dummy_value() if made.returns is None else found

        arguments = signature.args if takes_net else (net, *signature.args)
        return signature.return_type(*arguments), write

    takes_net = made.names[0] == "net"
    typing.__name__, typing.__doc__ = made.name, made.function.__doc__
    names = ["context", "net", *made.names[takes_net:]]
    # Numba reads the names of the parameters from here
    typing.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    )
    found = intrinsic(typing)
    found.made = made
    return found


def _kinds(function, skip=0):
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    return [(parameter.name, parameter.annotation) for parameter in parameters]


def kernel(write):
    """A function of what `write(emitter, *parameters)` writes.

    Parameters are annotated with their kind; `write` returns None or a Value. Jitted functions
    call it with a Net before its parameters.
    """
    return _entry(_Kernel(write, _kinds(write, 1)))


def call(e: Emitter, callee, *arguments):
    """Call a kernel or a walk from a kernel; whole numbers may be constants."""
    made = callee if isinstance(callee, _Function) else callee.made
    function = made.written(e.context, e.builder.module, e.element)
    values = [(e.whole(value) if isinstance(value, int) else value).ir for value in arguments]
    found = e.builder.call(function, values)
    return None if made.returns is None else e.value(found)


def walk(function=None, *, environment=None):
    """A jitted function with annotated parameters, a Net first, that is called by its address.

    Its floating-point environment may be its own, see environment.py.
    """
    if function is None:
        return lambda function: walk(function, environment=environment)
    made = _Walk(function, _kinds(function))
    made.dispatcher, made.environment = part(function), environment
    return _entry(made)


def native(function):
    """A function of the Cython build, declared by annotations; see products.py."""
    return _entry(_Native(function, _kinds(function)))


def _called_by(function) -> list[_Function]:
    """What a function calls by its address, and what that calls, as the names in them tell."""
    found, functions = [], [function]
    for function in functions:
        codes = [function.__code__]
        for code in codes:
            codes += [constant for constant in code.co_consts if inspect.iscode(constant)]
        for name in {name for code in codes for name in code.co_names}:
            value = function.__globals__.get(name)
            made = getattr(value, "made", None)
            if made is not None and made not in found:
                found.append(made)
            value = made.function if made else getattr(value, "py_func", value)
            if inspect.isfunction(value) and value not in functions:
                functions.append(value)
    return found


@intrinsic(prefer_literal=True)
def _write_addresses(_context, table, names):
    """The addresses of walks, and of all that they call, into a table."""

    def write(context, builder, signature, values):
        (name,) = signature.args[0].dtype.fields
        real = getattr(types, name.partition("_")[0])
        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, values[0])
        first = builder.bitcast(array.data, INT.as_pointer())
        wanted = [made for made in _ENTRIES if made.name in names.literal_value.split()]
        wanted += [other for made in wanted for other in _called_by(made.function)]
        for k, made in enumerate(_ENTRIES):
            if made in wanted and not isinstance(made, _Native):
                found = builder.ptrtoint(made.written(context, builder.module, real), INT)
                builder.store(found, builder.gep(first, [ir.Constant(INT, k)], source_etype=INT))
        return context.get_dummy_value()

    return types.void(table, names), write


def _filler(names):
    @jit
    def fill(table):
        _write_addresses(table, names)

    return fill


def _digest() -> str:
    """Of all that is compiled, and of what lays out its data."""
    found = find_spec("deltaloop.numba")
    others = [interface.__file__, functions.__file__, products.__file__]
    others += [found.origin] if found and found.origin else []
    paths = sorted(Path(__file__).parent.glob("*.py")) + [Path(other) for other in others]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


@cache
def words_type(dtype) -> np.dtype:
    """A word of 8 bytes; the name of its one field tells what was compiled.

    It is a part of the type of everything that is handed addresses, so that functions on disk,
    those of users among them, are compiled anew when this package changes.
    """
    return np.dtype([(f"{dtype}_{_digest()}", np.intp)])


@cache
def entry_points(dtype) -> np.ndarray:
    """The addresses of all entries for one element type, valid in this process.

    Before `provide` was called for them those of walks and kernels are 0.
    """
    table, addresses = np.zeros(len(_ENTRIES), words_type(dtype)), products.addresses(dtype)
    for k, made in enumerate(_ENTRIES):
        if isinstance(made, _Native):
            table[k] = addresses[made.name]
    return table


@cache
def provide(dtype, *walks) -> None:
    """Compile what is about to be called, or take it from disk."""
    _filler(" ".join(walk.made.name for walk in walks))(entry_points(dtype))
