"""Rows normalised by the native loop are those of array code: values, and derivatives of every kind."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.ops import native, normal

RNG = np.random.default_rng(0)


@pytest.fixture(params=[True, False], ids=["centred", "not centred"])
def ways(request, monkeypatch):
    """By the loops, which rows of any size are worth a call to, and as array code."""
    if not native.available():
        pytest.skip("the native loops are not built here")
    monkeypatch.setattr(normal, "LEAST", 1)
    monkeypatch.setattr(normal, "NARROW", 1)

    def arrays(x, gamma, beta):
        d = x - jnp.mean(x, -1, keepdims=True) if request.param else x
        return d / jnp.sqrt(jnp.mean(d * d, -1, keepdims=True) + 1e-3) * gamma + beta

    return lambda x, gamma, beta: normal.normal(x, gamma, beta, 1e-3, request.param), arrays


def draw(*shape, mean=0.0, spread=1.0):
    return jnp.asarray(spread * RNG.normal(size=shape) + mean, "float32")


def loss(way, x, gamma, beta):
    weights = jnp.asarray(np.random.default_rng(1).normal(size=x.shape), "float32")
    return jnp.sum(jnp.sin(way(x, gamma, beta)) * weights)


def moved(arrays):
    return tuple(0.1 * a + 0.2 for a in arrays)


DERIVATIVES = {
    "values": lambda f, way, *a: way(*a),
    "gradient": lambda f, way, *a: jax.value_and_grad(f, (0, 1, 2))(*a),
    "by one alone": lambda f, way, *a: [jax.grad(f, i)(*a) for i in range(3)],
    "forward": lambda f, way, *a: jax.jvp(f, a, moved(a)),
    "forward of gradient": lambda f, way, *a: jax.jvp(jax.grad(f, (0, 1, 2)), a, moved(a)),
    "forward of forward": lambda f, way, *a: jax.jvp(lambda *a: jax.jvp(f, a, moved(a))[1], a, moved(a)),
    "gradient of gradient": lambda f, way, *a: jax.grad(
        lambda *a: sum(jnp.sum(g**2) for g in jax.grad(f, (0, 1, 2))(*a)), (0, 1, 2)
    )(*a),
    "many rows at once": lambda f, way, x, g, b: jax.vmap(way, (1, None, None))(jnp.stack([x, -x], 1), g, b),
    "many gradients at once": lambda f, way, x, g, b: jax.vmap(jax.grad(f, (0, 1, 2)), (0, 0, None))(
        jnp.stack([x, -x]), jnp.stack([g, -g]), b
    ),
}


@pytest.mark.parametrize("kind", DERIVATIVES)
@pytest.mark.parametrize("shape", [(4, 9, 7, 40), (33, 19), (1, 16), (70, 128), (3, 1), (2, 300)], ids=str)
def test_every_derivative(ways, kind, shape):
    arguments = draw(*shape, mean=2, spread=3), draw(shape[-1]), draw(shape[-1])
    found = [
        jax.jit(lambda *a, way=way: DERIVATIVES[kind](lambda *a: loss(way, *a), way, *a))(*arguments) for way in ways
    ]
    assert found[0] is not found[1]
    for mine, expected in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=0, atol=1e-5 * max(1.0, float(jnp.abs(expected).max())))


def test_many_rows_add_up_their_gradients_with_few_digits_lost(ways):
    x, ones, by = draw(40_000, 24), jnp.ones(24), draw(40_000, 24, mean=1)
    found = jax.vjp(lambda *a: ways[0](*a), x, ones, ones)[1](by)[1:]
    by_arrays = jax.vjp(lambda *a: ways[1](*a), x, ones, ones)[1](by)[1:]
    for mine, expected in zip(found, by_arrays, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=0.02)


@pytest.mark.parametrize("mean", [0.0, 1e3, -1e5])
def test_a_mean_far_from_zero_costs_no_digits(ways, mean):
    x = draw(600, 50, mean=mean)
    exact = np.asarray(x, "float64")
    exact = (exact - exact.mean(-1, keepdims=True)) / np.sqrt(exact.var(-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(normal.normal(x, None, None, 1e-3), exact, atol=1e-5 + 3e-7 * abs(mean))


def test_equal_numbers_and_numbers_that_are_none(ways):
    x = jnp.full((1000, 20), 0.1).at[5, 3].set(jnp.nan).at[6, 3].set(jnp.inf)
    slope = jax.grad(lambda x: jnp.sum(ways[0](x, jnp.ones(20), jnp.zeros(20))))(x)
    for found in (ways[0](x, jnp.ones(20), jnp.zeros(20)), slope):
        assert bool(jnp.isnan(found[5]).all()) and bool(jnp.isnan(found[6, 3]))
        assert bool(jnp.isfinite(jnp.delete(found, np.array([5, 6]), 0)).all())


def test_no_rows(ways):
    x, ones = jnp.zeros((0, 20)), jnp.ones(20)
    assert not normal.suits(x)
    assert ways[0](x, ones, ones).shape == (0, 20)


@pytest.mark.parametrize(
    ("shape", "dtype", "taken"),
    [
        ((64, 256), "float32", True),
        ((8, 8, 256), "float32", True),
        ((64, 255), "float32", False),  # too few numbers
        ((1 << 14, 8), "float32", False),  # narrow
        ((1 << 14,), "float32", False),
        ((64, 256), "bfloat16", False),
    ],
)
def test_what_suits(shape, dtype, taken):
    assert normal.suits(jnp.zeros(shape, dtype)) == (taken and native.available())


LAYERS = {
    "layer": (fd.layers.LayerNormalization, {}),
    "with neither": (fd.layers.LayerNormalization, {"center": False, "scale": False}),
    "another axis": (fd.layers.LayerNormalization, {"axis": 1}),
    "two axes": (fd.layers.LayerNormalization, {"axis": (1, 2)}),
    "mean square": (fd.layers.RMSNormalization, {}),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_layers_are_the_same_by_loops(name, dtype, monkeypatch):
    (kind, options), x = LAYERS[name], draw(8, 40, 64, mean=1, spread=2).astype(dtype)
    layer = kind(**options)
    layer.build(x.shape)
    layer.set_weights([draw(*w.shape) for w in layer.get_weights()])

    def both():
        return layer(x), jax.grad(lambda x: jnp.sum(jnp.sin(layer(x)) * jnp.arange(64.0)))(x)

    mine = both()
    monkeypatch.setattr(normal, "LEAST", 1 << 40)
    for a, b in zip(mine, both(), strict=True):
        assert a.dtype == b.dtype == jnp.dtype(dtype)
        np.testing.assert_allclose(np.asarray(a, "float32"), np.asarray(b, "float32"), atol=1e-4, rtol=1e-4)


@pytest.mark.skipif(not native.available(), reason="freedive was built without a C++ compiler")
def test_training_is_the_same_by_loops(monkeypatch):
    x, y = draw(64, 20, 32, mean=3, spread=2), draw(64, 1)

    def trained():
        fd.set_seed(0)
        norms = [fd.layers.LayerNormalization(), fd.layers.RMSNormalization(), fd.layers.LayerNormalization()]
        norms[-1].trainable = False
        model = fd.Sequential([fd.Input(x.shape[1:]), *norms, fd.layers.Flatten(), fd.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(x, y, batch_size=32, epochs=2, verbose=0, shuffle=False)
        return [*model.get_weights(), model.predict(x, verbose=0)]

    mine = trained()
    monkeypatch.setattr(normal, "LEAST", 1 << 40)
    for a, b in zip(mine, trained(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
