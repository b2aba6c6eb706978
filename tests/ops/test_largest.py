"""The place of the largest number, against jax' own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from freedive.ops.largest import argmax

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    "x",
    [
        RNG.normal(size=(4, 7, 1446)).astype("float32"),
        RNG.integers(0, 3, (50, 9)).astype("float32"),  # ties: the first counts
        RNG.normal(size=(5,)).astype("float32"),
        np.array([[np.nan, 1.0], [1.0, np.nan], [-np.inf, -np.inf], [np.inf, np.nan]], "float32"),
        RNG.integers(-5, 5, (6, 4)),
        np.zeros((3, 1), "bool"),
        jnp.asarray(RNG.normal(size=(8, 33)), jnp.bfloat16),
    ],
    ids=["wide", "ties", "vector", "odd numbers", "whole", "one", "bfloat16"],
)
def test_argmax_is_jax_argmax(x):
    for found in (argmax(x), jax.jit(argmax)(x), jax.vmap(argmax)(x[None])[0]):
        np.testing.assert_array_equal(found, jnp.argmax(x, axis=-1))
