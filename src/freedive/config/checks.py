"""What a value of a field may be: checks and conversions, each a function from what came to what is kept."""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import numpy as np


def argument(owner: str, name: str, value: Any, *steps: Callable[[Any], Any]) -> Any:
    """A value after these checks and conversions; a refusal names the argument.

    >>> argument("partition", "alpha", 0, real, positive)
    Traceback (most recent call last):
    ValueError: partition(alpha=0): expected more than 0. Received: 0.0
    """
    try:
        return functools.reduce(lambda v, step: step(v), steps, value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{owner}({name}={shown(value)}): {error}") from None


def shown(value: Any) -> str:
    """A value as messages show it: a long list by how many it holds.

    >>> shown(3), shown("ab"), shown(list(range(1000)))
    ('3', "'ab'", '<list of 1000>')
    """
    long = isinstance(value, (list, tuple, Mapping)) and len(value) > 20
    return f"<{type(value).__name__} of {len(value)}>" if long else repr(value)


def integer(value: Any) -> int:
    """A whole number, never a bool or a float."""
    if isinstance(value, numbers.Integral) and not isinstance(value, (bool, np.bool_)):
        return int(value)
    raise TypeError(f"expected a whole number. Received: {value!r} of type {type(value).__name__}")


def real(value: Any) -> float:
    """A finite or infinite number, never NaN."""
    if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)):
        if math.isnan(value):
            raise ValueError("expected a number. Received: NaN")
        return float(value)
    raise TypeError(f"expected a number. Received: {value!r} of type {type(value).__name__}")


def boolean(value: Any) -> bool:
    """True or False."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError(f"expected True or False. Received: {value!r}")


def text(value: Any) -> str:
    """A string."""
    if isinstance(value, str):
        return value
    raise TypeError(f"expected a string. Received: {value!r} of type {type(value).__name__}")


def positive(value: Any) -> Any:
    """More than zero."""
    if not value > 0:
        raise ValueError(f"expected more than 0. Received: {value!r}")
    return value


def non_negative(value: Any) -> Any:
    """Zero or more."""
    if not value >= 0:
        raise ValueError(f"expected 0 or more. Received: {value!r}")
    return value


def fraction(value: float) -> float:
    """A number from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"expected a number from 0 to 1. Received: {value!r}")
    return value


def axes(value: Any) -> int | tuple[int, ...]:
    """An axis, or several.

    >>> axes(-1), axes([0, 1])
    (-1, (0, 1))
    """
    return tuple(integer(axis) for axis in value) if isinstance(value, (list, tuple)) else integer(value)


def finite(value: float) -> float:
    """Not infinite."""
    if math.isinf(value):
        raise ValueError(f"expected a finite number. Received: {value!r}")
    return value


def one_of(*allowed: Any) -> Callable[[Any], Any]:
    """One of a few words."""

    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"expected one of {', '.join(map(repr, allowed))}. Received: {value!r}")
        return value

    return check


def list_of(check: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Several values, each of which passes a check; a text is no list of its letters.

    >>> list_of(real)([1, 2])
    (1.0, 2.0)
    """

    def each(value: Any) -> tuple[Any, ...]:
        if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
            raise TypeError(f"expected a list. Received: {value!r:.80}")
        return tuple(map(check, value))

    return each


PositiveInt = Annotated[int, positive]
PositiveFloat = Annotated[float, positive]
NonNegativeFloat = Annotated[float, non_negative]
Fraction = Annotated[float, fraction]
Axes = Annotated[Any, axes]
