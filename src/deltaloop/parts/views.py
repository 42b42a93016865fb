"""Per-layer views of the flat parameters."""

from collections.abc import Sequence

from ..errors import InvalidInputError, InvalidTypeError
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

    def __repr__(self):
        return repr(self._views)
