"""A file of a network, cut or changed all over: refused by name, or another network."""

import numpy as np
import pytest

import deltaloop as dl


def check_cuts(path, cuts):
    """Refused wherever it ends too early."""
    content = path.read_bytes()
    for cut in cuts:
        path.write_bytes(content[:cut])
        with pytest.raises(dl.FileFormatError, match=path.name.replace(".", r"\.")):
            dl.formats.read(path)


def check_changes(path, every, errors=dl.FileFormatError, **more):
    """Refused, or a network of finite parameters, with another byte at every so many-th place."""
    content = path.read_bytes()
    random = np.random.default_rng(0)
    for at in range(0, len(content), every):
        flip = int(random.choice((1, 4, 32, int(random.integers(1, 256)))))
        path.write_bytes(content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :])
        try:
            found = dl.formats.read(path, **more)
        except errors:
            continue
        assert np.isfinite(found.theta).all()
