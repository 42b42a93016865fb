"""Call the compiled kernels from Numba's @njit code: nothing of them is compiled again.

`net.session().address` is an ordinary argument of the calling function, and the kernels are found
through it at run time: the caller can be cached (`cache=True`), and serves every network of its
dtype. The session or its network has to be kept alive meanwhile. 64-bit platforms only.
"""

from .errors import require_numba

require_numba("deltaloop.numba_handles")

from llvmlite import ir  # noqa: E402
from numba import njit, types  # noqa: E402
from numba.core.errors import TypingError  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

_WORD = ir.IntType(64)
# the struct of deltaloop.h in words of 8 bytes; version and itemsize share the first one
_ITEMSIZE, _N_IN, _N_OUT, _BATCH_SIZE, _FORWARD, _LEARN = 0, 1, 2, 4, 7, 8


@njit
def forward(address, x, out):
    """Outputs for x (n, n_in) into out (n, n_out); or vectors, for one sample.

    Raises
    ------
    ValueError, TypeError
        Arrays of another shape or dtype, or that are not contiguous.
    """
    n = _n_samples(address, x, out)
    _call_forward(_word(address, _FORWARD), address, _first(x), n, _first_written(out))


@njit
def learn(address, x, y):
    """One step on x (n, n_in), y (n, n_out), or on vectors, one sample; the mean loss before it.

    Raises
    ------
    ValueError, TypeError
        As in `forward`, or more samples than the session's batch_size.
    """
    n = _n_samples(address, x, y)
    if n < 1 or n > _word(address, _BATCH_SIZE):
        raise ValueError("one step takes from 1 to batch_size samples: net.session(batch_size)")
    return _call_learn(_word(address, _LEARN), address, _first(x), _first(y), n)


@njit
def _n_samples(address, x, y):
    itemsize = _word(address, _ITEMSIZE) >> 32
    if x.itemsize != itemsize or y.itemsize != itemsize:
        raise TypeError("arrays must have the dtype of the network")
    n_in, n_out = _word(address, _N_IN), _word(address, _N_OUT)
    n = x.shape[0] if x.ndim > 1 else 1
    rows_fit = x.shape[-1] == n_in and y.shape[-1] == n_out
    if not (rows_fit and x.size == n * n_in and y.size == n * n_out):
        raise ValueError("arrays must have n_in and n_out values per sample: (n,), or (k, n)")
    return n


@intrinsic
def _word(typing, address, position):
    """Word number `position` of the memory at `address`."""

    def code(context, builder, signature, args):
        words = builder.inttoptr(args[0], _WORD.as_pointer())
        return builder.load(builder.gep(words, [args[1]]))

    return types.int64(types.int64, types.int64), code


@intrinsic
def _first(typing, array):
    """Address of the first element."""
    return _first_of(array)


@intrinsic
def _first_written(typing, array):
    if isinstance(array, types.Array) and not array.mutable:
        raise TypingError("out must be writable, it is a readonly array")
    return _first_of(array)


def _first_of(array):
    """Signature and code of `_first`."""
    if not (isinstance(array, types.Array) and array.layout == "C"
            and array.dtype in (types.float32, types.float64)):  # fmt: skip
        raise TypingError(f"contiguous arrays of float32 or float64 are needed, got {array}")

    def code(context, builder, signature, args):
        found = context.make_array(array)(context, builder, args[0])
        return builder.ptrtoint(found.data, _WORD)

    return types.int64(array), code


def _caller(result, llvm_result):
    """Calls the function at an address with four words; pointers are words, too."""

    @intrinsic
    def call(typing, function, a, b, c, d):
        def code(context, builder, signature, args):
            kind = ir.FunctionType(llvm_result, [_WORD] * 4)
            found = builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
            return context.get_dummy_value() if result is types.none else found

        return result(*[types.int64] * 5), code

    return call


_call_forward = _caller(types.none, ir.VoidType())
_call_learn = _caller(types.float64, ir.DoubleType())
