"""Pointers in jitted functions, as in C: p + n is n elements on, p[k] the element there."""

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils, errors
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

from .lanes import INT


class PointerType(types.CPointer):
    """The type of an address of elements of one type; Numba has p[k] for it."""

    def __init__(self, dtype):
        super().__init__(dtype)
        self.name = f"pointer to {dtype}"


register_model(PointerType)(models.PointerModel)


@type_callable(operator.add)
def _type_moved(_context):
    def typer(pointer, n):
        fits = isinstance(pointer, PointerType) and isinstance(n, types.Integer)
        return pointer if fits else None

    return typer


@lower_builtin(operator.add, PointerType, types.Integer)
def _moved(context, builder, signature, values):
    pointer, n = signature.args
    offset = context.cast(builder, values[1], n, types.intp)
    return builder.gep(values[0], [offset], source_etype=context.get_data_type(pointer.dtype))


@intrinsic
def null(_context, like):
    """A null pointer of the same type."""

    def write(context, builder, signature, values):
        return cgutils.get_null_value(values[0].type)

    return like(like), write


def null_of(kind):
    """A function without arguments that gives the null pointer of a type."""

    @intrinsic
    def nothing(_context):
        def write(context, builder, signature, values):
            return cgutils.get_null_value(context.get_value_type(kind))

        return kind(), write

    return nothing


@intrinsic
def is_null(_context, pointer):
    """Whether it leads nowhere."""

    def write(context, builder, signature, values):
        return cgutils.is_null(builder, values[0])

    return types.boolean(pointer), write


@intrinsic
def first_of(_context, array):
    """A pointer to the first element of an array, which the caller keeps alive."""

    def write(context, builder, signature, values):
        return cgutils.create_struct_proxy(signature.args[0])(context, builder, values[0]).data

    return PointerType(array.dtype)(array), write


@intrinsic
def itemsize(_context, pointer):
    """Bytes of an element."""

    def write(context, builder, signature, values):
        return ir.Constant(INT, pointer.dtype.bitwidth // 8)

    return types.intp(pointer), write


@intrinsic
def address(_context, pointer):
    """A pointer, or a record, as a number."""

    def write(context, builder, signature, values):
        return builder.ptrtoint(values[0], INT)

    return types.intp(pointer), write


@intrinsic
def pointer_at(_context, number, like):
    """An address as a pointer of the type of another one."""

    def write(context, builder, signature, values):
        return builder.inttoptr(values[0], values[1].type)

    return like(types.intp, like), write


@intrinsic
def copied(_context, record):
    """A copy of a record, on the stack."""

    def write(context, builder, signature, values):
        words = ir.ArrayType(INT, record.size // 8)
        place = cgutils.alloca_once(builder, words)
        source = builder.bitcast(values[0], words.as_pointer())
        builder.store(builder.load(source, typ=words), place)
        return builder.bitcast(place, values[0].type)

    return record(record), write


@intrinsic
def on_stack(_context, like, x):
    """A pointer, of the type of another one, to a place that holds x."""

    def write(context, builder, signature, values):
        place = cgutils.alloca_once(builder, values[1].type)
        builder.store(values[1], place)
        return place

    return like(like, like.dtype), write


@intrinsic(prefer_literal=True)
def room(_context, like, n):
    """A pointer, of the type of another one, to room for n elements on the stack; n is constant."""
    count = n.literal_value

    def write(context, builder, signature, values):
        element = context.get_data_type(like.dtype)
        place = cgutils.alloca_once(builder, ir.ArrayType(element, count))
        place.align = 64
        return builder.bitcast(place, values[0].type)

    return like(like, n), write


def _caller(result):
    @intrinsic
    def call(_context, number, arguments):
        """Call the C function at an address with a tuple of arguments."""

        def write(context, builder, signature, values):
            arguments = cgutils.unpack_tuple(builder, values[1])
            returned = ir.VoidType() if result == types.void else context.get_value_type(result)
            kind = ir.FunctionType(returned, [argument.type for argument in arguments])
            function = builder.inttoptr(values[0], kind.as_pointer())
            found = builder.call(function, arguments)
            return context.get_dummy_value() if result == types.void else found

        return result(types.intp, arguments), write

    return call


call_void, call_double = _caller(types.void), _caller(types.float64)


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
