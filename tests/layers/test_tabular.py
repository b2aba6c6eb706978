"""CategoryEmbedding and FeatureTokenizer: what they compute, and ids that there are not."""

import numpy as np
import pytest
from harness import round_trip

from freedive import layers

X = np.array([[0.5, -1.0, 2, 0], [1.5, 2.0, 0, 3]], "float32")


def test_categories_become_vectors_beside_the_numbers():
    layer = layers.CategoryEmbedding([3, 4], most=2)
    y = layer(X)
    first, second = np.asarray(layer.embeddings_0), np.asarray(layer.embeddings_1)
    np.testing.assert_array_equal(y, np.concatenate([X[:, :2], first[[2, 0]], second[[0, 3]]], axis=1))


def test_features_become_tokens():
    layer = layers.FeatureTokenizer([3, 4], units=8)
    y = np.asarray(layer(X))
    weight, bias, table = (np.asarray(w) for w in (layer.weight, layer.bias, layer.embeddings))
    assert y.shape == (2, 5, 8)
    np.testing.assert_array_equal(y[0, 0], np.asarray(layer.summary)[0])
    np.testing.assert_allclose(y[:, 1:3], X[:, :2, None] * weight + bias[:2], atol=1e-6)
    np.testing.assert_allclose(y[1, 3:], table[[0, 6]] + bias[2:], atol=1e-6)
    assert np.abs(weight).max() <= 1 / np.sqrt(8)


def test_numbers_alone():
    assert layers.FeatureTokenizer([], units=4)(X).shape == (2, 5, 4)
    np.testing.assert_array_equal(layers.CategoryEmbedding([])(X), X)


@pytest.mark.parametrize("layer", [layers.CategoryEmbedding([3, 4]), layers.FeatureTokenizer([3, 4])])
def test_unknown_ids_are_an_error(layer):
    for wrong in (-1, 4, 0.5):
        with pytest.raises(ValueError, match=r"1 ids that their category does not have \(sizes=\(3, 4\)\)"):
            layer(np.array([[0.5, 0, 2, wrong]], "float32"))
    with pytest.raises(ValueError, match="expected rows"):
        layer(np.zeros((2, 1), "float32"))


@pytest.mark.parametrize("layer", [layers.CategoryEmbedding([3, 4], most=7), layers.FeatureTokenizer((3,), units=4)])
def test_round_trip(layer):
    round_trip(layer)
