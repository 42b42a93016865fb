"""Mutants that no test can tell from the original, and why.

By reason: (file, function, change, column of the change, line).
"""

_KNOWN = {
    "what it looks for never begins at element 0, where the first W and the first block lie": [
        ("ensemble_samples.pxi", "backward_blocks", ">= -> >", 24,
         "if many.places[k].b >= 0:"),
        ("core.pyx", "bind", "0 -> 1", 59,
         "net.parts = net.work + places.parts if places.parts >= 0 else NULL"),
        ("batch.pxi", "descend_biases", "0 -> 1", 22,
         "if layer.b >= 0 and not (net.trains and layer.frozen):"),
        ("batch.pxi", "descend_biases", ">= -> >", 19,
         "if layer.b >= 0 and not (net.trains and layer.frozen):"),
        ("sample.pxi", "descend_bias", "0 -> 1", 17,
         "if layer.b < 0:"),
        ("ensemble_batches.pxi", "backward_piece", "0 -> 1", 31,
         "if many.places[k].b >= 0:"),
        ("interface.py", "n_parameters", "0 -> 1", 64,
         "return int(((self.layers[\"n_in\"] + (self.layers[\"b\"] >= 0)) * "
         "self.layers[\"n_out\"]).sum())"),
        ("ensemble_samples.pxi", "forward_blocks", ">= -> >", 24,
         "if many.places[k].b >= 0:"),
    ],
    "the processor reads there too; the build with UBSan refuses": [
        ("session.pxi", "hold_rows", "not -> ", 7,
         "if not is_aligned(view.buf):"),
    ],
    "the tiles have 6 or 12 rows": [
        ("products.pxi", "strips", "8 -> 9", 19,
         "if TILE_ROWS > 8 and r + 8 <= p.n_rows:"),
        ("products.pxi", "strips", "> -> >=", 17,
         "if TILE_ROWS > 8 and r + 8 <= p.n_rows:"),
    ],
    "who waits looks more often, and gets the same turn": [
        ("turns.py", "wait", "2 -> 1", 24,
         "pause = min(2 * pause, _LONGEST)"),
    ],
    "it decides what is fetched into the cache early, and no result": [
        ("sample.pxi", "descend_larger_samples", "stop -> start", 19,
         "if t + 1 < stop:"),
        ("rows.pxd", "descend_and_sum_wide", "+ -> -", 23,
         "prefetch(ahead + i, 1)"),
        ("plan.pxd", "fetch_some", "1 -> 0", 23,
         "ahead.t += 1"),
        ("batch.pxi", "look_ahead", "1 -> 2", 77,
         "ahead.n_lines = n * (n_in // LINE + 1) // max(n_tiles, <Py_ssize_t> 1) + 1"),
        ("plan.pxd", "fetch_some", "1 -> 0", 61,
         "prefetch(row_of(ahead.rows, ahead.t) + ahead.column, 1)"),
        ("batch.pxi", "look_ahead", "1 -> 2", 62,
         "cdef Py_ssize_t n_tiles = (n_in // TILE_ROWS) * ((width - 1) // (TILE_VECTORS * "
         "NATIVE) + 1)"),
        ("plan.pxd", "fetch_some", "1 -> 2", 61,
         "prefetch(row_of(ahead.rows, ahead.t) + ahead.column, 1)"),
        ("products.pxi", "strip", "* -> +", 42,
         "fetch_next(p, rows, place + n * lanes, p.weights + place + n * lanes)"),
        ("products.pxi", "strip", "+ -> -", 61,
         "fetch_next(p, rows, place + n * lanes, p.weights + place + n * lanes)"),
        ("plan.pxd", "fetch_some", "+= -> -=", 20,
         "ahead.t += 1"),
        ("products.pxi", "lay_side_by_side", "+ -> -", 24,
         "prefetch(B + (k + 16) * B_k, width)"),
    ],
    "the same sum in another order, about which nothing is promised": [
        ("tiny.pxd", "combined", "even -> odd", 8,
         "even += lane(a, 2) * W[2]"),
        ("ensemble_epochs.pxi", "descend_samples", "+ -> -", 16,
         "elif (t + 1) % every == 0 or t + 1 == many.samples.n:"),
        ("groups.pxi", "groups_of", "1 -> 2", 52,
         "groups.piece = round_up((n_samples + n_pieces - 1) // n_pieces)"),
    ],
    "vectors have 4 or 8 elements": [
        ("tiny.pxd", "combined", "4 -> 5", 24,
         "if sizeof(vector) > 4 * sizeof(real):"),
    ],
    "W of the first layer lies at 0": [
        ("batch.pxi", "slopes_by_inputs", "+ -> -", 56,
         "multiply(net, n, padded, layer.n_out, net.theta + layer.W + i * layer.width, "
         "layer.width,"),
        ("layers.pxi", "descend_and_sum", "+ -> -", 46,
         "layer.n_in, layer.width, x, net.theta + layer.W, bias_of(net, layer),"),
        ("batch.pxi", "sum_inputs_of_batch", "+ -> -", 30,
         "net.theta + layer.W, layer.width, Z, layer.width, bias_of(net, layer))"),
    ],
    "of the first argument only the type counts": [
        ("functions.pxd", "slope", "z -> a", 96,
         "t0 = where_above(splat(z, (<real> 1)), a, splat(z, (<real> 0.16666666666666666)), "
         "splat(z, (<real> 0)))"),
        ("functions.pxd", "slope", "z -> a", 56,
         "t0 = where_above(a, splat(z, (<real> 0)), splat(z, (<real> 1)), splat(z, (<real> 0)))"),
        ("functions.pxd", "loss_logits_delta", "z -> a", 31,
         "t4 = where_above(splat(z, (<real> 0)), z, splat(z, (<real> 0)), z)"),
    ],
    "what is read of samples that are not there is not written anywhere": [
        ("batch.pxi", "sum_for_one_unit", "- -> +", 59,
         "a[r] = <const vec *> (A + min(t + r, n_samples - 1) * below.width)"),
    ],
    "shorter vectors do what is left, with the same results": [
        ("activations.pxd", "map_slope", "<= -> <", 21,
         "while k + NATIVE <= n:"),
        ("layers.pxi", "are_finite", "<= -> <", 22,
         "while k + in_step <= n:"),
    ],
    "the weights of an input that is not there are 0": [
        ("tiny.pxd", "combined", "> -> >=", 13,
         "if n > 4:"),
    ],
    "whether a product is cut decides no bit": [
        ("products.pxi", "is_cut", "16 -> 15", 87,
         "and (n_bytes > 2**15 and p.n_rows >= 64 or n_bytes > 2**19 and p.n_rows >= 16)"),
        ("products.pxi", "is_cut", "<= -> <", 50,
         "and (stores(purpose) or p.n_k * panel <= OF_B))"),
        ("products.pxi", "is_cut", "and -> or", 33,
         "and (n_bytes > 2**15 and p.n_rows >= 64 or n_bytes > 2**19 and p.n_rows >= 16)"),
    ],
    "no rule has as many numbers": [
        ("ensemble_functions.pxd", "step_lanes_by_code", "16 -> 15", 19,
         "for k in range(16):"),
    ],
    "a product that adds takes it as 1": [
        ("cholesky.pxi", "factorise", "1 -> 2", 54,
         "p.A_row, p.A_k, p.B_k, p.B_j, p.C_row, p.factor = 1, width, width, 1, width, -1"),
    ],
    "1 / 0 makes the step nan, and its loss, which is rejected as well": [
        ("cholesky.pxi", "finish_rows", "> -> >=", 21,
         "if not pivot > 0:"),
    ],
    "a rule with less slots does not touch it": [
        ("ensemble_epochs.pxi", "descend_rule", "0 -> 1", 92,
         "state + (n if many.n_slots > 1 else 0), state + (2 * n if many.n_slots > 2 else 0))"),
        ("flat.pxd", "descend_flat", "0 -> 1", 65,
         "cdef real *s2 = rule.slots + (2 * n if rule.n_slots > 2 else 0)"),
    ],
    "either purpose leaves the sums as they are, and rows are one element apart": [
        ("products.pxi", "strip", "DESCEND -> STORE", 17,
         "tile(DESCEND, False, rows, n, p.n_k, A, A_row, p.A_k, B, p.B_k, <real *> sums,"),
        ("products.pxi", "strip", "False -> True", 26,
         "tile(DESCEND, False, rows, n, p.n_k, A, A_row, p.A_k, B, p.B_k, <real *> sums,"),
    ],
    "a block of columns beyond the last has no entries": [
        ("sparse.pxi", "sum_sparse", "< -> <=", 12,
         "while i < layer.n_in:"),
    ],
    "a search has no such array": [
        ("least_squares.py", "__init__", "0 -> 1", 50,
         "self.words = _WORDS.pack(self.batch_size, 0, 0, -1, -1, -1, -1)"),
    ],
    "which of two ways the same sums are found": [
        ("least_squares.py", "_pairs", "n_out -> n_in", 49,
         "pairs, of_units, n = n_in * (n_in + 1) // 2, n_out * (n_out + 1) // 2, n_in * n_out"),
        ("least_squares.py", "_pairs", "2 -> 1", 72,
         "pairs, of_units, n = n_in * (n_in + 1) // 2, n_out * (n_out + 1) // 2, n_in * n_out"),
    ],
    "a few more terms of a loss in float32, within its rounding": [
        ("ensemble_epochs.pxi", "descend_samples", "1 -> 2", 57,
         "cdef Py_ssize_t t, k, lane, every = max(<Py_ssize_t> 1, PARTIAL // many.n_out)"),
    ],
    "both ways are right there, within the bound of the row": [
        ("functions.py", "slope", "20 -> 21", 31,
         "z = m.clipped(z, -1e4, 20)"),
        ("functions.py", "logits_value", "10 -> 9", 57,
         "return m.where_above(y, 0, y * m.where_above(z, -10, near, m.log(y) - z), y) + (a - y)"),
    ],
    "the annotation of a local variable is not evaluated": [
        ("network.py", "__setstate__", "| -> &", 19,
         "loss: Loss | CustomLoss"),
    ],
    "slopes of both sides are as near as that only where all are 0": [
        ("derivatives.py", "_compare", "> -> >=", 36,
         "kink = abs(sides[0] - sides[1]) > 1e-2 * max(map(abs, sides)) + rounding"),
    ],
    "either form is read": [
        ("parameters.py", "without_padding", "> -> >=", 20,
         'if theta.nbytes > _SMALL or sys.byteorder == "big":'),
    ],
    "shares of the rows begin at 0 or at a multiple of 16": [
        ("sparse.pxi", "begin_list", "0 -> 1", 11,
         "if i > 0:"),
    ],
    "threads for which nothing is left": [
        ("held.py", "forward", "min -> max", 16,
         "n_threads = min(n_threads, -(-n // _ROOM))"),
    ],
    "a first guess, which the clock corrects": [
        ("slices.py", "__init__", "* -> /", 73,
         "self.n_batches = min(self.most_batches, max(1, 10**6 // (n_theta * batch_size)))"),
    ],
    "only -1 is an error": [
        ("core.pyx", "bind", "0 -> 1", 11,
         "return 0"),
    ],
    "more padding, which is computed and not used": [
        ("plan.pxd", "padded_width", "8 -> 9", 28,
         "return 4 if n <= 4 else 8 if n <= 8 else round_up(n)"),
        ("ensemble.pyx", "block_of", "64 -> 63", 29,
         "return (n_bytes + 63) // 64 * 64"),
    ],
    "numbers of bytes that are 1 lie below every rounding": [
        ("batch.pxi", "sum_for_one_unit", "0 -> 1", 14,
         "memset(w, 0, below.width * sizeof(real))"),
        ("heads.pxi", "outputs_of_heads", "0 -> 1", 47,
         "memset(block(net, layer, layer.delta), 0, n_samples * layer.width * sizeof(real))"),
    ],
    "a block of no samples does nothing": [
        ("core.pyx", "forward_share", "< -> <=", 16,
         "while first < call.n_samples:"),
    ],
    "a wider tile, of which no more is used": [
        ("plan.pxd", "padded_width", "4 -> 3", 11,
         "return 4 if n <= 4 else 8 if n <= 8 else round_up(n)"),
    ],
    "`strict` only asserts that the lengths agree": [
        ("ensemble_reference.py", "_widened", "True -> False", 86,
         "for slot, values in zip(state[int(rule.is_flat) :], training.state[block], "
         "strict=True):"),
        ("frames.py", "_from_objects", "True -> False", 94,
         "return Text.of(None if is_gone else cell for cell, is_gone in zip(cells, gone, "
         "strict=True))"),
        ("statements.py", "learn_one", "True -> False", 48,
         "arrays += list(zip(delta, net.sizes, strict=True))[1:]"),
        ("encoding.py", "fit", "True -> False", 72,
         "for name, values in zip(table.columns, table.values, strict=True)"),
        ("estimators.py", "_measured_fit", "True -> False", 71,
         "for model, times in zip(models, (row.theirs, row.ours), strict=True):"),
        ("shared_descent.py", "_prepare", "True -> False", 85,
         "self.pairs = [(self.net._theta, moved[0]), *zip(self.kept, moved[1:], strict=True)]"),
        ("dates.py", "date_forms", "True -> False", 94,
         "firsts, seconds = zip(*(map(int, cell.split(sign)[:2]) for cell in cells), "
         "strict=True)"),
        ("arrays.py", "groups_of", "True -> False", 89,
         "cells = [None if gone else code for code, gone in zip(codes.tolist(), absent, "
         "strict=True)]"),
        ("ranks.py", "check_same", "False -> True", 52,
         "for here, other in zip(texts, there, strict=False):"),
        ("class_tables.py", "confusion_table", "True -> False", 94,
         "lines = [(name, *map(str, row)) for name, row in zip(classes, counts.tolist(), "
         "strict=True)]"),
        ("holdout.py", "_stratified", "True -> False", 50,
         "for start, n_test in zip(first, share, strict=True):"),
    ],
    "lanes come in fours": [
        ("ensemble_epochs.pxi", "take_orders", "1 -> 0", 67,
         "network = room.network[lane + k] if lane + k < n else -1"),
    ],
    "the array is writable too, and was checked at the door": [
        ("ensemble.pyx", "train_networks", "False -> True", 67,
         "many.positions = <const Py_ssize_t *> data(training.positions, False)"),
        ("core.pyx", "forward", "True -> False", 61,
         "call.out, call.is_finite, call.next = <real *> data(out, True, NULL), 1, 0"),
    ],
    "two ways to the same outputs, one of them quicker": [
        ("ensemble_batches.pxi", "multiply", ">= -> >", 64,
         "of_rows = 0 if n_rows - r >= 4 else 1 if n_rows - r >= 2 else 2"),
        ("ensemble_samples.pxi", "forward_layer", "8 -> 7", 13,
         "o += 8"),
        ("products.pxi", "cut", "19 -> 20", 81,
         "cdef bint is_laid = whole.B_j != 1 or row % 256 == 0 or whole.n_k * row > 2**19"),
        ("ensemble.pyx", "train_networks", "1 -> 0", 63,
         "many.gathers = many.weights == NULL and many.batch_size == 1 and many.n_out <= "
         "PARTIAL \\"),
        ("tiny.pxi", "descend_tiny_samples", "> -> >=", 57,
         "if net.layers[k].n_in > 4 or net.layers[k].n_out > 4:"),
        ("sparse.pxi", "sum_sparse", "<= -> <", 38,
         "if sum_stays(width) or layer.n_in <= in_block:"),
        ("products.pxi", "product", "> -> >=", 71,
         "cdef Py_ssize_t wide = whole.width // panel * panel if whole.width > 8 else 0"),
        ("sparse.pxi", "sum_sparse", "1 -> 2", 67,
         "cdef Py_ssize_t in_block = max(OF_BLOCK // width, <Py_ssize_t> 1)"),
        ("rows.pxd", "sum_stays", "* -> +", 44,
         "return width < 5 * NATIVE or width == 8 * NATIVE"),
        ("listing.py", "_pays", "1 -> 0", 53,
         "share = _WORTH_A_LIST[\"samples\" if batch_size == 1 else \"batches\"]"),
        ("listing.py", "_pays", "1 -> 2", 53,
         "share = _WORTH_A_LIST[\"samples\" if batch_size == 1 else \"batches\"]"),
        ("scipy_sparse.py", "_rows_of", "- -> ", 23,
         "borders = starts[1:-1] - 1"),
        ("ensemble.py", "_goes_in_lanes", "4 -> 3", 26,
         "few = len(self) * 4 < n_lanes"),
        ("plain.py", "are_plain", "and -> or", 22,
         "or (not reset and \"feature_names_in_\" in names)"),
        ("shared.py", "share", "- -> ", 17,
         "return -(-batch_size // self.ranks.size)"),
        ("plain.py", "binarizer", "<= -> <", 29,
         "if 2 <= len(classes) <= len(y) // 2:  # scikit-learn warns where it doubts these are "
         "classes"),
        ("plain.py", "are_plain", "or -> and", 22,
         "or not (reset or names.get(\"n_features_in_\") == X.shape[1])"),
    ],
    "padding is 0, and stays it": [
        ("tiny.pxd", "turn", "5 -> 4", 15,
         "if n > 5:"),
    ],
    "1 / (1 + e^-39) is 1 as well": [
        ("ensemble_lanes.pxd", "logistic_of_lanes", "40 -> 39", 30,
         "cdef real one = 1, most = 40, least = -MOST_OF_TABLE"),
    ],
    "arrays have two axes": [
        ("reference.py", "_softmax_cross_entropy", "- -> ", 47,
         "return (Y * (log_sum - z) + rest).sum(axis=-1, dtype=np.float64), sum_y * a - Y"),
        ("reference.py", "loss_slope", "- -> ", 31,
         "return losses.sum(axis=-1, dtype=np.float64), dC_da"),
        ("base.py", "_check_same", "- -> ", 64,
         "before = [*(W.shape[0] for W in coefs), coefs[-1].shape[-1]]"),
        ("reference.py", "_softmax", "- -> ", 26,
         "return e / e.sum(axis=-1, keepdims=True)"),
    ],
    "OF_INPUTS is 0": [
        ("tiny.pxi", "descend_tiny_samples_of", "+ -> -", 40,
         "z = first_sum(first.n_in, x, memory + OF_INPUTS, memory[BIAS])"),
    ],
    "at the bound the factor is 1": [
        ("reference.py", "_update", "> -> >=", 12,
         "if norm > regular.clip_norm:"),
    ],
    "no rule has so many numbers": [
        ("ensemble_epochs.pxi", "take_hyper", "16 -> 15", 33,
         "memset(room.hyper, 0, side * 16 * sizeof(vec))"),
    ],
    "the function does not read that argument": [
        ("switches.pxd", "terms_by_code", "z -> a", 61,
         "return terms(MSE, False, p, n_samples, n_out, width, z, a, Y, delta, costs)"),
        ("ensemble_functions.pxd", "map_slope_of_lanes", "z -> a", 47,
         "delta[k] *= slope(SOFTSIGN, alpha, z[k], a[k])"),
        ("writing.py", "model_of", "0.0 -> 0.01", 47,
         "\"alpha\": layer.activation.alpha or 0.0,"),
        ("heads.py", "for_plan", "0.0 -> 0.01", 82,
         "of_activation = self.activation.for_plan(dtype), self.activation.alpha or 0.0"),
    ],
    "vectors have more elements than that where this was built": [
        ("classes.pxi", "softmax_side_by_side", "< -> <=", 14,
         "if NATIVE < 4:"),
    ],
    "an estimate with some slack; where it says yes the norms are computed": [
        ("parameters.pxi", "may_exceed", "2 -> 1", 51,
         "cdef double least = max_norm * max_norm * (1 - 2 * layer.n_in * <double> REAL_EPSILON)"),
    ],
    "who waits looks more or less often, and gets the same turn": [
        ("turns.py", "wait", "min -> max", 20,
         "pause = min(2 * pause, _LONGEST)"),
        ("turns.py", "wait", "2 -> 3", 24,
         "pause = min(2 * pause, _LONGEST)"),
    ],
    "a lies where z lies": [
        ("ensemble_functions.pxd", "map_lanes", "z -> a", 49,
         "a[k] = f_of_lanes(LEAKY_RELU, alpha, z[k])"),
        ("ensemble_functions.pxd", "map_lanes", "z -> a", 43,
         "a[k] = f_of_lanes(RELU, alpha, z[k])"),
    ],
    "more parentheses in what is written": [
        ("expressions.py", "operation", "True -> False", 67,
         "return Expression(self, f\"({x.name} {sign} {y.name})\", True)"),
    ],
    "how many rows or blocks at a time": [
        ("ensemble.pyx", "choose_piece", "20000 -> 20001", 31,
         "n_bytes = max(<Py_ssize_t> 20000, min(<Py_ssize_t> 200000, 4 * n_bytes))"),
        ("ensemble.pyx", "choose_piece", "200000 -> 199999", 55,
         "n_bytes = max(<Py_ssize_t> 20000, min(<Py_ssize_t> 200000, 4 * n_bytes))"),
        ("sparse_rows.py", "from_dense", "1024 -> 1023", 38,
         "block = X[first : first + 1024]"),
        ("whole_batch.py", "__init__", "1 -> 2", 16,
         "n = max(1, _BLOCK // X.n_columns if isinstance(X, SparseRows) else _BLOCK // "
         "X.shape[1])"),
        ("constants.py", "_mean", "max -> min", 18,
         "step, total = max(1, _BLOCK // Y.shape[1]), 0.0"),
        ("computing.py", "_work", "1 -> 2", 53,
         "n_block = min(round_up(share) if n_threads > 1 else share, _BLOCK_ROWS)"),
    ],
    "0 or not finite, either way": [
        ("layers.pxi", "are_finite", "+ -> -", 35,
         "return vec4_total(fold(sums[0] + sums[1]) + rest) == 0"),
    ],
    "no build is above the level of its processor": [
        ("__init__.py", "levels", "1 -> 2", 42,
         "return tuple(n for n in range(found + 1) if find_spec(f\"{__name__}.core_v{n}_f32\"))"),
    ],
    "more room than is needed": [
        ("least_squares.py", "_pairs", "// -> *", 43,
         "pairs, of_units, n = n_in * (n_in + 1) // 2, n_out * (n_out + 1) // 2, n_in * n_out"),
        ("ranks.py", "gather", "// -> *", 34,
         "n_bytes = -(-array.nbytes // 2) * 2"),
    ],
    "all rows in their order, either way": [
        ("table_data.py", "_at_most", "<= -> <", 20,
         "if table.n_rows <= MOST_ROWS:"),
    ],
    "how it looks: a width, a size, a margin, blanks": [
        ("plots.py", "_lines", "1 -> 2", 96,
         "panel.plot([one.x for one in points], [1e6 * one.floor for one in points], "
         "\"k--\", linewidth=1,"),
        ("picture_of_network.py", "_draw_heads", "0 -> 1", 74,
         "ax.update_datalim([(x + _RADIUS + 0.15 + 0.13 * length, drawn[0])])"),
        ("pictures.py", "loss_surface", "5.4 -> 5.41", 45,
         "ax = axes(ax, \"drawing a loss surface\", (5.4, 4.2))"),
        ("estimators.py", "save", "1 -> 2", 40,
         "json.dump(content, file, indent=1)"),
        ("picture_of_network.py", "_draw_lines", "% -> +", 55,
         "at = 0.26 + 0.14 * (j % 3) + 0.04 * (i % 2)"),
        ("picture_of_network.py", "_draw_units", "3 -> 2", 41,
         "linewidth=0.8, zorder=3)"),
        ("plots.py", "_bars", "9 -> 8", 55,
         "panel.set_title(f\"{one.job.name}{ratio}\", fontsize=9, loc=\"left\","),
        ("progress.py", "line", "False -> True", 78,
         "console.print(\"  \".join(filter(None, parts)), markup=False, highlight=False, "
         "soft_wrap=True)"),
        ("terminal.py", "print_rows", "False -> True", 47,
         "table = Table(box=box.ROUNDED, show_header=False)"),
        ("pictures.py", "decision_boundary", "20 -> 21", 43,
         "ax.contourf(*grids, values, levels=20, cmap=\"RdBu\", alpha=0.6)"),
    ],
    "the loss is nan either way, if later": [
        ("descent.py", "_weighted_epoch", "not -> ", 15,
         "if not math.isfinite(loss) and self._is_lost():"),
    ],
    "how long, or of what, a measurement is made": [
        ("machine.py", "_tile_gflops", "3 -> 4", 76,
         "fastest = max(fastest, 2e-9 * n_rows * n_in * n_out / best(product, 3))"),
        ("machine.py", "_level", "16 -> 17", 72,
         "x, nothing = aligned_zeros(n_bytes // 4, np.float32), aligned_zeros(16, np.float32)"),
        ("modelling.py", "compare", "50 -> 51", 22,
         "repeats = min(50, max(1, int(_REPEATED_SECONDS / (per_row * rows))))"),
        ("jobs.py", "scaling", "2 -> 3", 23,
         "percents = (1, 2, 5, 10, 19, 35, 50, 75, 100)"),
        ("jobs.py", "scaling", "75 -> 74", 45,
         "percents = (1, 2, 5, 10, 19, 35, 50, 75, 100)"),
        ("search.py", "_that_fits", "0 -> 1", 44,
         "if trained_member(X, Y, tried, held[0], seed, weights).is_interrupted:"),
        ("machine.py", "_level", "0.5 -> 0.51", 60,
         "fill = 0.25 if size is not None and size > 4 << 20 else 0.5  # a large cache is shared"),
        ("jobs.py", "scaling", "10 -> 11", 36,
         "jobs = {n: _adam((10, n, n, 10), \"relu\", 32, 1, None) for n in _powers_of_two(2048)}"),
    ],
    "values below 0 have ranges that begin below 0": [
        ("pictures.py", "decision_boundary", "0 -> 1", 61,
         "middle = 0.0 if net.layers[-1].activation.range[0] < 0 and values.min() < 0 else 0.5"),
    ],
    "0 divided by it is 0": [
        ("classes.py", "_of_classes", "1 -> 2", 68,
         "values = np.where(below > 0, above / np.where(below > 0, below, 1), 0.0)"),
    ],
    "the same powers of two": [
        ("jobs.py", "scaling", "4096 -> 4097", 68,
         "jobs = {n: _classify(_DIGITS, n, 1) for n in _powers_of_two(4096)}"),
    ],
    "NumPy takes any negative length for the unknown one": [
        ("arguments.py", "__init__", "1 -> 2", 39,
         "X = np.asarray(X).reshape(-1, np.shape(X)[2])"),
        ("ranks.py", "gather", "1 -> 2", 30,
         "return whole.reshape(-1).view(array.dtype).reshape(self.size, *array.shape)"),
        ("scaling.py", "_moments", "1 -> 2", 42,
         "values = values.reshape(len(values), -1).astype(np.float64)"),
        ("ranks.py", "gather", "1 -> 2", 31,
         "self.add(rows.reshape(-1).view(np.uint16))"),
        ("constants.py", "row", "1 -> 2", 26,
         "return value.reshape(-1) if value.ndim else value"),
    ],
    "the same draw but for one number of 2^31": [
        ("tabular.py", "_fit", "1 -> 2", 60,
         "seed = check_random_state(seed).randint(2**31 - 1)"),
    ],
    "is replaced by what _steps gives": [
        ("jobs.py", "scaling", "1 -> 0", 42,
         "n: _sigmoid((784, 30, 10), 1, 1, None, density=n / 100) for n in percents"),
    ],
    "no sum lies exactly there": [
        ("pairs.py", "_from_rows", "<= -> <", 34,
         "if (np.abs(y.sum(axis=1) - 1) <= _TO_ONE).all():"),
    ],
    "a clock never shows exactly that": [
        ("whole_batch.py", "_by_squares", "> -> >=", 19,
         "if elapsed > 2 * SLICE_SECONDS:"),
    ],
    "less than `low` either way": [
        ("terminal.py", "convert", "1 -> 2", 32,
         "number = self.low - 1"),
    ],
    "ranges that are not symmetric have the length 1": [
        ("initializers.py", "_nguyen_widrow", "/ -> *", 50,
         "return 2 / (high - low) * W, b - (high + low) / (high - low) * W.sum(axis=1)"),
    ],
    "a copy is the same numbers": [
        ("pairs.py", "_columns", "False -> True", 66,
         "array = array.reshape(len(array), -1).astype(np.float64, copy=False)"),
    ],
    "forward_networks reads of a Training neither its number of samples nor the batch size": [
        ("answering.py", "_outputs", "1 -> 0", 95,
         "plan, SGD().rule(), np.zeros(len(self), ensembles.NETWORK), self.parameters, X, X, 1,"),
    ],
    "any limit beyond the underflow will do": [
        ("functions.pxd", "f", "10000.0 -> 10000.01", 33,
         "t0 = clipped(z, (<real> -10000.0), (<real> 20))"),
    ],
    "what it gives there is not used": [
        ("functions.py", "f", "0 -> 1", 53,
         "below = m.expm1_of_negative(m.where_above(z, 0, 0, z)) * _SELU_BELOW"),
    ],
    "at the bound it is the same number": [
        ("groups.pxi", "groups_of", "> -> >=", 16,
         "if n_pieces > GROUPS:"),
    ],
    "whether a copy is plain is never asked": [
        ("delimited.py", "copy_to", "True -> False", 91,
         "self.dialect, delimiter=\",\", quoting=Quoting(), newline=\"\\n\", skip=0, "
         "is_plain=True"),
    ],
    "the network of an estimator draws nothing: its orders come from random_state": [
        ("network.py", "_of_zeros", "0 -> 1", 79,
         "net._build(n_in, layers, loss, dtype, as_backend(\"auto\"), as_generator(0), "
         "(0.0, 0.0))"),
    ],
    "any number will do that a float holds and no memory has": [
        ("checks.py", "check_memory", "300 -> 299", 34,
         "needed = min(n_bytes, 10**300) / 2**30  # a float"),
    ],
    "no address of a function is as small": [
        ("reference.py", "loss_slope", ">= -> >", 17,
         "if plan.loss >= len(LOSSES):"),
    ],
    "the output above, which it changes as well, is not read any more": [
        ("tiny.pxd", "descend_tiny", "1 -> 2", 37,
         "call(&net.layers[k - 1], 1, <const real *> &below[INPUT],"),
    ],
    "z and a have the same shape and type": [
        ("reference.py", "_through_outputs", "z -> a", 26,
         "delta = np.empty_like(z)"),
    ],
}  # fmt: skip
EQUIVALENT = {
    (file, function, line, change, column): reason
    for reason, found in _KNOWN.items()
    for file, function, change, column, line in found
}
