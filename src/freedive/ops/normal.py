"""Rows that are normalised, in one pass over memory forward and one back.

With d = x - mean, or x itself where rows are not centred, r = 1 / sqrt(mean of d² + epsilon) and n = r d,

    normal(x, f) = n f[0] + f[1]

Its derivative by x and f, and that one's transpose, are operations of their own, linear and each the other's transpose:

    change(x, f, dx, df) = r (dx - mean of dx - n mean of (n dx)) f[0] + n df[0] + df[1]
    back(x, f, g) = (r (h - mean of h - n mean of (n h)), [sum of n g, sum of g over the rows]),  h = g f[0]

so everything is differentiated to any order and in every mode. The native loops do the first and the last while rows
are in the processor's caches, moments included: array code makes five passes forward and seven back. How `change` and
`back` themselves change with x and f is array code.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from . import native
from .native.linear import compiled

LEAST = 1 << 14  # numbers of an array that is worth a call
NARROW = 16  # numbers of a row that fill a register


def suits(x: Any) -> bool:
    """Whether the native loops do the rows of x (..., width), and are worth their call."""
    large = x.ndim > 1 and x.size >= LEAST and x.shape[-1] >= NARROW
    return large and x.dtype == jnp.float32 and native.available()


def normal(x: Any, factors: Any, offsets: Any, epsilon: float, centred: bool = True) -> jax.Array:
    """(x - mean) / sqrt(variance + epsilon) factors + offsets, with the moments of each row of x (..., width).

    Args:
        x: float32; best if it `suits`.
        factors, offsets: (width), or None for ones and zeros.
        epsilon: added to the variance.
        centred: False for a mean that stays: x / sqrt(mean of x² + epsilon) factors + offsets.

    >>> normal(jnp.array([[1.0, 3.0]]), None, jnp.array([5.0, 5.0]), 0.0).tolist()
    [[4.0, 6.0]]
    """
    width = x.shape[-1]
    given = jnp.stack([
        jnp.ones(width, x.dtype) if factors is None else factors,
        jnp.zeros(width, x.dtype) if offsets is None else offsets,
    ])  # fmt: skip
    return normal_p.bind(x, given, epsilon=float(epsilon), centred=centred)[0]


# the operations -------------------------------------------------------------------------------------------------------
def _normal(x: Any, f: Any, *, epsilon: float, centred: bool) -> Any:
    d = x - jnp.mean(x, -1, keepdims=True) if centred else x
    return [d * jax.lax.rsqrt(jnp.mean(jnp.square(d), -1, keepdims=True) + epsilon) * f[0] + f[1]]


def _change(x: Any, f: Any, dx: Any, df: Any, **options: Any) -> Any:
    return jax.jvp(lambda *a: _normal(*a, **options), (x, f), (dx, df))[1]


def _back(x: Any, f: Any, by: Any, **options: Any) -> Any:
    return list(jax.vjp(lambda *a: _normal(*a, **options), x, f)[1]([by]))


def _operation(name: str, reference: Any, *results: int) -> Primitive:
    """An operation that is array code wherever it has no loop of its own; results are like some arguments."""
    made = Primitive(f"freedive_{name}")
    made.multiple_results = True
    made.def_abstract_eval(lambda *a, **_: [ShapedArray(a[i].shape, a[i].dtype) for i in results])
    made.def_impl(lambda *a, **options: compiled(made, tuple(sorted(options.items())))(*a))
    mlir.register_lowering(made, mlir.lower_fun(reference, multiple_results=True))

    def batched(args: Any, axes: Any, **options: Any) -> Any:
        if made is normal_p and axes[1] is None:  # more rows
            return made.bind(jnp.moveaxis(args[0], axes[0], 0), args[1], **options), [0]
        return jax.vmap(lambda *a: reference(*a, **options), axes)(*args), [0] * len(results)

    batching.primitive_batchers[made] = batched
    return made


normal_p = _operation("normal", _normal, 0)
change_p = _operation("normal_change", _change, 0)
back_p = _operation("normal_back", _back, 0, 1)


def _door(name: str, reference: Any, *results: int) -> Any:
    def run(*arrays: Any, epsilon: float, centred: bool) -> Any:
        if not native.available():
            return reference(*arrays, epsilon=epsilon, centred=centred)
        found = [jax.ShapeDtypeStruct(arrays[i].shape, jnp.float32) for i in results]
        return jax.ffi.ffi_call(f"freedive_{name}", found)(*arrays, epsilon=np.float32(epsilon), centred=centred)

    return mlir.lower_fun(run, multiple_results=True)


mlir.register_lowering(normal_p, _door("normal", _normal, 0), platform="cpu")
mlir.register_lowering(back_p, _door("normal_back", _back, 0, 1), platform="cpu")


# derivatives ----------------------------------------------------------------------------------------------------------
def _normal_jvp(primals: Any, tangents: Any, **options: Any) -> Any:
    changes = map(ad.instantiate_zeros, tangents)
    return normal_p.bind(*primals, **options), change_p.bind(*primals, *changes, **options)


def _linear(primitive: Primitive, reference: Any) -> None:
    """The derivative of an operation that is linear in all but x and f."""

    def jvp(primals: Any, tangents: Any, **options: Any) -> Any:
        fixed, given = primals[:2], primals[2:]
        found = primitive.bind(*primals, **options)
        changes = primitive.bind(*fixed, *map(ad.instantiate_zeros, tangents[2:]), **options)
        if any(type(t) is not ad.Zero for t in tangents[:2]):
            moved = tuple(map(ad.instantiate_zeros, tangents[:2]))
            more = jax.jvp(lambda x, f: reference(x, f, *given, **options), fixed, moved)[1]
            changes = [a + b for a, b in zip(changes, more, strict=True)]
        return found, changes

    ad.primitive_jvps[primitive] = jvp


def _change_back(by: Any, x: Any, f: Any, dx: Any, df: Any, **options: Any) -> Any:
    found = back_p.bind(x, f, ad.instantiate_zeros(by[0]), **options)
    return [None, None, *(b if ad.is_undefined_primal(a) else None for a, b in zip((dx, df), found, strict=True))]


ad.primitive_jvps[normal_p] = _normal_jvp
_linear(change_p, _change)
_linear(back_p, _back)
ad.primitive_transposes[change_p] = _change_back
ad.primitive_transposes[back_p] = lambda by, x, f, g, **options: [
    None, None, *change_p.bind(x, f, *map(ad.instantiate_zeros, by), **options)
]  # fmt: skip
