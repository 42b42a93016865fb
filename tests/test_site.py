"""The site of the documentation: built without a warning, read without a network.

It needs the extra `docs`; what needs a browser is left out where there is none.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

for needed in ("sphinx", "furo", "myst_parser", "latex2mathml"):
    pytest.importorskip(needed)
DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", DOCS / "site"]
    done = subprocess.run([*command, DOCS, out], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return out


def test_every_page_is_there_and_linked(site):
    index = (site / "site" / "index.html").read_text("utf-8")
    for page in DOCS.glob("*.md"):
        assert (site / f"{page.stem}.html").is_file()
        assert f'href="../{page.stem}.html"' in index, page.name


def test_nothing_is_loaded_from_elsewhere(site):
    loaded = re.compile(r'<(?:script|img|iframe|link|source)\b[^>]*?(?:src|href)="(https?:|//)')
    for page in site.rglob("*.html"):
        assert not loaded.search(page.read_text("utf-8")), page
    for style in site.rglob("*.css"):
        assert not re.search(r"@import|url\([\"']?(https?:|//)", style.read_text("utf-8")), style


def test_links_lead_to_pages_and_places(site):
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        for target in re.findall(r'href="([^":]+\.html)(?:#[^"]*)?"', text):
            assert (page.parent / target).resolve().is_file(), (page, target)


def test_formulas_are_mathml_and_the_page_to_play_with_is_embedded(site):
    text = (site / "explain.html").read_text("utf-8")
    assert text.count("<math") > 20
    assert "\\frac" not in re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)
    assert 'src="../_static/backpropagation.html"' in (site / "site/play.html").read_text("utf-8")
    assert "const DATA" in (site / "_static" / "backpropagation.html").read_text("utf-8")


def test_formulas_have_the_spaces_of_tex(site):
    text = (site / "explain.html").read_text("utf-8")
    style = (site / "_static" / "style.css").read_text("utf-8")
    assert (site / "_static" / re.search(r'url\("([^"]+)"\)', style)[1]).is_file()
    # f'(z), -4 after a parenthesis, ln 3 and dC/dz
    assert '<mi>f</mi><mo lspace="0.05em" rspace="0em">&#x02032;</mo>' in text
    assert '&#x00028;</mo><mo form="prefix">&#x02212;</mo><mn>4</mn>' in text
    assert '<mi>ln</mi><mspace width="0.17em" /><mn>3</mn>' in text
    assert '<mi mathvariant="normal">&#x02202;</mi><mi>C</mi>' in text


def test_it_fits_a_phone_and_a_desk(site):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        try:
            browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except playwright.Error:
            pytest.skip("there is no Chromium")
        for width in (390, 1280):
            page = browser.new_page(viewport={"width": width, "height": 800})
            asked = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            every = [*site.glob("*.html"), *site.glob("site/*.html")]
            every.remove(site / "index.html")  # which leads to the first page at once
            for path in every if width == 390 else every[::5]:
                page.goto(path.as_uri(), wait_until="domcontentloaded")
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
            page.goto((site / "explain.html").as_uri())
            page.evaluate("document.fonts.ready")
            assert page.evaluate("document.fonts.check('16px \"STIX Two Math\"')")  # of the site
            assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
            page.close()
        browser.close()
