"""Embedding and Masking against the peer's, and ids that the table does not have."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import compare, round_trip

import freedive as fd
from freedive import layers
from freedive.core.forward import Pass, apply, plan
from freedive.core.variables import draw_missing, gather

RNG = np.random.default_rng(0)


def ids(*shape, below=6):
    return RNG.integers(0, below, shape)


# Embedding ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "x"),
    [
        ({}, ids(3, 5)),
        ({"mask_zero": True}, ids(3, 5)),
        ({"embeddings_regularizer": "l2"}, ids(2, 2, 2)),
        ({"embeddings_initializer": "zeros", "mask_zero": True}, np.zeros((1, 1), int)),
        ({}, ids(4)),
        ({"mask_zero": True}, ids(2, 3).astype("uint8")),
    ],
)
def test_embedding_is_the_peers(arguments, x):
    compare(layers.Embedding(6, 4, **arguments), keras.layers.Embedding(6, 4, **arguments), x.astype("int32"))


def test_whole_numbers_may_come_as_floats():
    layer, x = layers.Embedding(6, 4, mask_zero=True), ids(3, 5)
    for dtype in ("int64", "uint8", "float32", "float64"):
        np.testing.assert_array_equal(layer(x.astype(dtype)), layer(x))
    model = fd.Sequential([fd.Input((5,)), layers.Embedding(6, 4), layers.Flatten()])
    assert model.predict(x, verbose=0).shape == (3, 20)


def test_ids_are_not_rounded_in_mixed_precision():
    layer, x = layers.Embedding(3000, 2), np.array([[257.0, 2999.0]], "float32")
    plan(layer, (x,))
    draw_missing(layer)
    with Pass(layer, gather(layer), compute_dtype="bfloat16") as made:
        y = made.call(layer, (x,), {})
    np.testing.assert_array_equal(y[0], np.asarray(layer.embeddings)[[257, 2999]])


def test_unknown_ids_show_and_change_nothing():
    layer = layers.Embedding(6, 2)
    x = np.array([[0, 5, 6, -1, 1e9, 0.5]])
    with pytest.raises(ValueError, match=r"received 4 ids that are no whole numbers in 0..5"):
        layer(x)
    values = gather(layer)
    y, made = apply(layer, values, jnp.asarray(x, "float32"))
    assert np.isfinite(y[0, :2]).all() and np.isnan(y[0, 2:]).all() and int(made.flags[""]) == 4
    loss = lambda params: jnp.sum(apply(layer, values._replace(params=params), jnp.asarray(x, "float32"))[0] ** 2)  # noqa: E731
    (gradient,) = jax.tree.leaves(jax.grad(loss)(values.params))
    assert np.isfinite(gradient).all() and (np.asarray(gradient)[[1, 2, 3, 4]] == 0).all()


def test_words_of_old_programs_are_understood():
    layer = layers.Embedding(input_dim=6, output_dim=4, input_length=5, embeddings_constraint="unit_norm")
    layer.build()
    assert layer.embeddings.shape == (6, 4)


def test_padding_reaches_the_recurrent_layer():
    x = np.array([[1, 2, 3, 0, 0], [4, 5, 1, 2, 3]])
    table, reader = layers.Embedding(6, 4, mask_zero=True), layers.LSTM(3)
    model = fd.Sequential([fd.Input((None,)), table, layers.Dropout(0.5), reader])
    np.testing.assert_allclose(model(x)[0], model(x[:1, :3])[0], atol=1e-6)


# Masking --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "shape"), [(0.0, (3, 4, 2)), (-1.0, (2, 3, 1)), (0.0, (1, 1, 1)), (2.5, (2, 3, 2, 2))]
)
def test_masking_is_the_peers(value, shape):
    x = RNG.normal(size=shape).astype("float32")
    x[0, -1], x[-1, 0] = value, value
    x[0, 0, ..., :1] = value
    made = compare(layers.Masking(value), keras.layers.Masking(value), x)
    assert not np.asarray(made.mask).all()


def test_masked_steps_count_no_more():
    x = RNG.normal(size=(2, 5, 3)).astype("float32")
    x[0, 3:] = -1
    layer = layers.GRU(4)
    np.testing.assert_allclose(
        fd.Sequential([layers.Masking(-1), layer])(x)[0], fd.Sequential([layer])(x[:1, :3])[0], atol=1e-6
    )


# both -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "layer",
    [
        layers.Embedding(6, 4),
        layers.Embedding(6, 4, mask_zero=True, embeddings_regularizer="l1", embeddings_initializer="he_normal"),
        layers.Masking(),
        layers.Masking(-1),
    ],
)
def test_configuration_says_all(layer):
    round_trip(layer)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Embedding(0, 4), "input_dim"),
        (lambda: layers.Embedding(4, -1), "output_dim"),
        (lambda: layers.Embedding(4, 2.5), "output_dim"),
        (lambda: layers.Masking("zero"), "mask_value"),
        (lambda: layers.Masking(float("nan")), "NaN"),
    ],
)
def test_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
