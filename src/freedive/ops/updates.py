"""Steps of an optimizer on all arrays, by the native loops.

Array code makes three loops of a step of Adam, one for each array that it writes: ten passes where seven would do, and
three programs to compile. It also copies a kernel that the gradient by its input still reads, since nothing says that
this comes first; a call that waits for all gradients comes after all that reads the weights, so they change where they
lie. And from some 50,000 numbers on XLA parts a loop between processors, which a small network's step waits for: they
must wake up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from . import native

Arrays = tuple[Any, ...]


def suits(arrays: Sequence[Any]) -> bool:
    """Whether the native loops do a step for arrays of one shape."""
    return all(a.dtype == jnp.float32 for a in arrays) and native.available()


def adam(numbers: Any, arrays: Sequence[Arrays]) -> list[Arrays]:
    """A step of Adam: m <- m + (g - m) b, v <- v + (g^2 - v) c, p <- p - p d - rate m / (sqrt(v) + epsilon).

    Args:
        numbers: (arrays, 5): rate, b, c, epsilon and d for each.
        arrays: (g, p, m, v) for each, float32.

    Returns:
        (p, m, v) for each.

    >>> ones = jnp.ones(2)
    >>> [(p, m, v)] = adam(jnp.array([[0.1, 0.5, 0.25, 0.0, 0.5]]), [(ones, ones, 0 * ones, 0 * ones)])
    >>> p.tolist(), m.tolist(), v.tolist()
    ([0.4000000059604645, 0.4000000059604645], [0.5, 0.5], [0.25, 0.25])
    """
    found = _adam(numbers, *(a for several in arrays for a in several))
    return [tuple(found[i : i + 3]) for i in range(0, len(found), 3)]


@jax.custom_jvp
def _adam(numbers: Any, *arrays: Any) -> Arrays:
    return tuple(native.by_native(True, _by_hand, _reference, numbers, *arrays))


_adam.defjvp(lambda primals, tangents: jax.jvp(_reference, primals, tangents))


@custom_vmap
def _by_hand(numbers: Any, *arrays: Any) -> Arrays:
    kept = [(i + j, i // 4 * 3 + j - 1) for i in range(0, len(arrays), 4) for j in (1, 2, 3)]
    shapes = [jax.ShapeDtypeStruct(arrays[i].shape, jnp.float32) for i, _ in kept]
    where = {1 + i: found for i, found in kept}
    return tuple(jax.ffi.ffi_call("freedive_adam", shapes, input_output_aliases=where)(numbers, *arrays))


@_by_hand.def_vmap
def _several(_: int, own: Any, *arrays: Any) -> tuple[Arrays, Any]:
    """Members with the same numbers are larger arrays; with numbers of their own they are array code."""
    if all(own[1:]) and not own[0]:
        found = _by_hand(*arrays)
    else:
        found = jax.vmap(_reference, [0 if its else None for its in own])(*arrays)
    return found, (True,) * len(found)


def _reference(numbers: Any, *arrays: Any) -> Arrays:
    found: list[Any] = []
    for i in range(len(arrays) // 4):
        g, p, m, v = arrays[4 * i : 4 * i + 4]
        rate, of_mean, of_square, epsilon, decay = numbers[i]
        m, v = m + (g - m) * of_mean, v + (jnp.square(g) - v) * of_square
        root = jnp.where(v == 0, 0.0, jnp.sqrt(jnp.where(v == 0, 1.0, v)))  # with gradient 0 at 0
        found += [p - p * decay - m * rate / (root + epsilon), m, v]
    return tuple(found)
