"""Members: one program run by many at once, each with values, numbers, keys and perhaps rows of its own.

A population is a train state whose every leaf has a first axis, a place a member. An interval of steps is then done by
all of them, in one of two ways that give the same numbers up to rounding: *batched*, where each operation computes all
members at once, or *in turn*, where one member does the whole interval before the next one begins. Batching saves what
small operations cost beside their arithmetic; taking turns keeps one member's weights in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import sequential_vmap

UNSETTLED = "the faster one"
TRIAL = 0.03  # seconds: a trial of a way takes at least so long, once it is compiled

WAYS: dict[str, Callable[[Any], Any]] = {"batched": lambda interval: interval, "in turn": sequential_vmap}


class Members(NamedTuple):
    """How many members a program runs for, and how.

    Args:
        size: the number of members.
        way: "batched", "in turn", or UNSETTLED: the run finds out.
    """

    size: int
    way: str = UNSETTLED

    def __str__(self) -> str:
        return f"{self.size} members {self.way}"

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
            return every(carry, arrays, place)

        return run


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

    The second way is compiled and tried only in a run that is long enough to pay for it.

    Args:
        trial: does so many steps in a way, and gives the seconds that they took.
        members: how many there are.
        left: the steps of the run; None where that is not known.
        known: what was measured for this program before, and is now: seconds a step by way, and of compiling.
    """
    first, second = WAYS
    if members.size == 1:
        return members._replace(way=second)
    if first not in known:
        known["compiling"] = trial(members._replace(way=first), 0)
        known[first] = pace(trial, members._replace(way=first), left)
    if second not in known and (left is None or known[first] * left > known["compiling"]):
        trial(members._replace(way=second), 0)
        known[second] = pace(trial, members._replace(way=second), left)
    return members._replace(way=second if known.get(second, known[first]) < known[first] else first)


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
