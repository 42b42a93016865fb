"""Loss functions by name. Every loss is the mean over samples of a sum over outputs.

| name                 | loss of one sample                            | belongs to |
|----------------------|-----------------------------------------------|------------|
| mse                  | 1/2 sum_j (a_j - y_j)^2                       | identity   |
| binary_cross_entropy | -sum_j [y_j log a_j + (1 - y_j) log(1 - a_j)] | sigmoid    |
| cross_entropy        | -sum_j y_j log a_j                            | softmax    |

With the output activation it belongs to, a loss has delta = a - y (cross_entropy:
(sum_j y_j) a - y, the same for targets that sum to 1), and the two
cross-entropies are computed from the logits z without ever taking the logarithm of a
rounded probability:

    binary_cross_entropy   max(z, 0) - z y + log(1 + exp(-|z|))
    cross_entropy          sum_j y_j (log sum_k exp(z_k) - z_j)

`fit`, `loss` and `gradients` want the targets of a sample of cross_entropy to sum to 1; where
nothing is checked, as in `learn_one`, any other sum weights the sample.

With any other output the delta is the general product dC/da f'(z), and the logarithm
sees a limited to [eps, 1 - eps] (cross_entropy: [eps, inf)), eps being the machine epsilon
of the dtype; where the limit acts, the loss is constant and the gradient 0.

Note the factor 1/2 in mse: its delta at a linear output is a - y, without a 2.
Source: Bishop, Pattern Recognition and Machine Learning (2006), section 5.2.
"""

from ..errors import InvalidTypeError, instead, unknown_name
from ..kernels.interface import LOSSES
from .custom import CustomLoss
from .optimizers import is_optimizer

# the output activation with which the delta is a - y or like it
CANONICAL_OUTPUT = {
    "mse": "identity",
    "binary_cross_entropy": "sigmoid",
    "cross_entropy": "softmax",
}


def check_loss(name) -> str | CustomLoss:
    """`name`, if it is a loss: a name or what `custom_loss` made."""
    if isinstance(name, CustomLoss):
        return name
    if not isinstance(name, str):
        if is_optimizer(name):
            hint = "; an optimizer is given to fit: net.fit(X, Y, optimizer=SGD(learning_rate=0.1))"
        else:
            hint = instead("loss", name, LOSSES)
        raise InvalidTypeError(
            "loss is what custom_loss returned or a name such as 'mse', got "
            f"{type(name).__name__}{hint}"
        )
    if name not in LOSSES:
        raise unknown_name("loss", name, LOSSES)
    return name
