# Products of matrices, put together from tiles (see tiles.pxd). Small ones are computed in place.
# Large ones are cut into parts, for which B is copied panel by panel: in place, the rows of a wide
# layer may lie a power of two apart, where they share a few sets of the caches and evict each
# other. Each element of C is summed in the same order of k either way, so that no bit depends on
# how a product is cut.

cdef enum:
    DEPTH = 256     # rows of B in a part where it stores; C holds the sums between two parts
    OF_B = 64 * 1024 // REAL_BYTES      # elements of B in a part: two panels of DEPTH rows or more
    OF_A = CUT // REAL_BYTES - OF_B     # and of A: most of L2

cdef struct Product:    # products.product_record
    Py_ssize_t n_rows
    Py_ssize_t width        # 4, 8 or a multiple of 16; of a part, whole tiles
    Py_ssize_t n_k
    const real *A           # A[r, k] at r A_row + k A_k; A_row is 1 unless it stores
    Py_ssize_t A_row
    Py_ssize_t A_k
    Py_ssize_t A_strip      # elements from A of TILE_ROWS rows to A of the next
    const real *B           # B[k, j] at k B_k + j B_j
    Py_ssize_t B_k
    Py_ssize_t B_j          # 1; or any, where B_k is 1 and B is always cut: it is stored turned
    Py_ssize_t B_columns    # that are there if B is turned; those behind, up to width, are 0
    Py_ssize_t B_tile       # elements from B of one tile to B of the next
    real *C                 # C[r, :] at r C_row
    Py_ssize_t C_row
    const real *start       # start[r, :] at r start_row: a bias or the sums so far; NULL: 0
    Py_ssize_t start_row
    real factor
    const real *units       # units[r, :] at r C_row, with SLOPES
    const Rule *rule
    Py_ssize_t weights      # C is theta + weights, with DESCEND
    Ahead *ahead            # samples to fetch meanwhile; or NULL
    real *parts             # CUT bytes for copies of parts of A and B; NULL: do not cut


cdef inline bint stores(Py_ssize_t purpose) noexcept nogil:
    """Whether the product is of samples with W, which has a bias, or none, and no C before it."""
    return purpose != ADD and purpose != DESCEND


cdef void descend_tile(
    const Product *p, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t lanes,
    const real *sums,       # (rows, 2 vectors)  the first n vectors are read
    real *w, Py_ssize_t place,
) noexcept nogil:
    """The step of the rule on a tile of weights, in vectors of so many lanes."""
    if lanes == NATIVE:
        descend_tile_of(p, rows, n, <const vec *> sums, w, place)
    elif lanes == 8:
        descend_tile_of(p, rows, n, <const vec8 *> sums, w, place)
    else:
        descend_tile_of(p, rows, n, <const vec4 *> sums, w, place)


cdef inline void descend_tile_of(
    const Product *p, Py_ssize_t rows, Py_ssize_t n, const vector *sums, real *w, Py_ssize_t place,
) noexcept nogil:
    if p.rule.code == ADAM:
        descend_tile_by(ADAM, p.rule, p.factor, rows, n, sums, w, p.C_row, place)
    else:
        descend_tile_by(p.rule.code, p.rule, p.factor, rows, n, sums, w, p.C_row, place)


ctypedef void (*tile_function)(
    const Product *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const real *, real *,
    Py_ssize_t) noexcept nogil

# By address, so that the compiler does not put it into the products: registers would not suffice
# for a rule's constants beside a tile's sums.
cdef tile_function move_tile = descend_tile


cdef inline void strip(
    Py_ssize_t purpose, Py_ssize_t rows, Py_ssize_t n, const Product *p, Py_ssize_t r,
    const vector *B,
) noexcept nogil:
    """Tiles side by side: `rows` rows of C from r on, all columns, n vectors to a tile."""
    cdef vector sums[TILE_ROWS][2]
    cdef const vector *start = NULL
    cdef Py_ssize_t j = 0, lanes = sizeof(vector) // sizeof(real), place = r * p.C_row
    # a constant where it can be
    cdef Py_ssize_t A_row = p.A_row if stores(purpose) else 1
    cdef const real *A = p.A + r // TILE_ROWS * p.A_strip + r % TILE_ROWS * A_row
    while j < p.width:
        if p.start != NULL:
            start = <const vector *> (p.start + r * p.start_row + j)
        if purpose == DESCEND:
            fetch_next(p, rows, place + n * lanes, p.weights + place + n * lanes)
            tile(DESCEND, False, rows, n, p.n_k, A, A_row, p.A_k, B, p.B_k, <real *> sums,
                 2 * lanes, start, p.start_row, p.factor, NULL)
            move_tile(p, rows, n, lanes, <const real *> sums, p.C + place, p.weights + place)
        else:
            tile(purpose, stores(purpose), rows, n, p.n_k, A, A_row, p.A_k, B, p.B_k,
                 p.C + place, p.C_row, start, p.start_row, p.factor,
                 p.units + place if purpose == SLOPES else NULL)
        if p.ahead != NULL:
            fetch_some(p.ahead)
        B = at(B, p.B_tile)
        j += n * lanes
        place += n * lanes


cdef inline void fetch_next(
    const Product *p, Py_ssize_t rows, Py_ssize_t w, Py_ssize_t place,
) noexcept nogil:
    """Prefetch the weights and the state of the next tile: C + w, and the state at `place`"""
    cdef Py_ssize_t r
    for r in range(rows):
        prefetch(p.C + w + r * p.C_row, 1)
        prefetch(p.rule.state + place + r * p.C_row, 1)
        prefetch(p.rule.squares + place + r * p.C_row, 1)


cdef inline void strips(
    Py_ssize_t purpose, Py_ssize_t n, const Product *p, const vector *B,
) noexcept nogil:
    """All rows of a part, in tiles of n vectors; purpose and n are constants."""
    cdef Py_ssize_t r = 0
    while r + TILE_ROWS <= p.n_rows:
        strip(purpose, TILE_ROWS, n, p, r, B)
        r += TILE_ROWS
    if TILE_ROWS > 8 and r + 8 <= p.n_rows:
        strip(purpose, 8, n, p, r, B)
        r += 8
    if r + 4 <= p.n_rows:
        strip(purpose, 4, n, p, r, B)
        r += 4
    if r + 2 <= p.n_rows:
        strip(purpose, 2, n, p, r, B)
        r += 2
    if r < p.n_rows:
        strip(purpose, 1, n, p, r, B)


# Each purpose is a function of its own, so that the sums stay in registers.

cdef void store_wide(const Product *p) noexcept nogil:
    strips(STORE, TILE_VECTORS, p, <const vec *> p.B)


cdef void activate_wide(const Product *p) noexcept nogil:
    strips(ACTIVATE, TILE_VECTORS, p, <const vec *> p.B)


cdef void slopes_wide(const Product *p) noexcept nogil:
    strips(SLOPES, TILE_VECTORS, p, <const vec *> p.B)


cdef void add_wide(const Product *p) noexcept nogil:
    strips(ADD, TILE_VECTORS, p, <const vec *> p.B)


cdef void descend_wide(const Product *p) noexcept nogil:
    strips(DESCEND, TILE_VECTORS, p, <const vec *> p.B)


cdef inline void narrow(Py_ssize_t purpose, Py_ssize_t lanes, const Product *p) noexcept nogil:
    if lanes == 4:
        strips(purpose, 1, p, <const vec4 *> p.B)
    elif lanes == 8:
        strips(purpose, 1, p, <const vec8 *> p.B)
    else:
        strips(purpose, 1, p, <const vec *> p.B)


cdef void store_narrow(Py_ssize_t lanes, const Product *p) noexcept nogil:
    narrow(STORE, lanes, p)


cdef void activate_narrow(Py_ssize_t lanes, const Product *p) noexcept nogil:
    narrow(ACTIVATE, lanes, p)


cdef void slopes_narrow(Py_ssize_t lanes, const Product *p) noexcept nogil:
    narrow(SLOPES, lanes, p)


cdef void add_narrow(Py_ssize_t lanes, const Product *p) noexcept nogil:
    narrow(ADD, lanes, p)


cdef void descend_narrow(Py_ssize_t lanes, const Product *p) noexcept nogil:
    narrow(DESCEND, lanes, p)


cdef void do_wide(Py_ssize_t purpose, const Product *p) noexcept nogil:
    """A product, or a part, whose width is a multiple of tiles of two vectors"""
    if purpose == STORE:
        store_wide(p)
    elif purpose == ACTIVATE:
        activate_wide(p)
    elif purpose == SLOPES:
        slopes_wide(p)
    elif purpose == ADD:
        add_wide(p)
    else:
        descend_wide(p)


cdef void do_narrow(Py_ssize_t purpose, Py_ssize_t lanes, const Product *p) noexcept nogil:
    """A product, or a part, in tiles of one vector with that many lanes"""
    if purpose == STORE:
        store_narrow(lanes, p)
    elif purpose == ACTIVATE:
        activate_narrow(lanes, p)
    elif purpose == SLOPES:
        slopes_narrow(lanes, p)
    elif purpose == ADD:
        add_narrow(lanes, p)
    else:
        descend_narrow(lanes, p)


cdef Product part_of(
    const Product *whole, Py_ssize_t r, Py_ssize_t n_rows, Py_ssize_t j, Py_ssize_t width,
) noexcept nogil:
    """n_rows rows from r on and `width` columns from j on of a product"""
    cdef Product p = whole[0]
    p.n_rows, p.width = n_rows, width
    p.A += r * p.A_row
    p.B += j * p.B_j
    p.B_columns -= j
    p.C += r * p.C_row + j
    p.weights += r * p.C_row + j
    if p.start != NULL:
        p.start += r * p.start_row + j
    if p.units != NULL:
        p.units += r * p.C_row + j
    return p


cdef void product(Py_ssize_t purpose, const Product *whole) noexcept nogil:
    cdef Py_ssize_t panel = TILE_VECTORS * NATIVE
    cdef Py_ssize_t wide = whole.width // panel * panel if whole.width > 8 else 0
    cdef Product p
    if wide > 0:
        p = part_of(whole, 0, whole.n_rows, 0, wide)
        p.A_strip = TILE_ROWS * p.A_row
        if is_cut(purpose, whole):
            cut(purpose, panel, &p)
        else:
            p.B_tile = panel
            do_wide(purpose, &p)
    if wide < whole.width:      # one narrow tile per strip, which is not worth a copy
        p = part_of(whole, 0, whole.n_rows, wide, whole.width - wide)
        p.A_strip = TILE_ROWS * p.A_row
        if whole.B_j != 1:
            cut(purpose, p.width, &p)
        else:
            p.B_tile = p.width
            do_narrow(purpose, p.width, &p)


cdef bint is_cut(Py_ssize_t purpose, const Product *p) noexcept nogil:
    """Whether copying B pays: B over 32 KB (L1) and 64 rows of A, or 512 KB (L2) and 16 rows."""
    cdef Py_ssize_t panel = TILE_VECTORS * NATIVE, n_bytes = p.n_k * p.B_k * REAL_BYTES
    if p.B_j != 1:
        return True
    return (p.parts != NULL
            and p.B_k > panel       # else B is a single panel already
            and (n_bytes > 2**15 and p.n_rows >= 64 or n_bytes > 2**19 and p.n_rows >= 16)
            and (stores(purpose) or p.n_k * panel <= OF_B))


cdef void cut(Py_ssize_t purpose, Py_ssize_t panel, const Product *whole) noexcept nogil:
    """Part by part, in loops over k (DEPTH at a time if it stores), rows of A and columns of B.

    A panel is as wide as a tile.
    """
    cdef Product p, rest = whole[0]
    cdef Py_ssize_t r, j, n_rows
    cdef Py_ssize_t depth = min(whole.n_k, DEPTH) if stores(purpose) else whole.n_k
    cdef Py_ssize_t now     # the purpose of a part
    cdef Py_ssize_t columns = OF_B // depth // panel * panel
    cdef Py_ssize_t most_rows = OF_A // depth // 12 * 12     # whole tiles
    cdef real *part_of_B = whole.parts
    cdef real *part_of_A = whole.parts + OF_B
    # whether rows of B share sets of the caches, or lie beyond L2; else B is as good in place
    cdef Py_ssize_t row = whole.B_k * REAL_BYTES
    cdef bint is_laid = whole.B_j != 1 or row % 256 == 0 or whole.n_k * row > 2**19
    cdef bint copies = whole.A_row == 1 and whole.width >= 256      # a copy of A pays
    while rest.n_k > 0:
        depth = min(depth, rest.n_k)
        now = purpose if depth == rest.n_k else <Py_ssize_t> STORE
        r = 0
        while r < whole.n_rows:
            n_rows = min(most_rows, whole.n_rows - r)
            if copies:
                lay_in_strips(depth, n_rows, rest.A + r, rest.A_k, part_of_A)
            j = 0
            while j < whole.width:
                p = part_of(&rest, r, n_rows, j, min(columns, whole.width - j))
                p.n_k = depth
                if copies:
                    p.A, p.A_k, p.A_strip = part_of_A, TILE_ROWS, depth * TILE_ROWS
                if p.B_j != 1:
                    lay_turned(&p, panel, part_of_B)
                elif is_laid:
                    lay_side_by_side(p.n_k, p.width, p.B, p.B_k, part_of_B)
                p.B_tile = panel
                if is_laid:
                    p.B, p.B_k, p.B_tile = part_of_B, panel, depth * panel
                if panel == TILE_VECTORS * NATIVE:
                    do_wide(now, &p)
                else:
                    do_narrow(now, panel, &p)
                j += columns
            r += most_rows
        rest.A += depth * rest.A_k
        rest.B += depth * rest.B_k
        rest.start, rest.start_row = rest.C, rest.C_row
        rest.n_k -= depth


cdef void lay_side_by_side(
    Py_ssize_t n_k, Py_ssize_t width,
    const real *B, Py_ssize_t B_k,  # (n_k, width)                          read
    real *panels,                   # (width / panel, n_k, panel)           overwritten
) noexcept nogil:
    """Copy B panel by panel, without gaps between the rows of a panel."""
    cdef Py_ssize_t panel = TILE_VECTORS * NATIVE, k, c, v
    cdef vec *out
    for k in range(n_k):
        prefetch(B + (k + 16) * B_k, width)
        for c in range(width // panel):
            out = <vec *> (panels + (c * n_k + k) * panel)
            for v in range(TILE_VECTORS):
                out[v] = (<const vec *> (B + k * B_k + c * panel))[v]


cdef void lay_in_strips(
    Py_ssize_t n_k, Py_ssize_t n_rows,
    const real *A, Py_ssize_t A_k,  # A[r, k] at r + k A_k              read
    real *strips,                   # (n_rows / TILE_ROWS, n_k, TILE_ROWS)  overwritten
) noexcept nogil:
    """Copy A strip by strip, without gaps between the k of a strip."""
    cdef Py_ssize_t k, r, last = n_rows // TILE_ROWS * TILE_ROWS
    cdef real *out
    for k in range(n_k):
        prefetch(A + 8 * A_k, n_rows)
        out = strips + k * TILE_ROWS
        r = 0
        while r < last:
            memcpy(out, A + r, TILE_ROWS * sizeof(real))    # a constant: a few instructions
            out += n_k * TILE_ROWS
            r += TILE_ROWS
        for r in range(n_rows - last):
            out[r] = A[last + r]
        A += A_k


cdef void lay_turned(const Product *p, Py_ssize_t panel, real *panels) noexcept nogil:
    """The same for a B that is stored turned."""
    cdef Py_ssize_t j = 0
    while j < p.width:
        transpose(max(min(panel, p.B_columns - j), <Py_ssize_t> 0), p.n_k, panel,
                  p.B + j * p.B_j, p.B_j, panels + j * p.n_k, panel)
        j += panel


cdef void transpose(
    Py_ssize_t n_rows, Py_ssize_t n_columns, Py_ssize_t padded_rows,
    const real *A, Py_ssize_t A_row,    # (n_rows, n_columns)         read
    real *C, Py_ssize_t C_row,          # (n_columns, padded_rows)    overwritten: A^T, then 0
) noexcept nogil:
    cdef Py_ssize_t r, c, j, next_c, whole_rows = n_rows // 4 * 4
    cdef Py_ssize_t whole_columns = n_columns // 4 * 4
    c = 0
    while c < whole_columns:        # one cache line of every row at a time
        next_c = min(c + LINE, whole_columns)
        for r in range(0, whole_rows, 4):
            for j in range(c, next_c, 4):
                transpose_4x4(A + r * A_row + j, A_row, C + j * C_row + r, C_row)
        c = next_c
    for c in range(n_columns):
        for r in range(whole_rows if c < whole_columns else 0, n_rows):
            C[c * C_row + r] = A[r * A_row + c]
        for r in range(n_rows, padded_rows):
            C[c * C_row + r] = 0
