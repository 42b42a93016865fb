"""One sample at a time, input-major: row i of W holds the weights that leave input i.

    sum_rows          z = W a_prev + b
    descend_rows      dC/da_prev = W^T delta,  then W -= eps delta a_prev^T,  b -= eps delta
    descend_and_sum   the update of one sample and z of the next one, in one pass over W

The functions `..._listed` take an index of the rows that count, where the others meet a zero:
a_prev[i] then belongs to row index[i].
"""

from .compiling import COLUMNS, REAL, REALS, RULE, WHOLE, kernel
from .lanes import ACCUMULATORS, fold, muladd, row_totals, total
from .rules import ADAM, MOMENTUM, NESTEROV, Hyper, descended


def _widths(e, width, narrow, wide) -> None:
    """narrow(n, lanes) for a row of n vectors with few accumulators; wide() for longer rows."""
    table = {4: lambda: narrow(1, 4), 8: lambda: narrow(1, 8)}
    for n in (1, 2, 3, 4, 6, 8):
        if n <= ACCUMULATORS and n * e.native % 16 == 0:
            table[n * e.native] = lambda n=n: narrow(n, e.native)
    e.cases(width, table, wide)


def _chains(n: int, lanes: int) -> int:
    """Rows that are summed side by side, to hide the latency of a sum."""
    return 4 if lanes < 16 and n == 1 else max(1, ACCUMULATORS // n)


def _row(index, i):
    return i if index is None else index.get(i)


def _blocks(e, n, size, several, one) -> None:
    """several(i) for every i that begins `size` whole rows, then one(i) for the rows left."""
    whole = n // size * size
    with e.loop(0, whole, size) as i:
        several(i)
    with e.loop(whole, n) as i:
        one(i)


def _sum_rows(e, n_in, index, width, a_prev, W, b, z) -> None:
    def narrow(n, lanes):
        chains = _chains(n, lanes)
        sums = [[e.variable(e.vector(0, lanes)) for _ in range(n)] for _ in range(chains)]

        def add(c, i):
            a, row = a_prev.get(i), W + _row(index, i) * (n * lanes)
            for v in range(n):
                sums[c][v].set(muladd(a, row.get(v * lanes, lanes), sums[c][v].get()))

        def several(i):
            for c in range(chains):
                add(c, i + c)

        _blocks(e, n_in, chains, several, lambda i: add(0, i))
        _finish(e, n, lanes, sums, b, z)

    def wide():
        _start(e, width, b, z)

        def four(i):
            a = [a_prev.get(i + c) for c in range(4)]
            w = [W + _row(index, i + c) * width for c in range(4)]
            with e.loop(0, width, e.native) as j:
                rows = [row.get(j, e.native) for row in w]
                z.set(j, _sum_of_four(z.get(j, e.native), a, rows))

        def one(i):
            a, w = a_prev.get(i), W + _row(index, i) * width
            with e.loop(0, width, e.native) as j:
                z.set(j, muladd(a, w.get(j, e.native), z.get(j, e.native)))

        _blocks(e, n_in, 4, four, one)

    _widths(e, width, narrow, wide)


def _sum_of_four(z, a, w):
    """Z + a_0 w_0 + ... + a_3 w_3, as two chains"""
    return muladd(a[1], w[1], muladd(a[0], w[0], z)) + muladd(a[3], w[3], a[2] * w[2])


def _finish(e, n, lanes, sums, b, z) -> None:
    """Z = b + the sums of all chains"""
    totals = [sums[0][v].get() for v in range(n)]
    for chain in sums[1:]:
        totals = [sum_ + chain[v].get() for v, sum_ in enumerate(totals)]
    with e.either(b.is_null()) as (without, with_bias):
        with without:
            for v in range(n):
                z.set(v * lanes, totals[v])
        with with_bias:
            for v in range(n):
                z.set(v * lanes, totals[v] + b.get(v * lanes, lanes))


def _start(e, width, b, z) -> None:
    """Z = b"""
    with e.either(b.is_null()) as (without, with_bias):
        with without, e.loop(0, width, e.native) as j:
            z.set(j, e.vector(0, e.native))
        with with_bias, e.loop(0, width, e.native) as j:
            z.set(j, b.get(j, e.native))


@kernel
def sum_rows(e, n_in: WHOLE, width: WHOLE, a_prev: REALS, W: REALS, b: REALS, z: REALS) -> None:
    """Z = W a_prev + b: a_prev (n_in,), W (n_in, width), b (width,) or null, z (width,)."""
    _sum_rows(e, n_in, None, width, a_prev, W, b, z)


@kernel
def sum_listed(
    e, n: WHOLE, index: COLUMNS, width: WHOLE, a_prev: REALS, W: REALS, b: REALS, z: REALS
) -> None:
    """sum_rows, where all but n values of a_prev are 0."""
    _sum_rows(e, n, index, width, a_prev, W, b, z)


@kernel
def descend_and_sum(
    e, n_in: WHOLE, width: WHOLE, a_prev: REALS, W: REALS, b: REALS, delta: REALS,
    learning_rate: REAL, a_next: REALS, z: REALS,
) -> None:  # fmt: skip
    """descend_rows for a_prev and sum_rows for a_next, with the same order of all sums.

    W and b are updated with delta, z is that of the sample that follows.
    """

    def descend_bias(j, lanes):
        b.set(j, b.get(j, lanes) - learning_rate * delta.get(j, lanes))

    def narrow(n, lanes):
        chains = _chains(n, lanes)
        d = [delta.get(v * lanes, lanes) for v in range(n)]
        sums = [[e.variable(e.vector(0, lanes)) for _ in range(n)] for _ in range(chains)]

        def step(c, i):
            a, eps_a, row = a_next.get(i), -(learning_rate * a_prev.get(i)), W + i * (n * lanes)
            for v in range(n):
                w = muladd(eps_a, d[v], row.get(v * lanes, lanes))
                row.set(v * lanes, w)
                sums[c][v].set(muladd(a, w, sums[c][v].get()))

        def several(i):
            for c in range(chains):
                step(c, i + c)

        _blocks(e, n_in, chains, several, lambda i: step(0, i))
        with e.when((b.is_null()).compare("==", 0)):
            for v in range(n):
                descend_bias(v * lanes, lanes)
        _finish(e, n, lanes, sums, b, z)

    def wide():
        lanes = e.native
        with e.when((b.is_null()).compare("==", 0)), e.loop(0, width, lanes) as j:
            descend_bias(j, lanes)
        _start(e, width, b, z)

        def four(i):
            a = [a_next.get(i + c) for c in range(4)]
            eps_a = [-(learning_rate * a_prev.get(i + c)) for c in range(4)]
            rows = [W + (i + c) * width for c in range(4)]
            with e.loop(0, width, lanes) as j:
                d = delta.get(j, lanes)
                w = [muladd(eps_a[c], d, rows[c].get(j, lanes)) for c in range(4)]
                for c in range(4):
                    rows[c].set(j, w[c])
                z.set(j, _sum_of_four(z.get(j, lanes), a, w))

        def one(i):
            a, eps_a, row = a_next.get(i), -(learning_rate * a_prev.get(i)), W + i * width
            with e.loop(0, width, lanes) as j:
                w = muladd(eps_a, delta.get(j, lanes), row.get(j, lanes))
                row.set(j, w)
                z.set(j, muladd(a, w, z.get(j, lanes)))

        _blocks(e, n_in, 4, four, one)

    _widths(e, width, narrow, wide)


def _vectors(e, width, write) -> None:
    """write(lanes) with the longest vector that a row of this width is made of."""
    e.cases(width, {4: lambda: write(4), 8: lambda: write(8)}, lambda: write(e.native))


def _descend_rows(e, n_in, index, width, a_prev, W, delta, learning_rate, dC_da_prev) -> None:
    def dotted(rows, steps, lanes):
        """Per row, four lanes whose total is row . delta, with the row before the update."""
        sums = [e.variable(e.vector(0, lanes)) for _ in rows]
        with e.loop(0, width, lanes) as j:
            d = delta.get(j, lanes)
            for row, step, sum_ in zip(rows, steps, sums, strict=True):
                w = row.get(j, lanes)
                sum_.set(muladd(w, d, sum_.get()))
                row.set(j, muladd(step, d, w))
        return [fold(sum_.get()) for sum_ in sums]

    def step_of(i):
        return -(learning_rate * a_prev.get(i))

    def row_of(i):
        return W + _row(index, i) * width

    def all_rows(lanes):
        def four(i):
            found = dotted(
                [row_of(i + c) for c in range(4)], [step_of(i + c) for c in range(4)], lanes
            )
            totals = row_totals(*found)
            if index is None:
                dC_da_prev.set(i, totals)
            else:
                for c in range(4):
                    dC_da_prev.set(index.get(i + c), totals.lane(c))

        def one(i):
            (found,) = dotted([row_of(i)], [step_of(i)], lanes)
            dC_da_prev.set(_row(index, i), total(found))

        def only_descend():
            with e.loop(0, n_in) as i:
                row, step = row_of(i), step_of(i)
                with e.loop(0, width, lanes) as j:
                    row.set(j, muladd(step, delta.get(j, lanes), row.get(j, lanes)))

        with e.either(dC_da_prev.is_null()) as (unwanted, wanted):
            with unwanted:
                only_descend()
            with wanted:
                _blocks(e, n_in, 4, four, one)

    _vectors(e, width, all_rows)


@kernel
def descend_rows(
    e, n_in: WHOLE, width: WHOLE, a_prev: REALS, W: REALS, delta: REALS, learning_rate: REAL,
    dC_da_prev: REALS,
) -> None:  # fmt: skip
    """dC/da_prev = W^T delta (unless null), then W -= eps delta a_prev^T, in one pass over W."""
    _descend_rows(e, n_in, None, width, a_prev, W, delta, learning_rate, dC_da_prev)


@kernel
def descend_listed(
    e, n: WHOLE, index: COLUMNS, width: WHOLE, a_prev: REALS, W: REALS, delta: REALS,
    learning_rate: REAL, dC_da_prev: REALS,
) -> None:  # fmt: skip
    """descend_rows, where all but n values of a_prev are 0; dC/da_prev is written for those n."""
    _descend_rows(e, n, index, width, a_prev, W, delta, learning_rate, dC_da_prev)


@kernel
def descend_by_rule(
    e, n_in: WHOLE, width: WHOLE, a_prev: REALS, theta: REALS, weights: WHOLE, delta: REALS,
    rule: RULE, dC_da_prev: REALS,
) -> None:  # fmt: skip
    """descend_rows for rules that move every weight; W, (n_in, width), begins at theta[weights]."""
    constants, W = Hyper(rule), theta + weights
    m, v = e.pointer(rule.state) + weights, e.pointer(rule.squares) + weights

    def rows(code, lanes):
        with e.loop(0, n_in) as i:
            a, start = a_prev.get(i), i * width
            sums = e.variable(e.vector(0, lanes))
            with e.loop(start, start + width, lanes) as j:
                w, d = W.get(j, lanes), delta.get(j - start, lanes)
                sums.set(muladd(w, d, sums.get()))
                W.set(j, descended(code, constants, w, a * d, m + j, v + j))
            with e.when(dC_da_prev.is_null().compare("==", 0)):
                dC_da_prev.set(i, total(sums.get()))

    def of_rule(code):
        return lambda: _vectors(e, width, lambda lanes: rows(code, lanes))

    e.cases(rule.code, {code: of_rule(code) for code in (MOMENTUM, NESTEROV, ADAM)})
