"""Draw how the kernels work, for kernels.md: python docs/pictures/data_flow.py [folder].

Places in theta are those of the Plan; the rest is drawn by hand.
"""

import sys
from html import escape
from pathlib import Path

import deltaloop as dl

PURPLE, GREEN, BLUE = "#7b4fb5", "#237a4b", "#2563a8"  # input, hidden, output
ORANGE, GREY, INK, FAINT = "#a65300", "#d5d9de", "#1b1f24", "#59626c"
PALE = {PURPLE: "#e6dcf5", GREEN: "#d7efe1", BLUE: "#d9e7f8", ORANGE: "#fbe6d0", GREY: "#eceef0"}


class Drawing:
    """Shapes on a white sheet, so that it reads on dark pages, too."""

    def __init__(self, width: int, height: int, title: str):
        self.size, self.title, self.parts = (width, height), title, []

    def box(self, x, y, width, height, color=GREY, text="", size=14, dashed=False):
        """A rectangle with lines of text in its middle."""
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="{PALE[color]}" '
            f'stroke="{color}"{dash}/>'
        )
        lines = text.split("\n") if text else []
        for k, line in enumerate(lines):
            middle = y + height / 2 + 0.35 * size + 1.25 * size * (k - (len(lines) - 1) / 2)
            self.text(x + width / 2, middle, line, size)

    def text(self, x, y, text, size=14, color=INK, anchor="middle", code=False):
        """One line."""
        family = ' font-family="ui-monospace, monospace" xml:space="preserve"' if code else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{color}" '
            f'text-anchor="{anchor}"{family}>{escape(text)}</text>'
        )

    def arrow(self, *points, color=INK, dashed=False):
        """A line through points, with a head at its end."""
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        path = "L".join(f"{x:g} {y:g}" for x, y in points)
        self.parts.append(
            f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="1.6"{dash} '
            'marker-end="url(#head)"/>'
        )

    def svg(self) -> str:
        """The file."""
        width, height = self.size
        head = (
            '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
            'markerHeight="7" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z"/></marker>'
        )
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" font-family="sans-serif">\n'
            f"<title>{escape(self.title)}</title>\n<defs>{head}</defs>\n"
            f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>\n{body}\n</svg>\n'
        )


def layout() -> Drawing:
    """Parameters of a 3-5-2 network, 16 floats (64 bytes) in a line."""
    net = dl.Network([3, 5, 2])
    plan, per_line, cell, left, top = net.plan, 16, 42, 70, 62
    colors = (PURPLE, GREEN)
    names = {}
    for k, record in enumerate(plan.layers):
        n_in, n_out, width = (int(record[name]) for name in ("n_in", "n_out", "width"))
        for row in range(n_in + 1):  # the last one is the bias
            first = int(record["W"]) + row * width if row < n_in else int(record["b"])
            for j in range(width):
                name = f"w{j + 1}{row + 1}" if row < n_in else f"b{j + 1}"
                names[first + j] = (name if j < n_out else "0", colors[k], j < n_out)
    n_lines = -(-plan.n_theta // per_line)
    drawing = Drawing(left + per_line * cell + 30, top + n_lines * (cell + 14) + 172,
                      "Parameters of a 3-5-2 network in memory")  # fmt: skip
    drawing.text(left, 30, "theta of a 3-5-2 network: one line is 64 bytes, 16 floats", 16,
                 anchor="start")  # fmt: skip
    for place in range(plan.n_theta):
        x, y = left + place % per_line * cell, top + place // per_line * (cell + 14)
        name, color, is_used = names.get(place, ("", GREY, False))
        drawing.box(x, y, cell - 3, cell - 3, color if is_used else GREY, name, 13, not is_used)
        if place % per_line == 0:
            drawing.text(left - 12, y + 25, str(place), 12, FAINT, "end")
    y = top + n_lines * (cell + 14) + 22
    drawing.box(left, y - 13, 16, 16, PURPLE)
    drawing.text(left + 24, y, "W1 and b1: rows of 5 units, padded to 8", anchor="start")
    drawing.box(left + 340, y - 13, 16, 16, GREEN)
    drawing.text(left + 364, y, "W2 and b2: rows of 2 units, padded to 4", anchor="start")
    for k, line in enumerate((
        "A row holds the weights that leave one input: w11 w21 w31 w41 w51 leave input 1.",
        "Forward, backward and update run along rows:",
    )):  # fmt: skip
        drawing.text(left, y + 36 + 22 * k, line, 13, anchor="start")
    for k, (what, formula) in enumerate((
        ("forward", "z += a_i row_i"), ("backward", "dC/da_i = row_i . delta"),
        ("update", "row_i -= e a_i delta"),
    )):  # fmt: skip
        drawing.text(left + 20, y + 84 + 22 * k, what, 13, FAINT, "start")
        drawing.text(left + 100, y + 84 + 22 * k, formula, 13, anchor="start", code=True)
    return drawing


def fusion() -> Drawing:
    """What is done to W1, W2 and W3 for two samples, with the passes that are one."""
    drawing = Drawing(900, 372, "A training step with one sample, unfused and fused")
    left, width = 160, 92
    drawing.text(20, 32, "One sample at a time: which weights are read when", 16, anchor="start")
    drawing.text(left + 3.05 * width, 66, "sample t", 14, FAINT)
    drawing.text(left + 6.85 * width, 66, "sample t + 1", 14, FAINT)
    plain = [
        (0, 0, GREEN, "forward"), (1, 1, GREEN, "forward"), (2, 2, GREEN, "forward"),
        (2, 3, BLUE, "backward\nand update"), (1, 4, BLUE, "backward\nand update"),
        (0, 5, BLUE, "update"), (0, 6, GREEN, "forward"), (1, 7, GREEN, "forward"),
    ]  # fmt: skip
    for row in range(3):
        y = 84 + 66 * row
        drawing.text(left - 16, y + 32, f"W{row + 1}", 15, anchor="end")
        drawing.text(left - 16, y + 48, ("the largest", "", "")[row], 11, FAINT, "end")
        drawing.parts.append(
            f'<line x1="{left}" y1="{y + 27}" x2="{left + 8 * width - 20}" y2="{y + 27}" '
            f'stroke="{GREY}"/>'
        )
    for row, column, color, text in plain:
        drawing.box(left + column * width, 84 + 66 * row, width - 10, 54, color, text, 13)
    x = left + 5 * width - 5
    drawing.parts.append(
        f'<rect x="{x}" y="78" width="{2 * width}" height="66" rx="8" fill="none" '
        f'stroke="{ORANGE}" stroke-width="2.5"/>'
    )
    drawing.arrow((x + width, 290), (x + width, 150), color=ORANGE)
    drawing.text(x + width, 310, "one pass over the rows of W1:", 14, ORANGE)
    drawing.text(x + width, 330, "load a row, update it for sample t, use it for sample t + 1,", 13)
    drawing.text(x + width, 348, "store it: the traffic of the largest layer halves", 13)
    drawing.arrow((left, 290), (left + 3 * width, 290), color=FAINT)
    drawing.text(left + 1.5 * width, 310, "time", 13, FAINT)
    return drawing


def tiles() -> Drawing:
    """A tile of C = A B: which parts of A and B it reads."""
    drawing = Drawing(900, 470, "A tile of a product of matrices, kept in registers")
    cell = 13
    ax, ay, bx, by = 60, 190, 430, 60
    n_rows, n_k, n_columns = 18, 24, 32
    cy = ay
    drawing.text(20, 32, "Forward: Z = A W.  A tile of 6 samples and 2 vectors of units", 16,
                 anchor="start")  # fmt: skip
    for x, y, width, height, color, name in (
        (ax, ay, n_k, n_rows, PURPLE, "A: samples x inputs"),
        (bx, by, n_columns, 8, GREEN, "W: inputs x units"),
        (bx, cy, n_columns, n_rows, BLUE, "Z: samples x units"),
    ):
        drawing.box(x, y, width * cell, height * cell, color, dashed=True)
        place = x + width * cell * (0.5 if color == PURPLE else 0.16)
        drawing.text(place, y + height * cell + 18, name, 14, color)
    tile_y, tile_x, tile_width = cy + 6 * cell, bx + 8 * cell, 16 * cell
    drawing.parts.append(
        f'<rect x="{ax}" y="{tile_y}" width="{n_k * cell}" height="{6 * cell}" fill="{PURPLE}" '
        'fill-opacity="0.25"/>'
    )
    drawing.parts.append(
        f'<rect x="{tile_x}" y="{by}" width="{tile_width}" height="{8 * cell}" fill="{GREEN}" '
        'fill-opacity="0.25"/>'
    )
    k = 9
    for row in range(6):
        drawing.box(ax + k * cell, tile_y + row * cell, cell, cell, PURPLE)
        for vector in range(2):
            drawing.box(tile_x + vector * tile_width / 2, tile_y + row * cell, tile_width / 2,
                        cell, BLUE, f"sum {row + 1},{vector + 1}", 10)  # fmt: skip
    for vector in range(2):
        drawing.box(tile_x + vector * tile_width / 2, by + 3 * cell, tile_width / 2, cell, GREEN,
                    f"b{vector + 1}", 10)  # fmt: skip
    drawing.text(ax + (k + 0.5) * cell, tile_y - 8, "a", 14, PURPLE)
    drawing.arrow((ax + (k + 1) * cell + 4, tile_y + 3 * cell),
                  (tile_x - 6, tile_y + 3 * cell), color=INK)  # fmt: skip
    drawing.arrow((tile_x + tile_width / 2, by + 8 * cell + 26),
                  (tile_x + tile_width / 2, tile_y - 6), color=INK)  # fmt: skip
    drawing.text(ax, 62, "for every k of the sum:", 15, anchor="start")
    drawing.text(ax, 86, "sum[r, c] += a[r, k] b[k, c]", 15, anchor="start", code=True)
    drawing.text(ax, 116, "12 sums, 2 vectors b and one a: 15 of 16 registers", 13, FAINT, "start")
    drawing.text(ax, 136, "(with 32 registers, 12 samples)", 13, FAINT, "start")
    drawing.text(bx + n_columns * cell, cy + n_rows * cell + 36,
                 "the sums start from the bias, and are stored once", 13, INK, "end")  # fmt: skip
    return drawing


def rows_of_functions() -> Drawing:
    """One row of functions.py, and everything that is written from it."""
    drawing = Drawing(900, 400, "What is made of one row of kernels/functions.py")
    drawing.text(20, 32, "An activation, a loss or an optimiser is written once", 16,
                 anchor="start")  # fmt: skip
    drawing.box(30, 120, 300, 160, PURPLE)
    for k, line in enumerate((
        "class tanh:", "    def f(m, z, alpha):", "        return m.tanh(z)", "",
        "    def slope(m, z, a, alpha):", "        return 1 - a * a",
    )):  # fmt: skip
        drawing.text(46, 148 + 22 * k, line, 14, anchor="start", code=True)
    drawing.text(180, 304, "kernels/functions.py", 14, PURPLE)
    for k, (what, how, color) in enumerate((
        ("loops of Cython, float32 and float64", "written by the build", GREEN),
        ("the C header of a network", "net.to_c()", GREEN),
        ("the JavaScript of the interactive page", "net.explain_page()", GREEN),
        ("tables and pictures of functions.md", "docs/write_functions.py", BLUE),
        ("tests: slopes, backends, golden values", "by the names in the table", ORANGE),
    )):  # fmt: skip
        y = 56 + 66 * k
        drawing.box(500, y, 370, 52, color, f"{what}\n{how}", 13)
        drawing.arrow((330, 200), (415, 200), (415, y + 26), (494, y + 26))
    return drawing


PICTURES = {
    "layout": layout, "fusion": fusion, "tiles": tiles, "rows_of_functions": rows_of_functions,
}  # fmt: skip

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, draw in PICTURES.items():
        (folder / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")
