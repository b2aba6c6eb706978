"""Attention: averages of values, weighed by how well their keys fit a query; and masks that say what may be seen."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from ..activations import softmax
from . import native
from .native.attention import attention as native_attention
from .native.attention import suits


def dot_product_attention(
    query: Any, key: Any, value: Any, mask: Any = None, scale: Any = None, keep: Any = None
) -> tuple[jax.Array, jax.Array]:
    """Of every head: softmax(scale * query key^T) value.

    Args:
        query: (..., time, heads, size); all axes but these three broadcast, and heads do.
        key: (..., steps, heads, size).
        value: (..., steps, heads, value size).
        mask: True where a query sees a key; broadcasts with (..., heads, time, steps).
        scale: 1 / sqrt(size) unless given.
        keep: multiplies the weights (dropout); broadcasts as the mask does.

    Returns:
        ((..., time, heads, value size), weights (..., heads, time, steps)).

    Reference: Vaswani et al. 2017, arXiv 1706.03762.

    >>> one = jnp.ones((1, 2, 1, 4))
    >>> y, weights = dot_product_attention(one, one, one, mask=causal_mask(2, 2))
    >>> weights[0, 0].tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = scale * jnp.einsum("...qhd,...khd->...hqk", query, key, preferred_element_type=jnp.float32)
    heads_first, weights = attend(scores, jnp.moveaxis(value, -2, -3), mask, keep)
    return jnp.moveaxis(heads_first, -3, -2), weights


def attention(query: Any, key: Any, value: Any, mask: Any = None, scale: Any = None, keep: Any = None) -> Any:
    """What `dot_product_attention` gives, without the weights; in float32 by the native loops, on a CPU that has them.

    >>> one = jnp.ones((1, 2, 1, 4))
    >>> attention(one, one, one).shape
    (1, 2, 1, 4)
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale

    def reference(query: Any, key: Any, value: Any, mask: Any, keep: Any) -> Any:
        return dot_product_attention(query, key, value, mask, scale, keep)[0]

    arguments = (query, key, value, mask, keep)
    by_hand = functools.partial(native_attention, reference, scale)
    return native.by_native(suits(*arguments), by_hand, reference, *arguments)


def attend(scores: Any, value: Any, mask: Any = None, keep: Any = None) -> tuple[jax.Array, jax.Array]:
    """softmax(scores) value, the softmax in float32.

    A query that sees nothing gets zeros, with gradients of zero.

    Args:
        scores: (..., time, steps).
        value: (..., steps, size).
        mask: True where a query sees a step; broadcasts with scores.
        keep: (..., time, steps), multiplies the weights (dropout); None for ones.

    Returns:
        ((..., time, size) in the type of the values, weights (..., time, steps) before `keep`, in float32).

    >>> y, weights = attend(jnp.zeros((2, 3)), jnp.arange(3.0)[:, None], mask=jnp.array([[1, 1, 0], [0, 0, 0]], bool))
    >>> y.tolist(), weights.tolist()
    ([[0.5], [0.0]], [[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    """
    scores = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
    weights = softmax(scores if mask is None else jnp.where(mask, scores, -jnp.inf))
    used = weights if keep is None else weights * keep
    return used.astype(value.dtype) @ value, weights


def causal_mask(time: int, steps: int) -> jax.Array:
    """True where a step is not later than the query: (time, steps).

    >>> causal_mask(2, 3).tolist()
    [[True, False, False], [True, True, False]]
    """
    return jnp.arange(time)[:, None] >= jnp.arange(steps)


def window_mask(time: int, steps: int, window: int) -> jax.Array:
    """True where a step is nearer to the query than `window`, before or after: (time, steps).

    >>> window_mask(2, 4, 2).tolist()
    [[True, True, False, False], [True, True, True, False]]
    """
    return jnp.abs(jnp.arange(time)[:, None] - jnp.arange(steps)) < window


def combined_mask(*masks: Any) -> Any:
    """Where all of the masks are True; None if there is none.

    Args:
        masks: each (..., time, steps) or None. The axes before these two are rows first, then heads: a mask
            (batch, time, steps) holds for all heads of one (batch, heads, time, steps).

    >>> combined_mask(None, jnp.array([1, 0]), jnp.array([[True], [False]])).tolist()
    [[True, False], [False, False]]
    >>> combined_mask(jnp.ones((2, 1, 5)), jnp.ones((2, 3, 4, 5))).shape
    (2, 3, 4, 5)
    """
    given = [mask.astype(bool) for mask in masks if mask is not None]
    most = max((mask.ndim for mask in given), default=0)
    combined = None
    for mask in given:
        mask = mask.reshape(*mask.shape[:-2], *(1,) * (most - mask.ndim), *mask.shape[-2:])
        combined = mask if combined is None else combined & mask
    return combined
