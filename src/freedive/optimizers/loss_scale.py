"""Dynamic loss scaling: what keeps the small gradients of float16 from becoming zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ..config import PositiveFloat, PositiveInt
from .base import FAMILY, Optimizer, State, Tree
from .outer import _Outer

SLOT, OWN = "loss_scale", "optimizer"  # where its own numbers stand in the state: state[SLOT][OWN]


class LossScaleOptimizer(_Outer):
    """Another optimizer for a loss that is multiplied by a scale, so that gradients do not vanish in float16.

    A step whose gradients are finite divides them by the scale and updates; after `dynamic_growth_steps` of them in a
    row the scale is doubled. A step with NaN or infinity in a gradient changes no weight and halves the scale.
    `compile(precision="mixed_float16")` puts it around the optimizer by itself.

    Args:
        inner_optimizer: the optimizer, or its name. Clipping, decay, averages and its learning rate belong there.
        initial_scale: the first scale. Too high a one is soon lowered, too low a one is slowly raised.
        dynamic_growth_steps: finite steps after which the scale is doubled.

    Reference: Micikevicius et al., "Mixed precision training", 2018, arXiv:1710.03740.

    >>> import freedive
    >>> optimizer = freedive.optimizers.LossScaleOptimizer(freedive.optimizers.SGD(0.1), initial_scale=8.0)
    >>> params = {"dense": {"kernel": jnp.array([1.0])}}
    >>> state = optimizer.init(params)
    >>> float(optimizer.scale_loss(2.0, state))
    16.0
    >>> grads = {"dense": {"kernel": jnp.array([jnp.inf])}}
    >>> params, state = optimizer.update(grads, state, params)
    >>> params["dense"]["kernel"].tolist(), float(optimizer.scale_loss(2.0, state))
    ([1.0], 8.0)
    """

    inner_optimizer: Any
    initial_scale: PositiveFloat = 2.0**15
    dynamic_growth_steps: PositiveInt = 2000

    def __post_init__(self):
        if isinstance(self.inner_optimizer, str):
            self.inner_optimizer = FAMILY.find(self.inner_optimizer)()
        if not isinstance(self.inner_optimizer, Optimizer):
            raise TypeError(
                f"LossScaleOptimizer(inner_optimizer=...): expected one. Received: {self.inner_optimizer!r}"
            )
        super().__post_init__()
        if self.inner_optimizer.loss_scale_factor is not None:
            raise ValueError(
                "LossScaleOptimizer: the optimizer inside has a loss_scale_factor of its own; leave that out"
            )
        self.use_ema = self.inner_optimizer.use_ema

    # numbers are those of the optimizer inside ----------------------------------------------------------------------
    def __setattr__(self, name: str, value: Any) -> None:
        inner = vars(self).get("inner_optimizer")
        if name == "learning_rate" and inner is None:
            return  # the field's default, while this is made
        own = name != "learning_rate" and (inner is None or name in self.__dataclass_fields__)
        object.__setattr__(self, name, value) if own else setattr(inner, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "inner_optimizer" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self.inner_optimizer, name)

    def rate(self) -> Any:
        return self.inner_optimizer.learning_rate

    def hyper(self) -> dict[str, float]:
        return self.inner_optimizer.hyper()

    def learning_rate_at(self, step: Any, hyper: Mapping[str, Any] | None = None) -> Any:
        return self.inner_optimizer.learning_rate_at(step, hyper)

    # the pure interface ---------------------------------------------------------------------------------------------
    def init(self, params: Tree) -> State:
        numbers = {
            "dynamic_scale": jnp.float32(self.initial_scale),
            "step_counter": jnp.int32(0),  # finite steps since the scale changed
            "iterations": jnp.int32(0),  # updates done: a step that is left out is none
        }
        return {**self.inner_optimizer.init(params), SLOT: {OWN: numbers}}

    def scale_loss(self, loss: Any, state: State | None = None) -> Any:
        return loss * (self.initial_scale if state is None else state[SLOT][OWN]["dynamic_scale"])

    def update(
        self,
        grads: Tree,
        state: State,
        params: Tree,
        hyper: Mapping[str, Any] | None = None,
        step: Any = 0,
        factors: Mapping[str, Any] | None = None,
    ) -> tuple[Tree, State]:
        own, slots = state[SLOT][OWN], {name: tree for name, tree in state.items() if name != SLOT}
        scale, counter, done = own["dynamic_scale"], own["step_counter"], own["iterations"]
        fine = jnp.stack([jnp.isfinite(jnp.sum(g * 0)) for g in jax.tree.leaves(grads)]).all()
        plain = jax.tree.map(lambda g: g / scale, grads)
        new = self.inner_optimizer.update(plain, slots, params, hyper, done, factors)
        params, slots = jax.tree.map(lambda a, b: jnp.where(fine, a, b), new, (params, slots))
        grows = counter + 1 == self.dynamic_growth_steps
        numbers = {
            "dynamic_scale": jnp.where(fine, jnp.where(grows, scale * 2, scale), scale / 2),
            "step_counter": jnp.where(fine & ~grows, counter + 1, 0),
            "iterations": done + fine,
        }
        return params, {**slots, SLOT: {OWN: numbers}}

    def finalize(self, params: Tree, state: State) -> Tree:
        return self.inner_optimizer.finalize(params, state)
