"""The look into wheels finds what is wrong with one, and nothing where all is well."""

import base64
import hashlib
import json
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deltaloop.kernels.cython import cpu

SCRIPT = Path(__file__).parents[2] / "packaging" / "check_wheel.py"
CHECK = runpy.run_path(str(SCRIPT))
NAME = "deltaloop-1.2.3-cp311-cp311-manylinux_2_39_x86_64.whl"
INFO = "deltaloop-1.2.3.dist-info"
PARTS = ("core", "many", "reproducible")
MODULES = ["cpu", *(f"{part}_v3_f{size}" for part in PARTS for size in (32, 64))]
needs_elf = pytest.mark.skipif(
    not (sys.platform == "linux" and Path(cpu.__file__).read_bytes()[18] == 62),
    reason="the modules of this build are not ELF for x86-64",
)


def contents():
    """A small wheel by its files; the modules are those of this installation, all the same."""
    bill = {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"bom-ref": "deltaloop", "version": "1.2.3"}},
        "components": [{"bom-ref": "data"}],
        "dependencies": [{"ref": "deltaloop"}, {"ref": "data"}],
    }
    files = dict.fromkeys(
        ["deltaloop/__init__.py", "deltaloop/py.typed", "deltaloop/data/SOURCES.md",
         "deltaloop/include/deltaloop.h", "deltaloop/embedding.pxd",
         "_deltaloop_command/__init__.py", f"{INFO}/licenses/LICENSE"],
        b"",
    )  # fmt: skip
    module = Path(cpu.__file__).read_bytes()
    files |= {f"deltaloop/kernels/cython/{m}.cpython-311.so": module for m in MODULES}
    files[f"{INFO}/WHEEL"] = b"Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_39_x86_64\n"
    files[f"{INFO}/METADATA"] = b"Name: deltaloop\nVersion: 1.2.3\nLicense-File: LICENSE\n"
    files[f"{INFO}/sboms/deltaloop.cdx.json"] = json.dumps(bill).encode()
    return files


def written(folder, files, name=NAME, record=None):
    rows = [f"{n},sha256={digest(c)},{len(c)}" for n, c in files.items()]
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        wheel.writestr(f"{INFO}/RECORD", record or "\n".join([*rows, f"{INFO}/RECORD,,"]))
    return folder / name


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@needs_elf
def test_a_good_wheel_has_no_faults(tmp_path):
    path = written(tmp_path, contents())
    assert CHECK["faults"](path) == []
    shown = subprocess.run([sys.executable, SCRIPT, path], capture_output=True, text=True)
    assert (shown.returncode, shown.stdout.strip()) == (0, f"{NAME}: no faults")


@needs_elf
@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"deltaloop/kernels/cython/core.pyx": b""}, "core.pyx does not belong"),
        ({"tests/test_all.py": b""}, "outside of the package"),
        ({"deltaloop/kernels/cython/other.so": b""}, "other.so: no module of ours"),
        ({"deltaloop/kernels/cython/core_v3_f64.cpython-311.so": None}, "core_v3_f64 is missing"),
        (
            {"deltaloop/kernels/cython/reproducible_v3_f32.cpython-311.so": None},
            "reproducible_v3_f32 is missing",
        ),
        ({"deltaloop/py.typed": None}, "py.typed is missing"),
        ({f"{INFO}/licenses/LICENSE": None}, "licence LICENSE is missing"),
        ({f"{INFO}/sboms/deltaloop.cdx.json": None}, "bill of materials is missing"),
        ({f"{INFO}/WHEEL": b"Tag: cp312-cp312-linux_x86_64\n"}, "WHEEL has the tags"),
        ({f"{INFO}/METADATA": b"Name: deltaloop\nVersion: 1.2.4\n"}, "deltaloop 1.2.4"),
    ],
)
def test_every_fault_is_found(tmp_path, changed, fault):
    files = {n: c for n, c in (contents() | changed).items() if c is not None}
    (found,) = [line for line in CHECK["faults"](written(tmp_path, files)) if fault in line]
    assert found


def test_checksums_are_compared(tmp_path):
    record = f"deltaloop/__init__.py,sha256={digest(b'else')},4\n{INFO}/RECORD,,"
    found = CHECK["faults"](written(tmp_path, contents(), record=record))
    assert "deltaloop/__init__.py is not what RECORD says" in found
    assert "deltaloop/py.typed is not in RECORD" in found


@pytest.mark.parametrize(
    "name", ["deltaloop-1.2.3-py3-none-any.whl", "other-1-cp311-cp311-any.whl"]
)
def test_a_wrong_name_is_found(tmp_path, name):
    (found,) = CHECK["faults"](written(tmp_path, contents(), name))
    assert "no name of a wheel of deltaloop" in found


@needs_elf
@pytest.mark.parametrize(
    ("platform", "fault"),
    [("manylinux_2_1_x86_64", "newer than manylinux_2_1"), ("musllinux_1_2_x86_64", "needs glibc"),
     ("manylinux_2_28_aarch64", "is not for manylinux_2_28_aarch64")],
)  # fmt: skip
def test_a_module_that_needs_more_than_the_tag_says_is_found(tmp_path, platform, fault):
    path = written(tmp_path, contents(), NAME.replace("manylinux_2_39_x86_64", platform))
    assert any(fault in line for line in CHECK["faults"](path))


@needs_elf
@pytest.mark.skipif(shutil.which("objdump") is None, reason="needs objdump")
def test_needs_are_those_that_objdump_finds():
    libraries, versions = CHECK["elf_needs"](Path(cpu.__file__).read_bytes())
    shown = subprocess.run(["objdump", "-p", cpu.__file__], capture_output=True, text=True).stdout
    lines = [line.split() for line in shown.splitlines()]
    assert libraries == {words[1] for words in lines if words[:1] == ["NEEDED"]}
    _, _, references = shown.partition("Version References:")
    assert versions == {line.split()[-1] for line in references.splitlines() if "0x" in line}
