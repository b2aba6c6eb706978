"""Dense layers and attention by the native loops give what array code gives, forward, back, and back again."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.ops import native, products
from freedive.ops.attention import attention, causal_mask, dot_product_attention

pytestmark = pytest.mark.skipif(not native.available(), reason="freedive was built without a C++ compiler")
RNG = np.random.default_rng(0)


def draw(*shape):
    return jnp.asarray(RNG.normal(size=shape), "float32")


def assert_close(mine, expected, tolerance=3e-6):
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1.0, float(jnp.abs(b).max(initial=0))))


# dense --------------------------------------------------------------------------------------------------------------
DENSE = [  # rows, features, units, with bias, rectified
    ((100,), 17, 33, True, True),
    ((3, 50), 64, 16, True, False),
    ((257,), 16, 70, False, True),
    ((40,), 300, 300, True, True),
    ((1,), 16, 16, True, False),
    ((32,), 784, 64, True, True),  # so few rows that the kernel is read where it lies
    ((20,), 40, 48, False, True),
    ((130,), 1025, 65, True, True),  # blocks of the depth; panels that are turned round in part
    ((600,), 33, 1446, True, True),  # blocks of the rows
    ((520,), 128, 64, False, True),  # lines that drive one another from the caches, so that they are copied
    ((1030,), 3, 17, True, True),  # rows that processors share for the kernel's gradient
    ((0,), 12, 20, True, True),
]


@pytest.fixture
def by_hand(monkeypatch):
    monkeypatch.setattr(products, "LEAST", 1)
    monkeypatch.setattr(products, "ROWS", 1)


def affine_loss(native_loops, rectified, weights, x, kernel, bias):
    if native_loops:
        y = products.affine(x, kernel, bias, rectified)
    else:
        z = x @ kernel if bias is None else x @ kernel + bias
        y = jax.nn.relu(z) if rectified else z
    return jnp.sum(jnp.sin(y) * weights)


@pytest.mark.parametrize("rows", [1, 3, 4])
@pytest.mark.parametrize(
    ("features", "units", "biased"), [(1, 1, True), (33, 10, False), (64, 130, True), (7, 64, True)]
)
def test_few_rows_of_an_answer(rows, features, units, biased):
    x, kernel, bias = draw(rows, features), draw(features, units), draw(units) if biased else None
    x = x.at[0, 0].set(jnp.nan)
    assert "freedive_dense" in str(jax.make_jaxpr(functools.partial(products.affine, answering=True))(x, kernel, bias))
    for rectified in (False, True):
        mine, array_code = (
            jax.jit(functools.partial(products.affine, rectified=rectified, answering=few))(x, kernel, bias)
            for few in (True, False)
        )
        assert np.isnan(mine[0]).all()
        assert_close(mine[1:], array_code[1:])


def test_few_rows_are_differentiated_and_mapped():
    x, kernel, bias = draw(2, 20), draw(20, 9), draw(9)
    loss = lambda few: lambda *a: jnp.sin(products.affine(*a, rectified=True, answering=few)).sum()  # noqa: E731
    assert_close(*(jax.jit(jax.grad(loss(few), (0, 1, 2)))(x, kernel, bias) for few in (True, False)))
    many = [jnp.stack([a, 2 * a, -a]) for a in (x, kernel, bias)]
    assert_close(*(jax.jit(jax.vmap(loss(few)))(*many) for few in (True, False)))


def test_an_answer_is_that_of_training_code():
    model = fd.Sequential([fd.Input((30,)), fd.layers.Dense(20, "relu"), fd.layers.Dense(5, "softmax")])
    x = RNG.normal(size=(7, 30)).astype("float32")
    together = model.predict(x, verbose=0)
    for rows in (1, 2, 4):
        assert_close(jnp.asarray(model.predict(x[:rows], verbose=0)), jnp.asarray(together[:rows]))
        assert_close(model(x[:rows]), jnp.asarray(together[:rows]))


@pytest.mark.parametrize(("rows", "features", "units", "biased", "rectified"), DENSE)
def test_dense_layers(by_hand, rows, features, units, biased, rectified):
    kernel = draw(features, units) / features**0.5
    arguments = (draw(*rows, features), kernel, draw(units) if biased else None)
    weights = draw(*rows, units) / (rows[0] * units) ** 0.5
    losses = [functools.partial(affine_loss, by, rectified, weights) for by in (True, False)]
    which = (0, 1, 2) if biased else (0, 1)
    assert_close(*(jax.jit(jax.value_and_grad(f, which))(*arguments) for f in losses))
    pushed = [x if x is None else 0.3 * x + 0.1 for x in arguments]
    if biased:
        assert_close(*(jax.jvp(f, arguments, tuple(pushed)) for f in losses), tolerance=1e-5)

    def slope(f):
        return lambda *a: sum(jnp.sum(g**2) for g in jax.grad(f, which)(*a))

    assert_close(*(jax.jit(jax.grad(slope(f), which))(*arguments) for f in losses), tolerance=1e-5)


def test_several_dense_layers_at_once(by_hand):
    x, kernel, bias, weights = draw(2, 30, 20), draw(2, 20, 40), draw(40), draw(30, 40)
    found = [
        jax.vmap(jax.grad(functools.partial(affine_loss, by, True, weights), (0, 1, 2)), (0, 0, None))(x, kernel, bias)
        for by in (True, False)
    ]
    assert_close(*found)


def test_small_products_and_other_types_are_left_to_xla():
    small, wide = (draw(4, 20), draw(20, 20), None), (draw(4096, 64), draw(64, 64), None)
    assert not products._suits(*small) and products._suits(*wide)
    assert not products._suits(*(a if a is None else a.astype("bfloat16") for a in wide))


def test_a_dense_layer_has_the_same_bits_every_time(by_hand):
    arguments = (draw(300, 784), draw(784, 256), draw(256))
    step = jax.jit(jax.value_and_grad(functools.partial(affine_loss, True, True, draw(300, 256)), (0, 1, 2)))
    first = step(*arguments)
    for _ in range(5):
        for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(step(*arguments)), strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_is_not_a_number_and_not_let_through_goes_nowhere(by_hand):
    """As where array code asks whether y is over zero: the gradient at y = nan is zero, whatever comes back."""
    x, kernel, bias = draw(70, 600).at[3, 2].set(jnp.nan), draw(600, 40), draw(40)
    pull = lambda native_loops: jax.vjp(  # noqa: E731
        lambda x, k, b: products.affine(x, k, b, True) if native_loops else jnp.maximum(x @ k + b, 0), x, kernel, bias
    )[1]
    by_x, by_kernel, by_bias = pull(True)(jnp.ones((70, 40)).at[4].set(jnp.inf))
    assert not by_x[3].any() and bool(jnp.isnan(by_kernel[2]).all())
    assert not bool(jnp.isfinite(by_bias).all()) and bool(jnp.isfinite(by_x[:3]).all())


def test_not_a_number_stays_so(by_hand):
    x = draw(8, 16).at[3, 2].set(jnp.nan)
    y = products.affine(x, draw(16, 16), draw(16), True)
    assert bool(jnp.isnan(y[3]).all()) and bool(jnp.isfinite(y[:3]).all())


def test_a_model_sees_z_where_it_looks_inside(by_hand):
    model = fd.Sequential([fd.Input((64,)), fd.layers.Dense(32, activation="relu"), fd.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.asarray(draw(40, 64)), np.zeros((40, 1), np.float32)
    seen = model.inspect(x, y)
    kernel, bias = model.get_weights()[:2]
    np.testing.assert_allclose(seen["dense"]["z"], x @ kernel + bias, atol=1e-4)


# attention ----------------------------------------------------------------------------------------------------------
HEADS = [  # batch, time, steps, heads, size, width, mask, with dropped weights
    (2, 5, 7, 3, 4, 6, None, False),
    (1, 1, 1, 1, 1, 1, None, False),
    (2, 130, 67, 2, 33, 17, "any", True),
    (3, 40, 40, 2, 32, 32, "causal", False),
    (1, 30, 900, 2, 8, 8, "steps", True),
    (2, 6, 6, 1, 5, 5, "none seen", False),
]


def mask_of(kind, batch, heads, time, steps):
    rng = np.random.default_rng(1)
    return {
        None: None,
        "any": jnp.asarray(rng.random((batch, heads, time, steps)) < 0.5),
        "causal": causal_mask(time, steps),
        "steps": jnp.asarray(rng.random((batch, 1, 1, steps)) < 0.7),
        "none seen": jnp.asarray(rng.random((batch, 1, time, steps)) < 0.5).at[:, :, 2].set(False),
    }[kind]


@pytest.mark.parametrize(("batch", "time", "steps", "heads", "size", "width", "kind", "dropped"), HEADS)
def test_attention(batch, time, steps, heads, size, width, kind, dropped):
    arrays = (draw(batch, time, heads, size), draw(batch, steps, heads, size), draw(batch, steps, heads, width))
    mask, weights = mask_of(kind, batch, heads, time, steps), draw(batch, time, heads, width)
    keep = jnp.asarray(1.25 * (RNG.random((batch, heads, time, steps)) < 0.8), "float32") if dropped else None

    def loss(function, *arrays):
        return jnp.sum(jnp.sin(function(*arrays, mask, keep=keep)) * weights)

    losses = [functools.partial(loss, f) for f in (attention, lambda *a, **k: dot_product_attention(*a, **k)[0])]
    assert_close(*(jax.jit(jax.value_and_grad(f, (0, 1, 2)))(*arrays) for f in losses), tolerance=1e-5)

    def slope(f):
        return lambda *a: sum(jnp.sum(g**2) for g in jax.grad(f, (0, 1, 2))(*a))

    assert_close(*(jax.jit(jax.grad(slope(f), (0, 1, 2)))(*arrays) for f in losses), tolerance=1e-4)


def test_attention_bears_extremes():
    q, k, v = draw(1, 4, 1, 8), draw(1, 4, 1, 8), draw(1, 4, 1, 8)
    assert bool(jnp.isfinite(attention(1e4 * q, 1e4 * k, v)).all())
    poisoned = attention(q.at[0, 2].set(jnp.nan), k, v)
    assert bool(jnp.isnan(poisoned[0, 2]).all()) and bool(jnp.isfinite(poisoned[0, :2]).all())


@pytest.mark.parametrize("scale", [3.0, -0.5, 0.0])
def test_attention_of_another_scale(scale):
    q, k, v = (draw(2, 20, 3, 8) for _ in range(3))
    both = [lambda *a: attention(*a, scale=scale), lambda *a: dot_product_attention(*a, scale=scale)[0]]
    losses = [lambda *a, f=f: jnp.sum(jnp.sin(f(*a)) * jnp.arange(8.0)) for f in both]
    assert_close(*(jax.jit(jax.value_and_grad(f, (0, 1, 2)))(q, k, v) for f in losses), tolerance=1e-5)


def test_every_head_has_the_same_bits_whoever_works_on_it():
    q, k, v = (draw(5, 20, 3, 8) for _ in range(3))
    alone = attention(q[2:3, :, 1:2], k[2:3, :, 1:2], v[2:3, :, 1:2])
    np.testing.assert_array_equal(attention(q, k, v)[2:3, :, 1:2], alone)


ONE_FOR_ALL = [  # rows and heads of query, key and value
    ((1, 3, 3), (2, 2, 2)),
    ((3, 1, 1), (2, 2, 2)),
    ((3, 3, 1), (2, 2, 1)),
    ((3, 3, 3), (2, 1, 1)),
    ((1, 1, 1), (1, 1, 1)),
]


@pytest.mark.parametrize(("rows", "heads"), ONE_FOR_ALL)
def test_attention_of_one_row_or_head_for_all(rows, heads):
    """The native loops would read beyond an array that has one row where others have three."""
    arrays = [draw(n, t, h, s) for n, h, t, s in zip(rows, heads, (5, 7, 7), (4, 4, 6), strict=True)]
    mask, keep = jnp.asarray(RNG.random((3, 2, 1, 7)) < 0.7), jnp.asarray(RNG.random((3, 1, 5, 7)), "float32")
    weights = draw(3, 5, 2, 6)

    def loss(function, *arrays):
        return jnp.sum(jnp.sin(function(*arrays, mask, keep=keep)) * weights)

    losses = [functools.partial(loss, f) for f in (attention, lambda *a, **k: dot_product_attention(*a, **k)[0])]
    assert_close(*(jax.jit(jax.value_and_grad(f, (0, 1, 2)))(*arrays) for f in losses), tolerance=1e-5)


@pytest.mark.parametrize("sizes", [((4, 1), (1, 4), (7, 7)), ((4, 4), (4, 4), (1, 7))])
def test_attention_of_sizes_that_array_code_broadcasts(sizes):
    (q, _), (k, _), (steps, values) = sizes
    arrays = draw(2, 5, 3, q), draw(2, steps, 3, k), draw(2, values, 3, 6)
    mask = jnp.ones((2, 1, 5, 7), bool)
    np.testing.assert_allclose(attention(*arrays, mask), dot_product_attention(*arrays, mask)[0], atol=1e-6)
