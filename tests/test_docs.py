"""Every page of the documentation runs, and prints what it says.

In a folder of its own and from top to bottom: `python` blocks in one namespace, `c` and `cython`
blocks into the file that their first line names, `sh` blocks with sh -e; a `text` block right after
one that runs is its output.
"""

import contextlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))
NAMED = {"c": (r"/\* (\S+) \*/\n", "/* main.c */"), "cython": (r"# (\S+)\n", "# main.pyx")}
# what a page uses, and whether it is here
NEEDED = {
    "gcc ": shutil.which("gcc"),
    "cython ": importlib.util.find_spec("Cython"),
    "by numba": importlib.util.find_spec("numba"),
    "from numba ": importlib.util.find_spec("numba"),
    "import torch": importlib.util.find_spec("torch"),
    "-m ziglang ": importlib.util.find_spec("ziglang"),
    "\nnode ": shutil.which("node"),
    "from joblib ": importlib.util.find_spec("joblib"),
    "import jax": importlib.util.find_spec("jax"),
    '.onnx"': importlib.util.find_spec("onnx"),
    "import onnxruntime": importlib.util.find_spec("onnxruntime"),
    "from safetensors": importlib.util.find_spec("safetensors"),
    "to_sklearn(": importlib.util.find_spec("sklearn"),
    "from sklearn": importlib.util.find_spec("sklearn"),
    "from scipy": importlib.util.find_spec("scipy"),
}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_page(text, name="page"):
    """Run the blocks of a page in the current folder; number of blocks that ran."""
    namespace, printed, end, n_run = {"__name__": "__main__"}, None, 0, 0
    for block in BLOCK.finditer(text):
        language, code = block.groups()
        where = f"{name}, line {text.count(chr(10), 0, block.start()) + 1}"
        directly = text[end : block.start()].strip() == ""
        end = block.end()
        if language == "text":
            assert directly and printed is not None, f"{where}: this is the output of no block"
            assert printed == code, where
            printed = None
        elif language in NAMED:
            form, example = NAMED[language]
            file = re.match(form, code)
            assert file, f"{where}: the first line must name the file, as in {example}"
            Path(file[1]).write_text(code, encoding="utf-8")
            printed = None
        else:
            assert language in RUNNERS, f"{where}: unknown language {language!r}"
            printed = RUNNERS[language](code, where, namespace)
            n_run += 1
    return n_run


def run_python(code, where, namespace):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, where, "exec"), namespace)
    return printed.getvalue()


def run_sh(code, where, _):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-e"], input=code, capture_output=True, text=True, check=False,
        env=os.environ | {"PATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), where
    return done.stdout


RUNNERS = {"python": run_python, "sh": run_sh}


@pytest.fixture(autouse=True)
def newcomer(monkeypatch, tmp_path):
    """A folder of their own and no settings in the environment."""
    for name in ("DELTALOOP_BACKEND", "DELTALOOP_ISA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # as for scripts in that folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_runs_and_prints_what_it_says(page):
    text = page.read_text(encoding="utf-8")
    for word, found in NEEDED.items():
        if word in text and not found:
            what = word.split()[-1].strip('."(')
            pytest.skip(f"the page uses {what}, which is not here")
    assert run_page(text, page.name) > 0


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ("```python\nprint(1)\n```\n\n```text\n2\n```", AssertionError),
        ("```sh\necho 1; echo 2\n```\n```text\n1\n```", AssertionError),
        ("```sh\nfalse\ntrue\n```", AssertionError),
        ("```python\n1 / 0\n```", ZeroDivisionError),
        ("```python\nprint(1)\n```\nwords\n```text\n1\n```", AssertionError),
        ("```text\n1\n```", AssertionError),
        ("```c\nint main(void);\n```", AssertionError),
        ("```cython\ncdef int a\n```", AssertionError),
        ("```fortran\nprint(1)\n```", AssertionError),
    ],
)
def test_page_that_is_wrong_is_found(page, error):
    with pytest.raises(error):
        run_page(page)


def test_blocks_of_a_page_share_names_and_files():
    page = "```python\na = 1\n```\n```python\nprint(a)\n```\n```text\n1\n```\n"
    page += "```c\n/* x.c */\nint a;\n```\n```sh\ncat x.c\n```\n```text\n/* x.c */\nint a;\n```\n"
    page += "```cython\n# x.pyx\ncdef int a\n```\n```sh\ncat x.pyx\n```\n"
    page += "```text\n# x.pyx\ncdef int a\n```\n"
    assert run_page(page) == 4
