"""Pictures as pillow objects, as arrays and as files, under Keras' names."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from ..data.images import convert, fit_image, open_image
from ..data.opening import Path
from ..errors import unknown
from ..files.atomic import atomic_file

if TYPE_CHECKING:
    from PIL import Image

COLOR_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}
INTERPOLATIONS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}  # pillow's numbers
DATA_FORMATS = ("channels_last", "channels_first")


def load_img(
    path: Path | io.BytesIO,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image.Image:
    """A picture file as a pillow picture, upright, transparency laid on white.

    Args:
        path: the file, or its content in a BytesIO.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: (height, width), or None.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
        keep_aspect_ratio: crop around the middle instead of stretching.

    Raises:
        DataFileError: no picture, a damaged or too large one.

    >>> save_img("grey.png", np.full((4, 5, 3), 128.0))
    >>> load_img("grey.png", target_size=(2, 2)).getpixel((1, 1))
    (128, 128, 128)
    """
    if color_mode not in COLOR_MODES:
        raise unknown("color_mode", color_mode, COLOR_MODES)
    if interpolation not in INTERPOLATIONS:
        raise unknown("interpolation", interpolation, INTERPOLATIONS)
    with open_image(path.getvalue() if isinstance(path, io.BytesIO) else path) as image:
        image = convert(image, COLOR_MODES[color_mode])
        if target_size is None or image.size == (target_size[1], target_size[0]):
            return image.copy()
        fit = "crop" if keep_aspect_ratio else "stretch"
        return fit_image(image, target_size, fit, INTERPOLATIONS[interpolation])


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """A pillow picture as an array.

    Args:
        img: the picture.
        data_format: "channels_last" (the default) or "channels_first".
        dtype: float32 by default; the values stay 0 to 255.

    Returns:
        (height, width, channels)

    >>> img_to_array(array_to_img(np.zeros((4, 5, 3)))).shape
    (4, 5, 3)
    """
    x = np.asarray(img, dtype or np.float32)
    if x.ndim not in (2, 3):
        raise ValueError(f"img_to_array: expected a picture of 2 or 3 axes. Received: {x.shape}")
    x = x[..., None] if x.ndim == 2 else x
    return x.transpose(2, 0, 1) if _first(data_format) else x


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Image.Image:
    """An array as a pillow picture.

    Args:
        x: (height, width, channels) with 1, 3 or 4 channels.
        data_format: "channels_last" (the default) or "channels_first".
        scale: stretch the values so that the smallest becomes 0 and the largest 255; a picture of one value keeps
            it. Without, values outside 0..255 are an error.
        dtype: of the computation, float32 by default.

    >>> array_to_img(np.zeros((4, 5, 1))).size  # pillow counts the width first
    (5, 4)
    """
    from PIL import Image

    x = np.asarray(x, dtype or np.float32)
    x = x.transpose(1, 2, 0) if x.ndim == 3 and _first(data_format) else x
    if x.ndim != 3 or x.shape[-1] not in CHANNELS or not x.size:
        raise ValueError(f"array_to_img: expected (height, width, 1, 3 or 4 channels). Received: {x.shape}")
    low, high = float(x.min()), float(x.max())
    if scale and low < high:
        x = (x - low) * (255 / (high - low))
    elif scale:
        x = np.clip(x, 0, 255)
    elif not (low >= 0 and high <= 255):
        raise ValueError(
            f"array_to_img(scale=False): values from {low:g} to {high:g}; expected 0 to 255, or scale=True"
        )
    pixels = np.rint(x).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, CHANNELS[pixels.shape[-1]])


def save_img(
    path: Path | BinaryIO,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as a picture file, whole or not at all.

    Args:
        path: the file, or an open one.
        x, data_format, scale: as for `array_to_img`.
        file_format: "png", "jpeg", ...; None takes the name's ending.
        **kwargs: for pillow's writer, as quality=90.

    >>> save_img("black.png", np.zeros((4, 5, 1)))
    >>> load_img("black.png", color_mode="grayscale").getpixel((0, 0))
    0
    """
    if file_format is None and not hasattr(path, "write"):
        file_format = os.path.splitext(cast(Path, path))[1].removeprefix(".").lower()
    if not file_format:
        raise ValueError("save_img: the name has no ending that tells the format; pass file_format='png'")
    file_format = "jpeg" if file_format.lower() == "jpg" else file_format
    image = array_to_img(x, data_format, scale)
    if file_format.lower() == "jpeg" and image.mode == "RGBA":
        image = convert(image, "RGB")  # JPEG has no transparency
    if hasattr(path, "write"):
        image.save(path, file_format, **kwargs)
        return
    with atomic_file(cast(Path, path)) as file:
        image.save(cast(BinaryIO, file), file_format, **kwargs)


def _first(data_format: str | None) -> bool:
    if data_format not in (None, *DATA_FORMATS):
        raise unknown("data_format", data_format, DATA_FORMATS)
    return data_format == "channels_first"
