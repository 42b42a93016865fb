"""The manual pages say what `--help` says, and groff finds nothing to complain about."""

import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("click")

from click.testing import CliRunner

from deltaloop.app.commands import command

SCRIPT = Path(__file__).parents[2] / "packaging" / "man_pages.py"
MAN = runpy.run_path(str(SCRIPT))
PAGES = MAN["pages"]()


def words_of_page(text):
    """What a reader sees below NAME: without macros, fonts and escapes."""
    _, _, text = text.partition(".SH SYNOPSIS\n")
    text, _, _ = text.rpartition(".SH SEE ALSO\n")
    text = text.replace(".SH DESCRIPTION\n", "\n")
    text = re.sub(r"^\.SH ", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\.(PP|TP|nf|fi)$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\f[BR]", "", text)
    for roff, plain in (("\\(aq", "'"), ("\\(ga", "`"), ("\\(ha", "^"), ("\\(ti", "~"),
                        ("\\-", "-"), ("\\&", ""), ("\\e", "\\")):  # fmt: skip
        text = text.replace(roff, plain)
    return text.upper().split()


def words_of_help(name):
    arguments = name.removesuffix(".1").split("-")[1:]
    shown = CliRunner().invoke(command, [*arguments, "--help"], prog_name="deltaloop")
    assert shown.exit_code == 0, shown.output
    text = shown.output.partition("Usage: ")[2]
    return re.sub(r"^(\S.*):$", r"\1", text, flags=re.MULTILINE).upper().split()


def test_every_command_has_a_page():
    assert set(PAGES) == {"deltaloop.1", *(f"deltaloop-{name}.1" for name in command.commands)}


@pytest.mark.parametrize("name", PAGES)
def test_page_says_what_the_help_says(name):
    assert words_of_page(PAGES[name]) == words_of_help(name)


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
@pytest.mark.parametrize("name", PAGES)
def test_groff_finds_no_fault(name):
    shown = subprocess.run(
        ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-rLL=200n"],
        input=PAGES[name], capture_output=True, text=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    if "preconv" in shown.stderr:
        pytest.skip("groff without its preprocessors")
    assert shown.stderr == ""
    assert "SYNOPSIS" in re.sub(r"\x1b\[\d*m|.\x08", "", shown.stdout)
