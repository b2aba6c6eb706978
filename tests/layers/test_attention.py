"""Attention layers against the peer's; and queries that see nothing."""

import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import compare, round_trip

import freedive as fd
from freedive import layers
from freedive.core.forward import apply, plan
from freedive.core.paths import paths
from freedive.core.variables import draw_missing, gather

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


class Spread(layers.Layer):
    """Calls a layer on a list of inputs as several arguments, so that all of them get gradients."""

    layer: layers.Layer
    options: dict

    def call(self, inputs):
        return self.layer(*inputs, **self.options)


class KerasSpread(keras.layers.Layer):
    """The same of the peer."""

    def __init__(self, layer, options):
        super().__init__()
        self.layer, self.options = layer, options

    def call(self, inputs):
        return self.layer(*inputs, **self.options)


def bits(*shape):
    """Booleans, the first of every row True."""
    mask = RNG.random(shape) > 0.4
    mask[..., 0] = True
    return mask


# one head -------------------------------------------------------------------------------------------------------------
QVK = [(2, 4, 3), (2, 5, 3), (2, 5, 3)]
SINGLE = [  # layer, arguments, shapes, call arguments
    ("Attention", {}, QVK[:2], {}),
    ("Attention", {"use_scale": True}, QVK, {"return_attention_scores": True}),
    ("Attention", {"score_mode": "concat"}, QVK, {"use_causal_mask": True}),
    ("Attention", {"score_mode": "concat", "use_scale": True}, QVK[:2], {}),
    ("Attention", {}, [(1, 1, 1), (1, 1, 1)], {"use_causal_mask": True}),
    ("Attention", {"use_scale": True}, [(2, 4, 3), (2, 5, 6), (2, 5, 3)], {}),
    ("AdditiveAttention", {}, QVK[:2], {}),
    ("AdditiveAttention", {"use_scale": False}, QVK, {"return_attention_scores": True}),
    ("AdditiveAttention", {}, QVK, {"use_causal_mask": True}),
    ("AdditiveAttention", {}, [(1, 1, 1), (1, 1, 1)], {}),
    ("AdditiveAttention", {"use_scale": False}, [(2, 4, 3), (2, 5, 6), (2, 5, 3)], {}),
]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("kind", "arguments", "shapes", "options"), SINGLE)
def test_one_head_is_the_peers(kind, arguments, shapes, options, masked):
    ours, theirs = getattr(layers, kind)(**arguments), getattr(keras.layers, kind)(**arguments)
    mask = [bits(*shape[:2]) for shape in shapes] if masked else None
    compare(ours, theirs, [draw(*shape) for shape in shapes], mask=mask, call_kwargs=options)


def test_masks_given_outright():
    ours, theirs = layers.Attention(), keras.layers.Attention()
    inputs = [draw(2, 4, 3), draw(2, 5, 3)]
    for masks in ([bits(2, 4), None], [None, bits(2, 5)]):
        kwargs = {"mask": masks}
        compare(ours, theirs, inputs, call_kwargs=kwargs, output_mask=False)


# several heads --------------------------------------------------------------------------------------------------------
THREE = [(2, 4, 6), (2, 5, 7), (2, 5, 3)]
MANY = [  # layer, arguments, shapes, call arguments
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, THREE[:2], {}),
    ("MultiHeadAttention", {"num_heads": 3, "key_dim": 2, "value_dim": 4}, THREE, {"return_attention_scores": True}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "use_bias": False}, THREE[:2], {"use_causal_mask": True}),
    ("MultiHeadAttention", {"num_heads": 1, "key_dim": 1}, [(1, 1, 1), (1, 1, 1)], {}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "output_shape": 5, "use_gate": True}, THREE, {}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "output_shape": (2, 5)}, THREE, {}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, "sliding_window": 2}, THREE, {"use_causal_mask": True}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, THREE, {"attention_mask": bits(2, 4, 5)}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, THREE, {"attention_mask": bits(2, 2, 4, 5)}),
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}, [(2, 2, 3, 4), (2, 2, 3, 4)], {}),
    (
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 3, "attention_axes": 2},
        [(2, 2, 3, 4), (2, 2, 5, 4)],
        {"return_attention_scores": True, "attention_mask": bits(2, 1, 3, 5)},
    ),
    (
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 3, "attention_axes": (1, 2)},
        [(2, 2, 3, 4), (2, 4, 2, 4)],
        {"return_attention_scores": True, "attention_mask": bits(2, 2, 3, 4, 2)},
    ),
    (
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 3, "kernel_regularizer": "l2", "bias_regularizer": "l1"},
        THREE,
        {},
    ),
    ("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}, THREE[:2], {}),
    ("GroupQueryAttention", {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 1}, THREE,
     {"use_causal_mask": True}),
    ("GroupQueryAttention", {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 2, "use_bias": False}, THREE,
     {"attention_mask": bits(2, 4, 5)}),
    ("GroupQueryAttention", {"head_dim": 2, "num_query_heads": 6, "num_key_value_heads": 3, "use_gate": True}, THREE,
     {}),
    ("GroupQueryAttention", {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1, "sliding_window": 1}, THREE,
     {}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "arguments", "shapes", "options"), MANY)
def test_several_heads_are_the_peers(kind, arguments, shapes, options):
    ours, theirs = getattr(layers, kind)(**arguments), getattr(keras.layers, kind)(**arguments)
    inputs = [draw(*shape) for shape in shapes]
    compare(Spread(ours, options), KerasSpread(theirs, options), inputs)


@pytest.mark.parametrize("which", ["value_mask", "key_mask"])
def test_masks_of_values_and_keys(which):
    options = {which: bits(2, 5)}
    ours, theirs = (side.MultiHeadAttention(2, 3) for side in (layers, keras.layers))
    compare(Spread(ours, options), KerasSpread(theirs, options), [draw(*shape) for shape in THREE])


def test_weights_have_the_peers_names_and_places():
    ours = layers.MultiHeadAttention(2, 3)
    ours(*(draw(*shape) for shape in THREE))
    where = paths(ours)
    shapes = {f"{where[owner]}/{name}": owner._specs["params"][name].shape for owner, _, name in ours._weights()}
    assert shapes["query/kernel"] == (6, 2, 3) and shapes["value/bias"] == (2, 3)
    assert shapes["attention_output/kernel"] == (2, 3, 6)


def test_masks_travel_into_several_heads():
    x, mask = draw(2, 5, 4), np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)
    x[0, 3:] = 0
    layer, inputs = layers.MultiHeadAttention(2, 3), fd.Input((5, 4))
    masked = layers.Masking()(inputs)
    model = fd.Model(inputs, layer(masked, masked))
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(y[:, :3], layer(x, x, value_mask=mask, query_mask=mask)[:, :3], atol=1e-6)
    np.testing.assert_allclose(y[0, :3], layer(x[:1, :3], x[:1, :3])[0], atol=1e-5)
    by_name = fd.Model(inputs, layer(query=masked, value=masked))
    np.testing.assert_allclose(by_name.predict(x, verbose=0), y, atol=1e-6)


# queries that see nothing, and dropout --------------------------------------------------------------------------------
class Blind(layers.Layer):
    """Gives a layer with one head a mask without a True."""

    layer: layers.Layer

    def call(self, inputs):
        return self.layer(inputs, mask=[None, jnp.zeros(inputs[1].shape[:2], bool)])


@pytest.mark.parametrize(
    "layer",
    [
        Blind(layers.Attention(use_scale=True)),
        Blind(layers.AdditiveAttention()),
        Spread(layers.MultiHeadAttention(2, 3, use_bias=False), {"attention_mask": np.zeros((2, 4, 5), bool)}),
    ],
)
def test_a_query_that_sees_nothing_gets_zeros_and_no_gradient(layer):
    inputs = [draw(2, 4, 3), draw(2, 5, 3)]
    plan(layer, (inputs,))
    draw_missing(layer)
    values = gather(layer)

    def run(inputs, params):
        return apply(layer, values._replace(params=params), inputs)[0]

    assert (np.asarray(run(inputs, values.params)) == 0).all()
    gradients = jax.grad(lambda *a: jnp.sum(jnp.exp(run(*a))), argnums=(0, 1))(inputs, values.params)
    assert len(jax.tree.leaves(gradients)) > 2
    assert all((np.asarray(g) == 0).all() for g in jax.tree.leaves(gradients))


@pytest.mark.parametrize("kind", ["Attention", "AdditiveAttention", "MultiHeadAttention"])
def test_dropout(kind):
    options = (2, 3) if kind == "MultiHeadAttention" else ()
    layer = getattr(layers, kind)(*options, dropout=0.5)
    layer = Spread(layer, {}) if options else layer
    inputs = [draw(2, 40, 3), np.ones((2, 50, 3), "float32")]
    plan(layer, (inputs,))
    draw_missing(layer)

    def run(seed, training=True):
        return np.asarray(apply(layer, gather(layer), inputs, key=jax.random.key(seed), training=training)[0])

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.allclose(run(1), run(2))
    np.testing.assert_array_equal(run(1, training=False), run(2, training=False))
    if not options:  # weights that sum to one in the mean, over equal values
        assert abs(np.mean([run(seed).mean() for seed in range(10)]) - 1) < 0.05


def test_one_memory_or_one_set_of_queries_for_all_rows():
    layer = layers.MultiHeadAttention(2, 4, dropout=0.5)
    many, one = draw(3, 5, 8), draw(1, 5, 8)
    for inputs in ((many, one), (one, many)):
        whole = [np.broadcast_to(x, many.shape) for x in inputs]
        np.testing.assert_allclose(layer(*inputs), layer(*whole), atol=1e-6)
        assert apply(layer, gather(layer), *inputs, key=jax.random.key(0), training=True)[0].shape == many.shape


def test_a_mask_of_heads_beside_masks_of_rows():
    """As many rows as heads: the steps that a row has are not those that a head sees."""
    layer, x = layers.MultiHeadAttention(3, 4), draw(3, 5, 4)
    steps = np.arange(5) < np.array([[4], [3], [2]])
    of_heads = RNG.random((3, 5, 5)) < 0.7
    seen = layer(x, x, key_mask=steps, attention_mask=np.broadcast_to(of_heads, (3, 3, 5, 5)))
    both = steps[:, None, None, :] & of_heads
    np.testing.assert_allclose(seen, layer(x, x, attention_mask=both), atol=1e-6)


def test_half_precision_has_a_softmax_in_float32():
    layer, inputs = layers.Attention(), [30 * draw(2, 4, 8), draw(2, 300, 8)]
    y = apply(layer, gather(layer), inputs, compute_dtype="bfloat16")[0]
    rounded = [np.asarray(jnp.asarray(x, "bfloat16"), "float32") for x in inputs]
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(y.astype("float32"), layer(rounded), atol=2e-2)


# use ------------------------------------------------------------------------------------------------------------------
def test_symbols():
    q, v = fd.Input((None, 3)), fd.Input((5, 3))
    assert layers.Attention()([q, v]).shape == (None, None, 3)
    y, weights = layers.MultiHeadAttention(2, 4)(q, v, return_attention_scores=True)
    assert (y.shape, weights.shape) == ((None, None, 3), (None, 2, None, 5))
    model = fd.Model([q, v], layers.AdditiveAttention()([q, v]))
    assert model.predict([draw(2, 7, 3), draw(2, 5, 3)], verbose=0).shape == (2, 7, 3)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Attention(use_scale=True, score_mode="concat", dropout=0.1),
        layers.AdditiveAttention(use_scale=False, seed=2),
        layers.MultiHeadAttention(2, 3, value_dim=4, output_shape=(5,), attention_axes=[1], use_gate=True),
        layers.MultiHeadAttention(2, 3, kernel_regularizer="l2", sliding_window=3, name="heads"),
        layers.GroupQueryAttention(3, 4, 2, use_bias=False),
    ],
)
def test_configuration_says_all(layer):
    round_trip(layer)
    json.dumps(layer.get_config())


@pytest.mark.parametrize("kind", ["Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention"])
def test_arguments_and_defaults_are_the_peers(kind):
    sizes = {"MultiHeadAttention": (2, 3), "GroupQueryAttention": (3, 4, 2)}.get(kind, ())
    ours, theirs = getattr(layers, kind)(*sizes).get_config(), getattr(keras.layers, kind)(*sizes).get_config()
    expected = {k: v for k, v in theirs.items() if k not in ("name", "trainable", "dtype")}
    assert set(expected) <= set(ours), set(expected) - set(ours)
    for name, value in expected.items():
        if isinstance(value, (bool, int, float, type(None))) and name != "value_dim":
            assert ours[name] == value, name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Attention()(draw(2, 4, 3)), r"\[query, value\].*\(None, 4, 3\)"),
        (lambda: layers.Attention()([draw(2, 4, 3)]), r"\[query, value\]"),
        (lambda: layers.Attention()([draw(2, 3), draw(2, 3)]), r"\(batch, time, size\)"),
        (lambda: layers.Attention()([draw(2, 4, 3), draw(2, 5, 2)]), r"\(None, 4, 3\).*\(None, 5, 2\)"),
        (lambda: layers.Attention(score_mode="cosine"), "'dot', 'concat'"),
        (lambda: layers.MultiHeadAttention(0, 3), "num_heads"),
        (lambda: layers.MultiHeadAttention(2, 3)(draw(2, 3), draw(2, 3)), r"\(batch, time, size\)"),
        (lambda: layers.MultiHeadAttention(2, 3)(draw(2, 3, 1), draw(2, 4, 1), draw(2, 5, 1)), "as many keys"),
        (lambda: layers.MultiHeadAttention(2, 3)(draw(3, 3, 1), draw(2, 4, 1)), "as many rows of .* Received: 3, 2, 2"),
        (lambda: layers.MultiHeadAttention(2, 3, attention_axes=2)(draw(2, 3, 1), draw(2, 4, 1)), "attention_axes"),
        (lambda: layers.GroupQueryAttention(3, 4, 3), "multiple"),
    ],
)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
