"""Training until every output is close to its target."""

from statistics import median

import numpy as np

import deltaloop as dl


def sweeps(
    net: dl.Network,
    X,
    Y,
    close: float,
    most: int,
    optimizer,
    batch_size: int,
    shuffle: bool = False,
) -> int | None:
    """Sweeps until |a - y| < close for every pattern and output; None: not within `most`.

    The patterns come in the same order in every sweep, unless they are shuffled.
    """
    Y = np.reshape(Y, (len(X), -1)).astype(float)

    def is_learned(state):
        return bool((np.abs(state.net.predict(X) - Y) < close).all())

    history = net.fit(
        X, Y, epochs=most, batch_size=batch_size, optimizer=optimizer, shuffle=shuffle,
        callbacks=[is_learned],
    )  # fmt: skip
    return len(history) if history.stop_reason.startswith("callback") else None


def told(found: list[int | None]) -> str:
    """How many runs ended, and after how many sweeps."""
    solved = [n for n in found if n is not None]
    if not solved:
        return f"0 of {len(found)}"
    return f"{len(solved)} of {len(found)}, median {median(solved):,.0f}"
