"""Members: one program run by many at once, each with values, numbers, keys and perhaps rows of its own.

A population is a train state whose every leaf has a first axis, a place a member. An interval of steps is then done by
all of them, in one of three ways that give the same numbers up to rounding: *batched*, where each operation computes
all members at once, *in turn*, where one member does the whole interval before the next one begins, or *over devices*,
where each device has a part of the members. Batching saves what small operations cost beside their arithmetic; taking
turns keeps one member's weights in the processor's cache; several devices work side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_batching import sequential_vmap
from jax.sharding import Mesh, NamedSharding, PartitionSpec

UNSETTLED = "the faster one"
TRIAL = 0.03  # seconds: a trial of a way takes at least so long, once it is compiled

OVER_DEVICES = "over devices"
AXIS = "members"

WAYS: dict[str, Callable[[Any], Any]] = {
    "batched": lambda interval: interval,
    "in turn": sequential_vmap,
    OVER_DEVICES: lambda interval: interval,  # batched, on each
}


class Members(NamedTuple):
    """How many members a program runs for, and how.

    Args:
        size: the number of members.
        way: "batched", "in turn", "over devices", or UNSETTLED: the run finds out.
    """

    size: int
    way: str = UNSETTLED

    def __str__(self) -> str:
        return f"{self.size} members {f'over {self.devices} devices' if self.way == OVER_DEVICES else self.way}"

    @property
    def devices(self) -> int:
        """As many devices as can have equal parts of the members."""
        return max(count for count in range(1, jax.local_device_count() + 1) if self.size % count == 0)

    @property
    def mesh(self) -> Mesh:
        """The devices in a line."""
        return Mesh(np.array(jax.local_devices()[: self.devices]), (AXIS,))

    def all(self, interval: Callable[..., Any], own: Any) -> Callable[..., Any]:
        """The interval of one member, `interval(carry, arrays, place) -> (carry, logs, signs)`, for all of them.

        Args:
            interval: of one member.
            own: for the parts of `arrays`, 0 where every member has its own, None where all share them.

        Returns:
            A function of the same arguments. The carries and signs have the members' axis first; logs, a row an epoch,
            second.
        """

        def run(carry: Any, arrays: Any, place: Any) -> Any:
            every = jax.vmap(WAYS[self.way](stoppable(interval)), in_axes=(0, own, None), out_axes=(0, 1, 0))
            if self.way == OVER_DEVICES:
                parts = (PartitionSpec(AXIS), parts_of(own), PartitionSpec())
                found = (PartitionSpec(AXIS), PartitionSpec(None, AXIS), PartitionSpec(AXIS))
                every = jax.shard_map(every, mesh=self.mesh, in_specs=parts, out_specs=found, check_vma=False)
            return every(carry, arrays, place)

        return run

    def placed(self, carry: Any, arrays: Any, own: Any) -> tuple[Any, Any]:
        """The members' states and the data where this way wants them: as they are, or over the devices."""
        if self.way != OVER_DEVICES:
            return carry, arrays
        put = lambda part, tree: jax.device_put(tree, NamedSharding(self.mesh, part))  # noqa: E731
        return put(PartitionSpec(AXIS), carry), jax.tree.map(put, parts_of(own), arrays)

    def place(self, line: Any) -> None:
        """Let the data of a line stay where this way wants them, so that no dispatch sends them again."""
        for feed, arrays in zip(line[:2], self.placed((), line.arrays, line.own)[1], strict=True):
            if feed is not None:
                feed.arrays = arrays

    def gathered(self, ts: Any) -> Any:
        """The members' states on one device, for whoever uses them next."""
        return ts if self.way != OVER_DEVICES else jax.device_put(ts, jax.local_devices()[0])


def parts_of(own: Any) -> Any:
    """How arrays lie over devices: those that every member has for itself in parts, shared ones whole on each."""
    return jax.tree.map(
        lambda axis: PartitionSpec() if axis is None else PartitionSpec(AXIS), own, is_leaf=lambda axis: axis is None
    )


def stoppable(interval: Callable[..., Any]) -> Callable[..., Any]:
    """An interval that leaves a member as it is, with zeros for logs, where its numbers say `"active": 0`."""

    def run(carry: Any, arrays: Any, place: Any) -> Any:
        if "active" not in carry.ts.hyper:
            return interval(carry, arrays, place)
        _, logs, signs = jax.eval_shape(interval, carry, arrays, place)
        zeros, fine = (
            jax.tree.map(lambda l, make=make: make(l.shape, l.dtype), tree)
            for tree, make in ((logs, jnp.zeros), (signs, jnp.ones))
        )
        return lax.cond(
            carry.ts.hyper["active"] > 0, lambda: interval(carry, arrays, place), lambda: (carry, zeros, fine)
        )

    return run


def faster(
    trial: Callable[[Members, int], float], members: Members, left: int | None, known: dict[str, float]
) -> Members:
    """The members in the way that is measured to be faster here.

    Further ways are compiled and tried only in a run that is long enough to pay for it.

    Args:
        trial: does so many steps in a way, and gives the seconds that they took.
        members: how many there are.
        left: the steps of the run; None where that is not known.
        known: what was measured for this program before, and is now: seconds a step by way, and of compiling.
    """
    first, in_turn, _ = WAYS
    if members.size == 1:
        return members._replace(way=in_turn)
    if first not in known:
        known["compiling"] = trial(members._replace(way=first), 0)
        known[first] = pace(trial, members._replace(way=first), left)
    ways = [way for way in WAYS if way != OVER_DEVICES or members.devices > 1]
    for way in ways:
        if way not in known and (left is None or known[first] * left > known["compiling"]):
            trial(members._replace(way=way), 0)
            known[way] = pace(trial, members._replace(way=way), left)
    return members._replace(way=min((way for way in ways if way in known), key=lambda way: known[way]))


def pace(trial: Callable[[Members, int], float], members: Members, left: int | None) -> float:
    """Seconds a step, from as many steps as it takes to tell.

    A first dispatch is slower than all later ones, since its memory is new to the process: it decides nothing.
    """
    count = 1
    trial(members, count)
    while True:
        seconds = trial(members, count)
        if seconds >= TRIAL or (left is not None and count >= left):
            return min(seconds, trial(members, count)) / count
        count *= 4
