"""One epoch of gradient descent on mini-batches, in compiled slices."""

import math
from time import perf_counter

from ..kernels.memory import Work
from .rates import Rates
from .run import Position
from .samples import new_order
from .slices import Slices


class Descent:
    """Descends on samples that lie in arrays.

    Parameters
    ----------
    net : Network
    samples : Samples
    settings : Settings
    run : Run
    rule : Rule
    last : int
        Number of the last epoch of the training.
    """

    def __init__(self, net, samples, settings, run, rule, last):
        self.net, self.samples, self.run = net, samples, run
        self.shuffle = settings.shuffle
        self.size = size = settings.batch_size
        self.rates = Rates(settings.schedule, rule, last, self._n_batches(), net.reproducible)
        self.n_threads = settings.n_threads
        if samples.n_samples is not None:
            self.slices = Slices(samples.n_samples, size, len(net._theta), samples.most)
            self.work = Work.for_batches(net.plan, samples.X, rule, size, self.n_threads)
        # a place in an epoch is one in samples that are the same
        self.place = samples.n_samples, size, self.shuffle
        if run.position is not None and run.position.place != self.place:
            run.position = None

    def _n_batches(self):
        return -(-self.samples.n_samples // self.size)

    def epoch(self, epochs):
        """(loss, seconds, learning rate) of an epoch; None if it was ended in the middle."""
        samples, slices, looks, size = self.samples, self.slices, epochs.looks, self.size
        n_samples = samples.n_samples
        now, rule = self._begin(epochs)
        order = samples.order(self.net.generator, self.shuffle)
        first = start = now.start
        while start < n_samples and math.isfinite(now.total):
            if looks:
                now.start = start
                if start > first and epochs.between(start / n_samples, now):
                    return None
                epochs.check_not_moved()
            stop = slices.end(start)
            if epochs.counts_steps:
                stop = self._stop(epochs, stop, start, size)
            self._descend(samples.piece(order, start, stop), start // size, now, rule)
            start = stop
            if epochs.counts_steps:
                self._told(epochs, now.total, samples.weight_of(order, start))
        return now.total / samples.sum_of_weights, now.seconds, self.rates.learning_rate

    def _begin(self, epochs):
        """Where in the epoch it begins, and the rule for it."""
        run, generator, rates = self.run, self.net.generator, self.rates
        now, run.position = run.position, None
        if now is None:
            now = Position(self.place)
        elif now.generator is not None:
            generator.bit_generator.state = now.generator
        if epochs.looks and self.shuffle:
            now.generator = generator.bit_generator.state
        if rates.schedule is None:
            return now, rates.rule
        return now, rates.begin(len(run.history), run.step, epochs.monitored())

    def _stop(self, epochs, stop, start, size):
        """Where a slice ends, so that nobody misses an update that is waited for."""
        return min(stop, start + size * epochs.callbacks.steps_left(self.run.step))

    def _descend(self, piece, batch, now, rule):
        """Make the updates of some samples, the first of which is that of `batch`."""
        X, Y, order, start, stop, weights = piece
        net, run, rates = self.net, self.run, None
        n_steps = -(-(stop - start) // self.size)
        if self.rates.schedule is not None:
            rates = self.rates.of_batches(batch, run.step, n_steps)
        began = perf_counter()
        now.total = net._turns.write(
            net.backend.train_epoch, net.plan, net._theta, run.slots, rule, X, Y, order,
            start, stop, self.size, self.work, now.total, run.step, weights, rates, run.noise,
        )  # fmt: skip
        elapsed = perf_counter() - began
        self.slices.measured(elapsed)
        now.seconds += elapsed
        run.step += n_steps
        self.latest = rates

    def _told(self, epochs, total, weight):
        rate = self.rates.learning_rate if self.latest is None else float(self.latest[-1])
        epochs.stepped(total / weight if weight else math.nan, rate)


class StreamDescent(Descent):
    """Descends on batches as they come; a place in an epoch is a number of them."""

    def _n_batches(self):
        return self.samples.n_updates(self.size)

    def epoch(self, epochs):
        """As `Descent.epoch`."""
        batches, given = self.samples, self.size
        now, rule = self._begin(epochs)
        skipped, updates = now.start, 0
        for index, samples in enumerate(batches.epoch(skipped), skipped):
            n, self.size = samples.n_samples, given or samples.n_samples
            if index == skipped:
                updates = index * -(-n // self.size)
            elif epochs.looks:
                now.start = index
                if self.shuffle and given:
                    now.generator = self.net.generator.bit_generator.state
                if epochs.between(batches.fraction(index), now):
                    self.size = given
                    return None
            self.work = batches.work(self.net.plan, samples.X, rule, self.size, self.n_threads)
            self.slices = Slices(n, self.size, len(self.net._theta))
            order = new_order(self.net.generator, n) if given and self.shuffle else None
            start = 0
            while start < n and math.isfinite(now.total):
                stop = self.slices.end(start)
                if epochs.counts_steps:
                    stop = self._stop(epochs, stop, start, self.size)
                self._descend(samples.piece(order, start, stop), updates, now, rule)
                updates += -(-(stop - start) // self.size)
                start = stop
                if epochs.counts_steps:
                    done = now.weight + samples.weight_of(order, start)
                    self._told(epochs, now.total, done)
            now.weight += samples.sum_of_weights
            if not math.isfinite(now.total):
                break
        self.size = given
        batches.ended(index + 1 if now.weight else 0)
        return now.total / now.weight, now.seconds, self.rates.learning_rate
