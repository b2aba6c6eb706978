"""Layers that move values about, against the peer's."""

import keras
import numpy as np
import pytest
from harness import compare, round_trip

from freedive import layers

RNG = np.random.default_rng(0)
SEQUENCE, IMAGE, VOLUME = (2, 7, 3), (2, 5, 6, 3), (1, 4, 5, 4, 2)
FIRST = {"data_format": "channels_first"}
CASES = {  # class: (input shape, argument sets)
    "Permute": (IMAGE, [{"dims": (3, 1, 2)}, {"dims": (1, 2, 3)}, {"dims": (2, 1, 3)}, {"dims": [3, 2, 1]}]),
    "RepeatVector": ((2, 3), [{"n": 1}, {"n": 2}, {"n": 5}]),
    "Cropping1D": (SEQUENCE, [{}, {"cropping": 2}, {"cropping": (1, 2)}, {"cropping": (0, 3)}, {"cropping": 0}]),
    "Cropping2D": (
        IMAGE,
        [{}, {"cropping": 1}, {"cropping": (1, 2)}, {"cropping": ((0, 1), (2, 1))}, {"cropping": (1, 0), **FIRST}],
    ),
    "Cropping3D": (
        VOLUME,
        [
            {},
            {"cropping": 1},
            {"cropping": (1, 2, 1)},
            {"cropping": ((0, 1), (2, 1), (1, 0))},
            {"cropping": 0, **FIRST},
        ],
    ),
    "ZeroPadding1D": (
        SEQUENCE,
        [{}, {"padding": 2}, {"padding": (1, 2)}, {"padding": (0, 3)}, {"padding": 1, **FIRST}],
    ),
    "ZeroPadding2D": (
        IMAGE,
        [{}, {"padding": 2}, {"padding": (1, 2)}, {"padding": ((0, 1), (2, 1))}, {"padding": (1, 0), **FIRST}],
    ),
    "ZeroPadding3D": (
        VOLUME,
        [{}, {"padding": 2}, {"padding": (1, 2, 0)}, {"padding": ((0, 1), (2, 1), (0, 0))}, {"padding": 1, **FIRST}],
    ),
    "UpSampling1D": (SEQUENCE, [{}, {"size": 1}, {"size": 3}]),
    "UpSampling2D": (
        IMAGE,
        [
            {},
            {"size": (3, 1)},
            {"size": 2, "interpolation": "bilinear"},
            {"size": (2, 3), "interpolation": "bicubic"},
            {"size": 2, "interpolation": "lanczos3", **FIRST},
            {"size": (2, 1), **FIRST},
        ],
    ),
    "UpSampling3D": (VOLUME, [{}, {"size": (1, 2, 3)}, {"size": 2, **FIRST}]),
}
TABLE = [
    *((name, arguments, shape) for name, (shape, sets) in CASES.items() for arguments in sets),
    *(("Flatten", {}, shape) for shape in ((4,), (2, 3), SEQUENCE, IMAGE, VOLUME)),
    *(("Flatten", FIRST, shape) for shape in (SEQUENCE, IMAGE)),
    ("Reshape", {"target_shape": (21,)}, SEQUENCE),
    ("Reshape", {"target_shape": (-1, 9)}, IMAGE),
    ("Reshape", {"target_shape": [3, 7]}, SEQUENCE),
    ("Reshape", {"target_shape": (-1,)}, VOLUME),
    ("Reshape", {"target_shape": (2, 1, -1, 3)}, IMAGE),
]


@pytest.mark.parametrize(
    ("name", "arguments", "shape"), TABLE, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(TABLE)]
)
def test_values_and_gradients_are_the_peers(name, arguments, shape):
    ours, theirs = getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)
    compare(round_trip(ours), theirs, RNG.normal(size=shape).astype("float32"))


def test_whole_numbers_stay_whole():
    x = np.arange(12).reshape(1, 3, 4)
    assert layers.Reshape((12,))(x).dtype.kind == "i"
    assert layers.UpSampling1D(2)(x).dtype.kind == "i"


def test_long_sequences_go_smoothly_too():
    y = np.asarray(layers.UpSampling1D(4, interpolation="bilinear")(np.array([[[0.0], [4.0]]])))
    assert (np.diff(y[0, :, 0]) >= 0).all() and y[0, 0, 0] == 0 and y[0, -1, 0] == 4


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.Reshape((3, -1, -1)), r"of which one may be -1"),
        (lambda: layers.Reshape((3, -2)), r"expected sizes of 0 or more"),
        (lambda: layers.Reshape((2.5,)), r"expected a whole number"),
        (
            lambda: layers.Reshape((5, 5))(np.ones((2, 24))),
            r"holds 25 values.* Received shape \(2, 24\), which holds 24",
        ),
        (lambda: layers.Reshape((5, -1))(np.ones((2, 24))), r"or a multiple where it has a -1"),
        (lambda: layers.Permute((0, 1)), r"Permute\(dims=\(0, 1\)\): expected 1 to 2"),
        (lambda: layers.Permute((2, 1))(np.ones((2, 3, 4, 5))), r"dims=\(2, 1\) is for 3 axes"),
        (lambda: layers.RepeatVector(0), r"RepeatVector\(n=0\): expected more than 0"),
        (lambda: layers.RepeatVector(2)(np.ones((2, 3, 4))), r"expected 2 axes, \(batch, features\)"),
        (lambda: layers.Cropping1D(-1), r"Cropping1D\(cropping=-1\): expected 0 or more"),
        (lambda: layers.Cropping2D((1, 2, 3)), r"one for each of 2 axes"),
        (lambda: layers.Cropping2D(3)(np.ones((1, 5, 9, 1))), r"cropping 3 \+ 3 leaves nothing of a height of 5"),
        (lambda: layers.ZeroPadding2D()(np.ones((3, 5, 5))), r"Add the channel axis"),
        (lambda: layers.UpSampling2D(0), r"UpSampling2D\(size=0\): expected more than 0"),
        (lambda: layers.UpSampling2D(2, interpolation="linear"), r"expected one of 'nearest', 'bilinear'"),
    ],
)
def test_refuses(make, text):
    with pytest.raises((ValueError, TypeError), match=text):
        make()
