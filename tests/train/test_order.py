"""The order of the data: a bijection, the same on host and device, and as good as random."""

import jax
import numpy as np
import pytest

from freedive.train.order import shuffled


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 97, 100, 1000, 6410])
def test_every_row_once_and_host_equals_device(count):
    rows = np.arange(count)
    for epoch in range(3):
        host = shuffled(rows, count, 7, epoch)
        device = jax.jit(lambda r, e: shuffled(r, count, 7, e))(rows, np.int32(epoch))
        assert sorted(host.tolist()) == rows.tolist()
        assert host.tolist() == device.tolist()


def test_large_seeds_and_many_rows_stay_a_bijection():
    found = shuffled(np.arange(300_000), 300_000, 2**32 - 1, 2**20)
    assert len(np.unique(found)) == 300_000


def test_epochs_and_seeds_have_their_own_order():
    orders = {tuple(shuffled(np.arange(50), 50, seed, epoch).tolist()) for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400


def test_any_row_comes_anywhere_equally_often():
    count, epochs = 20, 4000
    where = np.stack([shuffled(np.arange(count), count, 3, epoch) for epoch in range(epochs)])
    table = np.stack([np.bincount(where[:, i], minlength=count) for i in range(count)])
    expected = epochs / count
    chi_square = ((table - expected) ** 2 / expected).sum()
    freedom = (count - 1) ** 2
    assert abs(chi_square - freedom) < 5 * np.sqrt(2 * freedom)


def test_neighbours_are_independent():
    count, epochs = 12, 6000
    where = np.stack([shuffled(np.arange(count), count, 5, epoch) for epoch in range(epochs)])
    pairs = np.bincount(where[:, 3] * count + where[:, 4], minlength=count**2).reshape(count, count)
    assert np.all(np.diag(pairs) == 0)
    others = pairs[~np.eye(count, dtype=bool)]
    expected = epochs / len(others)
    freedom = len(others) - 1
    assert abs(((others - expected) ** 2 / expected).sum() - freedom) < 5 * np.sqrt(2 * freedom)
