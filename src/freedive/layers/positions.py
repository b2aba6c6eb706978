"""Where in a sequence a vector stands, as a vector to be added to it: learned, or of sines and cosines."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..config import PositiveFloat, PositiveInt
from ..core import forward
from ..core.forward import LENGTHS
from ..core.layer import Layer
from ..initializers import InitializerLike


class PositionEmbedding(Layer):
    """A learned vector for every position: y(t) = P[start_index + t].

    Args:
        sequence_length: how many positions there are.
        initializer: of P.

    Call arguments:
        inputs: (batch, time, size); only its shape counts.
        start_index: the position of the first step; may be traced.

    Weights: position_embeddings P (sequence_length, size).

    Returns:
        (batch, time, size), to be added to the inputs.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.PositionEmbedding(50)(np.ones((2, 7, 4))).shape
    (2, 7, 4)
    """

    sequence_length: PositiveInt
    initializer: InitializerLike = "glorot_uniform"

    def call(self, inputs: Any, start_index: Any = 0) -> Any:  # (batch, time, size) -> the same
        time, size = inputs.shape[-2:]
        table = self.param("position_embeddings", (self.sequence_length, size), self.initializer)
        standing_in = time in LENGTHS and forward.current(self).creating  # for a length that is not known yet
        if not isinstance(start_index, int):
            self.flag(start_index + jnp.arange(time) >= self.sequence_length)
        elif start_index + time > self.sequence_length and not standing_in:
            raise self.error(
                f"received {time} steps from position {start_index}, but has {self.sequence_length} positions. "
                "Give shorter sequences, or make it with a larger sequence_length"
            )
        if time > self.sequence_length:
            table = jnp.resize(table, (time, size))
        rows = lax.dynamic_slice_in_dim(table, start_index, time)
        return jnp.broadcast_to(rows, inputs.shape)

    def flagged(self) -> str:
        return f"steps beyond its {self.sequence_length} positions"


class SinePositionEncoding(Layer):
    """Sines and cosines of every position, of wavelengths from 2 pi to 2 pi max_wavelength.

    y(t)[2 i] = sin((start_index + t) / max_wavelength^(2 i / size)), y(t)[2 i + 1] = cos of the same.

    Args:
        max_wavelength: of the slowest, over 2 pi.

    Call arguments and returns: as of `PositionEmbedding`.

    Reference: Vaswani et al. 2017, arXiv 1706.03762.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.SinePositionEncoding()(np.ones((1, 2, 4)))[0, 0].tolist()
    [0.0, 1.0, 0.0, 1.0]
    """

    max_wavelength: PositiveFloat = 10000.0

    def call(self, inputs: Any, start_index: Any = 0) -> Any:  # (batch, time, size) -> the same
        time, size = inputs.shape[-2:]
        pair = 2 * (np.arange(size) // 2) / size
        positions = (start_index + jnp.arange(time)).astype(jnp.float32)
        angles = positions[:, None] * self.max_wavelength**-pair  # (time, size)
        rows = jnp.where(np.arange(size) % 2 == 0, jnp.sin(angles), jnp.cos(angles))
        return jnp.broadcast_to(rows.astype(inputs.dtype), inputs.shape)
