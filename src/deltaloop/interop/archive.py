"""Networks on disk: a NumPy archive with a format version, never pickled.

The archive holds `format` (a JSON text: magic, version, layers, loss, dtype and what travels
with the network) and the plain parameters `W1`, `b1`, `W2`, ... in the 1-based names of the
mathematics, free of padding: it can be read by numpy.load alone.
"""

import os
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np

from ..errors import FileFormatError, InvalidInputError, InvalidTypeError
from ..inputs.paths import is_special
from ..inputs.unpacking import archived_header, checked, memory_limit, too_large
from ..parts.custom import refuse_custom
from ..parts.optimizers import OPTIMIZERS, AnyOptimizer
from .whole_file import whole_file

MAGIC = "deltaloop network"
VERSION = 2  # of files with a state; those without are read by the first version, too
_NETWORK = "a saved network"
METADATA = "table"  # its name in the format, from when the command line alone had some
SCALING = ("x_mean", "x_scale", "y_mean", "y_scale")
RATES = ("rate_of_W", "rate_of_b")
_STATE = "state_"  # what the names of its arrays begin with

State = tuple[dict[str, Any], dict[str, np.ndarray]]  # what JSON holds, and arrays


class Contents(NamedTuple):
    """A network in plain types, which every format writes and gives back.

    Attributes
    ----------
    description : dict
        What JSON holds: layers, loss, dtype, and what travels with the network.
    arrays : dict of str to ndarray
        W1, b1, mask1, W2, ..., x_mean, x_scale, y_mean, y_scale, and those of a state.
    """

    description: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def text(self) -> str:
        """The description as JSON."""
        import json

        try:
            return json.dumps(self.description, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"metadata must hold plain lists, dicts, texts and numbers to be saved: {error}"
            ) from None


def contents(net, theta, state: State | None = None) -> Contents:
    """What a file of `net` with the parameters `theta` holds, and maybe a state.

    Raises
    ------
    InvalidInputError
        Parameters that are not finite, or code: functions and classes of the user.
    """
    refuse_custom(
        net,
        "a file of a network holds no code",
        "keep the parameters with numpy.save(path, net.theta), make the network anew in the same "
        "way, and assign net.theta = numpy.load(path)",
    )
    arrays = _arrays(net, theta)
    if state is not None:
        arrays |= {f"{_STATE}{name}": array for name, array in state[1].items()}
    if not np.isfinite(theta).all():
        raise InvalidInputError(
            "the network has parameters that are nan or infinite, so it could not be loaded again; "
            "train it anew with a lower learning_rate"
        )
    description = {
        "magic": MAGIC,
        "version": 1 if state is None else VERSION,
        **structure(net),
        "arrays": sorted(arrays),
        "classes": net.classes,
        METADATA: checked_metadata(net.metadata),
        "optimizer": described(net.optimizer),
    }
    if state is not None:
        description["state"] = state[0]
    return Contents(description, arrays)


def save(net, theta, path, state: State | None = None) -> None:
    """Write `net` with the parameters `theta`, and maybe a state; see `Network.save`."""
    found = contents(net, theta, state)
    text = found.text()
    with whole_file(path) as file:
        np.savez(file, format=np.array(text), **found.arrays)  # type: ignore[arg-type]


def structure(net) -> dict[str, Any]:
    """What must be the same for parameters to mean the same."""
    return {
        "n_in": net.sizes[0],
        "layers": [
            {
                "n_out": layer.n_out,
                "activation": layer.activation.name,
                "alpha": layer.activation.alpha,
                "bias": layer.bias,
                **({"dropout": layer.dropout} if layer.dropout else {}),
                **({} if layer.trainable else {"trainable": False}),
                **{name: getattr(layer, name) for name in RATES if getattr(layer, name) != 1},
                **({"shortcuts": list(layer.shortcuts)} if layer.shortcuts else {}),
                **({} if layer.heads is None else {"heads": _heads(layer)}),
                **({} if layer.mask is None else {"connections": int(layer.mask.sum())}),
            }
            for layer in net.layers
        ],
        **({"input_dropout": net.input_dropout} if net.input_dropout else {}),
        **({"input_noise": net.input_noise} if net.input_noise else {}),
        "loss": net.loss_name,
        "loss_parameter": net._loss.parameter,
        "dtype": net.dtype.name,
        **({"reproducible": True} if net.reproducible else {}),
    }


def _heads(layer):
    from ..parts.heads import heads_in_file

    return heads_in_file(layer.heads)


def _arrays(net, theta):
    """Everything that is stored as an array, by its name in the archive."""
    arrays = {}
    for index in range(len(net.layers)):
        arrays[f"W{index + 1}"] = net.plan.W(theta, index)
        b = net.plan.b(theta, index)
        if b is not None:
            arrays[f"b{index + 1}"] = b
        if net.layers[index].mask is not None:
            arrays[f"mask{index + 1}"] = net.layers[index].mask
    for name in SCALING:
        value = getattr(net.scaling, name, None)
        if value is not None:
            arrays[name] = value
    return arrays


def theta_of(net, arrays) -> np.ndarray:
    """Parameters of a file, laid out as those of a network of the same structure."""
    theta = np.zeros_like(net._theta)
    for index in range(len(net.layers)):
        for name, view in (("W", net.plan.W(theta, index)), ("b", net.plan.b(theta, index))):
            if view is not None:
                found = arrays[f"{name}{index + 1}"]
                if (found.shape, found.dtype) != (view.shape, view.dtype):
                    raise FileFormatError(f"{name}{index + 1} has another shape or dtype")
                view[:] = found
    return theta


def of_state(arrays) -> dict[str, np.ndarray]:
    """The arrays of the state of a file, by their own names; they are taken out of `arrays`."""
    names = [name for name in arrays if name.startswith(_STATE)]
    return {name.removeprefix(_STATE): arrays.pop(name) for name in names}


def read(path: str, magic: str = MAGIC, version: int = VERSION, what: str = _NETWORK) -> Contents:
    """What a file holds; whether that makes sense is for the caller to check.

    `magic`, `version` and `what` tell what is expected.

    Raises
    ------
    FileFormatError
        It is no file that `save` wrote, or of a newer version.
    OSError
        It cannot be opened.
    """
    refuse_special(path)
    with open(path, "rb") as file:  # a missing or unreadable file stays an OSError
        arrays = _read(path, file)
    try:
        text = str(arrays.pop("format"))
    except KeyError:
        text = ""
    return Contents(description_of(path, text, magic, version, what), arrays)


def refuse_special(path: str) -> None:
    """Refuse pipes and devices, which are not read twice."""
    if is_special(path) and not os.path.isdir(path):
        raise FileFormatError(
            f"{path} is no ordinary file; write what the pipe or device gives to a file first"
        )


def _read(path, file):
    """All arrays of an archive; nothing in it is unpickled."""
    if file.read(4) != b"PK\x03\x04":
        raise FileFormatError(
            f"{path} is no NumPy archive; expected a file that Network.save wrote"
        )
    file.seek(0)
    try:
        limit = memory_limit(path)
        with np.load(file, allow_pickle=False) as archive:
            headers = [archived_header(archive, name) for name in archive.files]
            if sum(header.n_bytes for header in headers) > limit:
                raise too_large(path, "holds arrays", limit, "it is no network that was saved here")
            return {name: checked(archive[name]) for name in archive.files}
    except (FileFormatError, MemoryError):  # a lack of memory is no fault of the file
        raise
    except Exception as error:  # zip files break in many ways, each with its own exception
        if str(error) == "can't allocate lock":  # CPython's RuntimeError for a lack of memory
            raise MemoryError(str(error)) from error
        raise FileFormatError(
            f"{path} is no readable NumPy archive (damaged or cut short?): {type(error).__name__}"
        ) from None


def description_of(
    path: str, text: str, expected: str = MAGIC, newest: int = VERSION, what: str = _NETWORK
) -> dict[str, Any]:
    """What the text of a description holds.

    Raises
    ------
    FileFormatError
        It is not what is expected, or of a newer version.
    """
    import json

    try:
        description = json.loads(text)
        magic, version = description["magic"], description["version"]
    except (KeyError, TypeError, ValueError, RecursionError):
        magic = version = None
    if magic != expected or type(version) is not int or version < 1:
        raise FileFormatError(f"{path} was not written by deltaloop; expected {what}")
    if version > newest:
        raise FileFormatError(
            f"{path} has format version {version}, this deltaloop reads up to {newest}; "
            "update deltaloop"
        )
    return description


def described(optimizer):
    """The settings of an optimiser, by their names."""
    for name, kind in OPTIMIZERS.items():
        if type(optimizer) is kind:
            return {"name": name, **optimizer.settings()}
    names = ", ".join(kind.__name__ for kind in OPTIMIZERS.values())
    raise InvalidInputError(
        f"an optimizer of your own class is code, which a file of a network does not hold, got "
        f"{optimizer!r}; assign net.optimizer one of {names} before it is saved"
    )


def optimizer(entry) -> AnyOptimizer:
    """The optimiser that `described` wrote down."""
    settings = dict(entry)
    kind = OPTIMIZERS.get(settings.pop("name"))
    known = {field.name: field.kw_only for field in fields(kind)} if kind else {}
    needed = {name for name, may_be_left_out in known.items() if not may_be_left_out}
    if kind is None or not needed <= set(settings) <= set(known):
        raise FileFormatError(
            f"expected the settings of one of {', '.join(OPTIMIZERS)}, got the optimizer {entry!r}"
        )
    return kind(**settings)


def checked_classes(classes):
    """Class names, each of them once, as a tuple of str; or None."""
    if classes is None:
        return None
    if isinstance(classes, str | bytes) or not np.iterable(classes):
        raise InvalidTypeError(f"classes must be a list of names or None, got {classes!r}")
    names = tuple(str(name) for name in classes)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInputError(f"classes must have different names, got {twice!r} twice")
    return names


def checked_metadata(metadata):
    """A dict, or None."""
    if metadata is not None and not isinstance(metadata, dict):
        raise InvalidTypeError(f"metadata must be a dict or None, got {metadata!r}")
    return metadata
