"""PNG files made here are what pillow reads."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from freedive import report
from freedive.report.pictures import is_picture, picture_bytes

SHAPES = [((28, 28), "L"), ((5, 9, 1), "L"), ((8, 3, 3), "RGB"), ((4, 4, 4), "RGBA"), ((1, 1), "L")]


@pytest.mark.parametrize(("shape", "mode"), SHAPES)
def test_pillow_reads_the_same_pixels(shape, mode):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    image = Image.open(io.BytesIO(report.png(pixels)))
    assert image.mode == mode
    np.testing.assert_array_equal(np.asarray(image), pixels[..., 0] if shape[2:] == (1,) else pixels)
    address = report.data_uri(pixels)
    assert base64.b64decode(address.removeprefix("data:image/png;base64,")) == report.png(pixels)


def test_fractions_are_parts_of_white_and_more_is_cut():
    assert picture_bytes(np.array([[0.0, 0.5], [1.0, 0.25]])).ravel().tolist() == [0, 128, 255, 64]
    assert picture_bytes(np.array([[-5, 300]])).ravel().tolist() == [0, 255]


@pytest.mark.parametrize("shape", [(3,), (4, 4, 2), (2, 4, 4, 3)])
def test_other_arrays_are_no_pictures(shape):
    assert not is_picture(np.zeros(shape))
    with pytest.raises(ValueError, match="expected a picture"):
        report.png(np.zeros(shape))
