"""What the ending of a name says that a file holds."""

from pathlib import Path

from ..errors import InvalidInputError
from ..interop.formats import FORMATS

CSV, NETWORK, C_HEADER, JSON, PAGE, PICTURE = (
    "CSV", "a network", "a C header", "JSON", "an HTML page", "a picture",
)  # fmt: skip

# The first ending of each is the one that is recommended. Endings that are not here, such as .txt
# and .dat, say nothing.
_FORMATS = {
    CSV: (".csv", ".tsv", ".tab", ".psv"),
    NETWORK: FORMATS["npz"].suffixes,
    C_HEADER: (*FORMATS["c"].suffixes, ".hh", ".hpp", ".inc", ".c"),
    JSON: (".json",),
    PAGE: (".html", ".htm"),
    **{
        row.title: row.suffixes
        for row in FORMATS.values()
        if row.name not in ("npz", "c")
    },
    "gzip": (".gz", ".tgz"),
    "Zstandard": (".zst",),
    "bzip2": (".bz2",),
    "xz": (".xz",),
    "ZIP": (".zip",),
    "7z": (".7z",),
    "tar": (".tar",),
    "Parquet": (".parquet", ".pq"),
    "JSON lines": (".jsonl", ".ndjson"),
    "NumPy's array": (".npy",),
    "svmlight": (".svm", ".libsvm", ".svmlight"),
    "FANN's samples": (".train",),
    "a spreadsheet": (".xlsx", ".xls", ".xlsm", ".ods"),
    "Arrow": (".arrow", ".feather", ".ipc"),
    "ORC": (".orc",),
    "Avro": (".avro",),
    "HDF5": (".h5", ".hdf5"),
    "Keras": (".keras",),
    "MATLAB": (".mat",),
    "a pickle": (".pkl", ".pickle", ".joblib"),
    "a database": (".db", ".sqlite", ".duckdb"),
    PICTURE: (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".gif"),
    "XML": (".xml",),
    "YAML": (".yaml", ".yml"),
    "Python": (".py",),
}  # fmt: skip
_MEANING = {ending: name for name, endings in _FORMATS.items() for ending in endings}


def check_ending(option: str, path: str, written: str) -> None:
    """Refuse a name that promises another format than the one that is written.

    Raises
    ------
    InvalidInputError
        Its ending is that of another format.
    """
    ending = Path(path).suffix.lower()
    meaning = _MEANING.get(ending, written)
    if meaning != written:
        raise InvalidInputError(
            f"{option} {path!r} ends in {ending} ({meaning}), but what is written is {written}; "
            f"give a name that ends in {_FORMATS[written][0]}"
        )
