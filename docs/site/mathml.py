"""Formulas as MathML instead of scripts: nothing is loaded, and screen readers read them."""

from docutils import nodes
from latex2mathml.converter import convert


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
