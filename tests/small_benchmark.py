"""A small benchmark: jobs, a machine, and peers that are the reference or go wrong."""

from dataclasses import dataclass, field

from deltaloop.benchmarking import peers, runner
from deltaloop.benchmarking.host import Host
from deltaloop.benchmarking.jobs import Job
from deltaloop.benchmarking.machine import Level, Machine
from deltaloop.benchmarking.peers.deltaloop import Prediction, Training
from deltaloop.kernels import load

SGD = Job((5, 4, 3), "sigmoid", "sigmoid", "mse", 2, 6)
ADAM = Job((5, 4, 3), "relu", "softmax", "cross_entropy", 4, 5, optimizer="adam")
PREDICT = Job((5, 4, 3), "relu", "softmax", "cross_entropy", 1, 4, kind="predict")
MACHINE = Machine(
    "a processor", "Linux", "Python", 2, "Cython", 100.0,
    (Level("L1", 32 << 10, 200.0, 400.0), Level("memory", None, 20.0, 40.0)),
)  # fmt: skip
QUICKLY = runner.Settings(repeats=2, fewest=1, seconds=0.0)


@dataclass(frozen=True)
class Fake(peers.Peer):
    """A peer that is the reference, changed by `spoil`."""

    spoil: object = field(default=None, compare=False)

    def available(self):
        return "1.0"

    def prepare(self, job, parameters, X, Y):
        session = (
            Prediction(job, parameters, X, load("reference"))
            if job.kind == "predict"
            else Training(job, parameters, X, Y, load("reference"))
        )
        if self.spoil is not None:
            self.spoil(session)
        return session


def fake(name, spoil=None):
    return Fake(name, name.capitalize(), name, "", spoil=spoil)


class Here:
    """All peers in this process."""

    def __init__(self, chosen):
        self.chosen = chosen
        self.only = Host({peer.name: peer for peer in chosen})

    def host(self, peer, n_threads):
        return self.only

    def discard(self, peer, n_threads):
        self.only = Host({peer.name: peer for peer in self.chosen})


def rows_of(job, chosen, settings=QUICKLY):
    return {row.peer: row for row in runner.time_job(job, chosen, settings, Here(chosen))}
