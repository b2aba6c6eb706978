"""Pictures of any size and colour become what a digit model was trained on."""

import io

import numpy as np
import pytest
from PIL import Image

from freedive.data import DataFileError
from freedive.datasets import digits
from freedive.tasks.reading import Pictures
from freedive.tasks.reading.pictures import on_black, strengthened

DIGITS = Pictures((28, 28), ground="dark", margin=4, balanced=True)
(_, _), (TEST, _) = digits.load_data()


def likeness(left, right):
    return np.corrcoef(left.ravel().astype(float), right.ravel().astype(float))[0, 1]


def drawn(row, size=(300, 400), at=(120, 60), scale=8, ink=20, paper=245, noise=0.0):
    """A test digit as a photograph: dark on light paper, larger, off the middle."""
    digit = Image.fromarray(TEST[row]).resize((28 * scale, 28 * scale), Image.Resampling.BICUBIC)
    page = np.full(size, float(paper))
    part = np.asarray(digit, float) / 255
    place = slice(at[1], at[1] + part.shape[0]), slice(at[0], at[0] + part.shape[1])
    page[place] = paper + (ink - paper) * part
    page += noise * np.random.default_rng(row).normal(size=size)
    return Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))


def saved(path, image, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("row", [0, 1, 2, 3, 4, 11])
@pytest.mark.parametrize("noise", [0.0, 6.0])
def test_a_photographed_digit_looks_like_the_original(tmp_path, row, noise):
    x = DIGITS.read(saved(tmp_path / "a.png", drawn(row, noise=noise))).x
    assert x.shape == (1, 28, 28) and x.dtype == np.uint8
    assert likeness(x[0], TEST[row]) > (0.95 if noise == 0 else 0.85)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("grey.png", lambda image: image),
        ("colour.png", lambda image: image.convert("RGB")),
        ("palette.gif", lambda image: image.convert("P")),
        ("photo.jpg", lambda image: image.convert("RGB")),
        ("bits.png", lambda image: image.point(lambda v: 255 if v > 128 else 0).convert("1")),
        ("light.png", lambda image: image.point(lambda v: 255 - v)),
        ("deep.png", lambda image: Image.fromarray(np.asarray(image).astype(np.uint16) * 257)),
    ],
)
def test_kinds_of_files(tmp_path, name, change):
    x = DIGITS.read(saved(tmp_path / name, change(drawn(2)))).x
    assert likeness(x[0], TEST[2]) > 0.85


def test_ink_on_a_transparent_ground(tmp_path):
    alpha = 255 - np.asarray(drawn(3))
    image = Image.merge("RGBA", [Image.new("L", (400, 300), 0)] * 3 + [Image.fromarray(alpha)])
    rows = DIGITS.read(saved(tmp_path / "a.png", image))
    assert likeness(rows.x[0], TEST[3]) > 0.9
    assert "inverted" in rows.notes[0]


def test_a_picture_of_the_right_size_is_taken_as_it_is(tmp_path):
    rows = DIGITS.read(saved(tmp_path / "a.png", Image.fromarray(TEST[5])))
    np.testing.assert_array_equal(rows.x[0], TEST[5])
    assert rows.notes == []
    inverted = DIGITS.read(saved(tmp_path / "b.png", Image.fromarray(255 - TEST[5])))
    np.testing.assert_array_equal(inverted.x[0], TEST[5])
    assert inverted.notes == [f"{tmp_path}/b.png: dark on a light ground: inverted"]


@pytest.mark.parametrize("grey", [0, 255, 130])
def test_an_empty_picture_is_empty_and_said_to_be(tmp_path, grey):
    rows = DIGITS.read(saved(tmp_path / "a.png", Image.new("L", (50, 40), grey)))
    assert rows.x.max() == 0
    assert "nothing stands on it" in rows.notes[-1]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2), (2000, 1500)])
def test_any_size_is_taken(tmp_path, size):
    draw = np.random.default_rng(0)
    image = Image.fromarray(draw.integers(0, 256, size[::-1], dtype=np.uint8))
    assert DIGITS.read(saved(tmp_path / "a.png", image)).x.shape == (1, 28, 28)


@pytest.mark.parametrize(
    ("shape", "colours"), [((32, 32, 3), "RGB"), ((16, 24, 1), "L"), ((8, 8, 4), "RGBA"), ((9, 7), "L")]
)
def test_models_of_other_shapes_get_pictures_as_they_are(tmp_path, shape, colours):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    image = Image.fromarray(pixels[..., 0] if shape[2:] == (1,) else pixels)
    assert image.mode == colours
    np.testing.assert_array_equal(Pictures(shape).read(saved(tmp_path / "a.png", image)).x[0], pixels)
    larger = image.resize((shape[1] * 3, shape[0] * 2))
    assert Pictures(shape).read(saved(tmp_path / "b.png", larger)).x.shape == (1, *shape)


def broken_files():
    whole = io.BytesIO()
    drawn(0).save(whole, "PNG")
    return {
        "text.png": b"this is a text\n",
        "empty.png": b"",
        "cut.png": whole.getvalue()[:200],
        "zeros.jpg": bytes(1000),
        "model.safetensors": b"\x10\0\0\0\0\0\0\0{}",
    }


@pytest.mark.parametrize("name", broken_files())
def test_files_that_are_no_pictures_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(broken_files()[name])
    with pytest.raises(DataFileError, match=name):
        DIGITS.read(tmp_path / name)


def test_floats_are_scaled_by_what_was_learned_from_and_truth_values_are_dark_or_light(tmp_path):
    dark = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert Pictures((2, 2)).encoded([np.full((2, 2), 200.0), dark]).tolist()[1] == dark.tolist()
    assert Pictures((2, 2)).encoded([dark]).max() == 255
    learned = Pictures.learned([np.full((2, 2), 200.0), dark])
    assert learned.light == 255 and learned.encoded([dark]).max() == 1
    assert Pictures((2, 2)).encoded(dark[None] > 0).max() == 255
    np.save(tmp_path / "dark.npy", dark[None])
    assert Pictures((2, 2)).read(tmp_path / "dark.npy").x.max() == 255
    assert learned.read(tmp_path / "dark.npy").x.max() == 1
    with pytest.raises(ValueError, match="pixels from 200 to 200; expected 0 to 1, as in those that were learned from"):
        Pictures.learned(dark[None]).encoded(np.full((1, 2, 2), 200.0))


@pytest.mark.parametrize("shape", [(28,), (28, None), (28, 28, 2), (4, 28, 28, 1)])
def test_shapes_that_are_no_pictures_are_refused(shape):
    with pytest.raises(ValueError, match="expected"):
        Pictures(shape)


def test_light_ground_is_found_by_the_border():
    dark = np.zeros((9, 9), np.float32)
    dark[3:6, 3:6] = 200
    assert not on_black(dark)[1]
    light, inverted = on_black(255 - dark)
    assert inverted
    np.testing.assert_array_equal(light, dark)


def test_strokes_are_strengthened_and_cropped():
    faint = np.full((20, 20), 30, np.float32)
    faint[5:9, 7:8] = 80
    strokes = strengthened(faint)
    assert strokes.shape == (4, 1) and strokes.min() == strokes.max() == 255
