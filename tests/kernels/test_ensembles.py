"""Many networks at once: each must be what it is alone, whatever the others do."""

from dataclasses import replace

import numpy as np
import pytest

import cases
from deltaloop.kernels import ensembles, for_networks, functions, reference
from deltaloop.kernels.ensembles import NETWORK, REASONS, Training
from tolerances import are_useful, assert_within, expected_within


def training_of(case, n, rule, batch_size, epochs=1, *, shuffle=False, weights=None, own=False):
    """n networks near that of the case, each with its learning rate."""
    generator = np.random.default_rng(5)
    networks = np.zeros(n, NETWORK)
    networks["learning_rate"] = rule.hyper[0] * generator.uniform(0.5, 1, n)
    networks["momentum"] = rule.hyper[1]
    if ensembles.takes_momentum(rule):
        networks["momentum"] *= generator.uniform(0.5, 1, n)
    networks["weight_decay"] = rule.regularization.weight_decay * generator.uniform(0.5, 1, n)
    networks["best"] = networks["lowest"] = np.inf
    networks["last"] = epochs
    packed = case.plan.packed(case.theta)
    parameters = packed * generator.uniform(0.8, 1.2, (n, len(packed))).astype(packed.dtype)
    X, Y, n_samples = case.X, case.Y, len(case.X)
    if own:  # the samples of every network in an order of its own
        rows = np.concatenate([generator.permutation(n_samples) for _ in range(n)])
        X, Y = X[rows], Y[rows]
        networks["first_row"] = np.arange(n) * n_samples
    generators = [np.random.default_rng(k) for k in range(n)]
    if weights is not None:
        networks["first_weight"] = np.arange(n) * n_samples
        weights = weights.reshape(-1)
    return Training(
        case.plan, rule, networks, parameters, X, Y, n_samples, batch_size,
        np.full((epochs, n), np.nan), weights, shuffle, generators,
    )  # fmt: skip


def trained(backend, training, n_epochs=None, n_threads=1):
    """The training, after so many epochs (None: to the end)."""
    is_compiled, backend = backend.NAME == "cython", for_networks(backend)
    if is_compiled and training.shuffle:
        address_of = backend.many(training.plan.dtype).address_of
        training.networks["generator"] = [address_of(each) for each in training.generators]
    training.pack(backend.lanes(training.plan.dtype))
    n_epochs = int(training.networks["last"].max()) if n_epochs is None else n_epochs
    backend.train_networks(training, 0, len(training.theta), n_epochs, n_threads)
    training.take_back()
    return training


def check(backends, case, rule, batch_size, n, which, **how):
    """Network `which` of n is, after an epoch, that of the reference, within rounding."""
    plan = case.plan
    made = training_of(case, n, rule, batch_size, **how)
    own = made.networks[which]
    alone = replace(
        rule,
        hyper=(float(own["learning_rate"]), *rule.hyper[1:]),
        regularization=replace(rule.regularization, weight_decay=float(own["weight_decay"])),
    )
    if ensembles.takes_momentum(rule):
        alone = replace(alone, hyper=(alone.hyper[0], float(own["momentum"])))
    theta = np.zeros_like(case.theta)
    plan.unpack(made.parameters[which], theta)
    rows = slice(own["first_row"], own["first_row"] + len(case.X))
    order = np.random.default_rng(which).permutation(len(case.X)) if made.shuffle else None
    weights = None
    if made.weights is not None:
        weights = made.weights[own["first_weight"] :][: len(case.X)]

    def compute(theta, X, Y):
        found = cases.trained(
            reference, cases.Case(plan, theta, X, Y), alone, order, batch_size, weights=weights
        )
        n = len(X) if weights is None else weights.sum()
        return {"loss": found["loss"] / n, **{k: v for k, v in found.items() if k[0] in "Wb"}}

    n_terms = cases.longest_sum(plan, batch_size) + made.n_batches
    expected, tolerance = expected_within(compute, theta, made.X[rows], made.Y[rows], n_terms)
    for backend in backends:
        done = trained(backend, training_of(case, n, rule, batch_size, **how))
        assert done.networks["done"][which] == 1
        plan.unpack(done.parameters[which], theta)
        assert_within(
            {"loss": done.losses[0, which], **cases.blocks(plan, theta)}, expected, tolerance
        )
    return are_useful(expected, tolerance)


@pytest.fixture(scope="module")
def every_threaded(every_compiled):
    return [each for each in every_compiled if each.NAME == "cython"]


@pytest.mark.parametrize(("activation", "loss"), cases.PAIRS)
def test_every_output_with_every_loss(every_threaded, activation, loss):
    number = cases.PAIRS.index((activation, loss))
    dtype = ("float32", "float64")[number // 2 % 2]
    case = cases.case(3, [5, 6, 3], ["tanh", activation], loss, dtype, 11)
    rule = cases.gentle(cases.RULES["sgd"], case)
    assert check(every_threaded, case, rule, (1, 4)[number % 2], 35, number % 35)


@pytest.mark.parametrize("hidden", cases.HIDDEN)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_every_hidden_activation(every_threaded, dtype, hidden, batch_size):
    case = cases.case(4, [3, 5, 7, 2], [hidden, hidden, "identity"], "mse", dtype, 15)
    assert check(every_threaded, case, cases.RULES["sgd"].rule(), batch_size, 18, 17)


@pytest.mark.parametrize("name", cases.RULES)
@pytest.mark.parametrize("batch_size", [1, 6, 13])
def test_every_rule(every_threaded, dtype, name, batch_size):
    if functions.RULES[name].whole_batch and batch_size < 13:
        pytest.skip("needs all samples at once")
    case = cases.case(5, [4, 6, 3], ["sigmoid", "identity"], "mse", dtype, 13)
    for n in (1, 70):
        assert check(every_threaded, case, cases.RULES[name].rule(), batch_size, n, n - 1)


@pytest.mark.parametrize("n", [1, 7, 17, 33, 131])
@pytest.mark.parametrize("batch_size", [1, 3, 14])
@pytest.mark.parametrize(
    "sizes", [[1, 1], [2, 4, 1], [3, 1, 5, 2], [9, 13, 6], [17, 3, 3, 3, 10]], ids=str
)
def test_every_shape(every_threaded, sizes, batch_size, n):
    dtype = ("float32", "float64")[n % 3 % 2]
    hidden = ["tanh"] * (len(sizes) - 2)
    biases = [k % 2 == 0 for k in range(len(sizes) - 1)]
    case = cases.case(6, sizes, [*hidden, "softplus"], "huber", dtype, 14, biases)
    which = (7 * n) // 8
    assert check(every_threaded, case, cases.RULES["momentum"].rule(), batch_size, n, which)


@pytest.mark.parametrize("n_in", range(1, 8))
@pytest.mark.parametrize("n_out", range(1, 8))
def test_every_rest_of_a_tile(every_threaded, n_in, n_out):
    """Without biases, so that a row too many of dC/dW falls on weights of the next layer."""
    dtype = ("float32", "float64")[(n_in + n_out) % 2]
    case = cases.case(7, [n_in, n_out, 2], ["tanh", "identity"], "mse", dtype, 9, [False] * 2)
    for own in (False, True):
        assert check(every_threaded, case, cases.RULES["sgd"].rule(), 9, 5, 4, own=own)


@pytest.mark.parametrize("n_out", range(9, 17))
def test_every_rest_of_eight_units_beside_other_blocks(every_threaded, n_out):
    """A unit too many is the first one of the next block, which was computed before it."""
    for sizes in ([2, n_out, 1], [1, 2, n_out]):  # so few parameters that blocks go side by side
        for dtype in ("float32", "float64"):
            case = cases.case(7, sizes, ["tanh", "identity"], "mse", dtype, 5)
            assert check(every_threaded, case, cases.RULES["sgd"].rule(), 1, 33, 17)


@pytest.mark.parametrize("batch_size", [1, 5, 12])
@pytest.mark.parametrize("how", ["shuffle", "own", "weights", "all"])
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_samples_of_its_own(every_threaded, dtype, batch_size, how, rule):
    case = cases.case(7, [5, 4, 3], ["tanh", "softmax"], "cross_entropy", dtype, 12)
    weights = np.random.default_rng(1).integers(0, 3, (19, 12)).astype(np.float64)
    weights[:, 0] = 2
    assert check(
        every_threaded, case, cases.RULES[rule].rule(), batch_size, 19, 18,
        shuffle=how in ("shuffle", "all"), own=how in ("own", "all"),
        weights=weights if how in ("weights", "all") else None,
    )  # fmt: skip


@pytest.mark.parametrize("batch_size", [1, 4])
def test_penalties_and_limits(every_threaded, dtype, batch_size):
    case = cases.case(8, [4, 5, 2], ["tanh", "identity"], "mse", dtype, 12)
    sgd = cases.RULES["sgd"].rule().regularization
    regular = replace(sgd, l1=0.02, l2=0.1, weight_decay=0.7, clip_value=0.3)
    for name in ("sgd", "adam"):
        rule = replace(cases.RULES[name].rule(), regularization=regular)
        assert check(every_threaded, case, rule, batch_size, 21, 20)


def as_bytes(training):
    return training.parameters.tobytes(), training.losses.tobytes()


@pytest.fixture(params=[("sgd", 1), ("adam", 1), ("momentum", 5)], ids=str)
def job(request, dtype):
    name, batch_size = request.param
    case = cases.case(9, [3, 6, 2], ["sigmoid", "identity"], "mse", dtype, 14)
    return case, cases.RULES[name].rule(), batch_size


def test_threads_give_the_same_bits(threaded, job):
    case, rule, batch_size = job
    made = [training_of(case, 203, rule, batch_size, 3, shuffle=True) for _ in range(3)]
    found = [
        as_bytes(trained(threaded, training, n_threads=n_threads))
        for training, n_threads in zip(made, (1, 2, 5), strict=True)
    ]
    assert found[0] == found[1] == found[2]


def test_epochs_in_calls_give_the_same_bits(threaded, job):
    case, rule, batch_size = job
    at_once = trained(threaded, training_of(case, 37, rule, batch_size, 4, shuffle=True))
    cut = trained(threaded, training_of(case, 37, rule, batch_size, 4, shuffle=True), n_epochs=1)
    threaded.train_networks(cut, 0, len(cut.theta), 3, 1)
    cut.take_back()
    assert as_bytes(cut) == as_bytes(at_once)


def test_the_company_of_others_changes_no_bit(threaded, job):
    case, rule, batch_size = job
    many = trained(threaded, training_of(case, 150, rule, batch_size, 2))
    few = training_of(case, 150, rule, batch_size, 2)
    few.networks["reason"][:] = REASONS.index("epochs")
    few.networks["reason"][[3, 77]] = 0
    few = trained(threaded, few)
    for k in (3, 77):
        assert few.parameters[k].tobytes() == many.parameters[k].tobytes()
    others = np.delete(np.arange(150), [3, 77])
    fresh = training_of(case, 150, rule, batch_size, 2)
    assert (few.parameters[others] == fresh.parameters[others]).all()
    assert np.isnan(few.losses[:, others]).all()


def test_what_goes_on_after_others_are_left_out(threaded, job):
    case, rule, batch_size = job
    whole = trained(threaded, training_of(case, 90, rule, batch_size, 4))
    cut = trained(threaded, training_of(case, 90, rule, batch_size, 4), n_epochs=2)
    left = np.arange(0, 90, 7)
    cut.networks["reason"] = REASONS.index("epochs")
    cut.networks["reason"][left] = 0
    cut.repack()
    assert cut.lane_of.size < 90
    threaded.train_networks(cut, 0, len(cut.theta), 2, 1)
    cut.take_back()
    assert cut.parameters[left].tobytes() == whole.parameters[left].tobytes()


@pytest.mark.parametrize("settings", [
    {"patience": 2}, {"tol": 0.003}, {"patience": 1, "tol": 0.002}, {"target_loss": 1.43}, {},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("watches", [False, True])
def test_ends_where_the_reference_does(threaded, settings, watches):
    case = cases.case(10, [3, 5, 2], ["tanh", "identity"], "mse", "float64", 20)
    made = []
    for backend in (reference, threaded):
        training = training_of(case, 11, cases.RULES["momentum"].rule(), 5, 15)
        training.networks["learning_rate"] *= np.linspace(0.5, 12, 11)
        training.networks["last"] = np.arange(5, 16)
        training.best = np.zeros_like(training.parameters)
        if watches:
            training.watched = case.X[12:].copy(), case.Y[12:].copy(), 8
            training.watched_losses = training.losses.copy()
        for name, value in settings.items():
            setattr(training, name, value)
        made.append(trained(backend, training))
    expected, found = made
    for name in ("done", "reason", "best_epoch"):
        np.testing.assert_array_equal(found.networks[name], expected.networks[name])
    assert len(set(found.networks["reason"])) > bool(settings)
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-9)
    np.testing.assert_allclose(found.best, expected.best, rtol=1e-7, atol=1e-9)
    if watches:
        np.testing.assert_allclose(found.watched_losses, expected.watched_losses, rtol=1e-9)


@pytest.mark.parametrize("which", [[0, 17], [3, 4], [39, 16]], ids=str)
def test_what_diverges_harms_no_other(threaded, dtype, which):
    case = cases.case(11, [3, 4, 1], ["relu", "identity"], "mse", dtype, 10)
    rule = cases.RULES["sgd"].rule()
    calm = trained(threaded, training_of(case, 40, rule, 1, 30))
    wild = training_of(case, 40, rule, 1, 30)
    wild.networks["learning_rate"][which] = 1e6
    wild = trained(threaded, wild)
    assert [REASONS[k] for k in wild.networks["reason"][which]] == ["diverged"] * 2
    assert np.isfinite(wild.parameters).all()
    assert (wild.networks["done"][which] < 30).all()
    others = np.delete(np.arange(40), which)
    assert wild.parameters[others].tobytes() == calm.parameters[others].tobytes()
    assert wild.losses[:, others].tobytes() == calm.losses[:, others].tobytes()
    for name in ("done", "reason", "lowest", "best_epoch"):
        np.testing.assert_array_equal(wild.networks[name][others], calm.networks[name][others])


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("sizes", [[3, 2], [2, 9, 5, 3]], ids=str)
@pytest.mark.parametrize("output", ["identity", "softmax", "log_softmax"])
def test_outputs(threaded, dtype, sizes, output, own):
    case = cases.case(12, sizes, ["gelu"] * (len(sizes) - 2) + [output], "mse", dtype, 13)
    training = training_of(case, 29, cases.RULES["sgd"].rule(), 1, own=own)
    outs = []
    for backend in (reference, threaded):
        module = for_networks(backend)
        training.pack(module.lanes(dtype))
        out = np.full((29, 13, sizes[-1]), np.nan, dtype)
        rows = training.networks["first_row"].copy() if own else None
        module.forward_networks(training, 0, len(training.theta), training.X, rows, out, 2)
        outs.append(out)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(outs[1], outs[0], rtol=tolerance, atol=tolerance)


class Framed:
    """An array between bytes that must stay as they are."""

    def __init__(self, content):
        self.whole = np.full(content.nbytes + 8192 + 64, 0xFF, np.uint8)
        start = 4096 + -(self.whole.ctypes.data + 4096) % 64
        self.part = slice(start, start + content.nbytes)
        self.array = self.whole[self.part].view(content.dtype).reshape(content.shape)
        self.array[:] = content

    def is_intact(self):
        return (np.delete(self.whole, np.arange(self.part.start, self.part.stop)) == 0xFF).all()


@pytest.mark.parametrize("n", [1, 33, 67])
def test_nothing_outside_the_arrays_is_written(threaded, job, n):
    case, rule, batch_size = job
    training = training_of(case, n, rule, batch_size, 2, shuffle=True)
    training.watched, training.watched_losses = (case.X, case.Y, 14), training.losses.copy()
    training.best = training.parameters.copy()
    address_of = threaded.many(case.plan.dtype).address_of
    training.networks["generator"] = [address_of(each) for each in training.generators]
    training.pack(threaded.lanes(case.plan.dtype))
    names = ["theta", "state", "losses", "watched_losses", "best", "networks", "X", "Y"]
    framed = {name: Framed(getattr(training, name)) for name in names}
    before = {name: framed[name].array.tobytes() for name in ("X", "Y")}
    for name, frame in framed.items():
        setattr(training, name, frame.array)
    threaded.train_networks(training, 0, len(training.theta), 2, 2)
    assert all(frame.is_intact() for frame in framed.values())
    assert {name: framed[name].array.tobytes() for name in before} == before
    assert np.isfinite(training.losses).all()


def test_orders_are_those_of_numpy():
    assert ensembles.alike_orders()


@pytest.mark.parametrize("differs", ["orders", "state", "nothing"])
def test_other_orders_or_another_state_after_them_are_noticed(monkeypatch, differs):
    from deltaloop.kernels import cython

    class Many:
        @staticmethod
        def orders(generator, most):
            found = [generator.permutation(n) for n in range(1, most)]
            if differs == "orders":
                found[-1] = found[-1][::-1].copy()
            if differs == "state":
                generator.random()
            return found

    monkeypatch.setattr(cython, "many", lambda dtype: Many)
    assert ensembles._alike_orders.__wrapped__() == (differs == "nothing")


@pytest.mark.parametrize("large", range(5))
def test_outputs_of_softmax_are_finite_whichever_is_the_largest(threaded, dtype, large):
    case = cases.case(3, [2, 5], ["softmax"], "cross_entropy", dtype, 3)
    case.plan.b(case.theta, 0)[large] = 2000  # e^2000 is infinite, e^0 is not
    training = training_of(case, 29, cases.RULES["sgd"].rule(), 1)
    module = for_networks(threaded)
    training.pack(module.lanes(dtype))
    out = np.empty((29, 3, 5), dtype)
    module.forward_networks(training, 0, len(training.theta), training.X, None, out, 1)
    np.testing.assert_array_equal(out, np.broadcast_to(np.eye(5, dtype=dtype)[large], out.shape))


def test_logistic_of_lanes_is_within_its_bound(every_threaded):
    generator = np.random.default_rng(0)
    z = np.concatenate([generator.uniform(-87, 40, 20000), generator.uniform(-1, 1, 5000)])
    z = z.astype(np.float32)
    case = cases.case(1, [1, 1], ["sigmoid"], "mse", "float32", 2)
    rule = cases.RULES["sgd"].rule()
    for backend in every_threaded:
        made = training_of(case, 17, rule, 1)
        made.parameters[:] = np.array([1, 0], np.float32)[: made.parameters.shape[1]]
        compiled = for_networks(backend)
        made.pack(compiled.lanes(made.plan.dtype))
        out = np.empty((17, len(z), 1), np.float32)
        compiled.forward_networks(made, 0, len(made.theta), z[:, None].copy(), None, out, 1)
        exact = 1 / (1 + np.exp(-z.astype(np.float64)))
        ulp = np.spacing(exact.astype(np.float32)).astype(np.float64)
        # 4, as its text in ensemble_lanes.pxd says; that of single networks is within 3
        assert (np.abs(out[16, :, 0] - exact) <= 4 * ulp).all()
        assert (out[0] == out[16]).all()


@pytest.mark.parametrize(
    ("settings", "refused"),
    [({}, ""), ({"clip_value": 0.5, "l1": 0.1, "l2": 0.1, "weight_decay": 0.1}, ""),
     ({"clip_norm": 1.0}, "clip_norm"), ({"max_norm": 1.0}, "max_norm"),
     ({"weight_noise": 1.0}, "weight_noise"), ({"weight_noise": 1e-9}, "weight_noise")],
)  # fmt: skip
def test_what_lanes_do_not_have_is_named(settings, refused):
    rule = cases.RULES["sgd"].rule()
    rule = replace(rule, regularization=replace(rule.regularization, **settings))
    assert ensembles.refused_rule(rule) == refused
