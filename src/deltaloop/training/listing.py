"""Whether the values of samples that are not zero are listed, and when that pays."""

import numpy as np

from ..errors import InvalidInputError
from ..kernels.sparse_rows import SparseRows

# Up to these shares of non-zero values, lists beat dense rows (784 inputs, 30 to 512 units):
# without mini-batches, and in mini-batches, where tiles make dense rows cheaper.
_WORTH_A_LIST = {"samples": 0.45, "batches": 0.3}
_LOOKED_AT = 256  # rows that show how dense an array is


def check_mode(sparse) -> bool | str:
    """The argument `sparse` of `fit`."""
    if isinstance(sparse, bool | np.bool_):
        return bool(sparse)
    if not (isinstance(sparse, str) and sparse == "auto"):
        raise InvalidInputError(f"sparse must be 'auto', True or False, got {sparse!r}")
    return "auto"


def arranged(X, mode: bool | str, backend, needs_zeros: bool, batch_size: int):
    """Checked X as lists or as a dense array: as asked for, or as it is faster."""
    if mode is False:
        return X.dense() if isinstance(X, SparseRows) else X
    if isinstance(X, SparseRows):
        return X
    if mode is True or (not needs_zeros and _pays(X, batch_size)):
        return backend.sparse_rows(X)
    return X


def _pays(X, batch_size):
    # too short to matter: a row of the weights costs as much as the entry of a list
    if X.shape[1] < 16:
        return False
    seen = X[:: max(1, len(X) // _LOOKED_AT)]
    share = _WORTH_A_LIST["samples" if batch_size == 1 else "batches"]
    return np.count_nonzero(seen) <= share * seen.size
