"""Who trains: one process, or several ranks, for which `shared.Together` answers the same."""

from ..parts.whole_batch import WholeBatch
from .descent import Descent, StreamDescent
from .epochs import Epochs
from .measuring import Metrics
from .whole_batch import WholeBatchDescent


class Company:
    """One process that has all samples; used in a `with`, which ends all ranks if there are some.

    Attributes
    ----------
    leads : bool
        Whether callbacks, progress and checkpoints are those of this process.
    """

    leads = True

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    # before a training

    def refuse(self, streams: bool, is_balanced: bool) -> None:
        """Refuse what needs all samples in one place."""

    def share_weights(self, samples, sample_weight, weigh) -> None:
        """Give the weights of all ranks one scale."""

    def total(self, n_samples):
        """Samples of all ranks together."""
        return n_samples

    def check(self, net, settings, split, validates: bool) -> None:
        """Refuse settings that ranks cannot share, or that differ."""

    # the parts of a training

    def look_of(self, samples, validation):
        """What a checkpoint knows the samples by."""
        from .checkpoints import look_of

        return look_of(samples, validation)

    def read_checkpoint(self, checkpoint, net, resume: bool):
        """The training in a file, or None."""
        return checkpoint.read(net, resume)

    def share(self, batch_size: int) -> int:
        """The most samples of a mini-batch that lie here."""
        return batch_size

    def generator(self, generator):
        """What draws for this rank, from what draws the same on all."""
        return generator

    def descent(self, net, samples, settings, run, rule, last):
        """What makes the updates; arguments as those of Descent."""
        if isinstance(settings.optimizer, WholeBatch):
            return WholeBatchDescent(net, samples, settings.optimizer, run)
        kind = StreamDescent if samples.n_samples is None else Descent
        return kind(net, samples, settings, run, rule, last)

    def metrics(self, net, functions, X, Y):
        """What measures predictions for all rows; arguments as those of Metrics."""
        return Metrics(net, functions, X, Y)

    def epochs(self, *given, **more):
        """The record of the training; arguments as those of Epochs."""
        return Epochs(*given, **more)


ALONE = Company()
