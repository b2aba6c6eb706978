"""Bounds on the work that a description may ask for: counted in whole numbers before memory or time is spent on it.

A file may describe a layer of ten billion units in forty characters. While a model is read from a file, the weights
that its layers ask for are counted against the numbers that the file holds, and the layers and their outputs against
limits of their own. Outside of that nothing is bounded.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
from collections.abc import Iterable, Iterator

from ..errors import TooLargeError, show_shape

MAX_LAYERS = 10_000
MAX_NUMBERS_A_SAMPLE = 2**28  # in the output of one layer: a gigabyte of float32
SLACK = 2**20  # so many numbers too many are told tensor by tensor, with their names


class Bounds:
    """What may still be asked for.

    Args:
        numbers: in all weights together.
    """

    def __init__(self, numbers: int):
        self.numbers, self.asked, self.layers = numbers, 0, 0

    def count_layer(self) -> None:
        """One more layer."""
        self.layers += 1
        if self.layers > MAX_LAYERS:
            raise TooLargeError(f"more than {MAX_LAYERS:,} layers")

    def count_weight(self, place: str, shape: tuple[int, ...]) -> None:
        """One more weight."""
        self.asked += math.prod(shape)
        if self.asked > self.numbers + SLACK:
            raise TooLargeError(
                f"{place} of shape {show_shape(shape)} would make {self.asked:,} numbers in all; the file holds "
                f"{self.numbers:,}"
            )

    def check_output(self, place: str, shapes: Iterable[tuple[int, ...]], batch: int) -> None:
        """What a layer gives, for a batch of that many samples."""
        for shape in shapes:
            count = math.prod(shape) // batch
            if count > MAX_NUMBERS_A_SAMPLE:
                raise TooLargeError(
                    f"{place} would give {count:,} numbers a sample; at most {MAX_NUMBERS_A_SAMPLE:,} are allowed in "
                    "a model from a file"
                )


_bounds: contextvars.ContextVar[Bounds | None] = contextvars.ContextVar("bounds", default=None)


def bounds() -> Bounds | None:
    """What holds now; None where nothing is bounded."""
    return _bounds.get()


@contextlib.contextmanager
def bounded(numbers: int) -> Iterator[Bounds]:
    """Bound what is made within: weights of that many numbers in all, and a decent number of layers."""
    token = _bounds.set(Bounds(numbers))
    try:
        yield _bounds.get()  # type: ignore[misc]
    finally:
        _bounds.reset(token)
