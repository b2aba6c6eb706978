"""Pictures as text that stands in a page: PNG files in base64, written here so that no picture library is loaded."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np

COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # channels -> PNG's number for grey, RGB, RGBA


def picture_bytes(picture: Any) -> np.ndarray:
    """A picture as uint8 (height, width, channels): whole numbers as they are, fractions of 1 times 255.

    Args:
        picture: (height, width) or (height, width, 1, 3 or 4).
    """
    pixels = np.asarray(picture)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[-1] not in COLOUR_TYPES:
        raise ValueError(f"expected a picture (height, width[, 1, 3 or 4]). Received: shape {np.shape(picture)}")
    if pixels.dtype.kind == "f" and pixels.size and pixels.max() <= 1.0:
        pixels = np.rint(pixels * 255)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def is_picture(sample: Any) -> bool:
    """Whether an array has the shape of a picture.

    >>> is_picture(np.zeros((28, 28))), is_picture(np.zeros(16))
    (True, False)
    """
    shape = np.shape(sample)
    return (len(shape) == 2 or (len(shape) == 3 and shape[-1] in COLOUR_TYPES)) and min(shape[:2]) >= 4


def png(picture: Any) -> bytes:
    """A picture as the bytes of a PNG file.

    >>> png(np.zeros((2, 2), np.uint8))[:4]
    b'\\x89PNG'
    """
    pixels = picture_bytes(picture)
    height, width, channels = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)  # filter 0
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def data_uri(picture: Any) -> str:
    """A picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode()
