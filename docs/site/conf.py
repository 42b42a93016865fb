"""Sphinx: the pages in docs/, a reference from docstrings, and the interactive page.

    sphinx-build -c docs/site docs build/site

Neither the build nor a reader needs a network: formulas become MathML, which browsers show by
themselves, the font for them is in static/, and the theme brings its own styles.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # mathml.py

from deltaloop.app.explain import worked_example
from deltaloop.version import __version__

project, author = "deltaloop", "the deltaloop developers"
copyright, release = author, __version__
root_doc = "site/index"
exclude_patterns = ["pictures"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
napoleon_google_docstring, napoleon_use_rtype, napoleon_use_ivar = False, False, True
autodoc_typehints, autodoc_member_order = "none", "bysource"
highlight_language = "none"
html_theme, html_title = "furo", f"deltaloop {__version__}"
smartquotes = False  # quotes are those of code
html_static_path, html_css_files = ["static"], ["style.css"]
html_copy_source = html_show_sourcelink = False
suppress_warnings = [
    "myst.header",  # pages may be cut into sections as they like
    "misc.highlighting_failure",
]


def write_page(app, error):
    """The worked example as one HTML file, beside the pages."""
    if error is None and app.builder.format == "html":
        path = Path(app.outdir) / "_static" / "backpropagation.html"
        worked_example().explain_page(path, [1, 0, 2, -1], [1], title="The worked example, 4-2-2-1")


def write_start(app, error):
    """The address of the folder itself leads to the first page."""
    if error is None and app.builder.format == "html":
        text = f'<!doctype html><meta http-equiv="refresh" content="0; url={root_doc}.html">\n'
        Path(app.outdir, "index.html").write_text(text, encoding="utf-8")


def every_page(app, name, source):
    """Pages that the index does not place are listed at its end."""
    if name == root_doc:
        pages = sorted(path.stem for path in Path(app.srcdir).glob("*.md"))
        others = [f"../{page}" for page in pages if not re.search(rf"\.\./{page}>?\n", source[0])]
        source[0] = source[0].replace("OTHERS\n", "".join(f"{page}\n" for page in others))


def plain_text(app, what, name, obj, options, lines):
    """Docstrings are plain text: signs that reStructuredText would take for its own stay signs.

    Lines that stand indented below a paragraph are formulas.
    """
    found, before, is_example, is_formula = [], "", False, False
    for line in lines:
        is_example = line.lstrip().startswith(">>>") or (is_example and bool(line.strip()))
        is_formula &= line.startswith("    ") or not line.strip()
        below_text = before and not before.startswith((" ", "-", ">>>"))
        if line.startswith("    ") and below_text and not found[-1].strip() and not is_example:
            found += ["::", ""]
            is_formula = True
        if not (is_example or is_formula):
            line = re.sub(r"([|*])", r"\\\1", line)
            line = re.sub(r"(?<=\w)_(?= [^:])", r"\\_", line)  # t_, but no heading 't_ : int'
        found.append(line)
        before = line if line.strip() else before
    lines[:] = found


def setup(app):
    """What Sphinx calls."""
    app.connect("source-read", every_page)
    app.connect("build-finished", write_page)
    app.connect("build-finished", write_start)
    app.connect("autodoc-process-docstring", plain_text, priority=400)  # before napoleon
