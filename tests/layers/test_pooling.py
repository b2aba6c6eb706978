"""Pooling layers against the peer's: values, gradients, masks, messages."""

import functools

import jax
import keras
import numpy as np
import pytest
from harness import compare, round_trip

import freedive as fd
from freedive import layers
from freedive.core.forward import apply
from freedive.core.variables import gather

RNG = np.random.default_rng(0)
SHAPES = {"1D": (2, 7, 3), "2D": (2, 7, 6, 3), "3D": (1, 5, 4, 6, 2)}
WINDOWS = [
    {"pool_size": 2},
    {"pool_size": 2, "padding": "same"},
    {"pool_size": 3, "strides": 2},
    {"pool_size": 3, "strides": 1, "padding": "same"},
    {"pool_size": 2, "strides": 3},
    {"pool_size": 2, "data_format": "channels_first"},
]
WHOLES = [{}, {"keepdims": True}, {"data_format": "channels_first"}]
MIXED = [
    ("MaxPooling2D", {"pool_size": (3, 2), "strides": (1, 3), "padding": "same"}),
    ("AveragePooling2D", {"pool_size": (3, 2)}),
    ("MaxPooling3D", {"pool_size": (1, 2, 3)}),
    ("AveragePooling3D", {"pool_size": (2, 1, 2), "strides": (1, 2, 1)}),
]
ADAPTIVE = [
    {"output_size": 2},
    {"output_size": 3},
    {"output_size": 5},
    {"output_size": 2, "data_format": "channels_first"},
]
TABLE = [
    *((f"{kind}Pooling{rank}", arguments) for kind in ("Max", "Average") for rank in SHAPES for arguments in WINDOWS),
    *((f"Global{kind}Pooling{rank}", kept) for kind in ("Max", "Average") for rank in SHAPES for kept in WHOLES),
    *((f"Adaptive{kind}Pooling{rank}", sizes) for kind in ("Max", "Average") for rank in SHAPES for sizes in ADAPTIVE),
    *MIXED,
]


@pytest.mark.parametrize(("name", "arguments"), TABLE, ids=[f"{name}-{i}" for i, (name, _) in enumerate(TABLE)])
def test_values_and_gradients_are_the_peers(name, arguments):
    ours, theirs = getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)
    x = RNG.permuted(np.arange(np.prod(SHAPES[name[-2:]])).astype("float32")).reshape(SHAPES[name[-2:]])
    compare(round_trip(ours), theirs, x / x.size)


@pytest.mark.parametrize("arguments", WHOLES)
def test_global_average_leaves_masked_steps_out(arguments):
    x, mask = RNG.normal(size=(3, 5, 4)).astype("float32"), RNG.random((3, 5)) > 0.5
    if arguments.get("data_format") == "channels_first":
        x = x.swapaxes(1, 2)
    mask[:, 0] = True
    compare(layers.GlobalAveragePooling1D(**arguments), keras.layers.GlobalAveragePooling1D(**arguments), x, mask=mask)


def test_global_average_of_a_wholly_masked_sequence_is_zero():
    """The peer answers NaN there."""
    layer = layers.GlobalAveragePooling1D()
    np.testing.assert_array_equal(layer(np.ones((1, 3, 2)), mask=np.zeros((1, 3), bool)), np.zeros((1, 2)))


@pytest.mark.parametrize("name", ["MaxPool2D", "AvgPool2D", "GlobalMaxPool2D", "GlobalAvgPool2D"])
def test_short_names(name):
    assert getattr(layers, name) is layers.Layer.family.find(name)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.MaxPooling2D(0), r"MaxPooling2D\(pool_size=0\): expected more than 0"),
        (lambda: layers.MaxPooling1D((2, 2)), r"MaxPooling1D\(pool_size=\(2, 2\)\): expected a whole number, or 1"),
        (lambda: layers.AveragePooling1D(2, strides=0), r"AveragePooling1D\(strides=0\): expected more than 0"),
        (lambda: layers.MaxPooling2D(padding="causal"), r"expected one of 'valid', 'same'"),
        (lambda: layers.AdaptiveMaxPooling2D(0), r"AdaptiveMaxPooling2D\(output_size=0\): expected more than 0"),
        (lambda: layers.MaxPooling2D()(np.ones((8, 28, 28))), r"Received shape \(8, 28, 28\). Add the channel axis"),
        (lambda: layers.MaxPooling2D(4)(np.ones((8, 3, 5, 1))), r"pool_size of 4 x 4 does not fit .* of 3 x 5"),
        (lambda: layers.GlobalMaxPooling2D()(np.ones((8, 7))), r"expected 4 axes, \(batch, height, width, channels\)"),
    ],
)
def test_refuses(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make()


@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_what_no_window_holds_is_not_computed(kind):
    x = RNG.normal(size=(3, 13, 12, 2)).astype("float32")
    image = fd.Input((13, 12, 2))
    found = layers.Conv2D(4, 3, activation="relu")(image)  # (batch, 11, 10, 4)
    pool = getattr(layers, f"{kind}Pooling2D")(2)
    model = fd.Model(image, pool(found))
    apart = fd.Model(image, pool(layers.ReLU()(found)))  # the pooling reads another layer's output
    model.build()

    def answer(model, x):
        values = gather(model)

        def total(params):
            y = apply(model, values._replace(params=params), x)[0]
            return (y**2).sum(), y

        return jax.grad(total, has_aux=True)(values.params)

    programs = [jax.jit(functools.partial(answer, one)).lower(x).compile() for one in (model, apart)]
    assert ["f32[3,11,10,4]" in program.as_text() for program in programs] == [False, True]
    mine, expected = (program(x) for program in programs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), mine, expected)
    whole, pooled = fd.Model(image, [found, model.output]).predict(x)
    assert whole.shape == (3, 11, 10, 4)
    np.testing.assert_allclose(pooled, expected[1], rtol=1e-5, atol=1e-6)


def test_a_model_that_is_looked_into_shows_all_places():
    model = fd.Sequential([fd.Input((7, 7, 1)), layers.Conv2D(2, 3, activation="relu"), layers.MaxPooling2D()])
    assert model.inspect(np.ones((2, 7, 7, 1), "float32"))["conv2d"]["a"].shape == (2, 5, 5, 2)
