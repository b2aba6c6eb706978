"""Reading ahead: while the run works on one block of batches, a thread gathers the next, and one more."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any

import jax

from .feeds import Block

BLOCK_BYTES = 16 * 2**20  # a block of batches takes at most this much memory; some of them are held at once
BLOCK_BATCHES = 32
IDLE = 0.2  # seconds that a run waits for a full block; then it takes what is there, and looks around
END = object()  # what the thread says last


def read_ahead(batches: Iterable[Any], most: int = BLOCK_BATCHES) -> Generator[Block | None, None, None]:
    """Batches of equal shape in blocks of at most `most`, read by a thread that ends with the generator.

    None stands for a moment in which the source gave nothing. What goes wrong in the source is raised here, after the
    batches before it.
    """
    reader = _Reader(batches, most)
    try:
        while (block := reader.next()) is not END:
            if isinstance(block, BaseException):
                raise block
            yield block
    finally:
        reader.end()


class _Reader:
    """A thread that reads, the blocks that are full, and the batches of the one that is not."""

    def __init__(self, batches: Iterable[Any], most: int):
        self.batches, self.most = batches, most
        self.full: queue.Queue[Any] = queue.Queue(maxsize=2)
        self.held: list[Any] = []
        self.order = threading.Lock()  # between taking a block from `held` and putting it into `full`
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.read, name="freedive-stream", daemon=True)
        self.thread.start()

    def read(self) -> None:
        last: Any = END
        try:
            for batch in self.batches:
                with self.order:
                    if self.held and shapes(batch) != shapes(self.held[0]):
                        self.hand(self.block())
                    self.held.append(batch)
                    if len(self.held) == room_for(batch, self.most):
                        self.hand(self.block())
                if self.stop.is_set():
                    return
        except BaseException as error:  # raised by `read_ahead`
            last = error
        with self.order:
            self.hand(self.block())
        self.hand(last)

    def block(self) -> Block | None:
        """The batches that are held, as one block; None if there are none."""
        held, self.held = self.held, []
        return Block(held, room_for(held[0], self.most)) if held else None

    def hand(self, thing: Any) -> None:
        while thing is not None and not self.stop.is_set():
            with contextlib.suppress(queue.Full):
                self.full.put(thing, timeout=0.1)
                return

    def next(self) -> Any:
        with contextlib.suppress(queue.Empty):
            return self.full.get(timeout=IDLE)
        with self.order:
            with contextlib.suppress(queue.Empty):
                return self.full.get_nowait()
            return self.block()

    def end(self) -> None:
        self.stop.set()
        self.thread.join(timeout=0.5)  # a source that blocks keeps its thread until it answers


def room_for(batch: Any, most: int) -> int:
    """How many batches like this one a block holds: a number of the shapes only, so that programs are few."""
    size = sum(a.nbytes for a in jax.tree.leaves(batch))
    return max(1, min(most, BLOCK_BYTES // max(size, 1)))


def shapes(batch: Any) -> Any:
    """What batches of one block have in common."""
    return jax.tree.structure(batch), [(a.shape, a.dtype) for a in jax.tree.leaves(batch)]
