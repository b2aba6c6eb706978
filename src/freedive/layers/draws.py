"""What random changes of pictures share: factors, and a number drawn for every picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from ..config import real


def within(low: float, high: float, ordered: bool = True) -> Callable[[Any], Any]:
    """Checks a factor: a number f, or a pair (lower, upper)."""

    def convert(value: Any) -> float | tuple[float, ...]:
        pair = isinstance(value, (list, tuple))
        numbers = [real(v) for v in (value if pair else [value])]
        if len(numbers) != (2 if pair else 1) or not all(low <= v <= high for v in numbers):
            raise ValueError(f"expected a number, or (lower, upper), from {low:g} to {high:g}. Received: {value!r}")
        return tuple(sorted(numbers) if ordered else numbers) if pair else abs(numbers[0])

    return convert


def value_range(value: Any) -> tuple[float, float]:
    """(lowest, highest) of the values of pictures."""
    if not isinstance(value, (list, tuple)) or len(value) != 2 or value[0] == value[1]:
        raise ValueError(f"expected (lowest, highest) of the pictures' values, like (0, 255). Received: {value!r}")
    low, high = sorted(map(real, value))
    return low, high


Factor = Annotated[Any, within(-1.0, 1.0)]  # f stands for (-f, f)
Share = Annotated[Any, within(0.0, 1.0)]  # f stands for (0, f)
ValueRange = Annotated[Any, value_range]


def bounds(layer: Any, name: str, least: Any = None) -> tuple[Any, Any]:
    """What the factor in a field stands for: (lower, upper); of a number f (-f, f), or (least, f)."""
    factor = layer.hyper(name)
    return factor if isinstance(factor, tuple) else (-factor if least is None else least, factor)


def uniform(key: Any, images: Any, bounds: tuple[Any, Any]) -> jax.Array:
    """A number between two bounds for every picture."""
    return jax.random.uniform(key, images.shape[:1], jnp.float32, *bounds)


def each(numbers: Any) -> Any:
    """One number a picture, beside pictures."""
    return numbers[:, None, None, None]
