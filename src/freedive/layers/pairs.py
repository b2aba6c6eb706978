"""Neighbouring words as numbers of their own, without a list of all the pairs there are."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..config import PositiveInt
from ..core.layer import Layer


class HashedPairs(Layer):
    """Every pair of neighbouring numbers as the number of a bin: y_t = 1 + h(x_t, x_t+1) mod (num_bins - 1).

    Before an `Embedding` it gives word pairs vectors of their own, as "not good" needs one: the bag of n-grams of
    fastText. Pairs may share a bin. Bin 0 is for pairs with a 0, which is padding.

    Args:
        num_bins: how many there are, bin 0 included.

    Call arguments:
        inputs: (batch, time) whole numbers.

    Returns:
        (batch, time - 1) int32.

    Reference: Joulin et al. 2016, "Bag of tricks for efficient text classification", arXiv 1607.01759.

    >>> import numpy as np
    >>> pairs = np.asarray(HashedPairs(1000)(np.array([[4, 5, 4, 5, 0]])))
    >>> pairs.shape, bool(pairs[0, 0] == pairs[0, 2] != pairs[0, 1]), int(pairs[0, 3])
    ((1, 4), True, 0)
    """

    num_bins: PositiveInt

    def call(self, inputs: Any) -> Any:  # (batch, time) -> (batch, time - 1)
        if inputs.ndim != 2 or not jnp.issubdtype(inputs.dtype, jnp.integer):
            raise self.error(f"expected whole numbers (batch, time). Received {inputs.dtype} of shape {inputs.shape}")
        left, right = inputs[:, :-1].astype(jnp.uint32), inputs[:, 1:].astype(jnp.uint32)
        mixed = left * jnp.uint32(0x9E3779B1) ^ right * jnp.uint32(0x85EBCA6B)  # odd numbers: bits move upwards
        mixed = (mixed ^ mixed >> 15) * jnp.uint32(0x2C1B3C6D)  # and down again
        mixed = mixed ^ mixed >> 12
        bins = 1 + mixed % jnp.uint32(max(1, self.num_bins - 1))
        return jnp.where((left == 0) | (right == 0), 0, bins).astype(jnp.int32)
