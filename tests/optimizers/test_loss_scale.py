"""LossScaleOptimizer: Keras' scale, counter and weights, step by step; and training in float16 that needs it."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import freedive as fd
from freedive.config import from_json, to_json
from freedive.optimizers import SGD, Adam, LossScaleOptimizer

RNG = np.random.default_rng(0)
FINITE = RNG.normal(size=(12, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "name, arguments", [("SGD", {"learning_rate": 0.1, "momentum": 0.9}), ("Adam", {}), ("Adam", {"clipnorm": 0.1})]
)
@pytest.mark.parametrize("bad", [(), (0,), (2, 3), (5, 11)])
def test_follows_the_peer(name, arguments, bad):
    ours = LossScaleOptimizer(getattr(fd.optimizers, name)(**arguments), 16.0, dynamic_growth_steps=3)
    peer = keras.optimizers.LossScaleOptimizer(getattr(keras.optimizers, name)(**arguments), 16.0, 3)
    variable = keras.Variable(np.ones(3, np.float32))
    peer.build([variable])
    names = [v.name for v in peer.variables]
    theirs, weights = [v.value for v in peer.variables], [variable.value]
    params = {"dense": {"kernel": jnp.ones(3)}}
    state, update = ours.init(params), jax.jit(ours.update)
    for step, row in enumerate(FINITE):
        scale = float(ours.scale_loss(1.0, state))
        assert scale == float(theirs[names.index("dynamic_scale")])
        grads = row * scale
        grads[1] = np.inf if step in bad else grads[1]
        weights, theirs = peer.stateless_apply(theirs, [jnp.asarray(grads)], weights)
        params, state = update({"dense": {"kernel": jnp.asarray(grads)}}, state, params, ours.hyper(), step)
        np.testing.assert_allclose(params["dense"]["kernel"], weights[0], rtol=1e-6)
    own = state["loss_scale"]["optimizer"]
    assert int(own["step_counter"]) == int(theirs[names.index("step_counter")]) and int(own["iterations"]) == 12 - len(
        bad
    )


def test_its_numbers_are_those_of_the_optimizer_inside():
    inner = Adam(0.1, use_ema=True)
    outer = LossScaleOptimizer(inner)
    outer.learning_rate = 0.5
    outer.beta_1 = 0.8
    assert (inner.learning_rate, outer.learning_rate, inner.beta_1, outer.beta_1) == (0.5, 0.5, 0.8, 0.8)
    assert outer.hyper() == inner.hyper() and outer.use_ema
    again = from_json(to_json(outer))
    assert repr(again) == repr(outer) and again.get_config() == outer.get_config()


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda: LossScaleOptimizer(SGD(), clipnorm=1.0), "give it to the optimizer inside"),
        (lambda: LossScaleOptimizer(SGD(loss_scale_factor=2.0)), "loss_scale_factor of its own"),
        (lambda: LossScaleOptimizer(SGD(), initial_scale=0.0), "more than 0"),
        (lambda: LossScaleOptimizer(None), "expected one"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error):
    with pytest.raises((ValueError, TypeError), match=error):
        make()


def tiny(**options):
    """A problem whose gradients are below the smallest float16, 6e-8, but for the scale."""
    fd.set_seed(0)
    model = fd.Sequential([fd.Input((4,)), fd.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(**{"optimizer": SGD(1e7), "loss": "mse", "precision": "mixed_float16"} | options)
    x = FINITE[:, :1] * np.ones(4, np.float32)
    return model, x, 1e-8 * x[:, :1]


def test_gradients_too_small_for_float16_need_the_scale():
    moved = []
    for scales in (True, False):
        model, x, y = tiny(auto_scale_loss=scales)
        model.fit(x, y, epochs=1, verbose=0)
        moved.append(bool(np.any(model.get_weights()[0])))
        assert isinstance(model.optimizer, LossScaleOptimizer) == scales
    assert moved == [True, False]


def test_a_first_scale_that_is_too_high_comes_down_and_nothing_breaks(tmp_path):
    (x, y), _ = fd.datasets.digits.load_data()
    x, y = x[:640].reshape(640, -1) / 255, y[:640]
    fd.set_seed(0)
    model = fd.Sequential([fd.layers.Dense(32, "relu"), fd.layers.BatchNormalization(), fd.layers.Dense(10, "softmax")])
    optimizer = LossScaleOptimizer(Adam(0.01), initial_scale=2.0**30)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], precision="mixed_float16")
    history = model.fit(x, y, epochs=4, verbose=0)
    own = model._training.slots["loss_scale"]["optimizer"]
    assert 1 < float(own["dynamic_scale"]) < 2.0**30 and 60 < int(own["iterations"]) < 80
    assert history.history["accuracy"][-1] > 0.9 and history.nonfinite == []
    model.save(tmp_path / "m.safetensors")
    again = fd.models.load_model(tmp_path / "m.safetensors")
    assert isinstance(again.optimizer, LossScaleOptimizer) and again._training.dtype == "float16"
    assert float(again._training.slots["loss_scale"]["optimizer"]["dynamic_scale"]) == float(own["dynamic_scale"])
