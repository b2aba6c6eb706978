"""Dense layers by the native loops: bias and relu while the rows are still in the caches, and three products.

Array code writes x W, reads it to add the bias and to cut it at zero, writes it again, and reads and writes as much on
the way back: memory, not arithmetic, is what a dense layer with many rows waits for. With m what a relu let through (1
where `let` is over zero, or everywhere), the three products are

    into(x, W) = (x W) m          by_x(y, W) = (y m) W^T          by_kernel(x, y) = x^T (y m)

Each is linear in both arguments, and its transpose by any one of them is another of the three; so they are
differentiated to any order and in every mode. A kernel may have a row more than x has features, for an x that ends in a
one: the bias, whose gradient comes with the kernel's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

NOTHING = (0,)  # the shape that stands for no mask


@functools.partial(jax.jit, static_argnames="relu")
def dense(x: Any, kernel: Any, *, relu: bool) -> Any:
    """(rows, features), (features + 1, units), the bias in its last row -> (rows, units), cut at zero or not."""
    return dense_p.bind(x, kernel, relu=relu)


# into, by_x, by_kernel ------------------------------------------------------------------------------------------------
def _primitive(name: str, shape: Callable[..., tuple[int, ...]]) -> Primitive:
    made = Primitive(f"freedive_{name}")

    @made.def_abstract_eval
    def _(a: Any, b: Any, *let: Any, **options: bool) -> Any:
        return jax.core.ShapedArray(shape(a.shape, b.shape, **options), a.dtype)

    return made


dense_p = _primitive("dense", lambda x, k, relu: (x[0], k[1]))
into_p = _primitive("dense_into", lambda x, k, ones: (x[0], k[1]))
by_x_p = _primitive("dense_by_x", lambda y, k: (y[0], k[0]))
by_kernel_p = _primitive("dense_by_kernel", lambda x, y, ones: (x[1] + ones, y[1]))


def _nothing() -> Any:
    return jnp.zeros(NOTHING, jnp.float32)


def _called(door: str, primitive: Primitive, arguments: Callable[..., Any]) -> None:
    """Lower an operation to one call into the library; `arguments` gives its arrays and its options."""

    def run(*arrays: Any, **options: bool) -> Any:
        given, told = arguments(*arrays, **options)
        shape = primitive.abstract_eval(*(jax.typeof(a) for a in arrays), **options)[0]
        return jax.ffi.ffi_call(f"freedive_{door}", jax.ShapeDtypeStruct(shape.shape, shape.dtype))(*given, **told)

    mlir.register_lowering(primitive, mlir.lower_fun(run, multiple_results=False), platform="cpu")


_called("dense", dense_p, lambda x, k, relu: ((x, k[:-1], k[-1], _nothing()), {"relu": relu}))
_called("dense", into_p, lambda x, k, let, ones: ((x, *_parted(k, ones), let), {"relu": False}))
_called("dense_by_x", by_x_p, lambda y, k, let: ((y, k, let), {}))
_called("dense_by_kernel", by_kernel_p, lambda x, y, let, ones: ((x, y, let), {"ones": ones}))


def _parted(kernel: Any, ones: bool) -> tuple[Any, Any]:
    """(kernel, bias); the bias empty where there is none."""
    return (kernel[:-1], kernel[-1]) if ones else (kernel, _nothing())


# derivatives ----------------------------------------------------------------------------------------------------------
def _dense_jvp(primals: Any, tangents: Any, *, relu: bool) -> tuple[Any, Any]:
    (x, kernel), (dx, dkernel) = primals, tangents
    y = dense_p.bind(x, kernel, relu=relu)
    let = y if relu else _nothing()
    changes = []
    if type(dx) is not ad.Zero:
        changes.append(into_p.bind(dx, kernel[:-1], let, ones=False))
    if type(dkernel) is not ad.Zero:
        changes.append(into_p.bind(x, dkernel, let, ones=True))
    return y, sum(changes)


ad.primitive_jvps[dense_p] = _dense_jvp


def _bilinear(primitive: Primitive, by_first: Callable[..., Any], by_second: Callable[..., Any]) -> None:
    """An operation on two arrays and a mask, linear in each of the two; given what comes back, and the other."""

    def jvp(primals: Any, tangents: Any, **options: bool) -> tuple[Any, Any]:
        (a, b, let), (da, db, _) = primals, tangents
        found = primitive.bind(a, b, let, **options)
        changes = []
        if type(da) is not ad.Zero:
            changes.append(primitive.bind(da, _without_ones(primitive, b, options), let, **_plain(options)))
        if type(db) is not ad.Zero:
            changes.append(primitive.bind(a, db, let, **options))
        if primitive is by_kernel_p and options["ones"] and type(da) is not ad.Zero:
            changes[0] = jnp.concatenate([changes[0], jnp.zeros_like(changes[0][:1])])
        return found, sum(changes) if changes else jnp.zeros_like(found)

    def transpose(by: Any, a: Any, b: Any, let: Any, **options: bool) -> tuple[Any, Any, None]:
        if type(by) is ad.Zero:
            return (
                ad.Zero(a.aval) if ad.is_undefined_primal(a) else None,
                (ad.Zero(b.aval) if ad.is_undefined_primal(b) else None),
                None,
            )
        if ad.is_undefined_primal(a):
            return by_first(by, b, let, **options), None, None
        return None, by_second(by, a, let, **options), None

    ad.primitive_jvps[primitive] = jvp
    ad.primitive_transposes[primitive] = transpose


def _without_ones(primitive: Primitive, kernel: Any, options: dict[str, bool]) -> Any:
    return kernel[:-1] if primitive is into_p and options["ones"] else kernel


def _plain(options: dict[str, bool]) -> dict[str, bool]:
    return dict.fromkeys(options, False)


_bilinear(
    into_p,
    lambda by, kernel, let, ones: by_x_p.bind(by, kernel[:-1] if ones else kernel, let),
    lambda by, x, let, ones: by_kernel_p.bind(x, by, let, ones=ones),
)
_bilinear(
    by_x_p,
    lambda by, kernel, let: into_p.bind(by, kernel, let, ones=False),
    lambda by, y, let: by_kernel_p.bind(by, y, let, ones=False),
)
_bilinear(
    by_kernel_p,
    lambda by, y, let, ones: by_x_p.bind(y, by[:-1] if ones else by, let),
    lambda by, x, let, ones: into_p.bind(x, by, let, ones=ones),
)


# several at once ------------------------------------------------------------------------------------------------------
def _batched(primitive: Primitive, arrays: Any, axes: Any, **options: bool) -> Any:
    """One after the other, each by all processors."""
    many = [a if axis is None else jnp.moveaxis(a, axis, 0) for a, axis in zip(arrays, axes, strict=True)]
    some = [a for a, axis in zip(many, axes, strict=True) if axis is not None]

    def one(parts: Any) -> Any:
        given = iter(parts)
        return primitive.bind(*(a if x is None else next(given) for a, x in zip(many, axes, strict=True)), **options)

    return jax.lax.map(one, some), 0


for _p in (dense_p, into_p, by_x_p, by_kernel_p):
    batching.primitive_batchers[_p] = functools.partial(_batched, _p)
