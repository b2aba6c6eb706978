"""The random bits of dropout: right in their moments, and without ties to position, key or rate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from freedive.ops.random import keep, normal, random_words

N = 2**18
KEYS = [jax.random.fold_in(jax.random.key(3), i) for i in range(8)]
WORDS = np.stack([random_words(key, (N,)) for key in KEYS])


def test_every_bit_is_set_half_of_the_time():
    for bit in range(32):
        share = ((WORDS >> bit) & 1).mean(1)
        assert np.abs(share - 0.5).max() < 5 * 0.5 / N**0.5, bit


def test_bytes_are_uniform():
    for shift in (0, 8, 16, 24):
        counts = np.bincount(((WORDS >> shift) & 255).ravel(), minlength=256)
        expected = WORDS.size / 256
        assert ((counts - expected) ** 2 / expected).sum() < 255 + 5 * (2 * 255) ** 0.5, shift


@pytest.mark.parametrize("lag", [1, 2, 3, 8, 64, 512, 1024])
def test_neighbours_are_independent(lag):
    signs = 2.0 * (WORDS > 2**31) - 1
    assert np.abs((signs[:, lag:] * signs[:, :-lag]).mean(1)).max() < 5 / N**0.5


def test_keys_are_independent():
    signs = 2.0 * (WORDS > 2**31) - 1
    between = signs @ signs.T / N - np.eye(len(KEYS))
    assert np.abs(between).max() < 5 / N**0.5
    for words in ({0, 1}, {5, 2**31}):  # keys that differ in one bit
        first, second = (
            np.asarray(random_words(jax.random.wrap_key_data(jnp.array([w, 7], "uint32")), (N,))) for w in words
        )
        assert abs((2.0 * ((first ^ second) > 2**31) - 1).mean()) < 5 / N**0.5


@pytest.mark.parametrize("rate", [0.0, 1e-4, 0.1, 0.5, 0.9, 1.0])
def test_rate(rate):
    kept = jnp.stack([keep(key, rate, (512, 512)) for key in KEYS])
    spread = (rate * (1 - rate) / kept.size) ** 0.5
    assert abs(float(kept.mean()) - (1 - rate)) <= 4 * spread
    for axis in (1, 2) if rate != 1e-4 else ():  # no row and no column is favoured
        shares = np.asarray(kept.mean(axis))
        assert np.abs(shares - (1 - rate)).max() <= 6 * (rate * (1 - rate) / 512) ** 0.5


def test_bits_are_a_function_of_key_and_index():
    np.testing.assert_array_equal(random_words(KEYS[0], (4, 5)).ravel(), random_words(KEYS[0], (20,)))
    many = jax.vmap(lambda key: random_words(key, (20,)))(jnp.stack(KEYS))
    np.testing.assert_array_equal(many, WORDS[:, :20])


def test_normal_numbers_are_distributed_so():
    drawn = np.concatenate([normal(key, (2, N // 2)).ravel() for key in KEYS[:4]])
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    assert abs(drawn[1:] @ drawn[:-1]) / len(drawn) < 5 / np.sqrt(len(drawn))  # neighbours know nothing of each other
    assert np.isfinite(drawn).all() and 4 < np.abs(drawn).max() < 5.9
