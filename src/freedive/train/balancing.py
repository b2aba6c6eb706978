"""GradNorm as a function from programs to programs: the gradient is asked for once more with each loss alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ..core.variables import merge
from ..losses.weighting import PLACE, GradNorm

if TYPE_CHECKING:
    from .objective import Objective
    from .program import Program, TrainState


def balanced(program: Program, objective: Objective, weighting: GradNorm, shared: str, scale: Any) -> Program:
    """A program in which the weights of the losses follow the norms of their gradients; see `losses.GradNorm`.

    The weights are state, so the gradient of one loss alone is that of the program with a weight of 1 for it and of 0
    for the others. Only the shared layer's gradients are used of these, and XLA computes no more.

    Args:
        program: whose objective reads the weights from its state.
        objective: of that program.
        weighting: as it stands in the model.
        shared: the path of the layer where all losses meet.
        scale: a function of the optimizer's state: what it multiplies the loss with.
    """
    count = len(weighting.classes)

    def gradient(ts: TrainState, batch: Any) -> tuple[Any, Any, Any]:
        grads, state, sums = program.gradient(ts, batch)

        def alone(weights: Any) -> Any:
            one = merge(ts.state, {PLACE: {"weight": weights}})
            found = program.gradient(ts._replace(state=one), batch)[0]
            return {path: g for path, g in found.items() if path == shared or path.startswith(f"{shared}/")}

        pulls = jax.vmap(alone)(jnp.eye(count + 1)[:, :count])  # the last has no loss at all: what penalties pull
        squares = [jnp.sum((g[:count] - g[count:]) ** 2, range(1, g.ndim)) for g in jax.tree.leaves(pulls)]
        norms = jnp.sqrt(sum(squares)) / scale(ts.optimizer)
        after = weighting.stepped(ts.state[PLACE], objective.each(sums), norms, ts.hyper["layers"][PLACE])
        return grads, merge(state, {PLACE: after}), sums

    return program._replace(gradient=gradient, key=("balanced", shared, program.key))
