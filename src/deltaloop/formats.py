"""Networks in the formats of other tools: files, and objects of other libraries.

TABLE

`read` and `write` are for files, the others for objects. Nothing that a file holds is ever run: no
pickle is loaded.
"""

import copy
import importlib
from typing import Any

from .errors import FileFormatError
from .inputs.checks import check_network
from .inputs.paths import as_path
from .interop.archive import Contents, contents
from .interop.c_header.fixed_point import FixedPoint
from .interop.c_header.parameters import int8_of
from .interop.formats import format_of, formats_table, lost
from .interop.plain_layers import Meant
from .loading import load, network_of
from .network import Network
from .parts.construction import as_backend
from .saved import with_columns

__doc__ = (__doc__ or "").replace("TABLE", formats_table())

__all__ = [
    "FixedPoint",
    "convert",
    "from_keras",
    "from_sklearn",
    "from_torch",
    "in_fixed_point",
    "read",
    "rounded_to_int8",
    "to_keras_weights",
    "to_sklearn",
    "to_torch",
    "torch_state_dict",
    "write",
    "write_fann_train",
]


def read(
    path,
    format: str | None = None,
    *,
    backend: str = "auto",
    activation=None,
    output=None,
    loss=None,
) -> Network:
    """Read a network from a file of any format.

    Parameters
    ----------
    path : str or path-like
    format : {'npz', 'safetensors', 'onnx', 'torch', 'fann'}, optional
        Left out, the end of the name tells it.
    backend : str, default 'auto'
        As in `Network`.
    activation, output, loss : str, Activation or Loss, optional
        What a file of weights alone, as those of PyTorch often are, does not say: the activation of
        the hidden layers, that of the last one, and what it is trained on.

    Raises
    ------
    FileFormatError
        The file is damaged, or holds what no network here can be; nothing of it was run.
    InvalidInputError, InvalidTypeError
        Arguments that are not accepted.
    MissingDependencyError
        The package that the format needs is not installed.
    OSError
        The file cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import deltaloop as dl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "net.safetensors"
    ...     lost = dl.formats.write(dl.Network([2, 3, 1]), path)
    ...     dl.formats.read(path).sizes
    (2, 3, 1)
    """
    return _read(path, format, as_backend(backend), Meant(activation, output, loss))


def read_to_write(path, format: str | None = None, activation=None, output=None, loss=None):
    """As `read`, for a network that is only looked at and written: without compiled kernels."""
    return _read(path, format, None, Meant(activation, output, loss))


def _read(path, format, backend, meant):
    row = format_of(path, format, to_write=False)
    path = as_path(path)
    if row.name == "npz":
        from .interop.plain_layers import refuse_given

        refuse_given(meant, path)
        return with_columns(load(path, backend))
    try:
        found = _module(row).read(path, meant)
    except FileFormatError as error:
        if path in str(error):
            raise
        raise FileFormatError(f"{path}: {error}") from None
    return with_columns(network_of(found, path, backend))


def write(net: Network, path, format: str | None = None) -> list[str]:
    """Write a network to a file of any format, whole or not at all.

    Parameters
    ----------
    net : Network
    path : str or path-like
        An existing file is replaced in one step.
    format : {'npz', 'safetensors', 'onnx', 'torch', 'fann', 'c'}, optional
        Left out, the end of the name tells it.

    Returns
    -------
    list of str
        What the network has and the file does not keep; empty if it keeps everything. (The state of
        a training is kept by `Network.save` alone.)

    Raises
    ------
    InvalidInputError, InvalidTypeError
        The format lacks something without which the network computes something else: the message
        says what the format has.
    MissingDependencyError
        The package that the format needs is not installed.
    OSError
        The file cannot be written; what was there before is untouched.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import deltaloop as dl
    >>> net = dl.Network([2, 3, 1])
    >>> net.classes = ("no", "yes")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dl.formats.write(net, pathlib.Path(folder) / "net.net")
    ['names of classes']
    """
    row = format_of(path, format, to_write=True)
    found = _contents(net)
    if row.name == "c":
        net.to_c(path)
    elif row.name == "npz":
        net.save(path)
    else:
        _module(row).write(found, path)
    return lost(found, row)


def convert(source, target, read_as: str | None = None, write_as: str | None = None, **meant):
    """Read a network from one file and write it to another; see `read` and `write`.

    Parameters
    ----------
    source, target : str or path-like
    read_as, write_as : str, optional
        Their formats; left out, the ends of their names tell them.
    **meant
        activation, output and loss of `read`.

    Returns
    -------
    list of str
        As `write`.

    Raises
    ------
    FileFormatError, InvalidInputError, InvalidTypeError, MissingDependencyError, OSError
        As `read` and `write`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import deltaloop as dl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = pathlib.Path(folder, "net.npz")
    ...     dl.Network([2, 3, 1]).save(source)
    ...     dl.formats.convert(source, source.with_suffix(".safetensors"))
    []
    """
    format_of(target, write_as, to_write=True)
    return write(read_to_write(source, read_as, **meant), target, write_as)


def _contents(net: Network) -> Contents:
    """The contents of a network, between two steps that other threads take."""
    check_network(net)
    return net._turns.read(contents, net, net._theta)


def _module(row):
    return importlib.import_module(f".interop.{row.module}", __package__)


def to_torch(net: Network):
    """A `torch.nn.Module` that computes what the network computes, and trains in PyTorch.

    Scaling, shortcuts, masks, heads and dropout go along. The parameters are copies.

    Parameters
    ----------
    net : Network

    Returns
    -------
    TorchNetwork
        forward(x), shape (n, n_in) to (n, n_out), gives what `predict` gives; logits(x) stops
        before the last activation, for losses that take logits. `torch.save(module.state_dict(),
        path)` makes a file that `read` reads.

    Raises
    ------
    InvalidInputError
        Functions of your own, or parameters that are not finite.
    MissingDependencyError
        PyTorch is not installed.
    """
    from .interop.torch_files import module_of

    return module_of(_contents(net))


def from_torch(module, *, activation=None, output=None, loss=None, backend="auto") -> Network:
    """The network of a module of PyTorch, or of a state_dict.

    Parameters
    ----------
    module : torch.nn.Module or dict
        What `to_torch` made; an nn.Sequential of Linear layers, activations, Dropout and Flatten;
        or a state_dict of fully connected layers in their order, NAME.weight and NAME.bias.
    activation, output, loss
        As in `read`, for a state_dict; of an nn.Sequential `loss` alone.
    backend : str, default 'auto'

    Raises
    ------
    InvalidInputError, InvalidTypeError, FileFormatError
        It has what no network here has.
    MissingDependencyError
        PyTorch is not installed.
    """
    from collections.abc import Mapping

    from .interop import torch_files

    meant = Meant(activation, output, loss)
    of = torch_files.of_state_dict if isinstance(module, Mapping) else torch_files.of_module
    return _built(of(module, meant), "the module", backend)


def torch_state_dict(net: Network) -> dict[str, Any]:
    """Weights and biases under the names that they have in an nn.Sequential.

    Parameters
    ----------
    net : Network

    Returns
    -------
    dict of str to torch.Tensor
        0.weight, 0.bias, 2.weight, ... for nn.Sequential(Linear, activation, Linear, ...): a layer
        with the activation 'identity' has no module after it.

    Raises
    ------
    InvalidTypeError
        The network has shortcuts.
    MissingDependencyError
        PyTorch is not installed.
    """
    from .interop.torch_files import sequential_names

    return sequential_names(_contents(net))


def to_sklearn(net: Network):
    """A trained MLPClassifier or MLPRegressor of scikit-learn with the parameters of the network.

    Parameters
    ----------
    net : Network

    Returns
    -------
    MLPClassifier, MLPRegressor or Pipeline
        A regressor for the output identity, else a classifier; behind a StandardScaler where the
        network scales its inputs. The scaling of outputs becomes a part of the last weights.

    Raises
    ------
    InvalidInputError
        Layers, activations or classes that scikit-learn does not have; the message lists those it
        has.
    MissingDependencyError
        scikit-learn is not installed.

    Examples
    --------
    >>> import deltaloop as dl
    >>> net = dl.Network([2, 5, 1], activation="tanh")
    >>> dl.formats.to_sklearn(net).coefs_[0].shape
    (2, 5)
    """
    from .interop.scikit_learn import estimator_of

    return estimator_of(_contents(net))


def from_sklearn(estimator, backend: str = "auto") -> Network:
    """The network of a trained MLP of scikit-learn, or of one of `deltaloop.sklearn`.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or Pipeline
        A pipeline has a StandardScaler before it, which becomes the `scaling` of the network.
    backend : str, default 'auto'

    Raises
    ------
    InvalidInputError, InvalidTypeError
        It is not trained, or something else.
    MissingDependencyError
        scikit-learn is not installed.
    """
    from .interop.scikit_learn import of_estimator

    return _built(of_estimator(estimator), "the estimator", backend)


def to_keras_weights(net: Network) -> list:
    """Kernels and biases as `set_weights` of a Sequential model of Dense layers takes them.

    Parameters
    ----------
    net : Network

    Returns
    -------
    list of ndarray
        Kernel (n_in, n_out), bias (n_out,), kernel, ...; no bias of layers without one.

    Raises
    ------
    InvalidInputError
        The network has shortcuts.

    Examples
    --------
    >>> import deltaloop as dl
    >>> [array.shape for array in dl.formats.to_keras_weights(dl.Network([2, 3, 1]))]
    [(2, 3), (3,), (3, 1), (1,)]
    """
    from .interop.keras_arrays import weights_of

    return weights_of(_contents(net))


def from_keras(model, *, activation=None, output=None, loss=None, backend="auto") -> Network:
    """The network of a Sequential model of Keras, or of the arrays of its `get_weights`.

    Parameters
    ----------
    model : keras.Model or list of ndarray
        Dense and Activation layers, Dropout and Flatten; or the arrays alone.
    activation, output, loss
        As in `read`, for arrays; of a model `loss` alone.
    backend : str, default 'auto'

    Raises
    ------
    InvalidInputError, InvalidTypeError, FileFormatError
        It has what no network here has.

    Examples
    --------
    >>> import numpy as np
    >>> import deltaloop as dl
    >>> arrays = [np.ones((2, 3)), np.zeros(3), np.ones((3, 1)), np.zeros(1)]
    >>> dl.formats.from_keras(arrays, activation="relu").predict([[1.0, 2.0]])
    array([[9.]])
    """
    from .interop.keras_arrays import of_keras

    return _built(of_keras(model, Meant(activation, output, loss)), "the model", backend)


def write_fann_train(path, X, Y) -> None:
    """Write samples as a training file of FANN, which `deltaloop train` reads as well.

    Parameters
    ----------
    path : str or path-like
        '.train' is customary. An existing file is replaced in one step.
    X : array_like, shape (n_samples, n_in)
    Y : array_like, shape (n_samples, n_out) or (n_samples,)

    Raises
    ------
    InvalidInputError, InvalidTypeError
        Not finite, not numeric, or of different lengths.
    OSError
        The file cannot be written; what was there before is untouched.
    """
    from .interop.fann_train import write as write_train

    write_train(path, X, Y)


def _built(found: Contents, source: str, backend) -> Network:
    return with_columns(network_of(found, source, as_backend(backend)))


def rounded_to_int8(net: Network) -> Network:
    """A copy of the network with the weights that `net.to_c(path, weights="int8")` writes.

    Every weight becomes q s, with a whole number q from -127 to 127 and s_j = max_k |W_jk| / 127
    for unit j: it moves by s_j / 2 at most. What that costs shows in the loss of the copy.

    Parameters
    ----------
    net : Network

    Returns
    -------
    Network

    Raises
    ------
    InvalidTypeError
        `net` is no network.

    Examples
    --------
    >>> import deltaloop as dl
    >>> net = dl.Network([2, 3, 1], seed=1)
    >>> rounded = dl.formats.rounded_to_int8(net)
    >>> bool(abs(rounded.W[0] - net.W[0]).max() <= abs(net.W[0]).max() / 254 * 1.0001)
    True
    """
    check_network(net)
    rounded = copy.deepcopy(net)
    for W in rounded.W:
        q, scale = int8_of(W)
        W[:] = q * scale[:, None]
    return rounded


def in_fixed_point(net: Network, samples) -> FixedPoint:
    """The network in whole numbers of 16 bits, as `net.to_c(path, weights="int16")` writes it.

    Parameters
    ----------
    net : Network
    samples : array_like, shape (n_samples, n_in)
        Inputs as they will come, such as those of the training, in the units of the data. They tell
        how large the numbers of every layer grow; up to twice of that is represented, and what is
        beyond is cut off.

    Returns
    -------
    FixedPoint
        Its `predict(X)` gives what the C program gives; its `error` tells how far that is from the
        network, and a warning where it is far.

    Raises
    ------
    InvalidInputError, InvalidTypeError
        Samples that the network does not take, or for which its activations overflow; functions of
        your own, heads, shortcuts; inputs or activations beyond 2^100.

    Examples
    --------
    >>> import deltaloop as dl
    >>> data = dl.datasets.load("iris")
    >>> net = dl.Network([4, 8, 3], activation="tanh", loss="cross_entropy", seed=0)
    >>> net.scaling = dl.Scaling.standardize(data.X_train)
    >>> history = net.fit(data.X_train, data.y_train, epochs=50)
    >>> fixed = dl.formats.in_fixed_point(net, data.X_train)
    >>> bool(abs(fixed.predict(data.X_test) - net.predict(data.X_test)).max() < 0.02)
    True
    """
    check_network(net)
    return FixedPoint(net, samples)
