"""A run is a line of steps: the batches of an epoch, then its validation, then the next epoch. A chunk is an interval
of that line, and one compiled program runs any interval: where it begins and how many steps it does are inputs.

So an epoch may take many chunks, or a chunk many epochs, with the same bits; nothing compiles twice, and progress,
Ctrl-C, callbacks and checkpoints live at chunk edges.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..core.structure import Compiled, compiled, kept
from ..metrics.moments import added
from ..ops import host
from ..ops.memory import on_large_pages
from .feeds import Feed, parts_of
from .finite import signs
from .program import Program, TrainState

ROOM_BYTES, ROOM_MOST = 4 * 2**20, 256  # what one chunk can report: so many bytes of sums, and so many epochs


class Carry(NamedTuple):
    """What goes from chunk to chunk: the train state, and the sums of the epoch under way."""

    ts: TrainState
    sums: Any  # {"train": ..., "test": ...}


class Line(NamedTuple):
    """The steps of an epoch: training batches from `train`, then, every `every` epochs, validation's from `test`."""

    train: Feed | None
    test: Feed | None
    every: int = 1

    @property
    def training(self) -> int:
        """Training steps an epoch."""
        return self.train.full + (self.train.rest > 0) if self.train is not None else 0

    @property
    def steps(self) -> int:
        """Steps an epoch, validation included."""
        return self.training + (self.test.full + (self.test.rest > 0) if self.test is not None else 0)

    @property
    def arrays(self) -> Any:
        """The data, as an input of the compiled chunk."""
        return [feed.arrays if feed is not None else None for feed in (self.train, self.test)]

    @property
    def own(self) -> Any:
        """Which of the arrays every member of a population has for itself: 0 for those, None for shared ones."""
        return [feed.own if feed is not None else None for feed in (self.train, self.test)]

    @property
    def key(self) -> Any:
        """What makes two lines the same program."""
        return (*(feed.key if feed is not None else None for feed in (self.train, self.test)), self.every)


class Place(NamedTuple):
    """An interval of a line: `count` steps from step `at` of `epoch`; inputs of the compiled chunk.

    `verify` is 1 where the whole train state is to be looked through at its end, else 0.
    """

    seed: Any
    epoch: Any
    at: Any
    count: Any
    verify: Any


def compiled_chunk(program: Program, line: Line) -> Compiled:
    """The compiled `chunk`, shared by equal programs on equal lines."""

    def run(subject: Any, *args: Any) -> Any:
        return interval(*subject)(*args)

    return compiled(("chunk", program.key, program.members, line.key), run, donate_argnums=0)


def interval(program: Program, line: Line) -> Callable[..., Any]:
    """`chunk` for what the program runs for: one state, or the members of a population."""
    one = functools.partial(chunk, program, line)
    return one if program.members is None else program.members.all(one, line.own)


def chunk(program: Program, line: Line, carry: Carry, arrays: Any, place: Place) -> Any:
    """Run an interval of a line.

    Returns:
        (carry, logs, signs): logs hold the sums of each epoch that ended, in order, with room for `room(carry.sums)` of
        them; signs say what is finite, see `finite.signs`.
    """
    seed, epoch, at, count, verify = place
    count = on_large_pages(count)
    zero, rows = jax.tree.map(jnp.zeros_like, carry.sums), room(carry.sums)
    logs = jax.tree.map(lambda s: jnp.zeros((rows, *s.shape), s.dtype), carry.sums)

    def stretch(c: Any) -> Any:
        carry, epoch, at, left, row, logs = c
        end = jnp.minimum(at + left, line.steps)
        carry = _train(program, line, carry, arrays[0], seed, epoch, at, end)
        carry = _test(program, line, carry, arrays[1], epoch, at - line.training, end - line.training)
        logs = jax.tree.map(lambda l, s: lax.dynamic_update_index_in_dim(l, s, row, 0), logs, carry.sums)
        done = end == line.steps
        sums = jax.tree.map(lambda z, s: jnp.where(done, z, s), zero, carry.sums)
        return carry._replace(sums=sums), epoch + done, jnp.where(done, 0, end), left - (end - at), row + done, logs

    def going(c: Any) -> Any:
        return c[3] > 0

    start = (carry, epoch, at, count, jnp.int32(0), logs)
    carry, *_, logs = lax.while_loop(going, stretch, start)
    return carry, logs, signs(carry, logs, verify)


def _train(program: Program, line: Line, carry: Carry, arrays: Any, seed: Any, epoch: Any, at: Any, end: Any) -> Carry:
    feed = line.train
    if feed is None:
        return carry

    def step(carry: Carry, batch: Any) -> Carry:
        ts, sums = program.step(carry.ts, batch)
        return Carry(ts, {**carry.sums, "train": added(carry.sums["train"], sums)})

    return _over(feed, carry, step, arrays, seed, epoch, at, end)


def _test(program: Program, line: Line, carry: Carry, arrays: Any, epoch: Any, at: Any, end: Any) -> Carry:
    feed = line.test
    if feed is None:
        return carry
    due = (epoch + 1) % line.every == 0

    def step(carry: Carry, batch: Any) -> Carry:
        sums = program.sums(carry.ts, batch, training=False)
        return carry._replace(sums={**carry.sums, "test": added(carry.sums["test"], sums)})

    return _over(feed, carry, step, arrays, 0, 0, at, jnp.where(due, end, 0))


def _over(feed: Feed, carry: Carry, step: Any, arrays: Any, seed: Any, epoch: Any, at: Any, end: Any) -> Carry:
    """The batches between `at` and `end` of a feed, or of those that take turns."""
    for one, its, before in parts_of(feed, arrays):
        carry = _over_one(one, carry, step, its, seed, epoch, jnp.maximum(at - before, 0), end - before)
    return carry


def _over_one(feed: Feed, carry: Carry, step: Any, arrays: Any, seed: Any, epoch: Any, at: Any, end: Any) -> Carry:
    """The full batches between `at` and `end`, and the short one if it lies between them."""
    if feed.full:
        body = lambda i, c: step(c, feed.batch(arrays, seed, epoch, i))  # noqa: E731
        carry = lax.fori_loop(jnp.minimum(at, feed.full), jnp.minimum(end, feed.full), body, carry)
    if feed.rest:
        # A loop of no or one turn: unlike a conditional, it lets XLA update the weights in place.
        body = lambda _, c: step(c, feed.last(arrays, seed, epoch))  # noqa: E731
        carry = lax.fori_loop(jnp.maximum(at, feed.full), jnp.minimum(end, feed.full + 1), body, carry)
    return carry


def room(sums: Any) -> int:
    """The epochs that one chunk can report."""
    size = sum(s.size * s.dtype.itemsize for s in jax.tree.leaves(sums))
    return max(1, min(ROOM_MOST, ROOM_BYTES // max(size, 1)))


def empty_sums(program: Program, ts: TrainState, line: Line) -> Any:
    """Zeros of the shape of an epoch's sums, found by tracing once."""
    flat, tree = jax.tree.flatten((ts, line.arrays))
    key = ("sums", program.key, program.members is None, line.key, tree, tuple((a.shape, a.dtype) for a in flat))
    one = functools.partial(_sums, program, line)
    if program.members is not None:
        one = jax.vmap(one, in_axes=(0, line.own))
    shapes = kept(key, lambda: jax.eval_shape(one, ts, line.arrays))
    return jax.tree.map(lambda s: host.zeros(s.shape, s.dtype), shapes)


def _sums(program: Program, line: Line, ts: TrainState, arrays: Any) -> Any:
    found = {}
    for name, feed, data in (("train", line.train, arrays[0]), ("test", line.test, arrays[1])):
        if feed is not None:
            batch = feed.batch(data, 0, 0, 0) if feed.full else feed.last(data, 0, 0)
            found[name] = program.sums(ts, batch, training=name == "train")
    return found
