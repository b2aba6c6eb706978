"""The private gradient: between `gradient` and `update` of a program, rows are sampled, clipped one by one, and noised.

    g = (sum_i min(1, C / |g_i|) g_i + N(0, (sigma C)^2)) / L

with g_i the gradient of sampled row i alone, C the clip norm, sigma the noise multiplier, and L the batch size that is
expected (not the one sampled, which is private too). Penalties of weights depend on no row and are added afterwards.

Reference: M. Abadi et al., "Deep learning with differential privacy", 2016, https://arxiv.org/abs/1607.00133
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from ...core.forward import Pass, apply
from ...core.variables import Variables, gather, merge, split
from ...metrics.moments import merged
from ...train.objective import Objective
from ...train.program import Program, TrainState
from . import layerwise
from .sampling import over_groups, thresholds

MIXING = "keeps something of the rows from step to step"
INSTEAD = "Take GroupNormalization or LayerNormalization instead, or freeze the layer (trainable=False) before compile"


class Terms(NamedTuple):
    """What a private step does.

    Args:
        noise: sigma, in clip norms.
        clip: C.
        batch_size: L.
        rows: of the data.
        group: rows whose gradients are computed together.
    """

    noise: float
    clip: float
    batch_size: float
    rows: int
    group: int

    @property
    def rate(self) -> float:
        """The probability with which a row is in a step."""
        return self.batch_size / self.rows


class OfRows:
    """An objective whose value depends on rows alone: penalties of weights are reported, and left to the step."""

    def __init__(self, own: Objective):
        self.own = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def __call__(self, y: Any, outputs: Any, weights: Any, made: Any) -> tuple[Any, Any]:
        _, sums = self.own(y, outputs, weights, made)
        return self.own(y, outputs, weights, WithoutWeights(made))[0], sums


class WithoutWeights:
    """A Pass that tells of no penalties but those that its call made."""

    def __init__(self, made: Pass):
        self.made = made

    def __getattr__(self, name: str) -> Any:
        return getattr(self.made, name)

    def penalties(self) -> dict[str, Any]:
        """What layers added to the loss."""
        return dict(self.made.losses)


def private_program(
    plain: Program, model: Any, frozen: frozenset[str], terms: Terms, objective: Any = None, dtype: Any = None
) -> Program:
    """A program that learns in private from `Poisson` rows.

    Args:
        plain: the program for rows of their own, its objective an `OfRows`.
        model: whose layers it runs.
        frozen: the paths that gradients leave alone.
        terms: what a step does.
        objective: that of `plain`, for models whose rows can be computed together, see `layerwise`; None: row by row.
        dtype: what layers compute in.
    """
    limits = thresholds(terms.rows, terms.rate)

    def rows_of(batch: Any, rows: Any) -> Any:
        return jax.tree.map(lambda a: a[rows], batch)

    def of_row(ts: TrainState, row: Any, place: Any) -> Any:
        own = ts._replace(key=jax.random.fold_in(ts.key, place))  # dropout of its own
        grads, _, sums = plain.gradient(own, jax.tree.map(lambda a: a[None], row))
        return grads, sums

    def gradient(ts: TrainState, batch: Any) -> Any:
        some = jax.tree.map(lambda a: jax.ShapeDtypeStruct((terms.group, *a.shape[1:]), a.dtype), batch)
        learning = None if objective is None else layerwise.suits(model, some[0], frozen, dtype)

        def work(rows: Any, places: Any, live: Any) -> Any:
            if learning is not None:
                own = ts._replace(key=jax.random.fold_in(ts.key, places[0]))  # dropout of its own, for every group
                variables = Variables(ts.params, ts.state, ts.hyper["layers"])
                told = (variables, rows_of(batch, rows), own.key_for("train"), objective)
                parts, sums = layerwise.parts_of(model, frozen, learning, *told)
                clipped = layerwise.clipped_sum(parts, terms.clip, live)
                return clipped, _merged(sums, live)
            grads, sums = jax.vmap(of_row, in_axes=(None, 0, 0))(ts, rows_of(batch, rows), places)
            return clipped_sum(grads, terms.clip, live), _merged(sums, live)

        shapes = jax.eval_shape(lambda: work(*(jnp.zeros(terms.group, t) for t in ("int32", "int32", "bool"))))
        zero = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        total, sums = over_groups(ts.key_for("rows"), limits, terms.rows, terms.group, work, zero)
        grads = jax.tree.map(lambda g: g / terms.batch_size, noised(total, ts.key_for("noise"), terms))
        return jax.tree.map(jnp.add, grads, penalty_gradient(model, frozen, ts)), ts.state, sums

    def examine(ts: TrainState, batch: Any) -> Any:
        assert plain.examine is not None
        return plain.examine(ts, rows_of(batch, jnp.arange(terms.group) % terms.rows))

    return plain._replace(gradient=gradient, examine=examine, key=("private", terms, plain.key))


def clipped_sum(grads: Any, clip: float, live: Any) -> Any:
    """The sum of gradients, each scaled down to the clip norm where it is longer; what is not finite counts nothing.

    Args:
        grads: a tree of arrays (rows, ...).
        clip: C; infinite for none.
        live: (rows,), which of them count.
    """
    squares = [jnp.sum(jnp.square(g.astype(jnp.float32)).reshape(len(g), -1), axis=1) for g in jax.tree.leaves(grads)]
    norm = jnp.sqrt(sum(squares))
    fine = live & jnp.isfinite(norm)
    scale = jnp.where(fine, jnp.minimum(1.0, clip / jnp.maximum(norm, 1e-30)), 0.0)

    def total(g: Any) -> Any:
        flat = g.reshape(len(g), -1)
        kept = flat if math.isinf(clip) else jnp.where(fine[:, None], flat, 0)  # 0 times NaN is NaN
        return (scale @ kept).reshape(g.shape[1:])

    return jax.tree.map(total, grads)


def _merged(sums: Any, live: Any) -> Any:
    return merged(jax.tree.map(lambda s: jnp.where(live.reshape(-1, *(1,) * (s.ndim - 1)), s, 0), sums))


def noised(total: Any, key: Any, terms: Terms) -> Any:
    """A sum of clipped gradients with noise of sigma C on every number."""
    if terms.noise == 0:
        return total
    flat, tree = ravel_pytree(total)
    return tree(flat + terms.noise * terms.clip * jax.random.normal(key, flat.shape, flat.dtype))


def penalty_gradient(model: Any, frozen: frozenset[str], ts: TrainState) -> Any:
    """The gradient of the penalties of weights."""
    trained, rest = split(ts.params, lambda path, _: path not in frozen)

    def penalty(trained: Any) -> Any:
        variables = Variables(merge(rest, trained), ts.state, ts.hyper["layers"])
        with Pass(model, variables, training=True, frozen=frozen) as made:
            return sum(made.penalties().values(), jnp.float32(0))

    return jax.grad(penalty)(trained)


def refuse_mixing(model: Any, x: Any, frozen: frozenset[str]) -> None:
    """Refuse layers that keep something of the rows beside the gradients.

    Args:
        model: a built model.
        x: its inputs.
        frozen: the paths whose layers leave their statistics alone.
    """
    variables, kept = gather(model), []

    def look(x: Any) -> Any:
        outputs, made = apply(model, variables, x, key=jax.random.key(0), training=True, frozen=frozen)
        kept.extend(path for path, values in made.state.items()
                    if any(value is not variables.state[path][name] for name, value in values.items()))  # fmt: skip
        return outputs

    jax.eval_shape(look, jax.tree.map(lambda a: a[:2], x))
    if kept:
        layer = model.get_layer(kept[0])
        where = f"{kept[0]} ({type(layer).__name__})"
        raise ValueError(f"private: {where} {MIXING}, and nothing bounds what a row leaves there. {INSTEAD}")
