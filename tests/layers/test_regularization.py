"""Layers against overfitting: nothing in use, the right moments in training, bits that follow the seed."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from harness import compare, round_trip

import freedive as fd
from freedive import layers
from freedive.core.calling import run_key
from freedive.core.forward import apply
from freedive.core.variables import gather

RNG = np.random.default_rng(0)
SHAPES = {"SpatialDropout1D": (4, 5, 6), "SpatialDropout2D": (4, 3, 5, 6), "SpatialDropout3D": (4, 3, 2, 5, 6)}
CASES = [
    ("Dropout", {"rate": 0.3}),
    ("Dropout", {"rate": 0.0}),
    ("Dropout", {"rate": 0.5, "noise_shape": (None, 1, None), "seed": 3}),
    ("Dropout", {"rate": 0.9, "seed": 40}),
    ("Dropout", {"rate": 1.0}),
    *((name, {"rate": 0.4}) for name in SHAPES),
    *((name, {"rate": 0.4, "data_format": "channels_first"}) for name in SHAPES if name != "SpatialDropout1D"),
    ("AlphaDropout", {"rate": 0.2}),
    ("AlphaDropout", {"rate": 0.5, "noise_shape": [None, None, 1]}),
    ("GaussianNoise", {"stddev": 0.3}),
    ("GaussianNoise", {"stddev": 0.0}),
    ("GaussianDropout", {"rate": 0.3, "seed": 1}),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}),
    ("ActivityRegularization", {}),
]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(CASES)]


def trained(layer, x, seed=0):
    """The outputs in training with the run's key made of the seed."""
    layer.build(x.shape)
    return apply(layer, gather(layer), jnp.asarray(x), key=run_key(seed), training=True)[0]


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=IDS)
def test_in_use_they_do_nothing(name, arguments):
    x = RNG.normal(size=SHAPES.get(name, (4, 5, 6))).astype("float32")
    mask = None if len(x.shape) != 3 else RNG.random((4, 5)) > 0.5
    ours, theirs = getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)
    np.testing.assert_array_equal(compare(round_trip(ours), theirs, x, mask=mask).outputs[0], x)


@pytest.mark.parametrize(("name", "arguments"), [case for case in CASES if "Activity" not in case[0]], ids=str)
def test_whole_numbers_come_out_as_float32(name, arguments):
    """So that what is scaled or made noisy is not cut; the type is the same in use."""
    layer, x = getattr(layers, name)(**arguments), np.ones(SHAPES.get(name, (4, 5, 6)), "int32")
    in_training, in_use = trained(layer, x), layer(x)
    assert in_training.dtype == in_use.dtype == jnp.float32
    np.testing.assert_array_equal(in_use, x)
    np.testing.assert_allclose(in_training, trained(layer, x.astype("float32")), rtol=1e-6)


def test_a_seed_may_be_large():
    """Keras on JAX stops at 2^32."""
    x = np.ones((64, 64), "float32")
    y, other = (np.asarray(trained(layers.Dropout(0.5, seed=seed), x)) for seed in (2**40 + 1, 2**40 + 2))
    assert 0.4 < (y == 0).mean() < 0.6 and (y != other).any()


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=IDS)
def test_moments_in_training_are_the_peers(name, arguments):
    """Mean and variance over many draws, for inputs of mean 0 and variance 1."""
    shape = {1: (64, 16, 128), 2: (64, 4, 4, 128), 3: (64, 4, 2, 2, 128)}[int(name[-2]) if name in SHAPES else 1]
    if arguments.get("data_format"):
        shape = (shape[0], shape[-1], *shape[1:-1])
    x = RNG.normal(size=shape).astype("float32")
    y = np.asarray(trained(getattr(layers, name)(**arguments), x))
    theirs = np.asarray(getattr(keras.layers, name)(**arguments)(x, training=True))
    independent = y.size if "Spatial" not in name and not arguments.get("noise_shape") else 64 * 16
    assert abs(y.mean() - theirs.mean()) < 10 / independent**0.5
    assert abs(y.var() - theirs.var()) < 30 * max(1, theirs.var()) / independent**0.5


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_or_scales(rate):
    x = np.ones((64, 500), "float32")
    y = np.asarray(trained(layers.Dropout(rate), x))
    np.testing.assert_allclose(sorted({*y.ravel().tolist()}), [0.0, 1 / (1 - rate)], rtol=1e-6)
    assert abs((y == 0).mean() - rate) < 5 * (rate * (1 - rate) / y.size) ** 0.5


def test_gradients_go_where_values_went():
    layer, x = layers.Dropout(0.4), jnp.asarray(RNG.normal(size=(5, 40)), "float32")
    layer.build(x.shape)

    def total(x):
        y = apply(layer, gather(layer), x, key=run_key(1), training=True)[0]
        return y.sum(), y

    gradient, y = jax.grad(total, has_aux=True)(x)
    np.testing.assert_allclose(gradient, y / x, rtol=1e-6)


@pytest.mark.parametrize(("name", "arguments"), [c for c in CASES if 0 < c[1].get("rate", c[1].get("stddev", 0)) < 1])
def test_draws_follow_the_seed(name, arguments):
    x = np.ones(SHAPES.get(name, (4, 5, 6)), "float32")
    layer = getattr(layers, name)(**arguments)
    same, again, other = trained(layer, x, 1), trained(layer, x, 1), trained(layer, x, 2)
    np.testing.assert_array_equal(same, again)
    assert (np.asarray(same) != np.asarray(other)).any()
    moved = getattr(layers, name)(**arguments | {"seed": 17})
    assert (np.asarray(trained(moved, x, 1)) != np.asarray(same)).any()


def test_noise_shape_shares_a_draw():
    y = np.asarray(trained(layers.Dropout(0.5, noise_shape=(None, 1, None)), np.ones((8, 7, 9), "float32")))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert 0 < (y == 0).mean() < 1


def test_masks_in_half_precision_keep_the_mean():
    x = jnp.ones((64, 1000), "bfloat16")
    y = trained(layers.Dropout(0.3), x)
    assert y.dtype == jnp.bfloat16
    assert abs(float(y.astype("float32").mean()) - 1) < 0.02


def test_the_penalty_is_the_peers():
    x = RNG.normal(size=(4, 6)).astype("float32")
    arguments = {"l1": 0.1, "l2": 0.2}
    ours = compare(layers.ActivityRegularization(**arguments), keras.layers.ActivityRegularization(**arguments), x)
    np.testing.assert_allclose(ours.loss, (0.1 * np.abs(x).sum() + 0.2 * (x**2).sum()) / 4, rtol=1e-5)


def test_strengths_are_the_fields_that_a_file_holds():
    model = fd.Sequential([fd.Input((5,)), layers.ActivityRegularization(l2=0.1), layers.Dense(1)])
    assert gather(model).hyper["activity_regularization"] == {"l1": np.float32(0), "l2": np.float32(0.1)}
    model.compile("sgd", "mse")
    x, y = RNG.normal(size=(8, 5)).astype("float32"), np.zeros(8)
    values = {"activity_regularization.l2": [0.7]}
    best = fd.tune(model, values, x, y, search="grid", epochs=1, verbose=0, validation_data=(x, y)).model
    assert best.layers[0].get_config()["l2"] == 0.7
    plain = ((best.predict(x)[:, 0]) ** 2).mean()
    np.testing.assert_allclose(best.evaluate(x, y, verbose=0), plain + 0.7 * (x**2).sum() / 8, rtol=1e-5)


def test_rates_are_numbers_of_the_run():
    model = fd.Sequential([fd.Input((5,)), layers.Dropout(0.3), layers.GaussianNoise(0.2), layers.AlphaDropout(0.1)])
    assert gather(model).hyper == {
        "dropout": {"rate": np.float32(0.3)},
        "gaussian_noise": {"stddev": np.float32(0.2)},
        "alpha_dropout": {"rate": np.float32(0.1)},
    }


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.Dropout(1.5), r"Dropout\(rate=1.5\): expected a number from 0 to 1"),
        (lambda: layers.Dropout(-0.1), r"expected a number from 0 to 1"),
        (lambda: layers.Dropout("half"), r"Dropout\(rate='half'\): expected a number"),
        (lambda: layers.Dropout(0.5, seed=-1), r"Dropout\(seed=-1\): expected 0 or more"),
        (lambda: layers.GaussianDropout(1), r"expected less than 1"),
        (lambda: layers.AlphaDropout(1.0), r"expected less than 1"),
        (lambda: layers.GaussianNoise(-1), r"GaussianNoise\(stddev=-1\): expected 0 or more"),
        (lambda: layers.Dropout(0.5, noise_shape=(None, 2))(np.ones((3, 5))), r"noise_shape=\(None, 2\) does not suit"),
        (lambda: layers.SpatialDropout2D(0.5)(np.ones((3, 5, 5))), r"Add the channel axis"),
    ],
)
def test_refuses(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make()
