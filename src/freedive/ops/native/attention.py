"""Attention by the native loops, forward and back.

Array code writes and reads scores (batch, heads, time, steps) several times and turns queries, keys and values so that
heads come first. The native loops take heads where they lie, keep the scores of some queries in the processor's caches,
and compute them anew for the gradient. Gradients of gradients are those of the array code.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

NOTHING = (0,)  # the shape that stands for None


def attention(reference: Any, scale: float, query: Any, key: Any, value: Any, mask: Any, keep: Any) -> Any:
    """softmax(scale query key^T) value of every head.

    Args:
        reference: the same as array code, of the five arrays; for gradients of gradients.
        scale: of the scores.
        query: (batch, time, heads, size).
        key: (batch, steps, heads, size).
        value: (batch, steps, heads, width).
        mask: booleans, broadcasts with (batch, heads, time, steps), or None.
        keep: (batch, heads, time, steps), multiplies the weights, or None.

    Returns:
        (batch, time, heads, width).
    """
    mask = jnp.zeros(NOTHING, bool) if mask is None else mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
    keep = jnp.zeros(NOTHING) if keep is None else keep
    return _attention(reference, scale, query, key, value, mask, keep)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _attention(reference: Any, scale: float, *arrays: Any) -> Any:
    return _forward(scale, *arrays)[0]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _saving(reference: Any, scale: float, *arrays: Any) -> tuple[Any, Any]:
    """What `_gradient` needs of the way forward; itself a function with a gradient."""
    return _forward(scale, *arrays)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _gradient(reference: Any, scale: float, arrays: Any, found: Any, by_y: Any) -> tuple[Any, Any, Any]:
    """The gradients by query, key and value."""
    query, key, value = arrays[:3]
    call = _door("attention_back", query.shape, key.shape, value.shape)
    return tuple(call(*arrays, *found, by_y, scale=np.float32(scale)))


def _keep(reference: Any, scale: float, *arrays: Any) -> Any:
    found = _saving(reference, scale, *arrays)
    return found[0], (arrays, found)


def _keep_all(reference: Any, scale: float, *arrays: Any) -> Any:
    found = _saving(reference, scale, *arrays)
    return found, (arrays, found)


def _take_back(reference: Any, scale: float, kept: Any, by_y: Any) -> tuple[Any, ...]:
    return *_gradient(reference, scale, *kept, by_y), None, None


def _take_all_back(reference: Any, scale: float, kept: Any, by: Any) -> tuple[Any, ...]:
    return _take_back(reference, scale, kept, by[0])


def _keep_gradient(reference: Any, scale: float, arrays: Any, found: Any, by_y: Any) -> Any:
    return _gradient(reference, scale, arrays, found, by_y), (arrays, found, by_y)


def _take_gradient_back(reference: Any, scale: float, kept: Any, by_gradient: Any) -> tuple[Any, ...]:
    """By array code, once more from its beginning: what was found is a function of the arrays."""
    (*floats, mask, keep), found, by_y = kept

    def gradient(floats: Any, by_y: Any) -> Any:
        return jax.vjp(lambda *floats: reference(*floats, _given(mask), _given(keep)), *floats)[1](by_y)

    by_floats, by_by = jax.vjp(gradient, tuple(floats), by_y)[1](by_gradient)
    return (*by_floats, None, None), jax.tree.map(jnp.zeros_like, found), by_by


_attention.defvjp(_keep, _take_back)
_saving.defvjp(_keep_all, _take_all_back)
_gradient.defvjp(_keep_gradient, _take_gradient_back)


# calls into the library -----------------------------------------------------------------------------------------------
def _forward(scale: float, query: Any, key: Any, value: Any, mask: Any, keep: Any) -> tuple[Any, Any]:
    """(y, the logarithm of every softmax's sum)."""
    batch, time, heads, _ = query.shape
    call = _door("attention", (batch, time, heads, value.shape[-1]), (batch, heads, time))
    return tuple(call(query, key, value, mask, keep, scale=np.float32(scale)))


def _given(a: Any) -> Any:
    return None if a.shape == NOTHING else a


def _door(name: str, *shapes: tuple[int, ...]) -> Any:
    results = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return jax.ffi.ffi_call(f"freedive_{name}", results, vmap_method="sequential")
