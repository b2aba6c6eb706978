"""Where a step goes wrong: every number of it, from its inputs to the new weights, with a flag whether it is finite.

It is a re-run of one step, so it may be slow: every layer's output and the gradient that arrives there are kept. The
first flag that is False names the place: NaN and infinity spread from there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from .finite import all_finite, floats

if TYPE_CHECKING:
    from .program import TrainState


class Call(NamedTuple):
    """One call of a layer: its path, what messages call it, what entered and what it gave."""

    path: str
    label: str
    inputs: list[Any]
    outputs: list[Any]


def examined(
    loss: Callable[..., Any], update: Callable[..., TrainState], ts: TrainState, trained: Any, batch: Any
) -> OrderedDict[str, Any]:
    """Text -> flag for everything that a step computes, in order.

    Args:
        loss: (trained, watch) -> (value, new state); hands `watch` to the Pass.
        update: of the program.
        ts: the state before the step.
        trained: the weights that gradients change.
        batch: (x, y, weights).
    """
    calls: list[Call] = []

    def run(trained: Any, probes: Any) -> Any:
        calls.clear()

        def watch(layer: Any, path: str, inputs: Any, outputs: Any) -> Any:
            if probes is not None:
                outputs = jax.tree.map(jnp.add, outputs, probes[len(calls)])
            calls.append(Call(path, label_of(layer, path), jax.tree.leaves(inputs), floats(outputs)))
            made.append(outputs)
            return outputs

        made: list[Any] = []
        value, state = loss(trained, watch)
        return value, (state, made)

    shapes = jax.eval_shape(run, trained, None)[1][1]
    probes = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    slope = jax.value_and_grad(run, argnums=(0, 1), has_aux=True, allow_int=True)
    (value, (state, outputs)), (grads, deltas) = slope(trained, probes)
    new = update(ts._replace(state=state), grads)
    before = ((f"the weight {place} before the step", array) for place, array in named(ts.params))
    after = ((f"the weight {place} after the update", array) for place, array in named(new.params))
    slots = ((f"the optimizer's {place}", array) for place, array in named(new.optimizer))
    found: dict[str, Any] = dict(zip(("the inputs x", "the targets y", "the sample weights"), batch, strict=True))
    found |= dict(before)
    found |= unique((f"the output of {call.label}", made) for call, made in zip(calls, outputs, strict=True))
    found |= {"the loss": value}
    found |= unique(backward(calls, grads, deltas))
    found |= {f"the state {place}": array for place, array in named(state)} | dict(after) | dict(slots)
    return OrderedDict((text, all_finite(tree)) for text, tree in found.items())


def backward(calls: list[Call], grads: Any, deltas: Any) -> Iterator[tuple[str, Any]]:
    """The gradients from the loss down: what arrives at a layer's output, then those of its weights."""
    met = set()
    for call, delta in zip(reversed(calls), reversed(deltas), strict=True):
        takers = [c for c in calls if any(x is o for x in c.inputs for o in call.outputs)]
        giver = takers[0].label if takers else "the loss"
        yield f"the gradient that {giver} hands back to {call.label}", delta
        yield from ((f"the gradient of {place}", g) for place, g in named({call.path: grads.get(call.path, {})}))
        met.add(call.path)
    rest = {path: weights for path, weights in grads.items() if path not in met}
    yield from ((f"the gradient of {place}", g) for place, g in named(rest))


def label_of(layer: Any, path: str) -> str:
    """How messages call a layer: "dense_1 (Dense)"; the whole model "the model"."""
    return f"{path} ({type(layer).__name__})" if path else "the model"


def named(tree: Any) -> Iterator[tuple[str, Any]]:
    """(place, array) of the arrays of a tree."""
    for keys, array in jax.tree_util.tree_leaves_with_path(tree):
        yield "/".join(str(getattr(k, "key", getattr(k, "name", getattr(k, "idx", k)))) for k in keys), array


def unique(pairs: Iterator[tuple[str, Any]]) -> dict[str, Any]:
    """A dict in which a second value of one name has a number."""
    found: dict[str, Any] = {}
    for text, value in pairs:
        count = sum(t == text or t.startswith(f"{text}, call ") for t in found)
        found[f"{text}, call {count + 1}" if count else text] = value
    return found
