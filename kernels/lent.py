"""What the Cython build lends to other compiled code: functions by address, and their structs.

`core(dtype)` is the module of one element type, for the instruction set in use. It has

    addresses() -> {name: address}      of functions, valid in this process
    forward(...), loss_gradient(...), backward(...), train_epoch(...)
        those of a backend; with the address `walks` as their last argument they call the walks
    fill_net(words, plan, theta, writable, work, walks)
        fill the memory `words` with a struct; what it points to has to be kept
    Session(plan, theta, batch_size, turns, walks, provide)
        a session of the Cython build that calls walks; before a call of one that is 0 in the table
        it calls provide(name)

The structs are laid out here for all but Cython, which compares their sizes when it is imported.
A field is of one of these kinds: an element (`real`), numbers (`whole`: intp, `double`, `truth`:
int), and pointers to elements (`reals`), to numbers (`words`: intp, `columns`: int32, `doubles`)
and to structs (those below, and `layer`: interface.LAYER).
"""

from functools import cache

import numpy as np

from .interface import LAYER

_NUMBERS = {"double": np.float64, "truth": np.intc}  # all others but `real` are intp, or as long

STRUCTS: dict[str, dict] = {
    # cython/plan.pxd has them with comments
    "net": {
        "layers": "layer", "n_layers": "whole", "loss": "whole", "loss_parameter": "real",
        "theta": "reals", "batch_size": "whole", "first": "whole", "work": "reals",
        "gathered": "reals", "turned": "reals", "turned_prev": "reals", "partial": "reals",
        "groups": "reals", "n_theta": "whole", "parts": "reals", "listed": "reals",
        "costs": "doubles", "input_dropout": "double", "mask": "reals",
        "plain": "words", "input_noise": "double", "heads": "words", "n_heads": "whole",
        "joins": "whole", "inputs_at": "whole",
        "trains": "whole",
        "key": "whole", "done": "whole", "walks": "words",
    },
    "rows": {
        "dense": "reals", "row": "whole", "starts": "words", "columns": "columns",
        "values": "reals", "order": "words", "first": "whole", "weights": "doubles",
        "share_of_weight": "double",
    },
    "ahead": {
        "rows": "rows", "t": "whole", "stop": "whole", "column": "whole", "n_columns": "whole",
        "n_lines": "whole",
    },
    "rule": {
        "code": "whole", "beta1": "double", "beta2": "double", "learning_rate": "real",
        "momentum": "real", "new_m": "real", "new_v": "real", "epsilon": "real",
        "unbias_m": "real", "unbias_v": "real", "state": "reals", "squares": "reals",
        "flat": "whole", "hyper": ("real", 16), "given": ("double", 8), "product": "double",
        "product_step": "whole", "gradient": "reals", "slots": "reals", "n_slots": "whole",
        "n_theta": "whole", "weight_decay": "double",
        "clip_norm": "double", "max_norm": "double", "l1": "real", "l2": "real",
        "clip_value": "real", "keep": "real", "weight_noise": "double", "noisy": "reals",
    },
    # cython/batch.pxi
    "piece": {
        "is_first": "truth", "is_last": "truth", "n_samples": "whole", "scale": "real",
        "thread": "whole", "n_threads": "whole",
    },
}  # fmt: skip


# Functions of other compiled code that take the place of those of Cython, where the `walks` of a
# net lead to their addresses: its struct Walks, which is as long as this.
WALKS = "forward_rows", "mean_loss", "pass_back", "descend_samples", "descend_batches"


@cache
def struct(name: str, real: str) -> np.dtype:
    """One of them, or `layer`, for the element type 'float32' or 'float64'."""
    if name == "layer":
        return LAYER

    def of(kind):
        if isinstance(kind, tuple):
            return np.dtype((of(kind[0]), kind[1]))
        return real if kind == "real" else _NUMBERS.get(kind, np.intp)

    return np.dtype([(field, of(kind)) for field, kind in STRUCTS[name].items()], align=True)


@cache
def core(dtype):
    """The module that lends, for one element type."""
    from .cython import core

    return core(np.dtype(dtype))
