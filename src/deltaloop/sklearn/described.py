"""What the docstrings of the estimators share."""

import inspect

_TEXTS = {
    "$SETTINGS": """
hidden_layer_sizes : array_like of int, or int, default (100,)
    Units of every hidden layer.
activation : str, Activation or sequence of them, default 'relu'
    Of the hidden layers: 'identity', 'logistic', 'tanh', 'relu', or any other one of
    `deltaloop.activations`; a sequence has one for each layer.
solver : str or optimiser, default 'adam'
    'sgd', 'adam' and 'lbfgs' as in scikit-learn; 'adamw', 'amsgrad', 'nadam', 'rmsprop',
    'adagrad' with learning_rate_init; 'adadelta', 'rprop' (all samples in one batch), 'scg' and
    'levenberg_marquardt' (all samples, alpha=0) with their own settings; or an object such as
    `deltaloop.Adam(0.01, clip_norm=1.0)`, whose settings are used in place of those below.
alpha : float, default 0.0001
    Penalty alpha / (2 s) ||W||^2 of the weights without biases, in the gradient of every solver.
    s is the number of samples of the batch, or the sum of their weights.
batch_size : int or 'auto', default 'auto'
    Samples of a mini-batch; 'auto' is min(200, n_samples).
learning_rate : {'constant', 'invscaling', 'adaptive'}, default 'constant'
    With solver='sgd' alone. 'invscaling': learning_rate_init / (t_ + 1)^power_t after each
    epoch. 'adaptive': divided by 5 where training would stop, down to 1e-6.
learning_rate_init : float, default 0.001
    The learning rate at first.
power_t : float, default 0.5
    See learning_rate.
max_iter : int, default 200
    Epochs at most; steps of solvers that look at all samples.
shuffle : bool, default True
    Whether every epoch has a new order.
random_state : int, RandomState or None, default None
    Of initial parameters, the split of early stopping, orders and dropout; the numbers are drawn
    as in scikit-learn, so that parameters begin with the same values.
tol : float, default 1e-4
    See n_iter_no_change; for 'lbfgs' the largest slope at which it has converged.
verbose : bool or int, default False
    Print the loss of every epoch.
warm_start : bool, default False
    `fit` goes on with the parameters, and the state of the solver, of the one before.
momentum, nesterovs_momentum : float, default 0.9, and bool, default True
    Of 'sgd'.
early_stopping : bool, default False
    Watch the score of samples that are not trained on, and leave the network as it was where that
    was best.
validation_fraction : float, default 0.1
    Share of the samples that early_stopping watches.
beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
    Of 'adam'. epsilon is added after the correction of the bias.
n_iter_no_change : int or inf, default 10
    Training stops after so many epochs in a row whose loss (or score) was not better by tol than
    the best one.
max_fun : int, default 15000
    Evaluations of the loss by 'lbfgs', at most.
""",
    "$MORE": """
dropout : float or sequence of float, default 0
    Share of the units of the hidden layers, or of each, that a step of training leaves out.
dtype : {'float32', 'float64'} or None, default None
    What is computed in; None: float32 for X in float32, else float64.
n_threads : int, default 1
    Threads that may share a mini-batch, as many as pay, or the samples of a prediction; the
    result is the same.
""",
    "$TABLE": """
budget : float, optional
    Seconds to spend. Left out, about as many as the table needs, at most some seconds; more trains
    more networks, of several kinds, and averages those that do best on rows that were held back.
simple : bool, default False
    Train one small network of 30 tanh units by plain gradient descent instead.
keep, ignore : iterable of str, default ()
    Columns to use in any case, and not to use.
encode : dict of str to {'hash', 'target'}, optional
    For text columns with many values.
random_state : int, RandomState or None, default None
""",
    "$MODEL": """
model_ : deltaloop.tabular.Model
    The network, with what it knows of columns and target; `model_.save(path)` writes it.
n_features_in_, feature_names_in_ : int, and ndarray where X had names
""",
    "$FITTED": """
coefs_ : list of ndarray, shape (n_in, n_out)
    Weights of every layer: live views of the parameters. What is assigned is used.
intercepts_ : list of ndarray, shape (n_out,)
    Biases.
loss_, best_loss_ : float
    Of the last epoch, penalty included, and the lowest one; None with early stopping.
loss_curve_ : list of float
    Of every epoch. It is a mean over the samples, each before the step that used it.
validation_loss_curve_ : list of float or None
    Of the samples that are watched, without penalty, after every epoch.
validation_scores_, best_validation_score_ : list of float, and float, or None
    Their scores; with early_stopping alone.
n_iter_ : int
    Epochs, or steps.
t_ : int
    Samples that were trained on so far.
n_layers_, n_outputs_ : int
    Layers, inputs included; outputs.
out_activation_ : str
    Of the outputs.
n_features_in_, feature_names_in_ : int, and ndarray where X had names
""",
}


def described(kind: type) -> type:
    """Put the shared texts in their places in the docstring of a class."""
    lines = []
    for line in inspect.getdoc(kind).splitlines():  # type: ignore[union-attr]
        lines.append(_TEXTS[line.strip()].strip() if line.strip() in _TEXTS else line)
    kind.__doc__ = "\n".join(lines) + "\n"
    return kind
