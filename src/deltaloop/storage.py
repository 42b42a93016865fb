"""Networks on disk: a NumPy archive with a format version, never pickled.

The archive holds `format` (a JSON text: magic, version, layers, loss, dtype and what travels
with the network) and the plain parameters `W1`, `b1`, `W2`, ... in the 1-based names of the
mathematics, free of padding: it can be read by numpy.load alone.
"""

import json
import os
import zipfile
from pathlib import Path

import numpy as np

from .activations import Activation
from .errors import DeltaloopError, FileFormatError
from .layers import Dense
from .network import Network
from .scaling import Scaling

MAGIC = "deltaloop network"
VERSION = 1
_SCALING = ("x_mean", "x_scale", "y_mean", "y_scale")


def save(net: Network, path) -> None:
    """Write `net`; see `Network.save`."""
    path = Path(path)
    description = {
        "magic": MAGIC,
        "version": VERSION,
        "n_in": net.sizes[0],
        "layers": [
            {
                "n_out": layer.n_out,
                "activation": layer.activation.name,
                "alpha": layer.activation.alpha,
                "bias": layer.bias,
            }
            for layer in net.layers
        ],
        "loss": net.loss_name,
        "dtype": net.dtype.name,
        "classes": None if net.classes is None else list(net.classes),
        "table": net.table,
    }
    arrays = {"format": np.array(json.dumps(description))}
    for index in range(len(net.layers)):
        arrays[f"W{index + 1}"] = net.W[index]
        if net.b[index] is not None:
            arrays[f"b{index + 1}"] = net.b[index]
    if net.scaling is not None:
        for name in _SCALING:
            if getattr(net.scaling, name) is not None:
                arrays[name] = getattr(net.scaling, name)
    _write_whole(path, arrays)


def load(path, backend: str = "auto") -> Network:
    """Read a network that `Network.save` wrote. No code of the file is ever run.

    Parameters
    ----------
    path : str or path-like
    backend : str, default 'auto'
        As in `Network`.

    Returns
    -------
    Network
        Same parameters, bit for bit; its random generator starts at seed 0.

    Raises
    ------
    FileFormatError
        The file is damaged, truncated, no network, or of a newer version.
    OSError
        The file cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import deltaloop as dl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "net.npz"
    ...     dl.Network([2, 3, 1]).save(path)
    ...     dl.load(path).sizes
    (2, 3, 1)
    """
    path = Path(path)
    with open(path, "rb") as file:  # a missing or unreadable file stays an OSError
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except (ValueError, OSError, EOFError, KeyError, AttributeError, zipfile.BadZipFile) as e:
            raise FileFormatError(
                f"{path} is no readable NumPy archive (damaged or truncated?): {e}"
            ) from None
    description = _description(path, arrays)
    try:
        return _network(description, arrays, backend)
    except (KeyError, TypeError, DeltaloopError) as error:
        raise FileFormatError(f"{path} is damaged: {error!r}") from None


def _description(path, arrays):
    try:
        description = json.loads(str(arrays["format"]))
        magic, version = description["magic"], description["version"]
    except (KeyError, TypeError, ValueError):
        magic = version = None
    if magic != MAGIC or not isinstance(version, int):
        raise FileFormatError(f"{path} was not written by deltaloop; expected a saved network")
    if version > VERSION:
        raise FileFormatError(
            f"{path} has format version {version}, this deltaloop reads up to {VERSION}; "
            "update deltaloop"
        )
    return description


def _network(description, arrays, backend):
    layers = []
    for index, entry in enumerate(description["layers"]):
        init = (arrays[f"W{index + 1}"],)
        init += (arrays[f"b{index + 1}"],) if entry["bias"] else ()
        activation = Activation(entry["activation"], entry["alpha"])
        layers.append(
            Dense(entry["n_out"], activation, entry["bias"], init if len(init) == 2 else init[0])
        )
    net = Network(
        description["n_in"], layers, loss=description["loss"], dtype=description["dtype"],
        backend=backend,
    )  # fmt: skip
    if "x_mean" in arrays:
        net.scaling = Scaling(*(arrays.get(name) for name in _SCALING))
    net.classes = None if description["classes"] is None else tuple(description["classes"])
    net.table = description["table"]
    return net


def _write_whole(path, arrays):
    """Write beside `path`, then rename: a crash or a full disk leaves no half file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
