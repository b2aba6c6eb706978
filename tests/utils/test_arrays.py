"""Labels and norms, with Keras as the oracle; strict where it is silent."""

import keras
import numpy as np
import pytest

from freedive.utils import normalize, to_categorical

RNG = np.random.default_rng(0)
LABELS = [
    [0, 1, 2],
    [[0], [2]],
    [[0, 1], [2, 3]],
    [[[1], [2]]],
    2,
    [1.0, 2.0],
    np.array([3, 1], np.uint8),
    [True, False],
]


@pytest.mark.parametrize("labels", LABELS, ids=str)
@pytest.mark.parametrize("classes", [None, 4, 9])
def test_to_categorical(labels, classes):
    found, expected = to_categorical(labels, classes), keras.utils.to_categorical(labels, classes)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("labels", "classes", "text"),
    [
        ([0, 3], 3, "label 3 at index 1 is no whole number from 0 to 2"),
        ([0, -1], 3, "label -1 at index 1"),
        ([-1, -2], None, "label -1 at index 0"),
        ([0.5], 3, "label 0.5 at index 0"),
        ([np.nan], 3, "label nan at index 0"),
        ([np.inf], None, "label inf at index 0"),
        ([[0, 1], [1, 7]], 3, r"label 7 at index \(1, 1\)"),
        (7, 3, r"label 7 at index \(\)"),
        ([], None, "pass num_classes="),
        (["a"], None, "expected whole numbers. Received: <U1"),
        ([0], 0, "num_classes=0"),
        ([0], 2.5, "num_classes=2.5"),
    ],
)
def test_to_categorical_is_strict(labels, classes, text):
    with pytest.raises(ValueError, match=text):
        to_categorical(labels, classes)


@pytest.mark.parametrize(("shape", "axis"), [((4, 3), -1), ((4, 3), 1), ((2, 3, 4), 1), ((2, 3, 4), 2)])
@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
def test_normalize(shape, axis, order):
    x = RNG.normal(size=shape)
    x[0] = 0
    np.testing.assert_allclose(normalize(x, axis, order), keras.utils.normalize(x, axis, order), rtol=1e-12)


def test_normalize_the_first_axis():
    x = RNG.normal(size=(4, 3))
    np.testing.assert_allclose(np.linalg.norm(normalize(x, 0), axis=0), 1)  # Keras takes axis=0 for the last one
    assert normalize(x[0]).shape == (3,)  # and gives (1, 3) for a vector
