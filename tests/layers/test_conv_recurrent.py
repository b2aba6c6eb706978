"""Convolutional LSTMs against the peer's."""

import jax
import keras
import numpy as np
import pytest
from harness import compare, round_trip

from freedive import layers

RNG = np.random.default_rng(0)
ROWS = [  # layer, arguments, shape
    ("ConvLSTM1D", {"filters": 2, "kernel_size": 3}, (2, 3, 5, 1)),
    ("ConvLSTM1D", {"filters": 1, "kernel_size": 1, "return_sequences": True, "return_state": True}, (1, 1, 1, 1)),
    ("ConvLSTM1D", {"filters": 2, "kernel_size": 2, "strides": 2, "go_backwards": True}, (2, 3, 6, 2)),
    ("ConvLSTM2D", {"filters": 2, "kernel_size": 2, "padding": "same", "return_sequences": True}, (2, 3, 4, 5, 2)),
    ("ConvLSTM2D", {"filters": 2, "kernel_size": (2, 3), "use_bias": False, "return_state": True}, (2, 2, 4, 4, 1)),
    ("ConvLSTM2D", {"filters": 3, "kernel_size": 2, "dilation_rate": 2, "unit_forget_bias": False}, (2, 2, 5, 4, 1)),
    ("ConvLSTM2D", {"filters": 2, "kernel_size": 2, "activation": "relu", "kernel_regularizer": "l2"}, (1, 3, 3, 3, 2)),
    ("ConvLSTM3D", {"filters": 2, "kernel_size": 2, "return_sequences": True}, (1, 2, 3, 2, 3, 1)),
]


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


@pytest.mark.parametrize(("kind", "arguments", "shape"), ROWS)
def test_the_peers_numbers(kind, arguments, shape):
    compare(getattr(layers, kind)(**arguments), getattr(keras.layers, kind)(**arguments), draw(*shape))


def test_initial_states():
    ours, theirs = (side.ConvLSTM1D(2, 3, padding="same", return_state=True) for side in (layers, keras.layers))
    compare(ours, theirs, draw(2, 3, 4, 1), call_kwargs={"initial_state": [draw(2, 4, 2), draw(2, 4, 2)]})


def test_channels_first_is_channels_last_turned():
    x = draw(2, 3, 4, 5, 2)
    last, first = (
        layers.ConvLSTM2D(3, 2, data_format=f"channels_{where}", return_sequences=True, return_state=True)
        for where in ("last", "first")
    )
    expected, turned = last(x), np.moveaxis(x, -1, 2)
    first(turned)
    first.set_weights(last.get_weights())
    for y, z, axis in zip(first(turned), expected, (2, 1, 1), strict=True):
        np.testing.assert_allclose(np.moveaxis(y, axis, -1), z, atol=1e-6)
    states = [np.moveaxis(s, -1, 1) for s in expected[1:]]
    y = first(turned, initial_state=states)[0]
    np.testing.assert_allclose(np.moveaxis(y, 2, -1), last(x, initial_state=list(expected[1:]))[0], atol=1e-6)


def test_masked_steps_are_left_out():
    x, layer = draw(2, 4, 5, 1), layers.ConvLSTM1D(2, 3)
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1]], bool)
    np.testing.assert_allclose(layer(x, mask=mask)[0], layer(x[:1, :2])[0], atol=1e-6)


def test_dropout_draws_in_training():
    layer, x = layers.ConvLSTM1D(2, 3, dropout=0.5, recurrent_dropout=0.5), draw(2, 4, 5, 1)
    assert not np.allclose(layer(x, training=True), layer(x, training=True))
    np.testing.assert_array_equal(layer(x), layer(x))


def test_configuration_says_all():
    layer, x = layers.ConvLSTM2D(3, (2, 1), padding="same", go_backwards=True), draw(2, 3, 4, 4, 1)
    again = round_trip(layer)
    layer(x), again(x)
    again.set_weights(layer.get_weights())
    jax.tree.map(np.testing.assert_array_equal, again(x), layer(x))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.ConvLSTM2D(3, 2)(draw(2, 3, 4, 4)), r"\(batch, time, height, width, channels\)"),
        (lambda: layers.ConvLSTM1D(3, 5)(draw(2, 3, 4, 1)), "does not fit"),
        (lambda: layers.ConvLSTM1D(3, 2, strides=2, dilation_rate=2), "strides and dilation_rate"),
        (lambda: layers.ConvLSTM1D(3, 2, stateful=True), "initial_state"),
        (lambda: layers.ConvLSTM2D(3, (2, 2, 2)), "kernel_size"),
    ],
)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
