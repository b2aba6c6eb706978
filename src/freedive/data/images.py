"""Picture files to arrays: upright, in the colours asked for, of one size, and never larger than agreed."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import struct
import warnings
import zlib
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataFileError
from .folders import ClassFolder, read_class_folder, stack
from .opening import Path, open_file

if TYPE_CHECKING:
    from PIL import Image

EXTENSIONS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # others start foreign programs or are never seen
MAX_PIXELS = 50_000_000  # a PNG of 100 bytes may claim any size
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
FITS = ("stretch", "crop", "pad")
# what pillow's decoders raise on damaged files
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    struct.error,
    zlib.error,
)


def read_image(
    path: Path | bytes,
    size: tuple[int, int] | None = None,
    channels: int = 3,
    fit: str = "stretch",
    max_pixels: int = MAX_PIXELS,
    name: str = "",
) -> np.ndarray:
    """The pixels of a picture file.

    The picture is turned upright as its EXIF data says. What is transparent is laid on white, unless 4 channels are
    asked for. Of an animation the first picture is taken.

    Args:
        path: the file, or its content as bytes (then `name` stands in errors).
        size: (height, width) of the result; None keeps the picture's.
        channels: 1 (grey), 3 (red, green, blue) or 4 (and alpha).
        fit: "stretch" to the size, "crop" what is over, or "pad" with black.
        max_pixels: a larger picture is refused before memory is taken.

    Returns:
        uint8 (height, width, channels).

    Raises:
        DataFileError: no picture, a damaged or too large one.

    >>> from freedive.utils import save_img
    >>> save_img("black.png", np.zeros((4, 5, 1)))
    >>> read_image("black.png", size=(2, 2), channels=1).shape
    (2, 2, 1)
    """
    if channels not in MODES:
        raise ValueError(f"read_image(channels={channels!r}): expected 1, 3 or 4")
    with open_image(path, max_pixels, name) as image:
        image = convert(image, MODES[channels])
        if size is not None:
            image = fit_image(image, size, fit)
        return np.array(image, np.uint8).reshape(image.height, image.width, channels)


def read_image_folder(
    folder: Path,
    size: tuple[int, int] | None = None,
    channels: int = 3,
    fit: str = "stretch",
    on_error: str = "raise",
    follow_links: bool = False,
) -> ClassFolder:
    """A folder of class folders of pictures; arguments as for `read_image` and `read_class_folder`.

    Returns:
        A `ClassFolder`; `x` is uint8 (n, height, width, channels).
    """
    read = functools.partial(read_image, size=size, channels=channels, fit=fit)
    found = read_class_folder(folder, EXTENSIONS, read, on_error, follow_links)
    found.x = stack(found.x, found.files, "Pass size=(height, width)")
    return found


@contextlib.contextmanager
def open_image(path: Path | bytes, max_pixels: int = MAX_PIXELS, name: str = ""):
    """A decoded, upright pillow picture; whatever its decoder dislikes is a `DataFileError`."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    name = name or ("picture" if isinstance(path, bytes) else os.fspath(path))
    with contextlib.ExitStack() as stack_of_files:
        opened = io.BytesIO(path) if isinstance(path, bytes) else open_file(path)
        source = stack_of_files.enter_context(opened)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound here is ours
                image = stack_of_files.enter_context(Image.open(source, formats=FORMATS))
                if image.format == "PNG":  # whose end is looked at by `verify` alone
                    image.verify()
                    source.seek(0)
                    image = stack_of_files.enter_context(Image.open(source, formats=FORMATS))
                if image.width * image.height > max_pixels:
                    detail = f"{image.width} x {image.height} pixels; at most {max_pixels:,} are read (max_pixels=)"
                    raise DataFileError(name, detail)
                image.load()
                upright = ImageOps.exif_transpose(image)
        except (Image.DecompressionBombError, *_DECODER_ERRORS) as error:
            if isinstance(error, DataFileError):
                raise
            odd = isinstance(error, UnidentifiedImageError)  # whose own words name an object of Python's
            detail = "cannot identify its format" if odd else error
            raise DataFileError(name, f"cannot be read as a picture: {detail}") from error
        yield upright


def convert(image: Image.Image, mode: str) -> Image.Image:
    """A picture in mode "L", "RGB" or "RGBA"; transparency is laid on white, 16 bits become 8."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits of grey
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    if mode != "RGBA" and (image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)


def fit_image(image: Image.Image, size: tuple[int, int], fit: str = "stretch", resample: int | None = None):
    """A picture of (height, width) = `size`: stretched, cropped around the middle, or padded with black."""
    from PIL import Image, ImageOps

    if fit not in FITS:
        raise ValueError(f"fit={fit!r}: expected one of {', '.join(map(repr, FITS))}")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size={size!r}: expected (height, width), at least 1 each")
    height, width = size
    method = Image.Resampling.BILINEAR if resample is None else Image.Resampling(resample)
    if fit == "crop":
        return ImageOps.fit(image, (width, height), method)
    if fit == "pad":
        return ImageOps.pad(image, (width, height), method)
    return image.resize((width, height), method)


def _eight_bits(grey: np.ndarray) -> np.ndarray:
    """Grey of 16 or more bits as uint8: by its type's range, or by its own where the type is no guide."""
    if grey.dtype == np.uint16 or (grey.dtype.kind == "i" and grey.min() >= 0 and 255 < grey.max() < 65536):
        return (grey >> 8).astype(np.uint8)
    if grey.dtype.kind == "f" and grey.min() >= 0 and grey.max() <= 1:
        return np.rint(grey * 255).astype(np.uint8)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)
