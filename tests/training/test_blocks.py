"""shuffle='blocks': new orders of long pieces of a file, all samples once."""

import numpy as np
import pytest

import deltaloop as dl
from deltaloop.training import samples as samples_module
from deltaloop.training.samples import order_in_blocks
from small_training import new_net

rng = np.random.default_rng(6)
X, Y = rng.normal(size=(500, 3)), rng.normal(size=(500, 2))


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 10 samples, of which 4 are mixed."""
    monkeypatch.setattr(samples_module, "_BLOCK_BYTES", 10 * 3 * 8)
    monkeypatch.setattr(samples_module, "_MIXED", 4)


def test_order_has_every_sample_once_and_few_blocks_at_a_time(small_blocks):
    generator = np.random.default_rng(0)
    order = order_in_blocks(generator, 497, 10)
    assert sorted(order) == list(range(497))
    at_once = [len(set(order[k : k + 20] // 10)) for k in range(0, 480, 20)]
    assert max(at_once) <= 8  # a window of mini-batches lies in two groups at most
    assert np.mean(np.abs(np.diff(order)) == 1) < 0.1
    assert (order_in_blocks(generator, 497, 10) != order).any()


@pytest.mark.parametrize("n", [1, 9, 10, 11, 40, 41])
def test_few_samples_have_an_order_as_well(small_blocks, n):
    assert sorted(order_in_blocks(np.random.default_rng(1), n, 10)) == list(range(n))


def test_one_block_is_the_same_as_a_whole_order():
    order = order_in_blocks(np.random.default_rng(1), 400, 500)
    assert (order != np.arange(400)).any() and sorted(order) == list(range(400))


@pytest.mark.parametrize("split", [None, 0.2])
def test_training_in_blocks_learns_from_all_samples_and_is_repeatable(small_blocks, split):
    settings = {"shuffle": "blocks", "epochs": 3, "batch_size": 7, "validation_split": split}
    one, other, plain = (new_net(dtype="float64") for _ in range(3))
    loss = one.fit(X, Y, **settings).loss
    assert other.fit(X, Y, **settings).loss == loss
    assert plain.fit(X, Y, **settings | {"shuffle": True}).loss != loss
    np.testing.assert_array_equal(one.theta, other.theta)


def test_training_in_blocks_is_resumed_in_the_middle_of_an_epoch(small_blocks):
    whole, broken = new_net(dtype="float64"), new_net(dtype="float64")
    settings = {"shuffle": "blocks", "batch_size": 7}
    whole.fit(X, Y, epochs=2, **settings)
    stop = dl.callbacks.every(40, lambda state: True)
    broken.fit(X, Y, epochs=2, callbacks=[stop], **settings)
    broken.fit(X, Y, epochs=2, resume=True, **settings)
    np.testing.assert_array_equal(broken.theta, whole.theta)


def test_blocks_of_sparse_samples(small_blocks):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    net = new_net()
    net.fit(scipy_sparse.csr_array(X * (X > 0)), Y, shuffle="blocks", epochs=1)
    assert np.isfinite(net.theta).all()


def test_another_word_is_refused():
    with pytest.raises(dl.InvalidInputError, match="True, False or 'blocks', got 'block'"):
        new_net().fit(X, Y, shuffle="block")
