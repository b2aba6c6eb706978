"""Columns of a matrix by the native loops: each times a number plus another, and the sums that this is the adjoint of.

With s a constant for each column, d and x (rows, columns):

    spread(x, f; s) = (x - s) f[0] + f[1]          sums(d, x; s) = [sum of d (x - s), sum of d] over the rows

Both are linear in what they are given first beside x, and <d, spread(x, f)> = <sums(d, x), f>: each is the other's
gradient, so they are differentiated to any order and in every mode. The sums take one pass over memory; array code
writes d (x - s) out and reads it again.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from . import available
from .gradient import nothing


def spread(x: Any, factors: Any, shift: Any) -> Any:
    """(rows, columns), (2, columns), (columns) -> (rows, columns)."""
    return spread_p.bind(x, factors, jax.lax.stop_gradient(shift))


def sums(d: Any, x: Any, shift: Any) -> Any:
    """(rows, columns) twice, (columns) -> (2, columns)."""
    return sums_p.bind(d, x, jax.lax.stop_gradient(shift))


def square_sums(x: Any, shift: Any) -> Any:
    """sums(x - shift, x; shift), where x - shift is never written."""
    return squares_p.bind(x, jax.lax.stop_gradient(shift))


def primitive(name: str, reference: Any, shape: Any) -> Primitive:
    """An operation that is array code wherever it has no loop of its own."""
    made = Primitive(f"freedive_{name}")
    made.def_abstract_eval(lambda *args: ShapedArray(shape(*(a.shape for a in args)), args[0].dtype))
    made.def_impl(jax.jit(lambda *args: made.bind(*args)))
    mlir.register_lowering(made, mlir.lower_fun(reference, multiple_results=False))
    batching.primitive_batchers[made] = lambda args, axes: (jax.vmap(reference, axes)(*args), 0)
    return made


def _spread(x: Any, factors: Any, shift: Any) -> Any:
    return (x - shift) * factors[0] + factors[1]


def _sums(d: Any, x: Any, shift: Any) -> Any:
    return jnp.stack([jnp.sum(d * (x - shift), 0), jnp.sum(d, 0)])


spread_p = primitive("spread", _spread, lambda x, factors, shift: x)
sums_p = primitive("sums", _sums, lambda d, x, shift: (2, *shift))
squares_p = primitive("squares", lambda x, shift: _sums(x - shift, x, shift), lambda x, shift: (2, *shift))


def _native(d: Any, x: Any, shift: Any) -> Any:
    if not available():
        return _sums(d if d.size else x - shift, x, shift)
    return jax.ffi.ffi_call("freedive_sums", jax.ShapeDtypeStruct((2, *shift.shape), jnp.float32))(d, x, shift)


def _squares(x: Any, shift: Any) -> Any:
    return _native(nothing(), x, shift)  # d = x - s


mlir.register_lowering(sums_p, mlir.lower_fun(_native, multiple_results=False), platform="cpu")
mlir.register_lowering(squares_p, mlir.lower_fun(_squares, multiple_results=False), platform="cpu")


# derivatives: `shift` is constant -------------------------------------------------------------------------------------
def _products(d: Any, dx: Any) -> Any:
    """How sums change with x."""
    return jnp.stack([jnp.sum(d * dx, 0), jnp.zeros_like(dx[0])])


def _jvp(primitive: Primitive, *changes: Any) -> None:
    """The derivative is the sum of `changes(tangent, *arguments)`, one for each argument that may change."""

    def jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
        pairs = [(change, t) for change, t in zip(changes, tangents, strict=False) if type(t) is not ad.Zero]
        found = primitive.bind(*primals)
        return found, sum(change(t, *primals) for change, t in pairs) if pairs else jnp.zeros_like(found)

    ad.primitive_jvps[primitive] = jvp


_jvp(spread_p, lambda t, x, f, s: t * f[0], lambda t, x, f, s: spread_p.bind(x, t, s))
_jvp(sums_p, lambda t, d, x, s: sums_p.bind(t, x, s), lambda t, d, x, s: _products(d, t))
_jvp(squares_p, lambda t, x, s: sums_p.bind(t, x, s) + _products(x - s, t))
ad.primitive_transposes[spread_p] = lambda by, x, f, s: (None, sums_p.bind(by, x, s), None)
ad.primitive_transposes[sums_p] = lambda by, d, x, s: (spread_p.bind(x, by, s), None, None)
