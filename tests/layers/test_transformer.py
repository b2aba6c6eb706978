"""Transformer blocks: against their formula written out with the parity-tested layers, and step by step."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import compare, round_trip

import freedive as fd
from freedive import layers
from freedive.core.forward import LENGTHS, Pass
from freedive.core.variables import gather

RNG = np.random.default_rng(0)
X, MEMORY = RNG.normal(size=(2, 5, 8)).astype("float32"), RNG.normal(size=(2, 3, 8)).astype("float32")
SEEN = np.array([[1, 1, 1], [1, 0, 0]], bool)


class Peer(keras.layers.Layer):
    """The same block out of the peer's layers: `parts` are (query and value from, causal)."""

    def __init__(self, parts, first, epsilon=1e-5):
        super().__init__()
        self.first, self.parts = first, parts
        self.attentions = [keras.layers.MultiHeadAttention(2, 4) for _ in parts]
        self.dense = [keras.layers.Dense(16, activation="relu"), keras.layers.Dense(8)]
        self.norms = [keras.layers.LayerNormalization(epsilon=epsilon) for _ in range(len(parts) + 1)]

    def around(self, norm, x, compute):
        return x + compute(norm(x)) if self.first else norm(x + compute(x))

    def call(self, inputs):
        x, memory = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        for attention, norm, part in zip(self.attentions, self.norms, self.parts, strict=False):
            if part == "self":
                x = self.around(norm, x, lambda x, a=attention: a(x, x, use_causal_mask=memory is not None))
            else:
                x = self.around(norm, x, lambda x, a=attention: a(x, memory, attention_mask=SEEN[:, None, :]))
        return self.around(self.norms[-1], x, lambda x: self.dense[1](self.dense[0](x)))


class Pair(layers.Layer):
    """A decoder on a list, so that both get gradients."""

    block: layers.Layer

    def call(self, inputs):
        return self.block(*inputs, encoder_padding_mask=jnp.asarray(SEEN))


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_a_block_is_its_formula(kind, first):
    parts = ["self"] if kind == "encoder" else ["self", "across"]
    block = {"encoder": layers.TransformerEncoder, "decoder": layers.TransformerDecoder}[kind]
    ours = block(16, 2, normalize_first=first)
    compare(
        ours if kind == "encoder" else Pair(ours),
        Peer(parts, first),
        X if kind == "encoder" else [X, MEMORY],
        names=False,
    )


def test_masks_leave_steps_out():
    encoder, seen = layers.TransformerEncoder(16, 2), np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)
    whole = encoder(X, padding_mask=seen)
    np.testing.assert_allclose(whole[0, :3], encoder(X[:1, :3])[0], atol=1e-5)
    np.testing.assert_allclose(encoder(X, mask=seen), whole, atol=1e-6)  # as a mask that travels
    decoder = layers.TransformerDecoder(16, 2)
    both = decoder(X, MEMORY, encoder_padding_mask=SEEN)
    np.testing.assert_allclose(both[1], decoder(X[1:], MEMORY[1:, :1])[0], atol=1e-5)
    np.testing.assert_allclose(both[:, :2], decoder(X[:, :2], MEMORY, encoder_padding_mask=SEEN), atol=1e-5)  # causal
    free = decoder(X, MEMORY, encoder_padding_mask=SEEN, use_causal_mask=False)
    assert np.abs(free[:, 0] - both[:, 0]).max() > 1e-3


def test_a_decoder_without_an_encoder_is_a_causal_encoder():
    alone, encoder = layers.TransformerDecoder(16, 2), layers.TransformerEncoder(16, 2)
    alone.build((None, 5, 8))
    encoder.build((None, 5, 8))
    alone.set_weights(encoder.get_weights())
    causal = np.tril(np.ones((5, 5), bool))[None]
    np.testing.assert_allclose(alone(X), encoder(X, attention_mask=causal), atol=1e-5)


@pytest.mark.parametrize("first", [False, True])
def test_steps_with_caches_are_the_whole_pass(first):
    decoder = layers.TransformerDecoder(16, 2, normalize_first=first)
    whole, weights = decoder(X, MEMORY, encoder_padding_mask=SEEN, return_attention_scores=True)

    @jax.jit
    def stepwise(variables):
        with Pass(decoder, variables):
            cross, cache, outputs = decoder.cross_cache(MEMORY, 8), jnp.zeros((2, 2, 7, 2, 4)), []
            for at in range(5):
                y, cache, looked = decoder(
                    X[:, at : at + 1],
                    encoder_padding_mask=SEEN,
                    self_attention_cache=cache,
                    self_attention_cache_update_index=jnp.int32(at),
                    cross_attention_cache=cross,
                    return_attention_scores=True,
                )
                outputs.append((y, looked))
            two, _ = decoder(
                X[:, 3:],
                MEMORY,
                encoder_padding_mask=SEEN,
                self_attention_cache=cache,
                self_attention_cache_update_index=jnp.int32(3),
            )
            return [
                jnp.concatenate(parts, axis) for parts, axis in zip(zip(*outputs, strict=True), (1, 2), strict=True)
            ], two

    (outputs, looked), two = stepwise(gather(decoder))
    np.testing.assert_allclose(outputs, whole, atol=1e-5)
    np.testing.assert_allclose(looked, weights, atol=1e-5)
    np.testing.assert_allclose(two, whole[:, 3:], atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [{}, {"sliding_window": 1}, {"use_gate": True}, {"value_dim": 3}, {"attention_axes": 1}, {"output_shape": 5}],
    ids=str,
)
def test_attention_without_a_cache_is_attention(options):
    ours, plain = layers.CachedMultiHeadAttention(2, 4, **options), layers.MultiHeadAttention(2, 4, **options)
    masked = [layers.Embedding(4, 8, mask_zero=True) for _ in range(2)]  # so that a mask travels
    words = np.array([[1, 2, 3, 0, 0], [1, 1, 2, 3, 1]])

    def outputs(attention, embedding):
        words_in = fd.Input((5,), dtype="int32")
        x = embedding(words_in)
        return fd.Model(words_in, attention(x, x))

    models = [outputs(*pair) for pair in zip((ours, plain), masked, strict=True)]
    models[0].set_weights(models[1].get_weights())
    np.testing.assert_allclose(ours(X, MEMORY), plain(X, MEMORY), atol=1e-6)
    np.testing.assert_allclose(*(model.predict(words) for model in models), atol=1e-6)
    scores = [layer(X, MEMORY, attention_mask=SEEN[:, None], return_attention_scores=True) for layer in (ours, plain)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), *scores)


@pytest.mark.parametrize(
    "options, inputs, match",
    [
        ({"sliding_window": 1}, X[:, :1], "no sliding_window .*Received .*sliding_window=1"),
        ({"value_dim": 3}, X[:, :1], "values of the size of keys.*value_dim=3"),
        ({}, X[:, :1, None], r"expected queries \(batch, time, size\)"),
    ],
    ids=str,
)
def test_what_a_cache_cannot_do_is_refused(options, inputs, match):
    layer = layers.CachedMultiHeadAttention(2, 4, **options)
    with pytest.raises(ValueError, match=match):
        layer(inputs, inputs, cache=np.zeros((2, 2, 5, 2, 4)), cache_update_index=0)


def test_dropout_draws_in_training_only():
    block = layers.TransformerEncoder(16, 2, dropout=0.5)
    np.testing.assert_array_equal(block(X), block(X))
    assert np.abs(block(X, training=True) - block(X)).max() > 0.01


def test_wrong_sizes():
    with pytest.raises(ValueError, match="multiple of num_heads=3"):
        layers.TransformerEncoder(16, 3)(X)
    with pytest.raises(ValueError, match="expected a value, or a cache"):
        layers.CachedMultiHeadAttention(2)(X)


# positions and tables -------------------------------------------------------------------------------------------------
def test_sines_are_their_formula():
    y = np.asarray(layers.SinePositionEncoding(100.0)(X, start_index=2))
    for t in range(5):
        for i in range(8):
            angle = (t + 2) / 100.0 ** (2 * (i // 2) / 8)
            np.testing.assert_allclose(y[1, t, i], np.cos(angle) if i % 2 else np.sin(angle), atol=1e-5)


def test_learned_positions_are_rows_of_a_table():
    layer = layers.PositionEmbedding(9)
    y = layer(X)
    np.testing.assert_array_equal(y[0], layer.position_embeddings[:5])
    np.testing.assert_array_equal(layer(X, start_index=3)[1], layer.position_embeddings[3:8])
    with pytest.raises(ValueError, match="5 steps from position 0, but has 4 positions"):
        layers.PositionEmbedding(4)(X)
    np.testing.assert_array_equal(layer(X, start_index=np.int32(4)), layer(X, start_index=4))
    with pytest.raises(ValueError, match="received 2 steps beyond its 9 positions"):
        layer(X, start_index=np.int32(6))
    for stands_for_unknown in LENGTHS:
        with pytest.raises(ValueError, match=f"{stands_for_unknown} steps from position 0, but has 4 positions"):
            layers.PositionEmbedding(4)(np.ones((1, stands_for_unknown, 2), "float32"))


@pytest.mark.parametrize(
    "arguments",
    [{}, {"tie_weights": False}, {"logit_soft_cap": 0.5}, {"mask_zero": True}, {"reverse_dtype": "float32"}],
)
def test_reversible_embedding_is_the_peers(arguments):
    ours, theirs = layers.ReversibleEmbedding(6, 8, **arguments), keras.layers.ReversibleEmbedding(6, 8, **arguments)
    ids = RNG.integers(0, 6, (3, 5)).astype("int32")
    compare(ours, theirs, ids)
    compare(ours, theirs, X, call_kwargs={"reverse": True})


@pytest.mark.parametrize(
    "layer",
    [
        layers.TransformerEncoder(16, 2, 0.1, "gelu", normalize_first=True),
        layers.CachedMultiHeadAttention(2, key_dim=4),
        layers.PositionEmbedding(9),
        layers.SinePositionEncoding(50.0),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_round_trip(layer):
    round_trip(layer)
