"""What is kept of the JSON of pytest-benchmark: what the report needs, nothing about the host."""

import platform

import numpy as np

import deltaloop as dl
from deltaloop import kernels
from deltaloop.benchmarking import machine

CASE = ("group", "name", "params", "extra_info")
STATS = ("min", "median", "rounds")


def trim(output):
    """Leave the version, the day, the machine and the figures, in place."""
    cases = [
        {key: case[key] for key in CASE} | {"stats": {key: case["stats"][key] for key in STATS}}
        for case in output["benchmarks"]
    ]
    day = output["datetime"][:10]
    output.clear()
    output.update(version=dl.__version__, date=day, machine=this_machine(), benchmarks=cases)


def this_machine():
    """The processor and the software, in the words of `deltaloop.benchmarking`."""
    return {
        "processor": machine.processor_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"Python {platform.python_version()}, NumPy {np.__version__}",
        "instruction_set": kernels.load("cython").describe(),
    }
