"""Bidirectional and TimeDistributed against the peer's."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import compare, round_trip

import freedive as fd
from freedive import layers

RNG = np.random.default_rng(0)
MASK = np.array([[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]], bool)


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


def pair(make):
    """The same, made of our layers and of the peer's."""
    return make(layers), make(keras.layers)


# Bidirectional ------------------------------------------------------------------------------------------------------
BIDIRECTIONAL = {
    "concat": lambda k: k.Bidirectional(k.LSTM(3)),
    "sum": lambda k: k.Bidirectional(k.GRU(3, return_sequences=True), merge_mode="sum"),
    "mul": lambda k: k.Bidirectional(k.SimpleRNN(3, return_sequences=True), merge_mode="mul"),
    "ave": lambda k: k.Bidirectional(k.LSTM(2, return_state=True), merge_mode="ave"),
    "both": lambda k: k.Bidirectional(k.GRU(2, return_sequences=True, return_state=True), merge_mode=None),
    "backward layer": lambda k: k.Bidirectional(
        k.LSTM(2, return_sequences=True),
        backward_layer=k.LSTM(4, activation="relu", return_sequences=True, go_backwards=True),
    ),
    "cells": lambda k: k.Bidirectional(k.RNN([k.LSTMCell(2), k.GRUCell(3)], return_sequences=True)),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("which", BIDIRECTIONAL)
def test_bidirectional_is_the_peers(which, masked):
    ours, theirs = pair(BIDIRECTIONAL[which])
    compare(ours, theirs, draw(3, 4, 2), mask=MASK if masked else None, output_mask=ours.return_sequences)


@pytest.mark.parametrize("masked", [False, True])
def test_bidirectional_with_initial_states(masked):
    ours, theirs = pair(lambda k: k.Bidirectional(k.LSTM(2, return_sequences=True, return_state=True)))
    kwargs = {"initial_state": [draw(3, 2) for _ in range(4)]} | ({"mask": MASK} if masked else {})
    compare(ours, theirs, draw(3, 4, 2), call_kwargs=kwargs, output_mask=False)


def test_one_step_and_one_sample():
    ours, theirs = pair(lambda k: k.Bidirectional(k.GRU(1)))
    compare(ours, theirs, draw(1, 1, 1))


def test_the_last_output_has_no_mask():
    model = fd.Sequential([layers.Masking(), layers.Bidirectional(layers.LSTM(2)), layers.Dense(1)])
    assert model(draw(2, 3, 4)).shape == (2, 1)


def test_the_layer_that_is_given_is_the_forward_one():
    layer, x = layers.LSTM(3), draw(2, 4, 2)
    both, y = layers.Bidirectional(layer), layer(x)
    np.testing.assert_array_equal(both(x)[:, :3], y)
    assert both.forward_layer is layer and both.backward_layer.go_backwards


@pytest.mark.parametrize("merge", ["concat", None])
def test_a_layer_that_goes_backwards_answers_in_the_order_of_time_too(merge):
    x, mask = draw(2, 4, 2), np.array([[1, 1, 1, 0], [0, 1, 1, 1]], bool)
    backward = layers.LSTM(3, return_sequences=True, go_backwards=True)
    turned = layers.Bidirectional(backward, merge)
    plain = layers.Bidirectional(turned.backward_layer, merge, backward_layer=backward)
    found, expected = (
        y if merge is None else np.split(y, 2, axis=-1) for y in (turned(x, mask=mask), plain(x, mask=mask))
    )
    for y, z in zip(found, expected[::-1], strict=True):
        np.testing.assert_allclose(y, z, atol=1e-6)
        np.testing.assert_array_equal(np.any(y, axis=-1), mask)


def test_the_other_layer_has_the_functions_of_the_given_one():
    """Also those without a name that a file could hold, and within cells; its weights are its own."""
    own = {"activation": lambda x: jnp.tanh(x) / 2, "recurrent_activation": jax.nn.soft_sign}
    given = layers.LSTM(3, **own, dropout=0.25, trainable=False)
    other = layers.Bidirectional(given).backward_layer
    assert other.activation is own["activation"] and other.recurrent_activation is jax.nn.soft_sign
    assert (other.dropout, other.trainable, other.units, other.name) == (0.25, False, 3, None)
    cells = [layers.LSTMCell(3, **own), layers.GRUCell(2)]
    both = layers.Bidirectional(layers.RNN(cells))
    assert both(draw(2, 4, 1)).shape == (2, 4)
    assert not {id(w) for w in both.forward_layer.weights} & {id(w) for w in both.backward_layer.weights}
    assert len(both.weights) == 2 * len(both.forward_layer.weights)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Bidirectional(layers.Dense(3)), "recurrent layer"),
        (lambda: layers.Bidirectional(layers.LSTM(3), merge_mode="add"), "'concat'.*'add'"),
        (lambda: layers.Bidirectional(layers.LSTM(3), backward_layer=layers.LSTM(3)), "go_backwards=False"),
        (
            lambda: layers.Bidirectional(
                layers.LSTM(3), backward_layer=layers.LSTM(3, go_backwards=True, return_sequences=True)
            ),
            "same return_sequences",
        ),
        (lambda: layers.Bidirectional(layers.LSTM(3), weights=[1]), "set_weights"),
        (lambda: layers.Bidirectional(layers.GRU(3))(draw(2, 4, 1), initial_state=[draw(2, 3)]), "initial_state"),
        (lambda: layers.TimeDistributed("dense"), "expects a layer"),
        (lambda: layers.TimeDistributed(layers.Dense(3))(draw(2, 4)), r"\(batch, time, \.\.\.\)"),
        (lambda: layers.TimeDistributed(layers.Add())([draw(2, 4, 1), draw(2, 3, 1)]), r"\(None, 4, 1\), \(None, 3"),
    ],
)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# TimeDistributed ----------------------------------------------------------------------------------------------------
TIME_DISTRIBUTED = {  # what makes the layer, shape of its input
    "dense": (lambda k: k.TimeDistributed(k.Dense(3, activation="tanh")), (2, 4, 3)),
    "one step": (lambda k: k.TimeDistributed(k.Dense(1)), (1, 1, 1)),
    "convolution": (lambda k: k.TimeDistributed(k.Conv2D(2, 3)), (2, 3, 5, 5, 1)),
    "recurrent": (lambda k: k.TimeDistributed(k.LSTM(3)), (2, 3, 5, 2)),
    "flatten": (lambda k: k.TimeDistributed(k.Flatten()), (2, 3, 2, 2)),
    "nested": (lambda k: k.TimeDistributed(k.TimeDistributed(k.Dense(2))), (2, 3, 2, 4)),
}


@pytest.mark.parametrize("which", TIME_DISTRIBUTED)
def test_time_distributed_is_the_peers(which):
    make, shape = TIME_DISTRIBUTED[which]
    compare(*pair(make), draw(*shape))


def test_time_distributed_hands_masks_on():
    ours, theirs = pair(lambda k: k.TimeDistributed(k.Dense(2)))
    assert compare(ours, theirs, draw(3, 4, 2), mask=MASK).mask is not None


def test_masks_within_the_steps():
    x, mask = draw(2, 3, 4, 2), RNG.random((2, 3, 4)) > 0.4
    mask[0, 1] = False
    ours, theirs = pair(lambda k: k.TimeDistributed(k.GRU(3)))
    made = compare(ours, theirs, x, call_kwargs={"mask": mask}, output_mask=False)
    np.testing.assert_array_equal(made.mask, mask.any(-1))


def test_every_step_is_dropped_from_apart():
    y = np.asarray(layers.TimeDistributed(layers.Dropout(0.5))(np.ones((2, 3, 50), "float32"), training=True))
    assert not (y[:, :1] == y).all()


@pytest.mark.parametrize(
    "layer",
    [
        layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode="sum"),
        layers.Bidirectional(layers.GRU(3), backward_layer=layers.GRU(2, go_backwards=True)),
        layers.TimeDistributed(layers.LSTM(3, go_backwards=True)),
    ],
)
def test_configuration_says_all(layer):
    again, x = round_trip(layer), draw(2, 3, 4, 2)[..., 0] if "Bi" in type(layer).__name__ else draw(2, 3, 4, 2)
    layer(x), again(x)
    again.set_weights(layer.get_weights())
    jax.tree.map(np.testing.assert_array_equal, again(x), layer(x))


def test_both_halves_that_stay_apart_have_the_mask():
    def over_halves(*before):
        entry = fd.Input((None, 3))
        x = entry
        for layer in before:
            x = layer(x)
        halves = layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode=None)(x)
        return fd.Model(entry, [layers.LSTM(2)(half) for half in halves])

    x = draw(2, 4, 3)
    x[:, 3:] = 0
    masked, plain = over_halves(layers.Masking()), over_halves()
    plain.set_weights(masked.get_weights())
    for answer, expected in zip(masked.predict(x, verbose=0), plain.predict(x[:, :3], verbose=0), strict=True):
        np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_a_layer_of_ones_own_has_a_mask_for_each_of_its_outputs():
    class Halves(fd.layers.Layer):
        def compute_mask(self, inputs, mask):
            return [None, mask]

        def call(self, x):
            return 1 * x, 2 * x

    entry = fd.Input((3, 1))
    parts = Halves()(layers.Masking()(entry))
    means = fd.Model(entry, [layers.GlobalAveragePooling1D()(part) for part in parts])
    found = means.predict(np.array([[[1.0], [2.0], [0.0]]], "float32"), verbose=0)
    np.testing.assert_allclose(np.ravel(found), [1.0, 3.0])
