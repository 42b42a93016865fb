"""What was saved, as it was: networks, and networks that know the columns of a table."""

from .loading import load as load_network
from .network import Network


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
        Same parameters, bit for bit, and the same settings of `optimizer` (SGD(learning_rate=0.1)
        for files of versions that did not write it). From a file with a state, written by
        `Network.save(path, state=True)` or as a checkpoint of `fit`, it goes on where the other
        network was; otherwise the state of the optimiser starts afresh, and the random generator
        at seed 0. From a file that knows the columns of a table, written by `tabular.Model.save`
        or `deltaloop train`, it is a `tabular.TableNetwork`, whose `predict` takes data frames.

    Raises
    ------
    FileFormatError
        The file is damaged, truncated, no network, or of a newer version.
    InvalidInputError
        Unknown backend, or a name that no file can have.
    InvalidTypeError
        `path` is no path.
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
    return with_columns(load_network(path, backend))


def with_columns(net: Network) -> Network:
    """The network, as one of a table where it knows columns."""
    if _knows_columns(net.metadata):
        from .tabular.network import TableNetwork

        net.__class__ = TableNetwork  # which adds methods, and no state
    return net


def _knows_columns(metadata):
    """Whether `deltaloop train`, `tabular.Model` or an earlier version of them wrote it."""
    entries = metadata if isinstance(metadata, dict) else {}
    told = entries.get("preparation", entries.get("encoding"))
    return isinstance(told, dict) and isinstance(told.get("columns"), list)
