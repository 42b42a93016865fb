"""Write digits.html: a page that learns handwritten digits in the browser, with everything inside.

python docs/browser/write.py [digits.html]

It needs the package ziglang (pip install ziglang), whose C compiler knows WebAssembly.
"""

import base64
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import deltaloop as dl
from deltaloop.interop.whole_file import whole_file

HERE = Path(__file__).parent
# strict: no products and sums in one rounding, so that every machine gives the same bits
FLAGS = ["-O2", "-ffp-contract=off"]
WASM = ["--target=wasm32-wasi", "-mexec-model=reactor", "-Wl,--no-entry"]


def compiled(source: Path, target: Path, *flags: str) -> bytes:
    """What the compiler makes of a C file."""
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *flags, source, "-o", target]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{source.name} was not compiled: {done.stderr[-2000:]}")
    return target.read_bytes()


def module() -> bytes:
    """The network, untrained, as a module of WebAssembly that imports nothing."""
    net = dl.Network([64, 30, 10], activation="tanh", loss="cross_entropy", seed=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        net.to_c(folder / "digits.h", learn=True)
        source = folder / "module.c"
        source.write_text((HERE / "module.c").read_text("utf-8"), "utf-8")
        return compiled(source, folder / "digits.wasm", *WASM)


def page() -> str:
    """The text of the page."""
    data = dl.datasets.load("digits")
    parts = {
        "MODULE": module(),
        "X_TRAIN": _bytes(data.X_train), "Y_TRAIN": _bytes(data.y_train),
        "X_TEST": _bytes(data.X_test), "Y_TEST": _bytes(data.y_test),
    }  # fmt: skip
    text = (HERE / "page.html").read_text("utf-8")
    for name, content in parts.items():
        text = text.replace(f'"{name}"', f'"{base64.b64encode(content).decode()}"')
    return text


def _bytes(array):
    return np.asarray(array).astype(np.uint8).tobytes()


if __name__ == "__main__":
    with whole_file(sys.argv[1] if len(sys.argv) > 1 else "digits.html", "w") as file:
        file.write(page())
