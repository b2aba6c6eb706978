"""Layers for series: what they compute, what they undo, and what they refuse."""

import jax
import numpy as np
import pytest
from harness import round_trip

from freedive import layers

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (4, 12, 3)).astype("float32")


@pytest.mark.parametrize("centre", ["mean", "last"])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_normalisation_is_undone(centre, scale, affine):
    layer = layers.ReversibleNormalization(layers.Identity(), centre, scale, affine)
    layer(X)
    if affine:
        layer.set_weights([np.array([0.5, 2, -1], "float32"), np.array([1, 0, 3], "float32")])
    np.testing.assert_allclose(layer(X), X, atol=2e-5)


def test_the_layer_inside_sees_no_level_and_no_spread():
    layer = layers.ReversibleNormalization(layers.EinsumDense("btv,th->bhv", (5, 3)))
    y = np.asarray(layer(X))
    np.testing.assert_allclose(layer(100 * X - 7), 100 * y - 7, rtol=1e-3, atol=2e-2)


def test_quantiles_are_given_their_level_back():
    layer = layers.ReversibleNormalization(layers.EinsumDense("btv,thq->bhvq", (5, 3, 2), kernel_initializer="zeros"))
    np.testing.assert_allclose(layer(X), np.broadcast_to(X.mean(1)[:, None, :, None], (4, 5, 3, 2)), rtol=1e-5)


@pytest.mark.parametrize("size", [1, 4, 5, 30])
def test_moving_average(size):
    before = (size - 1) // 2
    padded = np.pad(X, [(0, 0), (before, size - 1 - before), (0, 0)], mode="edge")
    expected = np.stack([padded[:, i : i + size].mean(1) for i in range(12)], axis=1)
    np.testing.assert_allclose(layers.MovingAverage(size)(X), expected, atol=1e-5)


def test_patches_end_with_the_series():
    layer = layers.SeriesPatches(6, size=4, stride=3)
    y = np.asarray(layer(X))
    kernel, places = np.asarray(layer.kernel), np.asarray(layer.positions)
    expected = [X[:, s : s + 4].reshape(4, -1) @ kernel + places[i] for i, s in enumerate((2, 5, 8))]
    np.testing.assert_allclose(y, np.stack(expected, axis=1), atol=1e-5)
    with pytest.raises(ValueError, match="a piece has 16 steps, the series 12"):
        layers.SeriesPatches(6)(X)


def test_one_by_one():
    inner = layers.EinsumDense("btv,thq->bhvq", (5, 1, 2))
    layer = layers.OneByOne(inner)
    y = np.asarray(layer(X))
    assert y.shape == (4, 5, 3, 2)
    for v in range(3):
        np.testing.assert_allclose(y[:, :, v], np.asarray(inner(X[:, :, v : v + 1]))[:, :, 0], atol=1e-5)
    with pytest.raises(ValueError, match=r"expected the layer to give \(batch, horizon, 1, ...\)"):
        layers.OneByOne(layers.Dense(2))(X)


@pytest.mark.parametrize(
    "layer",
    [
        layers.ReversibleNormalization(layers.Dense(2), "last", affine=False),
        layers.MovingAverage(7),
        layers.SeriesPatches(4, 8, 4),
        layers.OneByOne(layers.Dense(1)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_round_trip(layer):
    round_trip(layer)


def test_gradients_are_finite_where_a_window_stands_still():
    layer = layers.ReversibleNormalization(layers.Identity())
    still = np.ones((1, 4, 2), "float32")
    layer(still)
    assert np.isfinite(jax.grad(lambda x: layer(x).sum())(still)).all()
