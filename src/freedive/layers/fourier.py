"""A number as waves of many lengths: how a network is told a time."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from ..config import PositiveFloat, integer
from ..core.layer import Layer
from ..numerics import floating, widen


def even(value: Any) -> int:
    """An even number above 0."""
    if integer(value) < 2 or value % 2:
        raise ValueError(f"expected an even number, 2 or more. Received: {value!r}")
    return int(value)


class SinusoidalFeatures(Layer):
    """A number as sines and cosines of it: sin(w_k t) and cos(w_k t), with w_k from 1 to `fastest` in equal ratios.

    Args:
        units: how many there are, sines and cosines together.
        fastest: the largest w, for numbers t from 0 to 1.

    Call arguments:
        t: (batch, 1).

    Returns:
        (batch, units).

    Reference: A. Vaswani et al., "Attention is all you need", 2017, https://arxiv.org/abs/1706.03762

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.SinusoidalFeatures(4)(np.zeros((1, 1))).tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """

    autocast: ClassVar[bool] = False  # fast waves of a rounded time are those of another

    units: Annotated[int, even]
    fastest: PositiveFloat = 1000.0

    def call(self, t: Any) -> Any:
        if t.ndim != 2 or t.shape[1] != 1:
            raise self.error(f"expected (batch, 1). Received {t.ndim} axes")
        waves = jnp.exp(jnp.linspace(0.0, math.log(self.fastest), self.units // 2))
        angles = widen(t) * waves
        return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1).astype(floating(t))
