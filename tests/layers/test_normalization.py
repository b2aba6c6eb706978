"""Normalization layers against the peer's: values, gradients, masks, moving averages, adapted moments."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import build, compare, round_trip, same, same_weights

import freedive as fd
from freedive import layers

RNG = np.random.default_rng(0)
TABLE, SEQUENCE, IMAGE = (5, 4), (3, 5, 4), (2, 4, 3, 6)
CASES = [  # class, arguments, input shape
    ("BatchNormalization", {}, TABLE),
    ("BatchNormalization", {"momentum": 0.5, "epsilon": 1e-5}, SEQUENCE),
    ("BatchNormalization", {"center": False}, IMAGE),
    ("BatchNormalization", {"scale": False, "gamma_regularizer": "l2", "beta_regularizer": "l1"}, IMAGE),
    ("BatchNormalization", {"axis": 1}, IMAGE),
    ("BatchNormalization", {"axis": 2, "center": False, "scale": False}, SEQUENCE),
    ("LayerNormalization", {}, TABLE),
    ("LayerNormalization", {"epsilon": 1e-6, "gamma_regularizer": "l2"}, SEQUENCE),
    ("LayerNormalization", {"axis": (1, 2)}, SEQUENCE),
    ("LayerNormalization", {"axis": [-1, -2, -3], "center": False}, IMAGE),
    ("LayerNormalization", {"axis": 1, "scale": False}, SEQUENCE),
    ("GroupNormalization", {"groups": 2}, IMAGE),
    ("GroupNormalization", {"groups": 3, "scale": False}, IMAGE),
    ("GroupNormalization", {"groups": -1}, IMAGE),
    ("GroupNormalization", {"groups": 1, "center": False, "epsilon": 1e-5}, SEQUENCE),
    ("GroupNormalization", {"groups": 2, "axis": 1}, IMAGE),
    ("GroupNormalization", {"groups": 2}, TABLE),
    ("RMSNormalization", {}, TABLE),
    ("RMSNormalization", {"epsilon": 1e-3}, SEQUENCE),
    ("RMSNormalization", {"axis": 2}, SEQUENCE),
    ("RMSNormalization", {"axis": (2, 3)}, IMAGE),
    ("RMSNormalization", {"axis": [-1, -2, -3]}, IMAGE),
    ("UnitNormalization", {}, TABLE),
    ("UnitNormalization", {"axis": 1}, SEQUENCE),
    ("UnitNormalization", {"axis": (1, 2)}, IMAGE),
    ("UnitNormalization", {"axis": -2}, IMAGE),
    ("UnitNormalization", {"axis": 0}, TABLE),
    ("Normalization", {"mean": 1.5, "variance": 4.0}, TABLE),
    ("Normalization", {"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 4.0, 9.0, 0.5]}, SEQUENCE),
    ("Normalization", {"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 4.0, 9.0, 0.5], "invert": True}, TABLE),
    ("Normalization", {"mean": 1.5, "variance": 4.0, "axis": None}, IMAGE),
    ("Normalization", {"mean": [1.0, 2.0], "variance": [1.0, 4.0], "axis": 0}, (2, 3)),
]
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(CASES)]


def draw(shape):
    return (2 * RNG.normal(size=shape) + 0.5).astype("float32")


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES, ids=IDS)
def test_values_and_gradients_are_the_peers(name, arguments, shape):
    ours, theirs = getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)
    compare(round_trip(ours), theirs, draw(shape))


# batch normalization ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("arguments", "shape"), [case[1:] for case in CASES if case[0] == "BatchNormalization"])
def test_training_is_the_peers(arguments, shape):
    ours, theirs = layers.BatchNormalization(**arguments), keras.layers.BatchNormalization(**arguments)
    compare(ours, theirs, draw(shape), training=True)


@pytest.mark.parametrize(("shape", "mask_shape"), [((4, 5, 3), (4, 5)), ((2, 3, 4, 3), (2, 3, 4)), ((6, 3), (6,))])
def test_masked_steps_do_not_count(shape, mask_shape):
    mask = RNG.random(mask_shape) > 0.4
    compare(layers.BatchNormalization(), keras.layers.BatchNormalization(), draw(shape), training=True, mask=mask)


def test_moving_averages_after_several_updates_are_the_peers():
    ours, theirs = layers.BatchNormalization(momentum=0.9), keras.layers.BatchNormalization(momentum=0.9)
    batches = [draw((n, 3, 4)) for n in (8, 8, 5)]
    build(ours, theirs, batches[0], {}, True)
    same_weights(ours, theirs)
    for batch in batches:
        same(ours(batch, training=True), np.asarray(theirs(batch, training=True)))
    same(ours.get_weights(), [w.value for w in theirs.weights])
    same(ours(batches[0]), np.asarray(theirs(batches[0], training=False)))


def test_a_wholly_masked_batch_changes_nothing():
    layer = layers.BatchNormalization()
    layer.build((None, 5, 3))
    before = layer.get_weights()
    y = layer(draw((4, 5, 3)), training=True, mask=np.zeros((4, 5), bool))
    same(layer.get_weights(), before, 0)
    assert np.isfinite(y).all()


def test_one_value_in_each_channel_is_normalized_by_the_averages():
    """The peer answers beta there, whatever x is, and moves the averages towards it."""
    layer, x = layers.BatchNormalization(), draw((1, 4))
    same(layer(x, training=True), x / np.sqrt(1.001))
    same(layer.get_weights()[2:], [np.zeros(4), np.ones(4)], 0)


def test_one_step_that_counts_is_normalized_by_the_averages():
    layer, x = layers.BatchNormalization(), draw((1, 2, 4))
    same(layer(x, training=True, mask=np.array([[True, False]])), x / np.sqrt(1.001))
    same(layer.get_weights()[2:], [np.zeros(4), np.ones(4)], 0)


def test_frozen_layers_keep_their_averages():
    model = fd.Sequential([fd.Input((4,)), layers.BatchNormalization(), layers.Dense(1)])
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.layers[0].get_weights()
    model.fit(draw((32, 4)), np.ones((32, 1), "float32"), epochs=2, verbose=0)
    same(model.layers[0].get_weights(), before, 0)


def test_half_precision_takes_its_moments_in_float32():
    layer, x = layers.BatchNormalization(), (1000 + RNG.normal(size=(512, 2))).astype("float32")
    y = layer(jnp.asarray(x, "bfloat16"), training=True)
    assert y.dtype == jnp.bfloat16
    rounded = np.asarray(jnp.asarray(x, "bfloat16").astype("float32"))
    np.testing.assert_allclose(layer.get_weights()[2] / 0.01, rounded.mean(0), rtol=1e-4)


# known moments ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("axis", [-1, None, 1, (1, 2)])
@pytest.mark.parametrize("form", ["array", "batches", "pairs"])
def test_adapt_is_the_peers(axis, form):
    data = draw((10, 3, 4))
    ours, theirs = layers.Normalization(axis=axis), keras.layers.Normalization(axis=axis)
    batches = [data[:4], data[4:7], data[7:]]
    given = {"array": data, "batches": batches, "pairs": ((b, b) for b in batches)}[form]
    ours.adapt(given)
    theirs.adapt(data)
    same(ours.get_weights()[:2], [w.value for w in theirs.weights[:2]])
    assert [w.shape for w in ours.get_weights()] == [tuple(w.shape) for w in theirs.weights]
    same(ours(data), np.asarray(theirs(data)))


def test_adapt_forgets_what_was_before():
    layer = layers.Normalization()
    layer.adapt(draw((9, 2)) + 100)
    layer.adapt(np.array([[1.0, 5.0], [3.0, 9.0]]))
    same(layer.get_weights(), [np.array([2.0, 7.0]), np.array([1.0, 4.0]), np.array(2)])


def test_large_values_are_summed_exactly():
    layer = layers.Normalization()
    layer.adapt([np.array([[1e8], [1e8 + 2]]), np.array([[1e8 + 4]])])
    np.testing.assert_allclose(layer.get_weights()[1], [8 / 3], rtol=1e-6)


def test_what_does_not_vary_stays_small():
    """The peer divides by 1e-7 and answers ten million for the 6."""
    layer = layers.Normalization()
    layer.adapt(np.array([[5.0], [5.0]]))
    same(layer(np.array([[5.0], [6.0]])), np.array([[0.0], [1.0]]))


def test_the_way_back():
    data = draw((10, 3))
    there = layers.Normalization()
    there.adapt(data)
    mean, variance, _ = there.get_weights()
    same(layers.Normalization(mean=mean, variance=variance, invert=True)(there(data)), data)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: layers.BatchNormalization(axis=3)(np.ones((2, 3))),
            r"axis=\(3,\) is outside an input of shape \(2, 3\)",
        ),
        (lambda: layers.BatchNormalization(momentum=2), r"momentum=2\): expected a number from 0 to 1"),
        (lambda: layers.BatchNormalization(epsilon=-1), r"epsilon=-1\): expected 0 or more"),
        (
            lambda: layers.BatchNormalization()(np.ones((2, 3)), mask=np.ones((2, 3)), training=True),
            r"a mask of 1 axes",
        ),
        (lambda: layers.GroupNormalization(0), r"GroupNormalization\(groups=0\): expected 1 or more, or -1"),
        (lambda: layers.GroupNormalization(4)(np.ones((2, 6))), r"groups=4 must divide the 6 channels"),
        (lambda: layers.GroupNormalization()(np.ones((2, 6))), r"groups=32 must divide the 6 channels"),
        (lambda: layers.Normalization(mean=1.0), r"give both mean and variance"),
        (lambda: layers.Normalization(mean=[1.0, 2.0], variance=1.0), r"of one shape"),
        (lambda: layers.Normalization(mean=1.0, variance=-1.0), r"the variance 0 or more"),
        (lambda: layers.Normalization(mean=np.nan, variance=1.0), r"expected finite numbers"),
        (lambda: layers.Normalization(mean=[1, 2], variance=[1, 2])(np.ones((2, 3))), r"mean has shape \(2,\)"),
        (lambda: layers.Normalization(mean=1.0, variance=1.0).adapt(np.ones((2, 3))), r"adapt is for layers without"),
        (lambda: layers.Normalization().adapt([]), r"adapt got no data"),
        (lambda: layers.Normalization().adapt(np.array([[1, np.nan], [2, 3]])), r"1 values that are NaN .* at \(1,\)"),
    ],
)
def test_refuses(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make()
