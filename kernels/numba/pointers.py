"""Pointers and structs in jitted functions, as in C.

`p + n` is n elements on, `p[k]` the element there. A struct is known by its address: its fields are
read and written anew wherever they are named. Wherever a field or a parameter is a pointer, an
address will do, a whole number; 0 leads nowhere.
"""

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils, errors
from numba.core.imputils import lower_cast, lower_getattr_generic, lower_setattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

WORD, BYTE = ir.IntType(64), ir.IntType(8)


class PointerType(types.CPointer):
    """The type of an address of elements of one type; Numba has p[k] for it."""

    def __init__(self, dtype):
        super().__init__(dtype)
        self.name = f"pointer to {dtype}"


class StructType(types.Type):
    """The type of the address of a struct: `fields` has the type and offset of each.

    Of a field that is an array, with a PointerType, it has the place; `arrays` names these.
    """

    def __init__(self, name, real, fields, size, arrays=()):
        self.real, self.fields, self.size, self.arrays = real, fields, size, arrays
        super().__init__(name)


register_model(PointerType)(models.PointerModel)
register_model(StructType)(models.OpaqueModel)


@lower_cast(types.Integer, PointerType)
@lower_cast(types.Integer, StructType)
def _as_address(context, builder, given, kind, value):
    number = context.cast(builder, value, given, types.intp)
    return builder.inttoptr(number, context.get_value_type(kind))


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


@infer_getattr
class _Fields(AttributeTemplate):
    key = StructType

    def generic_resolve(self, struct, name):
        return struct.fields[name][0] if name in struct.fields else None


def place_of(context, builder, struct, address, name):
    """A pointer to a field."""
    kind, offset = struct.fields[name]
    byte = builder.bitcast(address, BYTE.as_pointer())
    place = builder.gep(byte, [ir.Constant(WORD, offset)], source_etype=BYTE)
    held = kind.dtype if name in struct.arrays else kind
    return builder.bitcast(place, context.get_data_type(held).as_pointer())


@lower_getattr_generic(StructType)
def _read_field(context, builder, struct, address, name):
    place = place_of(context, builder, struct, address, name)
    if name in struct.arrays:
        return place
    return builder.load(place, typ=context.get_data_type(struct.fields[name][0]))


@lower_setattr_generic(StructType)
def _write_field(context, builder, signature, values, name):
    struct, _ = signature.args
    builder.store(values[1], place_of(context, builder, struct, values[0], name))


@intrinsic
def copied(_context, struct):
    """A copy of a struct, on the stack."""

    def write(context, builder, signature, values):
        words = ir.ArrayType(WORD, struct.size // 8)
        place = cgutils.alloca_once(builder, words)
        source = builder.bitcast(values[0], words.as_pointer())
        builder.store(builder.load(source, typ=words), place)
        return builder.bitcast(place, values[0].type)

    return struct(struct), write


@intrinsic
def null(_context, like):
    """A null pointer of the same type."""

    def write(context, builder, signature, values):
        return cgutils.get_null_value(values[0].type)

    return like(like), write


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
def address(_context, pointer):
    """A pointer, or that to a struct, as a number."""

    def write(context, builder, signature, values):
        return builder.ptrtoint(values[0], WORD)

    return types.intp(pointer), write


@intrinsic
def as_columns(_context, pointer):
    """The same address as one of int32."""
    kind = PointerType(types.int32)

    def write(context, builder, signature, values):
        return builder.bitcast(values[0], context.get_value_type(kind))

    return kind(pointer), write


@intrinsic
def on_stack(_context, like, x):
    """A pointer, of the type of another one, to a place that holds x."""

    def write(context, builder, signature, values):
        place = cgutils.alloca_once(builder, values[1].type)
        builder.store(values[1], place)
        return place

    return like(like, like.dtype), write


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
