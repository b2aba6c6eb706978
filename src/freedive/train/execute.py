"""The only loop: it moves a run along its line in chunks of about a fifth of a second, and calls back at their edges."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from .callbacks.base import CallbackList
from .chunk import ROOM, Carry, Line, compiled_chunk, empty_sums
from .program import Program, TrainState

TARGET = 0.2  # seconds a chunk
GROWTH = 8  # a chunk has at most this many times the steps of the one before


class Closed(NamedTuple):
    """An epoch that ended."""

    epoch: int
    logs: dict[str, Any]


class Run:
    """A run under way: its state, where it stands on its line, and how fast it goes.

    Args:
        program: what a step does.
        ts: the first train state. The run takes copies; the caller's arrays stay his.
        line: the steps of an epoch.
        seed: of the order of the data.
        epoch, at: where it stands.
    """

    def __init__(self, program: Program, ts: TrainState, line: Line, seed: int, epoch: int = 0, at: int = 0):
        self.program, self.line, self.seed, self.epoch, self.at = program, line, seed, epoch, at
        self.carry = Carry(jax.tree.map(jnp.copy, ts), empty_sums(program, ts, line))
        self.pace = 0.0  # seconds a step, measured
        self.longest = 1  # steps of the last chunk
        self.dispatches = 0

    @property
    def ts(self) -> TrainState:
        """The train state as it is now."""
        return self.carry.ts

    def advance(self, count: int) -> list[Closed]:
        """Do `count` steps; the epochs that ended in them."""
        call = compiled_chunk(self.program, self.line)
        places = (np.uint32(self.seed), np.int32(self.epoch), np.int32(self.at), np.int32(count))
        self.carry, logs = call((self.program, self.line), self.carry, self.line.arrays, *places)
        self.dispatches += 1
        ended, self.at = divmod(self.at + count, self.line.steps)
        first, self.epoch = self.epoch, self.epoch + ended
        logs = jax.tree.map(np.asarray, logs) if ended else None
        return [
            Closed(first + i, self.results(jax.tree.map(lambda l, i=i: l[i], logs), first + i)) for i in range(ended)
        ]

    def results(self, sums: Any, epoch: int) -> dict[str, Any]:
        """Named numbers from sums: training's plain, validation's with val_ before them."""
        logs = self.program.results(sums["train"]) if "train" in sums else {}
        if "test" in sums and (epoch + 1) % self.line.every == 0:
            tested = self.program.results(sums["test"])
            logs |= {f"val_{k}": v for k, v in tested.items()} if "train" in sums else tested
        return logs

    def so_far(self) -> dict[str, Any]:
        """The numbers of the epoch under way."""
        return self.program.results(jax.tree.map(np.asarray, self.carry.sums["train" if self.line.train else "test"]))

    def timed(self, count: int) -> list[Closed]:
        """Advance, and learn the pace."""
        began = time.perf_counter()
        closed = self.advance(count)
        jax.block_until_ready(self.carry.ts.step)
        if count:
            self.pace, self.longest = (time.perf_counter() - began) / count, count
        return closed

    def wanted(self) -> int:
        """The steps that would take TARGET seconds, as far as the pace is known."""
        return max(1, min(int(TARGET / self.pace), GROWTH * self.longest)) if self.pace else 1


class Host(Protocol):
    """Who a run is for: sees its values at the edges, changes its numbers, may stop it."""

    stop_training: bool

    def publish(self, ts: TrainState) -> None:
        """See the values as they are now."""
        ...

    def refresh(self, ts: TrainState) -> TrainState:
        """The state with the numbers that callbacks may have changed."""
        ...


def execute(run: Run, host: Host, callbacks: CallbackList, epochs: int) -> None:
    """Move a run along its line until `epochs` epochs are done or the host says stop.

    Args:
        run: where it begins.
        host: who it is for.
        callbacks: told at the edges; where they need a pause, chunks end there.
        epochs: the epoch to stop before.
    """
    began = time.perf_counter()
    run.timed(0)  # an interval of no steps: compiles, and computes nothing
    callbacks.on_compiled(time.perf_counter() - began)
    if run.at == 0 and run.epoch < epochs:
        callbacks.on_epoch_begin(run.epoch)
    while run.epoch < epochs and not host.stop_training:
        count = next_count(run, callbacks.edge, epochs)
        batch = run.at if callbacks.edge == "batch" and run.at < run.line.training else None
        if batch is not None:
            _both(callbacks, "on_train_batch_begin", "on_batch_begin", batch, None)
        run.carry = run.carry._replace(ts=host.refresh(run.ts))
        closed = run.timed(count)
        if callbacks.edge != "never":
            host.publish(run.ts)
        callbacks.on_chunk_end(run)
        if batch is not None:
            logs = run.so_far() if not closed else closed[0].logs
            _both(callbacks, "on_train_batch_end", "on_batch_end", batch, logs)
        for epoch, logs in closed:
            callbacks.on_epoch_end(epoch, logs)
            if epoch + 1 < epochs and not host.stop_training:
                callbacks.on_epoch_begin(epoch + 1)


def _both(callbacks: CallbackList, *hooks_and_arguments: Any) -> None:
    *hooks, batch, logs = hooks_and_arguments
    for hook in hooks:
        getattr(callbacks, hook)(batch, logs)


def next_count(run: Run, edge: str, epochs: int) -> int:
    """How many steps the next chunk does: about TARGET seconds, whole epochs where they are short, never past an edge."""
    steps, left = run.line.steps, run.line.steps - run.at
    if edge == "batch":
        return 1 if run.at < run.line.training else left
    wanted = run.wanted()
    if edge == "epoch" or wanted < left:
        # Two chunks of half an epoch rather than a long and a tiny one.
        return left if wanted >= left else -(-left // -(-left // wanted))
    whole = min((wanted - left) // steps, ROOM - 1, epochs - run.epoch - 1)
    return left + whole * steps
