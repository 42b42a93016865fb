"""Networks as .onnx compute the same in ONNX Runtime, and come back."""

import json
import subprocess
import sys

import numpy as np
import pytest

import deltaloop as dl
from damaged_files import check_changes, check_cuts
from deltaloop.kernels.functions import ACTIVATIONS
from stored_networks import new_net, same, with_everything

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

X = np.random.default_rng(0).normal(size=(9, 4)) * 2
CLOSE = {"float32": 1e-5, "float64": 1e-12}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.onnx"


def run(path, X, dtype, names=None):
    """All outputs, by their names."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )  # fmt: skip
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, {"x": np.asarray(X, dtype)}), strict=True))


def without_properties(path):
    """The graph alone, as another tool would have written it."""
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_computes_the_same_there_and_is_read_from_the_graph(path, dtype, name):
    hidden = name if ACTIVATIONS[name].f and name != "exp" else "tanh"
    layers = [dl.Dense(5, hidden), dl.Dense(3, hidden, shortcuts=[0]), dl.Dense(2, name)]
    net = dl.Network(4, layers, dtype=dtype, seed=3)
    net.scaling = dl.Scaling([1.0, 2, 0, 0], [2.0, 1, 3, 1], [5.0, -1], [0.5, 2])
    for b in net.b:
        b[:] = np.linspace(-0.5, 0.5, len(b))
    assert dl.formats.write(net, path) == []
    assert same(dl.formats.read(path), net)
    without_properties(path)
    back = dl.formats.read(path)
    assert [layer.activation for layer in back.layers] == [layer.activation for layer in net.layers]
    assert back.parameters.tobytes() == net.parameters.tobytes()
    assert back.predict(X).tobytes() == net.predict(X).tobytes()
    if name == "gelu" and dtype == "float64":
        return  # ONNX Runtime has no Erf in float64: see the test of the reference
    given = X.astype(dtype)
    found = run(path, given, dtype)["y"]
    assert found.dtype == dtype
    expected = net.predict(given)
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=CLOSE[dtype.name] * (1 + expected.max())
    )


def test_gelu_in_float64_computes_the_same_in_the_reference_of_onnx(path):
    from onnx.reference import ReferenceEvaluator

    net = dl.Network([4, 5, 2], activation="gelu", dtype="float64", seed=1)
    dl.formats.write(net, path)
    (found,) = ReferenceEvaluator(str(path)).run(None, {"x": X})
    # ONNX defines Gelu with a sqrt(2) in float32
    np.testing.assert_allclose(found, net.predict(X), rtol=0, atol=2e-7)


@pytest.mark.parametrize("alpha", [0.3, 0.75, 2.5])
@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_alpha_is_read_from_the_graph(path, dtype, name, alpha):
    net = dl.Network([4, 5, 2], activation=dl.Activation(name, alpha), dtype=dtype)
    dl.formats.write(net, path)
    without_properties(path)
    assert dl.formats.read(path).layers[0].activation == dl.Activation(name, alpha)


@pytest.mark.parametrize("make", [new_net, with_everything])
def test_everything_comes_back(path, dtype, make):
    net = make(dtype)
    if net.scaling is not None:
        net.scaling = dl.Scaling([1.0, 2, 3], [1 / 3, 0.1, 2], [1.0, 2], [0.1, 0.2])
    assert dl.formats.write(net, path) == []
    back = dl.formats.read(path)
    assert same(back, net)
    for one, other in zip(back.layers, net.layers, strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)


def test_heads_are_outputs_of_their_own(path, dtype):
    heads = {"kind": dl.Head(3, loss="cross_entropy"), "value": dl.Head(1, "tanh"),
             "both": dl.Head(2, loss="gaussian_nll")}  # fmt: skip
    net = dl.Network(4, [dl.Dense(6, "tanh"), dl.Dense(heads=heads)], dtype=dtype, seed=1)
    dl.formats.write(net, path)
    assert same(dl.formats.read(path), net)
    found = run(path, X, dtype)
    parts = net.part(net.predict(X.astype(dtype)))
    assert list(found) == ["kind", "value", "both_mean", "both_variance"]
    expected = {**parts, "both_mean": parts["both"].mean, "both_variance": parts["both"].variance}
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=0, atol=CLOSE[dtype.name])
    without_properties(path)
    back = dl.formats.read(path)
    assert [name for name, _ in back.layers[-1].heads] == list(found)
    np.testing.assert_allclose(back.predict(X), net.predict(X), rtol=1e-6)


def test_a_single_head_comes_back(path, dtype):
    head = dl.Head(3, loss="cross_entropy")
    net = dl.Network(4, [dl.Dense(6, "tanh"), dl.Dense(heads={"only": head})], dtype=dtype, seed=1)
    dl.formats.write(net, path)
    assert same(dl.formats.read(path), net)
    without_properties(path)
    assert [name for name, _ in dl.formats.read(path).layers[-1].heads] == ["only"]
    (found,) = run(path, X, dtype).values()
    expected = net.predict(X.astype(dtype))
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE[dtype.name])


def test_names_of_classes_are_an_output(path, dtype):
    net = dl.Network([4, 5, 3], loss="cross_entropy", dtype=dtype, init=("normal", 2.0))
    net.classes = ("ant", "bee", "größer")
    dl.formats.write(net, path)
    found = run(path, X, dtype)
    assert list(found) == ["y", "label"]
    expected = [net.classes[k] for k in net.predict(X).argmax(axis=1)]
    assert found["label"].tolist() == expected
    assert len(set(expected)) > 1
    assert dl.formats.read(path).classes == net.classes


@pytest.mark.parametrize("output", ["sigmoid", "log_softmax"])
def test_probabilities_are_an_output_where_y_is_something_else(path, output):
    loss = "binary_cross_entropy" if output == "sigmoid" else "nll"
    n = 1 if output == "sigmoid" else 2
    net = dl.Network([4, 5, n], loss=loss, seed=2)
    net.classes = ("no", "yes")
    dl.formats.write(net, path)
    found = run(path, X, "float32")
    y = net.predict(X)
    expected = np.hstack([1 - y, y]) if n == 1 else np.exp(y)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-6)
    assert found["label"].tolist() == [net.classes[k] for k in expected.argmax(axis=1)]
    assert same(dl.formats.read(path), net)


def test_model_of_a_table_keeps_its_columns(path, tmp_path):
    rng = np.random.default_rng(0)
    size = rng.uniform(1, 3, 80)
    frame = {"size": size, "colour": rng.choice(["red", "blue"], 80), "price": 100 * size**3}
    model = dl.tabular.fit(frame, "price", simple=True, log_target=True)
    assert dl.formats.write(model.net, path) == []
    inputs = model.preparation.transform(dl.tabular.frames.as_table(frame))
    found = run(path, inputs, "float32")["value"]
    np.testing.assert_allclose(found[:, 0], model.predict(frame), rtol=1e-4)
    model.net.save(tmp_path / "net.npz")
    assert type(dl.formats.read(path)) is type(dl.load(tmp_path / "net.npz"))
    back = dl.tabular.Model.of_network(dl.formats.read(path))
    np.testing.assert_array_equal(back.predict(frame), model.predict(frame))


# models of other tools


def made(nodes, constants, n_in=4, n_out=2, opset=17, outputs=("y",)):
    """A model from nodes."""
    helper = onnx.helper
    kind = onnx.TensorProto.FLOAT
    values = [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    x = helper.make_tensor_value_info("x", kind, [None, n_in])
    y = [helper.make_tensor_value_info(name, kind, [None, n_out]) for name in outputs]
    graph = helper.make_graph(nodes, "g", [x], y, values)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def node(kind, inputs, output, **attributes):
    return onnx.helper.make_node(kind, inputs.split(), output.split(), **attributes)


W1, b1, W2, b2 = (
    np.random.default_rng(k).normal(size=shape).astype(np.float32)
    for k, shape in enumerate([(5, 4), 5, (2, 5), 2])
)


def agrees(path, model):
    """The network that is read computes what ONNX Runtime does."""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    net = dl.formats.read(path)
    np.testing.assert_allclose(net.predict(X), run(path, X, "float32")["y"], rtol=0, atol=2e-5)
    return net


def test_products_and_sums_are_layers(path):
    """As tf2onnx and skl2onnx write them."""
    net = agrees(path, made(
        [node("Sub", "x m", "c"), node("Div", "c s", "d"), node("MatMul", "d A", "p"),
         node("Add", "p b", "z"), node("Relu", "z", "a"), node("MatMul", "a B", "q"),
         node("Add", "e q", "r"), node("Softmax", "r", "y", axis=1)],
        {"m": np.ones(4, np.float32), "s": np.full(4, 2, np.float32), "A": W1.T, "b": b1,
         "B": W2.T, "e": b2},
    ))  # fmt: skip
    assert net.loss_name == "cross_entropy"
    np.testing.assert_array_equal(net.scaling.x_mean, np.ones(4))
    np.testing.assert_array_equal(net.scaling.x_scale, np.full(4, 2))
    np.testing.assert_array_equal(net.W[0], W1)
    np.testing.assert_array_equal(net.b[1], b2)


def test_factors_of_gemm_and_of_units_become_weights(path):
    net = agrees(path, made(
        [node("Gemm", "x A b", "z", alpha=0.5, beta=2.0), node("Mul", "z f", "g"),
         node("Add", "g h", "i"), node("Sub", "h i", "j"), node("Tanh", "j", "a"),
         node("Dropout", "a", "d"), node("Gemm", "d B", "y", transB=1)],
        {"A": W1.T, "b": b1, "f": b1, "h": b1 - 1, "B": W2},
    ))  # fmt: skip
    assert [str(layer.activation) for layer in net.layers] == ["tanh", "identity"]
    assert net.scaling is None


def test_numbers_of_constant_nodes_are_weights(path):
    """As they stand in the node itself: a tensor, one number, or several."""
    net = agrees(path, made(
        [node("Constant", "", "A", value=onnx.numpy_helper.from_array(W1)),
         node("Constant", "", "b", value_floats=b1.tolist()),
         node("Constant", "", "zero", value_float=0.0),
         node("Gemm", "x A b", "z", transB=1), node("Max", "z zero", "a"),
         node("Gemm", "a B", "y", transB=1)],
        {"B": W2},
    ))  # fmt: skip
    assert [str(layer.activation) for layer in net.layers] == ["relu", "identity"]
    np.testing.assert_array_equal(net.W[0], W1)
    np.testing.assert_array_equal(net.b[0], b1)


@pytest.mark.parametrize("holds", [{}, {"value_int": 1, "value_float": 2.0}])
def test_constant_node_without_its_number_is_refused(path, holds):
    nodes = [node("Constant", "", "A", **holds), node("Gemm", "x A", "y", transB=1)]
    path.write_bytes(made(nodes, {}).SerializeToString())
    with pytest.raises(dl.FileFormatError, match="a node Constant holds no number"):
        dl.formats.read(path)


def split(sizes, outputs):
    nodes = [node("Gemm", "x A b", "z", transB=1), node("Split", "z sizes", "p q", axis=1),
             node("Gemm", "x A b", "r", transB=1)]  # fmt: skip
    constants = {"A": W1, "b": b1, "sizes": np.array(sizes)}
    return made(nodes, constants, outputs=outputs).SerializeToString()


@pytest.mark.parametrize("sizes", [[2.0, 3.0], [], [1] * 6])
def test_sizes_of_parts_that_are_no_whole_numbers_are_refused(path, sizes):
    path.write_bytes(split(sizes, "pq"))
    with pytest.raises(dl.FileFormatError, match="sizes that are no whole numbers"):
        dl.formats.read(path)


def test_parts_of_a_layer_are_heads(path):
    path.write_bytes(split([2, 3], "pq"))
    net = dl.formats.read(path)
    assert [(name, head.n_out) for name, head in net.layers[-1].heads] == [("p", 2), ("q", 3)]
    np.testing.assert_array_equal(net.W[0], W1)


@pytest.mark.parametrize(
    ("sizes", "outputs", "told"),
    [
        ([0, 5], "pq", r"parts 5 units as \[0, 5\]"),
        ([-1, 6], "pq", r"parts 5 units as \[-1, 6\]"),
        ([2, 2], "pq", r"parts 5 units as \[2, 2\]"),
        ([2, 3], "p", "outputs have 2 of the 5 units"),
        ([2, 3], "q", r"the outputs \['q'\], which are not the parts of one layer"),
        ([2, 3], "qp", "not the parts of one layer side by side"),
        ([2, 3], "rz", "not the parts of one layer side by side"),
        ([2, 3], "rpq", "not the parts of one layer side by side"),
    ],
)
def test_outputs_that_are_not_all_parts_of_a_layer_are_refused(path, sizes, outputs, told):
    path.write_bytes(split(sizes, outputs))
    with pytest.raises(dl.FileFormatError, match=told):
        dl.formats.read(path)


WRITTEN_OUT = {
    "silu": "Sigmoid z s; Mul z s a",
    "gelu": "Div z root2 d; Erf d e; Add e one f; Mul z f g; Mul g half a",
    "gelu_tanh": "Mul z z q; Mul q z c; Mul c k t; Add z t u; Mul u v w; Tanh w x1; Add x1 one f;"
                 "Mul z f g; Mul g half a",
    "mish": "Softplus z s; Tanh s t; Mul z t a",
    "relu": "Max z zero a",
    "hard_tanh": "Clip z minus_one one a",
    "hard_sigmoid": "Add z three s; Clip s zero six c; Div c six a",
    "gaussian": "Mul z z q; Neg q m; Exp m a",
    "lecun_tanh": "Mul z two_thirds s; Tanh s t; Mul t large a",
    "softsign": "Abs z q; Add q one d; Div z d a",
    "sigmoid": "Neg z m; Exp m e; Add e one d; Reciprocal d a",
}  # fmt: skip
NUMBERS = {
    "root2": 2**0.5, "one": 1, "half": 0.5, "k": 0.044715, "v": (2 / np.pi) ** 0.5, "zero": 0,
    "minus_one": -1, "three": 3, "six": 6, "two_thirds": 2 / 3, "large": 1.7159,
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_activation_that_is_written_out_is_recognized(path, name):
    steps = [step.split() for step in WRITTEN_OUT[name].split(";")]
    nodes = [node(kind, " ".join(names[:-1]), names[-1]) for kind, *names in steps]
    model = made(
        [node("Gemm", "x A b", "z", transB=1), *nodes, node("Gemm", "a B", "y", transB=1)],
        {"A": W1, "b": b1, "B": W2, **{k: np.float32(v) for k, v in NUMBERS.items()}},
    )
    net = agrees(path, model)
    assert [str(layer.activation) for layer in net.layers] == [name, "identity"]


def test_layer_in_another_order_of_columns_is_read(path):
    net = agrees(path, made(
        [node("Gemm", "x A b", "z", transB=1), node("Relu", "z", "a"),
         node("Concat", "x a", "c", axis=1), node("Gemm", "c B", "y", transB=1)],
        {"A": W1, "b": b1, "B": np.hstack([W1[:2], W2])},
    ))  # fmt: skip
    assert net.layers[1].shortcuts == (0,)


GEMM = "Gemm x A b z"
REFUSED = {
    "an unknown operator": (["Conv x A y"], "a node 'Conv', which no network here has; known are"),
    "a cycle": (["Gemm u A b z", "Relu z a", "Gemm a B u", "Identity u y"], "cycle"),
    "a name twice": ([GEMM, "Relu z a", "Tanh z a", "Gemm a B y"], "two things have the name"),
    "a residual": ([GEMM, "Relu z a", "Gemm a C c", "Add c z d", "Gemm d B y"], "joins two layers"),
    "a branch": ([GEMM, "Relu z a", "Gemm a C c", "Relu c d", "Gemm a C e", "Relu e f",
                  "Concat d f g", "Gemm g D y"], "branches"),
    "an activation that is unknown": ([GEMM, "HardSwish z a", "Gemm a B y"], "HardSwish"),
    "relu6": ([GEMM, "Clip z zero six a", "Gemm a B y"], "none of identity, sigmoid"),
    "a softmax inside": ([GEMM, "Softmax z a", "Gemm a B y"], "damaged: softmax is an output"),
    "shapes that do not fit": ([GEMM, "Relu z a", "Gemm a A y"], "weights of shape"),
    "nan": ([GEMM, "Relu z a", "Gemm a N y"], "nan or infinity"),
    "a square of the inputs": (["Mul x x q", "Gemm q A b y"], "no scaling"),
    "two scalings": (["Sub x b4 s", "Gemm s A z", "Relu z a", "Concat a x c", "Gemm c E y"],
                     "scaled in two ways"),
    "a layer many times": (
        [GEMM, "Relu z a", "Concat a a c", "Concat c c d", "Gemm d B y"], "a layer twice"),
    "a scaling of another length": (["Sub x b s", "Div s b4 t", "Gemm t A y"], "scaled by"),
    "a scaling by samples": (["Sub x column s", "Gemm s A y"], "constant of shape"),
    "a bias by samples": (["MatMul x T z", "Add z column y"], "constant of shape"),
    "no layer": (["Relu x y"], "no scaling"),
    "samples on the right": (["MatMul A x y"], "constant matrix"),
    "a cut in two": ([GEMM, "Relu z a", "Slice a zero six c", "Gemm c B y"], "'Slice'"),
    "random numbers": (["RandomNormal z", "Gemm z A y"], "'RandomNormal'"),
    "a loop": (["Loop x z", "Gemm z A y"], "'Loop'"),
    "a scaling per unit inside": ([GEMM, "Tanh z a", "Mul a b c", "Gemm c B y"], "none of"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_graph_that_is_no_network_is_refused(path, what):
    steps, told = REFUSED[what]
    nodes = []
    for step in steps:
        kind, *names = step.split()
        attributes = {"Gemm": {"transB": 1}, "Concat": {"axis": 1}}.get(kind, {})
        nodes.append(node(kind, " ".join(names[:-1]), names[-1], **attributes))
    constants = {
        "A": W1, "b": b1, "B": W2, "N": W2 * np.float32(np.nan), "C": np.ones((5, 5), np.float32),
        "D": np.ones((2, 10), np.float32), "E": np.ones((2, 9), np.float32),
        "b4": np.ones(4, np.float32), "column": np.ones((5, 1), np.float32), "T": W1.T,
        "zero": np.float32(0), "six": np.float32(6),
    }  # fmt: skip
    path.write_bytes(made(nodes, constants).SerializeToString())
    with pytest.raises(dl.FileFormatError, match=told):
        dl.formats.read(path)


# damaged files


def test_numbers_in_another_file_are_not_opened(path, tmp_path):
    model = made([node("Gemm", "x A b", "y", transB=1)], {"A": W1[:2], "b": b1[:2]})
    onnx.save(model, path, save_as_external_data=True, location="secret.bin", size_threshold=0)
    assert (tmp_path / "secret.bin").exists()
    with pytest.raises(dl.FileFormatError, match="in another file, which is not opened"):
        dl.formats.read(path)


def test_file_cut_anywhere_is_refused(path):
    net = dl.Network([4, 3, 2], activation="tanh")
    net.scaling = dl.Scaling(np.zeros(4), np.ones(4))
    dl.formats.write(net, path)
    n = path.stat().st_size
    check_cuts(path, [*range(0, n, 9), *range(n - 9, n)])


def test_changed_byte_is_refused_or_another_network(path):
    net = dl.Network([4, 3, 2], activation="silu", dtype="float64")
    net.scaling = dl.Scaling(np.zeros(4), np.ones(4), np.ones(2), np.ones(2))
    net.classes = ("a", "b")
    dl.formats.write(net, path)
    check_changes(path, 3)


@pytest.mark.parametrize("content", [b"", b"\0" * 50, b"a,b\n1,2\n" * 9, bytes(range(256))])
def test_foreign_file_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(dl.FileFormatError, match=r"net\.onnx"):
        dl.formats.read(path)


def test_scaling_far_from_0_warns_of_rounding(path):
    net = dl.Network([4, 2])
    net.scaling = dl.Scaling([1.7e9, 0, 0, 0], np.ones(4))
    with pytest.warns(dl.DeltaloopWarning, match="near 1.7e"):
        dl.formats.write(net, path)


def test_shape_that_claims_more_than_there_is_is_refused(path):
    model = made([node("Gemm", "x A", "y", transB=1)], {"A": W1[:2]})
    for dims in ([2**40, 2**20], [2, -4], [0, 0]):
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(dims)
        path.write_bytes(model.SerializeToString())
        with pytest.raises(dl.FileFormatError, match=r"other data|empty"):
            dl.formats.read(path)


def test_description_that_does_not_fit_the_graph_is_refused(path):
    dl.formats.write(dl.Network([4, 3, 2], activation="tanh"), path)
    model = onnx.load(path)
    for prop in model.metadata_props:
        if prop.key == "deltaloop":
            described = json.loads(prop.value)
            described["layers"][0]["activation"] = "relu"
            prop.value = json.dumps(described)
    onnx.save(model, path)
    with pytest.raises(dl.FileFormatError, match="tells of other layers"):
        dl.formats.read(path)


def test_without_the_package_the_error_names_the_extra(path):
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "import deltaloop as dl\n"
        "try:\n    dl.formats.write(dl.Network([2, 1]), 'x.onnx')\n"
        "except dl.MissingDependencyError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "deltaloop[onnx]"' in done.stdout
