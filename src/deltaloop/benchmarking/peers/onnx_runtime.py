"""ONNX Runtime: prediction alone, one thread, all graph optimisations."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ..data import Parameters
from ..jobs import Job
from . import Unsupported

_OPERATORS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softmax": "Softmax"}


def model_bytes(job: Job, parameters: Parameters) -> bytes:
    """The network as an ONNX file: Gemm and an activation per layer."""
    nodes, name = [], "x"
    for k, (_, _, activation) in enumerate(job.layers):
        nodes.append(helper.make_node("Gemm", [name, f"W{k}", f"b{k}"], [f"z{k}"], transB=1))
        name = f"z{k}"
        if activation != "identity":
            nodes.append(helper.make_node(_OPERATORS[activation], [name], [f"a{k}"]))
            name = f"a{k}"
    values = [
        numpy_helper.from_array(array, f"{'Wb'[k % 2]}{k // 2}")
        for k, array in enumerate(parameters)
    ]
    x, y = (
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, size])
        for n, size in (("x", job.sizes[0]), (name, job.sizes[-1]))
    )
    graph = helper.make_graph(nodes, "network", [x], [y], values)
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


class Prediction:
    """Calls of `InferenceSession.run` with NumPy arrays."""

    def __init__(self, job: Job, parameters: Parameters, X):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = job.n_threads, 1
        self.session = onnxruntime.InferenceSession(
            model_bytes(job, parameters), options, providers=["CPUExecutionProvider"]
        )
        self.batches = [X[k : k + job.batch_size] for k in range(0, len(X), job.batch_size)]

    def run(self) -> None:
        """One call per batch."""
        run = self.session.run
        for x in self.batches:
            run(None, {"x": x})

    def arrays(self) -> list[np.ndarray]:
        """All predictions, one below the other."""
        return [np.concatenate([self.session.run(None, {"x": x})[0] for x in self.batches])]


def prepare(job: Job, parameters: Parameters, X, Y):
    """It does not train."""
    if job.kind != "predict":
        raise Unsupported("predicts only")
    return Prediction(job, parameters, X)
