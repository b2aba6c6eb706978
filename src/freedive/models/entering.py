"""Data at a model's door: what its first layers do with texts, on the host, before a run or in the thread that reads
ahead."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from ..train.streams import is_stream


def entered(model: Any, x: Any) -> Any:
    """Data as the compiled part of a model takes it; a source of batches gives them so."""
    door = getattr(model, "_door", None)
    if door is None or x is None:
        return x
    if not is_stream(x):
        return door(x)
    if hasattr(x, "__next__"):
        return (_through(door, batch) for batch in x)
    if callable(x) and not hasattr(x, "__iter__"):
        make: Any = x
        return functools.wraps(make)(lambda *epoch: (_through(door, batch) for batch in make(*epoch)))
    return Entering(x, door)


def entered_pair(model: Any, held_out: Any) -> Any:
    """Validation data: (x, y), (x, y, weights) or a source of batches."""
    if getattr(model, "_door", None) is None or held_out is None or is_stream(held_out):
        return entered(model, held_out)
    return (entered(model, held_out[0]), *held_out[1:])


class Entering:
    """Batches whose x goes through a door as they are read, again and again.

    Args:
        source: can be iterated again and again.
        door: text to numbers.
    """

    def __init__(self, source: Any, door: Callable[[Any], Any]):
        self.source, self.door = source, door

    def __iter__(self) -> Iterator[Any]:
        count = len(self.source) if not hasattr(self.source, "__iter__") else None
        batches = self.source if count is None else (self.source[i] for i in range(count))
        return (_through(self.door, batch) for batch in batches)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)


def _through(door: Callable[[Any], Any], batch: Any) -> Any:
    if isinstance(batch, (tuple, list)) and len(batch) in (2, 3):
        return (door(batch[0]), *batch[1:])
    return door(batch)
