"""Targets that cannot be right are refused before anything is compiled, with the place and the way out."""

import re

import numpy as np
import pytest

from freedive import losses

SPARSE, ROWS, BINARY, MSE = (
    losses.SparseCategoricalCrossentropy(),
    losses.CategoricalCrossentropy(),
    losses.BinaryCrossentropy(),
    losses.MeanSquaredError(),
)
CLASSES, ONE, STEPS = (None, 3), (None, 1), (None, 5, 3)
EYE = np.eye(3)[[0, 1, 2, 0]]

WRONG = [
    # numbers of classes
    (SPARSE, [3, 0, 1], CLASSES, "label 3 at index 0 is outside 0..2 (the model's output has 3 classes)"),
    (SPARSE, [0, 1, 1_000_000], CLASSES, "label 1000000 at index 2 is outside 0..2 (the model's output has 3 classes)"),
    (SPARSE, [0, -1, 2], CLASSES, "label -1 at index 1 is outside 0..2"),
    (SPARSE, [1, 2, 3], CLASSES, "Labels start at 0 here: give y - 1"),
    (SPARSE, [0, 0.5, 1], CLASSES, "label 0.5 at index 1 is no whole number"),
    (SPARSE, [0, np.nan, 1], CLASSES, "label nan at index 1 is no whole number"),
    (SPARSE, [[0], [4]], CLASSES, "label 4 at index 1 is outside 0..2"),
    (SPARSE, np.full((2, 5), 3), STEPS, "label 3 at index (0, 0) is outside 0..2"),
    (SPARSE, EYE, CLASSES, "Use loss='categorical_crossentropy' for one-hot rows, or give y.argmax(1)"),
    (SPARSE, np.zeros((4, 2)), CLASSES, "shape (4, 2) does not fit the model's output of shape (None, 3)"),
    (SPARSE, np.zeros(4), STEPS, "expects one whole number for each row of 3 numbers, shape (None, 5)"),
    (SPARSE, [0, 1], ONE, "a softmax of one unit is always 1. For two classes use Dense(1, activation='sigmoid')"),
    (SPARSE, ["cat", "dog"], CLASSES, "expected numbers. Received: <U3 such as 'cat'"),
    (SPARSE, np.array([None, 1]), CLASSES, "expected numbers. Received: object such as None"),
    (losses.SparseCategoricalCrossentropy(ignore_class=-1), [-1, -2], CLASSES, "label -2 at index 1 is outside 0..2"),
    (losses.CategoricalGeneralizedCrossEntropy(), [0, 3], CLASSES, "label 3 at index 1 is outside 0..2"),
    # rows
    (ROWS, [0, 1, 2], CLASSES, "Use loss='sparse_categorical_crossentropy' for numbers of classes, or give to_categor"),
    (ROWS, [[0], [1]], CLASSES, "one number a sample (shape (2, 1)) was given"),
    (ROWS, np.zeros((4, 5)), STEPS, "one number a sample (shape (4, 5)) was given"),
    (ROWS, [[1, 1, 1], [0, 1, 0]], CLASSES, "the row at index 0 sums to 3, and CategoricalCrossentropy expects rows"),
    (ROWS, [[0, 1, 0], [0, 0, 0]], CLASSES, "the row at index 1 sums to 0"),
    (ROWS, [[2, -1, 0]], CLASSES, "value 2 at index (0, 0) is outside 0..1"),
    (ROWS, np.zeros((4, 4)), CLASSES, "or a last layer with 4 units"),
    (ROWS, [[1], [1]], ONE, "needs one unit a class, and the model's output has shape (None, 1)"),
    (ROWS, ["cat"], CLASSES, "expected numbers"),
    (losses.CategoricalFocalCrossentropy(), [[1, 1, 0]], CLASSES, "the row at index 0 sums to 2"),
    (losses.CategoricalHinge(), [0, 1], CLASSES, "CategoricalHinge expects rows of 3 numbers"),
    (losses.KLDivergence(), [[1.5, 0, 0]], CLASSES, "value 1.5 at index (0, 0) is outside 0..1"),
    # yes or no
    (
        BINARY,
        [-1, 1],
        ONE,
        "value -1 at index 0 is outside 0..1. For labels -1 and 1 use loss='hinge', or give (y + 1) / 2",
    ),
    (BINARY, [0, 1, 2], ONE, "value 2 at index 2 is outside 0..1. For more than two classes use one unit a class"),
    (BINARY, [0, -7], ONE, "value -7 at index 1 is outside 0..1. Binary cross-entropy expects labels from 0 to 1"),
    (BINARY, np.eye(2), ONE, "or a last layer with 2 units"),
    (BINARY, [0, 1], CLASSES, "for labels that are numbers of classes use loss='sparse_categorical_crossentropy'"),
    (losses.BinaryFocalCrossentropy(), [[0], [3]], ONE, "value 3 at index 1 is outside 0..1"),
    (losses.Hinge(), [0, -1, 1], ONE, "labels are -1, 0 and 1, and Hinge expects two sides"),
    (losses.SquaredHinge(), [0, 2], ONE, "label 2 at index 1 is unknown to SquaredHinge"),
    # numbers
    (MSE, np.zeros((12, 3)), ONE, "shape (12, 3) does not fit the model's output of shape (None, 1)"),
    (MSE, np.zeros((12, 1)), CLASSES, "or a last layer with 1 unit"),
    (MSE, np.zeros(12), CLASSES, "Expected shape (12, 3)"),
    (MSE, np.zeros((12, 4)), STEPS, "MeanSquaredError compares number with number"),
    (MSE, 1.0, CLASSES, "shape () does not fit"),
    (losses.MeanSquaredLogarithmicError(), [[0.5], [-0.5]], ONE, "value -0.5 at index 1 is below 0. Logarithms need"),
    (losses.Poisson(), [[-2.0]], ONE, "value -2 at index 0 is below 0. Poisson expects counts"),
    (losses.Dice(), np.full((2, 4, 4, 1), 255), (None, 4, 4, 1), "value 255 at index (0, 0, 0, 0) is outside 0..1"),
    (losses.Circle(), [[0, 1]], (None, 8), "Circle expects one whole number a sample"),
    (losses.Circle(), [0.5], (None, 8), "label 0.5 at index 0 is no whole number"),
]
RIGHT = [
    (SPARSE, [0, 1, 2], CLASSES),
    (SPARSE, [[0], [2]], CLASSES),
    (SPARSE, np.array([0.0, 2.0]), (7, 3)),
    (SPARSE, [True, False], (None, 2)),
    (SPARSE, np.zeros((2, 5)), STEPS),
    (SPARSE, np.zeros((2, 5, 1), "uint8"), STEPS),
    (SPARSE, np.zeros((2, 9)), (None, None, 3)),
    (SPARSE, np.zeros(0, int), CLASSES),
    (losses.SparseCategoricalCrossentropy(ignore_class=255), [0, 255], CLASSES),
    (losses.SparseCategoricalCrossentropy(axis=1), np.zeros((2, 5)), (None, 3, 5)),
    (ROWS, EYE, CLASSES),
    (ROWS, np.full((2, 3), 1 / 3, "float32"), CLASSES),
    (ROWS, np.eye(3)[np.zeros((2, 5), int)], STEPS),
    (BINARY, [0, 1, 0.3], ONE),
    (BINARY, np.array([True, False]), ONE),
    (BINARY, [[0, 1, 1]], CLASSES),
    (MSE, np.zeros(4), ONE),
    (MSE, np.zeros((4, 1)), (None,)),
    (MSE, np.zeros((4, 7, 3)), (None, None, 3)),
    (losses.Hinge(), [0, 1], ONE),
    (losses.Hinge(), [-1, 1], ONE),
    (losses.Circle(), [[0], [5]], (None, 8)),
    (losses.KLDivergence(), EYE, CLASSES),
    (losses.CosineSimilarity(), -EYE, CLASSES),
    (losses.get(lambda t, p: p), np.zeros((3, 9)), ONE),
]


@pytest.mark.parametrize(("loss", "y", "shape", "text"), WRONG, ids=str)
def test_wrong_targets_are_refused(loss, y, shape, text):
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        loss.check(y, shape)
    assert str(caught.value).startswith("fit(y=...): ")
    with pytest.raises(ValueError, match=r"^evaluate\(y=\.\.\.\): "):
        loss.check(y, shape, "evaluate(y=...)")


@pytest.mark.parametrize(("loss", "y", "shape"), RIGHT, ids=str)
def test_right_targets_pass_unchanged(loss, y, shape):
    y = np.asarray(y)
    before = y.copy()
    assert loss.check(y, shape) is None
    np.testing.assert_array_equal(y, before)


def test_the_whole_message():
    with pytest.raises(ValueError) as caught:
        SPARSE.check(np.array([3, 0]), CLASSES)
    assert str(caught.value) == ("fit(y=...): label 3 at index 0 is outside 0..2 (the model's output has 3 classes)")
