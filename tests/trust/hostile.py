"""Hostile files: whole ones of every format, changed at random, for every reader.

    python tests/trust/hostile.py [--seconds S] [--seed N] [--only READER ...]

guided.py beside this lets coverage choose. A reader ends with what it read or with an error of
deltaloop that names the file, within seconds and a bounded memory. All else is a finding, and kept
in a folder. Minimal cases of findings that were mended are in tests/attacks/, as
READER-what.ENDING, and the suite reads them all.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import deltaloop as dl
from deltaloop import formats
from deltaloop.errors import DeltaloopError, MissingDependencyError
from deltaloop.tables import readers

ATTACKS = Path(__file__).parents[1] / "attacks"
SECONDS, PATIENCE = 20, 300  # for one file: of a processor, and by the clock
MEMORY = 3 << 30  # bytes: readers refuse what unpacks to more than 2 GiB

# name: (ending, the door)
READERS: dict[str, tuple[str, Callable]] = {
    "load": (".npz", dl.load),
    "safetensors": (".safetensors", formats.read),
    "onnx": (".onnx", formats.read),
    "fann": (".net", formats.read),
    "csv": (".csv", readers.read),
    "json": (".jsonl", readers.read),
    "npy": (".npy", readers.read),
    "npz": (".npz", readers.read),
    "svmlight": (".svm", readers.read),
    "pairs": (".train", readers.read),
    "gzip": (".csv.gz", readers.read),
}
TEXTS = b"nan inf -inf 1e999 -1 0 99999999999 4294967296 18446744073709551615 [] {} null".split()


def seeds(name: str, folder: Path) -> list[bytes]:
    """Whole files of a format."""
    import gzip

    ending, _ = READERS[name]
    path = folder / f"seed{ending}"
    generator = np.random.default_rng(0)
    X = np.round(generator.normal(size=(6, 3)), 2)
    if name in ("load", "safetensors", "onnx", "fann"):
        found = []
        for sizes, more in (([2, 3, 1], {}), ([3, 2, 2, 2], {"activation": "relu"})):
            net = dl.Network(sizes, seed=1, **more)
            if name == "fann":
                net = dl.Network(sizes, activation="tanh", seed=1)
            formats.write(net, path)
            found.append(path.read_bytes())
        return found
    rows = "\n".join(",".join(map(str, row)) for row in X)
    texts = {
        "csv": [f"a,b,c\n{rows}\n", 'n,"k"\n1,"x, y"\n2,z\n', "d;e\n2024-01-02;1,5\n"],
        "json": ['{"a": 1, "b": "x"}\n{"a": 2, "b": null}\n', '[{"a": 1.5}, {"a": 2}]'],
        "svmlight": ["1 1:0.5 3:2\n-1 2:1 # no\n"],
        "pairs": ["2 3 1\n0 1 0\n1\n1 1 1\n0\n"],
    }
    if name == "gzip":
        return [gzip.compress(texts["csv"][0].encode())]
    if name == "npy":
        np.save(path, X)
        whole = path.read_bytes()
        np.save(path, np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")]))
        return [whole, path.read_bytes()]
    if name == "npz":
        np.savez(path, X=X, y=X[:, 0])
        return [path.read_bytes()]
    return [text.encode() for text in texts[name]]


def changed(data: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """A few changes: bits, numbers, pieces cut, doubled, moved, put in from another file."""
    data = bytearray(data)
    for _ in range(1 + int(draw.expovariate(0.7))):
        at = draw.randrange(len(data) + 1)
        kind = draw.randrange(9)
        span = min(len(data) - at, 1 << draw.randrange(8))
        if kind == 0 and at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = draw.choice((0, 1, 127, 128, 255, 10, 34, 44, draw.randrange(256)))
        elif kind == 2:
            del data[at : at + span]
        elif kind == 3:
            data[at:at] = data[at : at + span] * draw.randrange(1, 4)
        elif kind == 4:
            number = draw.choice((0, 1, 255, 1 << 15, (1 << 31) - 1, 1 << 31, (1 << 64) - 1))
            size = draw.choice((1, 2, 4, 8))
            data[at : at + size] = (number & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        elif kind == 5:
            data[at : at + draw.randrange(4)] = draw.choice(TEXTS)
        elif kind == 6:
            other = draw.choice(others)
            start = draw.randrange(len(other))
            data[at : at + span] = other[start : start + draw.randrange(1, 40)]
        elif kind == 7:
            digits = [k for k, byte in enumerate(data) if 48 <= byte <= 57]
            if digits:
                k = draw.choice(digits)
                data[k : k + 1] = draw.choice((b"9", b"-1", b"00", b"1e9", b"99999999"))
        else:
            del data[at:]
    return with_sums(bytes(data)) if data[:2] == b"PK" and draw.random() < 0.8 else bytes(data)


def with_sums(data: bytes) -> bytes:
    """An archive whose sums are those of its changed entries: they hide what lies behind them."""
    import io
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except Exception:
        return data
    data = bytearray(data)
    end = data.rfind(b"PK\5\6")
    at = int.from_bytes(data[end + 16 : end + 20], "little")
    for entry in entries:
        if entry.compress_type != 0 or data[at : at + 4] != b"PK\1\2":
            return bytes(data)
        local = entry.header_offset
        name, extra = (int.from_bytes(data[local + k : local + k + 2], "little") for k in (26, 28))
        start = local + 30 + name + extra
        total = zlib.crc32(data[start : start + entry.file_size]).to_bytes(4, "little")
        data[local + 14 : local + 18] = data[at + 16 : at + 20] = total
        at += 46 + sum(int.from_bytes(data[at + k : at + k + 2], "little") for k in (28, 30, 32))
    return bytes(data)


class TooLong(BaseException):
    """Seconds have gone by."""


def _ring(*_):
    raise TooLong(f"it takes more than {SECONDS} s of a processor, or {PATIENCE} s")


def read(name: str, path: Path, **options) -> str:
    """Read a file, and ask the network that it holds; '' or what is wrong."""
    _, door = READERS[name]
    signal.signal(signal.SIGPROF, _ring)
    signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = door(path, **options)
            if isinstance(found, dl.Network) and found.sizes[0] < 1000:
                found.predict(np.ones((1, found.sizes[0])))
    except DeltaloopError as error:
        return "" if path.name in str(error) else f"the error does not name the file: {error}"
    except (TooLong, Exception) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return ""


def limit_memory():
    """More than MEMORY is a MemoryError, and so a finding."""
    import resource

    with open("/proc/self/statm") as file:
        there = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (there + MEMORY, resource.RLIM_INFINITY))


def run(names, seconds, seed, keep: Path | None = None):
    """{reader: inputs} and findings, (reader, number, text); as many as there is time for."""
    counts, findings, seen = dict.fromkeys(names, 0), [], set()
    where = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=where) as folder:
        folder = Path(folder)
        for name in names:
            try:
                whole = corpus(name, folder)
            except MissingDependencyError:
                continue
            ending = READERS[name][0]
            path, number = folder / f"case{ending}", 0
            end = time.monotonic() + seconds / len(names)
            while time.monotonic() < end:
                draw = random.Random(f"{seed} {name} {number}")
                path.write_bytes(changed(draw.choice(whole), whole, draw))
                wrong = read(name, path)
                kind = (name, wrong[:40])
                if wrong and kind not in seen:
                    seen.add(kind)
                    findings.append((name, number, wrong))
                    if keep:
                        keep.mkdir(parents=True, exist_ok=True)
                        (keep / f"{name}-{number}{ending}").write_bytes(path.read_bytes())
                number += 1
            counts[name] = number
    return counts, findings


def corpus(name: str, folder: Path) -> list[bytes]:
    """Whole files of a format, and those that were too much for it once."""
    attacks = [path.read_bytes() for path in sorted(ATTACKS.glob(f"{name}-*"))]
    return seeds(name, folder) + attacks


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=READERS, default=list(READERS))
    parser.add_argument("--keep", type=Path, default=Path("findings"))
    options = parser.parse_args()
    limit_memory()
    counts, findings = run(options.only, options.seconds, options.seed, options.keep)
    print(", ".join(f"{name} {n}" for name, n in counts.items()))
    for finding in findings:
        print("FINDING", *finding)
    sys.exit(len(findings) > 0)
