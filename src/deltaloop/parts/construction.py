"""From the arguments of `Network` to checked layers, parameters and settings."""

import os
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ..errors import DeltaloopWarning, InvalidInputError, InvalidTypeError, shown, unknown_name
from ..inputs.checks import check_memory, dtype_or_none, number, whole_number
from ..kernels import available
from ..kernels.functions import ACTIVATIONS
from ..kernels.interface import Plan
from .activations import Activation, as_activation
from .initializers import Place, initial_values, is_named, is_number
from .layers import Dense
from .losses import Loss, check_loss

_MOST_LAYERS = 60  # of networks with shortcuts: their numbers are bits of one word


def as_layers(
    sizes, layers, activation, output, loss, dropout=0.0
) -> tuple[int, tuple[Dense, ...]]:
    """Number of inputs and the layers, from a list of sizes or from the layers themselves."""
    if layers is None:
        n_in, layers = _from_sizes(sizes, activation, output, loss, dropout)
    else:
        layers = _listed(layers, sizes)
        if activation is not None or output is not None or dropout != 0:
            raise InvalidInputError(
                "activation, output and dropout belong to a list of sizes; with layers given, "
                "write them into each Dense"
            )
        if np.iterable(sizes):
            raise InvalidTypeError(
                "sizes must be the number of inputs where layers are given, got "
                f"{shown(sizes)}; write Network(4, [Dense(8), Dense(3)]) or Network([4, 8, 3])"
            )
        n_in = whole_number("sizes (the number of inputs)", sizes)
    _check(layers, loss)
    return n_in, layers


def layers_and_loss(sizes, layers, activation, output, loss, dropout):
    """Number of inputs, the layers, and the loss: that which was given, or that of heads."""
    is_gaussian = isinstance(loss, str) and loss == "gaussian_nll"
    loss = check_loss("mse" if is_gaussian else loss)
    if is_gaussian and (layers is not None or output is not None):
        raise InvalidInputError(
            "loss='gaussian_nll' goes with a list of sizes, and has its own output; write "
            "Dense(heads={'y': Head(1, loss='gaussian_nll')}) as the last layer"
        )
    n_in, layers = as_layers(sizes, layers, activation, output, loss, dropout)
    if is_gaussian or layers[-1].heads is not None:
        from .heads import Head, loss_of_heads

        if is_gaussian:
            heads = {"y": Head(layers[-1].n_out, loss="gaussian_nll")}
            layers = *layers[:-1], Dense(heads=heads)
        loss = loss_of_heads(layers[-1].heads, loss)
    return n_in, layers, loss


def _from_sizes(sizes, activation, output, loss, dropout):
    if isinstance(sizes, str | bytes | set | frozenset | dict) or not np.iterable(sizes):
        raise InvalidTypeError(
            "sizes must be a list of widths such as [784, 30, 10], or the number of inputs "
            f"followed by a list of layers; got {shown(sizes)}"
        )
    sizes = list(sizes)
    if any(isinstance(size, Dense) for size in sizes):
        raise InvalidTypeError(
            "sizes must be widths, got a list with a Dense in it; the number of inputs stands "
            "before the list of layers: Network(4, [Dense(8), Dense(3)])"
        )
    sizes = [whole_number("every size", size) for size in sizes]
    if len(sizes) < 2:
        raise InvalidInputError(
            f"sizes must name inputs and outputs at least, such as [4, 1], got {sizes}"
        )
    hidden = as_activation("sigmoid" if activation is None else activation)
    partner = loss.row.partner if isinstance(loss, Loss) else "identity"
    last = partner if output is None else output
    dropout = number("dropout", dropout, 0.0, 1.0)
    hidden_layers = (Dense(width, hidden, dropout=dropout) for width in sizes[1:-1])
    return sizes[0], (*hidden_layers, Dense(sizes[-1], last))


def _listed(layers, sizes):
    """The layers as a tuple of Dense."""
    if isinstance(layers, str | bytes | dict | set | Dense) or not np.iterable(layers):
        if isinstance(layers, Dense):
            hint = "write it in brackets: Network(4, [Dense(8)])"
        elif hasattr(layers, "__index__"):
            hint = "widths alone are one list: Network([4, 8, 3])"
        elif isinstance(layers, str | Activation) or callable(layers):
            name = layers if isinstance(layers, str) else "relu"
            hint = f"an activation is given by keyword: activation={name!r}"
        else:
            hint = "write Network(4, [Dense(8), Dense(3)])"
        raise InvalidTypeError(f"layers must be a list of Dense, got {shown(layers)}; {hint}")
    layers = tuple(layers)
    for index, layer in enumerate(layers):
        if isinstance(layer, Dense):
            continue
        if hasattr(layer, "__index__"):
            hint = "widths alone are one list: Network([4, 8, 3])"
        elif isinstance(layer, str) and np.iterable(sizes):
            hint = "activations are given by keyword: activation='relu', output='identity'"
        else:
            hint = "write Dense(8, 'relu')"
        raise InvalidTypeError(
            f"layers[{index}] must be a Dense, got {type(layer).__name__} {shown(layer)}; {hint}"
        )
    return layers


def _check(layers, loss):
    if not layers:
        raise InvalidInputError("layers is empty; give at least one Dense")
    for index, layer in enumerate(layers):
        if layer.shortcuts and layer.shortcuts[-1] >= index:
            raise InvalidInputError(
                f"shortcuts of layers[{index}] must be numbers below {index}, since the layer "
                f"before enters anyway, got {list(layer.shortcuts)}"
                + ("; the first layer has no other than the inputs" if index == 0 else "")
            )
    if any(layer.shortcuts for layer in layers) and len(layers) > _MOST_LAYERS:
        raise InvalidInputError(
            f"networks with shortcuts have at most {_MOST_LAYERS} layers, got {len(layers)}"
        )
    for index, layer in enumerate(layers[:-1]):
        if layer.heads is not None:
            raise InvalidInputError(
                f"layers[{index}] has heads, but is hidden; only the last layer has them"
            )
        row = ACTIVATIONS.get(layer.activation.name)
        if row is not None and row.f is None:
            raise InvalidInputError(
                f"{row.name} is an output activation, but layers[{index}] is hidden; "
                "use it in the last layer"
            )
    if layers[-1].dropout:
        raise InvalidInputError(
            f"the last layer has dropout={layers[-1].dropout:g}, which would drop predictions; "
            "give it to a hidden layer, or to the inputs: Network(..., input_dropout=0.1)"
        )
    if layers[-1].heads is None:
        _check_output(layers[-1].activation, loss)
        return
    for _, head in layers[-1].heads:
        _check_output(head.activation, head.loss)


def _check_output(output, loss):
    """Refuse outputs with which a loss has no meaning."""
    if not isinstance(loss, Loss) or output.name not in ACTIVATIONS:
        return
    if loss.row.needs_positive and not ACTIVATIONS[output.name].is_positive:
        fit = loss.row.outputs or [row.name for row in ACTIVATIONS.values() if row.is_positive]
        raise InvalidInputError(
            f"loss={loss.name!r} needs outputs > 0, which output={output.name!r} does not always "
            f"give; use output={loss.row.partner!r}"
            + (f", or one of {sorted(fit)}" if len(fit) > 1 else "")
        )
    if loss.row.with_softmax and loss.parameter and output.name != "softmax":
        raise InvalidInputError(
            f"{loss.row.parameter.name} of {loss.name} goes with output='softmax' alone, got "
            f"output={output.name!r}"
        )


def warn_about_output(layer, loss) -> None:
    """Warn about a last layer with which the loss cannot do what is expected of it."""
    for _, head in layer.heads or ():
        _warn_about_units(head, head.loss)
    if layer.heads is None:
        _warn_about_units(layer, loss)


def _warn_about_units(layer, loss):
    name = layer.activation.name
    if name in ("softmax", "log_softmax") and layer.n_out == 1:
        always = 1 if name == "softmax" else 0
        _warn(
            f"{name} of a single unit is always {always}, so nothing can be learned; use 'sigmoid'"
        )
    elif isinstance(loss, Loss) and loss.row.outputs and name not in loss.row.outputs:
        found = loss.row.unfit.replace("OUTPUT", f"output={name!r}")
        _warn(f"loss={loss.name!r} {found}; use output={loss.row.partner!r}")


def _warn(text):
    import warnings

    warnings.warn(text, DeltaloopWarning, stacklevel=6)


def _per_layer(name, init, layers) -> list:
    """One entry per layer."""
    if is_named(init):
        return [init] * len(layers)
    if not isinstance(init, list | tuple):
        raise InvalidTypeError(
            f"{name} must be a name or a list with one entry per layer, got {shown(init)}"
        )
    if len(init) != len(layers):
        raise InvalidInputError(
            f"{name} must have one entry per layer ({len(layers)}), got {len(init)} entries"
        )
    return list(init)


def parameters(n_in, layers, init, bias_init, dtype, generator):
    """Initial (W, b) of every layer, and the layers without the arrays they brought."""
    found = initial(n_in, layers, init, bias_init)
    entering = n_entering(n_in, layers)
    n_parameters = sum(layer.n_out * (n + 1) for n, layer in zip(entering, layers, strict=True))
    check_memory(
        f"a network of {n_parameters:,} parameters",
        n_parameters * (8 + dtype.itemsize),  # drawn in float64
        "use narrower layers",
    )
    masks = [
        _checked_mask(layer.mask, index, (layer.n_out, n_in))
        for index, (n_in, layer) in enumerate(zip(entering, layers, strict=True))
    ]
    values = [
        initial_values(own, of_bias, index + 1, place, dtype, generator)
        for index, (own, of_bias, place) in enumerate(found)
    ]
    return values, tuple(map(_without_arrays, layers, masks))


def _without_arrays(layer, mask):
    if layer.init is None and layer.bias_init is None and mask is None:
        return layer  # `replace` would check all of it again
    return replace(layer, init=None, bias_init=None, mask=mask)


def initial(n_in, layers, init, bias_init) -> list[tuple]:
    """What `initial_values` is asked for every layer: init, bias_init, and where it stands."""
    inits = _per_layer("init", init, layers)
    if is_number(bias_init) or is_named(bias_init):  # those that there are
        bias_inits = [bias_init if layer.bias else None for layer in layers]
    else:
        bias_inits = _per_layer("bias_init", bias_init, layers)
    found, before, entering = [], None, n_entering(n_in, layers)
    for index, layer in enumerate(layers):
        own, of_bias = layer.init, layer.bias_init
        if of_bias is None and not _gives_biases(own):
            of_bias = bias_inits[index]
        if own is None:
            own = inits[index]
        is_last = index == len(layers) - 1
        place = Place(entering[index], layer.n_out, layer.activation, before, is_last, layer.bias)
        found.append((own, of_bias, place))
        before = layer.activation
    return found


def n_entering(n_in, layers) -> list[int]:
    """Columns of the W of every layer: units of the layer before and of shortcuts."""
    units = [n_in, *(layer.n_out for layer in layers)]
    return [
        units[index] + sum(units[source] for source in layer.shortcuts)
        for index, layer in enumerate(layers)
    ]


def _checked_mask(mask, index, shape):
    """A copy of the connections of a layer, or None."""
    if mask is None:
        return None
    found = np.array(mask)
    if found.dtype != bool and not (found.dtype.kind in "iuf" and np.isin(found, (0, 1)).all()):
        raise InvalidInputError(
            f"mask of layers[{index}] must hold True and False, or 1 and 0, got {shown(mask)}"
        )
    if found.shape != shape:
        raise InvalidInputError(
            f"mask of layers[{index}] must have shape (n_out, n_in) = {shape}, got {found.shape}"
        )
    found = found.astype(bool)
    found.flags.writeable = False
    return found


def checked_input_dropout(dropout, noise) -> tuple[float, float]:
    """input_dropout and input_noise of a network."""
    return number("input_dropout", dropout, 0.0, 1.0), number("input_noise", noise, 0.0)


def _gives_biases(init):
    return isinstance(init, tuple) and len(init) == 2 and not is_named(init)


# half of the time that it takes to make a network, or to get one from a pickle
_laid_out = lru_cache(maxsize=128)(Plan.build)


def plan_of(n_in, layers, loss, dtype, input_dropout=0.0, input_noise=0.0) -> Plan:
    """What kernels are told of checked layers and a loss."""
    units = tuple(
        (d.n_out, d.activation.for_plan(dtype), d.activation.alpha or 0.0, d.bias) for d in layers
    )
    dropout = input_dropout, *(layer.dropout for layer in layers[:-1])
    masks = [layer.mask for layer in layers]
    code, parameter = loss.for_plan(dtype)
    rates = tuple((layer.rate_of_W, layer.rate_of_b) for layer in layers)
    heads = tuple(head.for_plan(dtype) for _, head in layers[-1].heads or ())
    shortcuts = tuple(layer.shortcuts for layer in layers)
    others = rates, input_noise, heads, shortcuts
    if any(mask is not None for mask in masks):
        plan = Plan.build(n_in, units, code, dtype, parameter, dropout, masks, *others)
    else:
        plan = _laid_out(n_in, units, code, dtype, parameter, dropout, (), *others).copy()
    plan.freeze([not layer.trainable for layer in layers])
    return plan


def as_generator(seed) -> "np.random.Generator":
    """The generator that a seed stands for."""
    try:
        if isinstance(seed, bool | np.bool_):
            raise TypeError
        if isinstance(seed, np.ndarray) and seed.ndim == 0:
            seed = seed[()]
        return np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        kind = InvalidInputError if isinstance(error, ValueError) else InvalidTypeError
        raise kind(
            f"seed must be a whole number >= 0 or a numpy Generator, got {shown(seed)}"
        ) from None


def as_dtype(dtype) -> np.dtype:
    """float32 or float64."""
    found = None if dtype is None else dtype_or_none(dtype)
    if found is None or found.kind != "f" or found.itemsize not in (4, 8):
        asked = dtype if found is None else found.name
        raise unknown_name("dtype", asked, ("float32", "float64"))
    return np.dtype(f"f{found.itemsize}")  # in the byte order of this machine


def as_backend(name: str) -> str:
    """The backend that a name stands for; 'auto' asks the environment."""
    accepted = ("auto", *available())
    if not isinstance(name, str) or name not in accepted:
        raise unknown_name("backend", name, accepted)
    if name != "auto":
        return name
    name = os.environ.get("DELTALOOP_BACKEND", "")
    if name in ("", "auto"):
        return "cython"
    if name not in available():
        raise unknown_name("backend in DELTALOOP_BACKEND", name, available())
    return name
