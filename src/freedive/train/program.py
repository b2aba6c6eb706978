"""A Program: pure functions that say what a run does. Methods are functions from programs to programs.

    init(key, variables)      -> TrainState           the first state
    gradient(state, batch)    -> gradients, state, sums   forward, loss, backward; layers' new state
    update(state, gradients)  -> TrainState           the optimizer's step
    test(state, batch)        -> sums                 one batch of evaluation

A batch is (x, y, weights). `sums` are trees of totals that are merged by addition over batches, chunks, masks and
shards; `results(sums)` turns the totals of an epoch into named numbers. Between gradient and update is the place for
what a method does to gradients: clip and noise them, average them over devices or clients.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from ..core.forward import apply
from ..core.paths import paths
from ..core.variables import Tree, Variables, gather, merge, split
from ..ops import host
from .examine import examined

if TYPE_CHECKING:
    from ..core.layer import Layer
    from ..optimizers.base import Optimizer
    from .members import Members
    from .objective import Objective


class TrainState(NamedTuple):
    """Everything that changes in a run, and all that it takes to go on with it."""

    params: Tree
    state: Tree
    optimizer: Any
    hyper: Any  # {"layers": tree, "optimizer": name -> number}
    key: Any
    step: Any

    def key_for(self, use: str, *numbers: Any) -> Any:
        """The random key of a use in this step: a function of the run's seed, the use, the step and the numbers."""
        key = jax.random.fold_in(self.key, zlib.crc32(use.encode()))
        for number in (self.step, *numbers):
            key = jax.random.fold_in(key, number)
        return key


class Program(NamedTuple):
    """What a run does, as pure functions.

    `hyper()` reads the numbers that callbacks and people may change; `key` says which programs are equal, so that
    equal ones compile once. `examine(state, batch)` says what in a step is finite: text -> flag, in the order of
    computing. With `members`, many run it at once: the state has an axis for them before all others, and `gradient`,
    `update`, `test` and `examine` still say what one of them does.
    """

    init: Callable[[Any, Variables], TrainState]
    gradient: Callable[[TrainState, Any], tuple[Any, Tree, Any]]
    update: Callable[[TrainState, Any], TrainState]
    test: Callable[[TrainState, Any], Any]
    results: Callable[[Any], dict[str, Any]]
    hyper: Callable[[], Any]
    key: Hashable
    members: Members | None = None
    examine: Callable[[TrainState, Any], dict[str, Any]] | None = None

    def step(self, ts: TrainState, batch: Any) -> tuple[TrainState, Any]:
        """One update: gradients of a batch, then the optimizer's step."""
        grads, state, sums = once(self.gradient)(ts, batch)
        return self.update(ts._replace(state=state), grads), sums

    def sums(self, ts: TrainState, batch: Any, training: bool) -> Any:
        """What a step of training, or of evaluation, adds to the sums of its epoch."""
        return once(self.gradient)(ts, batch)[2] if training else once(self.test)(ts, batch)


def once(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is traced once for arrays of equal shapes, however many programs it becomes a part of.

    Tracing is most of what Python does for a first run, and a run asks for the shapes of its sums before it compiles.
    """
    return jax.jit(function, inline=True)


def supervised(
    root: Layer,
    objective: Objective,
    optimizer: Optimizer,
    frozen: frozenset[str],
    key: Hashable,
    dtype: Any = None,
    aside: frozenset[str] = frozenset(),
) -> Program:
    """The plain program: forward, loss, backward, update.

    Args:
        root: the model; its values are in the state, not in it.
        objective: losses and metrics of its outputs.
        optimizer: the update rule.
        frozen: paths of the layers whose weights gradients leave alone.
        key: what equal programs share.
        dtype: what layers compute in, "bfloat16" for mixed precision.
        aside: paths of further layers that gradients leave alone, which are not frozen: another program teaches them.
    """
    left = frozen | aside

    def learns(path: str, _: str) -> bool:
        return path not in left

    def hyper() -> Any:
        return as_floats({"layers": gather(root).hyper, "optimizer": optimizer.hyper()})

    def init(key: Any, variables: Variables) -> TrainState:
        slots = optimizer.init(split(variables.params, learns)[0])
        return TrainState(variables.params, variables.state, slots, hyper(), key, host.number(0, "int32"))

    def forward(params: Tree, ts: TrainState, batch: Any, training: bool, **options: Any) -> Any:
        x, y, weights = batch
        variables = Variables(params, ts.state, ts.hyper["layers"])
        options |= {"frozen": frozen, "compute_dtype": dtype, "training": training}
        options["watch"] = both(getattr(objective, "watch", None), options.get("watch"))
        outputs, made = apply(root, variables, x, key=ts.key_for("train" if training else "test"), **options)
        value, sums = objective(y, outputs, weights, made)
        return value, (sums, made.state)

    def gradient(ts: TrainState, batch: Any) -> tuple[Any, Tree, Any]:
        trained, rest = split(ts.params, learns)

        def loss(trained: Tree) -> Any:
            value, found = forward(merge(rest, trained), ts, batch, True)
            return optimizer.scale_loss(value, ts.optimizer), found

        (_, (sums, state)), grads = jax.value_and_grad(loss, has_aux=True)(trained)
        return grads, state, sums

    def examine(ts: TrainState, batch: Any) -> dict[str, Any]:
        trained, rest = split(ts.params, learns)

        def loss(trained: Tree, watch: Any) -> tuple[Any, Tree]:
            value, (_, state) = forward(merge(rest, trained), ts, batch, True, watch=watch)
            return optimizer.scale_loss(value, ts.optimizer), state

        return examined(loss, update, ts, trained, batch)

    def update(ts: TrainState, grads: Any) -> TrainState:
        trained, _ = split(ts.params, learns)
        factors = rate_factors(ts.hyper["layers"])
        trained, slots = optimizer.update(grads, ts.optimizer, trained, ts.hyper["optimizer"], ts.step, factors)
        params = merge(ts.params, constrained(root, trained))
        return ts._replace(params=params, optimizer=slots, step=ts.step + 1)

    def test(ts: TrainState, batch: Any) -> Any:
        return forward(ts.params, ts, batch, False)[1][0]

    return Program(init, gradient, update, test, objective.results, hyper, key, examine=examine)


def both(first: Any, second: Any) -> Any:
    """Two watchers of a Pass as one, the second after the first; each may be None."""
    if first is None or second is None:
        return first or second
    return lambda layer, path, given, outputs: second(layer, path, given, first(layer, path, given, outputs))


def steps_done(ts: TrainState) -> int:
    """The steps behind a state; of members, those of the one that went furthest."""
    return int(np.max(ts.step))


def constrained(root: Layer, params: Tree) -> Tree:
    """Weights after the constraints that layers put on them."""
    rules = {(path, n): s.constraint for layer, path in paths(root).items() for n, s in layer._specs["params"].items()}

    def bound(path: str, name: str, weight: Any) -> Any:
        rule = rules[path, name]
        return weight if rule is None else rule(weight)

    return {path: {name: bound(path, name, w) for name, w in names.items()} for path, names in params.items()}


def rate_factors(numbers: Tree) -> dict[str, Any]:
    """What the learning rate is multiplied by, by path, from the numbers of the layers."""
    return {path: its["learning_rate_factor"] for path, its in numbers.items() if "learning_rate_factor" in its}


def as_floats(numbers: Any) -> Any:
    """Numbers as float32 scalars, so that another number is no other program."""
    return jax.tree.map(host.number, numbers)
