"""Where batches come from: whole arrays on the device, from which the compiled run takes the rows of a batch itself, or
blocks of batches that a stream hands over.

A feed tells the compiled run how many full batches an epoch has and how large the short one at its end is; its
`batch` and `last` are traced. The short batch has its true size, so every loss, metric and layer sees only real rows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from .order import shuffled
from .windows import on_device, part, take


class Feed(Protocol):
    """What the compiled run asks of its data."""

    arrays: Any  # a tree; an input of the compiled run
    own: Any  # of those arrays: 0 where every member of a population has its own, None where all share them
    full: int  # full batches an epoch
    rest: int  # rows of the short batch after them
    batch_size: int

    @property
    def key(self) -> Hashable:
        """What makes two feeds the same program."""
        ...

    def batch(self, arrays: Any, seed: Any, epoch: Any, at: Any) -> Any:
        """Full batch `at` of an epoch; traced."""
        ...

    def last(self, arrays: Any, seed: Any, epoch: Any) -> Any:
        """The short batch; traced."""
        ...


class Resident:
    """Arrays on the device: rows of (x, y, weights), shuffled anew each epoch.

    Args:
        arrays: a tree of arrays with equal first sizes; those whose rows overlap in memory, as windows of a series do,
            take no more room on the device than the series.
        batch_size: rows a batch.
        shuffle: whether every epoch has its own order.
        steps: batches an epoch takes, where that is fewer than there are: shuffled epochs take others each time, and
            one in order begins where the one before ended. The last batch of a pass is filled up with rows before it.
    """

    own: Any = None

    def __init__(self, arrays: Any, batch_size: int, shuffle: bool, steps: int | None = None):
        self.rows = len(jax.tree.leaves(arrays)[0])
        self.batch_size, self.shuffle = min(batch_size, self.rows), shuffle
        self.arrays = on_device(arrays)
        self.full, self.rest = divmod(self.rows, self.batch_size)
        if steps is not None and steps <= self.full:
            self.full, self.rest = steps, 0
        self.parted = steps is not None and self.full * self.batch_size + self.rest < self.rows

    @property
    def key(self) -> Hashable:
        return ("resident", self.rows, self.batch_size, self.shuffle, self.full, self.rest)

    def batch(self, arrays: Any, seed: Any, epoch: Any, at: Any) -> Any:
        start = at * self.batch_size
        if self.parted and not self.shuffle:
            batch = (epoch * self.full + at) % -(-self.rows // self.batch_size)
            start = jnp.minimum(batch * self.batch_size, self.rows - self.batch_size)
        return self._take(arrays, start, self.batch_size, seed, epoch)

    def last(self, arrays: Any, seed: Any, epoch: Any) -> Any:
        return self._take(arrays, self.full * self.batch_size, self.rest, seed, epoch)

    def _take(self, arrays: Any, start: Any, size: int, seed: Any, epoch: Any) -> Any:
        if not self.shuffle:
            return part(arrays, start, size)
        rows = shuffled(start + jnp.arange(size), self.rows, seed, epoch)
        return take(arrays, rows, unique=True)


class InTurn:
    """Feeds one after the other, so that their batches may be of several shapes; each counts as full ones."""

    rest, own = 0, None

    def __init__(self, feeds: Sequence[Feed]):
        self.feeds = feeds
        self.arrays = [feed.arrays for feed in feeds]
        self.sizes = [feed.full + (feed.rest > 0) for feed in feeds]
        self.full, self.batch_size = sum(self.sizes), feeds[0].batch_size

    @property
    def key(self) -> Hashable:
        return ("in turn", *(feed.key for feed in self.feeds))

    def batch(self, arrays: Any, seed: Any, epoch: Any, at: Any) -> Any:
        """The first batch of all: to see what becomes of one."""
        feed = self.feeds[0]
        return feed.batch(arrays[0], seed, epoch, at) if feed.full else feed.last(arrays[0], seed, epoch)

    def last(self, arrays: Any, seed: Any, epoch: Any) -> Any:
        raise NotImplementedError("feeds in turn have no short batch of their own")


def in_turn(feeds: Sequence[Any]) -> Any:
    """One feed of several."""
    return feeds[0] if len(feeds) == 1 else InTurn(feeds)


def parts_of(feed: Feed, arrays: Any) -> Iterator[tuple[Feed, Any, int]]:
    """Each of the feeds that take turns, or the only one; its arrays, and how many steps come before it."""
    if not isinstance(feed, InTurn):
        yield feed, arrays, 0
        return
    for place, one in enumerate(feed.feeds):
        yield one, arrays[place], sum(feed.sizes[:place])


class Block:
    """Batches of equal shape that a stream handed over, stacked: leaves are (batches, rows, ...).

    A block never ends an epoch, since a stream may have more; `room` is the number of batches the program is made for.
    """

    rest, own = 0, None
    streamed = True

    def __init__(self, batches: list[Any], room: int):
        self.count, self.full = len(batches), room + 1
        self.arrays = jax.tree.map(lambda *parts: _stacked(parts, room), *batches)
        self.batch_size = jax.tree.leaves(batches[0])[0].shape[0]

    @property
    def key(self) -> Hashable:
        return ("block", self.full)

    def batch(self, arrays: Any, seed: Any, epoch: Any, at: Any) -> Any:
        return jax.tree.map(lambda a: jax.lax.dynamic_index_in_dim(a, at, keepdims=False), arrays)

    def last(self, arrays: Any, seed: Any, epoch: Any) -> Any:
        raise NotImplementedError("a block has no short batch")


def _stacked(parts: tuple[Any, ...], room: int) -> np.ndarray:
    stacked = np.empty((room, *parts[0].shape), parts[0].dtype)
    for i, batch in enumerate(parts):
        stacked[i] = batch
    return stacked
