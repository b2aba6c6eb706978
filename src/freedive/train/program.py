"""A Program: three pure functions that say what a run does. Methods are functions from programs to programs.

    init(key)            -> TrainState           the first state
    step(state, batch)   -> (state, sums)        one update
    test(state, batch)   -> sums                 one batch of evaluation

A batch is (x, y, weights). `sums` are trees of totals that are merged by addition over batches, chunks, masks and
shards; `results(sums)` turns the totals of an epoch into named numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from ..core.forward import apply
from ..core.paths import paths
from ..core.variables import Tree, Variables, merge, split

if TYPE_CHECKING:
    from ..core.layer import Layer
    from ..optimizers.base import Optimizer
    from .objective import Objective


class TrainState(NamedTuple):
    """Everything that changes in a run, and all that it takes to go on with it."""

    params: Tree
    state: Tree
    optimizer: Any
    hyper: Any  # {"layers": tree, "optimizer": name -> number}
    key: Any
    step: Any


class Program(NamedTuple):
    """What a run does, as pure functions; `key` says which programs are equal, so that equal ones compile once."""

    init: Callable[..., TrainState]
    step: Callable[..., tuple[TrainState, Any]]
    test: Callable[..., Any]
    results: Callable[[Any], dict[str, Any]]
    key: Hashable


def supervised(
    root: Layer, objective: Objective, optimizer: Optimizer, frozen: frozenset[str], key: Hashable, dtype: Any = None
) -> Program:
    """The plain program: forward, loss, backward, update.

    Args:
        root: the model; its values are in the state, not in it.
        objective: losses and metrics of its outputs.
        optimizer: the update rule.
        frozen: paths whose params gradients do not change.
        key: what equal programs share.
        dtype: what layers compute in, "bfloat16" for mixed precision.
    """
    constraints = {
        (path, name): spec.constraint
        for layer, path in paths(root).items()
        for name, spec in layer._specs["params"].items()
        if spec.constraint is not None
    }

    def learns(path: str, _: str) -> bool:
        return path not in frozen

    def init(key: Any, variables: Variables) -> TrainState:
        trained, _ = split(variables.params, learns)
        hyper = {"layers": variables.hyper, "optimizer": optimizer.hyper()}
        return TrainState(
            variables.params, variables.state, optimizer.init(trained), as_floats(hyper), key, jnp.zeros((), "int32")
        )

    def forward(params: Tree, ts: TrainState, x: Any, training: bool) -> Any:
        key = jax.random.fold_in(ts.key, ts.step) if training else None
        variables = Variables(params, ts.state, ts.hyper["layers"])
        return apply(root, variables, x, key=key, training=training, compute_dtype=dtype)

    def step(ts: TrainState, batch: Any) -> tuple[TrainState, Any]:
        x, y, weights = batch
        trained, rest = split(ts.params, learns)

        def loss(trained: Tree) -> Any:
            outputs, made = forward(merge(rest, trained), ts, x, True)
            value, sums = objective(y, outputs, weights, made)
            return optimizer.scale_loss(value), (sums, made.state)

        (_, (sums, state)), grads = jax.value_and_grad(loss, has_aux=True)(trained)
        trained, slots = optimizer.update(grads, ts.optimizer, trained, ts.hyper["optimizer"], ts.step)
        for (path, name), constraint in constraints.items():
            if path in trained:
                trained[path][name] = constraint(trained[path][name])
        return TrainState(merge(ts.params, trained), state, slots, ts.hyper, ts.key, ts.step + 1), sums

    def test(ts: TrainState, batch: Any) -> Any:
        x, y, weights = batch
        outputs, made = forward(ts.params, ts, x, False)
        return objective(y, outputs, weights, made)[1]

    return Program(init, step, test, objective.results, key)


def as_floats(numbers: Any) -> Any:
    """Numbers as float32 scalars, so that another number is no other program."""
    return jax.tree.map(jnp.float32, numbers)
