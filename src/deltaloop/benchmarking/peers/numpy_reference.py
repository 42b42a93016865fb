"""The same mathematics in whole-array NumPy: the package's readable backend."""

from ...kernels import load
from ..data import Parameters
from ..jobs import Job
from .deltaloop import Prediction, Training


def prepare(job: Job, parameters: Parameters, X, Y):
    """On the backend 'reference', float32."""
    if job.kind == "predict":
        return Prediction(job, parameters, X, load("reference"))
    return Training(job, parameters, X, Y, load("reference"))
