"""Rows of numbers for many classes: softmax, sums, the number of one class, the place of the largest; a pass for each.

Array code makes some twenty passes over (rows, classes) of a softmax, its cross-entropy and its accuracy. With
p = softmax(x), s(p) = sum(p) and c(p) = p[k],

    dp = J dx,   J d = p (d - <p, d>),   J^T = J;      ds = s(dp),   dc = c(dp)

so each is differentiated to any order and in every mode. The native loops do the first three while a row is in the
processor's caches; what comes back through c is a comparison with k, and no scatter.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import ad, mlir

from .. import activations
from . import native
from .native.sums import primitive

LEAST = 1 << 16  # numbers of an array that is worth a call
NARROW = 64  # classes


def suits(x: Any, axis: int = -1) -> bool:
    """Whether the native loops do rows of classes along an axis of x, and are worth their call."""
    last = x.ndim > 0 and axis in (-1, x.ndim - 1) and x.shape[-1] >= NARROW
    return last and x.size >= LEAST and x.dtype == jnp.float32 and native.available()


def softmax(x: Any) -> jax.Array:
    """`activations.softmax` of the last axis.

    >>> softmax(jnp.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    return softmax_p.bind(x) if suits(x) else activations.softmax(x)


def share(p: Any, labels: Any, axis: int = -1) -> jax.Array:
    """p[k] / sum(p) of each row, k its label; NaN for a label that no class has.

    >>> share(jnp.array([[1.0, 3.0]]), jnp.array([1])).tolist()
    [0.75]
    """
    if suits(p, axis):
        total, gained = total_p.bind(p), chosen_p.bind(p, labels)
    else:
        total, hot = jnp.sum(p, axis), jax.nn.one_hot(labels, p.shape[axis], axis=axis, dtype=bool)
        gained = jnp.sum(jnp.where(hot, p, 0.0), axis)
    return jnp.where((labels >= 0) & (labels < p.shape[axis]), gained / jnp.where(total == 0, 1.0, total), jnp.nan)


def argmax(x: Any) -> jax.Array:
    """`jnp.argmax` over the last axis, (..., n) -> (...): the first of the largest, or the first NaN.

    As two plain reductions, which a processor does many numbers at a time; jax' own reduces pairs, one by one.

    >>> argmax(jnp.array([[1.0, 3.0, 3.0], [2.0, jnp.nan, 5.0]])).tolist()
    [1, 1]
    """

    def by_hand(x: Any) -> Any:
        found = jax.ShapeDtypeStruct(x.shape[:-1], jnp.int32)
        return jax.ffi.ffi_call("freedive_class_largest", found, vmap_method="broadcast_all")(x)

    def reference(x: Any) -> Any:
        places = jax.lax.broadcasted_iota("int32", x.shape, x.ndim - 1)
        found = (x == jnp.max(x, axis=-1, keepdims=True)) | (x != x)
        return jnp.min(jnp.where(found, places, x.shape[-1]), axis=-1)

    x = jax.lax.stop_gradient(jnp.asarray(x))
    return native.by_native(suits(x), by_hand, reference, x)


# the operations -------------------------------------------------------------------------------------------------------
def _slope(y: Any, d: Any) -> Any:
    return y * (d - jnp.sum(y * d, -1, keepdims=True))


def _chosen(x: Any, labels: Any) -> Any:
    return jnp.take_along_axis(x, labels[..., None], -1, mode="clip")[..., 0]


softmax_p = primitive("softmax", activations.softmax, lambda x: x)
slope_p = primitive("softmax_slope", _slope, lambda y, d: y)
total_p = primitive("total", lambda x: jnp.sum(x, -1), lambda x: x[:-1])
chosen_p = primitive("chosen", _chosen, lambda x, labels: x[:-1])


def _door(name: str, reference: Any, rows: bool) -> Any:
    def run(*arrays: Any) -> Any:
        if not native.available():
            return reference(*arrays)
        found = jax.ShapeDtypeStruct(arrays[0].shape[: None if rows else -1], jnp.float32)
        return jax.ffi.ffi_call(f"freedive_{name}", found)(*arrays)

    return mlir.lower_fun(run, multiple_results=False)


mlir.register_lowering(softmax_p, _door("softmax", activations.softmax, True), platform="cpu")
mlir.register_lowering(slope_p, _door("softmax_back", _slope, True), platform="cpu")
mlir.register_lowering(total_p, _door("class_sums", lambda x: jnp.sum(x, -1), False), platform="cpu")


# derivatives ----------------------------------------------------------------------------------------------------------
def _softmax_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    y = softmax_p.bind(*primals)
    return y, slope_p.bind(y, *tangents)


def _slope_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    (y, d), (dy, dd) = primals, tangents
    changes = [] if type(dd) is ad.Zero else [slope_p.bind(y, dd)]
    if type(dy) is not ad.Zero:
        changes.append(dy * (d - jnp.sum(y * d, -1, keepdims=True)) - y * jnp.sum(dy * d, -1, keepdims=True))
    return slope_p.bind(y, d), sum(changes)


def _placed(by: Any, x: Any, labels: Any) -> tuple[Any, None]:
    places = jax.lax.broadcasted_iota(labels.dtype, x.aval.shape, x.aval.ndim - 1)
    return jnp.where(places == labels[..., None], by[..., None], 0.0), None


ad.primitive_jvps[softmax_p] = _softmax_jvp
ad.primitive_jvps[slope_p] = _slope_jvp
ad.primitive_transposes[slope_p] = lambda by, y, d: (None, slope_p.bind(y, by))
ad.deflinear2(total_p, lambda by, x: (jnp.broadcast_to(by[..., None], x.aval.shape),))
ad.primitive_jvps[chosen_p] = lambda given, changes: (chosen_p.bind(*given), chosen_p.bind(changes[0], given[1]))
ad.primitive_transposes[chosen_p] = _placed
