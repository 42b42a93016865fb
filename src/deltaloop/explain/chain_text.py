"""An explanation as text: one line per factor, with its formula and its numbers."""

from ..text import aligned
from .names import factor, number, of

_INLINE = 4  # terms of a sum that stand in its line
_LISTED = 12  # and, one per line, below it


def text(found) -> str:
    """The table of an `Explanation`."""
    delta, gradient = found.delta, f"dC/d{found.name}"
    z, a = of("z", delta.layer, delta.unit), of("a", delta.layer, delta.unit)
    dz = f"d{z}/d{found.name}"
    chain = f"dC/d{z} * {dz}" if delta.dC_da is None else f"dC/d{a} * d{a}/d{z} * {dz}"
    rows = [
        *_rows(delta),
        (dz, found.dz_name, "", number(found.dz)),
        (
            gradient, f"{delta.name} * {found.dz_name}",
            f"{factor(number(delta.value))} * {factor(number(found.dz))}", number(found.value),
        )
        if found.connected
        else (gradient, "a mask leaves this connection out", "", number(found.value)),
    ]  # fmt: skip
    lines = [f"{gradient} = {chain} = {number(found.value)}", *aligned(rows, "<<<<")]
    for later in found.deltas:
        lines += [f"where {later.name} comes from", *aligned(list(_rows(later)), "<<<<")]
    lines.append(
        f"loss {found.loss_name} {number(found.loss)}; "
        f"central difference of it {number(found.difference)}"
    )
    return "\n".join([*lines, *(f"- {note}" for note in found.notes)])


def _rows(delta):
    """Lines about delta: what it is multiplied of, and itself."""
    z, a = of("z", delta.layer, delta.unit), of("a", delta.layer, delta.unit)
    name = f"{delta.name} = dC/d{z}"
    if delta.kind == "cancelled":
        how = f"{delta.formula}: {delta.why}"
        yield name, how, delta.numbers, number(delta.value)
        return
    if delta.kind == "coupled":
        how = f"sum_k dC/da_k da_k/d{z}, since every output depends on {z}"
        yield name, how, _inline(delta.terms), number(delta.value)
        yield from _listed(delta.terms)
        return
    if delta.kind == "hidden":
        yield f"dC/d{a}", delta.formula, _inline(delta.terms), number(delta.dC_da)
        yield from _listed(delta.terms)
    else:
        at = f"a = {number(delta.a)}, y = {number(delta.y)}"
        yield f"dC/d{a}", delta.formula, at, number(delta.dC_da)
    how = f"{delta.activation}'({z}) = {delta.slope_formula}"
    yield f"d{a}/d{z}", how, _at(delta), number(delta.slope)
    numbers = f"{factor(number(delta.dC_da))} * {factor(number(delta.slope))}"
    yield name, f"dC/d{a} * d{a}/d{z}", numbers, number(delta.value)


def _at(delta):
    """What f'(z) was taken at."""
    return "" if delta.slope_formula == "1" else f"z = {number(delta.z)}, a = {number(delta.a)}"


def _inline(terms):
    if len(terms) > _INLINE:
        return f"{len(terms)} terms"
    return " + ".join(" * ".join(factor(number(one)) for one in term.numbers) for term in terms)


def _listed(terms):
    """The largest terms of a long sum, one per line."""
    if len(terms) <= _INLINE:
        return
    largest = sorted(terms, key=lambda term: -abs(term.value))[:_LISTED]
    for term in largest:
        numbers = " * ".join(factor(number(one)) for one in term.numbers)
        yield "", f"  {' * '.join(term.names)}", numbers, number(term.value)
    if len(largest) < len(terms):
        rest = sum(term.value for term in terms) - sum(term.value for term in largest)
        yield "", f"  {len(terms) - len(largest)} smaller ones", "", number(rest)
