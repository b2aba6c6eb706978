"""Smoothed labels as numbers of classes are smoothed one-hot rows."""

import keras
import numpy as np
import pytest

from freedive.losses import CategoricalCrossentropy, SparseCategoricalCrossentropy


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_numbers_of_classes_are_one_hot_rows(smoothing, from_logits):
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 5, (3, 4)), rng.normal(size=(3, 4, 5)).astype("float32")
    scores = scores if from_logits else np.asarray(keras.ops.softmax(scores))
    options = {"from_logits": from_logits, "label_smoothing": smoothing}
    mine, rows = SparseCategoricalCrossentropy(**options), CategoricalCrossentropy(**options)
    np.testing.assert_allclose(mine(labels, scores), rows(np.eye(5)[labels], scores), rtol=1e-5)
    theirs = keras.losses.CategoricalCrossentropy(**options)
    np.testing.assert_allclose(mine(labels, scores), theirs(np.eye(5, dtype="float32")[labels], scores), rtol=1e-5)
