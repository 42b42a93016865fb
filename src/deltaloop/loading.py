"""From files back to networks: the only module that knows both."""

from .errors import DeltaloopError, FileFormatError
from .inputs.paths import as_path
from .interop import archive
from .network import Network
from .parts.activations import Activation
from .parts.construction import as_backend, checked_input_dropout, layers_and_loss
from .parts.layers import Dense
from .parts.losses import loss_with
from .parts.reproducible import reproducible_kernels
from .parts.scaling import Scaling


def load(path, backend: str | None = "auto") -> Network:
    """The network in a file; `deltaloop.load` says more, `network_of` what None does."""
    return load_with_version(path, backend)[0]


def load_with_version(path, backend: str | None = "auto") -> tuple[Network, int]:
    """What `load` returns, and the version of the format of the file; for `backend` see below."""
    path = as_path(path)
    found = archive.read(path)
    return network_of(found, path, backend), found.description["version"]


def network_of(contents: archive.Contents, path: str, backend: str | None) -> Network:
    """The network that a file holds.

    Parameters
    ----------
    contents : Contents
    path : str
        Where they were found.
    backend : str or None
        None: to look at the network and write it, by the reference and without compiled kernels,
        which a reproducible network needs to compute.

    Raises
    ------
    FileFormatError
        It makes no sense.
    """
    reads = backend is None
    backend = as_backend("reference" if backend is None else backend)
    is_reproducible = contents.description.get("reproducible", False) is True
    if is_reproducible and not reads:
        reproducible_kernels(backend)  # what is wrong with these is not the file's fault
    try:
        return _network(
            contents.description, dict(contents.arrays), backend, is_reproducible, reads
        )
    except KeyError as error:
        raise FileFormatError(f"{path} is damaged: it lacks {error}") from None
    except (TypeError, ValueError, DeltaloopError) as error:
        raise FileFormatError(f"{path} is damaged: {error}") from None


def _network(description, arrays, backend, is_reproducible, reads):
    if sorted(arrays) != description["arrays"]:
        raise FileFormatError(f"expected the arrays {description['arrays']}, got {sorted(arrays)}")
    layers, init = [], []
    for index, entry in enumerate(description["layers"]):
        heads = _heads(entry["heads"]) if "heads" in entry else None
        activation = Activation(entry["activation"], entry["alpha"])
        dropout = entry.get("dropout", 0.0)
        mask = arrays.pop(f"mask{index + 1}") if "connections" in entry else None
        layers.append(
            Dense(
                entry["n_out"], activation, entry["bias"], dropout=dropout, mask=mask, heads=heads,
                shortcuts=entry.get("shortcuts", ()),
                trainable=entry.get("trainable", True),
                **{name: entry[name] for name in archive.RATES if name in entry},
            )
        )  # fmt: skip
        names = (f"W{index + 1}", f"b{index + 1}") if entry["bias"] else (f"W{index + 1}",)
        values = tuple(arrays.pop(name) for name in names)
        init.append(values if entry["bias"] else values[0])
    state = archive.of_state(arrays) if "state" in description else {}
    scaling = {name: arrays.pop(name) for name in archive.SCALING if name in arrays}
    if arrays:
        raise FileFormatError(f"the arrays {sorted(arrays)} belong to no layer")
    # earlier versions wrote no parameter, and had no loss with one
    # the loss of heads follows from them
    name = "mse" if layers and layers[-1].heads else description["loss"]
    loss = loss_with(name, description.get("loss_parameter"))
    n_in, checked, loss = layers_and_loss(description["n_in"], layers, None, None, loss, 0.0)
    of_inputs = checked_input_dropout(
        description.get("input_dropout", 0.0), description.get("input_noise", 0.0)
    )
    net = Network.__new__(Network)  # what Network() warns of was seen when the network was made
    net._initialize(
        n_in, checked, loss, description["dtype"], init, 0, backend, of_inputs=of_inputs,
        reproducible=is_reproducible and not reads,
    )  # fmt: skip
    net.__dict__["reproducible"] = is_reproducible
    for index, layer in enumerate(net.layers):
        if layer.mask is not None:  # what was assigned where no connection is counts until a step
            net.W[index] = init[index][0] if layer.bias else init[index]
    if scaling:
        net.scaling = Scaling(**scaling)
    net.classes = description["classes"]
    net.metadata = archive.checked_metadata(description[archive.METADATA])
    if "optimizer" in description:  # earlier versions wrote none
        net.optimizer = archive.optimizer(description["optimizer"])
    if "state" in description:
        from .training.kept import restore

        restore(net, description["state"], state)
    return net


def _heads(entries):
    from .parts.heads import heads_of_file

    return heads_of_file(entries)
