"""How a native loop with a native gradient is differentiated: once by hand, and from there on as array code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

NOTHING = (0,)  # the shape that stands for None
Arrays = tuple[Any, ...]


def nothing(dtype: Any = jnp.float32) -> jax.Array:
    """What stands for None where a loop takes an array of this type."""
    return jnp.zeros(NOTHING, dtype)


def given(array: Any) -> Any:
    """The array, or None where it stands for that."""
    return None if array.shape == NOTHING else array


def by_hand(
    shown: int,
    floats: int,
    forward: Callable[..., Arrays],
    backward: Callable[[Any, Arrays, Arrays, Arrays], Arrays],
) -> Callable[..., Any]:
    """A function whose gradient is a native loop, and gradients of its gradient those of array code.

    Args:
        shown: so many of what `forward` gives are the answer; the others are what `backward` needs besides.
        floats: so many of the arrays, the first ones, have gradients.
        forward: (option, save, *arrays) -> what is found; less where `save` is False.
        backward: (option, arrays, found, by the answer) -> the gradients by the first `floats` arrays.

    Returns:
        (reference, option, *arrays) -> the answer; `reference` gives it as array code; an array of shape (0,) reaches
        it as None.
    """

    @functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
    def answer(reference: Any, option: Any, *arrays: Any) -> Arrays:
        return tuple(forward(option, False, *arrays)[:shown])

    @functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
    def saving(reference: Any, option: Any, *arrays: Any) -> Arrays:
        return tuple(forward(option, True, *arrays))

    @functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
    def gradient(reference: Any, option: Any, arrays: Arrays, found: Arrays, by: Arrays) -> Arrays:
        return tuple(backward(option, arrays, found, by))

    def keep(reference: Any, option: Any, *arrays: Any) -> Any:
        found: Any = saving(reference, option, *arrays)
        return found[:shown], (arrays, found)

    def keep_all(reference: Any, option: Any, *arrays: Any) -> Any:
        found = saving(reference, option, *arrays)
        return found, (arrays, found)

    def take_back(reference: Any, option: Any, kept: Any, by: Any) -> Arrays:
        return *gradient(reference, option, *kept, tuple(by[:shown])), *(None,) * (len(kept[0]) - floats)

    def keep_gradient(reference: Any, option: Any, arrays: Arrays, found: Arrays, by: Arrays) -> Any:
        return gradient(reference, option, arrays, found, by), (arrays, found, by)

    def take_gradient_back(reference: Any, option: Any, kept: Any, by_gradient: Any) -> Arrays:
        arrays, found, by = kept  # what was found is a function of the arrays: array code begins anew
        others = arrays[floats:]

        def slope(some: Arrays, by: Arrays) -> Arrays:
            return jax.vjp(lambda *some: reference(*map(given, (*some, *others))), *some)[1](by)

        by_some, by_by = jax.vjp(slope, arrays[:floats], by)[1](tuple(by_gradient))
        return (*by_some, *(None,) * len(others)), jax.tree.map(jnp.zeros_like, found), by_by

    answer.defvjp(keep, take_back)
    saving.defvjp(keep_all, take_back)
    gradient.defvjp(keep_gradient, take_gradient_back)
    return answer


def door(name: str, *shapes: tuple[int, ...]) -> Callable[..., Any]:
    """A call into the library that gives float32 arrays of these shapes."""
    results = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return jax.ffi.ffi_call(f"freedive_{name}", results, vmap_method="sequential")
