"""The first layer of networks that see a picture as a row of tokens."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..config import PositiveInt
from ..core.layer import Layer
from ..initializers import InitializerLike


class PatchTokens(Layer):
    """A picture as tokens: t_0 = s + p_0, t_i = vec(patch_i) K + b + p_i.

    The summary s and the places p are learned. Pictures whose sides are no multiples of the patch are filled up with 0
    at the bottom and on the right.

    Args:
        patch: pixels of a patch's side.
        units: numbers of a token.
        kernel_initializer: of K.
        embedding_initializer: of the places.

    Input: (batch, height, width, channels). Output: (batch, 1 + patches, units), the summary first.

    Reference: Dosovitskiy et al. 2021, "An image is worth 16x16 words", https://arxiv.org/abs/2010.11929.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.PatchTokens(4, units=16)(np.ones((2, 8, 10, 3))).shape
    (2, 7, 16)
    """

    patch: PositiveInt
    units: PositiveInt
    kernel_initializer: InitializerLike = "glorot_uniform"
    embedding_initializer: InitializerLike = "TruncatedNormal"

    def call(self, x: Any) -> Any:
        if x.ndim != 4:
            raise self.error(f"expected pictures (batch, height, width, channels). Received {x.ndim} axes")
        batch, height, width, channels = x.shape
        side = self.patch
        rows, columns = -(-height // side), -(-width // side)
        x = jnp.pad(x, ((0, 0), (0, rows * side - height), (0, columns * side - width), (0, 0)))
        x = x.reshape(batch, rows, side, columns, side, channels).swapaxes(2, 3)
        x = x.reshape(batch, rows * columns, side * side * channels)  # (batch, patches, pixels of a patch)
        kernel = self.param("kernel", (x.shape[-1], self.units), self.kernel_initializer)
        bias = self.param("bias", (self.units,), "zeros")
        summary = self.param("summary", (1, self.units), "zeros")
        places = self.param("places", (1 + rows * columns, self.units), self.embedding_initializer)
        first = jnp.broadcast_to(summary, (batch, 1, self.units)).astype(x.dtype)
        return jnp.concatenate([first, x @ kernel + bias], axis=1) + places
