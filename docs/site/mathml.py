"""Formulas as MathML instead of scripts: nothing is loaded, and screen readers read them."""

import re

from docutils import nodes
from latex2mathml import converter

_BEFORE = r"<mo[^>]*>(?:&#x0003D;|&#x00028;|\()</mo>"  # = or (, or the beginning of a group
_SPACES = (
    # f' as two signs: as a superscript the prime stands too high
    (r"<msup><mi>(\w)</mi><mi>&#x02032;</mi></msup>",
     r'<mrow><mi>\1</mi><mo lspace="0.05em" rspace="0em">&#x02032;</mo></mrow>'),
    # a sign of a number, not a difference
    (rf"((?:<mrow>|{_BEFORE}))<mo>&#x02212;</mo>", r'\1<mo form="prefix">&#x02212;</mo>'),
    (r"<mo>&#x0002F;</mo>", r'<mo lspace="0.05em" rspace="0.05em">/</mo>'),
    (r"<mo>&#x02202;</mo>", r'<mi mathvariant="normal">&#x02202;</mi>'),
    (r"<mi>ln</mi>", r'<mi>ln</mi><mspace width="0.17em" />'),
)  # fmt: skip


def convert(latex, display="inline"):
    """MathML of a formula, with spaces as TeX has them."""
    found = converter.convert(latex, display=display)
    for pattern, better in _SPACES:
        found = re.sub(pattern, better, found)
    return found


def formula(self, node):
    """In a line of text."""
    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def display(self, node):
    """On a line of its own; wide ones scroll."""
    self.body.append(
        '<div style="overflow-x: auto; text-align: center; margin: 0.7em 0">'
        f"{convert(node.astext(), display='block')}</div>"
    )
    raise nodes.SkipNode


def setup(app):
    """What Sphinx calls."""
    app.add_html_math_renderer("mathml", (formula, None), (display, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True}
