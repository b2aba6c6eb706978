"""Pooling: the same numbers and gradients as XLA's window reduction."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from freedive.ops.pooling import average_pool, max_pool

RNG = np.random.default_rng(0)
CASES = {  # shape of x, size, strides, padding
    "1d": ((2, 7, 3), (2,), None, "valid"),
    "1d same": ((2, 7, 3), (3,), None, "same"),
    "1d overlapping": ((2, 8, 3), (3,), (2,), "valid"),
    "1d overlapping same": ((2, 8, 3), (3,), (1,), "same"),
    "1d with gaps": ((2, 9, 3), (2,), (3,), "valid"),
    "1d whole": ((2, 9, 3), (9,), None, "valid"),
    "1d longer than the input, same": ((2, 3, 2), (5,), None, "same"),
    "2d": ((2, 6, 4, 3), (2, 2), None, "valid"),
    "2d odd": ((2, 7, 5, 3), (2, 3), None, "valid"),
    "2d odd same": ((2, 7, 5, 3), (2, 3), None, "same"),
    "2d overlapping": ((2, 7, 8, 3), (3, 2), (2, 1), "same"),
    "2d large": ((1, 24, 13, 2), (12, 12), None, "same"),
    "3d": ((1, 4, 6, 5, 2), (2, 2, 2), None, "valid"),
    "3d overlapping": ((1, 5, 5, 4, 2), (3, 2, 2), (2, 2, 1), "same"),
}


def by_xla(x, size, strides, padding, start, combine):
    return lax.reduce_window(x, start, combine, (1, *size, 1), (1, *(strides or size), 1), padding.upper())


def max_by_xla(x, *window):
    return by_xla(x, *window, -jnp.inf, lax.max)


def average_by_xla(x, *window):
    return by_xla(x, *window, 0.0, lax.add) / by_xla(jnp.ones_like(x), *window, 0.0, lax.add)


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_xlas(case):
    shape, *window = CASES[case]

    @jax.jit
    def computed(x):
        results = []
        for ours, reference in ((max_pool, max_by_xla), (average_pool, average_by_xla)):
            for f in (ours, reference):
                y, pull = jax.vjp(lambda x, f=f: f(x, *window), x)
                slope = jnp.cos(jnp.arange(y.size, dtype="float32").reshape(y.shape))
                results.append((y, pull(slope)[0], f(x, *window)))  # the last where nothing is differentiated
        return results

    mine, reference, mean, mean_reference = computed(
        RNG.permuted(np.arange(np.prod(shape)).astype("f4")).reshape(shape)
    )
    for ours, expected in ((mine, reference), (mean, mean_reference)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), ours, expected)


@pytest.mark.parametrize("strides", [(2, 2), (1, 2)])
def test_ties_go_to_the_first(strides):
    x = jnp.zeros((1, 3, 4, 1))
    gradient, expected = (
        jax.grad(lambda x, f=f: f(x, (2, 2), strides, "valid").sum())(x) for f in (max_pool, max_by_xla)
    )
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "int32"])
@pytest.mark.parametrize("strides", [(2, 2), (1, 1)])
def test_types_are_kept(dtype, strides):
    x = jnp.asarray(RNG.integers(-100, 100, (1, 5, 5, 2)), dtype)
    y = max_pool(x, (2, 2), strides, "same")
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, max_by_xla(x.astype("float32"), (2, 2), strides, "same"))


@pytest.mark.parametrize("strides", [(2,), (1,)])
def test_forward_mode_and_second_derivatives(strides):
    x = jnp.asarray(RNG.normal(size=(1, 6, 2)), "float32")
    v = jnp.asarray(RNG.normal(size=x.shape), "float32")

    def f(x):
        return jnp.sum(max_pool(x, (2,), strides) ** 3)

    forward = jax.jvp(jax.grad(f), (x,), (v,))[1]
    backward = jax.grad(lambda x: jnp.vdot(jax.grad(f)(x), v))(x)
    np.testing.assert_allclose(forward, backward, rtol=1e-5)
