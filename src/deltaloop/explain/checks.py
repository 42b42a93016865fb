"""Checks of what functions that explain a network are given."""

from ..errors import InvalidTypeError


def check_network(net) -> None:
    """Refuse what is no network."""
    if not hasattr(net, "loss_and_gradient"):
        raise InvalidTypeError(f"net must be a deltaloop.Network, got {type(net).__name__}")
