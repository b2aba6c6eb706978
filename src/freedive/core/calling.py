"""Calling a layer alone on arrays: it makes its values at first and is compiled once a shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.core import Tracer

from ..ops import host
from .forward import Pass, refuse_flagged
from .paths import looked_at
from .structure import compiled_for
from .variables import Variables, draw_missing, frozen_paths, gather, next_seed, scatter

if TYPE_CHECKING:
    from .layer import Layer


def call_root(root: Layer, inputs: tuple, kwargs: dict[str, Any]) -> Any:
    """Run a layer alone. With training=True it draws new random numbers and keeps the state it writes."""
    training = bool(kwargs.get("training"))
    inputs, kwargs = jax.tree.map(as_array, (tuple(map(gathered, inputs)), kwargs))
    if inputs and (inputs[0] is None or isinstance(inputs[0], str)):
        raise root.error(f"expected an array. Received {inputs[0]!r:.40}")
    if not root.built:
        root._plan_for(inputs, kwargs)
    with looked_at(root):
        outputs, state = _called(root, training, inputs, kwargs)
    if training:
        scatter(root, {}, state)
    return outputs


def _called(root: Layer, training: bool, inputs: tuple, kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """The outputs and the new state, by the program of these shapes."""
    draw_missing(root)
    flat, tree = jax.tree.flatten((inputs, kwargs))
    arrays = [x for x in flat if isinstance(x, (jax.Array, np.ndarray))]
    others = tuple(None if isinstance(x, (jax.Array, np.ndarray)) else x for x in flat)
    frozen = frozen_paths(root)

    def run(root: Layer, variables: Variables, seed: Any, arrays: list[Any]) -> Any:
        given = iter(arrays)
        args, named = jax.tree.unflatten(tree, [next(given) if x is None else x for x in others])
        with Pass(root, variables, run_key(seed), training, frozen=frozen) as made:
            return made.call(root, args, named), made.state, made.flags

    call = compiled_for(root, ("call", tree, others, frozen), run)
    outputs, state, flags = call(root, gather(root), np.uint32(next_seed() if training else 0), arrays)
    if not any(isinstance(count, Tracer) for count in flags.values()):
        refuse_flagged(root, flags)
    return outputs, state


def run_key(seed: Any) -> Any:
    """The key of a run, of a kind that is named, so that no later default changes its numbers."""
    return host.key(seed, "threefry2x32")


def gathered(x: Any) -> Any:
    """Nested lists of numbers as one array; lists of arrays as they are."""
    flat = jax.tree.leaves(x) if isinstance(x, (list, tuple)) else []
    return np.asarray(x) if flat and all(isinstance(value, (bool, int, float, str)) for value in flat) else x


def as_array(x: Any) -> Any:
    """Numbers as an array of a type that jax computes in; text and objects are refused."""
    if isinstance(x, (jax.Array, bool, str)):
        return x
    array = np.asarray(x)
    if array.dtype.kind in "OUSMm":
        raise TypeError(
            f"expected numbers. Received an array of {array.dtype}: encode text and objects as numbers first"
        )
    return array.astype(np.float32) if array.dtype == np.float64 else array
