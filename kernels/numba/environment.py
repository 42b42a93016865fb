"""The floating-point environment of the kernels, as in cython/environment.pxd."""

import platform

from llvmlite import ir
from numba.core import cgutils

_X86 = platform.machine().lower() in ("x86_64", "amd64")
_ARM = platform.machine().lower() in ("aarch64", "arm64")
_WORD = ir.IntType(32) if _X86 else ir.IntType(64)
# no trap, round to nearest; and what is subnormal is 0
NEAREST, FLUSHING = (0x1F80, 0x1F80 | 0x8040) if _X86 else (0, 1 << 24)


def enter(builder: ir.IRBuilder, own: int):
    """Take an environment; what `leave` wants to know."""
    if _X86:
        before, mine = (cgutils.alloca_once(builder, _WORD) for _ in range(2))
        builder.store(ir.Constant(_WORD, own), mine)
        _access(builder, "stmxcsr", before)
        _access(builder, "ldmxcsr", mine)
        return before
    if _ARM:
        before = builder.call(_function(builder, "llvm.aarch64.get.fpcr", _WORD, []), [])
        _set_fpcr(builder, ir.Constant(_WORD, own))
        return before
    return None


def leave(builder: ir.IRBuilder, before) -> None:
    """Give the caller's environment back."""
    if _X86:
        _access(builder, "ldmxcsr", before)
    elif _ARM:
        _set_fpcr(builder, before)


def _access(builder, name, place):
    byte = ir.IntType(8).as_pointer()
    function = _function(builder, f"llvm.x86.sse.{name}", ir.VoidType(), [byte])
    builder.call(function, [builder.bitcast(place, byte)])


def _set_fpcr(builder, word):
    builder.call(_function(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), [_WORD]), [word])


def _function(builder, name, returned, arguments):
    return cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(returned, arguments), name
    )
