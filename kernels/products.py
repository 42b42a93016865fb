"""Products of matrices that the Cython build lends to other compiled code.

`addresses` are valid in this process, and those of the instruction set in use:

    product(purpose, Product *)     C = start + A B and what becomes of it, see cython/products.pxi
    transpose(n_rows, n_columns, padded_rows, A, A_row, C, C_row)
        C, (n_columns, padded_rows), from A, (n_rows, n_columns); padded by 0

Whole numbers are intp, A and C point to elements. The records that C reads are laid out here and
compared when the Cython build is imported.
"""

import numpy as np

STORE, ADD, DESCEND = range(3)  # purposes of a product: see cython/products.pxi
MOST_HYPER = 8  # and as many constants that follow from them


def rule_record(real) -> np.dtype:
    """The struct Rule of cython/plan.pxd for one element type."""
    numbers = (
        "learning_rate", "momentum", "new_m", "new_v", "epsilon", "unbias_m", "unbias_v",
    )  # fmt: skip
    return np.dtype(
        [
            ("code", np.intp),
            ("beta1", np.float64),
            ("beta2", np.float64),
            *((name, real) for name in numbers),
            ("state", np.intp),
            ("squares", np.intp),
            ("flat", np.intp),
            ("hyper", real, (2 * MOST_HYPER,)),
            ("given", np.float64, (MOST_HYPER,)),
            ("product", np.float64),
            ("product_step", np.intp),
            ("n_slots", np.intp),
            ("n_theta", np.intp),
            *((name, np.float64) for name in ("weight_decay", "clip_norm", "max_norm")),
            *((name, real) for name in ("l1", "l2", "clip_value", "keep")),
        ],
        align=True,
    )


def product_record(real) -> np.dtype:
    """The struct Product of cython/products.pxi for one element type."""
    before = (
        "n_rows", "width", "n_k", "A", "A_row", "A_k", "B", "B_k", "B_tile", "C", "C_row", "start",
        "start_row",
    )  # fmt: skip
    after = "rule", "weights", "ahead", "parts"
    return np.dtype(
        [
            *((name, np.intp) for name in before),
            ("factor", real),
            *((name, np.intp) for name in after),
        ],
        align=True,
    )


def addresses(dtype) -> dict[str, int]:
    """Of the functions above, for one element type."""
    from .cython import addresses

    return addresses(dtype)
