"""What layers over space and time share: sizes for each axis, where channels stand, what to say about a shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import jax.numpy as jnp

from ..config import integer, non_negative, one_of, positive
from ..core.forward import BATCH, shape_of
from ..core.layer import Layer

AXES = {1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}  # Keras' words, by rank


def _format(value: Any) -> str:
    return "channels_last" if value is None else one_of("channels_last", "channels_first")(value)


DataFormat = Annotated[Any, _format]  # where the channels stand; last unless given
Padding = Annotated[str, str.lower, one_of("valid", "same")]


# sizes ---------------------------------------------------------------------------------------------------------------
def per_axis(layer: Any, rank: int, *names: str, check: Callable[[int], int] = positive) -> None:
    """Make fields of a layer a whole number for each of its axes."""
    for name in names:
        value = getattr(layer, name)
        if value is not None:
            setattr(layer, name, numbers(value, rank, f"{type(layer).__name__}({name}={value!r})", check))


def numbers(value: Any, rank: int, where: str, check: Callable[[int], int] = positive) -> tuple[int, ...]:
    """A whole number for each axis, from one for all or one for each.

    >>> numbers(2, 3, "pool_size"), numbers([1, 2], 2, "strides")
    ((2, 2, 2), (1, 2))
    """
    many = tuple(value) if isinstance(value, (list, tuple)) else (value,) * rank
    try:
        if len(many) == rank:
            return tuple(check(integer(one)) for one in many)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where}: {error}") from None
    raise ValueError(f"{where}: expected a whole number, or {rank} of them, one for each axis {AXES[rank]}")


def pairs(value: Any, rank: int, where: str) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis, from one number for all, one for each, or pairs.

    >>> pairs(1, 2, "padding"), pairs((1, 2), 2, "padding"), pairs((1, 2), 1, "padding")
    (((1, 1), (1, 1)), ((1, 1), (2, 2)), ((1, 2),))
    """
    if rank == 1 and isinstance(value, (list, tuple)) and len(value) == 2:
        value = (value,)  # Keras' form for one axis
    many = tuple(value) if isinstance(value, (list, tuple)) else (value,) * rank
    if len(many) != rank:
        raise ValueError(
            f"{where}: expected a whole number, one for each of {rank} axes, or a pair (before, after) for each"
        )
    try:
        found = [tuple(one) if isinstance(one, (list, tuple)) else (one, one) for one in many]
        return tuple((non_negative(integer(a)), non_negative(integer(b))) for a, b in found)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where}: {error}") from None


# shapes --------------------------------------------------------------------------------------------------------------
def expect_rank(layer: Layer, x: Any, rank: int) -> None:
    """Refuse an input that has not a batch axis, `rank` axes of space or time, and channels."""
    if x.ndim == rank + 2:
        return
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    words = ("batch", *AXES[rank], "channels") if last else ("batch", "channels", *AXES[rank])
    if x.ndim == rank + 1:
        one = x.shape[-1] in (1, 3, 4) and x.shape[0] % BATCH
        hint = "Add the batch axis: x[None]" if one else "Add the channel axis: x[..., None]"
    elif x.ndim > rank + 2:
        hint = "For a sequence of such inputs wrap the layer in TimeDistributed; drop axes of size one: x.squeeze(axis)"
    else:
        hint = "Unflatten it first: Reshape((..., channels))"
    raise layer.error(f"expected {rank + 2} axes, ({', '.join(words)}). Received shape {shape_of(x)}. {hint}")


def expect_room(layer: Layer, x: Any, window: tuple[int, ...], what: str) -> None:
    """Refuse an input (channels last) in which a window that must lie inside finds no place."""
    sizes = x.shape[1:-1]
    if any(w > n for w, n in zip(window, sizes, strict=True)):
        raise layer.error(
            f"{what} of {' x '.join(map(str, window))} does not fit into an input of {' x '.join(map(str, sizes))}. "
            f'Use padding="same", a smaller {what}, or larger inputs'
        )


# where the channels stand --------------------------------------------------------------------------------------------
def to_last(layer: Any, x: Any) -> Any:
    """The input with its channels last."""
    return jnp.moveaxis(x, 1, -1) if layer.data_format == "channels_first" else x


def from_last(layer: Any, x: Any) -> Any:
    """The output, computed with channels last, as the layer's data_format asks."""
    return jnp.moveaxis(x, -1, 1) if layer.data_format == "channels_first" else x
