"""Rescaling, resizing and cropping: the peer's results, layouts and types; what is no picture is told apart."""

import keras
import numpy as np
import pytest
from harness import compare, round_trip, same

import freedive as fd
from freedive import layers

RNG = np.random.default_rng(0)

CASES = [
    *(
        ("Rescaling", arguments, (2, 5, 4, 3))
        for arguments in (
            {"scale": 1 / 255},
            {"scale": 1 / 127.5, "offset": -1},
            {"scale": 0, "offset": 2.0},
            {"scale": [1.0, 2.0, 3.0]},
            {"scale": 2.0, "offset": (1.0, 2.0, 3.0)},
        )
    ),
    *(
        ("Resizing", {"height": height, "width": width, "interpolation": method}, (2, 6, 8, 3))
        for height, width in ((3, 4), (12, 5))
        for method in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
    ),
    ("Resizing", {"height": 3, "width": 3, "antialias": True}, (2, 9, 9, 1)),
    ("Resizing", {"height": 4, "width": 4, "crop_to_aspect_ratio": True}, (2, 7, 10, 1)),
    ("Resizing", {"height": 4, "width": 7, "crop_to_aspect_ratio": True}, (2, 9, 9, 1)),
    ("Resizing", {"height": 4, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 0.5}, (2, 7, 10, 1)),
    ("Resizing", {"height": 4, "width": 7, "pad_to_aspect_ratio": True}, (2, 9, 9, 2)),
    ("Resizing", {"height": 3, "width": 4, "data_format": "channels_first"}, (2, 3, 6, 8)),
    ("Resizing", {"height": 3, "width": 4}, (6, 8, 1)),
    ("CenterCrop", {"height": 4, "width": 4}, (2, 6, 8, 3)),
    ("CenterCrop", {"height": 5, "width": 3}, (2, 6, 8, 3)),
    ("CenterCrop", {"height": 6, "width": 8}, (2, 6, 8, 3)),
    ("CenterCrop", {"height": 9, "width": 4}, (2, 6, 8, 1)),  # too small: a window of that aspect ratio, resized
    ("CenterCrop", {"height": 10, "width": 10}, (2, 6, 8, 1)),
    ("CenterCrop", {"height": 4, "width": 4, "data_format": "channels_first"}, (2, 3, 6, 8)),
    ("CenterCrop", {"height": 4, "width": 4}, (6, 8, 1)),
]


def drawn(shape):
    return RNG.normal(size=shape).astype("float32")


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES, ids=str)
def test_outputs_and_gradients_are_the_peers(name, arguments, shape):
    compare(getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments), drawn(shape))


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES, ids=str)
def test_round_trip_and_training_changes_nothing(name, arguments, shape):
    layer, x = getattr(layers, name)(**arguments), drawn(shape)
    same(round_trip(layer)(x, training=True), layer(x))


def test_whole_numbers():
    x = RNG.integers(0, 256, (2, 6, 8, 3)).astype("uint8")
    for method in ("bilinear", "bicubic", "nearest"):
        mine = layers.Resizing(9, 9, method)(x)
        assert mine.dtype == "uint8"
        np.testing.assert_array_equal(mine, keras.layers.Resizing(9, 9, method)(x))
    assert layers.Rescaling(1 / 255)(x).dtype == layers.CenterCrop(2, 2)(x).dtype == "float32"
    same(layers.Rescaling(1 / 255)(x), x / 255)


def test_rescaling_hands_masks_on():
    x, mask = drawn((2, 5, 4)), RNG.random((2, 5)) > 0.5
    compare(layers.Rescaling(2.0), keras.layers.Rescaling(2.0), x, mask=mask)


def test_symbols():
    x = fd.Input((28, 28, 1))
    assert layers.Resizing(14, 7)(x).shape == (None, 14, 7, 1)
    assert layers.CenterCrop(20, 20)(layers.Rescaling(1 / 255)(x)).shape == (None, 20, 20, 1)
    assert layers.Resizing(14, 7)(fd.Input((None, None, 3))).shape == (None, 14, 7, 3)


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (lambda: layers.Rescaling("half"), TypeError, "scale='half'.*expected a number"),
        (lambda: layers.Rescaling(), TypeError, "scale"),
        (lambda: layers.Resizing(0, 4), ValueError, "height=0"),
        (lambda: layers.Resizing(4, 4.5), TypeError, r"width=4\.5"),
        (lambda: layers.Resizing(4, 4, "area"), ValueError, "interpolation='area'.*'bilinear'"),
        (lambda: layers.Resizing(4, 4, fill_mode="reflect"), ValueError, "fill_mode='reflect'"),
        (lambda: layers.Resizing(4, 4, "bilinear", True, True), ValueError, "choose one of crop_to"),
        (lambda: layers.CenterCrop(4, 4, data_format="first"), ValueError, "data_format='first'"),
        (lambda: layers.CenterCrop(4, 4)(np.ones((2, 3))), ValueError, r"expected pictures.*\(2, 3\)"),
        (lambda: layers.Resizing(4, 4)(fd.Input((28, 28))), ValueError, r"\(None, 28, 28\).*x\[\.\.\., None\]"),
        (
            lambda: fd.Sequential([layers.Flatten(), layers.Resizing(4, 4, name="small")])(np.ones((2, 3, 4))),
            ValueError,
            r"small \(Resizing\): expected pictures",
        ),
    ],
)
def test_messages(made, error, message):
    with pytest.raises(error, match=message):
        made()
