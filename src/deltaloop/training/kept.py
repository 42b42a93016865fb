"""The state of a training as plain arrays and JSON, for files; nothing in it is code."""

from dataclasses import asdict
from typing import Any

import numpy as np

from ..errors import FileFormatError, InvalidInputError, shown
from ..inputs.checks import whole_number
from ..interop import archive
from ..kernels.interface import RULES, Plan
from ..kernels.memory import aligned_zeros
from ..parts.whole_batch import with_optimizer
from .history import History
from .run import Position, Run

_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")  # of NumPy
_COLUMNS = ("loss", "validation_loss", "learning_rate", "seconds")


def kept(net, run: Run | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a file keeps beside the parameters: that of a training, of `learn_one` and the seed."""
    slots, step = net._session.progress()
    description: dict[str, Any] = {
        "generator": description_of(net.generator),
        "session": {"step": int(step), "noise": net._noise},
        "run": None,
    }
    arrays = {"session_slots": _packed(net.plan, slots)}
    if run is not None:
        description["run"], more = _of_run(net.plan, run)
        arrays |= more
    return description, arrays


def restore(net, description: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Give a network that was just made the state that `kept` described.

    Raises
    ------
    KeyError, TypeError, ValueError, DeltaloopError
        It is not of this network, or damaged.
    """
    net.generator = generator(description["generator"])
    slots = _unpacked(net.plan, arrays["session_slots"], net.dtype)
    if len(slots) != len(net._session.progress()[0]):
        raise FileFormatError(f"the state of {net.optimizer!r} has {len(slots)} parts")
    net._noise = _seed(description["session"])
    net._session = with_optimizer(net._session, net.optimizer, net._noise)
    net._session.resume(slots, whole_number("step", description["session"]["step"], low=0))
    if description["run"] is not None:
        net._run = run_of(net.plan, net.dtype, description["run"], arrays)


def _of_run(plan, run):
    """A run as (JSON, arrays)."""
    history = run.history
    columns = {name: getattr(history, name) for name in _COLUMNS if getattr(history, name)}
    columns |= {f"metric {name}": values for name, values in history.metrics.items()}
    description = {
        "optimizer": None if run.optimizer is None else archive.described(run.optimizer),
        "rule": run.rule,
        "step": run.step,
        "noise": run.noise,
        "columns": list(columns),
        "stop_reason": history.stop_reason,
        "best_epoch": history.best_epoch,
        "finished": run.finished,
        "schedule": run.schedule,
        "position": None,
    }
    if run.position is not None:
        description["position"] = asdict(run.position) | {
            "generator": _of_state(run.position.generator)
        }
    arrays = {
        "run_slots": _packed(plan, run.slots),
        "run_history": np.array(list(columns.values()), np.float64).reshape(
            len(columns), len(history)
        ),
    }
    if run.held is not None:
        arrays["run_held"] = run.held
    if run.best is not None:
        arrays["run_best"] = _packed(plan, run.best[None])
    return description, arrays


def run_of(plan: Plan, dtype, description: dict[str, Any], arrays: dict[str, np.ndarray]) -> Run:
    """The run that `_of_run` described; errors as in `restore`."""
    optimizer = description["optimizer"]
    history = History(
        stop_reason=str(description["stop_reason"]), best_epoch=description["best_epoch"]
    )
    for name, values in zip(description["columns"], arrays["run_history"].tolist(), strict=True):
        if name in _COLUMNS:
            setattr(history, name, values)
        else:
            history.metrics[name.removeprefix("metric ")] = values
    if history.best_epoch is not None:
        whole_number("best_epoch", history.best_epoch, high=max(1, len(history)))
    position = description["position"]
    if position is not None:
        position = Position(
            tuple(position["place"]), whole_number("start", position["start"], low=0),
            float(position["total"]), float(position["weight"]), float(position["seconds"]),
            _state(position["generator"]),
        )  # fmt: skip
    held, best = arrays.get("run_held"), arrays.get("run_best")
    if held is not None and (held.dtype.kind != "i" or held.ndim != 1):
        raise FileFormatError("the samples that were split off are no whole numbers")
    return Run(
        None if optimizer is None else archive.optimizer(optimizer),
        RULES[RULES.index(description["rule"])],
        _unpacked(plan, arrays["run_slots"], dtype),
        whole_number("step", description["step"], low=0),
        history,
        None if held is None else held.astype(np.intp),
        None if best is None else _unpacked(plan, best, dtype)[0],
        position,
        bool(description["finished"]),
        _seed(description),
        _text(description.get("schedule")),
    )


def _text(found):
    """A text or None, which files of earlier versions do not have."""
    if not isinstance(found, str | None):
        raise FileFormatError(f"what stands for the schedule is no text: {shown(found)}")
    return found


def _seed(description):
    """The seed of dropout."""
    return whole_number("noise", description["noise"], low=0)


def _packed(plan, slots):
    """Arrays laid out as theta without padding, shape (n_slots, n_parameters)."""
    rows = [plan.packed(slot) for slot in slots]
    return np.array(rows, slots.dtype).reshape(len(slots), plan.n_parameters)


def _unpacked(plan, rows, dtype):
    """The arrays that `_packed` was given."""
    slots = aligned_zeros((len(rows), plan.n_theta), dtype)
    if rows.dtype != dtype or not np.isfinite(rows).all():
        raise FileFormatError(f"the state of the optimizer is not finite, or not in {dtype}")
    if rows.shape[1:] != (plan.n_parameters,):
        raise FileFormatError(f"the state has shape {rows.shape}, not (.., {plan.n_parameters})")
    for slot, row in zip(slots, rows, strict=True):
        plan.unpack(row, slot)
    return slots


def description_of(generator):
    """The state of a generator of NumPy."""
    bits = getattr(generator, "bit_generator", None)
    if type(generator) is not np.random.Generator or type(bits).__name__ not in _BIT_GENERATORS:
        raise InvalidInputError(
            f"a generator of your own is code, which a file does not hold, got {generator!r}; use "
            "numpy.random.default_rng(seed)"
        )
    return _of_state(bits.state)


def generator(description) -> np.random.Generator:
    """The generator that `description_of` described."""
    state = _state(description)
    name = state["bit_generator"]
    if name not in _BIT_GENERATORS:
        raise FileFormatError(f"expected one of {', '.join(_BIT_GENERATORS)}, got {name!r}")
    bits = getattr(np.random, name)()
    bits.state = state
    return np.random.Generator(bits)


def _of_state(state):
    """A state with lists for arrays."""
    if isinstance(state, dict):
        return {name: _of_state(value) for name, value in state.items()}
    if isinstance(state, np.ndarray):
        return {"dtype": state.dtype.name, "values": state.tolist()}
    return state if isinstance(state, str) or state is None else int(state)


def _state(described):
    """The state that `_of_state` was given."""
    if not isinstance(described, dict):
        return described
    if set(described) == {"dtype", "values"} and described["dtype"] in ("uint32", "uint64"):
        return np.array(described["values"], described["dtype"])
    return {name: _state(value) for name, value in described.items()}
