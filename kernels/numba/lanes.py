"""Vectors for Numba: loops that are written in Python and become LLVM instructions.

Numba has no type for a vector register, and what LLVM makes of a loop over a row depends on its
mood. So the loops that decide the speed are *kernels*: Python functions that run once, at compile
time, and write instructions with the operators + - * / on `Value`. What is an int of Python there
(lanes, rows of a tile) is a constant, and a loop of Python over it is an unrolled one. This is what
`lanes.pxd` does for Cython with the vector extensions of C.

`real` is the element type of a kernel, float32 or float64; a native vector has 64 bytes, which LLVM
splits where registers are shorter. Products may fuse with sums, nothing is reassociated: the order
that is written is the order of the sums.
"""

import platform
from contextlib import contextmanager

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target

VECTOR_BYTES = 64
INT = ir.IntType(64)
DOUBLE_TYPE = ir.DoubleType()
_FLAGS = ("contract",)


_, _, _FEATURES = cpu_target.target_context.codegen().magic_tuple()
# accumulators of one sum over rows: what registers hold.
# With AVX-512 a vector of 64 bytes is one register, and there are 32 of them.
ACCUMULATORS = 8 if "+avx512f" in _FEATURES else 4
HAS_FMA = "+fma" in _FEATURES or platform.machine() in ("aarch64", "arm64")


class Value:
    """A whole number, a real or a vector of reals, known at run time."""

    __slots__ = ("builder", "ir")

    def __init__(self, builder, value):
        self.builder, self.ir = builder, value

    @property
    def is_whole(self) -> bool:
        """Whether it is an int64 (or a truth value)."""
        return isinstance(self.ir.type, ir.IntType)

    def _pair(self, other):
        """Both sides in one type: constants take the type of the other side, reals are spread."""
        if not isinstance(other, Value):
            other = constant(self.builder, self.ir.type, other)
        lanes = [getattr(v.ir.type, "count", 1) for v in (self, other)]
        return [v.fill(max(lanes)).ir for v in (self, other)]

    def _operation(self, other, whole, real, turned=False):
        a, b = self._pair(other)
        if turned:
            a, b = b, a
        if self.is_whole:
            return Value(self.builder, getattr(self.builder, whole)(a, b))
        return Value(self.builder, getattr(self.builder, real)(a, b, flags=_FLAGS))

    def __add__(self, other):
        return self._operation(other, "add", "fadd")

    def __sub__(self, other):
        return self._operation(other, "sub", "fsub")

    def __mul__(self, other):
        return self._operation(other, "mul", "fmul")

    def __truediv__(self, other):
        return self._operation(other, "sdiv", "fdiv")

    def __floordiv__(self, other):
        return self._operation(other, "sdiv", "fdiv")

    def __radd__(self, other):
        return self + other

    def __rtruediv__(self, other):
        return self._operation(other, "sdiv", "fdiv", turned=True)

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return self._operation(other, "sub", "fsub", turned=True)

    def __neg__(self):
        return Value(self.builder, self.builder.fneg(self.ir))

    def compare(self, how: str, other):
        """Truth value of a comparison of whole numbers, or of reals (False for NaN)."""
        a, b = self._pair(other)
        if self.is_whole:
            return Value(self.builder, self.builder.icmp_signed(how, a, b))
        return Value(self.builder, self.builder.fcmp_ordered(how, a, b))

    def choose(self, above, other):
        """One of two values, by a truth value."""
        pair = [
            v if isinstance(v, Value) else constant(self.builder, INT, v) for v in (above, other)
        ]
        return Value(self.builder, self.builder.select(self.ir, *(v.ir for v in pair)))

    def both(self, other):
        """Of truth values: self and other."""
        return Value(self.builder, self.builder.and_(self.ir, other.ir))

    def either(self, other):
        """Of truth values: self or other."""
        return Value(self.builder, self.builder.or_(self.ir, other.ir))

    def negated(self):
        """Of a truth value."""
        return Value(self.builder, self.builder.not_(self.ir))

    def is_finite(self):
        """Whether a real is neither infinite nor NaN."""
        return (self - self).compare("==", 0)

    def as_real(self, kind):
        """A whole number, a real or a vector of reals in an element type."""
        lanes = getattr(self.ir.type, "count", 1)
        to_double, kind = kind == DOUBLE_TYPE, ir.VectorType(kind, lanes) if lanes > 1 else kind
        if self.is_whole:
            return Value(self.builder, self.builder.sitofp(self.ir, kind))
        if self.ir.type == kind:
            return self
        convert = self.builder.fpext if to_double else self.builder.fptrunc
        return Value(self.builder, convert(self.ir, kind))

    def fill(self, lanes: int):
        """(x, x, ...); a vector stays what it is."""
        if lanes == 1 or isinstance(self.ir.type, ir.VectorType):
            return self
        kind = ir.VectorType(self.ir.type, lanes)
        one = self.builder.insert_element(ir.Constant(kind, ir.Undefined), self.ir, _position(0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
        return Value(self.builder, self.builder.shuffle_vector(one, one, mask))

    def shuffle(self, other, *lanes):
        """Chosen lanes of two vectors, those of the second counted on from the first."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes))
        return Value(self.builder, self.builder.shuffle_vector(self.ir, other.ir, mask))

    def lane(self, k: int):
        """One element."""
        return Value(self.builder, self.builder.extract_element(self.ir, _position(k)))

    def with_lane(self, k: int, x):
        """Another element in one place."""
        return Value(self.builder, self.builder.insert_element(self.ir, x.ir, _position(k)))

    def function(self, name: str, *others):
        """A function of C, or an instruction of LLVM that is written as a call: 'llvm.sqrt'."""
        arguments = [self.ir, *(self._pair(other)[1] for other in others)]
        kind = ir.FunctionType(self.ir.type, [self.ir.type] * len(arguments))
        if name.startswith("llvm."):
            name = f"{name}.{_suffix(self.ir.type)}"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return Value(self.builder, self.builder.call(function, arguments))


class Pointer:
    """The address of elements of one type."""

    __slots__ = ("builder", "element", "ir")

    def __init__(self, builder, address, element):
        self.builder, self.ir, self.element = builder, address, element

    def __add__(self, offset):
        if not isinstance(offset, Value):
            offset = constant(self.builder, INT, offset)
        moved = self.builder.gep(self.ir, [offset.ir], source_etype=self.element)
        return Pointer(self.builder, moved, self.element)

    def _at(self, offset, kind):
        address = self if isinstance(offset, int) and offset == 0 else self + offset
        return self.builder.bitcast(address.ir, kind.as_pointer())

    def get(self, offset=0, lanes: int = 1):
        """The element at an offset, or the vector that begins there; whole numbers as int64."""
        kind = self.element if lanes == 1 else ir.VectorType(self.element, lanes)
        at = self._at(offset, kind)
        value = self.builder.load(at, align=_bytes(self.element), typ=kind)
        if isinstance(kind, ir.IntType) and kind.width < 64:
            value = self.builder.sext(value, INT)
        return Value(self.builder, value)

    def set(self, offset, value) -> None:
        """Write an element, or the vector that begins there."""
        if not isinstance(value, Value):
            value = constant(self.builder, self.element, value)
        place = self._at(offset, value.ir.type)
        self.builder.store(value.ir, place, align=_bytes(self.element))

    def is_null(self):
        """Truth value."""
        return Value(self.builder, cgutils.is_null(self.builder, self.ir))


class Struct:
    """A record: its fields are attributes, read anew wherever they are named."""

    def __init__(self, e, address, record):
        self.e, self.ir, self.record = e, address, record

    def __getattr__(self, name):
        field, e = self.record.fields[name], self.e
        byte = ir.IntType(8)
        first = e.builder.bitcast(self.ir, byte.as_pointer())
        place = e.builder.gep(first, [ir.Constant(INT, field.offset)], source_etype=byte)
        many = isinstance(field.type, types.NestedArray)
        kind = e.context.get_data_type(field.type.dtype if many else field.type)
        found = Pointer(e.builder, e.builder.bitcast(place, kind.as_pointer()), kind)
        return found if many else found.get()


class Fields:
    """A named tuple: its fields are attributes."""

    def __init__(self, e, value, kind):
        self.e, self.ir, self.kind = e, value, kind

    def __getattr__(self, name):
        k = self.kind.fields.index(name)
        return self.e.wrapped(self.e.builder.extract_value(self.ir, k), self.kind.types[k])


class Variable:
    """A value that changes in a loop; LLVM keeps it in a register."""

    __slots__ = ("builder", "place")

    def __init__(self, builder, value: Value):
        self.builder, self.place = builder, cgutils.alloca_once(builder, value.ir.type)
        self.set(value)

    def get(self) -> Value:
        """The value now."""
        return Value(self.builder, self.builder.load(self.place))

    def set(self, value: Value) -> None:
        """Another value of the same type."""
        self.builder.store(value.ir, self.place)


class Emitter:
    """What a kernel writes with: constants, loops and branches."""

    def __init__(self, context, builder, real, element):
        self.context, self.builder = context, builder
        self.real, self.element = real, element  # the type of elements to LLVM, and to Numba
        self.is_double = isinstance(real, ir.DoubleType)
        self.native = VECTOR_BYTES // _bytes(real)  # lanes of a native vector

    def wrapped(self, value, kind):
        """A value of LLVM as what kernels work with, by its type to Numba."""
        if isinstance(kind, types.CPointer):
            return Pointer(self.builder, value, self.context.get_data_type(kind.dtype))
        if isinstance(kind, types.Record):
            return Struct(self, value, kind)
        if isinstance(kind, types.BaseTuple):
            return Fields(self, value, kind)
        return self.value(value)

    def value(self, found) -> Value:
        """A number of LLVM."""
        return Value(self.builder, found)

    def record(self, address: Value, kind) -> Struct:
        """The record at an address, of a type of Numba."""
        place = self.builder.inttoptr(address.ir, ir.IntType(8).as_pointer())
        return Struct(self, place, kind)

    def pointer(self, address: Value) -> Pointer:
        """An address as a pointer to reals."""
        found = self.builder.inttoptr(address.ir, self.real.as_pointer())
        return Pointer(self.builder, found, self.real)

    def number(self, x: float) -> Value:
        """A real."""
        return constant(self.builder, self.real, x)

    def vector(self, x: float, lanes: int) -> Value:
        """(x, x, ...)"""
        return constant(self.builder, ir.VectorType(self.real, lanes), x)

    def positions(self, lanes: int) -> Value:
        """(0, 1, 2, ...)"""
        numbers = [self.number(k).ir for k in range(lanes)]
        return self.value(ir.Constant(ir.VectorType(self.real, lanes), numbers))

    def whole(self, n: int) -> Value:
        """An int64."""
        return constant(self.builder, INT, n)

    def variable(self, value: Value) -> Variable:
        """A place for values of this type."""
        return Variable(self.builder, value)

    def double(self, x: float) -> Value:
        """A float64."""
        return constant(self.builder, DOUBLE_TYPE, x)

    def prefetch(self, address: Value) -> None:
        """Bring the cache line of an address nearer."""
        builder, number = self.builder, ir.IntType(32)
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read_soon_data = [ir.Constant(number, n) for n in (0, 3, 1)]
        builder.call(function, [builder.inttoptr(address.ir, byte), *read_soon_data])

    @contextmanager
    def loop(self, start, stop, step=1):
        """For i in range(start, stop, step): yields i."""
        start, stop, step = (
            (n if isinstance(n, Value) else self.whole(n)).ir for n in (start, stop, step)
        )
        with cgutils.for_range_slice(self.builder, start, stop, step, INT) as (i, _):
            yield Value(self.builder, i)

    @contextmanager
    def loop_while(self, start: Value, stop: Value, goes_on, step=1):
        """For i in range(start, stop, step), while goes_on() holds before a turn: yields i."""
        builder, place = self.builder, self.variable(start)
        test, body, end = (builder.append_basic_block(name) for name in ("test", "body", "end"))
        builder.branch(test)
        builder.position_at_end(test)
        builder.cbranch(place.get().compare("<", stop).both(goes_on()).ir, body, end)
        builder.position_at_end(body)
        yield place.get()
        place.set(place.get() + step)
        builder.branch(test)
        builder.position_at_end(end)

    def unless(self, condition: Value):
        """Only if the condition does not hold."""
        return self.when(condition.negated())

    def when(self, condition: Value):
        """Only if the condition holds."""
        return self.builder.if_then(condition.ir)

    def either(self, condition: Value):
        """Yields the two branches."""
        return self.builder.if_else(condition.ir)

    def cases(self, value: Value, table: dict, otherwise=None) -> None:
        """Run the writer of the entry that `value` equals at run time; else `otherwise`."""
        for key, write in table.items():
            with self.either(value.compare("==", key)) as (then, other):
                with then:
                    write()
                with other:
                    rest = {k: w for k, w in table.items() if k != key}
                    self.cases(value, rest, otherwise)
            return
        if otherwise is not None:
            otherwise()


def constant(builder, kind, x) -> Value:
    """A constant of an LLVM type, in every lane."""
    if isinstance(kind, ir.VectorType):
        one = constant(builder, kind.element, x).ir
        return Value(builder, ir.Constant(kind, [one] * kind.count))
    return Value(builder, ir.Constant(kind, x if isinstance(kind, ir.IntType) else float(x)))


def where_above(x: Value, y: Value, above: Value, other: Value) -> Value:
    """Lane by lane: above where x > y, else other (also where x or y is NaN)."""
    chosen = x.builder.select(x.compare(">", y).ir, above.ir, other.ir)
    return Value(x.builder, chosen)


def muladd(a: Value, b: Value, c: Value) -> Value:
    """A b + c, fused where the processor can."""
    lanes = max(getattr(v.ir.type, "count", 1) for v in (a, b, c))
    return a.fill(lanes).function("llvm.fmuladd", b, c)


def fold(x: Value) -> Value:
    """Four lanes with the same total."""
    while x.ir.type.count > 4:
        half = x.ir.type.count // 2
        x = x.shuffle(x, *range(half)) + x.shuffle(x, *range(half, 2 * half))
    return x


def total(x: Value) -> Value:
    """Sum of the lanes, in the order of `row_totals`."""
    x = fold(x)
    return (x.lane(0) + x.lane(2)) + (x.lane(1) + x.lane(3))


def row_totals(a: Value, b: Value, c: Value, d: Value) -> Value:
    """The totals of four vectors of four lanes."""
    ab = a.shuffle(b, 0, 1, 4, 5) + a.shuffle(b, 2, 3, 6, 7)
    cd = c.shuffle(d, 0, 1, 4, 5) + c.shuffle(d, 2, 3, 6, 7)
    return ab.shuffle(cd, 0, 2, 4, 6) + ab.shuffle(cd, 1, 3, 5, 7)


def _position(k: int):
    return ir.Constant(ir.IntType(32), k)


def _bytes(kind) -> int:
    if isinstance(kind, ir.IntType):
        return kind.width // 8
    return 8 if isinstance(kind, ir.DoubleType) else 4


def _suffix(kind) -> str:
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{_suffix(kind.element)}"
    return f"f{8 * _bytes(kind)}"
