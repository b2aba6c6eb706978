"""Gradients layer by layer: the clipped sum is that of row by row, whatever the layers; what mixes rows is left out."""

import math

import jax
import numpy as np
import pytest

import freedive as fd
from freedive.methods.privacy import layerwise
from freedive.methods.privacy.gradient import OfRows, Terms, private_program
from freedive.models.training import first_state, make_ready, objective_for, program_for

L = fd.layers
RNG = np.random.default_rng(0)
PICTURES = RNG.normal(size=(20, 9, 9, 2)).astype("float32")
LINES = RNG.normal(size=(20, 12, 3)).astype("float32")
IDS = RNG.integers(0, 6, (20, 8)).astype("int32")
Y = np.arange(20) % 3

CASES = {
    "pictures": (PICTURES, lambda: [
        L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(2), L.Conv2D(6, 2, strides=2, padding="same", use_bias=False),
        L.Flatten(), L.Dense(5, "tanh"), L.Dense(3, "softmax")]),
    "many places": (PICTURES, lambda: [
        L.Conv2D(3, (2, 3), strides=(1, 2), padding="same"), L.Conv2D(4, 2, use_bias=False, dilation_rate=2),
        L.Flatten(), L.Dense(3, "softmax")]),
    "lines": (LINES, lambda: [L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu"), L.Dense(4, "relu"),
        L.Conv1D(40, 3), L.GlobalAveragePooling1D(), L.Dense(3, "softmax")]),
    "texts": (IDS, lambda: [L.Embedding(6, 5), L.Dense(30, "relu"), L.Flatten(), L.Dense(3, "softmax")]),
    "a frozen layer": (LINES, lambda: [L.Dense(4, "relu", trainable=False), L.Flatten(), L.Dense(3, "softmax")]),
}  # fmt: skip


def model_of(layers, shape):
    fd.set_seed(1)
    model = fd.Sequential([fd.Input(shape), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    make_ready(model, np.zeros((1, *shape), "float32"))
    return model


def gradient(model, x, together, clip, weights=None):
    training, objective = model._training, OfRows(objective_for(model, x, Y))
    terms = Terms(0.0, clip, len(x), len(x), 8)  # groups of 8: the last one is masked
    given = (objective,) if together else ()
    program = private_program(program_for(model, objective), model, training.frozen, terms, *given)
    ts = first_state(model, program, jax.random.key(0))
    grads, _, sums = jax.jit(program.gradient)(ts, (x, Y, weights))
    return {(p, n): np.asarray(g) for p, names in grads.items() for n, g in names.items()}, program.results(sums)


@pytest.mark.parametrize("clip", [0.1, math.inf])
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_gradient_row_by_row(case, clip):
    x, layers = CASES[case]
    model = model_of(layers(), x.shape[1:])
    assert layerwise.suits(model, jax.ShapeDtypeStruct(x.shape, x.dtype), model._training.frozen) is not None
    weights = RNG.random(20).astype("float32") if clip == 0.1 else None
    (alone, one), (together, other) = (gradient(model, x, way, clip, weights) for way in (False, True))
    assert alone.keys() == together.keys()
    for name, want in alone.items():
        np.testing.assert_allclose(together[name], want, atol=1e-6, err_msg=str(name))
    for name, value in one.items():
        assert other[name] == pytest.approx(value, rel=1e-5)


def test_a_row_that_is_not_finite_counts_nothing():
    x, layers = CASES["pictures"]
    broken = x.copy()
    broken[3] = np.nan
    model = model_of(layers(), x.shape[1:])
    (alone, _), (together, _) = (gradient(model, broken, way, 0.1) for way in (False, True))
    for name, want in alone.items():
        assert np.isfinite(want).all()
        np.testing.assert_allclose(together[name], want, atol=1e-6)


@pytest.mark.parametrize(
    "layers",
    [
        [L.Flatten(), L.Dense(4, activity_regularizer="l2"), L.Dense(3)],
        [L.Conv1D(6, 3, groups=3), L.Flatten(), L.Dense(3)],
        [L.Lambda(lambda x: x - x.mean(0)), L.Flatten(), L.Dense(3)],
        [L.LSTM(4), L.Dense(3)],
        [L.LayerNormalization(), L.Flatten(), L.Dense(3)],
    ],
)
def test_layers_without_a_rule_go_row_by_row(layers):
    model = model_of(layers, (12, 3))
    assert layerwise.suits(model, jax.ShapeDtypeStruct((4, 12, 3), "float32"), frozenset()) is None


def test_a_layer_that_is_called_twice_goes_row_by_row():
    inputs, shared = fd.Input((4,)), L.Dense(4)
    model = fd.Model(inputs, shared(shared(inputs)))
    model.compile("sgd", "mse")
    make_ready(model, np.zeros((1, 4), "float32"))
    assert layerwise.suits(model, jax.ShapeDtypeStruct((2, 4), "float32"), frozenset()) is None
