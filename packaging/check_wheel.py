"""Look into wheels: names, tags, checksums, contents, and what their compiled modules need.

    python packaging/check_wheel.py WHEEL ...

The tests of tests/test_wheel.py look at what is installed; this at what is published, for any
platform, and without importing it. Needs the standard library alone.
"""

import base64
import csv
import hashlib
import json
import re
import struct
import sys
import zipfile
from email.parser import Parser
from io import StringIO
from pathlib import Path

NAME = re.compile(
    r"deltaloop-(?P<version>[^-]+)-(?P<python>cp3\d+)-(?P<abi>cp3\d+t?)-(?P<platform>[^-]+)\.whl"
)
COMPILED = re.compile(
    r"deltaloop/kernels/cython/(cpu|(core|many|reproducible)_v\d_f(32|64))\.[^/]+\.(so|pyd)"
)
JUNK = re.compile(r"\.(pyx|pxi|c|o|a|orig|sh|pyc)$|(^|/)(tests?|benchmarks?|packaging)/|CMake")
# what every Linux with a glibc has (PEP 600); nothing else may be needed
LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2",
             "ld-linux-aarch64.so.1", "libc.musl-x86_64.so.1", "libc.so"}  # fmt: skip
MACHINES = {"x86_64": 62, "aarch64": 183}  # e_machine of ELF
VERSION_NEEDED, NEEDED, STRINGS = 0x6FFFFFFE, 1, 5  # DT_VERNEED, DT_NEEDED, DT_STRTAB


def faults(path: Path) -> list[str]:
    """What is wrong with a wheel; nothing, if all is well."""
    named = NAME.fullmatch(path.name)
    if named is None:
        return [f"{path.name}: no name of a wheel of deltaloop with compiled modules"]
    with zipfile.ZipFile(path) as wheel:
        found = [*_of_contents(wheel), *_of_metadata(wheel, named), *_of_checksums(wheel)]
        for name in wheel.namelist():
            if name.endswith(".so") and wheel.read(name)[:4] == b"\x7fELF":
                found += [f"{name}: {fault}" for fault in _of_elf(wheel.read(name), named)]
    return found


def _files(wheel):
    """Names of the files; some tools pack the folders, too."""
    return [name for name in wheel.namelist() if not name.endswith("/")]


def _of_contents(wheel):
    names = _files(wheel)
    found = [f"{name} does not belong into a wheel" for name in names if JUNK.search(name)]
    compiled = [name for name in names if name.endswith((".so", ".pyd", ".dll", ".dylib"))]
    found += [f"{name}: no module of ours" for name in compiled if not COMPILED.fullmatch(name)]
    stems = {name.rsplit("/", 1)[1].partition(".")[0] for name in compiled}
    levels = {stem[-5] for stem in stems if "_v" in stem}
    wanted = {"cpu", *(f"{part}_v{n}_f{size}" for part in ("core", "many", "reproducible")
                       for n in levels if part != "reproducible" or n not in "12"
                       for size in (32, 64))}  # fmt: skip
    found += [f"the module {stem} is missing" for stem in sorted(wanted - stems)]
    if not levels:
        found.append("there are no kernels")
    for needed in ("deltaloop/__init__.py", "deltaloop/py.typed", "deltaloop/data/SOURCES.md",
                   "deltaloop/include/deltaloop.h", "deltaloop/embedding.pxd",
                   "_deltaloop_command/__init__.py"):  # fmt: skip
        if needed not in names:
            found.append(f"{needed} is missing")
    return found


def _of_metadata(wheel, named):
    folder = f"deltaloop-{named['version']}.dist-info"
    found, names = [], _files(wheel)
    if any(name.split("/")[0] not in ("deltaloop", "_deltaloop_command", folder) for name in names):
        found.append("there are files outside of the package and its metadata")
    tags = Parser().parsestr(wheel.read(f"{folder}/WHEEL").decode()).get_all("Tag")
    expected = {f"{named['python']}-{named['abi']}-{p}" for p in named["platform"].split(".")}
    if set(tags) != expected:
        found.append(f"WHEEL has the tags {tags}, the name {sorted(expected)}")
    meta = Parser().parsestr(wheel.read(f"{folder}/METADATA").decode())
    if (meta["Name"], meta["Version"]) != ("deltaloop", named["version"]):
        found.append(f"METADATA is that of {meta['Name']} {meta['Version']}")
    for licence in meta.get_all("License-File", []):
        if f"{folder}/licenses/{licence}" not in names:
            found.append(f"the licence {licence} is missing")
    bill = f"{folder}/sboms/deltaloop.cdx.json"
    if bill not in names:
        return [*found, "the software bill of materials is missing"]
    content = json.loads(wheel.read(bill))
    described = content["metadata"]["component"]
    if (content["bomFormat"], described["version"]) != ("CycloneDX", named["version"]):
        found.append(f"{bill} is that of version {described['version']}")
    refs = {described["bom-ref"], *(part["bom-ref"] for part in content["components"])}
    if refs != {row["ref"] for row in content["dependencies"]}:
        found.append(f"{bill} names other parts than it has")
    return found


def _of_checksums(wheel):
    folder = next(n for n in wheel.namelist() if n.endswith(".dist-info/RECORD"))
    found, listed = [], set()
    for name, digest, size in csv.reader(StringIO(wheel.read(folder).decode())):
        listed.add(name)
        if name == folder:
            continue
        content = wheel.read(name)
        own = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        if digest != f"sha256={own}" or int(size) != len(content):
            found.append(f"{name} is not what RECORD says")
    found += [f"{name} is not in RECORD" for name in set(_files(wheel)) - listed]
    return found


def _of_elf(content, named):
    """Machine, libraries and symbol versions of a shared object; see elf(5)."""
    found, platform = [], named["platform"]
    machine = next(code for name, code in MACHINES.items() if platform.endswith(name))
    if content[4:6] != b"\x02\x01" or struct.unpack_from("<H", content, 18)[0] != machine:
        return [f"is not for {platform}"]
    libraries, versions = elf_needs(content)
    if libraries - LIBRARIES:
        found.append(f"needs {sorted(libraries - LIBRARIES)}")
    allowed = re.match(r"manylinux_(\d+)_(\d+)", platform.split(".")[0]) or re.match(
        r"manylinux_(\d+)_(\d+)", platform.split(".")[-1]
    )
    if allowed:
        most = tuple(map(int, allowed.groups()))
        newer = {v for v in versions if _glibc(v) > most}
        if newer:
            found.append(f"needs {sorted(newer)}, newer than {platform}")
    if "musllinux" in platform and "libc.so.6" in libraries:
        found.append("needs glibc")
    return found


def _glibc(version):
    numbers = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(\.\d+)?", version)
    return tuple(map(int, numbers.groups()[:2])) if numbers else (99, 0)


def elf_needs(content: bytes) -> tuple[set[str], set[str]]:
    """Libraries (DT_NEEDED) and versions of symbols (DT_VERNEED) of a 64-bit shared object."""
    (at,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    loaded, dynamic = [], []
    for k in range(count):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", content, at + k * size)
        if kind == 1:
            loaded.append((address, offset, length))
        if kind == 2:
            dynamic = [struct.unpack_from("<qQ", content, offset + 16 * j)
                       for j in range(length // 16)]  # fmt: skip

    def place(address):
        return next(o + address - a for a, o, n in loaded if a <= address < a + n)

    def text(offset):
        start = place(dict(dynamic)[STRINGS]) + offset
        return content[start : content.index(b"\0", start)].decode()

    libraries = {text(value) for tag, value in dynamic if tag == NEEDED}
    versions = set()
    entry = place(dict(dynamic)[VERSION_NEEDED]) if VERSION_NEEDED in dict(dynamic) else None
    while entry is not None:
        _, n, _, first, step = struct.unpack_from("<HHIII", content, entry)
        one = entry + first
        for _ in range(n):
            _, _, _, name, next_one = struct.unpack_from("<IHHII", content, one)
            versions.add(text(name))
            one += next_one
        entry = entry + step if step else None
    return libraries, versions


def main() -> None:
    """Print the faults of every wheel that was named; status 1, if there are any."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    total = 0
    for path in map(Path, sys.argv[1:]):
        found = faults(path)
        print(f"{path.name}: {'no faults' if not found else ''}", *found, sep="\n    ")
        total += len(found)
    sys.exit(total > 0)


if __name__ == "__main__":
    main()
