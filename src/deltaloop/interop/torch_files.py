"""PyTorch: files of a `state_dict`, and modules, as networks. No pickle is ever loaded.

A file is read by torch.load(weights_only=True), which makes tensors, texts and numbers only.
"""

import contextlib
import zipfile
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import FileFormatError, InvalidTypeError, missing
from ..inputs.unpacking import memory_limit, too_large
from ..parts.activations import Activation
from .archive import SCALING, Contents, description_of, refuse_special
from .curves import activation_of
from .plain_layers import (
    Layer,
    Meant,
    activations_of,
    check_chain,
    common_dtype,
    contents_of,
    of_named_weights,
    refuse_given,
)
from .whole_file import whole_file

_EXTRA = "_extra_state"  # where PyTorch keeps what a module has beside tensors
_PARTS = {"weight": "W", "bias": "b", "mask": "mask"}
_DTYPES = ("float16", "bfloat16", "float32", "float64", "bool")


def package() -> ModuleType:
    """PyTorch."""
    try:
        import torch
    except ImportError:
        raise missing("torch", "torch", "PyTorch") from None
    return torch


def module_of(contents: Contents):
    """A TorchNetwork that computes what the network computes."""
    package()
    from .torch_module import TorchNetwork

    return TorchNetwork(contents)


def write(contents: Contents, path) -> None:
    """Write the state_dict of the module."""
    torch = package()
    state = module_of(contents).state_dict()
    with whole_file(path) as file:
        torch.save(state, file)


def read(path: str, meant: Meant) -> Contents:
    """A state_dict that `write` wrote, or of fully connected layers from elsewhere.

    Raises
    ------
    FileFormatError
        It is damaged, holds more than tensors, or other layers.
    """
    torch = package()
    refuse_special(path)
    limit = memory_limit(path)
    with open(path, "rb") as file:
        _check_archive(path, file, limit)
        file.seek(0)
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except MemoryError:
            raise
        except Exception as error:  # of many kinds, and with advice to load it unsafely
            raise FileFormatError(
                f"{path} holds more than the tensors of a state_dict, or is damaged "
                f"({type(error).__name__}); pickled modules are code, which is never run: save "
                "model.state_dict()"
            ) from None
    return _of_state(state, path, meant, limit)


def _check_archive(path, file, limit):
    """Refuse what is no archive of PyTorch, or would unpack to much."""
    try:
        with zipfile.ZipFile(file) as archive:
            sizes = [one.file_size for one in archive.infolist()]
            is_stored = all(one.compress_type == zipfile.ZIP_STORED for one in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError):
        raise FileFormatError(
            f"{path} is no whole archive of PyTorch; save it with torch.save(model.state_dict(), "
            "path), of version 1.6 or later"
        ) from None
    if not is_stored or sum(sizes) > limit:
        raise too_large(path, "holds packed data", limit, "torch.save packs nothing")


def of_state_dict(state: Mapping[str, Any], meant: Meant) -> Contents:
    """The contents of a network from a state_dict."""
    package()
    return _of_state(state, "the state_dict", meant, None)


def _of_state(state, source, meant, limit):
    if not isinstance(state, Mapping) or not state:
        raise FileFormatError(f"{source} holds no state_dict, got {type(state).__name__}")
    state = dict(state)
    text = state.pop(_EXTRA, None)
    arrays = {str(name): _array(str(name), value, source) for name, value in state.items()}
    n_bytes = sum(value.size * max(value.itemsize, 4) for value in arrays.values())
    if limit is not None and n_bytes > limit:
        raise too_large(source, "holds tensors", limit, "it is no network")
    arrays = {name: _plain(value) for name, value in arrays.items()}
    if not isinstance(text, str):
        return of_named_weights(arrays, meant, source, sort=False)
    refuse_given(meant, source)
    description = description_of(source, text)
    return Contents(description, {_own_name(name, source): a for name, a in arrays.items()})


def _own_name(name, source):
    """W1 for layers.0.weight."""
    folder, _, part = name.rpartition(".")
    number = folder.removeprefix("layers.")
    if name in SCALING:
        return name
    if folder != f"layers.{number}" or not number.isdecimal() or part not in _PARTS:
        raise FileFormatError(f"{source} has a tensor {name[:60]!r}, which no network here has")
    return f"{_PARTS[part]}{int(number) + 1}"


def _array(name, value, source):
    """A view of a dense tensor as an array, whatever memory it claims."""
    torch = package()
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, torch.Tensor):
        raise FileFormatError(f"{source}: {name[:60]!r} is no tensor, but {type(value).__name__}")
    known = [getattr(torch, dtype) for dtype in _DTYPES]
    if value.layout != torch.strided or value.dtype not in known or value.is_meta:
        raise FileFormatError(
            f"{source}: {name[:60]!r} must be a dense tensor of {', '.join(_DTYPES)}, got "
            f"{value.dtype}"
        )
    value = value.detach().cpu()
    if value.dtype == torch.bfloat16:
        # the upper halves of float32, for which NumPy has no dtype; widened later
        return value.view(torch.int16).numpy().view(np.dtype([("upper", np.uint16)]))
    return value.numpy()


def _plain(value):
    """The array with numbers of 2 bytes as float32."""
    if value.dtype.names:
        return (value["upper"].astype(np.uint32) << 16).view(np.float32)
    return value.astype(np.float32) if value.dtype == np.float16 else value


def sequential_names(contents: Contents) -> dict[str, Any]:
    """The parameters as the state_dict of nn.Sequential(Linear, activation, Linear, ...).

    Layers with the activation identity have no module of their own after them.
    """
    torch = package()
    description, arrays = contents
    state, place = {}, 0
    for number, layer in enumerate(description["layers"], 1):
        if "shortcuts" in layer:
            raise InvalidTypeError(
                "nn.Sequential has no shortcuts; use to_torch(net), whose state_dict has all"
            )
        for part, name in (("weight", "W"), ("bias", "b")):
            if f"{name}{number}" in arrays:
                value = np.array(arrays[f"{name}{number}"], order="C")
                state[f"{place}.{part}"] = torch.from_numpy(value)
        place += 1 if layer["activation"] == "identity" else 2
    return state


def of_module(module, meant: Meant) -> Contents:
    """The contents of a TorchNetwork, or of nn.Sequential of Linear layers and activations."""
    torch = package()
    from torch import nn

    from .torch_module import TorchNetwork, activation_values

    if isinstance(module, TorchNetwork):
        return of_state_dict(module.state_dict(), meant)
    if not isinstance(module, nn.Sequential):
        raise InvalidTypeError(
            "from_torch takes what to_torch made, an nn.Sequential, or a state_dict, got "
            f"{type(module).__name__}; write from_torch(module.state_dict(), activation='relu')"
        )
    layers: list[Layer] = []
    for place, one in enumerate(module):
        if isinstance(one, nn.Linear):
            W, b = (
                None if value is None else _plain(_array(str(place), value, "the module"))
                for value in (one.weight, one.bias)
            )
            layers.append(Layer(np.array(W), None if b is None else np.array(b),
                                Activation("identity")))  # fmt: skip
        elif isinstance(one, nn.Dropout | nn.Identity | nn.Flatten):
            continue
        elif isinstance(one, nn.Softmax | nn.LogSoftmax) and one.dim in (1, -1) and layers:
            name = "softmax" if isinstance(one, nn.Softmax) else "log_softmax"
            layers[-1] = layers[-1]._replace(activation=Activation(name))
        else:
            has_parameters = any(True for _ in one.parameters())
            elementwise = type(one).__module__ == "torch.nn.modules.activation"
            found = None
            if elementwise and not has_parameters and layers:
                with contextlib.suppress(RuntimeError, TypeError, ValueError, IndexError):
                    found = activation_of(activation_values(one.to(torch.float64)))
            if found is None or layers[-1].activation.name != "identity":
                raise InvalidTypeError(
                    f"module {place}, {one}, is no layer that a network here has; it has Linear, "
                    "one activation after each, Dropout and Flatten"
                )
            layers[-1] = layers[-1]._replace(activation=found)
    if not layers:
        raise InvalidTypeError("the nn.Sequential has no nn.Linear")
    check_chain([layer.W for layer in layers], "the nn.Sequential")
    refuse_given(meant._replace(loss=None), "the nn.Sequential")
    loss = None
    if meant.loss is not None:
        loss = activations_of(1, Meant(loss=meant.loss), "")[1]
    return contents_of(layers, common_dtype([layer.W for layer in layers]), loss=loss)
