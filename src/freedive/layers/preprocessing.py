"""Layers that bring data into the form that a model takes: rescaling, resizing and cropping, in training and in use.

Pictures are (batch, height, width, channels), or one (height, width, channels) where a layer is called alone;
`data_format="channels_first"` puts the channels before the height. Whole numbers become floats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ..config import PositiveInt, one_of, real
from ..core import forward
from ..core.layer import Layer
from ..errors import show_shape
from .spatial import DataFormat


def _numbers(value: Any) -> Any:
    """A number, or an array of them as nested lists."""
    return (
        np.asarray(value, np.float32).tolist()
        if isinstance(value, (list, tuple, np.ndarray, jax.Array))
        else real(value)
    )


ResizeMethod = Annotated[str, one_of("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")]


class Rescaling(Layer):
    """x * scale + offset, in training and in use.

    Args:
        scale: a number, or numbers that broadcast to the last axes: 1 / 255 brings bytes to 0..1.
        offset: likewise; with scale=1 / 127.5, offset=-1 brings bytes to -1..1.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Rescaling(0.5, offset=-1)(np.array([[0, 4]], "uint8")).tolist()
    [[-1.0, 1.0]]
    """

    scale: Annotated[Any, _numbers]
    offset: Annotated[Any, _numbers] = 0.0
    supports_masking: ClassVar[bool] = True

    def call(self, x: Any) -> Any:
        x = _floats(x)
        return x * jnp.asarray(self.scale, x.dtype) + jnp.asarray(self.offset, x.dtype)


class Resizing(Layer):
    """Pictures of another size.

    Args:
        height, width: of the result.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: cut the largest window of the new aspect ratio from the middle, instead of stretching.
        pad_to_aspect_ratio: put fill_value beside the picture, instead of stretching.
        fill_mode: "constant", the only one.
        fill_value: what padding is filled with.
        antialias: whether to smooth when making smaller.
        data_format: "channels_last" (the default) or "channels_first".

    Whole numbers stay whole numbers.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Resizing(14, 14)(np.ones((2, 28, 28, 1))).shape
    (2, 14, 14, 1)
    """

    height: PositiveInt
    width: PositiveInt
    interpolation: ResizeMethod = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: Annotated[str, one_of("constant")] = "constant"
    fill_value: float = 0.0
    antialias: bool = False
    data_format: DataFormat = None

    def __post_init__(self):
        super().__post_init__()
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ValueError("Resizing: choose one of crop_to_aspect_ratio and pad_to_aspect_ratio")

    def call(self, x: Any) -> Any:
        resized = over_pictures(self, x, self._resized)
        if jnp.issubdtype(x.dtype, jnp.integer):
            limits = jnp.iinfo(x.dtype)
            resized = jnp.clip(jnp.round(resized), limits.min, limits.max).astype(x.dtype)
        return resized

    def _resized(self, images: Any) -> Any:  # (batch, height, width, channels)
        size = (self.height, self.width)
        if self.crop_to_aspect_ratio:
            images = _window(images, size)
        elif self.pad_to_aspect_ratio:
            images = _padded(images, size, self.fill_value)
        return _resize(images, size, self.interpolation, self.antialias)


class CenterCrop(Layer):
    """The middle of pictures; a picture that is too small gives its largest window of the same aspect ratio, resized.

    Args:
        height, width: of the result.
        data_format: "channels_last" (the default) or "channels_first".

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.CenterCrop(2, 2)(np.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0].tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """

    height: PositiveInt
    width: PositiveInt
    data_format: DataFormat = None

    def call(self, x: Any) -> Any:
        return over_pictures(self, x, self._cropped)

    def _cropped(self, images: Any) -> Any:
        top, left = (images.shape[1] - self.height) // 2, (images.shape[2] - self.width) // 2
        if top < 0 or left < 0:
            return fitted(images, (self.height, self.width))
        return images[:, top : top + self.height, left : left + self.width]


# layouts --------------------------------------------------------------------------------------------------------------
def over_pictures(layer: Any, x: Any, change: Callable[[Any], Any] | None) -> Any:
    """Change pictures as (batch, height, width, channels) of floats, whatever their layout; None changes nothing."""
    alone = forward.current(layer).root is layer and x.shape[:1] != (forward.BATCH,)  # there is no batch to forget
    if x.ndim != 4 and not (x.ndim == 3 and alone):
        shape = show_shape(None if d == forward.BATCH or d in forward.LENGTHS else d for d in x.shape)
        hint = " Add the channel axis: x[..., None]" if x.ndim == 3 else ""
        raise layer.error(f"expected pictures (batch, height, width, channels). Received shape {shape}.{hint}")
    x = _floats(x)
    if change is None:
        return x
    first = layer.data_format == "channels_first"
    images = x if x.ndim == 4 else x[None]
    images = change(jnp.moveaxis(images, 1, 3) if first else images)
    images = jnp.moveaxis(images, 3, 1) if first else images
    return images if x.ndim == 4 else images[0]


def _floats(x: Any) -> Any:
    """x, whole numbers and booleans as float32."""
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)


# sizes ----------------------------------------------------------------------------------------------------------------
def _resize(images: Any, size: tuple[int, int], method: str = "bilinear", antialias: bool = False) -> Any:
    shape = (images.shape[0], *size, images.shape[3])
    return jax.image.resize(images, shape, method, antialias).astype(images.dtype)


def fitted(images: Any, size: tuple[int, int]) -> Any:
    """The largest window of the size's aspect ratio, resized to it."""
    return _resize(_window(images, size), size)


def _window(images: Any, size: tuple[int, int]) -> Any:
    """The largest window of an aspect ratio, from the middle."""
    rows, columns = images.shape[1:3]
    height = max(min(rows, columns * size[0] // size[1]), 1)
    width = max(min(columns, rows * size[1] // size[0]), 1)
    top, left = (rows - height) // 2, (columns - width) // 2
    return images[:, top : top + height, left : left + width]


def _padded(images: Any, size: tuple[int, int], value: float) -> Any:
    """Pictures of an aspect ratio, equally much beside them on both sides."""
    rows, columns = images.shape[1:3]
    beside = (max(rows, columns * size[0] // size[1]) - rows) // 2
    along = (max(columns, rows * size[1] // size[0]) - columns) // 2
    return jnp.pad(images, ((0, 0), (beside, beside), (along, along), (0, 0)), constant_values=value)
