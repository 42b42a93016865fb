"""Which tests a mutant of a file meets, the quick ones first."""

from pathlib import Path

_KERNELS = [
    f"tests/kernels/test_{name}.py"
    for name in (
        "worked_example", "paths", "gradient", "adam", "environment", "products", "threads_run",
        "laws", "backward", "weights", "sparse_rows", "numerics", "interface",
    )
]  # fmt: skip
_DOORS = [
    f"tests/test_{name}.py"
    for name in (
        "handle", "embedding", "embedding_arguments", "embedding_optimizer", "embedding_sessions",
        "flat_gradient", "prediction", "embedding_threads",
    )
]  # fmt: skip
_SLOW = ["tests/kernels/test_agreement.py", "tests/kernels/test_threads.py"]
# files of least squares, of which nothing else is made, and what their mutants meet
_SQUARES = (
    "least_squares.pxi", "normal_equations.pxi", "turned.pxi", "cholesky.pxi", "jacobian.pxi",
)  # fmt: skip
_OF_SQUARES = [
    "tests/kernels/test_least_squares.py", "tests/test_jacobian.py",
    "tests/training/test_whole_batch.py",
]  # fmt: skip
# what a mutant of these files meets first
_OWN = {
    "dropout.pxi": ["tests/kernels/test_dropout.py"],
    "parameters.pxi": [
        "tests/kernels/test_regularization.py", "tests/test_frozen_and_masked.py",
        "tests/test_apply_gradient.py",
    ],
}  # fmt: skip
_PYTHON = [
    "tests/kernels/test_reference.py", "tests/kernels/test_functions.py", *_KERNELS, *_DOORS,
    "tests/parts/test_activations.py", "tests/parts/test_optimizers.py",
    "tests/kernels/test_turns.py", "tests/training/test_threads.py",
]  # fmt: skip
# and mutants of these modules of src/deltaloop
_FILES = [
    f"tests/interop/test_{name}.py"
    for name in ("archive", "damaged_files", "whole_file", "formats", "safetensors")
] + ["tests/compatibility", "tests/trust"]  # fmt: skip
_OF_MODULES = {
    "archive.py": [*_FILES, "tests/training/test_resume.py"],
    "safetensors.py": ["tests/interop/test_safetensors.py", *_FILES],
    "whole_file.py": ["tests/interop/test_whole_file.py", *_FILES],
    "checkpoints.py": ["tests/training/test_checkpoints.py", "tests/training/test_resume.py"],
}
_TESTS = Path(__file__).resolve().parents[1]
_PACKAGE = _TESTS.parent / "src" / "deltaloop"
# a build of one instruction set is all there is
_ONE_LEVEL = "not level_of"


def stages(path: Path, quick: bool = False) -> list[list[str]]:
    """`of` in two parts: the first two files, and the others."""
    selection = of(path, quick)
    kept, files = selection[:2], selection[2:]
    return [[*kept, *part] for part in (files[:2], files[2:]) if part]


def _mirrored(path: Path) -> list[str]:
    """Tests of the folder of tests/ that mirrors that of a module, those with its name first."""
    folder = _TESTS / path.parent
    files = sorted(folder.glob("test_*.py"), key=lambda file: path.stem not in file.stem)
    return [str(file.relative_to(_TESTS.parent)) for file in files]


def of(path: Path, quick: bool = False) -> list[str]:
    """Arguments of pytest for a mutant of that file."""
    slow = [] if quick else _SLOW
    if path.suffix != ".py":
        own = _OWN.get(path.name, [])
        tests = [*own, *_KERNELS, *_DOORS, "tests/training/test_threads.py"]
        if path.name in _SQUARES:
            tests, slow = _OF_SQUARES, []
        kept = "not numba and not [reference and not reference]"  # the parameter, not a name
    elif path.name in _OF_MODULES:
        return ["-k", "not numba", *_OF_MODULES[path.name]]
    elif path.is_relative_to(_PACKAGE):
        return ["-k", "not numba", *_mirrored(path.relative_to(_PACKAGE))]
    elif path.name == "reference.py":
        tests, kept = _PYTHON, "not numba and not cython"
    elif path.parent.name == "numba":
        tests, kept = [*_KERNELS, *_DOORS, "tests/test_numba.py"], "numba"
    elif path.name == "functions.py":  # what is compiled of it already does not change
        tests = ["tests/kernels/test_functions.py", "tests/parts/test_activations.py",
                 "tests/kernels/test_numerics.py", "tests/interop/test_c_header.py"]  # fmt: skip
        kept = "not cython and not reference"
    elif path.name == "turns.py":
        tests, kept = ["tests/kernels/test_turns.py", *_DOORS], "not numba"
    elif quick:
        tests, kept = _PYTHON, "not numba"
    else:
        tests, kept = _PYTHON, "not nothing"  # the Numba backend too
    if quick and path.suffix != ".py":  # both element types are compiled from the same source
        kept += " and not float64"
    return ["-k", f"{_ONE_LEVEL} and {kept}", *tests, *slow]
