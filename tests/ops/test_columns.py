"""Moments of columns by the native loop are those of array code: values, and derivatives of every kind."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.ops import columns, native

RNG = np.random.default_rng(0)


def draw(*shape, mean=0.0, spread=1.0):
    return jnp.asarray(spread * RNG.normal(size=shape) + mean, "float32")


def by_loops(x):
    return columns.moments(x), columns.standardized


def by_arrays(x):
    others = tuple(range(x.ndim - 1))
    mean = jnp.mean(x, others)
    return (mean, jnp.mean(jnp.square(x - mean), others)), lambda x, mean, factor, beta: (x - mean) * factor + beta


def loss(way, x, gamma, beta):
    """Of a batch normalisation whose moments are asked for too."""
    (mean, variance), standardized = way(x)
    y = standardized(x, mean, gamma * jax.lax.rsqrt(variance + 1e-3), beta)
    weights = jnp.asarray(np.random.default_rng(1).normal(size=x.shape), "float32")
    return jnp.sum(jnp.sin(y) * weights) + jnp.sum(mean * beta) + jnp.sum(variance * gamma)


DERIVATIVES = {
    "gradient": lambda f, *a: jax.value_and_grad(f, (0, 1, 2))(*a),
    "forward": lambda f, *a: jax.jvp(f, a, tuple(0.1 * v + 0.2 for v in a)),
    "forward of gradient": lambda f, *a: jax.jvp(jax.grad(f, (0, 1, 2)), a, tuple(0.1 * v + 0.2 for v in a)),
    "gradient of gradient": lambda f, *a: jax.grad(
        lambda *a: sum(jnp.sum(g**2) for g in jax.grad(f, (0, 1, 2))(*a)), (0, 1, 2)
    )(*a),
    "several at once": lambda f, x, g, b: jax.vmap(jax.grad(f, (0, 1, 2)), (None, 0, None))(x, jnp.stack([g, -g]), b),
}


@pytest.mark.parametrize("kind", DERIVATIVES)
@pytest.mark.parametrize("shape", [(4, 9, 7, 40), (33, 19), (6, 16)])
def test_every_derivative(kind, shape):
    arguments = draw(*shape, mean=2, spread=3), draw(shape[-1]), draw(shape[-1])
    found = [
        jax.jit(lambda *a, way=way: DERIVATIVES[kind](lambda *a: loss(way, *a), *a))(*arguments)
        for way in (by_loops, by_arrays)
    ]
    for mine, expected in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-5 * max(1.0, float(jnp.abs(expected).max())))


@pytest.mark.parametrize("mean", [0.0, 1e3, -1e5])
def test_a_mean_far_from_zero_costs_no_digits(mean):
    x = draw(50_000, 16, mean=mean)
    x = x.at[0].add(30.0)
    exact = np.asarray(x, "float64")
    found, variance = columns.moments(x)
    np.testing.assert_allclose(found, exact.mean(0), rtol=2e-7, atol=2e-6)
    np.testing.assert_allclose(variance, exact.var(0), rtol=2e-4)


def test_equal_values_have_no_variance_and_nan_stays_in_its_column():
    x = jnp.full((1000, 20), 0.1).at[5, 3].set(jnp.nan)
    mean, variance = columns.moments(x)
    assert bool(jnp.isnan(mean[3])) and bool(jnp.isnan(variance[3]))
    assert float(jnp.abs(jnp.delete(variance, 3)).max()) == 0.0
    np.testing.assert_allclose(jnp.delete(mean, 3), 0.1, rtol=1e-6)


@pytest.mark.skipif(not native.available(), reason="freedive was built without a C++ compiler")
def test_batch_normalization_is_the_same_by_loops(monkeypatch):
    x = np.asarray(draw(8, 16, 16, 16, mean=3, spread=2))

    def trained():
        model = fd.Sequential([fd.Input(x.shape[1:]), fd.layers.BatchNormalization(), fd.layers.Flatten()])
        model.compile("sgd", "mse")
        model.fit(x, np.ones((8, 4096)), batch_size=8, epochs=3, verbose=0, shuffle=False)
        return [*model.get_weights(), model.predict(x, verbose=0)]

    assert columns.suits(jnp.asarray(x))
    mine = trained()
    monkeypatch.setattr(columns, "LEAST", 1 << 40)
    for a, b in zip(mine, trained(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
