"""Epochs of mini-batches whose samples lie on several ranks.

Every rank makes the same updates. Of its n_r samples each mini-batch gets as many as it gets of
all samples, up to one:

    synchronous     g = sum_r w_r g_r / sum_r w_r for every update, w_r: the samples of rank r in
                    the mini-batch, or the sum of their weights
    averaging       k updates by every rank alone, then theta + sum_r m_r (theta_r - theta) / m,
                    where m_r of m samples were seen by rank r; the optimiser's state likewise

A training with the gradient of all samples is synchronous, with one mini-batch.
"""

import math
import zlib
from dataclasses import replace
from time import perf_counter

import numpy as np

from ..kernels.interface import Regularization, Rule
from ..kernels.memory import Work, aligned_zeros
from ..parallel.ranks import LOSS, SEEN, WEIGHT, Ranks
from .descent import Descent
from .rates import Rates
from .slices import SLICE_SECONDS

_MIX = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: keeps the seeds of ranks apart
_AHEAD = 512  # mini-batches whose samples on all ranks are counted at once
_NO_LIMIT = 1e300  # a regularisation that changes nothing, but makes a rule keep its gradient


def of_rank(generator: np.random.Generator, rank: int) -> np.random.Generator:
    """A generator for one rank, from one that draws the same on all of them."""
    return np.random.default_rng([int(generator.integers(2**63)), rank])


def keeps_gradient(rule: Rule) -> Rule:
    """A rule that leaves theta as it is, and the gradient of a step in its first slot."""
    noise = rule.regularization.weight_noise
    kept = Regularization(clip_value=_NO_LIMIT, weight_noise=noise)
    return Rule.of("sgd", 0.0, 0.0, regularization=kept)


class SharedDescent(Descent):
    """Descends with the gradient of all ranks; parameters as those of Descent, and `ranks`."""

    def __init__(self, net, samples, settings, run, rule, last, ranks: Ranks):
        self.net, self.samples, self.run, self.rule = net, samples, run, rule
        self.ranks, self.shuffle = ranks, settings.shuffle
        self.counts = counts = self.ranks.gather(np.array([samples.n_samples], np.int64))[:, 0]
        n_total, self._ahead = int(counts.sum()), range(0)
        self.n_batches = -(-n_total // settings.batch_size)
        self.size = -(-samples.n_samples // self.n_batches)
        self.rates = Rates(settings.schedule, rule, last, self.n_batches)
        # of other parts of the samples an epoch under way begins again
        of_parts = self.ranks.size, zlib.crc32(counts.tobytes())
        self.place = n_total, settings.batch_size, self.shuffle, *of_parts
        if run.position is not None and run.position.place != self.place:
            run.position = None
        self._rate = rule.hyper[0]
        self.step_rule = self._prepare()
        self.work = Work.for_batches(
            net.plan, samples.X, self.step_rule, self.size, settings.n_threads
        )

    def _prepare(self):
        """Lay out what is exchanged; the rule that computes before it is."""
        n, dtype = len(self.net._theta), self.net.dtype
        self.ranks.use(n, dtype)
        self.grad, rule = self.ranks.payload, keeps_gradient(self.rule)
        self.state = self.grad.reshape(1, n)
        if rule.n_slots > 1:
            self.state = aligned_zeros((rule.n_slots, n), dtype)
        return rule

    def epoch(self, epochs):
        """(loss, seconds, learning rate) of an epoch; None if it was ended in the middle."""
        now, rule = self._begin(epochs)
        self.noise = (self.run.noise + self.ranks.rank * _MIX) % 2**64
        order = None if self.shuffle else self.samples.chosen
        if self.shuffle:
            order = self.samples.order(of_rank(self.net.generator, self.ranks.rank), self.shuffle)
        looked, looks = perf_counter(), False
        while now.start < self.n_batches and math.isfinite(now.total):
            if looks:
                if epochs.between(now.start / self.n_batches, now):
                    return None
                looked = perf_counter()
            n = self._n_updates(now.start)
            late = False
            if epochs.watches:
                epochs.check_not_moved()
                late = perf_counter() - looked > SLICE_SECONDS
            self.ranks.wants_look = late or epochs.reason is not None
            began = perf_counter()
            looks = self._update(order, now.start, n, rule, now)
            now.seconds += perf_counter() - began
            now.start += n
            self.run.step += n
            if epochs.counts_steps:
                epochs.stepped(now.total / now.weight if now.weight else math.nan, self._rate)
        self.ranks.wants_look = False
        return now.total / now.weight, now.seconds, self.rates.learning_rate

    def _n_updates(self, batch):
        return 1

    def _border(self, batch):
        """The first sample of a mini-batch, in the order of this rank; ranks begin apart."""
        rank, size, n = self.ranks.rank, self.ranks.size, self.n_batches
        return (batch * self.samples.n_samples * size + rank * n) // (n * size)

    def _n_of_all(self, batch):
        """Samples that a mini-batch has on all ranks."""
        if batch not in self._ahead:
            size, n = self.ranks.size, self.n_batches
            self._ahead = range(batch, min(batch + _AHEAD, n))
            borders = np.zeros(len(self._ahead) + 1, np.int64)
            for rank, count in enumerate(self.counts.tolist()):
                at = np.arange(batch, batch + len(borders))
                borders += (at * count * size + rank * n) // (n * size)
            self._n_ahead = np.diff(borders).tolist()
        return self._n_ahead[batch - self._ahead.start]

    def _piece(self, order, batch, n):
        """What the kernels get for n updates, and how many samples that are."""
        first, stop = self._border(batch), self._border(batch + n)
        piece = self.samples.piece(order, first, stop) if stop > first else None
        return piece, stop - first

    def _update(self, order, batch, n, rule, now):
        """One update with the gradient of all ranks; whether rank 0 wants to look in."""
        net, ranks, run = self.net, self.ranks, self.run
        piece, n_samples = self._piece(order, batch, 1)
        # without weights the share of this rank is known before the sum
        total = self._n_of_all(batch) if self.samples.weights is None else 1
        loss, weight = 0.0, 0.0
        if piece is None:
            self.grad[:] = 0
        else:
            X, Y, order, start, stop, weights = piece
            loss = self._compute(
                self.state, self.step_rule, X, Y, order, start, stop, n_samples, weights, None
            )
            weight = _weight_of(weights, order, start, stop)
            np.multiply(self.state[0], weight / total, out=self.grad)
        ranks.extras[WEIGHT], ranks.extras[LOSS] = weight, loss
        looks = ranks.exchange()
        weight, loss = float(ranks.extras[WEIGHT]), float(ranks.extras[LOSS])
        if self.samples.weights is not None and weight > 0:
            self.grad *= 1 / weight
        net._turns.write(
            net.backend.apply_gradient, net.plan, net._theta, run.slots,
            self._at_rate(rule, batch), self.grad, run.step,
        )  # fmt: skip
        now.total += loss
        now.weight += weight
        return looks

    def _compute(self, state, rule, X, Y, order, start, stop, size, weights, rates):
        """Steps on samples of this rank; the sum of their losses."""
        net = self.net
        return net._turns.write(
            net.backend.train_epoch, net.plan, net._theta, state, rule, X, Y, order, start, stop,
            size, self.work, 0.0, self.run.step, weights, rates, self.noise,
        )  # fmt: skip

    def _at_rate(self, rule, batch):
        """The rule with the learning rate of an update."""
        if self.rates.schedule is None:
            return rule
        rates = self.rates.of_batches(batch, self.run.step, 1)
        if rates is None:
            self._rate = rule.hyper[0]
            return rule
        self._rate = float(rates[0])
        return replace(rule, hyper=(self._rate, *rule.hyper[1:]))


def _weight_of(weights, order, start, stop):
    """Sum of the weights of some samples."""
    if weights is None:
        return float(stop - start)
    return float(weights[slice(start, stop) if order is None else order[start:stop]].sum())


class AveragedDescent(SharedDescent):
    """Every rank descends alone for some updates; then all go on from their mean."""

    def __init__(self, net, samples, settings, run, rule, last, ranks: Ranks, every: int):
        self.every = every
        super().__init__(net, samples, settings, run, rule, last, ranks)

    def _prepare(self):
        rule, n = self.rule, len(self.net._theta)
        # the gradient and noisy parameters of a rule are scratch memory
        first = int(rule.is_flat)
        self.kept = self.run.slots[first : first + len(rule.row.slots)]
        self.ranks.use(n * (1 + len(self.kept)), self.net.dtype)
        moved = self.ranks.payload.reshape(1 + len(self.kept), n)
        self.pairs = [(self.net._theta, moved[0]), *zip(self.kept, moved[1:], strict=True)]
        self.before = np.empty_like(moved)
        return rule

    def _n_updates(self, batch):
        return min(self.every, self.n_batches - batch)

    def _update(self, order, batch, n, rule, now):
        net, ranks, run = self.net, self.ranks, self.run
        for (values, _), before in zip(self.pairs, self.before, strict=True):
            before[:] = values
        piece, n_samples = self._piece(order, batch, n)
        loss, weight = 0.0, 0.0
        if piece is not None:
            X, Y, order, start, stop, weights = piece
            size, rates = -(-n_samples // n), None
            if self.rates.schedule is not None:
                rates = self.rates.of_batches(batch, run.step, n)
                self._rate = rule.hyper[0] if rates is None else float(rates[-1])
            loss = self._compute(run.slots, rule, X, Y, order, start, stop, size, weights, rates)
            weight = _weight_of(weights, order, start, stop)
        # before + sum_r m_r (values - before) / m: what nobody moved stays as it is
        with np.errstate(all="ignore"):  # a training may diverge
            for (values, moved), before in zip(self.pairs, self.before, strict=True):
                np.subtract(values, before, out=moved)
                moved *= n_samples
            ranks.extras[WEIGHT], ranks.extras[LOSS] = weight, loss
            ranks.extras[SEEN] = n_samples
            looks = ranks.exchange()
            net._turns.write(self._take, 1 / float(ranks.extras[SEEN]))
        now.total += float(ranks.extras[LOSS])
        now.weight += float(ranks.extras[WEIGHT])
        return looks

    def _take(self, share):
        for (values, moved), before in zip(self.pairs, self.before, strict=True):
            moved *= share
            np.add(before, moved, out=values)
