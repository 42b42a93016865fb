"""Where an epoch is cut, so that Python looks in between compiled calls."""

import sys

SLICE_SECONDS = 0.05  # how long one compiled call may take before Python looks in


class Slices:
    """Cuts an epoch at borders of mini-batches into calls of about SLICE_SECONDS.

    `most` is the number of samples that a call may have, where that matters.
    """

    def __init__(self, n_samples, batch_size, n_theta, most=sys.maxsize):
        self.n_samples, self.batch_size = n_samples, batch_size
        self.most_batches = max(1, most // batch_size)
        # first guess, about a millisecond of compiled work; then measured
        self.n_batches = min(self.most_batches, max(1, 10**6 // (n_theta * batch_size)))

    def end(self, start):
        """End of the slice that begins at sample `start`."""
        return min(self.n_samples, start + self.n_batches * self.batch_size)

    def measured(self, seconds):
        """Learn from the duration of a slice."""
        if seconds > 2 * SLICE_SECONDS:
            self.n_batches = max(1, self.n_batches // 2)
        elif seconds < SLICE_SECONDS / 2 and self.n_batches * self.batch_size < self.n_samples:
            self.n_batches = min(2 * self.n_batches, self.most_batches)
