"""What is timed: one network, one loss, one way to train or predict, a batch size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch

from ..errors import InvalidInputError, unknown_name

ITEM_BYTES = 4  # float32 throughout
SLOTS = {"sgd": 0, "adam": 2}  # arrays beside the weights that an optimiser keeps
LEARNING_RATE = {"sgd": 0.01, "adam": 0.001}


@dataclass(frozen=True)
class Job:
    """One thing that is timed.

    Attributes
    ----------
    sizes : tuple of int
        Units of every layer, inputs first.
    activation, output : str
        Of the hidden layers and of the last.
    loss : str
        'mse' (1/2 sum of squares per sample) or 'cross_entropy' (with softmax).
    batch_size : int
        Rows of one step; of one call, where the job is to predict.
    n_steps : int
        Steps of one epoch, or calls; an epoch is what is timed.
    optimizer : {'sgd', 'adam'}
    kind : {'train', 'predict'}
    density : float
        Share of the inputs that are not zero. Peers get dense arrays all the same.
    n_threads : int
    target : float, optional
        What deltaloop is to reach, as a ratio to the fastest peer.
    share : float, optional
        What deltaloop is to reach of the peak of fused multiply-adds.
    published : str
        What others have published for this job, with their machine.
    """

    sizes: tuple[int, ...]
    activation: str
    output: str
    loss: str
    batch_size: int
    n_steps: int
    optimizer: str = "sgd"
    kind: str = "train"
    density: float = 1.0
    n_threads: int = 1
    target: float | None = None
    share: float | None = None
    published: str = ""

    @property
    def name(self) -> str:
        """Short and unique: what tables, pictures and `--jobs` call it."""
        sizes = "-".join(map(str, self.sizes))
        rows = f"{self.batch_size:,} row{'s' if self.batch_size > 1 else ''}"
        parts = [f"batch {self.batch_size}"]
        if self.kind == "predict":
            sizes, parts = f"predict {sizes}", [rows]
        elif self.optimizer != "sgd":
            parts.insert(0, self.optimizer.capitalize())
        if self.density < 1:
            parts.append(f"{100 * self.density:g} % non-zero")
        if self.n_threads > 1:
            parts.append(f"{self.n_threads} threads")
        return f"{sizes} {self.activation}, {', '.join(parts)}"

    def __str__(self) -> str:
        return self.name

    @property
    def unit(self) -> str:
        """What one measured time belongs to."""
        return "call" if self.kind == "predict" else "step"

    @property
    def layers(self) -> list[tuple[int, int, str]]:
        """(n_in, n_out, activation) of every weight layer."""
        last = len(self.sizes) - 2
        return [
            (n_in, n_out, self.activation if index < last else self.output)
            for index, (n_in, n_out) in enumerate(zip(self.sizes, self.sizes[1:], strict=False))
        ]

    @property
    def learning_rate(self) -> float:
        """Small, so that a run of many epochs stays what it was."""
        return LEARNING_RATE[self.optimizer]

    @property
    def n_samples(self) -> int:
        """Rows of the data."""
        return self.batch_size * self.n_steps

    @property
    def flops(self) -> float:
        """Multiplications and additions of the products of one step that cannot be left out.

        Training takes three products per layer, Z = A W^T, dW = delta^T A and delta W, and the
        first layer two. Products with inputs that are zero count as nothing.
        """
        first, *others = (n_in * n_out for n_in, n_out, _ in self.layers)
        passes = 1 if self.kind == "predict" else 3
        products = min(passes, 2) * first * self.density + passes * sum(others)
        return 2.0 * self.batch_size * products

    @property
    def weight_bytes(self) -> float:
        """Bytes of weights, biases and optimiser state that one step must touch.

        A row of weights that meets nothing but zeros is not touched by plain SGD.
        """
        first, *others = (n_in * n_out for n_in, n_out, _ in self.layers)
        touched = 1.0 if SLOTS[self.optimizer] else 1 - (1 - self.density) ** self.batch_size
        n = first * touched + sum(others) + sum(self.sizes[1:])
        return ITEM_BYTES * (1 + SLOTS[self.optimizer] * (self.kind == "train")) * n

    @property
    def input_bytes(self) -> float:
        """Bytes of the inputs of one step, those that are zero left out."""
        return ITEM_BYTES * self.batch_size * self.sizes[0] * self.density

    @property
    def memory_bytes(self) -> int:
        """Bytes of weights, biases and optimiser state."""
        n = sum((n_in + 1) * n_out for n_in, n_out, _ in self.layers)
        return ITEM_BYTES * (1 + SLOTS[self.optimizer]) * n


def _sigmoid(sizes, batch_size, n_steps, target, output="sigmoid", **more) -> Job:
    return Job(sizes, "sigmoid", output, "mse", batch_size, n_steps, target=target, **more)


def _classify(sizes, batch_size, n_steps, target=None, **more) -> Job:
    return Job(
        sizes, "relu", "softmax", "cross_entropy", batch_size, n_steps, target=target, **more
    )


def _adam(sizes, activation, batch_size, n_steps, target) -> Job:
    return Job(
        sizes, activation, "identity", "mse", batch_size, n_steps, optimizer="adam", target=target
    )


def _predict(job: Job, batch_size: int, n_steps: int, target: float) -> Job:
    return replace(
        job, batch_size=batch_size, n_steps=n_steps, target=target, kind="predict", optimizer="sgd"
    )


_DIGITS, _WIDE, _TABLE = (784, 128, 10), (784, 512, 512, 10), (10, 64, 64, 1)

# The targets are ratios: what deltaloop is to take over what the fastest peer of this suite took,
# both measured on one machine while the package was designed.
JOBS: tuple[Job, ...] = (
    _sigmoid((2, 4, 1), 1, 2000, 0.05 / 0.073),
    _sigmoid((4, 4, 4, 1), 1, 2000, 0.08 / 0.174, output="identity"),
    _sigmoid((8, 3, 8), 1, 2000, 0.07 / 0.156),
    _sigmoid((784, 30, 10), 1, 500, 1.6 / 2.39),
    _sigmoid((784, 30, 10), 1, 500, 0.7 / 2.39, density=0.19),
    _sigmoid((784, 30, 10), 10, 100, 11.5 / 15.6),
    _classify(_DIGITS, 1, 300, 6.5 / 9.8),
    _classify(_DIGITS, 32, 40, 130 / 160),
    _classify(_DIGITS, 128, 10, 510 / 575),
    _classify(_WIDE, 1, 50, 55 / 84),
    _classify(_WIDE, 64, 10, 1980 / 2235),
    _classify(_WIDE, 256, 4, 7700 / 8405),
    _classify(_WIDE, 1024, 2, 30_700 / 33_500),
    _adam(_TABLE, "tanh", 32, 40, 13 / 20.3),
    _adam(_TABLE, "tanh", 128, 20, 42 / 55),
    _adam((10, 32, 32, 10), "relu", 128, 20, 17 / 24.8),
    _adam((10, 46, 46, 10), "relu", 128, 20, 30 / 43.5),
    _adam((10, 64, 64, 10), "relu", 128, 20, 46 / 61.3),
    _adam((10, 256, 256, 10), "relu", 128, 10, 560 / 665),
    _predict(_adam(_TABLE, "tanh", 1, 1, 1), 1, 500, 0.8 / 2.9),
    _predict(_classify(_DIGITS, 1, 1), 1, 200, 4.6 / 6.2),
    _predict(_adam(_TABLE, "tanh", 1, 1, 1), 10_000, 1, 1250 / 1388),
    _predict(_classify(_DIGITS, 1, 1), 10_000, 1, 19_500 / 20_750),
)

# What a library of blocked networks with code for the exact shape reaches of the peak of
# AVX-512 on a Zen 5 core (method: arXiv 2104.05755, 2404.15204).
PEAK: tuple[Job, ...] = (
    _classify((768, 512, 512, 64), 256, 4, share=0.95),
    _classify((768, 512, 512, 64), 64, 10, share=0.88),
    _classify((768, 256, 256, 64), 64, 20, share=0.88),
    _classify((256, 256, 256, 256), 128, 10, share=0.92),
    _classify((64, 64, 64, 64), 128, 60, share=0.87),
    _classify((1024, 1024, 1024, 1024), 256, 2, share=0.89),
)

# Jobs that other projects have published times for.
PUBLISHED: tuple[Job, ...] = (
    replace(
        _adam((4, 32, 16, 4), "tanh", 10_000, 2, None),
        published="SimpleChains: 41 µs on 18 cores, 72 µs on 32",
    ),
    replace(
        _adam((28, 300, 300, 300, 300, 300, 1), "tanh", 100, 4, None),
        published="OpenNN: 72,000 samples/s on 16 threads, 1,390 µs a step",
    ),
)

ALL = JOBS + PEAK + PUBLISHED

# one of every kind, for `--quick`
QUICK: tuple[Job, ...] = tuple(JOBS[index] for index in (1, 3, 4, 7, 13, 17, 19, 21))

SCALING_NAMES = ("width", "batch", "depth", "density", "threads")


def scaling(name: str, n_cpus: int = 1) -> dict[float, Job]:
    """The jobs of a curve, by the value on its axis.

    Parameters
    ----------
    name : {'width', 'batch', 'depth', 'density', 'threads'}
    n_cpus : int
        Where 'threads' ends.

    Raises
    ------
    InvalidInputError
        Unknown name.
    """
    if name not in SCALING_NAMES:
        raise unknown_name("scaling curve", name, SCALING_NAMES)
    if name == "width":
        jobs = {n: _adam((10, n, n, 10), "relu", 32, 1, None) for n in _powers_of_two(2048)}
    elif name == "batch":
        jobs = {n: _classify(_DIGITS, n, 1) for n in _powers_of_two(4096)}
    elif name == "depth":
        jobs = {n: _classify((64, *(64,) * n, 10), 32, 1) for n in range(1, 9)}
    elif name == "density":
        percents = (1, 2, 5, 10, 19, 35, 50, 75, 100)
        jobs = {
            n: _sigmoid((784, 30, 10), 1, 1, None, density=n / 100) for n in percents
        }  # fmt: skip
    else:
        jobs = {n: _classify(_WIDE, 256, 1, n_threads=n) for n in range(1, n_cpus + 1)}
    return {n: replace(job, n_steps=_steps(job)) for n, job in jobs.items()}


def _powers_of_two(last: int) -> list[int]:
    return [2**k for k in range(last.bit_length())]


def _steps(job: Job) -> int:
    """Steps of an epoch that take about a millisecond where the arithmetic decides."""
    return int(min(max(1e8 / job.flops, 2), 500, max(32_768 // job.batch_size, 2)))


def select(jobs: Sequence[Job], patterns: Iterable[str]) -> list[Job]:
    """The jobs whose name is, or else contains, one of the patterns; all of them without any.

    In a pattern * and ? stand for anything, and case does not matter.

    Raises
    ------
    InvalidInputError
        A pattern that no job matches.

    Examples
    --------
    >>> [job.name for job in select(JOBS, ["8-3-8", "predict*1 row"])]
    ['8-3-8 sigmoid, batch 1', 'predict 10-64-64-1 tanh, 1 row', 'predict 784-128-10 relu, 1 row']
    """
    patterns = list(patterns)
    if not patterns:
        return list(jobs)
    found: set[Job] = set()
    for pattern in patterns:
        matching = _matching(jobs, pattern) or _matching(jobs, f"*{pattern}*")
        if not matching:
            names = "; ".join(job.name for job in jobs)
            raise InvalidInputError(
                f"--jobs {pattern!r} matches none of the jobs: {names}; give a part of a name, "
                "with * and ? for anything"
            )
        found.update(matching)
    return [job for job in jobs if job in found]


def _matching(jobs: Sequence[Job], pattern: str) -> list[Job]:
    return [job for job in jobs if fnmatch(job.name.casefold(), pattern.casefold())]
