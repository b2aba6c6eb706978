"""Random changes of the colours of pictures, drawn anew for every picture, in training only.

Each change is a function of pictures and a number a picture; a layer draws the number, and `RandomColorJitter` draws
several.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from ..core.layer import Layer
from .draws import Factor, Share, ValueRange, bounds, each, uniform, within
from .dropping import seeded_key
from .preprocessing import over_pictures
from .spatial import DataFormat

TINY = 1e-7
GREY = (0.2989, 0.5870, 0.1140)  # how bright red, green and blue are
Contrast = Annotated[Any, within(0.0, 1.0, ordered=False)]


class _OneChange(Layer):
    """One of the `CHANGES`, by what is drawn from the field `factor`."""

    kind: ClassVar[str]

    def call(self, x: Any) -> Any:
        return over_pictures(self, x, self._changed if self.training else None)

    def _changed(self, images: Any) -> Any:
        change = CHANGES[self.kind]
        change.check(self, images)
        return change(self, "factor", seeded_key(self), images).astype(images.dtype)


class RandomContrast(_OneChange):
    """Pictures of another contrast: (x - m) * c + m, where m is the mean of the channel in its picture.

    Args:
        factor: c lies between 1 - factor and 1 + factor; with (lower, upper) between 1 - lower and 1 + upper.
        value_range: (lowest, highest) of the values; the result stays within it.
        seed: sets the draws of this layer apart from others'; the run's seed decides them.
        data_format: "channels_last" (the default) or "channels_first".

    `factor`, where it is a number, may be swept or changed without compiling again.

    >>> import numpy as np
    >>> import freedive as fd
    >>> x = np.array([0.2, 0.4, 0.6, 0.8]).reshape(1, 2, 2, 1)
    >>> half = fd.layers.RandomContrast((0.5, 0.0), value_range=(0, 1))(x, training=True)
    >>> bool(half.max() < 0.81), bool(half.max() > 0.64)
    (True, True)
    """

    factor: Contrast
    value_range: ValueRange = (0.0, 255.0)
    seed: int | None = None
    data_format: DataFormat = None

    kind: ClassVar[str] = "contrast"


class RandomBrightness(_OneChange):
    """Pictures, lighter or darker: x + d times the width of the value range.

    Args:
        factor: d lies between -factor and factor, or in (lower, upper).
        value_range: (lowest, highest) of the values; the result stays within it.
        seed: sets the draws of this layer apart from others'; the run's seed decides them.
        data_format: "channels_last" (the default) or "channels_first".

    `factor`, where it is a number, may be swept or changed without compiling again.

    >>> import numpy as np
    >>> import freedive as fd
    >>> lighter = fd.layers.RandomBrightness((0.5, 0.5), value_range=(0, 1))
    >>> lighter(np.full((1, 1, 2, 1), 0.25), training=True).ravel().tolist()
    [0.75, 0.75]
    """

    factor: Factor
    value_range: ValueRange = (0.0, 255.0)
    seed: int | None = None
    data_format: DataFormat = None

    kind: ClassVar[str] = "brightness"


class RandomSaturation(_OneChange):
    """Pictures of stronger or weaker colours: S' = S f / (1 - f), with S of hue, saturation and value.

    Args:
        factor: f lies between 0 and factor, or in (lower, upper): 0 makes grey, 0.5 changes nothing, 1 gives colours
            all strength.
        value_range: (lowest, highest) of the values.
        data_format: "channels_last" (the default) or "channels_first".
        seed: sets the draws of this layer apart from others'; the run's seed decides them.

    `factor`, where it is a number, may be swept or changed without compiling again.

    >>> import numpy as np
    >>> import freedive as fd
    >>> red = np.array([1.0, 0.5, 0.5]).reshape(1, 1, 1, 3)
    >>> fd.layers.RandomSaturation((0, 0), value_range=(0, 1))(red, training=True).ravel().tolist()
    [1.0, 1.0, 1.0]
    """

    factor: Share
    value_range: ValueRange = (0.0, 255.0)
    data_format: DataFormat = None
    seed: int | None = None

    kind: ClassVar[str] = "saturation"


class RandomHue(_OneChange):
    """Pictures of other colours: H' = H + d / 2, where H goes round from 0 to 1.

    Args:
        factor: |d| lies between 0 and factor, or in (lower, upper); either sign is as likely.
        value_range: (lowest, highest) of the values.
        data_format: "channels_last" (the default) or "channels_first".
        seed: sets the draws of this layer apart from others'; the run's seed decides them.

    `factor`, where it is a number, may be swept or changed without compiling again.

    >>> import numpy as np
    >>> import freedive as fd
    >>> red = np.array([1.0, 0.0, 0.0]).reshape(1, 1, 1, 3)
    >>> fd.layers.RandomHue((1, 1), value_range=(0, 1))(red, training=True).ravel().tolist()    # half way round
    [0.0, 1.0, 1.0]
    """

    factor: Share
    value_range: ValueRange = (0.0, 255.0)
    data_format: DataFormat = None
    seed: int | None = None

    kind: ClassVar[str] = "hue"


class RandomGrayscale(_OneChange):
    """Pictures, some of them without colours: 0.2989 R + 0.587 G + 0.114 B in every channel.

    Args:
        factor: how many of them, from 0 to 1.
        data_format: "channels_last" (the default) or "channels_first".
        seed: sets the draws of this layer apart from others'; the run's seed decides them.

    >>> import numpy as np
    >>> import freedive as fd
    >>> red = np.array([100.0, 0.0, 0.0]).reshape(1, 1, 1, 3)
    >>> fd.layers.RandomGrayscale(1.0)(red, training=True).round().ravel().tolist()
    [30.0, 30.0, 30.0]
    """

    factor: Annotated[float, within(0.0, 1.0)] = 0.5
    data_format: DataFormat = None
    seed: int | None = None
    value_range: ClassVar[tuple[float, float]] = (0.0, 255.0)  # which says nothing here

    kind: ClassVar[str] = "grey"


class RandomColorJitter(Layer):
    """Pictures of another brightness, contrast, saturation and hue, changed in this order.

    Args:
        value_range: (lowest, highest) of the values; the result stays within it.
        brightness_factor: as of `RandomBrightness`; None changes none, as for the following.
        contrast_factor: as of `RandomContrast`.
        saturation_factor: as of `RandomSaturation`.
        hue_factor: as of `RandomHue`.
        seed: sets the draws of this layer apart from others'; the run's seed decides them.
        data_format: "channels_last" (the default) or "channels_first".

    Factors that are numbers may be swept or changed without compiling again.

    >>> import numpy as np
    >>> import freedive as fd
    >>> jitter = fd.layers.RandomColorJitter((0, 1), brightness_factor=0.2, saturation_factor=(0.4, 0.6))
    >>> jitter(np.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    value_range: ValueRange = (0.0, 255.0)
    brightness_factor: Factor | None = None
    contrast_factor: Contrast | None = None
    saturation_factor: Share | None = None
    hue_factor: Share | None = None
    seed: int | None = None
    data_format: DataFormat = None

    def call(self, x: Any) -> Any:
        return over_pictures(self, x, self._jittered if self.training else None)

    def _jittered(self, images: Any) -> Any:
        found, keys = images, jax.random.split(seeded_key(self), len(CHANGES))
        for key, (kind, change) in zip(keys, CHANGES.items(), strict=True):
            name = f"{kind}_factor"
            if getattr(self, name, None) is not None:
                change.check(self, images)
                found = change(self, name, key, found)
        return found.astype(images.dtype)


# draws: (batch,) ----------------------------------------------------------------------------------------------------
def brightnesses(layer: Any, name: str, key: Any, images: Any) -> Any:
    """Parts of the value range to be added."""
    return uniform(key, images, bounds(layer, name))


def contrasts(layer: Any, name: str, key: Any, images: Any) -> Any:
    """Factors of the differences from the mean."""
    factor = layer.hyper(name)
    lower, upper = factor if isinstance(factor, tuple) else (factor, factor)
    return uniform(key, images, (1.0 - lower, 1.0 + upper))


def saturations(layer: Any, name: str, key: Any, images: Any) -> Any:
    """Factors of the saturation."""
    share = uniform(key, images, bounds(layer, name, 0.0))
    return share / (1 - share + TINY)


def hues(layer: Any, name: str, key: Any, images: Any) -> Any:
    """Parts of the way round, forward or back."""
    sign, far = jax.random.split(key)
    forward = jax.random.bernoulli(sign, 0.5, images.shape[:1])
    return jnp.where(forward, 0.5, -0.5) * uniform(far, images, bounds(layer, name, 0.0))


def choices(layer: Any, name: str, key: Any, images: Any) -> Any:
    """Whether a picture is changed."""
    return jax.random.uniform(key, images.shape[:1]) < layer.hyper(name)


# changes: pictures and numbers (batch, 1, 1, 1) ---------------------------------------------------------------------
def lit(images: Any, more: Any, value_range: tuple[float, float]) -> Any:
    """x + more times the width of the value range."""
    low, high = value_range
    return jnp.clip(images + (high - low) * more, low, high)


def contrasted(images: Any, contrast: Any, value_range: tuple[float, float]) -> Any:
    """(x - m) * contrast + m, with the mean of each channel."""
    mean = images.mean(axis=(1, 2), keepdims=True, dtype=jnp.float32)
    return jnp.clip((images - mean) * contrast + mean, *value_range)


def saturated(images: Any, scale: Any, value_range: tuple[float, float]) -> Any:
    """Saturation times scale, up to 1; hue and value stay: V - (V - x) S' / S."""
    low, high = value_range
    value = images.max(axis=-1, keepdims=True)
    saturation = (value - images.min(axis=-1, keepdims=True)) / jnp.maximum(value - low, TINY)
    most = 1 / jnp.maximum(saturation, TINY)
    return jnp.clip(value - (value - images) * jnp.minimum(scale, most), low, high)


def hued(images: Any, turn: Any, value_range: tuple[float, float]) -> Any:
    """The hue turned on by a part of the way round; saturation and value stay."""
    value, least = images.max(axis=-1, keepdims=True), images.min(axis=-1, keepdims=True)
    spread = jnp.maximum(value - least, TINY)
    red, green, blue = (images[..., channel : channel + 1] for channel in range(3))
    sixths = jnp.where(
        value == red,
        (green - blue) / spread,
        jnp.where(value == green, 2 + (blue - red) / spread, 4 + (red - green) / spread),
    )
    place = (jnp.array([5.0, 3.0, 1.0]) + sixths + 6 * turn) % 6  # of red, green and blue on the way round
    return jnp.clip(value - (value - least) * jnp.clip(jnp.minimum(place, 4 - place), 0, 1), *value_range)


def greyed(images: Any, chosen: Any, value_range: tuple[float, float]) -> Any:
    """Those pictures that are chosen without their colours."""
    grey = (images * jnp.array(GREY, images.dtype)).sum(axis=-1, keepdims=True)
    return jnp.where(chosen, grey, images)


class Change(NamedTuple):
    """How numbers are drawn, what is done with them, and whether there must be three channels."""

    draw: Callable[..., Any]
    change: Callable[..., Any]
    coloured: bool = True

    def __call__(self, layer: Any, name: str, key: Any, images: Any) -> Any:
        """Pictures, changed by numbers drawn from the field `name`."""
        return self.change(images, each(self.draw(layer, name, key, images)), layer.value_range)

    def check(self, layer: Any, images: Any) -> None:
        """Refuse pictures that are not of red, green and blue, where that matters."""
        if self.coloured and images.shape[-1] != 3:
            raise layer.error(f"expected pictures of 3 channels, red, green and blue. Received {images.shape[-1]}")


CHANGES = {
    "brightness": Change(brightnesses, lit, coloured=False),
    "contrast": Change(contrasts, contrasted, coloured=False),
    "saturation": Change(saturations, saturated),
    "hue": Change(hues, hued),
    "grey": Change(choices, greyed),
}
