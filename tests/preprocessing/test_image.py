"""Keras' picture functions, with Keras as the oracle."""

import io
import os
import pathlib

import keras
import numpy as np
import pytest
from PIL import Image

from freedive import utils
from freedive.data import DataFileError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (10, 14, 3), np.uint8)


@pytest.fixture
def path(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    return str(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["grayscale", "rgb", "rgba"])
@pytest.mark.parametrize("size", [None, (10, 14), (5, 6), (20, 9)])
@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"])
def test_load_img(path, mode, size, method):
    arguments = {"color_mode": mode, "target_size": size, "interpolation": method}
    np.testing.assert_array_equal(utils.load_img(path, **arguments), keras.utils.load_img(path, **arguments))


def test_load_img_keeping_the_aspect(path):
    found = np.asarray(utils.load_img(path, target_size=(10, 10), keep_aspect_ratio=True))
    np.testing.assert_array_equal(found, PIXELS[:, 2:12])
    np.testing.assert_array_equal(utils.load_img(io.BytesIO(pathlib.Path(path).read_bytes())), PIXELS)


@pytest.mark.parametrize("image", [PIXELS, PIXELS[..., 0]], ids=["colour", "grey"])
@pytest.mark.parametrize("form", [None, "channels_last", "channels_first"])
def test_img_to_array(image, form):
    image = Image.fromarray(image)
    found, expected = utils.img_to_array(image, form), keras.utils.img_to_array(image, form)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype == np.float32
    assert utils.img_to_array(image, dtype="uint8").dtype == np.uint8


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras' call of pillow
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-3, 7)])
def test_array_to_img(channels, low, high):
    x = RNG.uniform(low, high, (6, 5, channels))
    found, expected = (np.asarray(f(x)).astype(int) for f in (utils.array_to_img, keras.utils.array_to_img))
    assert np.abs(found - expected).max() <= 1  # we round, Keras cuts
    first = utils.array_to_img(x.transpose(2, 0, 1), "channels_first")
    np.testing.assert_array_equal(first, utils.array_to_img(x))


def test_array_to_img_unscaled_and_constant():
    np.testing.assert_array_equal(utils.array_to_img(PIXELS, scale=False), PIXELS)
    assert np.asarray(utils.array_to_img(np.full((2, 2, 1), 200))).tolist() == [[200, 200]] * 2


@pytest.mark.parametrize("ending", ["png", "bmp", "jpg", "jpeg", "gif", "webp", "tiff"])
def test_save_img_round_trip(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    utils.save_img(path, PIXELS, scale=False)
    found = utils.img_to_array(utils.load_img(path))
    assert found.shape == PIXELS.shape
    if ending in ("png", "bmp", "tiff"):
        np.testing.assert_array_equal(found, PIXELS)
    assert os.listdir(tmp_path) == [path.name]
    utils.save_img(path, np.concatenate([PIXELS, PIXELS[..., :1]], -1), scale=False)  # with alpha


def test_save_img_to_an_open_file():
    buffer = io.BytesIO()
    utils.save_img(buffer, PIXELS, file_format="png", scale=False)
    np.testing.assert_array_equal(utils.load_img(buffer), PIXELS)


def test_a_failed_save_leaves_the_former_picture(tmp_path):
    path = tmp_path / "a.png"
    utils.save_img(path, PIXELS, scale=False)
    with pytest.raises(KeyError):
        utils.save_img(path, PIXELS * 0, file_format="nonsense")
    np.testing.assert_array_equal(utils.load_img(path), PIXELS)
    assert os.listdir(tmp_path) == ["a.png"]


WRONG = [
    (lambda p: utils.load_img(p, color_mode="grey"), ValueError, "unknown color_mode 'grey'"),
    (lambda p: utils.load_img(p, target_size=(3, 3), interpolation="linear"), ValueError, "Did you mean 'bilinear'"),
    (lambda p: utils.load_img(io.BytesIO(b"x")), DataFileError, "cannot be read as a picture"),
    (lambda p: utils.img_to_array(np.zeros(3)), ValueError, r"2 or 3 axes\. Received: \(3,\)"),
    (lambda p: utils.img_to_array(PIXELS, "channel_last"), ValueError, "Did you mean 'channels_last'"),
    (lambda p: utils.array_to_img(np.zeros((3, 3))), ValueError, r"Received: \(3, 3\)"),
    (lambda p: utils.array_to_img(np.zeros((3, 3, 2))), ValueError, "1, 3 or 4 channels"),
    (lambda p: utils.array_to_img(np.full((3, 3, 1), -1.0), scale=False), ValueError, "values from -1 to -1"),
    (lambda p: utils.array_to_img(np.full((3, 3, 1), np.nan), scale=False), ValueError, "values from nan"),
    (lambda p: utils.save_img(p + "x/a", PIXELS), ValueError, "pass file_format='png'"),
]


@pytest.mark.parametrize(("call", "kind", "text"), WRONG, ids=range(len(WRONG)))
def test_wrong_input(path, call, kind, text):
    with pytest.raises(kind, match=text):
        call(path)
