"""One training on several ranks, here threads: the result of one, and the same end for all."""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.errors import RankError
from deltaloop.parallel.ranks import Ranks
from thread_ranks import Meeting, ThreadComm, on_ranks, parts, same

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 5))
Y = np.tanh(X @ rng.normal(size=(5, 2))) + rng.normal(0, 0.3, (200, 2))
WEIGHTS = rng.uniform(0.0, 3.0, 200) * 2.0 ** rng.integers(-3, 3, 200)


def new(dtype="float64", **more):
    options = {"activation": "tanh", "dtype": dtype, "seed": 3} | more
    return dl.Network([5, 4, 2], **options)


def fitted(comm, part=slice(None), weights=None, make=new, **settings):
    """A network after its training on a part of the samples, and the record."""
    net = make()
    if weights is not None:
        settings["sample_weight"] = weights[part]
    return net, net.fit(X[part], Y[part], comm=comm, **settings)


def shared(size=4, borders=None, **settings):
    """The same on all ranks, which agree."""
    mine = parts(len(X), size, borders)
    return same(on_ranks(size, lambda comm: fitted(comm, mine[comm.rank], **settings)))


WHOLE = {
    "sgd": (dl.SGD(0.3), 200),
    "momentum, clipped": (dl.SGD(0.3, momentum=0.9, clip_norm=0.05), 200),
    "adam, weight decay": (dl.Adam(0.05, weight_decay=0.1), 200),
    "rprop": (dl.Rprop(), None),
    "lbfgs": (dl.LBFGS(), None),
    "scg": (dl.SCG(), None),
    # with such a mu the equations are well conditioned, and amplify no rounding
    "levenberg_marquardt": (dl.LevenbergMarquardt(mu=1.0), None),
}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize("name", WHOLE)
def test_four_unequal_ranks_make_the_steps_of_one(name, weights):
    if name in ("lbfgs", "scg"):
        pytest.importorskip("scipy")
    optimizer, size = WHOLE[name]
    settings = {"optimizer": optimizer, "batch_size": size, "epochs": 5, "weights": weights}
    net, history = shared(**settings)
    alone, its = fitted(None, **settings)
    # SCG divides differences of gradients by sigma = 5e-5, and so their rounding
    tolerance = 1e-16 / optimizer.sigma if name == "scg" else 1e-12
    np.testing.assert_allclose(net.theta, alone.theta, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(history.loss, its.loss, rtol=tolerance)
    assert len(history) == 5 and history.loss[-1] < history.loss[0]


@pytest.mark.parametrize("name", WHOLE)
def test_one_rank_is_the_serial_run_bit_for_bit(name):
    optimizer, _ = WHOLE[name]
    settings = {"optimizer": optimizer, "epochs": 3}
    if name != "rprop":
        settings["validation_split"] = 0.2
    net, history = fitted(ThreadComm(Meeting(1), 0), **settings)
    alone, its = fitted(None, **settings)
    np.testing.assert_array_equal(net.theta, alone.theta)
    assert history.loss == its.loss


@pytest.mark.parametrize("backend", ["cython", "reference"])
def test_steps_of_mini_batches_are_those_of_the_same_batches_in_one_process(backend):
    # in the order of the rows: mini-batch b is the b-th tenth of both halves
    def make():
        return new(backend=backend)

    optimizer = dl.Adam(0.05)
    net, history = shared(
        2, [0, 100, 200], batch_size=20, shuffle=False, epochs=2, optimizer=optimizer, make=make
    )
    order = np.concatenate(
        [np.r_[10 * b : 10 * b + 10, 100 + 10 * b : 110 + 10 * b] for b in range(10)]
    )
    alone = make()
    its = alone.fit(X[order], Y[order], batch_size=20, shuffle=False, epochs=2, optimizer=optimizer)
    np.testing.assert_allclose(net.theta, alone.theta, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(history.loss, its.loss, rtol=1e-12)


def test_averaging_every_update_of_plain_sgd_is_the_synchronous_gradient():
    settings = {"batch_size": 20, "epochs": 2, "optimizer": dl.SGD(0.1)}
    synchronous, _ = shared(2, [0, 100, 200], **settings)
    averaged, _ = shared(2, [0, 100, 200], average_every=1, **settings)
    np.testing.assert_allclose(averaged.theta, synchronous.theta, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_averages_of_k_steps_are_the_mean_of_what_ranks_find_alone(dtype):
    def make():
        return new(dtype)

    settings = {"batch_size": 20, "shuffle": False, "optimizer": dl.Adam(0.05), "make": make}
    net, _ = shared(2, [0, 150, 200], average_every=10, epochs=1, **settings)
    # ten updates by each: 15 and 5 samples in each of them
    parts_alone = [
        fitted(None, part, **(settings | {"batch_size": size}), epochs=1)[0].theta
        for part, size in ((slice(0, 150), 15), (slice(150, 200), 5))
    ]
    mean = 0.75 * parts_alone[0] + 0.25 * parts_alone[1]
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(net.theta, mean, rtol=0, atol=tolerance)


@pytest.mark.parametrize("every", [None, 3])
def test_training_with_everything_switched_on_is_repeatable_and_learns(every):
    def make():
        return dl.Network(
            5, [dl.Dense(6, "relu", dropout=0.1), dl.Dense(2, "identity")], input_noise=0.01
        )

    settings = {
        "batch_size": 12, "epochs": 15, "make": make, "average_every": every,
        "schedule": "cosine", "optimizer": dl.Adam(0.02, weight_noise=0.01, l1=1e-4),
    }  # fmt: skip
    net, history = shared(3, **settings)
    again, _ = shared(3, **settings)
    np.testing.assert_array_equal(net.theta, again.theta)
    assert history.loss[-1] < 0.5 * history.loss[0]
    assert history.learning_rate[-1] < history.learning_rate[0]


def test_ranks_drop_other_units():
    # the same sample on both ranks, once: with the same masks their mean is what each finds alone
    def make():
        return dl.Network([5, 40, 2], activation="tanh", dropout=0.5, dtype="float64", seed=1)

    settings = {"batch_size": 2, "epochs": 1, "optimizer": dl.SGD(0.5)}

    def work(comm):
        net = make()
        return net, net.fit(X[:1], Y[:1], comm=comm, **settings)

    net, _ = same(on_ranks(2, work))
    alone = make()
    alone.fit(X[:1], Y[:1], **settings | {"batch_size": 1})
    moved = np.count_nonzero((net.W[1] != make().W[1])[0])
    assert moved > np.count_nonzero((alone.W[1] != make().W[1])[0]) > 10


def test_frozen_layers_stay_as_they_are_in_averages():
    def make():
        return dl.Network(
            5, [dl.Dense(6, "tanh", trainable=False), dl.Dense(2, "identity")], seed=1
        )

    net, _ = shared(3, batch_size=12, epochs=3, average_every=2, make=make)
    np.testing.assert_array_equal(net.W[0], make().W[0])
    assert (net.W[1] != make().W[1]).all()


def test_memory_maps_and_sparse_samples_are_parts_as_well(tmp_path):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    mine = parts(len(X), 2)

    def work(samples):
        def one(comm):
            net, part = new("float32"), mine[comm.rank]
            return net, net.fit(samples[part], Y[part], batch_size=20, epochs=2, comm=comm)

        return same(on_ranks(2, one))[0].theta

    plain = work(X)
    np.testing.assert_array_equal(work(mapped), plain)
    np.testing.assert_allclose(work(scipy_sparse.csr_array(X)), plain, atol=1e-6)


def test_validation_and_metrics_are_those_of_the_rows_of_all_ranks():
    settings = {"batch_size": 200, "epochs": 4, "metrics": ["r2"], "optimizer": dl.SGD(0.3)}
    held, kept = parts(60, 3), [slice(60 + p.start, 60 + p.stop) for p in parts(140, 3)]

    def work(comm):
        net = new()
        some, train = held[comm.rank], kept[comm.rank]
        watched = X[some], Y[some]
        return net, net.fit(
            X[train], Y[train], comm=comm, validation_data=watched, **settings | {"batch_size": 140}
        )

    _, history = same(on_ranks(3, work))
    its = new().fit(
        X[60:], Y[60:], validation_data=(X[:60], Y[:60]), **settings | {"batch_size": 140}
    )
    np.testing.assert_allclose(history.validation_loss, its.validation_loss, rtol=1e-12)
    np.testing.assert_allclose(history.metrics["r2"], its.metrics["r2"], rtol=1e-12)


def test_all_ranks_stop_when_rank_0_does():
    seen = []

    def work(comm):
        callbacks = [lambda state: seen.append(state.epoch) or state.epoch == 3]
        if comm.rank:
            callbacks = [lambda state: seen.append("not here")]
        return fitted(comm, parts(200, 3)[comm.rank], batch_size=20, epochs=9, callbacks=callbacks)

    _, history = same(on_ranks(3, work))
    assert seen == [1, 2, 3] and len(history) == 3
    assert history.stop_reason == "callback <lambda>"


REASONS = [  # and what is told of them
    (None, None), ("", None), ("patience", "patience"),
    ("ü" * 48, "ü" * 48), ("rü" * 99, "rü" * 32),
    *(("r" * n, "r" * min(n, 96)) for n in (95, 96, 97, 500)),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "told"), REASONS, ids=range(len(REASONS)))
def test_reason_of_rank_0_is_told_as_far_as_there_is_room(reason, told):
    def work(comm):
        with Ranks(comm) as ranks:
            return ranks.agree("its own" if comm.rank else reason, np.arange(3.0))

    assert on_ranks(3, work) == [told] * 3


@pytest.mark.parametrize("every", [None, 4])
def test_callbacks_that_count_updates_and_clocks_end_training_on_all_ranks(every):
    told = []

    def work(comm):
        watch = dl.callbacks.every(8, lambda state: told.append(state.step) or state.step == 24)
        return fitted(
            comm, parts(200, 2)[comm.rank], batch_size=10, epochs=9, callbacks=[watch],
            average_every=every, max_seconds=1e6 if comm.rank == 0 else 0,
        )  # fmt: skip

    _, history = same(on_ranks(2, work))
    assert told == [8, 16, 24] and len(history) == 1
    assert history.stop_reason == "callback <lambda>"


def test_patience_and_best_parameters_are_the_same_everywhere():
    settings = {
        "batch_size": 20, "epochs": 60, "validation_split": 0.3, "patience": 2,
        "restore_best": True, "optimizer": dl.SGD(2.0),
    }  # fmt: skip
    _, history = shared(2, **settings)
    assert history.stop_reason == "patience"
    assert history.best_epoch == np.argmin(history.validation_loss) + 1


def test_fit_goes_on_where_the_fit_before_ended():
    mine = parts(200, 2)

    def in_two(comm):
        net, part = new(), mine[comm.rank]
        settings = {"batch_size": 20, "optimizer": dl.Adam(0.01), "comm": comm}
        net.fit(X[part], Y[part], epochs=2, **settings)
        return net, net.fit(X[part], Y[part], epochs=3, resume=True, **settings)

    net, history = same(on_ranks(2, in_two))
    once, its = shared(2, batch_size=20, optimizer=dl.Adam(0.01), epochs=5)
    np.testing.assert_array_equal(net.theta, once.theta)
    assert history.loss == its.loss


@pytest.mark.parametrize("size", [2, 3])
def test_checkpoints_of_rank_0_resume_on_any_number_of_ranks(tmp_path, size):
    settings = {"batch_size": 20, "optimizer": dl.Adam(0.01)}

    def part_of_training(size, epochs, resume):
        def work(comm):
            folder = tmp_path / (f"here{comm.rank}" if comm.rank else "checkpoint")
            return fitted(
                comm, parts(200, size)[comm.rank], checkpoint=folder, resume=resume, epochs=epochs,
                **settings,
            )  # fmt: skip

        return same(on_ranks(size, work))

    part_of_training(2, 3, False)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    net, history = part_of_training(size, 6, True)
    whole, its = shared(2, epochs=6, **settings)
    assert len(history) == 6 and history.loss[:3] == its.loss[:3]
    if size == 2:
        np.testing.assert_array_equal(net.theta, whole.theta)
    else:
        np.testing.assert_allclose(history.loss, its.loss, rtol=0.2)


def ends(found):
    """Class names of what ranks raised."""
    return [type(one).__name__ for one in found]


DIFFERENT = {
    "inputs": (lambda rank: ((X[:, : 5 - rank], Y), {}), "InvalidInputError", "shape"),
    "targets": (lambda rank: ((X, Y[:, : 2 - rank]), {}), "InvalidInputError", "Y"),
    "nan": (lambda rank: ((X if rank == 0 else X * np.nan, Y), {}), "InvalidInputError", "nan"),
    "batch_size": (
        lambda rank: ((X, Y), {"batch_size": 10 + rank}), "RankError", "same batch_size, but rank",
    ),
    "optimizer": (
        lambda rank: ((X, Y), {"optimizer": dl.SGD(0.1 + rank)}), "RankError", "same optimizer",
    ),
    "metrics": (
        lambda rank: ((X, Y), {"metrics": ["r2"] * rank}), "RankError", r"rank 1 has \['r2'\] and",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_differs_between_ranks_is_an_error_on_all_and_changes_nothing(what):
    asked, kind, told = DIFFERENT[what]
    nets = [new(), new()]

    def work(comm):
        samples, settings = asked(comm.rank)
        return nets[comm.rank].fit(*samples, comm=comm, **settings)

    found = on_ranks(2, work)
    assert ends(found) == ["RankError", kind]
    with pytest.raises(RankError, match=f"rank 1 of 2 has failed, so all end: {kind}: .*{told}"):
        raise found[0]
    for net in nets:
        np.testing.assert_array_equal(net.theta, new().theta)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda rank: dl.Network([5, 4 + rank, 2]), "same layers"),
        (lambda rank: dl.Network([5, 4, 2], seed=rank), "same parameters"),
        (lambda rank: dl.Network([5, 4, 2], dtype=("float32", "float64")[rank]), "same layers"),
    ],
)
def test_another_network_on_a_rank_is_an_error_on_all(make, told):
    found = on_ranks(2, lambda comm: make(comm.rank).fit(X, Y, comm=comm))
    assert ends(found) == ["RankError", "RankError"]
    assert told in str(found[0]) and told in str(found[1])


@pytest.mark.parametrize("optimizer", [dl.Adam(), dl.LBFGS(), dl.LevenbergMarquardt()])
@pytest.mark.parametrize("rank", [0, 1])
def test_error_in_the_middle_ends_all_ranks(optimizer, rank):
    def fails(state):
        if state.epoch == 2:
            raise OSError("the disk is full")

    def work(comm):
        part = parts(200, 3)[comm.rank]
        if rank == 0:
            return fitted(comm, part, epochs=9, optimizer=optimizer, callbacks=[fails])
        net = new()
        if comm.rank == 1:
            original, calls = net._turns.write, []

            def write(*arguments):
                calls.append(1)
                if len(calls) == 4:
                    raise OSError("the disk is full")
                return original(*arguments)

            net._turns.write = write
        return net.fit(X[part], Y[part], epochs=9, optimizer=optimizer, comm=comm)

    found = on_ranks(3, work)
    assert ends(found) == ["OSError" if k == rank else "RankError" for k in range(3)]
    other = found[2]
    assert f"rank {rank} of 3 has failed, so all end: OSError: the disk is full" in str(other)


def test_interrupt_of_one_rank_ends_all_without_an_error():
    def interrupts(state):
        if state.epoch == 2:
            raise KeyboardInterrupt

    found = on_ranks(
        2, lambda comm: fitted(comm, parts(200, 2)[comm.rank], epochs=9, callbacks=[interrupts])
    )
    assert [history.stop_reason for _, history in found] == ["interrupted"] * 2


@pytest.mark.parametrize("after", [0, 6, 40])
def test_rank_that_dies_ends_the_others(after):
    found = on_ranks(
        3, lambda comm: fitted(comm, parts(200, 3)[comm.rank], epochs=50), dies={1: after}
    )
    assert ends(found) == ["RankError", "SystemExit", "RankError"]
    assert "rank 0 of 3 no longer reaches the others" in str(found[0])


def test_divergence_is_told_by_every_rank():
    found = on_ranks(
        2, lambda comm: fitted(comm, parts(200, 2)[comm.rank], epochs=50, optimizer=dl.SGD(1e200))
    )
    assert ends(found) == ["DivergenceError", "DivergenceError"]


def test_gradient_that_overflows_on_one_rank_ends_all():
    # its loss is finite, and the limit on its values hides it from the other rank
    def work(comm):
        net = dl.Network(1, [dl.Dense(1, "identity", init=([[1e-20]], [0.0]))])
        x = np.full((4, 1), 1e30 if comm.rank else 1.0)  # the slope is 1e10 1e30 on rank 1
        optimizer = dl.SGD(1e-3, clip_value=1.0)
        return net.fit(x, 0 * x, comm=comm, batch_size=8, epochs=3, optimizer=optimizer)

    assert {"DivergenceError", "RankError"} >= set(ends(on_ranks(2, work)))


class Crooked(ThreadComm):
    """Sums with other bits on rank 1, as from another processor."""

    def allreduce(self, flat):
        super().allreduce(flat)
        if self.rank == 1:
            flat *= np.where(np.abs(flat) < 1e-2, 1 + 1e-12, 1)


def test_ranks_whose_sums_differ_are_noticed():
    meeting_of = {}

    def work(comm):
        meeting = meeting_of.setdefault("one", comm.meeting)
        return fitted(Crooked(meeting, comm.rank), parts(200, 2)[comm.rank], epochs=3)

    found = on_ranks(2, work)
    assert ends(found) == ["RankError", "RankError"]
    assert "parameters of rank 1 are no longer those of rank 0" in str(found[0])


REFUSED = [
    ({"average_every": 0}, "average_every"),
    ({"batch_size": 1}, "batch_size=1 counts the samples of all 2 ranks"),
    ({"optimizer": dl.Rprop(), "average_every": 2}, "Rprop needs the gradient of all samples"),
    ({"validation_split": 0.1, "checkpoint": "x"}, "give validation_data"),
]


@pytest.mark.parametrize(("settings", "told"), REFUSED)
def test_settings_that_ranks_cannot_share_are_refused(settings, told):
    found = on_ranks(2, lambda comm: fitted(comm, parts(200, 2)[comm.rank], **settings))
    assert ends(found) == ["InvalidInputError"] * 2
    assert told in str(found[0])


def test_batches_as_they_come_and_balanced_classes_are_refused():
    found = on_ranks(2, lambda comm: new().fit([(X, Y)], comm=comm))
    assert "batches as they come cannot be shared" in str(found[1])
    net, labels = dl.Network([5, 4, 2], loss="cross_entropy"), (Y[:, 0] > 0).astype(int)
    found = on_ranks(2, lambda comm: net.fit(X, labels, class_weight="balanced", comm=comm))
    assert "balanced" in str(found[0])


def test_checkpoint_of_one_rank_alone_is_refused(tmp_path):
    def work(comm):
        checkpoint = None if comm.rank else tmp_path / "here"
        return fitted(comm, parts(200, 2)[comm.rank], checkpoint=checkpoint)

    found = on_ranks(2, work)
    assert ends(found) == ["RankError"] * 2
    assert "same checkpoint, but rank 1 has none and rank 0 has one" in str(found[0])
    assert not (tmp_path / "here").exists()


def test_settings_that_one_rank_refuses_end_all():
    def work(comm):
        return fitted(comm, parts(200, 2)[comm.rank], average_every="x" if comm.rank else 2)

    assert ends(on_ranks(2, work)) == ["RankError", "InvalidTypeError"]


def test_average_every_is_checked_with_one_rank_too():
    found = on_ranks(1, lambda comm: fitted(comm, slice(None), average_every=0))
    assert ends(found) == ["InvalidInputError"]


def test_average_every_without_comm_is_refused():
    with pytest.raises(dl.InvalidInputError, match="average_every is for the ranks of comm"):
        new().fit(X, Y, average_every=3)


@pytest.mark.parametrize(
    ("comm", "told"),
    [
        (3, "comm must connect processes, got 3; give mpi4py"),
        (np, "comm must connect processes"),
        (ThreadComm, "make one of it first"),
    ],
)
def test_what_connects_nothing_is_refused(comm, told):
    with pytest.raises(dl.InvalidTypeError, match=told):
        new().fit(X, Y, comm=comm)


def test_rank_outside_of_its_size_is_refused():
    comm = ThreadComm(Meeting(2), 5)
    with pytest.raises(dl.InvalidInputError, match="got rank 5 of size 2"):
        new().fit(X, Y, comm=comm)


def test_number_of_exchanges_is_one_for_every_pass_and_one_to_agree():
    comms = {}

    def work(comm):
        comms[comm.rank] = comm
        before = new()
        history = before.fit(X, Y, comm=comm, batch_size=20, epochs=1)
        first = comm.n
        new().fit(X, Y, comm=comm, batch_size=20, epochs=3)
        return before, history, comm.n - first - first

    found = on_ranks(2, work)
    assert found[0][2] == found[1][2] == 2 * (400 // 20 + 1)  # two more epochs


def test_pace_says_when_averaging_pays():
    pace = dl.parallel.Pace(step=100e-6, exchange=50e-6, size=2)
    assert pace.average_every == 10 and pace.efficiency(10) > 0.95 > pace.efficiency(9)
    assert dl.parallel.Pace(1e-3, 50e-6, 2).average_every is None
    assert dl.parallel.Pace(1e-6, 1.0, 2).average_every == 100
    before = new().theta.copy()

    def work(comm):
        net = new()
        found = dl.parallel.measure(net, X, Y, comm=comm, batch_size=20)
        np.testing.assert_array_equal(net.theta, before)
        return found

    found = on_ranks(2, work)
    assert found[0] == found[1] and found[0].size == 2
    assert 0 < found[0].step < 1 and 0 < found[0].exchange < 1


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 3)])
def test_arrays_of_all_ranks_are_gathered(shape, dtype):
    def work(comm):
        with Ranks(comm) as ranks:
            return ranks.gather(np.full(shape, 10 + comm.rank, dtype))

    for found in on_ranks(3, work):
        assert found.dtype == dtype and found.shape == (3, *shape)
        assert [np.unique(one).tolist() for one in found] == [[10], [11], [12]]
