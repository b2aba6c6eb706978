"""Optax transformations as optimizers: whatever has `init` and `update` keeps its own numbers and its own state."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import jax

from .base import Optimizer, State, Tree


class FromOptax(Optimizer):
    """An optax transformation (anything with `init(params)` and `update(grads, state, params)`) as an optimizer.

    Its learning rate and all other numbers live inside the transformation: `hyper()` is empty unless clipping or the
    moving average of the weights is asked for here. It cannot be written to a file, as it consists of functions;
    its state can.

    Args:
        tx: the transformation.
        **common: see `Optimizer`; no `weight_decay` (use `optax.add_decayed_weights` in the chain).

    >>> import optax
    >>> FromOptax(optax.adamw(1e-3)).hyper()
    {}
    """

    learning_rate: Any = field(default=None, init=False)
    tx: Any

    def __post_init__(self):
        super().__post_init__()
        if not is_transformation(self.tx):
            raise TypeError(f"FromOptax: expected an object with init and update. Received: {self.tx!r}")
        if self.weight_decay is not None:
            raise ValueError("FromOptax: give the weight decay to the chain: optax.add_decayed_weights(...)")

    def __setattr__(self, name, value):
        if name == "learning_rate":
            raise ValueError("FromOptax: the learning rate is inside the optax transformation; make that one anew")
        object.__setattr__(self, name, value)

    def learning_rate_at(self, step, hyper=None):
        return None

    def initial_slots(self, params: Tree) -> State:
        return {"optax": _named(self.tx.init(params))}

    def apply_rule(self, grads, state, params, h, t):
        template, structure = jax.tree.flatten_with_path(jax.eval_shape(self.tx.init, params))
        inner = structure.unflatten([state["optax"][path][name] for path, name in map(_key, template)])
        updates, inner = self.tx.update(grads, inner, params)

        def moved(path: str) -> Any:
            factor = h.factors.get(path, 1)
            return jax.tree.map(lambda p, u: (p + u * factor).astype(p.dtype), params[path], updates[path])

        return {path: moved(path) for path in params}, {"optax": _named(inner)}

    def get_config(self):
        raise ValueError("FromOptax: an optax transformation cannot be written to a file; save the weights alone")


def is_transformation(thing: Any) -> bool:
    """Whether it looks like an optax GradientTransformation."""
    return callable(getattr(thing, "init", None)) and callable(getattr(thing, "update", None))


def _named(inner: Any) -> Tree:
    """A state of any structure as a two-level tree, so that its arrays have names in a file."""
    tree: Tree = {}
    for leaf in jax.tree.flatten_with_path(inner)[0]:
        path, name = _key(leaf)
        tree.setdefault(path, {})[name] = leaf[1]
    return tree


def _key(leaf: tuple[tuple[Any, ...], Any]) -> tuple[str, str]:
    """The (path, name) of an array: ("0/mu/dense", "kernel")."""
    path, _, name = jax.tree_util.keystr(leaf[0], simple=True, separator="/").rpartition("/")
    return path, name
