"""Data that comes batch by batch: any iterable, generator, loader or folder reader, checked as it comes.

What goes wrong in the source reaches the caller with the number of the batch.
"""

from __future__ import annotations

import collections
import inspect
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import jax
import numpy as np

from ..errors import BadRowsError, warn
from .ahead import BLOCK_BATCHES, read_ahead
from .feeds import Block
from .inputs import arrays_of, check_finite, check_rows


class Stream:
    """Batches (x, y, weights) from a source, epoch by epoch.

    Args:
        source: something that can be iterated again and again (a loader, a list of batches, an object with
            __len__ and __getitem__), a function that gives an iterator for each epoch (given the epoch's number, if
            it takes one argument), or an iterator.
        steps: batches an epoch; needed for iterators without end.
        where: how messages call it.
        check: called with every batch, to refuse what does not fit the model.
        epoch: the first epoch.
        on_bad: whether a batch with NaN, infinity, labels or ids out of range is an "error", left out ("skip") or let
            in ("keep").
    """

    def __init__(
        self,
        source: Any,
        steps: int | None = None,
        where: str = "fit(x=...)",
        check: Callable[..., Any] | None = None,
        epoch: int = 0,
        on_bad: str = "error",
    ):
        self.source, self.steps, self.where, self.check, self.on_bad = source, steps, where, check, on_bad
        self.once = iter(source) if hasattr(source, "__next__") else None
        self.first: Any = None
        self.epoch = epoch  # the one that is read, or will be next

    def peek(self) -> Any:
        """The first batch, kept for the first epoch; shows the shapes before anything is compiled."""
        if self.first is None:
            self.batches = self._open()
            self.first = next(self.batches, None)
            if self.first is None:
                raise ValueError(f"{self.where}: there is no data: it gave no batch")
        return self.first

    def blocks(self, most: int = BLOCK_BATCHES, skip: int = 0) -> Generator[Block | None, None, None]:
        """The blocks of one epoch, read ahead by a thread; those of its first `skip` batches are passed over.

        None stands for a moment in which the source gave nothing.
        """
        return read_ahead(itertools.islice(self._epoch(), skip, None), most)

    def pass_over(self, epochs: int) -> None:
        """Leave out what so many epochs of a run took, for a run that goes on after them.

        An iterator, which cannot begin at another place, is read for it; other sources are only told of their ends.
        """
        for _ in range(epochs):
            if self.once is not None:
                collections.deque(self._epoch(), maxlen=0)
                continue
            if self.first is not None:
                self.batches.close()
                self.first = None
            self._end_epoch()

    def batches_once(self) -> Iterator[Any]:
        """The batches of one epoch, read as they are asked for."""
        return self._epoch()

    def all_rows(self) -> Any:
        """The rows of one epoch, together in memory."""
        return jax.tree.map(lambda *parts: np.concatenate(parts), *self._epoch())

    def _epoch(self) -> Iterator[Any]:
        """The batches of the next epoch, the peeked one first."""
        if self.first is not None:
            held, rest = self.first, self.batches
            self.first = None
            batches = _chained(held, rest) if self._passes(held, f"{self.where}, batch 0") else rest
        else:
            batches = self._open()
        count = 0
        for batch in batches:
            yield batch
            count += 1
            if count == self.steps:
                break
        self._end_epoch()
        if count == 0 or (self.steps is not None and count < self.steps):
            wanted = "a batch" if self.steps is None else f"{self.steps} batches"
            raise ValueError(
                f"{self.where}: the source ended after {count} batches of this epoch, {wanted} expected. An "
                "iterator is used up once: give steps_per_epoch, or something that can be iterated over again"
            )

    def _end_epoch(self) -> None:
        self.epoch += 1
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def _open(self) -> Generator[Any, None, None]:
        source: Any = self.source
        if self.once is not None:
            raw: Any = self.once
        elif hasattr(source, "__iter__"):
            raw = iter(source)
        elif hasattr(source, "__getitem__"):
            raw = (source[i] for i in range(len(source)))
        else:
            raw = source(self.epoch) if _takes_epoch(source) else source()
            if not hasattr(raw, "__iter__"):
                raise TypeError(f"{self.where}: the function gave {raw!r:.40}. Expected something that gives batches")
        for number, given in enumerate(_numbered(raw, self.where)):
            where = f"{self.where}, batch {number}"
            batch = self._batch(given, where)
            if self._passes(batch, where):
                yield jax.tree.map(np.asarray, batch)

    def _passes(self, batch: Any, where: str) -> bool:
        """Whether a batch goes to the run."""
        try:
            check_finite(batch, where)
            if self.check is not None:
                self.check(*batch, where)
        except BadRowsError as error:
            if self.on_bad == "error":
                raise
            if self.on_bad == "skip":
                warn(f"the batch is left out (on_bad='skip'): {error}")
            return self.on_bad == "keep"
        return True

    def _batch(self, given: Any, where: str) -> Any:
        parts = given if isinstance(given, (tuple, list)) and len(given) <= 3 else (given,)
        x, y, weights = (*parts, *(None,) * (3 - len(parts)))
        batch = (
            arrays_of(x, f"{where}, x"),
            arrays_of(y, f"{where}, y"),
            arrays_of(weights, f"{where}, sample_weight"),
        )
        check_rows(*batch, where)
        return batch


def _takes_epoch(source: Any) -> bool:
    """Whether a function that gives an iterator wants to be told for which epoch."""
    try:
        needed = [p for p in inspect.signature(source).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):
        return False
    return len(needed) == 1 and needed[0].kind in (needed[0].POSITIONAL_ONLY, needed[0].POSITIONAL_OR_KEYWORD)


def _numbered(raw: Iterable[Any], where: str) -> Iterator[Any]:
    """The items of an iterable; an error in it says at which batch."""
    number, items = 0, iter(raw)
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except Exception as error:
            error.add_note(f"{where}: raised by the data source while it made batch {number}")
            raise
        yield item
        number += 1


def _chained(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def is_stream(x: Any) -> bool:
    """Whether data comes batch by batch rather than as arrays."""
    if isinstance(x, list) and x and all(isinstance(b, tuple) and 2 <= len(b) <= 3 for b in x):
        return True  # a list of batches (x, y)
    if isinstance(x, (list, tuple, dict, str, bytes, np.ndarray, jax.Array)) or hasattr(x, "to_numpy"):
        return False
    if (
        hasattr(x, "__array__")
        or hasattr(x, "__array_interface__")
        or hasattr(x, "__dlpack__")
        or hasattr(x, "toarray")
    ):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or hasattr(x, "__getitem__") or callable(x)
