"""Lambda: any function as a layer, with masks, modes and arguments; saved by name only."""

import json

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import compare, round_trip, same

import freedive as fd
from freedive import layers

RNG = np.random.default_rng(0)


@fd.register
def scaled_for_tests(x, factor=2.0):
    return x * factor


@fd.register
def first_steps_for_tests(inputs, mask):
    return None if mask is None else mask[:, :2]


FUNCTIONS = [
    (lambda x: x**2, (3, 4), {}),
    (lambda x: x.mean(axis=1, keepdims=True), (3, 5, 4), {}),
    (lambda x: x[:, 0], (3, 5, 4), {}),
    (jnp.sin, (3, 4), {}),
    (lambda x, power: x**power, (3, 4), {"power": 3}),
    (lambda x: x.reshape(x.shape[0], -1), (2, 3, 4), {}),
    (lambda x: jnp.concatenate([x, -x], -1), (3, 4), {}),
]


def drawn(shape):
    return RNG.normal(size=shape).astype("float32")


@pytest.mark.parametrize(("function", "shape", "arguments"), FUNCTIONS)
def test_functions_compute_as_the_peers_lambda(function, shape, arguments):
    compare(layers.Lambda(function, arguments=arguments), keras.layers.Lambda(function, arguments=arguments),
            drawn(shape))  # fmt: skip


@pytest.mark.parametrize(("function", "shape", "arguments"), FUNCTIONS)
def test_symbols_have_the_shape_that_the_function_gives(function, shape, arguments):
    symbol = layers.Lambda(function, arguments=arguments)(fd.Input(shape[1:]))
    assert symbol.shape == (None, *function(np.ones(shape, "float32"), **arguments).shape[1:])


def test_several_inputs_and_outputs():
    x, y = drawn((3, 4)), drawn((3, 4))
    compare(layers.Lambda(lambda pair: pair[0] - pair[1]), keras.layers.Lambda(lambda pair: pair[0] - pair[1]), [x, y])
    same(layers.Lambda(lambda v: (v + 1, v[:, :2]))(x), (x + 1, x[:, :2]))


def test_training_and_mask_are_given_to_those_who_take_them():
    x, mask = drawn((2, 3)), np.array([[1, 0, 1], [1, 1, 0]], bool)
    mode = layers.Lambda(lambda v, training: v * (2 if training else 1))
    same(mode(x), x)
    same(mode(x, training=True), 2 * x)
    same(layers.Lambda(lambda v, mask: jnp.where(mask, v, 0))(x, mask=mask), np.where(mask, x, 0))


@pytest.mark.parametrize(
    "given",
    [None, lambda x, m: m, lambda x, m: m if m is None else ~m, first_steps_for_tests, np.ones((2, 5), bool)],
    ids=["none", "same", "other", "shorter", "array"],
)
def test_masks_are_the_peers(given):
    mask = RNG.random((2, 5)) > 0.5
    compare(layers.Lambda(jnp.tanh, mask=given), keras.layers.Lambda(jnp.tanh, mask=given), drawn((2, 5, 3)), mask=mask)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Lambda(scaled_for_tests),
        layers.Lambda("scaled_for_tests"),
        layers.Lambda(scaled_for_tests, arguments={"factor": 3.0}, name="tripled"),
        layers.Lambda(scaled_for_tests, output_shape=(4,), mask=first_steps_for_tests),
        layers.Lambda(fd.activations.relu),
    ],
)
def test_registered_functions_are_written_by_name(layer):
    again = round_trip(layer)
    assert again.function is layer.function and again.mask is layer.mask
    x = drawn((2, 4))
    same(again(x), layer(x))


def test_what_is_not_registered_cannot_be_written():
    layer = layers.Lambda(lambda x: x + 1)
    with pytest.raises(ValueError, match=r"not registered.*freedive.register\(<lambda>\)"):
        layer.get_config()
    with pytest.raises(ValueError, match="unknown function"):
        config = json.loads(json.dumps(layers.Lambda(scaled_for_tests).get_config()).replace("scaled_", "other_"))
        layers.Lambda.from_config(config)


def test_functions_of_numpy_that_need_numbers_are_told_apart():
    x = drawn((2, 3))
    same(layers.Lambda(np.mean)(x), x.mean())  # numpy asks the array for its own mean
    for wrong in (np.square, np.fft.fft, lambda v: np.clip(np.asarray(v), 0, 1)):
        with pytest.raises(ValueError, match=r"numpy's functions do. Use jax\.numpy"):
            layers.Lambda(wrong)(x)
        with pytest.raises(ValueError, match=r"Use jax\.numpy"):
            layers.Lambda(wrong)(fd.Input((3,)))


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda: layers.Lambda(3), TypeError, "expected a function of the input. Received: 3"),
        (lambda: layers.Lambda("scaled_for_test"), ValueError, "Did you mean 'scaled_for_tests'"),
        (lambda: layers.Lambda(abs, arguments=[1]), TypeError, "expected a dict of keyword arguments"),
        (lambda: layers.Lambda(lambda x: None)(np.ones((2, 3))), ValueError, "gave None"),
        (lambda: layers.Lambda(lambda x: None, name="head")(fd.Input((3,))), ValueError, r"head \(Lambda\).*None"),
    ],
)
def test_messages(made, error, message):
    with pytest.raises(error, match=message):
        made()


def test_a_layer_as_function_keeps_its_weights():
    layer = layers.Lambda(layers.Dense(2))
    assert layer(drawn((3, 4))).shape == (3, 2)
    assert [w.shape for w in layer.get_weights()] == [(4, 2), (2,)]
