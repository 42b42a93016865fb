"""Per-layer views of the flat parameters."""

from collections.abc import Sequence

import numpy as np

from ..errors import InvalidInputError, InvalidTypeError, shown
from ..inputs.checks import parameter


class Views(Sequence):
    """Views of theta, one per layer; assigning to an entry copies into the view."""

    def __init__(self, name, views):
        self._name, self._views = name, views

    def __len__(self):
        return len(self._views)

    def __getitem__(self, index):
        return self._views[index]

    def __setitem__(self, index, value):
        if isinstance(index, slice):
            raise InvalidTypeError(
                f"{self._name} is assigned layer by layer: {self._name}[0] = ...; "
                "or use theta for all at once"
            )
        view = self._views[index]
        if view is None:
            raise InvalidInputError(
                f"layer {index} has no bias to assign to; build it with bias=True"
            )
        if value is not view:  # net.b[0] -= step has already changed the view
            view[:] = parameter(f"{self._name}[{index}]", value, view.shape, view.dtype)

    def checked(self, values) -> list:
        """Copies of one array per layer, where all of them fit; None for a layer without bias."""
        name = self._name
        if isinstance(values, np.ndarray | str | bytes | dict | set) or not np.iterable(values):
            raise InvalidTypeError(
                f"{name} must be a list with one array per layer, got {shown(values)}; write "
                f"net.{name}[0] = ... for one of them"
            )
        values = list(values)
        if len(values) != len(self):
            raise InvalidInputError(
                f"{name} must have one array per layer ({len(self)}), got {len(values)}"
            )
        return [self._copied(index, value) for index, value in enumerate(values)]

    def _copied(self, index, value):
        view = self._views[index]
        if view is None:
            if value is not None:
                raise InvalidInputError(
                    f"layer {index} has no bias, so {self._name}[{index}] must be None; build it "
                    "with bias=True"
                )
            return None
        return parameter(f"{self._name}[{index}]", value, view.shape, view.dtype).copy()

    def fill(self, values: list) -> None:
        """Copy what `checked` gave into the views."""
        for view, value in zip(self._views, values, strict=True):
            if view is not None:
                view[:] = value

    def __repr__(self):
        return repr(self._views)
