"""Mutants that no test can tell from the original, and why.

(file, function, line, change, column of the change): reason.
"""

_ADDRESS = "what it looks for never begins at element 0, where the first W and the first block lie"
_FETCHED = "it decides what is fetched into the cache early, and no result"
_TILES = "the tiles have 6 or 12 rows"
_LIKE = "of the first argument only the type counts"
_FIRST = "W of the first layer lies at 0"

EQUIVALENT = {
    (
        "core.pyx",
        "bind",
        "net.parts = net.work + places.parts if places.parts >= 0 else NULL",
        "0 -> 1",
        59,
    ): _ADDRESS,
    (
        "batch.pxi",
        "descend_biases",
        "if layer.b >= 0 and not (net.trains and layer.frozen):",
        "0 -> 1",
        22,
    ): _ADDRESS,
    (
        "batch.pxi",
        "descend_biases",
        "if layer.b >= 0 and not (net.trains and layer.frozen):",
        ">= -> >",
        19,
    ): _ADDRESS,
    (
        "session.pxi",
        "hold_rows",
        "if not is_aligned(view.buf):",
        "not -> ",
        7,
    ): "the processor reads there too; the build with UBSan refuses",
    (
        "batch.pxi",
        "train_share",
        "net.layers[0].n_in, net.layers[0].width)",
        "0 -> 1",
        38,
    ): _FETCHED,
    (
        "products.pxi",
        "strips",
        "if TILE_ROWS > 8 and r + 8 <= p.n_rows:",
        "8 -> 9",
        19,
    ): _TILES,
    (
        "products.pxi",
        "strips",
        "if TILE_ROWS > 8 and r + 8 <= p.n_rows:",
        "> -> >=",
        17,
    ): _TILES,
    (
        "turns.py",
        "wait",
        "pause = min(2 * pause, _LONGEST)",
        "2 -> 1",
        24,
    ): "who waits looks more often, and gets the same turn",
    ("sample.pxi", "descend_larger_samples", "if t + 1 < stop:", "stop -> start", 19): _FETCHED,
    (
        "tiny.pxd",
        "combined",
        "even += lane(a, 2) * W[2]",
        "even -> odd",
        8,
    ): "the same sum in another order, about which nothing is promised",
    (
        "tiny.pxd",
        "combined",
        "if sizeof(vector) > 4 * sizeof(real):",
        "4 -> 5",
        24,
    ): "vectors have 4 or 8 elements",
    (
        "layers.pxi",
        "descend_and_sum",
        "layer.n_in, layer.width, x, net.theta + layer.W, bias_of(net, layer),",
        "+ -> -",
        46,
    ): _FIRST,
    (
        "functions.pxd",
        "slope",
        "t0 = where_above(a, splat(z, (<real> 0)), splat(z, (<real> 1)), splat(z, (<real> 0)))",
        "z -> a",
        56,
    ): _LIKE,
    ("sample.pxi", "descend_bias", "if layer.b < 0:", "0 -> 1", 17): _ADDRESS,
    ("rows.pxd", "descend_and_sum_wide", "prefetch(ahead + i, 1)", "+ -> -", 23): _FETCHED,
    ("plan.pxd", "fetch_some", "ahead.t += 1", "1 -> 0", 23): _FETCHED,
    (
        "batch.pxi",
        "sum_for_one_unit",
        "a[r] = <const vec *> (A + min(t + r, n_samples - 1) * below.width)",
        "- -> +",
        59,
    ): "what is read of samples that are not there is not written anywhere",
    (
        "activations.pxd",
        "map_slope",
        "while k + NATIVE <= n:",
        "<= -> <",
        21,
    ): "shorter vectors do what is left, with the same results",
    (
        "tiny.pxd",
        "combined",
        "if n > 4:",
        "> -> >=",
        13,
    ): "the weights of an input that is not there are 0",
    (
        "products.pxi",
        "is_cut",
        "and (stores(purpose) or p.n_k * panel <= OF_B))",
        "<= -> <",
        50,
    ): "whether a product is cut decides no bit",
    ("core.pyx", "bind", "return 0", "0 -> 1", 11): "only -1 is an error",
    (
        "batch.pxi",
        "look_ahead",
        "ahead.n_lines = n * (n_in // LINE + 1) // max(n_tiles, <Py_ssize_t> 1) + 1",
        "1 -> 2",
        77,
    ): _FETCHED,
    (
        "plan.pxd",
        "padded_width",
        "return 4 if n <= 4 else 8 if n <= 8 else round_up(n)",
        "8 -> 9",
        28,
    ): "more padding, which is computed and not used",
    (
        "batch.pxi",
        "sum_for_one_unit",
        "memset(w, 0, below.width * sizeof(real))",
        "0 -> 1",
        14,
    ): "numbers of bytes that are 1 lie below every rounding",
    (
        "core.pyx",
        "forward_share",
        "while first < call.n_samples:",
        "< -> <=",
        16,
    ): "a block of no samples does nothing",
    (
        "plan.pxd",
        "padded_width",
        "return 4 if n <= 4 else 8 if n <= 8 else round_up(n)",
        "4 -> 3",
        11,
    ): "a wider tile, of which no more is used",
}
