"""The arguments that every layer takes, in Keras' words, checked where it is made; and those that its call takes."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..config import finite, non_negative, real, text

COMMON = (
    *("name", "trainable", "learning_rate_factor", "dtype", "input_shape", "batch_input_shape", "input_dim"),
    *("input_length", "batch_size"),
)
DTYPES = (
    *("float32", "float16", "bfloat16", "float64", "bool"),
    *(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")),
)


def given_shape(common: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    """The shape of one sample from the words that Keras has for it."""
    if common.get("batch_input_shape") is not None:
        return checked_shape(tuple(common["batch_input_shape"])[1:], "batch_input_shape")
    if common.get("input_shape") is not None:
        if isinstance(common["input_shape"], (int, np.integer)):
            raise ValueError(f"input_shape expects a tuple, like (784,). Received: {common['input_shape']!r}")
        return checked_shape(common["input_shape"], "input_shape")
    sizes = (common.get("input_length"), common.get("input_dim"))
    given = tuple(size for size in sizes if size is not None)
    return checked_shape(given, "input_length and input_dim") if given else None


def checked_shape(shape: Any, what: str = "Input") -> tuple[int | None, ...]:
    """The shape of one sample as a tuple of whole numbers or None."""
    if isinstance(shape, (int, np.integer)) and not isinstance(shape, bool):
        shape = (shape,)
    sizes: Any = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    for d in sizes:
        if d is not None and (isinstance(d, bool) or not isinstance(d, (int, np.integer)) or d < 0):
            raise ValueError(
                f"{what} expects the shape of one sample in whole numbers, like (28, 28) or (None, 8). "
                f"Received: {shape!r:.100}"
            )
    return tuple(None if d is None else int(d) for d in sizes)


def checked_dtype(given: Any, texts: bool = False) -> str:
    """The name of a type that layers compute in, or "string" where texts are taken."""
    if texts and isinstance(given, str) and given == "string":
        return given
    try:
        dtype = jnp.dtype(given)
    except TypeError:
        dtype = None
    if dtype is None or dtype.name not in DTYPES:
        raise ValueError(f"dtype: expected one of {', '.join(DTYPES)}. Received: {given!r:.80}")
    return dtype.name


def checked_flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}={value!r:.80}: expected True or False")
    return bool(value)


def checked_factor(value: Any) -> float | None:
    """What the learning rate of a layer's weights is multiplied by; None: no factor of its own."""
    try:
        return None if value is None else finite(non_negative(real(value)))
    except (TypeError, ValueError) as error:
        raise type(error)(f"learning_rate_factor={value!r:.80}: {error}") from None


def checked_name(name: Any) -> str | None:
    """A name that can be part of a path; None where the layer is to be named by its type and position."""
    if name is None:
        return None
    if not re.fullmatch(r"[\w.:\-]{1,100}", text(name)) or ".." in name:
        raise ValueError(f"a layer's name has 1 to 100 letters, digits and _ . : -. Received: {name!r:.120}")
    return name


# of a call ----------------------------------------------------------------------------------------------------------
@functools.cache
def call_arguments(cls: type) -> frozenset[str]:
    """The names of the arguments that a layer's call takes."""
    return frozenset(inspect.signature(cls.call).parameters)  # type: ignore[attr-defined]


@functools.cache
def _by_place(cls: type) -> tuple[str, ...]:
    """The names of those that may be given by place, in order."""
    parameters = list(inspect.signature(cls.call).parameters.values())[1:]  # type: ignore[attr-defined]
    return tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))


def in_order(cls: type, inputs: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """The inputs of a call by place, also those that were given by name: they are cast and masked alike.

    >>> class Both:
    ...     def call(self, x, y, mask=None): ...
    >>> in_order(Both, (1,), {"y": 2, "mask": 3})
    ((1, 2), {'mask': 3})
    """
    kwargs = dict(kwargs)
    for name in _by_place(cls)[len(inputs) :]:
        if name not in kwargs or name in ("mask", "training"):
            break
        inputs = (*inputs, kwargs.pop(name))
    return inputs, kwargs
