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
from .inputs import arrays_of, check_finite, check_rows, weights_of
from .order import shuffled


class Stream:
    """Batches (x, y, weights) from a source, epoch by epoch.

    Args:
        source: something that can be iterated again and again (a loader, a list of batches, an object with
            __len__ and __getitem__), a function that gives an iterator for each epoch (given the epoch's number, if
            it takes one argument), or an iterator.
        steps: batches an epoch; needed for iterators without end.
        where: how messages call it.
        epoch: the first epoch.
        on_bad: whether a batch with NaN, infinity, labels or ids out of range is an "error", left out ("skip") or let
            in ("keep").
        seed: of the order in which a source with __len__ and __getitem__ is asked for batches, another one every pass;
            None: 0, 1, 2, ...
        goes_on: whether an epoch of `steps` begins where the one before ended, and a source that is used up begins
            anew; else every epoch is a pass over the source.

    Attributes:
        check: called with every batch, to refuse what does not fit the model.
    """

    check: Callable[..., Any] | None = None

    def __init__(
        self,
        source: Any,
        steps: int | None = None,
        where: str = "fit(x=...)",
        epoch: int = 0,
        on_bad: str = "error",
        seed: int | None = None,
        goes_on: bool = False,
    ):
        self.source, self.steps, self.where, self.on_bad, self.seed = source, steps, where, on_bad, seed
        self.once = iter(source) if hasattr(source, "__next__") else None
        self.numbered = hasattr(source, "__getitem__") and not hasattr(source, "__iter__")
        again = self.numbered or hasattr(source, "__iter__")
        self.goes_on = goes_on and steps is not None and self.once is None and again
        self.epoch = epoch  # the one that is read, or will be next
        self.passes = epoch  # over a source that goes on
        self.batches: Generator[Any, None, None] | None = None  # of the pass under way
        self.first: Any = None

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

        What cannot begin at another place is read for it; other sources are only told of their ends.
        """
        placed = self.numbered and self.on_bad != "skip"  # else nobody knows how many batches were left out
        if self.once is not None or (self.goes_on and not placed):
            for _ in range(epochs):
                collections.deque(self._epoch(), maxlen=0)
            return
        if epochs:
            self._close()
        for _ in range(epochs):
            self._end_epoch()
        if self.goes_on and epochs:
            passes, at = divmod(epochs * (self.steps or 0), len(self.source))
            self.passes += passes
            self.batches = self._open(at)

    def batches_once(self) -> Iterator[Any]:
        """The batches of one epoch, read as they are asked for."""
        return self._epoch()

    def all_rows(self) -> list[Any]:
        """The rows of one epoch, together in memory; those of each shape by themselves, in the order of their first."""
        alike: dict[Any, list[Any]] = {}
        for batch in self._epoch():
            leaves, tree = jax.tree.flatten(batch)
            alike.setdefault((tree, *(leaf.shape[1:] for leaf in leaves)), []).append(batch)
        return [jax.tree.map(lambda *parts: np.concatenate(parts), *batches) for batches in alike.values()]

    def _epoch(self) -> Iterator[Any]:
        """The batches of the next epoch."""
        count = 0
        for batch in self._going():
            yield batch
            count += 1
            if count == self.steps:
                break
        if not self.goes_on:
            self._close()
        self._end_epoch()
        if count == 0 or (self.steps is not None and count < self.steps):
            wanted = "a batch" if self.steps is None else f"{self.steps} batches"
            former = self.epoch > 1 and self.where.startswith("fit")
            stays = ". What was learned before stays in the model, and in model.history" if former else ""
            raise ValueError(
                f"{self.where}: the source ended after {count} batches of this epoch, {wanted} expected. An "
                f"iterator is used up once: give steps_per_epoch, or something that can be iterated over again{stays}"
            )

    def _going(self) -> Iterator[Any]:
        """Batches from where the source stands, the peeked one first."""
        if self.first is not None:
            first, self.first = self.first, None
            if self._passes(first, f"{self.where}, batch 0"):
                yield first
        while True:
            fresh, empty = self.batches is None, True
            self.batches = self.batches or self._open()
            for batch in self.batches:
                empty = False
                yield batch
            self.batches, self.passes = None, self.passes + 1
            if not self.goes_on or (fresh and empty):
                return

    def _close(self) -> None:
        """Let go of the pass under way."""
        if self.batches is not None:
            self.batches.close()
        self.batches = self.first = None

    def _end_epoch(self) -> None:
        self.epoch += 1
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def _open(self, start: int = 0) -> Generator[Any, None, None]:
        """A pass over the source, from one of its batches."""
        for number, given in enumerate(_numbered(self._raw(start), self.where, start), start):
            where = f"{self.where}, batch {number}"
            batch = self._batch(given, where)
            if self._passes(batch, where):
                yield jax.tree.map(np.asarray, batch)

    def _raw(self, start: int) -> Iterable[Any]:
        """What the source gives in one pass; those that are asked for batches by number begin at `start`."""
        source: Any = self.source
        if self.once is not None:
            return self.once
        if self.numbered:
            order = np.arange(len(source))
            if self.seed is not None and len(order):
                order = shuffled(order, len(order), self.seed, self.passes if self.goes_on else self.epoch)
            return (source[int(i)] for i in order[start:])
        if hasattr(source, "__iter__"):
            return iter(source)
        made = source(self.epoch) if _takes_epoch(source) else source()
        if not hasattr(made, "__iter__"):
            raise TypeError(f"{self.where}: the function gave {made!r:.40}. Expected something that gives batches")
        return made

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
        x = arrays_of(x, f"{where}, x")
        batch = x, arrays_of(y, f"{where}, y"), weights_of(weights, x, f"{where}, sample_weight")
        check_rows(*batch, where)
        return batch


def _takes_epoch(source: Any) -> bool:
    """Whether a function that gives an iterator wants to be told for which epoch."""
    try:
        needed = [p for p in inspect.signature(source).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):
        return False
    return len(needed) == 1 and needed[0].kind in (needed[0].POSITIONAL_ONLY, needed[0].POSITIONAL_OR_KEYWORD)


def _numbered(raw: Iterable[Any], where: str, number: int) -> Iterator[Any]:
    """The items of an iterable; an error in it says at which batch, from `number`."""
    items = iter(raw)
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
