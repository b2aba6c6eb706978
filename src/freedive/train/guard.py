"""What watches that a run stays finite: it keeps a state, finds the step that broke it, and stands before it.

Nothing is added to a step. A chunk says at its end whether everything is finite; where it is not, the interval is run
anew from the state that was kept, halved until one step is left. NaN and infinity stay where they came, and equal
intervals give equal bits, so this finds the very step. How often a state is kept follows from what keeping costs: at
most one part in `SHARE` of the time.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from ..config import one_of
from ..core.structure import compiled
from ..ops import host

if TYPE_CHECKING:
    from .callbacks.base import Edge
    from .chunk import Carry, Line
    from .execute import Closed, Run
    from .program import TrainState

SHARE = 400  # keeping states takes at most one part in so many of the time
BLOCKS = 8  # so many blocks of a stream are held for a re-run before a state is kept again
IN_A_ROW = 10  # training ends where so many steps fail one after the other, whatever the policy
NAMELESS = "a number of this step"
POLICIES = ("stop", "skip", "rollback", "keep")
policy_of = one_of(*POLICIES)


class Nonfinite(NamedTuple):
    """A step that made numbers that are not finite.

    `epoch` and `batch` count from 0, `what` names the first of its numbers that is not finite, in the order in which
    they are computed, `done` says what came of it.
    """

    epoch: int
    batch: int
    what: str
    done: str

    def __str__(self) -> str:
        return (
            f"epoch {self.epoch + 1}, batch {self.batch + 1}: {self.what} is NaN or infinite, and all that is "
            f"computed before it is finite. {self.done}"
        )


DONE = {
    "stop": "Training stops, and the model keeps the weights from before this step. Lower the learning rate, clip the "
    "gradients (clipnorm=1.0), or mend this layer; compile(on_nonfinite='skip') would leave such batches out",
    "skip": "The batch is left out",
    "rollback": "The weights and the optimizer are those from the beginning of the epoch again, and training goes on "
    "behind this batch",
    "row": f"Training stops, and the model keeps the weights from before this step: it is the {IN_A_ROW}th in a row",
    "member": "This member stops with the weights from before this step, the others go on",
    "end": "Training stops, and the model keeps the weights from before this step: no batch of the epoch is left",
}


class Part(NamedTuple):
    """An interval that was run: `steps` steps of a line from `at`, with the numbers of that time.

    `offset` is the number of the epoch's steps before this line: a stream's blocks are lines of their own.
    """

    line: Line
    epoch: int
    at: int
    steps: int
    offset: int
    hyper: Any

    def cut(self, count: int) -> tuple[Part, Part]:
        """Its first `count` steps, and the others."""
        ended, at = divmod(self.at + count, self.line.steps)
        rest = self._replace(epoch=self.epoch + ended, at=at, steps=self.steps - count)
        return self._replace(steps=count), rest


class Guard:
    """Watches one run.

    Args:
        policy: what comes of a step that fails: "stop", "skip", "rollback", or "keep": then nothing is watched.
    """

    def __init__(self, policy: str = "keep"):
        self.policy = policy_of(policy)
        self.kept: Carry | None = None  # a state that is finite
        self.start: Carry | None = None  # the state at the beginning of the epoch, for "rollback"
        self.parts: list[Part] = []  # what was run since `kept`
        self.outset: Any = True  # which arrays were finite when the run began: what was not is not watched
        self.cost, self.since = 1e-3, 0.0  # seconds that keeping takes; when a state was kept
        self.verified = True  # whether the last chunk was looked through
        self.in_a_row, self.last = 0, -1  # failures, and the step of the last one
        self.found: list[Nonfinite] = []
        self.told = 0
        self.retired: dict[int, TrainState] = {}  # members that stopped, with their last finite state
        self.stopped = False

    @property
    def on(self) -> bool:
        """Whether it watches."""
        return self.policy != "keep"

    @property
    def edge(self) -> Edge:
        """Where it needs the run to pause: to go back to the beginning of an epoch, that must be an edge."""
        return "epoch" if self.policy == "rollback" else "never"

    def news(self) -> list[Nonfinite]:
        """The failures that were not told yet."""
        new, self.told = self.found[self.told :], len(self.found)
        return new

    def reset(self, signs: Any, kept: Carry | None) -> None:
        """The run begins here: `signs` of its first state, and perhaps that state in arrays that are not the run's."""
        self.outset = True if signs is None else np.asarray(signs)
        self.kept, self.parts, self.since = kept, [], time.perf_counter()

    def forget(self) -> None:
        """The state changed in another way than by steps: the next one is kept anew."""
        self.kept, self.parts, self.verified = None, [], True

    def through(self, run: Run, line: Line, at: int, count: int) -> list[Closed]:
        """Run an interval and move the run along; the epochs that ended in it."""
        hyper = jax.tree.map(np.array, run.ts.hyper)  # the run gives its own away
        part = Part(line, run.epoch, at, count, run.at - at, hyper)
        if not self.on:
            return run.arrive(part, run.dispatch(part)[0])
        if self.kept is None:
            self.keep(run)
        if self.policy == "rollback" and run.at == 0:
            self.start = copies(run.carry)
        elsewhere = line is not run.line
        due = time.perf_counter() - self.since + count * run.pace > SHARE * self.cost
        due |= elsewhere and len(self.parts) + 1 >= BLOCKS
        self.verified = due or at + count >= line.steps  # what ends an epoch is told, so it must be right
        logs, signs = run.dispatch(part, self.verified)
        self.parts.append(part)
        if not self._fine(signs):
            return self._mend(run)
        closed = run.arrive(part, logs)
        if due:
            self.keep(run)
        return closed

    def sound(self, run: Run) -> bool:
        """Whether all is finite as it stands; what is not is mended by `settle`, or after the next chunk."""
        if not self.on or self.verified:
            return True
        self.verified = self._fine(run.dispatch(self.parts[-1]._replace(steps=0), True)[1])
        if not self.verified:
            self.since = -math.inf  # the next chunk is looked through
        return self.verified

    def settle(self, run: Run) -> list[Closed]:
        """Make sure of the state as it stands; the epochs that ended where it had to be mended."""
        return [] if self.sound(run) else self._mend(run)

    def keep(self, run: Run) -> None:
        """Keep a copy of the state, from which the run could go on."""
        began = time.perf_counter()
        self.kept, self.parts = jax.block_until_ready(copies(run.carry)), []
        self.since = time.perf_counter()
        self.cost = self.since - began

    def restored(self, ts: TrainState) -> TrainState:
        """The state in which members that stopped have the values from before the step that failed."""
        for member, kept in self.retired.items():
            new = jax.tree.map(lambda a, k, i=member: a.at[i].set(k), ts._replace(key=None), kept)
            ts = new._replace(key=ts.key)
        return ts

    def _fine(self, signs: Any) -> bool:
        return signs is None or not np.any(self._bad(signs))

    def _bad(self, signs: Any) -> Any:
        """Whether something is not finite any more; of members, of which, but for those that stopped."""
        bad = np.any(self.outset & ~np.asarray(signs), axis=-1)
        if self.retired:
            bad[list(self.retired)] = False
        return bad

    # a step failed --------------------------------------------------------------------------------------------------
    def _mend(self, run: Run) -> list[Closed]:
        """Find the step, put the run before it, and do as the policy says."""
        parts, self.parts, last = self.parts, [], self.parts[-1]
        self.verified = True
        run.carry, moved, closed = copies(self.kept), False, []
        while parts and not self.stopped:
            part = parts.pop(0)
            good, bad = self._search(run, part)
            if bad is None and part is not last and not moved:
                continue  # the run was moved along it before
            if not moved:
                run.epoch, run.at, moved = part.epoch, part.at + part.offset, True
            for piece, logs in good:
                closed += run.arrive(piece, logs)
            if bad is not None:
                failing, rest = bad.cut(1)
                closed += (self._decide if run.program.members is None else self._retire)(run, failing)
                self.keep(run)
                parts = [rest, *parts] if run.stream is not None else []  # other runs go on from where they stand
        return closed

    def _search(self, run: Run, part: Part) -> tuple[list[tuple[Part, Any]], Part | None]:
        """Run a part as far as it is fine: what was run with its logs, and the rest, which begins with a bad step."""
        run.carry = run.carry._replace(ts=run.ts._replace(hyper=part.hyper))
        good: list[tuple[Part, Any]] = []

        def passes(piece: Part) -> bool:
            before = copies(run.carry)
            logs, signs = run.dispatch(piece, True)
            if self._fine(signs):
                good.append((piece, logs))
                return True
            run.carry = before
            return False

        if passes(part):
            return good, None
        width = part.steps  # the bad step is one of the first so many
        while width > 1:
            piece, rest = part.cut(width // 2)
            if passes(piece):
                part, width = rest, width - piece.steps
            else:
                width = piece.steps
        return good, part

    def _decide(self, run: Run, failing: Part) -> list[Closed]:
        """What comes of a step that fails; the run stands before it."""
        place = failing.at + failing.offset
        last = run.stream is None and place + 1 == run.training
        done = self._verdict(failing.epoch, place, int(run.ts.step), last)
        self.found.append(Nonfinite(failing.epoch, place, first_bad(run, failing)[0], DONE[done]))
        if done == "skip":
            run.at += 1
            return run.close() if last else []
        if done == "rollback":
            run.carry = copies(self.start)
            run.at += 1
            return []
        self.stopped = True
        before = copies(run.carry)
        logs, _ = run.dispatch(failing)
        sums = run.carry.sums if not ends(failing) else jax.tree.map(lambda l: l[0], logs)
        run.carry = before._replace(sums=sums)  # the epoch's results show what happened
        return run.close()

    def _verdict(self, epoch: int, place: int, step: int, last: bool) -> str:
        """A word of `DONE`: the policy, unless it leads nowhere."""
        self.in_a_row = self.in_a_row + 1 if step == self.last else 1
        self.last = step
        if self.in_a_row == IN_A_ROW and self.policy != "stop":
            return "row"
        alone = self.policy == "skip" and sum(f.epoch == epoch for f in self.found) == place  # none was fine before
        return "end" if last and (self.policy == "rollback" or alone) else self.policy

    def _retire(self, run: Run, failing: Part) -> list[Closed]:
        """Members that fail stop; the others go on."""
        before = copies(run.ts._replace(key=None))
        texts = first_bad(run, failing)
        logs, signs = run.dispatch(failing, True)
        for member in map(int, np.flatnonzero(self._bad(signs))):
            self.retired[member] = jax.tree.map(lambda a, i=member: a[i], before)
            what = f"in member {member}, {texts[member]}"
            self.found.append(Nonfinite(failing.epoch, failing.at + failing.offset, what, DONE["member"]))
        self.stopped = len(self.retired) == len(texts)
        return run.arrive(failing, logs)


def ends(part: Part) -> bool:
    """Whether an epoch ends with this part."""
    return part.at + part.steps == part.line.steps


def copies(tree: Any) -> Any:
    """The same values in arrays of their own: a run gives its own away."""
    return jax.tree.map(host.copy, tree)


def first_bad(run: Run, part: Part) -> list[str]:
    """The first number of a step that is not finite, in words; for each member."""
    program, feed = run.program, part.line.train
    size = 1 if program.members is None else program.members.size
    if program.examine is None or feed is None:
        return [NAMELESS] * size
    short = part.at == feed.full

    def examine(subject: Any, ts: Any, arrays: Any, place: Any) -> Any:
        program, feed = subject

        def one(ts: Any, arrays: Any) -> Any:
            return program.examine(ts, feed.last(arrays, *place[:2]) if short else feed.batch(arrays, *place))

        return one(ts, arrays) if program.members is None else jax.vmap(one, in_axes=(0, feed.own))(ts, arrays)

    call = compiled(("examine", program.key, program.members is None, feed.key, short), examine)
    place = (np.uint32(run.seed), np.int32(part.epoch), np.int32(part.at))
    found = jax.tree.map(np.atleast_1d, call((program, feed), run.ts, feed.arrays, place))
    return [named_first({text: flags[i] for text, flags in found.items()}) for i in range(size)]


def named_first(found: dict[str, Any]) -> str:
    """The first of the things that `Program.examine` looked at that is not finite."""
    return next((text for text, flag in found.items() if not flag), NAMELESS)
