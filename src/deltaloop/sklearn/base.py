"""What a classifier and a regressor share: parameters, checks, and the ways to train."""

import warnings
from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from ..inputs.checks import all_finite
from ..inputs.validation import inputs
from ..kernels.sparse_rows import SparseRows
from ..parts.activations import Activation
from ..parts.custom import CustomLoss
from ..parts.losses import Loss
from ..parts.optimizers import Optimizer
from ..parts.whole_batch import LBFGS, WholeBatch
from . import meanings, plain
from .calls import Calls
from .descent import Descent
from .held import Held, forward, glorot, predicted_plainly
from .steps import Steps
from .validation import Validation, split
from .versions import VERSION, CallbackSupportMixin, checked_weights, validate_data
from .watching import Watch
from .whole_batch import Objective, minimize

_FORMATS = ["csr", "csc"]


class BaseMLP(Held, CallbackSupportMixin, BaseEstimator, ABC):
    """Base of `MLPClassifier` and `MLPRegressor`."""

    _parameter_constraints: ClassVar[dict] = {
        "loss": [StrOptions(meanings.LOSS_NAMES), Loss, CustomLoss],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(meanings.HIDDEN), Activation, "array-like"],
        "solver": [StrOptions(meanings.SOLVERS), Optimizer, WholeBatch],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "dtype": [StrOptions({"float32", "float64"}), type, np.dtype, None],
        "n_threads": [Interval(Integral, 1, None, closed="left")],
    }

    class_weight: Any = None

    @abstractmethod
    def __init__(
        self, loss, hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate,
        learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start,
        momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon,
        n_iter_no_change, max_fun, dropout, dtype, n_threads,
    ):  # fmt: skip
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.dtype = dtype
        self.n_threads = n_threads

    @abstractmethod
    def _checked_targets(self, y, incremental):
        """Targets as an array (n_samples, n_out); what `fit` learns of them is kept."""

    @abstractmethod
    def _output(self) -> str:
        """The name of the output activation."""

    @abstractmethod
    def _rows_of_targets(self, y, dtype):
        """Targets as the network has them."""

    @abstractmethod
    def _score_of(self, y, weights):
        """f(outputs) -> the score against these targets."""

    @classmethod
    def _get_param_names(cls):
        """As scikit-learn's, but the signature is looked at once."""
        names = cls.__dict__.get("_names_of_parameters")
        if names is None:
            names = cls._names_of_parameters = tuple(super()._get_param_names())
        return list(names)

    def _validate_params(self):
        """As scikit-learn's, but settings that have passed are not looked at again."""
        settings = plain.settings_of(self)
        if not plain.have_passed(settings):
            super()._validate_params()
            plain.remember(settings)

    # ---- fitting

    def _fit(self, X, y, sample_weight=None, incremental=False, watched=None):
        """Train; `watched` is X, y and weights of samples to watch, or None."""
        sizes = self._hidden_sizes()
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        given_X, given_y = X, y
        X, y = self._validated(X, y, reset=first)
        y = self._checked_targets(y, incremental)
        if sample_weight is not None:
            sample_weight = checked_weights(sample_weight, X)
        random_state = self._random_state = check_random_state(self.random_state)
        self.n_outputs_ = y.shape[1]
        units = [X.shape[1], *sizes, self.n_outputs_]
        if first:
            self._initialize(units, self._dtype(X), random_state)
        else:
            self._check_same(units)
        net = self._network()
        if not first:
            self._hold(net)
        rows = inputs(X, net, looks=False)
        Y = self._rows_of_targets(y, net.dtype)
        weights = self._all_weights(sample_weight, y, incremental)
        if weights is not None and not weights.any():
            raise ValueError("the weights of all samples are 0; one has to be above 0")
        with Calls(self, given_X, given_y, sample_weight, not incremental) as calls:
            solver = meanings.stochastic(self)
            if solver is None:
                if watched is not None:
                    raise ValueError(
                        "X_val is watched while mini-batches are trained on, but "
                        f"solver={self.solver!r} looks at all samples; leave X_val out"
                    )
                self._fit_whole(net, X, Y, weights, calls)
            else:
                self._fit_stochastic(
                    net, solver, rows, y, Y, weights, sample_weight, incremental, watched, first,
                    calls,
                )  # fmt: skip
        if not all_finite(net._theta):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may"
                " contain large values and need to be preprocessed."
            )
        return self

    @staticmethod
    def _pair(X_val, y_val, sample_weight_val):
        """Samples to watch, or None."""
        if X_val is None and y_val is None and sample_weight_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val, the samples to watch, belong together; give both")
        return X_val, y_val, sample_weight_val

    def _hidden_sizes(self):
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _validated(self, X, y, reset):
        if plain.are_plain(self, X, y, "iub" if is_classifier(self) else "iuf", reset):
            return X, y
        return validate_data(
            self, X, y, accept_sparse=_FORMATS, multi_output=True,
            y_numeric=not is_classifier(self), dtype=(np.float64, np.float32), reset=reset,
        )  # fmt: skip

    def _initialize(self, units, dtype, random_state):
        """A new network, whose parameters are those that scikit-learn would draw."""
        self.n_iter_, self.t_ = 0, 0
        self.n_layers_ = len(units)
        self.out_activation_ = self._output()
        net = self._new_network(units, dtype)
        self._hold(net)
        activation = self.activation if isinstance(self.activation, str) else ""
        for view, values in zip(
            self._views, glorot(random_state, units, activation, dtype), strict=True
        ):
            view[...] = values

    def _check_same(self, units):
        """Refuse to go on with a network of other widths."""
        coefs = [np.asarray(W) for W in self.coefs_]
        before = [*(W.shape[0] for W in coefs), coefs[-1].shape[-1]]
        if before != units:
            raise ValueError(
                f"the network has layers of {before} units, but {units} are asked for now; "
                "set hidden_layer_sizes back, or warm_start=False and call fit"
            )

    def _all_weights(self, sample_weight, y, incremental):
        """Weights of the samples for the loss, in float64; None: all 1."""
        return None if sample_weight is None else sample_weight.astype(np.float64, copy=False)

    def _fit_stochastic(
        self, net, solver, X, y, Y, weights, sample_weight, incremental, watched, first, calls
    ):
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        steps = self.__dict__.get("_optimizer")
        if steps is None or (first and not incremental) or not steps.fits(solver, net._theta):
            steps = self._optimizer = Steps(solver, net._theta)
        else:
            steps.follow(solver, restarts=not incremental)
        chosen, validation = None, None
        if watched is not None:
            validation = self._watched(net, *watched)
        elif self.early_stopping:
            # as scikit-learn does: by two classes, but not by more, nor by labels
            stratify = y if is_classifier(self) and y.shape[1] == 1 else None
            chosen, held = split(len(X), self.validation_fraction, self._random_state, stratify)
            validation = self._held_back(X, y, Y, weights, sample_weight, held)
        if first:
            Watch.begin(self, net)
        else:
            Watch.go_on(self, net)
        n_samples = len(X) if chosen is None else len(chosen)
        noisy = net.plan.drops or solver.regularization.weight_noise > 0
        noise = int(self._random_state.randint(2**31 - 1)) if noisy else 0
        descent = Descent(
            net, steps, X, Y, weights, chosen, self._batch_size(n_samples, solver), self.alpha,
            self.n_threads, noise,
        )  # fmt: skip
        watch = Watch(self, net, steps, validation, self.early_stopping)
        self.n_iter_ = 0
        net._turns.train(self._descend, descent, watch, incremental, calls)
        if self.early_stopping:
            net._turns.write(np.copyto, net._theta, self._best_parameters)

    def _descend(self, descent, watch, incremental, calls):
        """Epochs, until something ends them."""
        try:
            for _ in range(self.max_iter):
                calls.begin_iteration()
                if self.shuffle:
                    descent.shuffle(self._random_state)
                is_over = watch.ended(descent.epoch(), descent.n_samples)
                is_over = calls.end_iteration() or is_over
                if is_over or incremental:
                    break
                watch.warn_if_last()
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)

    def _batch_size(self, n_samples, solver):
        if self.batch_size == "auto":
            return n_samples if solver.whole_batch else min(200, n_samples)
        if self.batch_size > n_samples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than "
                "sample size. It is going to be clipped",
                stacklevel=2,
            )
        size = int(np.clip(self.batch_size, 1, n_samples))
        if solver.whole_batch and size < n_samples:
            raise ValueError(
                f"solver={self.solver!r} compares the signs of gradients, so that it needs all "
                f"samples in one batch, got batch_size={size}; leave batch_size='auto'"
            )
        return size

    def _held_back(self, X, y, Y, weights, sample_weight, held):
        """Some of the samples as Validation."""
        rows = X.dense(held) if isinstance(X, SparseRows) else X[held]
        of_score = None if sample_weight is None else sample_weight[held]
        of_loss = None if weights is None else weights[held]
        if of_loss is not None and not of_loss.any():
            of_loss = None
        return Validation(rows, Y[held], of_loss, self._score_of(y[held], of_score), self.n_threads)

    def _watched(self, net, X, y, sample_weight):
        """Samples that the user wants to be watched as Validation."""
        X, y = self._validated(X, y, reset=False)
        y = self._checked_targets(y, incremental=True)
        if sample_weight is not None:
            sample_weight = checked_weights(sample_weight, X)
        rows, Y = inputs(X, net, looks=False), self._rows_of_targets(y, net.dtype)
        weights = self._all_weights(sample_weight, y, True)
        return Validation(rows, Y, weights, self._score_of(y, sample_weight), self.n_threads)

    def _fit_whole(self, net, X, Y, weights, calls):
        optimizer = meanings.whole_batch(self.solver)
        if not isinstance(optimizer, LBFGS):
            self._fit_by_steps(net, X, Y, weights, optimizer)
            return
        given = None if self.solver == "lbfgs" else optimizer
        minimize(self, self._objective(X, Y, weights), given, calls)

    def _fit_by_steps(self, net, X, Y, weights, optimizer):
        """With SCG or Levenberg and Marquardt, which have no penalty of their own."""
        if self.alpha:
            raise ValueError(
                f"solver={self.solver!r} has no penalty, got alpha={self.alpha}; set alpha=0, or "
                "use solver='lbfgs'"
            )
        history = net.fit(
            X, Y, epochs=self.max_iter, optimizer=optimizer, tol=self.tol,
            patience=min(self.n_iter_no_change, self.max_iter), sample_weight=weights,
        )  # fmt: skip
        self.loss_curve_ = list(history.loss)
        self.n_iter_, self.loss_ = len(history), history.loss[-1]
        self.best_loss_ = min(history.loss)
        if history.stop_reason == "epochs":
            warnings.warn(
                f"solver={self.solver!r} has made max_iter={self.max_iter} steps and has not "
                "converged yet",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _objective(self, X, Y, weights):
        """What L-BFGS makes small, in float64."""
        net = self._net
        if net.dtype != np.float64:
            net = self._new_network(net.sizes, np.float64)
        return Objective(
            net, inputs(X, net, looks=False), Y.astype(np.float64), weights, float(self.alpha)
        )

    def _loss_grad_lbfgs(
        self, packed_coef_inter, X, y, sample_weight, activations=None, deltas=None,
        coef_grads=None, intercept_grads=None,
    ):  # fmt: skip
        """Loss and gradient where the parameters are this vector, as scikit-learn packs them."""
        self._network()
        Y = np.asarray(y)
        return self._objective(X, Y.reshape(len(Y), -1), sample_weight)(packed_coef_inter)

    # ---- predicting

    def _outputs(self, X):
        """Output activations for samples that nobody has looked at."""
        if "_net" in self.__dict__ and "feature_names_in_" not in self.__dict__:
            found = predicted_plainly(self._network(), X, self.n_threads)
            if found is not None:
                return found
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=_FORMATS, reset=False)
        net = self._network()
        return forward(net, inputs(X, net, looks=False), self.n_threads)[0]

    def _check_solver(self):
        if not meanings.is_stochastic(self.solver):
            raise AttributeError(
                "partial_fit is only available for stochastic"
                f" optimizers. {self.solver} is not stochastic."
            )
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    if VERSION < (1, 6):

        def _more_tags(self):
            return {}
