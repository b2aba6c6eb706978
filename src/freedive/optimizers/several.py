"""Several optimizers as one, each for the layers under a path: two players, or a base and a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import FAMILY, Optimizer, State, Tree
from .outer import _Outer


class MultiOptimizer(_Outer):
    """An optimizer for the layers under each of some paths.

    Its state has theirs by path. Numbers are theirs too: `optimizer["generator"].learning_rate = 1e-4`.

    Args:
        optimizers: path -> optimizer or its name; the longest path under which a layer stands counts.

    Raises:
        ValueError: a layer stands under none of the paths, or one loss is for optimizers with loss scales of their own,
            once the run begins.

    >>> import jax.numpy as jnp
    >>> import freedive
    >>> optimizer = freedive.optimizers.MultiOptimizer({"base": "sgd", "head": freedive.optimizers.SGD(1.0)})
    >>> params = {"base/dense": {"kernel": jnp.ones(1)}, "head": {"kernel": jnp.ones(1)}}
    >>> params, state = optimizer.update(params, optimizer.init(params), params)
    >>> round(float(params["base/dense"]["kernel"][0]), 2), round(float(params["head"]["kernel"][0]), 2)
    (0.99, 0.0)
    """

    optimizers: Any

    def __post_init__(self):
        if not isinstance(self.optimizers, Mapping) or not self.optimizers:
            raise TypeError(
                f"MultiOptimizer(optimizers=...): expected path -> optimizer. Received: {self.optimizers!r}"
            )
        made = {path: FAMILY.find(o)() if isinstance(o, str) else o for path, o in self.optimizers.items()}
        for path, optimizer in made.items():
            if not isinstance(optimizer, Optimizer):
                raise TypeError(f"MultiOptimizer(optimizers={{{path!r}: ...}}): expected one. Received: {optimizer!r}")
        self.optimizers = made
        super().__post_init__()
        self.use_ema = any(optimizer.use_ema for optimizer in made.values())

    def __getitem__(self, path: str) -> Optimizer:
        return self.optimizers[path]

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate" and "optimizers" in vars(self):
            raise AttributeError(f"set that of one of them: optimizer[{next(iter(self.optimizers))!r}].learning_rate")
        path, dot, number = name.rpartition(".")
        if dot:
            setattr(self.optimizers[path], number, value)
        elif name != "learning_rate":
            object.__setattr__(self, name, value)

    def rate(self) -> dict[str, Any]:
        return {path: optimizer.learning_rate for path, optimizer in self.optimizers.items()}

    def hyper(self) -> dict[str, float]:
        return {f"{path}.{name}": value for path, o in self.optimizers.items() for name, value in o.hyper().items()}

    def hyper_of(self, path: str, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """Those numbers that are of one of the optimizers."""
        return {name: hyper[f"{path}.{name}"] for name in self.optimizers[path].hyper()}

    def learning_rate_at(self, step: Any, hyper: Mapping[str, Any] | None = None) -> Any:
        path = next(iter(self.optimizers))
        given = None if hyper is None else self.hyper_of(path, hyper)
        return self.optimizers[path].learning_rate_at(step, given)

    def divided(self, tree: Tree) -> dict[str, Tree]:
        """A tree of layers as one tree for each optimizer."""
        parts: dict[str, Tree] = {path: {} for path in self.optimizers}
        for place, values in tree.items():
            over = [path for path in parts if not path or place == path or place.startswith(f"{path}/")]
            if not over:
                raise ValueError(f"MultiOptimizer: {place!r} stands under none of {list(parts)}")
            parts[max(over, key=len)][place] = values
        return parts

    # the pure interface ---------------------------------------------------------------------------------------------
    def init(self, params: Tree) -> State:
        return {path: self.optimizers[path].init(part) for path, part in self.divided(params).items()}  # type: ignore

    def scale_loss(self, loss: Any, state: State | None = None) -> Any:
        scaled = [path for path, o in self.optimizers.items() if float(o.scale_loss(1.0)) != 1.0]
        if scaled:
            raise ValueError(
                f"MultiOptimizer: the optimizer of {scaled[0]!r} has a loss scale of its own, but all parts learn from "
                "one loss. Put LossScaleOptimizer around the MultiOptimizer"
            )
        return loss

    def update(
        self,
        grads: Tree,
        state: State,
        params: Tree,
        hyper: Mapping[str, Any] | None = None,
        step: Any = 0,
        factors: Mapping[str, Any] | None = None,
    ) -> tuple[Tree, State]:
        hyper = self.hyper() if hyper is None else hyper
        new, slots, slopes = {}, {}, self.divided(grads)
        for path, part in self.divided(params).items():
            given = (slopes[path], state[path], part, self.hyper_of(path, hyper), step, factors)
            moved, slots[path] = self.optimizers[path].update(*given)  # type: ignore[arg-type]
            new |= moved
        return {place: new[place] for place in params}, slots

    def finalize(self, params: Tree, state: State) -> Tree:
        parts = self.divided(params)
        done = {path: o.finalize(parts[path], state[path]) for path, o in self.optimizers.items()}  # type: ignore
        return {place: values for part in done.values() for place, values in part.items()}
