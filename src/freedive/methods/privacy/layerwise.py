"""Gradients of rows, layer by layer: their lengths and their scaled sum from one pass over the batch.

What the gradient of row i by a kernel is made of, what came into the layer, a_i, and what comes back to it, delta_i, is
there after one pass forward and one back for all rows together. So no row is gone through by itself:

    one place a row:   g_i = a_i delta_i^T,          |g_i|^2 = |a_i|^2 |delta_i|^2
    T places a row:    g_i = sum_t a_it delta_it^T,  |g_i|^2 = sum_st (a_is . a_it) (delta_is . delta_it)
    sum_i c_i g_i = sum_it a_it (c_i delta_it)^T

Of many places the gradients themselves are made where that is less work than all pairs of places. An embedding is the
case in which a_it says which row of the table was taken. Rows must not meet within the batch, so only layers that are
known to keep them apart are computed together; models with others go the long way, row by row.

Reference: I. Goodfellow, "Efficient per-example gradient computations", 2015, https://arxiv.org/abs/1510.01799; Z. Bu
et al., "Differentially private optimization on large model at small cost", 2022, https://arxiv.org/abs/2210.00038
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ... import layers as known
from ...core.forward import Pass
from ...core.graph import InputLayer
from ...core.layer import Layer
from ...core.paths import paths
from ...core.variables import Variables, gather
from ...models import Model
from ...models.sequential import Sequential
from ...ops.conv import patches


class Part(NamedTuple):
    """The gradients of rows by the weights of a layer: the squares of their lengths, and their sum by scales."""

    squares: Any  # (rows,)
    total: Callable[[Any], Any]  # scales (rows,) -> weight -> its gradient


def product(a: Any, delta: Any) -> Part:
    """For z = a W with a (rows, places, features) and delta (rows, places, units): by W (features, units)."""
    places, features, units = a.shape[1], a.shape[2], delta.shape[2]
    if places > 1 and places * (features + units) >= features * units:
        each = jnp.einsum("itk,ito->iko", a, delta).reshape(len(a), -1)
        return Part(jnp.sum(jnp.square(each), 1), lambda scale: (scale @ counted(each, scale)).reshape(features, units))
    if places == 1:
        squares = jnp.sum(jnp.square(a), (1, 2)) * jnp.sum(jnp.square(delta), (1, 2))
    else:
        squares = jnp.sum(jnp.einsum("isk,itk->ist", a, a) * jnp.einsum("isk,itk->ist", delta, delta), (1, 2))

    def total(scale: Any) -> Any:
        scaled = counted(delta, scale) * scale[:, None, None]
        return counted(a, scale).reshape(-1, features).T @ scaled.reshape(-1, units)

    return Part(squares, total)


def counted(a: Any, scale: Any) -> Any:
    """Rows without those that count nothing, which may hold NaN or infinity: 0 times those is no zero."""
    return jnp.where((scale > 0).reshape(-1, *(1,) * (a.ndim - 1)), a, 0)


def affine(a: Any, delta: Any, layer: Any, shape: tuple[int, ...]) -> Part:
    """A layer z = a W + b whose kernel has this shape: b is the weight of a feature that is always 1."""
    if layer.use_bias:
        a = jnp.concatenate([a, jnp.ones((*a.shape[:2], 1), a.dtype)], -1)
    squares, total = product(a, delta)

    def parted(scale: Any) -> dict[str, Any]:
        found = total(scale)
        if not layer.use_bias:
            return {"kernel": found.reshape(shape)}
        return {"kernel": found[:-1].reshape(shape), "bias": found[-1]}

    return Part(squares, parted)


def of_dense(layer: Any, x: Any, delta: Any) -> Part:
    """Of a Dense layer."""
    a, d = (v.reshape(len(v), -1, v.shape[-1]) for v in (x, delta))
    return affine(a, d, layer, (x.shape[-1], delta.shape[-1]))


def of_convolution(layer: Any, x: Any, delta: Any) -> Part:
    """Of a convolution: a dense layer of patches."""
    a = patches(x, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    shape = (*layer.kernel_size, x.shape[-1], layer.filters)
    return affine(a, delta.reshape(len(delta), -1, layer.filters), layer, shape)


def of_embedding(layer: Any, ids: Any, delta: Any) -> Part:
    """Of a table: places that take the same row add up."""
    ids, d = ids.reshape(len(ids), -1).astype(jnp.int32), delta.reshape(len(delta), -1, delta.shape[-1])
    alike = ids[:, :, None] == ids[:, None, :]
    squares = jnp.sum(jnp.where(alike, jnp.einsum("isk,itk->ist", d, d), 0), (1, 2))

    def total(scale: Any) -> dict[str, Any]:
        rows = (counted(d, scale) * scale[:, None, None]).reshape(-1, d.shape[-1])
        return {"embeddings": jnp.zeros((layer.input_dim, layer.output_dim), rows.dtype).at[ids.ravel()].add(rows)}

    return Part(squares, total)


RULES: dict[type, Callable[[Any, Any, Any], Part]] = {
    known.Dense: of_dense,
    known.Conv1D: of_convolution,
    known.Conv2D: of_convolution,
    known.Embedding: of_embedding,
}
APART: frozenset[type] = frozenset(RULES) | {
    Model, Sequential, InputLayer, known.Flatten, known.Reshape, known.Dropout, known.Activation, known.ReLU,
    known.LeakyReLU, known.ELU, known.MaxPooling1D, known.MaxPooling2D, known.AveragePooling1D, known.AveragePooling2D,
    known.GlobalMaxPooling1D, known.GlobalMaxPooling2D, known.GlobalAveragePooling1D, known.GlobalAveragePooling2D,
    known.ZeroPadding2D, known.Rescaling, known.LayerNormalization,
}  # fmt: skip


def layers_of(model: Any, frozen: frozenset[str]) -> dict[str, Layer] | None:
    """The layers that learn, by path, where all layers keep rows apart and those that learn have a rule; else None."""
    found: dict[str, Layer] = {}
    for layer, path in paths(model).items():
        if type(layer) not in APART or getattr(layer, "activity_regularizer", None) is not None or layer.dtype:
            return None
        if getattr(layer, "groups", 1) != 1 or getattr(layer, "data_format", None) == "channels_first":
            return None
        if layer._specs["params"] and path not in frozen:
            if type(layer) not in RULES:
                return None
            found[path] = layer
    return found


class Seen:
    """One pass over a batch: what comes into the layers that learn, and the places where deltas are found.

    Args:
        learning: those layers, by path.
        probes: zeros for what they make, by path; None while their shapes are found out.
    """

    def __init__(self, learning: dict[str, Layer], probes: dict[str, Any] | None):
        self.learning, self.probes = learning, probes or {}
        self.inputs: dict[str, Any] = {}
        self.calls: dict[str, int] = {}
        self.taps: dict[str, dict[str, Any]] = {}
        self.tables: dict[str, Any] = {}

    def watch(self, layer: Layer, path: str, given: tuple, outputs: Any) -> Any:
        """Keep what came in; an embedding has no z, so its probe is added to what it gives."""
        if path in self.learning:
            self.inputs[path], self.calls[path] = given[0], self.calls.get(path, 0) + 1
            if isinstance(layer, known.Embedding):
                self.tables[path] = outputs
                return outputs + self.probes[path] if path in self.probes else outputs
        return outputs

    @property
    def shapes(self) -> dict[str, Any]:
        """The shapes of z, or of what a table gives."""
        return {path: (self.tables[path] if path in self.tables else self.taps[path]["z"]) for path in self.learning}

    @property
    def whole(self) -> bool:
        """Whether every layer that learns was seen, and once."""
        return all(self.calls.get(path) == 1 and (path in self.taps or path in self.tables) for path in self.learning)


def run(model: Any, frozen: frozenset[str], variables: Variables, x: Any, key: Any, seen: Seen) -> tuple[Any, Pass]:
    """(outputs, Pass) of a batch, in training."""
    probes = {
        path: probe for path, probe in seen.probes.items() if not isinstance(seen.learning[path], known.Embedding)
    }
    options: dict[str, Any] = {"taps": seen.taps, "probes": probes, "watch": seen.watch, "frozen": frozen}
    with Pass(model, variables, key, training=True, **options) as made:
        return made.call(model, (x,), {}), made


def suits(model: Any, x: Any, frozen: frozenset[str], dtype: Any = None) -> dict[str, Layer] | None:
    """The layers that learn, where the rows of such a model can be computed together; else None."""
    learning = layers_of(model, frozen)
    if not learning or dtype is not None or not model.built:
        return None
    found: list[bool] = []

    def look(x: Any) -> Any:
        seen = Seen(learning, None)
        outputs, made = run(model, frozen, gather(model), x, jax.random.key(0), seen)
        found.append(seen.whole and not made.masks and not made.losses)
        return outputs

    jax.eval_shape(look, x)
    return learning if found[0] else None


def parts_of(
    model: Any, frozen: frozenset[str], learning: dict[str, Layer], variables: Variables, batch: Any, key: Any,
    objective: Any,
) -> tuple[dict[str, Part], Any]:  # fmt: skip
    """The gradients of the rows of a batch, by layer, and the sums of each row.

    Args:
        batch: (x, y, weights).
        objective: of a batch of one row.
    """
    x, y, weights = batch

    def forward(probes: dict[str, Any] | None) -> Any:
        seen = Seen(learning, probes)
        outputs, made = run(model, frozen, variables, x, key, seen)
        flags, made.flags = made.flags, {}

        def of_row(row: Any) -> Any:
            value, sums = objective(*jax.tree.map(lambda a: a[None], row), made)
            return value, sums

        values, sums = jax.vmap(of_row)((y, outputs, weights))
        count = len(values)
        if flags:
            sums["flags"] = jax.tree.map(lambda n: jnp.zeros(count, n.dtype).at[0].set(n), flags)
        return jnp.sum(values), (seen.inputs, sums, seen.shapes)

    shapes = jax.eval_shape(lambda: forward(None)[1][2])
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    deltas, (inputs, sums, _) = jax.grad(forward, has_aux=True)(zeros)
    parts = {p: RULES[type(layer)](layer, inputs[p], deltas[p]) for p, layer in learning.items()}
    return parts, sums


def clipped_sum(parts: dict[str, Part], clip: float, live: Any) -> Any:
    """The sum of the gradients of rows, each scaled down to the clip norm where it is longer.

    Args:
        parts: by layer.
        clip: C; infinite for none.
        live: (rows,), which of them count.
    """
    norm = jnp.sqrt(sum(part.squares for part in parts.values()))
    fine = live & jnp.isfinite(norm)
    scale = jnp.where(fine, jnp.minimum(1.0, clip / jnp.maximum(norm, 1e-30)), 0.0)
    return {path: part.total(scale) for path, part in parts.items()}
