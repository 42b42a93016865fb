"""The three products of a mini-batch, as tiles of accumulators that stay in registers.

    C[r, :] = start + sum_k A[r, k] B[k, :]

    forward    Z      = X W^T           A = activations, k = inputs,  B = W (input-major)
    backward   dC/dA^T = W delta^T      A = W,           k = outputs, B = delta transposed
    gradient   dC/dW  = A_prev^T delta  A = A_prev^T,    k = samples, B = delta

B and C are read and written in vectors, A one element at a time, so A may lie transposed.
"""

from .compiling import REAL, REALS, WHOLE, call, kernel
from .lanes import TILE_ROWS, TILE_VECTORS, muladd
from .rules import ADAM, MOMENTUM, NESTEROV, Hyper, descended

_ROWS = sorted({TILE_ROWS, *(n for n in (8, 4, 2, 1) if n < TILE_ROWS)}, reverse=True)


def _make_tile(rows: int, n: int, narrow: int):
    """The tile of so many rows and vectors; vectors of `narrow` lanes, 0: native ones."""

    def write(
        e, n_k: WHOLE, A: REALS, A_row: WHOLE, A_k: WHOLE, B: REALS, B_k: WHOLE,
        C: REALS, C_row: WHOLE, start: REALS, start_row: WHOLE, adds: WHOLE, factor: REAL,
    ) -> None:  # fmt: skip
        lanes = narrow or e.native
        places = [(r, c) for r in range(rows) for c in range(n)]
        sums = {place: e.variable(e.vector(0, lanes)) for place in places}
        with e.when(start.is_null().compare("==", 0)):
            for r, c in places:
                sums[r, c].set((start + start_row * r).get(c * lanes, lanes))
        with e.loop(0, n_k) as k:
            B_of_k, A_of_k = B + k * B_k, A + k * A_k
            b = [B_of_k.get(c * lanes, lanes) for c in range(n)]
            for r in range(rows):
                a = A_of_k.get(A_row * r).fill(lanes)
                for c in range(n):
                    sums[r, c].set(muladd(a, b[c], sums[r, c].get()))
        with e.either(adds.compare("!=", 0)) as (adding, storing):
            with adding:
                for r, c in places:
                    old = (C + C_row * r).get(c * lanes, lanes)
                    (C + C_row * r).set(c * lanes, muladd(factor, sums[r, c].get(), old))
            with storing:
                for r, c in places:
                    (C + C_row * r).set(c * lanes, sums[r, c].get())

    write.__name__ = f"tile_{rows}_{n}_{narrow}"
    write.__doc__ = "C = sums, or with `adds` C = C + factor sums."
    return kernel(write)


_KINDS = sorted({(TILE_VECTORS, 0), (1, 0), (1, 8), (1, 4)})
_TILES = {(rows, *kind): _make_tile(rows, *kind) for rows in _ROWS for kind in _KINDS}


def _panels(e, width, write) -> None:
    """write(j, n, lanes or 0) for every panel of columns; width is 4, 8 or a multiple of 16."""

    def wide():
        step = TILE_VECTORS * e.native
        whole = width // step * step
        with e.loop(0, whole, step) as j:
            write(j, TILE_VECTORS, 0)
        with e.loop(whole, width, e.native) as j:
            write(j, 1, 0)

    table = {lanes: lambda lanes=lanes: write(0, 1, lanes) for lanes in (4, 8)}
    e.cases(width, table, wide)


def _tiles(e, n_rows, write) -> None:
    """write(r, rows) for every tile of a panel."""
    first = n_rows // TILE_ROWS * TILE_ROWS
    with e.loop(0, first, TILE_ROWS) as r:
        write(r, TILE_ROWS)
    for rows in _ROWS[1:]:
        end = first + (n_rows - first) // rows * rows
        with e.loop(first, end, rows) as r:
            write(r, rows)
        first = end


@kernel
def product(
    e, n_rows: WHOLE, width: WHOLE, n_k: WHOLE, A: REALS, A_row: WHOLE, A_k: WHOLE,
    B: REALS, B_k: WHOLE, C: REALS, C_row: WHOLE, start: REALS, start_row: WHOLE,
    adds: WHOLE, factor: REAL,
) -> None:  # fmt: skip
    """C = start + A B, or with `adds` C = C + factor (start + A B); C is (n_rows, width).

    A[r, k] at r A_row + k A_k, B[k, :] at k B_k, C[r, :] at r C_row. start[r, :] at
    r start_row: a bias with start_row 0, sums so far, or null.
    """
    nothing = start.is_null()

    def panel(j, n, narrow):
        def one(r, rows):
            begin = e.address_or_null(nothing, start, r * start_row + j)
            call(
                e, _TILES[rows, n, narrow], n_k, A + r * A_row, A_row, A_k, B + j, B_k,
                C + (r * C_row + j), C_row, begin, start_row, adds, factor,
            )  # fmt: skip

        _tiles(e, n_rows, one)

    _panels(e, width, panel)


@kernel
def descend_block(
    e, code: WHOLE, rows: WHOLE, n: WHOLE, sums: REALS, sums_row: WHOLE, w: REALS, m: REALS,
    v: REALS, row: WHOLE, hyper: REALS, scale: REAL,
) -> None:  # fmt: skip
    """The step of a rule on (rows, n) weights whose gradient is scale sums."""
    constants = Hyper(hyper)

    def block(rule, lanes):
        with e.loop(0, rows) as r, e.loop(0, n, lanes) as j:
            k, g = r * row + j, scale * sums.get(r * sums_row + j, lanes)
            w.set(k, descended(rule, constants, w.get(k, lanes), g, m + k, v + k))

    def of_rule(rule):
        narrow = {lanes: lambda lanes=lanes: block(rule, lanes) for lanes in (4, 8)}
        return lambda: e.cases(n, narrow, lambda: block(rule, e.native))

    e.cases(code, {rule: of_rule(rule) for rule in (MOMENTUM, NESTEROV, ADAM)})


@kernel
def descend_product(
    e, code: WHOLE, n_rows: WHOLE, width: WHOLE, n_k: WHOLE, A: REALS, A_row: WHOLE, A_k: WHOLE,
    B: REALS, B_k: WHOLE, W: REALS, m: REALS, v: REALS, start: REALS, start_row: WHOLE,
    hyper: REALS, scale: REAL,
) -> None:  # fmt: skip
    """The step of a rule on W, (n_rows, width), whose gradient is scale (start + A B)."""
    nothing = start.is_null()
    room = TILE_VECTORS * e.native
    sums = e.scratch(TILE_ROWS * max(room, 8))

    def panel(j, n, narrow):
        def one(r, rows):
            begin = e.address_or_null(nothing, start, r * start_row + j)
            call(
                e, _TILES[rows, n, narrow], n_k, A + r * A_row, A_row, A_k, B + j, B_k,
                sums, max(room, 8), begin, start_row, 0, scale,
            )  # fmt: skip
            k = r * width + j
            call(
                e, descend_block, code, rows, n * (narrow or e.native), sums, max(room, 8),
                W + k, m + k, v + k, width, hyper, scale,
            )  # fmt: skip

        _tiles(e, n_rows, one)

    _panels(e, width, panel)


@kernel
def transpose(
    e, n_rows: WHOLE, n_columns: WHOLE, padded_rows: WHOLE, A: REALS, A_row: WHOLE,
    C: REALS, C_row: WHOLE,
) -> None:  # fmt: skip
    """C, (n_columns, padded_rows), from A, (n_rows, n_columns); padded by 0."""
    whole_rows, whole_columns = n_rows // 4 * 4, n_columns // 4 * 4

    def one(r, c):
        C.set(c * C_row + r, A.get(r * A_row + c))

    with e.loop(0, whole_columns, 4) as c:
        with e.loop(0, whole_rows, 4) as r:
            rows = [A.get((r + k) * A_row + c, 4) for k in range(4)]
            ab, cd = (x.shuffle(y, 0, 4, 1, 5) for x, y in (rows[:2], rows[2:]))
            ab_high, cd_high = (x.shuffle(y, 2, 6, 3, 7) for x, y in (rows[:2], rows[2:]))
            C.set(c * C_row + r, ab.shuffle(cd, 0, 1, 4, 5))
            C.set((c + 1) * C_row + r, ab.shuffle(cd, 2, 3, 6, 7))
            C.set((c + 2) * C_row + r, ab_high.shuffle(cd_high, 0, 1, 4, 5))
            C.set((c + 3) * C_row + r, ab_high.shuffle(cd_high, 2, 3, 6, 7))
        with e.loop(whole_rows, n_rows) as r:
            for k in range(4):
                one(r, c + k)
    with e.loop(whole_columns, n_columns) as c, e.loop(0, n_rows) as r:
        one(r, c)
    with e.loop(0, n_columns) as c, e.loop(n_rows, padded_rows) as r:
        C.set(c * C_row + r, e.number(0))
