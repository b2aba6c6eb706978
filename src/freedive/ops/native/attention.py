"""Attention by the native loops, forward and back.

Array code writes and reads scores (batch, heads, time, steps) several times and turns queries, keys and values so that
heads come first. The native loops take heads where they lie, keep the scores of some queries in the processor's caches,
and compute them anew for the gradient. Gradients of gradients are those of the array code.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from .gradient import Arrays, by_hand, door, nothing


def suits(query: Any, key: Any, value: Any, mask: Any, keep: Any) -> bool:
    """Whether the native loops take these arrays: in float32, rows and heads broadcasting and nothing else."""
    arrays, masks = (query, key, value), [a for a in (mask, keep) if a is not None]
    if any(a.ndim != 4 or not a.size or a.dtype != jnp.float32 for a in arrays) or any(a.ndim > 4 for a in masks):
        return False
    seen = query.shape[1], value.shape[1]  # time, steps
    fits = key.shape[1::2] == (value.shape[1], query.shape[3])
    return fits and all(jnp.broadcast_shapes(seen, a.shape[-2:]) == seen for a in masks)


def attention(reference: Any, scale: float, query: Any, key: Any, value: Any, mask: Any, keep: Any) -> Any:
    """softmax(scale query key^T) value of every head.

    Args:
        reference: the same as array code, of the five arrays; for gradients of gradients.
        scale: of the scores.
        query: (batch, time, heads, size); where it has one row or head, that goes for all, as in all others.
        key: (batch, steps, heads, size).
        value: (batch, steps, heads, width).
        mask: booleans, broadcasts with (batch, heads, time, steps), or None.
        keep: multiplies the weights, as the mask, or None.

    Returns:
        (batch, time, heads, width).
    """
    query, key, value, keep = _spread(query, key, value, mask, keep)
    mask = nothing(bool) if mask is None else mask.astype(bool).reshape((1,) * (4 - mask.ndim) + mask.shape)
    keep = nothing() if keep is None else keep
    return _attention(lambda *arrays: (reference(*arrays),), scale, query, key, value, mask, keep)[0]


def _spread(query: Any, key: Any, value: Any, mask: Any, keep: Any) -> Arrays:
    """Queries, keys, values and factors of all rows and heads."""
    masks = [a.shape[:-2] for a in (mask, keep) if a is not None]
    arrays = query, key, value
    *rows, heads = jnp.broadcast_shapes(*(a.shape[::2] for a in arrays), *masks)
    spread = [jnp.broadcast_to(a, (*rows, a.shape[1], heads, a.shape[3])) for a in arrays]
    scores = (*rows, heads, query.shape[1], value.shape[1])
    return *spread, None if keep is None else jnp.broadcast_to(keep, scores)


def _forward(scale: float, save: bool, query: Any, key: Any, value: Any, mask: Any, keep: Any) -> Arrays:
    """(y, the logarithm of every softmax's sum)."""
    batch, time, heads, _ = query.shape
    call = door("attention", (batch, time, heads, value.shape[-1]), (batch, heads, time))
    return call(query, key, value, mask, keep, scale=np.float32(scale))


def _backward(scale: float, arrays: Arrays, found: Arrays, by: Arrays) -> Arrays:
    """The gradients by query, key and value."""
    call = door("attention_back", *(array.shape for array in arrays[:3]))
    return call(*arrays, *found, *by, scale=np.float32(scale))


_attention = by_hand(1, 3, _forward, _backward)
