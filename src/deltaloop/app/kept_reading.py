"""How a table was read in training, kept with the network for the tables that it predicts."""

import os
from dataclasses import replace
from typing import Any

from ..errors import FileFormatError
from ..tables import Table
from ..tables.readers import is_text
from .columns import named_columns
from .problems import Reading

KEY = "reading"  # in the metadata
_COLUMNS = ("text", "numbers")
_FLAGS = {"text": "--text", "numbers": "--numbers", "missing": "--missing", "decimal": "--decimal"}


def kept_options(reading: Reading, table: Table, inputs: tuple[str, ...]) -> dict[str, Any]:
    """The options that change what cells mean; of columns, those that are inputs."""
    found: dict[str, Any] = {}
    for option in _COLUMNS:
        names = named_columns(table, getattr(reading, option))
        found[option] = [name for name in names if name in inputs]
    found["missing"] = list(reading.missing)
    found["decimal"] = [reading.decimal] if reading.decimal else []
    return {option: values for option, values in found.items() if values}


def as_in_training(
    reading: Reading, metadata: dict[str, Any] | None, data: str | None
) -> tuple[Reading, tuple[str, ...]]:
    """The options with those of training where none is given, and a note that says so.

    Raises
    ------
    FileFormatError
        What the file of the network keeps of them makes no sense.
    """
    kept = (metadata or {}).get(KEY, {})
    if not kept or reading.query is not None or data is None or not os.path.isfile(data):
        return reading, ()
    if not is_text(data):
        return reading, ()
    if not _makes_sense(kept):
        raise FileFormatError(
            f"what the network keeps of reading tables makes no sense: {str(kept)[:100]}; train it "
            "again"
        )
    taken = {option: values for option, values in kept.items() if not getattr(reading, option)}
    if not taken:
        return reading, ()
    told = " ".join(f"{_FLAGS[option]} {one}" for option in taken for one in taken[option])
    changed: dict[str, Any] = {option: tuple(values) for option, values in taken.items()}
    if "decimal" in changed:
        changed["decimal"] = changed["decimal"][0]
    return replace(reading, **changed), (f"read as in training: {told}",)


def _makes_sense(kept):
    return (
        isinstance(kept, dict)
        and kept.keys() <= _FLAGS.keys()
        and all(isinstance(values, list) and values for values in kept.values())
        and all(isinstance(one, str) for values in kept.values() for one in values)
    )
