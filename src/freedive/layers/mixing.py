"""Pictures of which a part is erased, or which are mixed with others, labels and all; in training only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from ..config import positive, real
from ..core.layer import Layer
from ..ops.random import normal
from .draws import Share, ValueRange, bounds, each, uniform
from .dropping import seeded_key
from .preprocessing import _floats, over_pictures
from .spatial import DataFormat

LEAST = 1e-6  # of the parameter of a Beta distribution


class RandomErasing(Layer):
    """Pictures, a rectangle of some of them filled with noise.

    Height and width of the rectangle are sqrt(u) of the picture's, u drawn for each from `scale`.

    Args:
        factor: how often a picture is changed: between 0 and factor of the times, or in (lower, upper).
        scale: u lies in (lower, upper), or between 0 and scale.
        fill_value: a number, or one for each channel, to fill with; None: normal noise of the height of the highest
            value, within the value range.
        value_range: (lowest, highest) of the values.
        seed: sets the draws of this layer apart from others'; the run's seed decides them.
        data_format: "channels_last" (the default) or "channels_first".

    `factor`, where it is a number, may be swept or changed without compiling again.

    Reference: Zhong et al. 2020, "Random erasing data augmentation", https://arxiv.org/abs/1708.04896.

    >>> import numpy as np
    >>> import freedive as fd
    >>> whole = fd.layers.RandomErasing((1, 1), scale=(1, 1), fill_value=0.5)
    >>> float(whole(np.ones((2, 4, 4, 1)), training=True).max())
    0.5
    """

    factor: Share = 1.0
    scale: Share = (0.02, 0.33)
    fill_value: Any = None
    value_range: ValueRange = (0.0, 255.0)
    seed: int | None = None
    data_format: DataFormat = None

    def __post_init__(self):
        super().__post_init__()
        if self.fill_value is not None:
            given = self.fill_value if isinstance(self.fill_value, (list, tuple)) else [self.fill_value]
            self.fill_value = tuple(map(real, given))

    def call(self, x: Any) -> Any:
        return over_pictures(self, x, self._erased if self.training else None)

    def _erased(self, images: Any) -> Any:
        keys = jax.random.split(seeded_key(self), 5)
        scale = self.scale if isinstance(self.scale, tuple) else (0.0, self.scale)
        sides = jnp.sqrt(jnp.stack([uniform(key, images, scale) for key in keys[:2]]))
        chosen = jax.random.uniform(keys[2], images.shape[:1]) < uniform(keys[3], images, bounds(self, "factor", 0.0))
        inside, _ = rectangles(keys[4], images, sides)
        return jnp.where(each(chosen) & inside, self._filling(keys[0], images), images).astype(images.dtype)

    def _filling(self, key: Any, images: Any) -> Any:
        if self.fill_value is None:
            return jnp.clip(normal(key, images.shape) * self.value_range[1], *self.value_range)
        if len(self.fill_value) not in (1, images.shape[-1]):
            raise self.error(f"fill_value has {len(self.fill_value)} numbers, the pictures {images.shape[-1]} channels")
        return jnp.clip(jnp.array(self.fill_value, jnp.float32), *self.value_range)


class _Mixing(Layer):
    """Pictures mixed with others of their batch, and labels in the same proportion."""

    def call(self, inputs: Any) -> Any:
        both = isinstance(inputs, Mapping)
        if both and set(inputs) != {"images", "labels"}:
            raise self.error(f"expected pictures, or a dict of 'images' and 'labels'. Received keys {list(inputs)}")
        images, labels = (inputs["images"], inputs["labels"]) if both else (inputs, None)
        if labels is not None and not jnp.issubdtype(labels.dtype, jnp.floating):
            raise self.error(
                f"labels of {labels.dtype} cannot be mixed; expected floats, one number a class: "
                "fd.utils.to_categorical(y)"
            )
        images, share, others = self._apart(images) if self.training else (_floats(images), None, None)
        if labels is not None and share is not None:
            share = share.reshape(-1, *(1,) * (labels.ndim - 1)).astype(labels.dtype)
            labels = share * labels + (1 - share) * labels[others]
        return {"images": images, "labels": labels} if both else images

    def _apart(self, images: Any) -> tuple[Any, Any, Any]:
        """Mixed pictures, the share of each picture in its own place, and with which it was mixed."""
        raise NotImplementedError


class MixUp(_Mixing):
    """Pictures m x_i + (1 - m) x_j and labels m y_i + (1 - m) y_j, with m of Beta(alpha, alpha), j of the same batch.

    Args:
        alpha: the larger, the more even the mixtures.
        seed: sets the draws of this layer apart from others'; the run's seed decides them.
        data_format: "channels_last" (the default) or "channels_first".

    Input and output: a dict of "images" (batch, ...) and "labels" (batch, classes), floats; or pictures alone. `fd.mix`
    trains a model so.

    Reference: Zhang et al. 2018, "mixup: beyond empirical risk minimization", https://arxiv.org/abs/1710.09412.

    >>> import numpy as np
    >>> import freedive as fd
    >>> batch = {"images": np.ones((4, 8, 8, 3), "float32"), "labels": np.eye(4, dtype="float32")}
    >>> fd.layers.MixUp()(batch, training=True)["labels"].sum(axis=1).round(3).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    alpha: Annotated[float, positive] = 0.2
    data_format: DataFormat = None
    seed: int | None = None

    def _apart(self, images: Any) -> tuple[Any, Any, Any]:
        images = _floats(images)
        shares, order = jax.random.split(seeded_key(self))
        share = beta(shares, self.alpha, images.shape[0])
        others = partners(order, images.shape[0])
        part = share.reshape(-1, *(1,) * (images.ndim - 1)).astype(images.dtype)
        return part * images + (1 - part) * images[others], share, others


class CutMix(_Mixing):
    """Pictures with a rectangle of another one of the batch, and labels in the proportion of their areas.

    Sides of the rectangle are sqrt(1 - m) of the picture's, with m of Beta(a, a).

    Args:
        factor: a, drawn for a batch between 0 and factor, or in (lower, upper).
        seed: sets the draws of this layer apart from others'; the run's seed decides them.
        data_format: "channels_last" (the default) or "channels_first".

    Input and output: as of `MixUp`.

    Reference: Yun et al. 2019, "CutMix: regularization strategy to train strong classifiers with localizable
    features", https://arxiv.org/abs/1905.04899.

    >>> import numpy as np
    >>> import freedive as fd
    >>> batch = {"images": np.ones((4, 8, 8, 3), "float32"), "labels": np.eye(4, dtype="float32")}
    >>> fd.layers.CutMix()(batch, training=True)["labels"].sum(axis=1).round(3).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    factor: Share = 1.0
    seed: int | None = None
    data_format: DataFormat = None

    def _apart(self, images: Any) -> tuple[Any, Any, Any]:
        made: list[Any] = []

        def cut(images: Any) -> Any:
            keys = jax.random.split(seeded_key(self), 4)
            size = uniform(keys[0], images[:1], bounds(self, "factor", 0.0))[0] + LEAST
            side = jnp.sqrt(1 - beta(keys[1], size, images.shape[0]))
            inside, area = rectangles(keys[2], images, jnp.stack([side, side]))
            others = partners(keys[3], images.shape[0])
            made.extend([1 - area, others])
            return jnp.where(inside, images[others], images)

        images = over_pictures(self, images, cut)
        return images, *made


def rectangles(key: Any, images: Any, sides: Any) -> tuple[Any, Any]:
    """(batch, height, width, 1) whether a pixel is in the picture's rectangle, and (batch,) what part of them is.

    Args:
        key: of its places.
        images: (batch, height, width, channels).
        sides: (2, batch) height and width, as parts of the picture's.
    """
    _, height, width, _ = images.shape
    within = jnp.ones((), bool)
    for axis, (place, size, side) in enumerate(zip(jax.random.split(key), (height, width), sides, strict=True)):
        start = uniform(place, images, (0.0, 1.0)) * (size - side * size)
        at = (jnp.arange(size, dtype=jnp.float32) + 0.5).reshape([1, -1, 1, 1] if axis == 0 else [1, 1, -1, 1])
        within = within & (at >= each(start)) & (at < each(start + side * size))
    return within, within.mean(axis=(1, 2, 3), dtype=jnp.float32)


def partners(key: Any, count: int) -> Any:
    """(count,) for every place another: the batch is in a drawn order already, so that it need only be moved on."""
    return (jnp.arange(count) + jax.random.randint(key, (), 1, max(2, count))) % count


def beta(key: Any, alpha: Any, count: int) -> Any:
    """Numbers of Beta(alpha, alpha), by two of Gamma(alpha)."""
    return jax.random.beta(key, alpha, alpha, (count,))
