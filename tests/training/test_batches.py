"""Batches as they come: generators, functions that make them, loaders of others."""

import itertools

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels
from small_training import X_OTHER, Y_OTHER, X, Y, new_net

BACKENDS = kernels.available()


def batches(size=2, X=X, Y=Y):
    for start in range(0, len(X), size):
        yield X[start : start + size], Y[start : start + size]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("optimizer", [dl.SGD(0.1), dl.Adam(0.1)])
@pytest.mark.parametrize("make", [lambda: list(batches()), lambda: batches], ids=["list", "call"])
def test_batches_of_an_array_are_the_array(make, optimizer, backend):
    net, twin = new_net(backend), new_net(backend)
    history = net.fit(make(), epochs=3, optimizer=optimizer)
    # the sum of the losses of a batch alone is rounded once more
    expected = twin.fit(X, Y, epochs=3, batch_size=2, optimizer=optimizer, shuffle=False)
    assert net.theta == pytest.approx(twin.theta, rel=1e-13, abs=1e-15)
    assert history.loss == pytest.approx(expected.loss, rel=1e-13)
    assert net.generator.bit_generator.state == twin.generator.bit_generator.state


def test_generator_is_read_for_one_epoch():
    net, twin = new_net(), new_net()
    net.fit(batches(), epochs=1)
    twin.fit(X, Y, epochs=1, batch_size=2, shuffle=False)
    assert net.theta == pytest.approx(twin.theta, rel=1e-13, abs=1e-15)
    with pytest.raises(
        dl.InvalidInputError, match=r"can be read once.*write epochs=1, or give a fu"
    ):
        net.fit(batches())


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_large_batches_are_cut_into_smaller_ones(size):
    net, twin = new_net(), new_net()
    history = net.fit([(X, Y), (X_OTHER, Y_OTHER)], epochs=2, batch_size=size, shuffle=False)
    for _ in range(2):
        for data in ((X, Y), (X_OTHER, Y_OTHER)):
            twin.fit(*data, epochs=1, batch_size=min(size, len(data[0])), shuffle=False)
    assert net.theta == pytest.approx(twin.theta, rel=1e-13, abs=1e-15)
    assert len(history) == 2


def test_samples_of_a_large_batch_are_shuffled():
    net, twin = new_net(), new_net()
    net.fit([(X, Y)], epochs=3, batch_size=2)
    twin.fit(X, Y, epochs=3, batch_size=2)
    assert net.theta == pytest.approx(twin.theta, rel=1e-13, abs=1e-15)


def test_loss_of_an_epoch_is_the_mean_over_its_samples():
    still = dl.SGD(0.0)
    net = new_net()
    history = net.fit(lambda: batches(3), epochs=1, optimizer=still)
    assert history.loss == pytest.approx([net.loss(X, Y)])
    weights = np.array([1.0, 2, 3, 4, 5, 6, 7])
    weighted = net.fit(
        [(X[:4], Y[:4], weights[:4]), (X[4:], Y[4:], weights[4:])], epochs=1, optimizer=still
    )
    assert weighted.loss == pytest.approx([net.loss(X, Y, sample_weight=weights)])


def test_batches_may_have_any_size_and_kind():
    sparse = pytest.importorskip("scipy.sparse")
    net, twin = new_net(), new_net()
    parts = [slice(0, 1), slice(1, 5), slice(5, 7)]
    net.fit([(sparse.csr_matrix(X[p]), Y[p].tolist()) for p in parts], epochs=2)
    for _ in range(2):
        for p in parts:
            twin.fit(X[p], Y[p], epochs=1, batch_size=len(X[p]), shuffle=False)
    assert net.theta == pytest.approx(twin.theta, rel=1e-12, abs=1e-14)


def test_watching_works_as_with_arrays():
    seen = []
    history = new_net().fit(
        list(batches()), epochs=50, validation_data=(X_OTHER, Y_OTHER), metrics=["mse"],
        patience=2, min_delta=0.01, restore_best=True, schedule="cosine",
        callbacks=[dl.callbacks.every(3, lambda state: seen.append(state.step))],
    )  # fmt: skip
    assert history.stop_reason == "patience"
    assert seen == list(range(3, 4 * len(history) + 1, 3))
    assert len(history.metrics["mse"]) == len(history)
    assert len(set(history.learning_rate)) == len(history)


def test_stream_without_end_is_ended_by_a_callback_or_by_time():
    endless = (batch for _ in itertools.count() for batch in batches())
    stop = dl.callbacks.every(30, lambda state: True)
    history = new_net().fit(endless, epochs=1, callbacks=[stop])
    assert (len(history), history.stop_reason) == (0, "callback <lambda>")
    assert new_net().fit(endless, epochs=1, max_seconds=0.05).stop_reason == "max_seconds"


@pytest.mark.parametrize("given", [None, 2])
@pytest.mark.parametrize("step", [1, 2, 5, 6, 9])
def test_stream_that_was_ended_in_the_middle_is_gone_on_with(step, given):
    once, twice = new_net(), new_net()
    options = {"epochs": 3, "batch_size": given, "optimizer": dl.Adam(0.1)}
    source = list(batches(4 if given else 2))
    whole = once.fit(source, **options)
    stop = [dl.callbacks.every(step, lambda state: True)]
    history = first = twice.fit(source, callbacks=stop, **options)
    # with large batches training ends after the one under way
    history = twice.fit(source, resume=True, **{**options, "epochs": 3 - len(first)})
    assert twice.theta.tobytes() == once.theta.tobytes()
    assert history.loss == whole.loss


def test_checkpoint_of_a_stream_goes_on(tmp_path):
    once, source = new_net(), list(batches())
    once.fit(source, epochs=4, optimizer=dl.Adam(0.1))

    class Killed(BaseException):
        pass

    def kill(state):
        if state.step == 6:
            raise Killed

    options = {"epochs": 4, "optimizer": dl.Adam(0.1), "checkpoint": tmp_path, "resume": True}
    with pytest.raises(Killed):
        new_net().fit(
            source, checkpoint_every=0, callbacks=[dl.callbacks.every(1, kill)], **options
        )
    again = new_net(seed=9)
    again.fit(source, **options)
    assert again.theta.tobytes() == once.theta.tobytes()


def test_rates_of_every_update_need_a_length():
    with pytest.raises(dl.InvalidInputError, match=r"how many batches.*have a len\(\), or per='ep"):
        new_net().fit(batches, schedule="one_cycle")
    history = new_net().fit(list(batches()), epochs=2, schedule="one_cycle")
    assert history.learning_rate[0] == pytest.approx(0.1 / 25)
    new_net().fit(batches, epochs=2, schedule=dl.schedules.per_step(lambda k: 1 / (1 + k)))


@pytest.mark.parametrize(
    ("source", "options", "text"),
    [
        (X, {}, "Y is missing; write net.fit"),
        (X.tolist(), {}, r"batch 0 is no pair \(X, Y\)"),
        ("digits", {}, "Y is missing; write net.fit"),
        (5, {}, "Y is missing; write net.fit"),
        ([], {}, "there are no batches to train on"),
        (lambda: iter(()), {}, "there are no batches to train on"),
        ([X], {}, r"batch 0 is no pair \(X, Y\), got array.*give an iterable of pairs"),
        ([(X, Y, None, None)], {}, r"batch 0 is no pair \(X, Y\)"),
        ([(X[:, :2], Y)], {}, "batch 0: X must have 3 values per sample, got 2"),
        ([(X, Y[:3])], {}, "batch 0: Y must have one entry per sample"),
        ([(X * np.nan, Y)], {}, "batch 0: X must be finite"),
        ([(X, Y, -np.ones(7))], {}, "batch 0: sample_weight must be >= 0"),
        ([(X, Y)], {"sample_weight": np.ones(7)}, "sample_weight needs all samples at once"),
        ([(X, Y)], {"validation_split": 0.1}, "validation_split needs all samples at once"),
        ([(X, Y)], {"metrics": ["mse"]}, "metrics of batches as they come need validation_data"),
        ([(X, Y)], {"epochs": 0}, "epochs must be a whole number >= 1, got 0"),
    ],
)
def test_what_is_no_stream_is_refused(source, options, text):
    net = new_net()
    before = net.theta.tobytes()
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match=text):
        net.fit(source, **options)
    assert net.theta.tobytes() == before


def test_batch_that_is_wrong_is_told_by_its_number():
    with pytest.raises(dl.InvalidInputError, match="batch 1: X must have 3 values per sample"):
        new_net().fit([(X, Y), (X[:, :2], Y)], epochs=1)


def test_whole_batch_optimizers_need_arrays():
    with pytest.raises(
        dl.InvalidInputError, match="needs all samples in one batch, got batches as"
    ):
        new_net().fit([(X, Y)], optimizer=dl.Rprop())


def test_divergence_in_a_stream_is_told():
    with pytest.raises(dl.DivergenceError):
        new_net().fit(lambda: batches(2, X * 1e30, Y), epochs=9, optimizer=dl.SGD(1e30))


def test_rates_of_every_update_are_those_of_arrays():
    net, twin = new_net(), new_net()
    options = {"epochs": 2, "shuffle": False, "schedule": "one_cycle"}
    net.fit(list(batches()), **options)
    twin.fit(X, Y, batch_size=2, **options)
    assert net.theta == pytest.approx(twin.theta, rel=1e-13, abs=1e-15)
