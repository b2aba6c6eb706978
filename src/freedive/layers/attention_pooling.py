"""A sequence as one vector: the average of its steps, each by how much it matters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..config import PositiveInt
from ..core.layer import Layer
from ..initializers import InitializerLike


class AttentionPooling1D(Layer):
    """The average of the steps of a sequence, with weights that are learned: which steps matter.

    w = softmax(tanh(x W + b) v) over the steps that count, y = sum of w x.

    Args:
        units: of the scoring layer.
        return_attention_scores: whether w (batch, time) is given too.

    Weights: kernel W (features, units), bias b (units,), query v (units,).

    Input: (batch, time, features). Output: (batch, features), or (that, w).

    Reference: Z. Yang et al., "Hierarchical attention networks for document classification", NAACL 2016,
    https://doi.org/10.18653/v1/N16-1174

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.AttentionPooling1D(8)(np.ones((2, 5, 3))).shape
    (2, 3)
    """

    units: PositiveInt = 64
    return_attention_scores: bool = False
    kernel_initializer: InitializerLike = "glorot_uniform"

    def call(self, x: Any, mask: Any = None) -> Any:  # (batch, time, features) -> (batch, features)
        if x.ndim != 3:
            raise self.error(f"expected inputs of shape (batch, time, features). Received {x.ndim} axes")
        kernel = self.param("kernel", (x.shape[-1], self.units), self.kernel_initializer)
        bias = self.param("bias", (self.units,), "zeros")
        query = self.param("query", (self.units,), "random_normal")
        scores = (jnp.tanh(x @ kernel + bias) @ query).astype(jnp.float32)  # (batch, time)
        if mask is not None:
            scores = jnp.where(mask, scores, -jnp.inf)
            scores = jnp.where(mask.any(axis=-1, keepdims=True), scores, 0)  # of nothing at all, the plain average
        weights = jax.nn.softmax(scores, axis=-1)
        pooled = jnp.einsum("bt,btf->bf", weights.astype(x.dtype), x)
        return (pooled, weights) if self.return_attention_scores else pooled

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        return None
