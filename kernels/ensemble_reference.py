"""Many networks, one after the other, each trained as one alone: the meaning of ensembles.py."""

from dataclasses import replace

import numpy as np

from . import reference
from .ensembles import REASONS, Training, takes_momentum
from .memory import Work, aligned_zeros


class Judge:
    """When the training of one network ends: what cython/ensemble_epochs.pxi has in lanes."""

    def __init__(self, training: Training, network: np.void):
        self.training, self.network = training, network

    def judge(self, loss: float, watched: float | None) -> bool:
        """After a finite epoch; whether it was the best so far."""
        training, network = self.training, self.network
        value = loss if watched is None else watched
        is_best = value < network["lowest"]
        if is_best:
            network["lowest"], network["best_epoch"] = value, network["done"]
        if training.target_loss is not None and value <= training.target_loss:
            network["reason"] = REASONS.index("target_loss")
        elif value < network["best"] - (training.tol or 0.0):
            network["best"], network["without"] = value, 0
        else:
            network["without"] += 1
            if training.patience is not None or training.tol is not None:
                name = "tol" if training.patience is None else "patience"
                if network["without"] >= (training.patience or 1):
                    network["reason"] = REASONS.index(name)
        if not network["reason"] and network["done"] >= network["last"]:
            network["reason"] = REASONS.index("epochs")
        return is_best


def lanes(dtype) -> int:
    """Networks of a block of the reference."""
    return 1


def train_networks(training: Training, first, stop, n_epochs, n_threads=1) -> None:
    """Every network as one alone."""
    for block in range(first, stop):
        for lane in training.lane_of[block]:
            if lane >= 0 and training.networks[lane]["reason"] == 0:
                _train(training, block, lane, n_epochs)


def _train(training, block, index, n_epochs):
    plan, network = training.plan, training.networks[index]
    rule = replace(
        training.rule,
        hyper=(
            float(network["learning_rate"]),
            *((float(network["momentum"]),) if takes_momentum(training.rule) else ()),
            *training.rule.hyper[1 + takes_momentum(training.rule) :],
        ),
        regularization=replace(
            training.rule.regularization, weight_decay=float(network["weight_decay"])
        ),
    )
    theta = aligned_zeros(plan.n_theta, plan.dtype)
    packed = np.empty_like(training.parameters[index])
    packed[training.positions] = training.theta[block, :, 0]
    plan.unpack(packed, theta)
    state = _widened(training, block, rule)
    n = training.n_samples
    rows = slice(network["first_row"], network["first_row"] + n)
    X, Y, weights = training.X[rows], training.Y[rows], None
    if training.weights is not None:
        weights = training.weights[network["first_weight"] :][:n]
    work = Work(plan, training.batch_size)
    judge = Judge(training, network)
    for _ in range(n_epochs):
        order = training.generators[index].permutation(n) if training.shuffle else None
        before, epoch = theta.copy(), int(network["done"])
        total = reference.train_epoch(
            plan, theta, state, rule, X, Y, order, 0, n, training.batch_size, work,
            step=epoch * training.n_batches, weights=weights,
        )  # fmt: skip
        loss = total / (n if weights is None else weights.sum())
        watched = _watched(training, network, theta)
        if not (np.isfinite(loss) and np.isfinite(theta).all() and np.isfinite(watched or 0)):
            theta[:] = before
            network["reason"] = REASONS.index("diverged")
            break
        training.losses[epoch, index] = loss
        if watched is not None:
            training.watched_losses[epoch, index] = watched
        network["done"] += 1
        if judge.judge(loss, watched) and training.best is not None:
            training.best[index] = plan.packed(theta)
        if network["reason"]:
            break
    training.theta[block, :, 0] = plan.packed(theta)[training.positions]
    _keep(training, block, rule, state)


def _widened(training, block, rule):
    """The slots of a network as `reference` has them: padded, after the gradient if flat."""
    plan = training.plan
    state = aligned_zeros((rule.n_slots, plan.n_theta), plan.dtype)
    for slot, values in zip(state[int(rule.is_flat) :], training.state[block], strict=True):
        packed = np.empty(plan.n_parameters, plan.dtype)
        packed[training.positions] = values[:, 0]
        plan.unpack(packed, slot)
    return state


def _keep(training, block, rule, state):
    for values, slot in zip(training.state[block], state[int(rule.is_flat) :], strict=True):
        values[:, 0] = training.plan.packed(slot)[training.positions]


def _watched(training, network, theta):
    if training.watched is None:
        return None
    X, Y, n = training.watched
    rows = slice(network["first_watched"], network["first_watched"] + n)
    work = Work(training.plan, 1)
    return reference.loss_gradient(training.plan, theta, X[rows], Y[rows], None, work)


def forward_networks(training: Training, first, stop, X, rows, out, n_threads=1) -> None:
    """Outputs of every network."""
    plan = training.plan
    theta = aligned_zeros(plan.n_theta, plan.dtype)
    for block in range(first, stop):
        for index in training.lane_of[block]:
            packed = np.empty(plan.n_parameters, plan.dtype)
            packed[training.positions] = training.theta[block, :, 0]
            plan.unpack(packed, theta)
            start, n = 0 if rows is None else rows[index], out.shape[1]
            reference.forward(plan, theta, X[start : start + n], out[index], Work(plan, 1))
