"""Random changes of pictures inside the compiled program, drawn anew for every picture, in training only.

They take pictures as the layers of `preprocessing` do. Rotation, translation and zoom are one affine map behind three
draws.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from ..config import PositiveInt, one_of
from ..core.layer import Layer
from ..ops.sampling import INDEX, affine
from .draws import Factor, bounds, uniform, within
from .dropping import seeded_key
from .preprocessing import fitted, over_pictures
from .spatial import DataFormat

FillMode = Annotated[str, one_of(*INDEX)]
Interpolation = Annotated[str, one_of("bilinear", "nearest")]


# another draw for every picture ---------------------------------------------------------------------------------------
class RandomCrop(Layer):
    """A window of pictures at a random place; in use, the largest window of that aspect ratio, resized.

    Args:
        height, width: of the window. A picture that is smaller is cropped to the aspect ratio and resized.
        seed: sets the draws of this layer apart from others'; the run's seed decides them.
        data_format: "channels_last" (the default) or "channels_first".

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.RandomCrop(24, 24)(np.ones((2, 28, 28, 1)), training=True).shape
    (2, 24, 24, 1)
    """

    height: PositiveInt
    width: PositiveInt
    seed: int | None = None
    data_format: DataFormat = None

    def call(self, x: Any) -> Any:
        return over_pictures(self, x, self._cropped)

    def _cropped(self, images: Any) -> Any:
        batch, rows, columns, channels = images.shape
        size = (self.height, self.width)
        if not self.training or rows < self.height or columns < self.width:
            return fitted(images, size)
        room = jnp.array([[rows - self.height + 1], [columns - self.width + 1]])
        tops, lefts = jax.random.randint(seeded_key(self), (2, batch), 0, room)
        window = (*size, channels)
        return jax.vmap(lambda image, i, j: jax.lax.dynamic_slice(image, (i, j, 0), window))(images, tops, lefts)


class RandomFlip(Layer):
    """Pictures, half of them mirrored.

    Args:
        mode: "horizontal" (left and right change places), "vertical", or "horizontal_and_vertical", where each is
            drawn on its own.
        seed: sets the draws of this layer apart from others'; the run's seed decides them.
        data_format: "channels_last" (the default) or "channels_first".

    >>> import numpy as np
    >>> import freedive as fd
    >>> x = np.arange(6.0).reshape(1, 2, 3, 1)
    >>> bool((fd.layers.RandomFlip("horizontal")(x) == x).all())          # nothing happens but in training
    True
    """

    mode: Annotated[str, one_of("horizontal", "vertical", "horizontal_and_vertical")] = "horizontal_and_vertical"
    seed: int | None = None
    data_format: DataFormat = None

    def call(self, x: Any) -> Any:
        return over_pictures(self, x, self._flipped if self.training else None)

    def _flipped(self, images: Any) -> Any:
        flips = jax.random.bernoulli(seeded_key(self), 0.5, (2, images.shape[0], 1, 1, 1))
        if self.mode != "vertical":
            images = jnp.where(flips[0], images[:, :, ::-1], images)
        if self.mode != "horizontal":
            images = jnp.where(flips[1], images[:, ::-1], images)
        return images


class RandomRotation(Layer):
    """Pictures, turned about their centre.

    Args:
        factor: the largest angle, a fraction of a full turn: 0.1 turns by -36 to 36 degrees; or (lower, upper).
            Positive angles are counter-clockwise.
        fill_mode: what lies outside: "reflect" (dcba|abcd|dcba), "wrap" (abcd|abcd|abcd), "nearest"
            (aaaa|abcd|dddd) or "constant" (fill_value).
        interpolation: "bilinear" or "nearest".
        seed: sets the draws of this layer apart from others'; the run's seed decides them.
        fill_value: for fill_mode="constant".
        data_format: "channels_last" (the default) or "channels_first".

    `factor`, where it is a number, may be swept or changed without compiling again.

    >>> import numpy as np
    >>> import freedive as fd
    >>> quarter = fd.layers.RandomRotation((0.25, 0.25), interpolation="nearest")
    >>> quarter(np.arange(4.0).reshape(1, 2, 2, 1), training=True)[0, :, :, 0].tolist()
    [[1.0, 3.0], [0.0, 2.0]]
    """

    factor: Factor
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: DataFormat = None

    def call(self, x: Any) -> Any:
        return over_pictures(self, x, self._turned if self.training else None)

    def _turned(self, images: Any) -> Any:
        angle = 2 * math.pi * uniform(seeded_key(self), images, bounds(self, "factor"))
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        return affine(images, ((cos, sin), (-sin, cos)), (0.0, 0.0), **_filling(self))


class RandomTranslation(Layer):
    """Pictures, moved.

    Args:
        height_factor: the farthest way down or up, a fraction of the height; or (lower, upper), positive is down.
        width_factor: the farthest way right or left, a fraction of the width; or (lower, upper), positive is right.
        fill_mode, interpolation, seed, fill_value, data_format: as in RandomRotation.

    Both factors, where they are numbers, may be swept or changed without compiling again.

    >>> import numpy as np
    >>> import freedive as fd
    >>> down = fd.layers.RandomTranslation((0.5, 0.5), 0.0, fill_mode="constant")
    >>> down(np.arange(4.0).reshape(1, 2, 2, 1), training=True)[0, :, :, 0].tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """

    height_factor: Factor
    width_factor: Factor
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: DataFormat = None

    def call(self, x: Any) -> Any:
        return over_pictures(self, x, self._moved if self.training else None)

    def _moved(self, images: Any) -> Any:
        keys = jax.random.split(seeded_key(self))
        down = images.shape[1] * uniform(keys[0], images, bounds(self, "height_factor"))
        right = images.shape[2] * uniform(keys[1], images, bounds(self, "width_factor"))
        return affine(images, ((1.0, 0.0), (0.0, 1.0)), (-down, -right), **_filling(self))


class RandomZoom(Layer):
    """Pictures, made smaller or larger about their centre.

    Args:
        height_factor: by how much, a fraction: 0.2 zooms by -20% to 20%; or (lower, upper). Positive zooms out,
            negative zooms in.
        width_factor: likewise for the width; None keeps the aspect ratio.
        fill_mode, interpolation, seed, fill_value, data_format: as in RandomRotation.

    Both factors, where they are numbers, may be swept or changed without compiling again.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.RandomZoom(0.2)(np.ones((2, 28, 28, 1)), training=True).shape
    (2, 28, 28, 1)
    """

    height_factor: Factor
    width_factor: Annotated[Any, within(-1.0, 1.0)] | None = None
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: DataFormat = None

    def call(self, x: Any) -> Any:
        return over_pictures(self, x, self._zoomed if self.training else None)

    def _zoomed(self, images: Any) -> Any:
        keys = jax.random.split(seeded_key(self))
        high = wide = 1 + uniform(keys[0], images, bounds(self, "height_factor"))
        if self.width_factor is not None:
            wide = 1 + uniform(keys[1], images, bounds(self, "width_factor"))
        return affine(images, ((high, 0.0), (0.0, wide)), (0.0, 0.0), **_filling(self))


# how pixels are made -------------------------------------------------------------------------------------------------
def _filling(layer: Any) -> dict[str, Any]:
    """How a layer makes pixels between and outside."""
    return {name: getattr(layer, name) for name in ("interpolation", "fill_mode", "fill_value")}
