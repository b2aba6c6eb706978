"""Rows of classes: softmax, cross-entropy and the place of the largest, by the native loops and as array code."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from freedive import activations, losses
from freedive.ops import classes, native
from freedive.ops.classes import argmax

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    "x",
    [
        RNG.normal(size=(4, 7, 1446)).astype("float32"),
        RNG.integers(0, 3, (50, 9)).astype("float32"),  # ties: the first counts
        RNG.normal(size=(5,)).astype("float32"),
        np.array([[np.nan, 1.0], [1.0, np.nan], [-np.inf, -np.inf], [np.inf, np.nan]], "float32"),
        RNG.integers(-5, 5, (6, 4)),
        np.zeros((3, 1), "bool"),
        jnp.asarray(RNG.normal(size=(8, 33)), jnp.bfloat16),
    ],
    ids=["wide", "ties", "vector", "odd numbers", "whole", "one", "bfloat16"],
)
def test_argmax_is_jax_argmax(x):
    for found in (argmax(x), jax.jit(argmax)(x), jax.vmap(argmax)(x[None])[0]):
        np.testing.assert_array_equal(found, jnp.argmax(x, axis=-1))


# the native loops ---------------------------------------------------------------------------------------------------
@pytest.fixture
def few(monkeypatch):
    """Rows of any size are worth a call."""
    if not native.available():
        pytest.skip("the native loops are not built here")
    monkeypatch.setattr(classes, "LEAST", 1)
    monkeypatch.setattr(classes, "NARROW", 1)


SHAPES = [(5, 1), (3, 16), (7, 33), (2, 3, 100), (33, 1446)]


def close(mine, expected, tolerance=2e-6):
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1.0, float(np.nanmax(np.abs(b), initial=0))))


def entropy(softmax, x, labels, weights):
    """A weighted cross-entropy of a softmax, and a number of all its outputs."""
    p = softmax(x)
    loss = losses.SparseCategoricalCrossentropy(reduction=None)(labels, p)
    return jnp.sum(loss * weights) + jnp.sum(jnp.sin(3 * p))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_softmax_and_entropy(few, shape, monkeypatch):
    x, labels = jnp.asarray(RNG.normal(size=shape) * 4, "float32"), RNG.integers(0, shape[-1], shape[:-1])
    given = x, labels, jnp.asarray(RNG.normal(size=shape[:-1]), "float32")
    changes = jax.value_and_grad, hessian_product
    found = [jax.jit(change(lambda *a: entropy(classes.softmax, *a)))(*given) for change in changes]
    many = jax.vmap(jax.grad(lambda x: entropy(classes.softmax, x, *given[1:])))(jnp.stack([x, -x]))
    places = argmax(x)
    monkeypatch.setattr(native, "available", lambda: False)
    expected = [jax.jit(change(lambda *a: entropy(activations.softmax, *a)))(*given) for change in changes]
    close(found, expected, 1e-5)
    close(many, jax.vmap(jax.grad(lambda x: entropy(activations.softmax, x, *given[1:])))(jnp.stack([x, -x])), 1e-5)
    np.testing.assert_array_equal(places, jnp.argmax(x, -1))


def hessian_product(f):
    return lambda x, *others: jax.jvp(jax.grad(lambda x: f(x, *others)), (x,), (jnp.cos(x),))[1]


def test_odd_rows(few):
    rows = np.full((6, 40), -np.inf, "float32")
    rows[1, 3], rows[2], rows[3], rows[4, 39], rows[5, 9] = 1, np.nan, 7, np.inf, 1e4
    x = jnp.asarray(rows)
    np.testing.assert_allclose(classes.softmax(x), activations.softmax(x), atol=1e-7)
    np.testing.assert_array_equal(argmax(x), jnp.argmax(x, -1))
    slope = jax.grad(lambda x: jnp.sum(classes.softmax(x)[:2] ** 2))(x)
    assert not slope[0].any() and np.isfinite(slope[1]).all()


def test_labels_that_no_class_has_give_nan(few):
    p = activations.softmax(jnp.asarray(RNG.normal(size=(4, 20)), "float32"))
    loss = losses.SparseCategoricalCrossentropy(reduction=None, ignore_class=-1)
    assert np.isnan(loss([0, 20, -2, -1], p)).tolist() == [False, True, True, False]


@pytest.mark.parametrize(("dtype", "axis"), [("bfloat16", -1), ("float32", 1)])
def test_others_are_array_code(few, dtype, axis):
    x = jnp.asarray(RNG.normal(size=(3, 40, 4)), dtype)
    assert not classes.suits(x, axis)
    labels = RNG.integers(0, x.shape[axis], np.delete(x.shape, axis))
    loss = losses.SparseCategoricalCrossentropy(reduction=None, axis=axis)
    p = activations.softmax(x, axis)
    expected = -jnp.log(jnp.take_along_axis(p, jnp.expand_dims(labels, axis), axis).squeeze(axis))
    np.testing.assert_allclose(loss(labels, p), expected, rtol=0.02 if dtype == "bfloat16" else 1e-5)
