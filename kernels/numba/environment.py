"""The floating-point environment of the kernels, as in cython/environment.pxd."""

import platform

from llvmlite import ir
from numba.core import cgutils

_X86 = platform.machine().lower() in ("x86_64", "amd64")
_ARM = platform.machine().lower() in ("aarch64", "arm64")
_WORD = ir.IntType(32) if _X86 else ir.IntType(64)
# no trap, round to nearest; and what is subnormal is 0
NEAREST, FLUSHING = (0x1F80, 0x1F80 | 0x8040) if _X86 else (0, 1 << 24)
_SEEN = 0x3F if _X86 else 0  # flags of what happened, of no account


def enter(builder: ir.IRBuilder, own: int):
    """Take an environment; what `leave` wants to know."""
    before = _read(builder)
    with builder.if_then(_differs(builder, before, own), likely=False):
        _write(builder, ir.Constant(_WORD, own))
    return before


def leave(builder: ir.IRBuilder, own: int, before) -> None:
    """Give the caller's environment back."""
    with builder.if_then(_differs(builder, before, own), likely=False):
        _write(builder, before)


def _differs(builder, before, own):
    kept = builder.and_(before, ir.Constant(_WORD, ~_SEEN))
    return builder.icmp_unsigned("!=", kept, ir.Constant(_WORD, own))  # a change is slow


def _read(builder):
    if _ARM:
        return _call(builder, "llvm.aarch64.get.fpcr", _WORD)
    place = cgutils.alloca_once(builder, _WORD)
    if _X86:
        _call(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), _byte(builder, place))
    else:
        builder.store(ir.Constant(_WORD, NEAREST), place)
    return builder.load(place)


def _write(builder, word) -> None:
    if _X86:
        place = cgutils.alloca_once(builder, _WORD)
        builder.store(word, place)
        _call(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), _byte(builder, place))
    elif _ARM:
        _call(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), word)


def _byte(builder, place):
    return builder.bitcast(place, ir.IntType(8).as_pointer())


def _call(builder, name, returned, *arguments):
    kind = ir.FunctionType(returned, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)
