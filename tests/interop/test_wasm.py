"""Headers compiled to WebAssembly give the bits of native code, in Node and in a browser."""

import importlib.util
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import deltaloop as dl

pytest.importorskip("ziglang")

FOLDER = Path(__file__).parents[2] / "docs" / "browser"
N_STEPS = 200

# each network learns some samples; out receives the losses, then the outputs for the last sample
PROGRAM = r"""
#include "samples.h"
NETWORKS
static double out[N_NETWORKS * (N_STEPS + MOST_OUT)];
static void run(void)
{
    double *at = out;
RUNS
}
#ifdef __wasm__
__attribute__((export_name("run"))) double *run_(void) { run(); return out; }
#else
#include <stdio.h>
int main(void)
{
    run();
    return fwrite(out, sizeof out, 1, stdout) != 1;
}
#endif
"""
RUN = r"""
    for (int t = 0; t < N_STEPS; t++) {
        REAL x[NAME_N_IN], target[NAME_N_OUT] = {0};
        for (int k = 0; k < NAME_N_IN; k++) x[k] = samples[t][k] / (REAL)16;
        target[labels[t] % NAME_N_OUT] = 1;
        *at++ = NAMElower_learn_one(x, target, (REAL)0.05);
        if (t == N_STEPS - 1) {
            REAL y[NAME_N_OUT];
            NAMElower_predict(x, y);
            for (int j = 0; j < NAME_N_OUT; j++) at[j] = y[j];
        }
    }
    at += MOST_OUT;
"""
IN_NODE = """
const bytes = require("fs").readFileSync(process.argv[1]);
const module = new WebAssembly.Module(bytes);
if (WebAssembly.Module.imports(module).length) throw Error("it imports something");
const wasm = new WebAssembly.Instance(module, {}).exports;
const at = wasm.run();
const n = Number(process.argv[2]);
process.stdout.write(Buffer.from(wasm.memory.buffer, at, n));
"""


@pytest.fixture(scope="module")
def write():
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("write_page", FOLDER / "write.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def networks():
    """Several activations, losses and dtypes."""
    yield dl.Network([64, 30, 10], activation="tanh", loss="cross_entropy", seed=0)
    yield dl.Network([64, 12, 10], activation="gelu", loss="binary_cross_entropy", seed=1)
    yield dl.Network([64, 9, 4], activation="elu", loss="huber", dtype="float64", seed=2)
    scaled = dl.Network([64, 9, 4], activation="softplus", dtype="float64", seed=3)
    scaled.scaling = dl.Scaling(np.full(64, 0.3), np.full(64, 0.4), np.full(4, 2), np.full(4, 3))
    yield scaled


def program(folder, nets, data):
    """A C program that runs all of them."""
    runs, includes = [], []
    for k, net in enumerate(nets):
        name = f"net{k}"
        net.to_c(folder / f"{name}.h", learn=True)
        includes.append(f'#include "{name}.h"')
        real = "float" if net.dtype == np.float32 else "double"
        code = RUN.replace("NAMElower", name).replace("NAME", name.upper()).replace("REAL", real)
        runs.append(code)
    X, y = data.X_train[:N_STEPS].astype(int), data.y_train[:N_STEPS]
    rows = ",\n".join("{" + ",".join(map(str, x)) + "}" for x in X.tolist())
    (folder / "samples.h").write_text(
        f"#define N_STEPS {N_STEPS}\n#define N_NETWORKS {len(nets)}\n#define MOST_OUT 10\n"
        f"static const int samples[N_STEPS][64] = {{{rows}}};\n"
        f"static const int labels[N_STEPS] = {{{','.join(map(str, y))}}};\n"
    )
    text = PROGRAM.replace("NETWORKS", "\n".join(includes), 1).replace("RUNS", "".join(runs))
    source = folder / "main.c"
    source.write_text(text)
    return source


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_bits_are_those_of_native_code_and_figures_those_of_python(write, tmp_path):
    data, nets = dl.datasets.load("digits"), list(networks())
    source = program(tmp_path, nets, data)
    write.compiled(source, tmp_path / "main.wasm", *write.WASM)
    # with the same library of C: others round exp otherwise
    write.compiled(
        source, tmp_path / "main", f"--target={platform.machine()}-linux-musl", "-static"
    )
    native = subprocess.run([tmp_path / "main"], capture_output=True, check=True).stdout
    found = subprocess.run(
        ["node", "-e", IN_NODE, tmp_path / "main.wasm", str(len(native))],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert found == native
    values = np.frombuffer(native).reshape(len(nets), N_STEPS + 10)
    for net, row in zip(nets, values, strict=True):
        net.optimizer = dl.SGD(0.05)
        n_out = net.sizes[-1]
        X, Y = data.X_train[:N_STEPS] / 16, np.eye(n_out)[data.y_train[:N_STEPS] % n_out]
        losses = [net.learn_one(x, y) for x, y in zip(X, Y, strict=True)]
        close = 1e-4 if net.dtype == np.float32 else 1e-9
        np.testing.assert_allclose(row[:N_STEPS], losses, rtol=close, atol=close)
        y = net.predict(X[-1:])[0]
        np.testing.assert_allclose(row[N_STEPS : N_STEPS + n_out], y, rtol=close, atol=close)


def test_page_learns_digits_in_a_browser(write, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    path = tmp_path / "digits.html"
    done = subprocess.run([sys.executable, FOLDER / "write.py", path], check=False)
    assert done.returncode == 0
    assert "http" not in path.read_text("utf-8")
    with playwright.sync_playwright() as started:
        executable = shutil.which("chromium") or shutil.which("chromium-browser")
        try:
            browser = started.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        except playwright.Error:
            pytest.skip("no Chromium")
        page = browser.new_page()
        errors, asked = [], []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_function("document.body.dataset.accuracy > 0.93", timeout=60_000)
        told = page.inner_text("#told")
        n_right = page.locator("#digits .right").count()
        page.click("#go")
        before = page.evaluate("document.body.dataset.learned")
        page.wait_for_timeout(200)
        assert page.evaluate("document.body.dataset.learned") == before
        browser.close()
    assert errors == []
    assert asked == [path.as_uri()]
    assert "samples learned" in told and "test accuracy" in told
    assert n_right > 24
    assert json.loads(before) >= 300
