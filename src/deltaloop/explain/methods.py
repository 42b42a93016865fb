"""The part of `Network` that looks at itself."""

from typing import Any

from ..inputs import validation
from ..inputs.calls import explained
from ..inputs.checks import switch
from ..kernels.turns import Turns
from .deriving import Deriving


class Explaining(Deriving):
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

    @explained("write net.explain(x, y, W=(layer, unit, unit before)), or b=(layer, unit)")
    def explain(self, x, y, W=None, b=None, *, recursive: bool = False):
        """One number of the gradient, factor by factor, as the chain rule has it.

        dC/dw^l_jk = dC/da da/dz dz/dw, of the unit that the weight leads to: with C the loss of
        this sample, dC/da da/dz = delta^(l+1)_j its local gradient, and dz/dw = a^l_k. What delta
        is made of, the terms summed over the next layer or the slope of the loss, comes with it.

        Parameters
        ----------
        x : array_like, shape (n_in,)
            One sample; also (1, n_in), or one row of scipy.sparse.
        y : array_like, shape (n_out,)
            Its target; also (1, n_out), or the number of a class where `fit` takes one.
        W : (layer, unit, unit before), optional
            The weight, counted from 1 as in the mathematics: W=(2, 1, 3) is w^2_13, which is
            net.W[1][0, 2] and leads from unit 3 of the layer before (inputs, for layer 1).
        b : (layer, unit), optional
            Or the bias.
        recursive : bool, default False
            Explain every delta of the layers that follow as well, up to the outputs.

        Returns
        -------
        Explanation
            See `deltaloop.explain.chain_rule.Explanation`; print it to read it. Its value has the
            bits of `gradients`. Where an activation has overwritten z in the kernels, z is computed
            once more; f'(z) and dC/da are those of the reference.

        Raises
        ------
        InvalidInputError, InvalidTypeError
            x or y are not accepted or are several samples, or there is no such parameter.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(2, [dl.Dense(1, "sigmoid", init=([[1.0, -1.0]], [0.0])),
        ...                      dl.Dense(1, "identity", init=([[4.0]], [0.0]))], dtype="float64")
        >>> net.explain([3.0, 3.0], [1.0], W=(1, 1, 2))
        dC/dw^1_12 = dC/da^2_1 * da^2_1/dz^2_1 * dz^2_1/dw^1_12 = 3
          dC/da^2_1              w^2_11 delta^3_1             4 * 1           4
          da^2_1/dz^2_1          sigmoid'(z^2_1) = a (1 - a)  z = 0, a = 0.5  0.25
          delta^2_1 = dC/dz^2_1  dC/da^2_1 * da^2_1/dz^2_1    4 * 0.25        1
          dz^2_1/dw^1_12         a^1_2                                        3
          dC/dw^1_12             delta^2_1 * a^1_2            1 * 3           3
        loss mse 0.5; central difference of it 3
        """
        from .chain_rule import explain

        return explain(self, x, y, W, b, switch("recursive", recursive))

    def trace(self, x, y):
        """Every number of one step of gradient descent on one sample, in order.

        z, a and f'(z) of every unit, the loss and dC/da, delta = dC/dz from the outputs back, dW
        and db, and the parameters after the next step of `optimizer`. Nothing is changed.

        Parameters
        ----------
        x, y
            One sample and its target, as in `explain`.

        Returns
        -------
        Trace
            See `deltaloop.explain.trace.Trace`; print it to read it. The gradient has the bits of
            `gradients`; the step is that of `apply_gradient`, and of `learn_one` up to rounding
            (which with dropout drops units, too).

        Raises
        ------
        InvalidInputError, InvalidTypeError
            x or y are not accepted or are several samples, or `optimizer` looks at all samples.

        Examples
        --------
        >>> import deltaloop as dl
        >>> net = dl.Network(2, [dl.Dense(1, "sigmoid", init=([[1.0, -1.0]], [0.0])),
        ...                      dl.Dense(1, "identity", init=([[4.0]], [0.0]))], dtype="float64")
        >>> net.trace([3.0, 3.0], [1.0])  # doctest: +ELLIPSIS
        Trace: loss mse 0.5
        forward, z = W a + b and a = f(z)
          unit  a^1 = x
          1           3
          2           3
          unit  z^2  a^2 = sigmoid(z)  f'(z)
          1       0               0.5   0.25
          unit  z^3  a^3 = identity(z)  f'(z)
          1       2                  2      1
        loss
          unit  y  dC/da^3
          1     1        1
        backward, delta = dC/dz: at the outputs of the loss, before them W^T delta f'(z)
          unit  delta^3
          1           1
          unit  delta^2
          1           1
        gradient, dC/dW = delta a^T and dC/db = delta, and a step of SGD(...)
          parameter  before  gradient  after
          w^1_11          1         3    0.7
          w^1_12         -1         3   -1.3
          b^1_1           0         1   -0.1
          parameter  before  gradient  after
          w^2_11          4       0.5   3.95
          b^2_1           0         1   -0.1
        """
        from .trace import trace

        return trace(self, x, y)

    def explain_page(self, path, x, y, *, learning_rate=None, title=None) -> None:
        """Write one HTML file that shows a step of backpropagation, and lets one play with it.

        The network as the textbook draws it, with the forward pass, the loss, delta and the update
        step by step and every number in its place. Pointing at a weight shows its chain rule.
        Inputs, targets, parameters, activations and the learning rate can be changed. The file
        needs no network access and nothing beside it. It computes in float64.

        Parameters
        ----------
        path : str or path-like
            Used as it is; '.html' is customary. An existing file is replaced in one step.
        x, y
            One sample and its target, as in `explain`.
        learning_rate : float, optional
            Of plain gradient descent. Left out, that of `optimizer`.
        title : str, optional

        Raises
        ------
        InvalidInputError, InvalidTypeError
            x or y are not accepted; layers of more than 16 units, or more than 400 weights; an
            activation or loss of your own.
        OSError
            The file cannot be written; what was there before is untouched.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> import deltaloop as dl
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "net.html"
        ...     dl.Network([2, 2, 1]).explain_page(path, [1.0, 0.0], [1.0])
        ...     path.stat().st_size < 300_000
        True
        """
        from .page.writing import write

        write(self, path, x, y, learning_rate, title)
