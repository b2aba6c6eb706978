"""The only loop: it moves a run along its line in chunks of about a fifth of a second and calls back at their edges."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from ..core.structure import kept
from ..errors import warn
from ..ops.memory import give_back
from .ahead import BLOCK_BATCHES
from .callbacks.base import CallbackList, dearest
from .chunk import Carry, Line, Place, compiled_chunk, empty_sums, room
from .guard import Guard, Part, copies
from .members import UNSETTLED, Members, faster
from .program import Program, TrainState
from .streams import Stream

TARGET = 0.2  # seconds a chunk
TOGETHER = 4  # steps that are slower share a chunk all the same: every dispatch takes fresh memory, and clears it
STRETCH = 5  # times TARGET, which such a chunk may last
WARNINGS = 3  # so many failures of a run are warned of
COMPILING = 0.1  # seconds: a beginning that took longer compiled something, and has memory to give back
GROWTH = 8  # a chunk has at most this many times the steps of the one before


class Closed(NamedTuple):
    """An epoch that ended."""

    epoch: int
    logs: dict[str, Any]


class Ran(NamedTuple):
    """What remains to be told of a run that is over."""

    dispatches: int
    pace: float  # seconds a step
    members: Members | None = None  # how many ran at once, and in which way
    stopped: tuple[int, ...] = ()  # the members that broke and went no further


class Host(Protocol):
    """Who a run is for: sees its values at the edges, changes its numbers, may stop it."""

    stop_training: Any  # a bool

    def publish(self, ts: TrainState) -> None:
        """See the values as they are now."""
        ...

    def numbers(self) -> dict[str, Any]:
        """The numbers that may change without compiling, with all their digits."""
        ...

    def adopt(self, numbers: dict[str, Any]) -> None:
        """Take over such numbers."""
        ...

    def refresh(self, ts: TrainState) -> TrainState:
        """The state with the numbers that callbacks may have changed."""
        ...


class Run:
    """A run under way: its state, where it stands on its line, and how fast it goes.

    Args:
        program: what a step does.
        ts: the first train state. The run takes copies; the caller's arrays stay his.
        line: the steps of an epoch.
        seed: of the order of the data.
        epoch, at: where it stands: the epoch and the steps of it that are done.
        stream: where the batches come from, if not from the line.
    """

    def __init__(
        self,
        program: Program,
        ts: TrainState,
        line: Line,
        seed: int,
        epoch: int = 0,
        at: int = 0,
        stream: Stream | None = None,
    ):
        self.program, self.line, self.seed, self.epoch, self.at, self.stream = program, line, seed, epoch, at, stream
        self.given: Carry | None = Carry(ts, empty_sums(program, ts, line))  # where it begins, in the caller's arrays
        self.carry = copies(self.given)
        self.pace = 0.0  # seconds a step, measured
        self.longest = 1  # steps of the last chunk
        self.training = line.training  # steps of an epoch that train
        self.validation = line.test
        self.dispatches = 0
        self.compiling = 0.0  # seconds of it on the way: for batches of shapes that did not come before
        self.host: Host | None = None  # who it is for, while it is executed
        self.begun = False  # whether callbacks were told that the epoch under way begins
        self.settled = False  # whether all that was told is of the place where it stands
        self.over = False  # whether something ended it before its last epoch
        self.memory: dict[str, Any] | None = None  # of a checkpoint: what is to be given back
        self.guard = Guard()

    @property
    def ts(self) -> TrainState:
        """The train state as it is now."""
        return self.carry.ts

    def refresh(self) -> None:
        """Take in what callbacks assigned to the model."""
        if self.host is not None:
            ts = self.host.refresh(self.ts)
            if ts.params is not self.ts.params or ts.state is not self.ts.state:
                self.guard.forget()  # what was kept leads here no more
            self.carry = self.carry._replace(ts=ts)

    def place(self) -> dict[str, Any]:
        """Where it stands on its line, as `go_to` takes it."""
        members = self.program.members
        way = None if members is None else members.way  # the ways differ in rounding
        place = {"seed": int(self.seed), "epoch": self.epoch, "at": self.at}
        return place | {"begun": self.begun, "over": self.over, "way": way}

    def go_to(self, place: dict[str, Any]) -> None:
        """Stand at another place of the line: where a checkpoint was made."""
        self.seed, self.epoch, self.at = place["seed"], place["epoch"], place["at"]
        self.begun, self.over = place["begun"], place["over"]
        if self.program.members is not None:
            members = self.program.members._replace(way=place["way"])
            self.program = self.program._replace(members=members)

    # moving on ------------------------------------------------------------------------------------------------------
    def advance(self, count: int) -> list[Closed]:
        """Do `count` steps, and learn the pace; the epochs that ended in them."""
        return self._timed(self.line, self.at, count)

    def _timed(self, line: Line, at: int, count: int) -> list[Closed]:
        began, failures = time.perf_counter(), len(self.guard.found)
        closed = self.guard.through(self, line, at, count)
        self.pace, self.longest = (time.perf_counter() - began) / count, count
        if len(self.guard.found) > failures:
            self.longest = 1  # further failures may be near: the next ones are short
        return closed

    def dispatch(self, part: Part, verify: bool = False) -> tuple[Any, Any]:
        """Run an interval, wherever the run stands: the sums of the epochs that ended in it, and what is finite."""
        place = Place(np.uint32(self.seed), *map(np.int32, (part.epoch, part.at, part.steps, verify)))
        self.carry, logs, signs = self._do(self.program, part.line, self.carry, place)
        self.dispatches += 1
        jax.block_until_ready(self.carry.ts.step)
        return logs, signs

    def arrive(self, part: Part, logs: Any) -> list[Closed]:
        """Stand at the end of an interval that was run; the epochs that ended in it."""
        ended, self.at = divmod(part.at + part.steps, part.line.steps)
        first, self.epoch = self.epoch, self.epoch + ended
        if not ended:
            return []
        logs = jax.tree.map(np.asarray, logs)
        return [
            Closed(first + i, self.results(jax.tree.map(lambda l, i=i: l[i], logs), first + i)) for i in range(ended)
        ]

    def close(self) -> list[Closed]:
        """End the epoch where it stands: validate, read the sums, begin the next."""
        logs = self.program.results(jax.tree.map(np.asarray, self.carry.sums["train"]))
        zeros = jax.tree.map(jnp.zeros_like, self.carry.sums)
        if self.validation is not None and (self.epoch + 1) % self.line.every == 0:
            line = Line(None, self.validation)
            self.carry = Carry(self.ts, empty_sums(self.program, self.ts, line))
            tested = self.dispatch(Part(line, 0, 0, line.steps, 0, None))[0]["test"]
            results = self.program.results(jax.tree.map(lambda l: np.asarray(l[0]), tested))
            logs |= {f"val_{name}": value for name, value in results.items()}
        closed = [Closed(self.epoch, logs)]
        self.carry = Carry(self.ts, zeros)
        self.at, self.epoch = 0, self.epoch + 1
        return closed

    def compile(self, epochs: int | None = None) -> None:
        """Compile, and compute nothing: an interval of no steps. Members find out here which way is faster for them.

        Args:
            epochs: the epoch to stop before, where that is known.
        """
        members = self.program.members
        if members is not None and members.way == UNSETTLED:
            left = None if epochs is None or self.stream else (epochs - self.epoch) * self.line.steps - self.at
            known = kept(("ways", self.program.key, self.line.key), dict)
            self.program = self.program._replace(members=faster(self._trial(), members, left, known))
        if self.program.members is not None:
            self.program.members.place(self.line)
        _, signs = self.dispatch(Part(self.line, self.epoch, self.at, 0, 0, None), True)
        self.guard.reset(signs, self.given)
        self.given = None

    def _trial(self) -> Callable[[Members, int], float]:
        """Some steps in a way, on a copy of the state, for the seconds that they take."""

        def seconds(members: Members, count: int) -> float:
            program, carry = self.program._replace(members=members), jax.tree.map(jnp.copy, self.carry)
            place = Place(np.uint32(self.seed), *map(np.int32, (0, 0, count, False)))
            began = time.perf_counter()
            jax.block_until_ready(self._do(program, self.line, carry, place))
            return time.perf_counter() - began

        return seconds

    def _do(self, program: Program, line: Line, carry: Carry, place: Place) -> Any:
        arrays = line.arrays
        if program.members is not None:
            carry, arrays = program.members.placed(carry, arrays, line.own)
        call = compiled_chunk(program, line)
        done = call((program, line), carry, arrays, place)
        self.compiling += call.compiling()
        return done

    def outcome(self) -> TrainState:
        """The state that is to be left in the model: of members that stopped the one before, all on one device."""
        ts, members = self.guard.restored(self.ts), self.program.members
        return ts if members is None else members.gathered(ts)

    def finish(self) -> TrainState:
        """The last state, handed over: the run keeps neither it nor the data."""
        ts = self.ts
        del self.carry, self.line
        return ts

    def chunks(self, edge: str, epochs: int) -> Iterator[tuple[bool, Callable[[], list[Closed]]]]:
        """What remains of the run, as dispatches to be done one by one: (whether it trains, the dispatch)."""
        while self.epoch < epochs:
            yield self.at < self.line.training, lambda: self.advance(next_count(self, edge, epochs))

    # results --------------------------------------------------------------------------------------------------------
    def results(self, sums: Any, epoch: int) -> dict[str, Any]:
        """Named numbers from sums: training's plain, validation's with val_ before them."""
        logs = self.program.results(sums["train"]) if "train" in sums else {}
        if "test" in sums and (epoch + 1) % self.line.every == 0:
            tested = self.program.results(sums["test"])
            logs |= {f"val_{k}": v for k, v in tested.items()} if "train" in sums else tested
        return logs

    def so_far(self) -> dict[str, Any]:
        """The numbers of the epoch under way."""
        return self.program.results(
            jax.tree.map(np.asarray, self.carry.sums["train" if "train" in self.carry.sums else "test"])
        )


class StreamedRun(Run):
    """A run whose batches come from a stream: blocks of them are lines of their own, validation another.

    The line given has the stream's first block as `train`; `test` is validation's feed, as ever.
    """

    stream: Stream

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.line = self.line._replace(test=None)

    def go_to(self, place: dict[str, Any]) -> None:
        self.stream.pass_over(place["epoch"] - self.epoch)
        super().go_to(place)

    def chunks(self, edge: str, epochs: int) -> Iterator[tuple[bool, Callable[[], list[Closed]]]]:
        while self.epoch < epochs:
            blocks = self.stream.blocks(1 if edge == "batch" else BLOCK_BATCHES, skip=self.at)
            try:
                for block in blocks:
                    if block is None:  # the source lets us wait: an edge, at which the run can be stopped or saved
                        yield False, list
                    else:
                        yield True, lambda block=block: self._block(block)
            finally:
                blocks.close()
            yield False, self.close

    def _block(self, block: Any) -> list[Closed]:
        return self._timed(Line(block, None), 0, block.count)

    def arrive(self, part: Part, logs: Any) -> list[Closed]:
        self.at = part.offset + part.at + part.steps
        return []

    def close(self) -> list[Closed]:
        closed = self.guard.settle(self)
        if not closed:  # no step failed, which would have ended the epoch
            closed = super().close()
            self.guard.forget()  # blocks are not held over epochs
        return closed


def execute(run: Run, host: Host, callbacks: CallbackList, epochs: int) -> None:
    """Move a run along its line until `epochs` epochs are done or the host says stop.

    Args:
        run: where it begins.
        host: who it is for.
        callbacks: told at the edges; where they need a pause, chunks end there.
        epochs: the epoch to stop before.
    """
    run.program, run.host, begins = callbacks.wrap(run.program), host, run.carry
    callbacks.on_run_begin(run, callbacks)
    if run.carry is not begins:  # it goes on from a checkpoint
        run.given = None
    going = run.epoch < epochs and not run.over
    if going:
        began = time.perf_counter()
        run.compile(epochs)
        seconds = time.perf_counter() - began
        if seconds > COMPILING:
            give_back()
        callbacks.on_compiled(seconds)
        run.compiling = 0.0
    begin(run, callbacks, going)
    for trains, advance in run.chunks(dearest((callbacks.edge, run.guard.edge)), epochs) if going else ():
        batch = run.at if callbacks.edge == "batch" and trains else None
        run.settled = False
        if batch is not None:
            callbacks.on_train_batch_begin(batch)
            callbacks.on_batch_begin(batch)
        run.refresh()
        closed = advance()
        tell_failures(run, host, callbacks)
        if callbacks.edge != "never":
            host.publish(run.guard.restored(run.ts))
        tell(run, closed, batch, callbacks, host)
        run.begun, run.settled, run.over = run.begun and not closed, True, host.stop_training
        callbacks.on_edge(run)
        if host.stop_training:
            break
        if closed and run.epoch < epochs:
            run.settled = False
            callbacks.on_epoch_begin(run.epoch)
            run.begun = run.settled = True
    finish(run, host, callbacks)


def finish(run: Run, host: Host, callbacks: CallbackList) -> None:
    """Make sure of the last state, and tell that the run is over."""
    closed = run.guard.settle(run)
    tell_failures(run, host, callbacks)
    if closed:
        tell(run, closed, None, callbacks, host)
    callbacks.on_run_end(run)


def begin(run: Run, callbacks: CallbackList, going: bool) -> None:
    """Tell of the first epoch and, where the run goes on from a checkpoint, give back what was remembered.

    What the hook of an epoch that was begun changes, it had changed before the checkpoint was made.
    """
    begun = run.begun
    if going and begun:
        callbacks.on_epoch_begin(run.epoch)
    if run.memory is not None and run.host is not None:
        callbacks.set_state(run.memory["callbacks"])
        run.host.adopt(run.memory["numbers"])
    if going and not begun:
        callbacks.on_epoch_begin(run.epoch)
    run.begun = run.settled = going


def tell(run: Run, closed: list[Closed], batch: int | None, callbacks: CallbackList, host: Host) -> None:
    """Tell callbacks of a chunk that was done, and of the epochs that ended in it."""
    callbacks.on_chunk_end(run)
    if batch is not None:
        logs = closed[0].logs if closed else run.so_far()
        callbacks.on_train_batch_end(batch, logs)
        callbacks.on_batch_end(batch, logs)
    for epoch, logs in closed:
        callbacks.on_epoch_end(epoch, logs)
        if epoch + 1 < run.epoch and not host.stop_training:
            callbacks.on_epoch_begin(epoch + 1)


def tell_failures(run: Run, host: Host, callbacks: CallbackList) -> None:
    """Tell callbacks, and whoever reads warnings, of steps that made NaN or infinity."""
    for failure in run.guard.news():
        callbacks.on_nonfinite(failure)
        count = run.guard.found.index(failure) + 1
        if count <= WARNINGS:
            more = " (further ones are in history.nonfinite)" if count == WARNINGS else ""
            warn(f"fit: {failure}{more}", RuntimeWarning)
    host.stop_training |= run.guard.stopped


def next_count(run: Run, edge: str, epochs: int) -> int:
    """How many steps the next chunk does: about TARGET seconds, or TOGETHER slow steps; whole epochs if they are
    short, and never past an edge."""
    steps, left = run.line.steps, run.line.steps - run.at
    if edge == "batch":
        return 1 if run.at < run.line.training - 1 else left
    fitting = max(TARGET, min(TOGETHER * run.pace, STRETCH * TARGET)) / run.pace if run.pace else 1
    wanted = max(1, min(round(fitting), GROWTH * run.longest))
    if wanted < left:
        return -(-left // -(-left // wanted))  # equal parts, rather than long ones and a tiny last
    if edge == "epoch":
        return left
    return left + min((wanted - left) // steps, room(run.carry.sums) - 1, epochs - run.epoch - 1) * steps
