"""Arguments of scipy.sparse: every form, and index arrays that are not what they seem."""

import numpy as np
import scipy.sparse as sp

from .draws import Draw
from .given import Given, strided
from .liars import liar

FORMS = ("csr", "csr", "csr", "csr", "csc", "coo", "bsr", "lil", "dok", "dia")
DTYPES = ("f4", "f4", "f8", "f8", "i4", "i8", "?", "u1", "g", "c8")
# what SciPy's own check lets pass, or never sees, because it was done by hand afterwards
WRONG = (
    "far indptr", "long indptr", "indptr back", "indptr from 1", "short indptr", "index below",
    "index beyond", "index far", "float indices", "short indices", "short data", "wide shape",
    "tall shape", "2-d data",
)  # fmt: skip


def sparse(draw: Draw, values: np.ndarray) -> Given:
    """`values`, shape (n, k), as a matrix or array of scipy.sparse."""
    code = draw.choice(DTYPES)
    kept = values * (draw.arrays.random(values.shape) < draw.choice((0.05, 0.3, 0.8)))
    if code in ("i4", "i8", "?", "u1"):
        kept = np.rint(np.clip(np.nan_to_num(kept, posinf=0, neginf=0), 0, 9))
        kept = (kept != 0) * 1.0 if code == "?" else kept
    elif code == "f4":
        with np.errstate(all="ignore"):
            kept = kept.astype(code).astype(np.float64)
    form = draw.choice(FORMS)
    kind = draw.choice(("array", "matrix"))
    verdict = "never" if code == "c8" else "same"
    with np.errstate(all="ignore"):
        if form in ("csr", "csc"):
            given = _compressed(draw, kept, code, form, kind)
        elif form == "coo":
            given = _coordinates(draw, kept, code, kind)
        elif form in ("bsr", "dia"):
            made = getattr(sp, f"{form}_{kind}")(kept.astype(code))
            given = Given("", made, kept, held=[made.data])
        else:
            given = Given("", getattr(sp, f"{form}_{kind}")(kept.astype("f8")), kept)
            verdict = "same"
    if verdict == "never":
        given.verdict = "may" if "liar" in given.what else "never"  # it may deny to be complex
    given.what = f"{form}_{kind} {code} {values.shape}{given.what}"
    return given


def _entries(draw, rows, may_repeat):
    """Columns and values of every row, in any order, some of them in parts, some of them 0."""
    found = []
    for row in rows.tolist():
        entries = [(k, value) for k, value in enumerate(row) if value]
        if draw.chance(0.2) and row:
            entries += [(draw.randrange(len(row)), 0.0)]
        if may_repeat and entries and draw.chance(0.3):
            k, _ = draw.choice(entries)
            entries += [(k, 1.0), (k, -1.0)]
        if draw.chance(0.3):
            draw.shuffle(entries)
        found.append(entries)
    return found


def _compressed(draw, kept, code, form, kind):
    rows = kept if form == "csr" else kept.T
    repeats = code not in ("?", "u1") and draw.chance(0.3)
    listed = _entries(draw, rows, repeats)
    if not repeats and draw.chance(0.6):  # canonical
        listed = [sorted(entry for entry in one if entry[1]) for one in listed]
    indptr = np.cumsum([0, *(len(one) for one in listed)])
    indices = np.array([k for one in listed for k, _ in one], np.int64)
    data = np.array([v for one in listed for _, v in one], np.float64).astype(code)
    what = ""
    if draw.chance(0.25):
        more = draw.randint(1, 20)
        indices = np.concatenate([indices, np.full(more, draw.choice((0, -1, 10**6)))])
        data = np.concatenate([data, np.ones(more).astype(code)])
        what += " over-allocated"
    parts = {"data": data, "indices": indices, "indptr": indptr}
    held = []
    for name in parts:
        index = np.dtype(draw.choice(("i4", "i4", "i8"))) if name != "data" else parts[name].dtype
        lies = form == "csr"  # SciPy converts the others, and asks their arrays
        parts[name], how, holder = _arranged(draw, parts[name].astype(index), lies)
        held.append(holder)
        what += f" {name[-3:]}:{index.str[1:]}{how}"
    cls = getattr(sp, f"{form}_{kind}")
    if draw.chance(0.5) and "over" not in what:
        made = cls((parts["data"], parts["indices"], parts["indptr"]), shape=kept.shape)
    else:  # SciPy copies what it does not like in its constructor: here it cannot
        made = cls(kept.shape, dtype=code)
        made.data, made.indices, made.indptr = parts["data"], parts["indices"], parts["indptr"]
        what += " by hand"
    if draw.chance(0.15):
        made.has_sorted_indices = made.has_canonical_format = True
        what += " said to be canonical"
    given = Given(what, made, kept, "may" if " liar" in what else "same", held)
    if form == "csr" and draw.chance(0.12):
        _break(draw, given)
    elif draw.chance(0.03):
        _far_pointer(draw, given, cls, kept.shape, form)
    return given


def _arranged(draw, array, lies=False):
    """The same numbers, how they lie, and their memory."""
    how = draw.choice(
        ("", "", "", "", " strided", " back", " zero", " shifted", " liar", " read-only")
    )
    if how == " zero" and (len(array) < 2 or (array != array[0]).any()):
        how = ""
    size = array.itemsize
    stride = {" strided": draw.randint(2, 3) * size, " back": -size, " zero": 0}.get(how, size)
    value, holder = strided(array.shape, array.dtype, (stride,), 4 if how == " shifted" else 0)
    value[...] = array
    if how == " liar" and lies:
        return value.view(liar(draw.sample(liar.names, 2))), how, holder
    if how == " liar":
        return value.view(liar(())), " subclass", holder
    value.flags.writeable = how != " read-only"
    return value, how, holder


def _coordinates(draw, kept, code, kind):
    listed = _entries(draw, kept, code not in ("?", "u1"))
    all_ = [(t, k, v) for t, one in enumerate(listed) for k, v in one]
    draw.shuffle(all_)
    columns = [np.array([entry[i] for entry in all_], "i4" if i < 2 else "f8") for i in range(3)]
    columns[2] = columns[2].astype(code)
    arranged = [_arranged(draw, column) for column in columns]
    (rows, *_), (places, *_), (data, *_) = arranged
    made = getattr(sp, f"coo_{kind}")((data, (rows, places)), shape=kept.shape)
    return Given("".join(f" {how}" for _, how, _ in arranged), made, kept,
                 held=[holder for *_, holder in arranged])  # fmt: skip


def _far_pointer(draw, given, cls, shape, form):
    """indptr = [0, 10**8, ..., 0]: nothing is stored, and SciPy takes it."""
    n = shape[0] if form == "csr" else shape[1]
    if n < 2:
        return
    indptr = np.zeros(n + 1, np.int32)
    indptr[1:-1] = draw.choice((10**8, 2**31 - 1, 7))
    empty = np.zeros(0, given.value.dtype)
    given.value = cls((empty, np.zeros(0, np.int32), indptr), shape=shape)
    given.what += " with a far indptr"
    given.verdict, given.clean, given.held = "never", None, [indptr]


def _break(draw, given):
    """Make it wrong by hand."""
    kind, S = draw.choice(WRONG), given.value
    indptr, indices = np.array(S.indptr), np.array(S.indices)
    given.what += f" but {kind}"
    given.held, given.clean, given.verdict = [], None, "never"
    n_stored, n = int(indptr[-1]), len(indptr) - 1
    if kind == "far indptr":
        indptr[-1] = 10**8
    elif kind == "long indptr":
        indptr = np.concatenate([indptr, indptr[-1:]])
    elif kind == "indptr back":
        indptr[n // 2] = indptr[-1] + 5
        given.verdict = "never" if n > 1 else "may"
    elif kind == "indptr from 1":
        indptr[0] = 1
        given.verdict = "never"
    elif kind == "short indptr":
        indptr = indptr[:-1]
    elif kind.startswith("index"):
        if n_stored:
            wrong = {"below": -1, "beyond": S.shape[1], "far": 2**31 - 1}[kind[6:]]
            indices[draw.randrange(n_stored)] = wrong
        else:
            given.verdict = "may"
    elif kind == "float indices":
        indices = indices.astype(float)
        given.verdict = "may"
    elif kind == "short indices":
        indices = indices[: max(0, n_stored - 1)]
        given.verdict = "never" if n_stored else "may"
    elif kind == "short data":
        S.data = np.array(S.data)[: max(0, n_stored - 1)]
        given.verdict = "never" if n_stored else "may"
    elif kind == "2-d data":
        S.data = np.array(S.data).reshape(-1, 1)
    elif kind == "wide shape":
        S._shape = (S.shape[0], S.shape[1] + 10**6)
    elif kind == "tall shape":
        S._shape = (S.shape[0] + 10**6, S.shape[1])
    S.indices, S.indptr = indices, indptr
