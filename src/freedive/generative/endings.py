"""Whether what a network gives are probabilities of a last sigmoid, and the logits that these were computed from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..core.forward import Pass, running
from ..core.structure import kept, structure
from ..core.variables import Variables
from .base import View

LEAST = 1e-7  # the least probability whose logarithm is taken, as in the losses

# What changes no number, only where it stands.
MOVES = ("reshape", "transpose", "squeeze", "expand_dims", "broadcast_in_dim", "slice", "rev", "copy")
MOVES += ("convert_element_type",)


def ends_in_sigmoid(model: Any, part: Any, use: Callable[[Any, Any], Any], x: Any) -> bool:
    """Whether the last thing that a part of a model computes is a sigmoid, whatever layers then move its answers.

    It is traced to see this, once for all parts of its structure; where the weights of the part are not known yet, it
    is not known.

    Args:
        model: that holds the part.
        part: a layer or model.
        use: (model, x) -> what the part answers.
        x: a tree of arrays.
    """
    outer = running()
    if outer is not None and outer.creating and not part._planned:
        return False

    def answers(x: Any) -> Any:
        with Pass(View(model, use), Variables({}, {}, {}), jax.random.key(0), creating=True) as made:
            return made.call(made.root, (x,), {})

    def look() -> bool:
        like = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), x)
        traced = jax.make_jaxpr(answers)(like).jaxpr
        return origin(traced, traced.outvars[0]) == "logistic"

    return kept(("ends in a sigmoid", structure(part)), look)


def origin(jaxpr: Any, value: Any) -> Any:
    """The name of what computed a value, behind all that only moved it; the value that it was where that is given."""
    for step in reversed(jaxpr.eqns):
        if not any(value is made for made in step.outvars):
            continue
        inner = step.params.get("jaxpr", step.params.get("call_jaxpr"))
        if step.primitive.name in MOVES:
            value = step.invars[0]
        elif inner is not None:  # jit and its like
            inner = getattr(inner, "jaxpr", inner)
            found = origin(inner, inner.outvars[next(i for i, made in enumerate(step.outvars) if made is value)])
            given = [outer for own, outer in zip(inner.invars, step.invars, strict=False) if own is found]
            if not given:
                return found
            value = given[0]
        else:
            return step.primitive.name
    return value


def as_logits(outputs: Any, sigmoid: bool) -> Any:
    """Outputs as logits: of a sigmoid, those that it was computed from."""
    outputs = outputs.astype(jnp.float32)
    if not sigmoid:
        return outputs
    p = jnp.clip(outputs, LEAST, 1 - LEAST)
    return jnp.log(p) - jnp.log1p(-p)
