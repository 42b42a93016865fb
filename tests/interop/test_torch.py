"""Networks in PyTorch: the module, its state_dict and its files."""

import copy
import pickle
import zipfile

import numpy as np
import pytest

import deltaloop as dl
from damaged_files import check_changes, check_cuts
from deltaloop.kernels.functions import ACTIVATIONS
from stored_networks import new_net, same, with_everything

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

X = np.random.default_rng(0).normal(size=(9, 3)) * 2
CLOSE = {"float32": 1e-5, "float64": 1e-12}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.pt"


def outputs(module, X, dtype="float64"):
    with torch.no_grad():
        return module(torch.from_numpy(np.asarray(X, dtype))).numpy()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_module_computes_the_same(dtype, name):
    hidden = name if ACTIVATIONS[name].f and name != "exp" else "tanh"
    layers = [dl.Dense(5, hidden), dl.Dense(4, hidden, False, shortcuts=[0]), dl.Dense(2, name)]
    net = dl.Network(3, layers, dtype=dtype, seed=1)
    net.scaling = dl.Scaling([1.0, 2, 0], [2.0, 1, 3], [5.0, -1], [0.5, 2])
    module = dl.formats.to_torch(net)
    found, expected = outputs(module, X), net.predict(X)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, atol=CLOSE[dtype.name] * (1 + expected.max()))
    assert same(dl.formats.from_torch(module), net)


@pytest.mark.parametrize("make", [new_net, with_everything])
def test_everything_comes_back_from_a_file(path, dtype, make):
    net = make(dtype)
    assert dl.formats.write(net, path) == []
    back = dl.formats.read(path)
    assert same(back, net)
    for one, other in zip(back.layers, net.layers, strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)


def test_heads_and_masks_compute_the_same(dtype):
    net = with_everything(dtype)
    module = dl.formats.to_torch(net).eval()
    np.testing.assert_allclose(outputs(module, X), net.predict(X), atol=CLOSE[dtype.name])


def test_variances_compute_the_same(dtype):
    net = dl.Network([3, 4, 2], loss="gaussian_nll", dtype=dtype)
    found = outputs(dl.formats.to_torch(net), X)
    np.testing.assert_allclose(found, net.predict(X), atol=CLOSE[dtype.name])


def test_module_trains_there_and_comes_back():
    net = dl.Network([3, 8, 2], activation="tanh", loss="cross_entropy", seed=1, dtype="float64")
    y = (X[:, 0] > 0).astype(int)
    module = dl.formats.to_torch(net)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(module.logits(torch.from_numpy(X)), torch.from_numpy(y)).backward()
        optimizer.step()
    net.optimizer = dl.SGD(0.5)
    for _ in range(3):
        net.learn_batch(X, np.eye(2)[y])
    np.testing.assert_allclose(dl.formats.from_torch(module).theta, net.theta, atol=1e-14)


def test_connections_that_are_masked_stay_out_of_training():
    net = with_everything("float64")
    module = dl.formats.to_torch(net)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    module(torch.from_numpy(X)).square().sum().backward()
    assert module.layers[0].weight.grad is None  # frozen
    optimizer.step()
    back = dl.formats.from_torch(module)
    mask = net.layers[1].mask
    assert not back.W[1][~mask].any()
    assert (back.W[1] != net.W[1]).any()


def test_module_can_be_copied_and_its_state_loaded(dtype):
    net, other = (dl.Network([3, 4, 2], dtype=dtype, seed=k) for k in (1, 2))
    module = copy.deepcopy(dl.formats.to_torch(net))
    twin = dl.formats.to_torch(other)
    twin.load_state_dict(module.state_dict())
    assert dl.formats.from_torch(twin).theta.tobytes() == net.theta.tobytes()
    with pytest.raises((RuntimeError, dl.FileFormatError)):
        dl.formats.to_torch(dl.Network([3, 4, 1])).load_state_dict(module.state_dict())


MODULES = {
    "identity": nn.Identity(), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "relu": nn.ReLU(),
    "leaky_relu(0.2)": nn.LeakyReLU(0.2), "elu(0.5)": nn.ELU(0.5), "selu": nn.SELU(),
    "softplus": nn.Softplus(), "silu": nn.SiLU(), "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU("tanh"), "mish": nn.Mish(), "softsign": nn.Softsign(),
    "hard_sigmoid": nn.Hardsigmoid(), "hard_tanh": nn.Hardtanh(),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_sequential_of_every_activation_is_read(dtype, name):
    kind = getattr(torch, dtype.name)
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Flatten(), nn.Linear(3, 5), MODULES[name], nn.Dropout(0.5), nn.Linear(5, 2, bias=False),
        nn.Softmax(-1),
    ).to(kind).eval()  # fmt: skip
    net = dl.formats.from_torch(module)
    assert [str(layer.activation) for layer in net.layers] == [name, "softmax"]
    assert net.loss_name == "cross_entropy"
    np.testing.assert_allclose(
        net.predict(X), outputs(module, X, dtype), atol=CLOSE[dtype.name]
    )  # fmt: skip


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Linear(3, 2), nn.PReLU()), nn.Sequential(nn.Linear(3, 2), nn.ReLU6()),
        nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), nn.Sequential(nn.Linear(3, 2), nn.GLU()),
        nn.Sequential(nn.ReLU(), nn.Linear(3, 2)), nn.Sequential(nn.Softmax(0), nn.Linear(3, 2)),
        nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Tanh()), nn.Sequential(), nn.LSTM(3, 2),
        nn.Sequential(nn.Linear(3, 2), nn.Softmax(0)),
    ],
)  # fmt: skip
def test_module_that_no_network_is_is_refused(module):
    with pytest.raises(dl.InvalidTypeError, match=r"no layer that|takes what|has no nn"):
        dl.formats.from_torch(module)


def test_state_dict_goes_both_ways(dtype):
    net = dl.Network([3, 5, 2], activation="relu", loss="cross_entropy", dtype=dtype, seed=2)
    module = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2), nn.Softmax(-1))
    module.to(getattr(torch, dtype.name)).load_state_dict(dl.formats.torch_state_dict(net))
    np.testing.assert_allclose(outputs(module, X, dtype), net.predict(X), atol=CLOSE[dtype.name])
    meant = {"activation": "relu", "loss": "cross_entropy"}
    back = dl.formats.from_torch(module.state_dict(), **meant)
    assert same(back, net)
    deep = dl.Network([3, 5, 4, 2], activation="identity", output="tanh")
    assert list(dl.formats.torch_state_dict(deep))[::2] == ["0.weight", "1.weight", "2.weight"]


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64"])
def test_file_of_another_module_is_read(path, kind):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).to(getattr(torch, kind))
    torch.save(module.state_dict(), path)
    net = dl.formats.read(path, activation="tanh")
    assert net.dtype == ("float64" if kind == "float64" else "float32")
    np.testing.assert_array_equal(net.W[1], module[2].weight.detach().double().numpy())
    with pytest.raises(dl.InvalidInputError, match="say which activation"):
        dl.formats.read(path)


# damaged and hostile files


class Malicious:
    """Writes a file when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (open, (str(self.trace), "w"))


def test_no_code_of_a_file_is_run(path, tmp_path):
    trace = tmp_path / "was run"
    for content in (Malicious(trace), {"0.weight": torch.ones(2, 3), "x": Malicious(trace)}):
        torch.save(content, path)
        with pytest.raises(dl.FileFormatError, match="never run: save") as caught:
            dl.formats.read(path)
        assert "weights_only" not in str(caught.value)  # no advice to load it unsafely
    path.write_bytes(pickle.dumps(Malicious(trace)))
    with pytest.raises(dl.FileFormatError, match="no whole archive of PyTorch"):
        dl.formats.read(path)
    assert not trace.exists()


def test_pickled_module_is_refused(path):
    torch.save(nn.Sequential(nn.Linear(3, 2)), path)
    with pytest.raises(dl.FileFormatError, match=r"save model\.state_dict\(\)"):
        dl.formats.read(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([1, 2], "holds no state_dict, got list"),
        ({}, "holds no state_dict"),
        ({"0.weight": 3}, "is no tensor, but int"),
        ({"0.weight": torch.ones(2, 3, dtype=torch.int8)}, "dense tensor"),
        ({"0.weight": torch.ones(2, 3).to_sparse()}, "dense tensor"),
        ({"0.weight": torch.ones(2, 3, dtype=torch.complex64)}, "dense tensor"),
        ({"0.weight": torch.full((2, 3), torch.nan)}, "nan"),
        ({"0.weight": torch.ones(2)}, "NAME.weight"),
        ({"0.weight": torch.ones(2, 3), "_extra_state": "{}"}, "not written by deltaloop"),
        ({"0.weight": torch.ones(1).expand(2**20, 2**20)}, "more than the 2 GiB"),
    ],
)
def test_state_that_is_no_network_is_refused(path, content, told):
    torch.save(content, path)
    with pytest.raises(dl.FileFormatError, match=told):
        dl.formats.read(path)


def test_packed_archive_is_refused_before_it_is_unpacked(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(10_000_000))
    with pytest.raises(dl.FileFormatError, match="packs nothing"):
        dl.formats.read(path)


def test_file_cut_anywhere_is_refused(path):
    dl.formats.write(dl.Network([3, 2, 1]), path)
    n = path.stat().st_size
    check_cuts(path, [*range(0, n, 61), *range(n - 70, n)])


def test_changed_byte_is_refused_or_another_network(path):
    dl.formats.write(dl.Network([3, 2, 1]), path)
    check_changes(path, 5, (dl.FileFormatError, dl.InvalidInputError), activation="tanh")


@pytest.mark.filterwarnings("ignore")  # of PyTorch itself
def test_exported_modules_are_read_from_onnx(tmp_path):
    """What torch.onnx writes, where it is installed."""
    pytest.importorskip("onnxscript")
    path = tmp_path / "net.onnx"
    module = nn.Sequential(nn.Linear(3, 5), nn.GELU(), nn.Linear(5, 4), nn.SiLU(), nn.Linear(4, 2))
    module.eval()
    torch.onnx.export(module, (torch.from_numpy(X.astype("float32")),), path, dynamo=True,
                      external_data=False, verbose=False)  # fmt: skip
    net = dl.formats.read(path)
    assert [str(layer.activation) for layer in net.layers] == ["gelu", "silu", "identity"]
    np.testing.assert_allclose(net.predict(X), outputs(module, X, "float32"), atol=1e-5)
