"""Small things that regularizers, constraints, losses and metrics compute with: Keras' epsilon, the types that
sums are taken and answers given in, and division by a norm that has a gradient at zero."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

EPSILON = 1e-7  # Keras' fuzz factor: probabilities are clipped to EPSILON..1 - EPSILON, norms get it added

LARGEST_UNIT = 1e37  # the reciprocal of more is no normal float32, and compilers divide by reciprocals


def widen(x: Any) -> jax.Array:
    """An array of at least float32: integers, booleans and half precisions are widened, float64 stays.

    >>> widen(jnp.ones(2, "bfloat16")).dtype, widen([1, 2]).dtype
    (dtype('float32'), dtype('float32'))
    """
    x = jnp.asarray(x)
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def floating(x: Any) -> Any:
    """The type of a floating answer to x: its own, or float32 for whole numbers.

    >>> floating(jnp.ones(2, "bfloat16")), floating(jnp.ones(2, "int8"))
    (dtype(bfloat16), dtype('float32'))
    """
    return x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else jnp.dtype("float32")


def l2_normalize(x: jax.Array, axis: int | tuple[int, ...] = -1) -> jax.Array:
    """x / max(|x|, epsilon) along an axis: length one, and zeros (with a finite gradient) where x is zero.

    >>> print(l2_normalize(jnp.array([3.0, 4.0])))
    [0.6 0.8]
    """
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=axis, keepdims=True, initial=0.0))
    unit = jnp.clip(largest, EPSILON, LARGEST_UNIT)  # in which no square overflows, and no slope underflows
    x = x / unit
    squares = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squares, jnp.square(EPSILON / unit)))
