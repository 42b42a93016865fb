"""Files of ensembles: one archive with the layers and the parameters of all networks."""

import numpy as np

from ..errors import DeltaloopError, FileFormatError, InvalidInputError
from ..inputs.paths import as_path
from ..interop import archive
from ..interop.whole_file import whole_file
from ..parts.activations import Activation
from ..parts.construction import as_backend
from ..parts.layers import Dense
from ..parts.losses import loss_with

MAGIC, VERSION = "deltaloop ensemble", 1
_ARRAYS = ("parameters", "seeds")


def save(ensemble, path) -> None:
    """Write an ensemble; see `Ensemble.save`."""
    import json

    if not np.isfinite(ensemble.parameters).all():
        raise InvalidInputError(
            "the ensemble has parameters that are nan or infinite, so it could not be loaded "
            "again; train it anew with a lower learning_rate"
        )
    description = {
        "magic": MAGIC,
        "version": VERSION,
        **archive.structure(ensemble._template),
        "arrays": sorted(_ARRAYS),
    }
    with whole_file(path) as file:
        np.savez(
            file, format=np.array(json.dumps(description, allow_nan=False)),
            parameters=ensemble.parameters, seeds=ensemble.seeds,
        )  # fmt: skip


def load(path, backend):
    """(n_in, layers, keywords of Network, parameters, seeds), checked."""
    as_backend(backend)
    path = as_path(path)
    description, arrays = archive.read(path, MAGIC, VERSION, "an ensemble that Ensemble.save wrote")
    try:
        if sorted(arrays) != sorted(_ARRAYS):
            raise FileFormatError(f"expected the arrays {sorted(_ARRAYS)}, got {sorted(arrays)}")
        layers = [
            Dense(entry["n_out"], Activation(entry["activation"], entry["alpha"]), entry["bias"])
            for entry in description["layers"]
        ]
        loss = loss_with(description["loss"], description["loss_parameter"])
        n_in, dtype = description["n_in"], description["dtype"]
        n = sum(
            layer.n_out * (before + layer.bias)
            for layer, before in zip(layers, [n_in, *(x.n_out for x in layers)], strict=False)
        )
        parameters, seeds = arrays["parameters"], arrays["seeds"]
        if parameters.ndim != 2 or parameters.shape[1] != n or parameters.dtype != dtype:
            raise FileFormatError(f"expected parameters of shape (n, {n}) in {dtype}")
        if not len(parameters) or not np.isfinite(parameters).all():
            raise FileFormatError("there are no parameters, or some are not finite")
        if seeds.shape != parameters.shape[:1] or seeds.dtype.kind not in "iu" or seeds.min() < 0:
            raise FileFormatError("expected a seed >= 0 for every network")
        return n_in, layers, {"loss": loss, "dtype": dtype}, parameters, seeds.astype(np.int64)
    except KeyError as error:
        raise FileFormatError(f"{path} is damaged: it lacks {error}") from None
    except (TypeError, ValueError, AttributeError, DeltaloopError) as error:
        raise FileFormatError(f"{path} is damaged: {error}") from None
