"""Layers of all families in bfloat16 and float16: outputs near those of float32, float32 weights and statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.core.forward import Pass
from freedive.core.variables import draw_missing, gather

L = fd.layers
RNG = np.random.default_rng(0)
VECTOR, SERIES, PICTURE = (RNG.normal(size=s).astype(np.float32) for s in ((6, 8), (4, 6, 8), (2, 8, 8, 4)))
WORDS = RNG.integers(0, 9, (4, 6))

FAMILIES = {
    "dense": (L.Dense(5, "gelu"), VECTOR),
    "einsum": (L.EinsumDense("abc,cd->abd", (6, 5)), SERIES),
    "embedding": (L.Embedding(9, 5), WORDS),
    "convolution": (L.Conv2D(3, 3, padding="same"), PICTURE),
    "transposed": (L.Conv2DTranspose(3, 3, 2), PICTURE),
    "separable": (L.SeparableConv2D(3, 3), PICTURE),
    "depthwise": (L.DepthwiseConv2D(3), PICTURE),
    "pooling": (L.AveragePooling2D(2), PICTURE),
    "largest": (L.MaxPooling2D(2), PICTURE),
    "adaptive": (L.AdaptiveAveragePooling2D(3), PICTURE),
    "global": (L.GlobalAveragePooling1D(), SERIES),
    "batch": (L.BatchNormalization(), PICTURE),
    "layer": (L.LayerNormalization(), SERIES),
    "group": (L.GroupNormalization(2), PICTURE),
    "rms": (L.RMSNormalization(), SERIES),
    "unit": (L.UnitNormalization(), SERIES),
    "simple": (L.SimpleRNN(5, return_sequences=True), SERIES),
    "lstm": (L.LSTM(5), SERIES),
    "gru": (L.GRU(5), SERIES),
    "both ways": (L.Bidirectional(L.LSTM(3)), SERIES),
    "pictures in time": (L.ConvLSTM1D(3, 3), PICTURE),
    "heads": (L.MultiHeadAttention(2, 4), (SERIES, SERIES)),
    "groups of heads": (L.GroupQueryAttention(4, 4, 2), (SERIES, SERIES)),
    "attention": (L.Attention(), [SERIES, SERIES]),
    "additive": (L.AdditiveAttention(), [SERIES, SERIES]),
    "softmax": (L.Softmax(), SERIES),
    "prelu": (L.PReLU(), SERIES),
    "dot": (L.Dot(1, normalize=True), [VECTOR, VECTOR + 1]),
    "sum": (L.Add(), [VECTOR, VECTOR]),
    "padding": (L.ZeroPadding2D(), PICTURE),
    "larger": (L.UpSampling2D(), PICTURE),
    "rescaling": (L.Rescaling(0.1), VECTOR),
}


def traced(layer, inputs, dtype):
    """A function of weights: (a loss in float32, (outputs, new state))."""
    variables = gather(layer)

    def run(params):
        options = {"training": True, "compute_dtype": dtype}
        with Pass(layer, variables._replace(params=params), jax.random.key(0), **options) as made:
            outputs = made.call(layer, jax.tree.map(jnp.asarray, inputs), {})
        return jnp.sum(outputs.astype("float32") ** 2), (outputs, made.state)

    return run, variables.params


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_computes_in_half_precision(name, dtype):
    layer, inputs = FAMILIES[name]
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    if not layer.built:
        layer._plan_for(inputs, {})
        draw_missing(layer)
    run, params = traced(layer, inputs, dtype)
    (_, (outputs, state)), grads = jax.eval_shape(jax.value_and_grad(run, has_aux=True), params)
    # Ids must not be rounded; the vectors are cast by the layer that takes them. Nor must probabilities near 1.
    assert outputs.dtype == ("float32" if name in ("embedding", "softmax") else dtype)
    assert all(a.dtype == "float32" for a in jax.tree.leaves((state, grads)))


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (L.Normalization(mean=1000.0, variance=1.0, axis=None), 1000 + RNG.normal(size=(64, 1))),
        (L.SinusoidalFeatures(8), RNG.random((64, 1))),
    ],
    ids=["normalization", "waves"],
)
def test_what_a_layer_is_told_is_not_rounded(layer, x):
    x = x.astype("float32")
    exact = layer(x)
    model = fd.Sequential([fd.Input((1,)), fd.Sequential([fd.Input((1,)), layer])])  # nor by the models around it
    model.compile(precision="mixed_bfloat16")
    np.testing.assert_allclose(model.predict(x, verbose=0), exact, rtol=1e-5, atol=1e-6)


def leaning(key, shape, dtype):
    return jnp.array([9.0, -9.0], dtype)


BINARY, CLASSES = "binary_crossentropy", "categorical_crossentropy"
SURE = {  # last layers whose answer is above 0.999 at first, and the loss that says it is wrong
    "sigmoid": (lambda: [L.Dense(2, "sigmoid", bias_initializer=leaning)], BINARY),
    "sigmoid apart": (lambda: [L.Dense(2, bias_initializer=leaning), L.Activation("sigmoid")], BINARY),
    "moved": (
        lambda: [L.Dense(2, "sigmoid", bias_initializer=leaning), L.Reshape((2, 1)), L.Permute((2, 1)), L.Flatten()],
        BINARY,
    ),
    "softmax": (lambda: [L.Dense(2, "softmax", bias_initializer=leaning)], CLASSES),
    "softmax apart": (lambda: [L.Dense(2, bias_initializer=leaning), L.Softmax()], CLASSES),
}


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", SURE)
def test_the_surest_mistakes_are_learned_from(name, precision):
    last, loss = SURE[name]
    x, y = np.zeros((8, 3), np.float32), np.tile(np.float32([0, 1]), (8, 1))
    found = {}
    for chosen in ("float32", precision):
        model = fd.Sequential([fd.Input((3,)), *last()])
        model.compile("sgd", loss, precision=chosen)
        found[chosen] = model.predict(x, verbose=0), model.fit(x, y, epochs=3, verbose=0).history["loss"]
    for mine, expected in zip(found[precision], found["float32"], strict=True):
        np.testing.assert_allclose(mine, expected, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("name", ["convolution", "lstm", "heads", "batch", "layer"])
def test_half_precision_is_near(name):
    layer, inputs = FAMILIES[name]
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    layer(*inputs)
    found = {}
    for dtype in (None, "bfloat16", "float16"):
        run, params = traced(layer, inputs, dtype)
        (_, (outputs, state)), grads = jax.jit(jax.value_and_grad(run, has_aux=True))(params)
        found[dtype] = jax.tree.map(lambda a: np.asarray(a, np.float32), (outputs, state, grads))
    for part, full in enumerate(found[None]):  # measured against the largest number of its part
        largest = max((np.abs(a).max() for a in jax.tree.leaves(full)), default=0.0)
        for dtype, close in (("bfloat16", 0.06), ("float16", 0.01)):
            for a, b in zip(jax.tree.leaves(found[dtype][part]), jax.tree.leaves(full), strict=True):
                np.testing.assert_allclose(a, b, atol=close * largest, rtol=0)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_sums_over_many_values_are_taken_in_float32(precision):
    """4096 values near 1: a sum in half precision would stop at 256 or 2048."""
    x = np.full((4096, 2), 1.0078125, np.float32)  # a number of both kinds
    x[::2, 1] = -1.0
    model = fd.Sequential([fd.Input((2,)), L.BatchNormalization(momentum=0.0), L.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd", "mae", metrics=["mae"], precision=precision)
    history = model.fit(x, np.ones((4096, 1), np.float32), batch_size=4096, verbose=0).history
    assert history["loss"] == [1.0] and history["mae"] == [1.0]
    np.testing.assert_allclose(model.layers[0].moving_mean, x.mean(0), rtol=1e-5)
