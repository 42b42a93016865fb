"""The part of `Network` that looks at itself."""

from typing import Any

from ..inputs import validation
from ..kernels.turns import Turns


class Explaining:
    """What a network tells of itself."""

    __slots__ = ()

    # set by Network
    _turns: Turns
    _data: Any

    def diagnose(self, X, Y, *, sample_weight=None):
        """What is wrong with this network, and with the data that it is to learn from.

        The loss against that of the best prediction that is the same for every sample; units
        that are dead or saturated; the gradient layer by layer; columns of X and Y that are far
        from mean 0 and deviation 1; targets that the output cannot reach. Nothing is changed.

        Parameters
        ----------
        X, Y, sample_weight
            As in `fit`; the weights count in the loss and in the best constant prediction.

        Returns
        -------
        Diagnosis
            See `deltaloop.explain.diagnose.Diagnosis`; print it to read it.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            X or Y are not accepted.

        Examples
        --------
        >>> import deltaloop as dl
        >>> years = [[1990.0], [2000.0], [2010.0], [2020.0]]
        >>> net = dl.Network([1, 4, 1], activation="tanh", init="ones")
        >>> net.diagnose(years, [0.1, 0.4, 0.3, 0.9])
        Diagnosis: 4 samples, loss 6.43375, of the best constant prediction 0.0434375
          layer  units  activation  dead  saturated  |gradient|  |parameters|  dC/dz
              1      4  tanh           0          4           0             2      0
              2      1  identity       0          0        7.99             2   3.59
        - the input is far from mean 0 and deviation 1 (it has mean 2005 and deviation 11.2); standardise: net.scaling = deltaloop.Scaling.standardize(X)
        - 4 of 4 units of layer 1 are saturated: their slope is nearly 0 for almost every sample; standardise inputs, start from smaller weights, or lower learning_rate
        - the output is the same for every sample, 4
        - the loss 6.434 is no better than that of a constant prediction, 0.04344: nothing has been learned from the inputs yet
        """  # noqa: E501
        from .diagnose import diagnose

        X, Y = self._data(X, Y)
        weights = validation.weights(sample_weight, len(X))
        return self._turns.read(diagnose, self, X, Y, weights)
