"""Pictures from files: upright, in the colours asked for, bounded, damage named."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from freedive.data import DataFileError, read_image, read_image_folder

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 4, 3), np.uint8)


def saved(image, form="PNG", **options):
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_formats(tmp_path, form):
    path = tmp_path / "picture"  # what a file holds counts, not what it is called
    path.write_bytes(saved(PIXELS, form, **({"lossless": True} if form == "WEBP" else {})))
    np.testing.assert_array_equal(read_image(path), PIXELS)
    np.testing.assert_array_equal(read_image(path.read_bytes()), PIXELS)


def test_jpeg_and_gif():
    smooth = np.tile(np.linspace(0, 255, 32).astype(np.uint8)[:, None, None], (1, 32, 3))
    assert np.abs(read_image(saved(smooth, "JPEG", quality=95)).astype(int) - smooth).max() < 12
    flat = np.full((5, 5, 3), 255, np.uint8)
    np.testing.assert_array_equal(read_image(saved(flat, "GIF")), flat)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_gives_every_number_of_channels(mode, channels):
    image = Image.new(mode, (4, 6)) if mode == "I;16" else Image.fromarray(PIXELS).convert(mode)
    found = read_image(saved(image, "TIFF"), channels=channels)
    assert found.shape == (6, 4, channels) and found.dtype == np.uint8


def test_transparent_is_white_unless_asked_for():
    pixels = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [200, 0, 0, 51]]], np.uint8)
    assert read_image(saved(pixels))[0].tolist() == [[200, 0, 0], [255, 255, 255], [244, 204, 204]]
    np.testing.assert_array_equal(read_image(saved(pixels), channels=4), pixels)
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    palette.putpalette([10, 20, 30, 40, 50, 60])
    assert read_image(saved(palette, transparency=1))[0].tolist() == [[10, 20, 30], [255, 255, 255]]


def test_sixteen_bits_become_eight():
    deep = np.array([[0, 256, 65535, 32768]], np.uint16)
    assert read_image(saved(deep), channels=1)[0, :, 0].tolist() == [0, 1, 255, 128]
    assert read_image(saved(np.array([[0.0, 0.5, 1.0]], np.float32), "TIFF"), channels=1)[0, :, 0].tolist() == [
        0,
        128,
        255,
    ]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(orientation):
    upright = Image.fromarray(PIXELS)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(read_image(saved(stored, "PNG", exif=exif)), PIXELS)


def test_sizes():
    half = np.zeros((10, 20, 3), np.uint8)
    half[:, 10:] = 255
    content = saved(half)
    assert read_image(content, size=(5, 8)).shape == (5, 8, 3)
    padded = read_image(content, size=(20, 20), fit="pad")
    assert padded.shape == (20, 20, 3) and padded[:5].max() == 0 and padded[-5:].max() == 0 and padded[10, -1, 0] == 255
    cropped = read_image(content, size=(10, 10), fit="crop")
    assert cropped.shape == (10, 10, 3) and cropped[:, :4].max() == 0 and cropped[:, 6:].min() == 255


def claim(width, height):
    """A PNG of a few bytes that claims a size."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


WRONG = {
    "empty": (b"", "cannot identify its format"),
    "text": (b"not a picture", "cannot identify its format"),
    "bomb": (claim(60000, 60000), "cannot be read as a picture|60000 x 60000 pixels"),
    "large": (claim(8000, 8000), "8000 x 8000 pixels; at most 50,000,000 are read"),
    "claims more than it holds": (claim(10, 10), "cannot be read as a picture"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "cannot identify"),
    **{
        f"{form} cut": (saved(np.tile(PIXELS, (9, 9, 1)), form)[:-60], "cannot be read")
        for form in ("PNG", "JPEG", "BMP")
    },
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_are_named(tmp_path, case):
    content, text = WRONG[case]
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataFileError, match=text) as caught:
        read_image(tmp_path / "a.png")
    assert str(caught.value).startswith(str(tmp_path / "a.png"))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_random_damage_raises_nothing_else():
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        whole = saved(np.tile(PIXELS, (5, 5, 1)), form)
        for _ in range(150):
            damaged = bytearray(whole)
            for _ in range(RNG.integers(1, 5)):
                damaged[RNG.integers(len(damaged))] = RNG.integers(256)
            with contextlib.suppress(DataFileError):
                assert read_image(bytes(damaged), size=(4, 4)).shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"channels": 2}, "expected 1, 3 or 4"),
        ({"size": (5, 5), "fit": "squeeze"}, "expected one of 'stretch', 'crop', 'pad'"),
        ({"size": (0, 5)}, "at least 1 each"),
    ],
)
def test_wrong_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        read_image(saved(PIXELS), **arguments)


def test_missing_files():
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_image("nothing.png")


def test_folder_of_classes(tmp_path):
    for name in ("cat/b.PNG", "cat/a.png", "dog/deep/c.png", ".hidden/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(saved(PIXELS))
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    found = read_image_folder(tmp_path)
    assert found.x.shape == (3, 6, 4, 3) and found.y.tolist() == [0, 0, 1]
    assert found.class_names == ["cat", "dog"]
    assert [file.removeprefix(str(tmp_path)) for file in found.files] == ["/cat/a.png", "/cat/b.PNG", "/dog/deep/c.png"]

    (tmp_path / "dog" / "d.png").write_bytes(saved(PIXELS[:5]))
    with pytest.raises(DataFileError, match=r"c\.png: shape \(6, 4, 3\)|d\.png: shape \(5, 4, 3\), but .*Pass size="):
        read_image_folder(tmp_path)
    assert read_image_folder(tmp_path, size=(4, 4), channels=1).x.shape == (4, 4, 4, 1)
    (tmp_path / "dog" / "e.png").write_bytes(b"broken")
    with pytest.raises(DataFileError, match=r"e\.png"):
        read_image_folder(tmp_path, size=(4, 4))
    with pytest.warns(UserWarning, match=r"1 of 5 files skipped: .*e\.png"):
        assert len(read_image_folder(tmp_path, size=(4, 4), on_error="skip")) == 4


def test_folders_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_image_folder(tmp_path / "nothing")
    with pytest.raises(DataFileError, match="Expected FOLDER/CLASS/FILE"):
        read_image_folder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataFileError, match="empty: no files in this class folder"):
        read_image_folder(tmp_path)
    (tmp_path / "empty" / "a.png").write_bytes(b"")
    with pytest.raises(DataFileError, match="a folder of class folders"):
        read_image_folder(tmp_path / "empty" / "a.png")
    with pytest.raises(DataFileError, match="none of its 1 files"), pytest.warns(UserWarning, match="1 of 1"):
        read_image_folder(tmp_path, on_error="skip")
    with pytest.raises(ValueError, match="'raise' or 'skip'"):
        read_image_folder(tmp_path, on_error="ignore")
