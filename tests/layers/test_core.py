"""Dense and the shapes of its inputs."""

import keras
import numpy as np
import pytest
from harness import compare

from freedive import layers

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"units": 3}, (2, 4)),
        ({"units": 3, "activation": "relu"}, (2, 5, 4)),
        ({"units": 3, "use_bias": False}, (2, 4)),
        ({"units": 3, "activation": "softmax"}, (2, 4)),
        ({"units": 1, "kernel_regularizer": "l2", "activity_regularizer": "l1"}, (2, 3, 3, 4)),
    ],
)
def test_dense_is_the_peers(arguments, shape):
    x = RNG.normal(size=shape).astype("float32")
    compare(layers.Dense(**arguments), keras.layers.Dense(**arguments), x)


def test_dense_hands_masks_on():
    x, mask = RNG.normal(size=(2, 5, 4)).astype("float32"), RNG.random((2, 5)) > 0.5
    assert compare(layers.Dense(3), keras.layers.Dense(3), x, mask=mask).mask is not None
