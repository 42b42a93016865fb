"""Functions of an exported header whose hidden layers are whole numbers of 16 bits.

What they compute is said, and computed in Python, in `fixed_point`. Right shifts of
negative numbers are those of every compiler for the chips that this is for: towards minus infinity.
"""

FIXED: dict[str, str] = {}  # name, without its prefix: text

FIXED["whole"] = """\
/* A = values times powers of two (one for all, or one each), rounded half away from 0, and cut off
   at 16 bits; NaN becomes the lowest */
static inline void NAME_whole(int n, const float *values, float power, const float *powers,
        int16_t *A)
{
    for (int k = 0; k < n; k++) {
        float v = values[k] * (powers ? FLASH(powers[k]) : power);
        v += v < 0.0f ? -0.5f : 0.5f;
        A[k] = (int16_t)(v > -32767.0f ? v < 32767.0f ? v : 32767.0f : -32767.0f);
    }
}
"""

FIXED["sum"] = """\
/* S + sum_k W_k A_k, which stays within 32 bits for every A */
UPPER_INLINED int32_t NAME_sum(int n, const int16_t *W, const int16_t *A, int32_t S)
{
    for (int k = 0; k < n; k++)
        S += (int32_t)FLASH_WORD(W[k]) * A[k];
    return S;
}
"""

FIXED["shifted"] = """\
/* S 2^-shift, rounded half up, and cut off at +-most */
UPPER_INLINED int32_t NAME_shifted(int32_t S, int shift, int32_t most)
{
    if (shift > 0)
        S = (S + ((int32_t)1 << (shift - 1))) >> shift;
    else if (S > most >> -shift || S < -(most >> -shift))
        return S > 0 ? most : -most;
    else
        S *= (int32_t)1 << -shift;
    return S > most ? most : S < -most ? -most : S;
}
"""

FIXED["between"] = """\
/* The value at T on the lines between those of a table, the first and the last of which go on */
static inline int16_t NAME_between(const int16_t *table, int32_t T)
{
    const int32_t place = T + 32768;
    const int left = place < 0 ? 0 : place >> 8 > 255 ? 255 : (int)(place >> 8);
    const int32_t low = FLASH_WORD(table[left]), high = FLASH_WORD(table[left + 1]);
    const int32_t a = low + (((high - low) * (place - (int32_t)left * 256) + 128) >> 8);
    return (int16_t)(a > 32767 ? 32767 : a < -32767 ? -32767 : a);
}
"""

_LAYER = """\
/* {comment} */
UPPER_INLINED void NAME_{name}(int n_in, int n_out, const int16_t *UPPER_RESTRICT W,
        const int32_t *B, const int16_t *UPPER_RESTRICT A_prev, {parameters})
{{
    for (int j = 0; j < n_out; j++, W += n_in) {{
        const int32_t S = NAME_sum(n_in, W, A_prev, B ? FLASH_LONG(B[j]) : 0);
        {result};
    }}
}}
"""
_LAYERS = (
    (
        "linear", "A = W A_prev + B, shifted", "int shift, int16_t *UPPER_RESTRICT A",
        "A[j] = (int16_t)NAME_shifted(S, shift, 32767)",
    ),
    (
        "relu_of_whole", "A = max(W A_prev + B, 0), shifted",
        "int shift, int16_t *UPPER_RESTRICT A",
        "A[j] = (int16_t)NAME_shifted(S > 0 ? S : 0, shift, 32767)",
    ),
    (
        "from_table", "A = f(W A_prev + B)",
        "int shift,\n        int32_t reach, const int16_t *table, int16_t *UPPER_RESTRICT A",
        "A[j] = NAME_between(table, NAME_shifted(S, shift, reach))",
    ),
    (
        "floats", "z = W A_prev + B", "float factor,\n        float *UPPER_RESTRICT z",
        "z[j] = (float)S * factor",
    ),
)  # fmt: skip
FIXED |= {
    name: _LAYER.format(name=name, comment=comment, parameters=parameters, result=result)
    for name, comment, parameters, result in _LAYERS
}


def tables_of(fixed) -> dict[int, str]:
    """The name of the table of every layer that has one, by the number of the layer."""
    names: dict[bytes, str] = {}
    found = {}
    for index, layer in enumerate(fixed.layers, start=1):
        if layer.table is not None:
            found[index] = names.setdefault(layer.table.values.tobytes(), f"NAME_f{index}")
    return found


def arrays_of(fixed):
    """(name, values) of all arrays; row j of W holds the weights that lead to unit j."""
    for index, layer in enumerate(fixed.layers, start=1):
        yield f"NAME_W{index}", layer.W
        if layer.B is not None:
            yield f"NAME_b{index}", layer.B
    for index, name in tables_of(fixed).items():
        if name == f"NAME_f{index}":
            yield name, fixed.layers[index - 1].table.values


def is_unlike(fixed) -> bool:
    """Whether inputs have powers of two of their own."""
    return len(set(fixed.exponents.tolist())) > 1


def two_to_the(exponent: int) -> str:
    """2^exponent as a C constant."""
    return f"{2.0**exponent!r}f"


def statements(fixed, sizes, x: str, y: str) -> list[str]:
    """From floats `x` to z of the last layer in `y`."""
    tables = tables_of(fixed)
    A = [f"A{layer}" for layer in range(1, len(sizes))]
    one, powers = two_to_the(int(fixed.exponents[0])), "0"
    if is_unlike(fixed):
        one, powers = "0.0f", "NAME_powers"
    lines = [f"NAME_whole({sizes[0]}, {x}, {one}, {powers}, A1)"]
    for index, layer in enumerate(fixed.layers, start=1):
        b = "0" if layer.B is None else f"NAME_b{index}"
        given = f"{sizes[index - 1]}, {sizes[index]}, NAME_W{index}, {b}, {A[index - 1]}"
        if layer.kind == "floats":
            lines.append(f"NAME_floats({given}, {two_to_the(-layer.exponent)}, {y})")
        elif layer.kind == "table":
            reach = layer.table.reach
            lines.append(
                f"NAME_from_table({given}, {layer.shift}, {reach}, {tables[index]}, {A[index]})"
            )
        else:
            name = "relu_of_whole" if layer.kind == "relu" else "linear"
            lines.append(f"NAME_{name}({given}, {layer.shift}, {A[index]})")
    return lines
