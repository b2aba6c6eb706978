"""Two programs that take turns at one state: a game as a program, run by the one executor as every other.

In a step the first player moves; the second looks at where it then stands, and moves where it is its turn. So
`gradient` holds a move of the first that `update` makes again; XLA computes equal things once.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..core.variables import Variables, split
from ..optimizers import MultiOptimizer
from ..train.program import Program, TrainState, as_floats


class Player(NamedTuple):
    """Who plays.

    Args:
        name: the path of the layers that are his, and the name of his optimizer.
        program: what he does, with an optimizer of his own.
        every: the steps between two moves.
    """

    name: str
    program: Program
    every: int = 1

    def seat(self, ts: TrainState, optimizer: MultiOptimizer) -> TrainState:
        """The state as his program knows it: his slots and numbers, his keys, his count of moves."""
        numbers = {**ts.hyper, "optimizer": optimizer.hyper_of(self.name, ts.hyper["optimizer"])}
        key = jax.random.fold_in(ts.key, zlib.crc32(self.name.encode()))
        return ts._replace(optimizer=ts.optimizer[self.name], hyper=numbers, key=key, step=ts.step // self.every)

    def gradient(self, ts: TrainState, batch: Any, optimizer: MultiOptimizer) -> Any:
        """Where he would go: (gradients, the layers' new state, sums)."""
        return self.program.gradient(self.seat(ts, optimizer), batch)

    def move(self, ts: TrainState, grads: Any, optimizer: MultiOptimizer) -> TrainState:
        """The state after his move; the count of steps is the game's."""
        new = self.program.update(self.seat(ts, optimizer), grads)
        return ts._replace(params=new.params, optimizer={**ts.optimizer, self.name: new.optimizer})


def game(first: Player, second: Player, optimizer: MultiOptimizer, frozen: frozenset[str]) -> Program:
    """The program in which two players take turns: the first moves in every step, the second in every n-th.

    Args:
        first, second: the players.
        optimizer: theirs, by name.
        frozen: paths of the layers that none of them moves.
    """

    def learns(path: str, _: str) -> bool:
        return path not in frozen

    def hyper() -> Any:
        return as_floats({"layers": first.program.hyper()["layers"], "optimizer": optimizer.hyper()})

    def init(key: Any, variables: Variables) -> TrainState:
        slots = optimizer.init(split(variables.params, learns)[0])
        return TrainState(variables.params, variables.state, slots, hyper(), key, jnp.zeros((), "int32"))

    def in_turn(ts: TrainState, act: Any, otherwise: Any) -> Any:
        """What the second does where it is his turn; a loop of no or one turn, as in `train.chunk`."""
        if second.every == 1:
            return act()
        turn = ((ts.step + 1) % second.every == 0).astype(jnp.int32)
        return lax.fori_loop(0, turn, lambda *_: act(), otherwise)

    def gradient(ts: TrainState, batch: Any) -> Any:
        grads, state, sums = first.gradient(ts, batch, optimizer)
        ahead = first.move(ts._replace(state=state), grads, optimizer)

        def act() -> Any:
            return second.gradient(ahead, batch, optimizer)

        shapes = jax.eval_shape(act)
        still = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), (shapes[0], shapes[2]))
        others, state, more = in_turn(ts, act, (still[0], state, still[1]))
        return grads | others, state, together(sums, more)

    def update(ts: TrainState, grads: Any) -> TrainState:
        parts = optimizer.divided(grads)
        ts = first.move(ts, parts[first.name], optimizer)
        ts = in_turn(ts, lambda: second.move(ts, parts[second.name], optimizer), ts)
        return ts._replace(step=ts.step + 1)

    def test(ts: TrainState, batch: Any) -> Any:
        return together(*(p.program.test(p.seat(ts, optimizer), batch) for p in (first, second)))

    def examine(ts: TrainState, batch: Any) -> dict[str, Any]:
        grads, state, _ = first.gradient(ts, batch, optimizer)
        ahead = first.move(ts._replace(state=state), grads, optimizer)
        idle = (ts.step + 1) % second.every != 0
        flags: dict[str, Any] = {}
        for player, place, passes in ((first, ts, False), (second, ahead, idle)):
            found = player.program.examine(player.seat(place, optimizer), batch)  # type: ignore[misc]
            flags |= {f"{text}, in the {player.name}'s turn": flag | passes for text, flag in found.items()}
        return flags

    key = ("game", first.program.key, second.program.key, second.every)
    return Program(init, gradient, update, test, first.program.results, hyper, key, examine=examine)


def together(sums: Any, more: Any) -> Any:
    """The sums of two players as one tree."""
    return {name: {**sums.get(name, {}), **more.get(name, {})} for name in dict.fromkeys((*sums, *more))}
