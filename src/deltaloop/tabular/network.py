"""Networks that know the columns of the table that they were trained on."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..network import Network
from ..tables import Table
from .model import Model


class TableNetwork(Network):
    """A `Network` whose `predict` takes tables as well; `deltaloop.load` makes it.

    A file that `Model.save` or `deltaloop train` wrote knows the columns. Everything else is as in
    `Network`, whose arrays hold the inputs that `model.preparation.transform(table)` makes.
    """

    __slots__ = ()

    @property
    def model(self) -> Model:
        """What `deltaloop.tabular.load` gives: targets, classes, scores, report."""
        return Model.of_network(self)

    def predict(self, X, n_threads: int | str = 1) -> np.ndarray:
        """What `Model.predict` says of a table; of arrays what `Network.predict` does.

        Parameters
        ----------
        X : data frame, Table, mapping of columns, path; or array_like or sparse matrix
            Columns of a table by their names, in any order; or an array of shape
            (n_samples, n_inputs), which is taken for inputs and not for the columns of a table.
        n_threads : int or 'auto', default 1
            For arrays, see `Network.predict`.

        Returns
        -------
        ndarray
            Of a table, shape (n_rows,): classes, or values; (n_rows, n_targets) with several
            targets. Of arrays, shape (n_samples, n_out): the outputs.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            A column is missing, or holds text where it was numeric; X is not accepted.
        FileFormatError
            What the network knows of columns is damaged.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import deltaloop as dl
        >>> frame = {"area": [40, 90, 55, 120, 70, 105], "kind": ["flat", "house"] * 3}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "net.npz"
        ...     dl.tabular.fit(frame, "kind").save(path)
        ...     net = dl.load(path)
        >>> net.predict({"area": [50, 110]}).tolist()
        ['flat', 'house']
        >>> net.predict_proba({"area": [50, 110]}).shape
        (2, 2)
        """
        if is_table(X):
            return self.model.predict(X)
        return super().predict(X, n_threads)

    def predict_proba(self, frame) -> np.ndarray:
        """The probability of every class, see `Model.predict_proba`."""
        return self.model.predict_proba(frame)


def is_table(X: Any) -> bool:
    """Whether it has columns with names, or is the path of a file."""
    if isinstance(X, Table | Mapping | str | os.PathLike):
        return True
    if isinstance(X, np.ndarray):
        return X.dtype.names is not None
    return hasattr(X, "columns") or hasattr(X, "__arrow_c_stream__")
