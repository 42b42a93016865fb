"""Mutants that no test can tell from the original, and why.

(file, function, line, change, column of the change): reason.
"""

_ADDRESS = "what it looks for never begins at element 0, where the first W and the first block lie"
_FETCHED = "it decides what is fetched into the cache early, and no result"
_TILES = "the tiles have 6 or 12 rows"
_UNUSED = "a rule that only adds up the gradient reads nothing else of it than is set"

EQUIVALENT = {
    ("core.pyx", "mean_loss", "memset(&rule, 0, sizeof(Rule))", "0 -> 1", 18): _UNUSED,
    (
        "core.pyx",
        "bind",
        "net.parts = net.work + places.parts if places.parts >= 0 else NULL",
        "0 -> 1",
        59,
    ): _ADDRESS,
    (
        "flat.pxd",
        "descend_flat",
        "cdef real *s1 = rule.state + (2 * n if rule.n_slots > 2 else 0)",
        "2 -> 3",
        58,
    ): "no rule keeps two arrays beside the gradient",
    ("batch.pxi", "descend_biases", "if layer.b >= 0:", "0 -> 1", 22): _ADDRESS,
    ("batch.pxi", "descend_biases", "if layer.b >= 0:", ">= -> >", 19): _ADDRESS,
    (
        "session.pxi",
        "hold_rows",
        "if not is_aligned(view.buf):",
        "not -> ",
        7,
    ): "the processor reads there too; the build with UBSan refuses",
    (
        "batch.pxi",
        "train_part",
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
}
