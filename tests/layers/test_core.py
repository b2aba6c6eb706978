"""Dense and the shapes of its inputs."""

import keras
import numpy as np
import pytest
from harness import compare, round_trip

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


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"equation": "ab,bc->ac", "output_shape": 5}, (2, 4)),
        ({"equation": "abc,cd->abd", "output_shape": (None, 5), "bias_axes": "d", "activation": "relu"}, (2, 3, 4)),
        ({"equation": "...x,xy->...y", "output_shape": 5, "bias_axes": "y"}, (2, 3, 4)),
        ({"equation": "ab...,bc->ac...", "output_shape": 5, "bias_axes": "c"}, (2, 3, 4)),
        ({"equation": "abc,cde->abde", "output_shape": (3, 2, 6), "bias_axes": "be"}, (2, 3, 4)),
        ({"equation": "abcd,bce->abde", "output_shape": (3, 5, 3), "bias_axes": "de"}, (2, 3, 4, 5)),
        ({"equation": "...xy,yxz->...z", "output_shape": [3], "kernel_regularizer": "l2"}, (2, 2, 3, 4)),
    ],
)
def test_einsum_dense_is_the_peers(arguments, shape):
    x = RNG.normal(size=shape).astype("float32")
    ours = round_trip(layers.EinsumDense(**arguments))
    compare(ours, keras.layers.EinsumDense(**arguments), x)


def test_identity():
    x = RNG.normal(size=(2, 5, 4)).astype("float32")
    compare(round_trip(layers.Identity()), keras.layers.Identity(), x, mask=RNG.random((2, 5)) > 0.5)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.EinsumDense("ab->a", 3), r'expected "input,kernel->output" in letters'),
        (lambda: layers.EinsumDense("...ab,bc->ac", 3), r'with "..." in front of or behind'),
        (lambda: layers.EinsumDense("ab,bc->ac", 3)(np.ones((2, 3, 4))), r"is for 2 axes. Received shape \(2, 3, 4\)"),
        (lambda: layers.EinsumDense("abc,cd->abd", 3)(np.ones((2, 3, 4))), r"does not give a size to each"),
        (lambda: layers.EinsumDense("abc,cd->abd", (9, 3))(np.ones((2, 3, 4))), r"asks for b=9, .* has b=3"),
        (lambda: layers.EinsumDense("ab,bcd->ac", 3)(np.ones((2, 4))), r"the size of 'd' .* follows from neither"),
        (lambda: layers.Dense(0), r"Dense\(units=0\): expected more than 0"),
    ],
)
def test_refuses(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make()
