"""Layers that multiply by weights, by the native loops: bias and relu while outputs are in the caches, three products.

Array code writes x W, reads it to add the bias and to cut it at zero, writes it again, and reads and writes as much on
the way back: memory, not arithmetic, is what such a layer waits for. With x W a product or a convolution, and m what a
relu let through (1 where `let` is over zero, or everywhere), the three products are

    into(x, W) = (x W) m          by_x(y, W) = (y m) W^T          by_kernel(x, y) = x^T (y m)

Each is linear in both arguments, and its transpose by any one of them is another of the three; so they are
differentiated to any order and in every mode. A kernel is a matrix (depth, units), and may have a row more: the bias,
whose gradient comes with the kernel's.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from .gradient import NOTHING, nothing

SMALL = 1 << 17  # numbers of each factor of products that are done together


class Kind(NamedTuple):
    """What a product or a convolution is: shapes, of shapes and a description of its geometry."""

    name: str  # of its doors: name, name_by_x, name_by_kernel
    rows: Callable[[Any, Any], tuple[int, ...]]  # (x, geometry) -> y without its units
    x: Callable[[Any, Any, Any], tuple[int, ...]]  # (y, kernel, geometry) -> x
    depth: Callable[[Any, Any], int]  # (x, geometry) -> of the kernel
    told: Callable[[Any], dict[str, Any]]  # geometry -> what the doors are told of it
    plain: Callable[..., Any] | None  # (x, kernel with bias, relu, geometry) -> y by XLA, or None
    masks: bool  # whether the doors take `let`; else array code masks, where XLA joins it to what comes before
    beside: bool = False  # whether the gradient by the bias is an array of its own: the kernel's need not be cut off it
    several: Mapping[str, Callable[..., Any]] = {}  # operations as array code, for many small ones at once


class Family(NamedTuple):
    """The operations of a kind, all of them with the option `geometry`."""

    layer: Primitive  # (x, kernel with bias; relu)
    answer: Primitive  # the same, by XLA as long as nothing is differentiated
    into: Primitive  # (x, kernel, let; ones): with a bias if `ones`
    by_x: Primitive  # (y, kernel, let)
    by_kernel: Primitive  # (x, y, let; ones): with the bias' gradient if `ones`

    def apply(self, x: Any, kernel: Any, bias: Any, rectified: bool, geometry: Any, joined: bool = False) -> Any:
        """x times a kernel (depth, units), plus a bias (units) or None, cut at zero if `rectified`.

        Args:
            joined: whether XLA joins what comes next to it, so that it should have all of it if it can.
        """
        if bias is None and not rectified:
            return self.into.bind(x, kernel, nothing(), ones=False, geometry=geometry)
        last = jnp.zeros_like(kernel[0]) if bias is None else bias
        layer = self.answer if joined else self.layer
        return layer.bind(x, jnp.concatenate([kernel, last[None]]), relu=rectified, geometry=geometry)

    def take_back(self, y: Any, kernel: Any, geometry: Any) -> Any:
        """The transpose of `apply` by x."""
        return self.by_x.bind(y, kernel, nothing(), geometry=geometry)


def family(kind: Kind) -> Family:
    """The operations of a kind: lowered, differentiated, batched."""

    def y_of(x: Any, kernel: Any, *_: Any, geometry: Any, **__: bool) -> tuple[int, ...]:
        return (*kind.rows(x, geometry), kernel[1])

    def x_of(y: Any, kernel: Any, *_: Any, geometry: Any) -> tuple[int, ...]:
        return kind.x(y, kernel, geometry)

    def kernel_of(x: Any, y: Any, *_: Any, ones: bool, geometry: Any) -> tuple[int, ...]:
        return (kind.depth(x, geometry) + ones, y[-1])

    shapes = {"layer": y_of, "answer": y_of, "into": y_of, "by_x": x_of, "by_kernel": kernel_of}
    made = Family(*(_primitive(f"{kind.name}_{name}", shape) for name, shape in shapes.items()))
    _lower(kind, made)
    _differentiate(kind, made)
    for name, primitive in made._asdict().items():
        run = functools.partial(_batched, primitive, kind.several.get(name), name != "by_kernel")
        batching.primitive_batchers[primitive] = run
    return made


# lowering -------------------------------------------------------------------------------------------------------------
def _primitive(name: str, shape: Callable[..., tuple[int, ...]]) -> Primitive:
    made = Primitive(f"freedive_{name}")

    @made.def_abstract_eval
    def _(*arrays: Any, **options: Any) -> Any:
        return ShapedArray(shape(*(a.shape for a in arrays), **options), arrays[0].dtype)

    @made.def_impl
    def _(*arrays: Any, **options: Any) -> Any:
        return compiled(made, tuple(sorted(options.items())))(*arrays)

    return made


@functools.cache
def compiled(primitive: Primitive, options: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    return jax.jit(functools.partial(primitive.bind, **dict(options)))


def _lower(kind: Kind, made: Family) -> None:
    """Each operation is one call into the library."""

    def lower(primitive: Primitive, door: str, arguments: Callable[..., Any]) -> None:
        def run(*arrays: Any, geometry: Any, **options: bool) -> Any:
            given, let, told = arguments(*arrays, **options)
            shape = primitive.abstract_eval(*(jax.typeof(a) for a in arrays), geometry=geometry, **options)[0]
            beside = kind.beside and primitive is made.by_kernel
            found = _beside(shape, **options) if beside else jax.ShapeDtypeStruct(shape.shape, shape.dtype)
            call = jax.ffi.ffi_call(f"freedive_{door}", found)
            found = call(*given, *([let] if kind.masks else []), **told, **kind.told(geometry))
            if not beside:
                return found
            return jnp.concatenate([found[0], found[1][None]]) if options["ones"] else found[0]

        mlir.register_lowering(primitive, mlir.lower_fun(run, multiple_results=False), platform="cpu")

    def parted(kernel: Any, ones: bool) -> tuple[Any, Any]:
        return (kernel[:-1], kernel[-1]) if ones else (kernel, nothing())

    lower(made.layer, kind.name, lambda x, k, relu: ((x, *parted(k, True)), nothing(), {"relu": relu}))
    if kind.plain is not None:
        mlir.register_lowering(made.answer, mlir.lower_fun(kind.plain, multiple_results=False), platform="cpu")
    lower(made.into, kind.name, lambda x, k, let, ones: ((x, *parted(k, ones)), let, {"relu": False}))
    lower(made.by_x, f"{kind.name}_by_x", lambda y, k, let: ((y, k), let, {}))
    lower(made.by_kernel, f"{kind.name}_by_kernel", lambda x, y, let, ones: ((x, y), let, {"ones": ones}))


def _beside(shape: Any, ones: bool) -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]:
    """The gradient by a kernel, and that by the bias which would be its last row."""
    rows, units = shape.shape
    kernel, bias = (rows - ones, units), (units,) if ones else NOTHING
    return jax.ShapeDtypeStruct(kernel, shape.dtype), jax.ShapeDtypeStruct(bias, shape.dtype)


# derivatives ----------------------------------------------------------------------------------------------------------
def _differentiate(kind: Kind, made: Family) -> None:
    into, by_x, by_kernel = made.into, made.by_x, made.by_kernel

    def without_ones(kernel: Any, options: dict[str, Any]) -> Any:
        return kernel[:-1] if options.get("ones") else kernel

    def plain(options: dict[str, Any]) -> dict[str, Any]:
        return options | {"ones": False}

    def layer_jvp(primals: Any, tangents: Any, *, relu: bool, geometry: Any) -> tuple[Any, Any]:
        (x, kernel), (dx, dkernel) = primals, tangents
        y = made.layer.bind(x, kernel, relu=relu, geometry=geometry)
        let = y if relu and kind.masks else nothing()
        changes = []
        if type(dx) is not ad.Zero:
            changes.append(into.bind(dx, kernel[:-1], let, ones=False, geometry=geometry))
        if type(dkernel) is not ad.Zero:
            changes.append(into.bind(x, dkernel, let, ones=True, geometry=geometry))
        change = sum(changes)
        return y, jnp.where(y > 0, change, 0) if relu and not kind.masks else change

    def into_by_x(dx: Any, x: Any, kernel: Any, let: Any, options: dict[str, Any]) -> Any:
        return into.bind(dx, without_ones(kernel, options), let, **plain(options))

    def by_kernel_by_x(dx: Any, x: Any, y: Any, let: Any, options: dict[str, Any]) -> Any:
        found = by_kernel.bind(dx, y, let, **plain(options))
        return jnp.concatenate([found, jnp.zeros_like(found[:1])]) if options["ones"] else found

    ad.primitive_jvps[made.layer] = ad.primitive_jvps[made.answer] = layer_jvp
    _bilinear(
        into,
        into_by_x,
        lambda by, kernel, let, o: by_x.bind(by, without_ones(kernel, o), let, geometry=o["geometry"]),
        lambda by, x, let, o: by_kernel.bind(x, by, let, **o),
    )
    _bilinear(
        by_x,
        lambda dy, y, kernel, let, o: by_x.bind(dy, kernel, let, **o),
        lambda by, kernel, let, o: into.bind(by, kernel, let, ones=False, **o),
        lambda by, y, let, o: by_kernel.bind(by, y, let, ones=False, **o),
    )
    _bilinear(
        by_kernel,
        by_kernel_by_x,
        lambda by, y, let, o: by_x.bind(y, without_ones(by, o), let, geometry=o["geometry"]),
        lambda by, x, let, o: into.bind(x, by, let, **o),
    )


def _bilinear(primitive: Primitive, change_by_first: Any, back_to_first: Any, back_to_second: Any) -> None:
    """An operation on two arrays and a mask, linear in the second, and in the first by `change_by_first`."""

    def jvp(primals: Any, tangents: Any, **options: Any) -> tuple[Any, Any]:
        (a, b, let), (da, db, _) = primals, tangents
        found, changes = primitive.bind(a, b, let, **options), []
        if type(da) is not ad.Zero:
            changes.append(change_by_first(da, a, b, let, options))
        if type(db) is not ad.Zero:
            changes.append(primitive.bind(a, db, let, **options))
        return found, sum(changes) if changes else jnp.zeros_like(found)

    def transpose(by: Any, a: Any, b: Any, let: Any, **options: Any) -> tuple[Any, Any, None]:
        first = ad.is_undefined_primal(a)
        if type(by) is ad.Zero:
            found = ad.Zero((a if first else b).aval)
        else:
            found = back_to_first(by, b, let, options) if first else back_to_second(by, a, let, options)
        return (found, None, None) if first else (None, found, None)

    ad.primitive_jvps[primitive] = jvp
    ad.primitive_transposes[primitive] = transpose


# several at once ------------------------------------------------------------------------------------------------------
def _batched(
    primitive: Primitive, several: Callable[..., Any] | None, by_rows: bool, arrays: Any, axes: Any, **options: Any
) -> Any:
    """More rows where only they are many; small ones as array code; else one after the other, by all processors."""
    many = [a if axis is None else jnp.moveaxis(a, axis, 0) for a, axis in zip(arrays, axes, strict=True)]
    others = [axis is not None or a.shape == NOTHING for a, axis in zip(arrays[2:], axes[2:], strict=True)]
    if by_rows and axes[0] is not None and axes[1] is None and all(others):
        groups = many[0].shape[:2]  # and rows of each
        rows, *masks = (
            a if a.shape == NOTHING else a.reshape(math.prod(groups), *a.shape[2:]) for a in (many[0], *many[2:])
        )
        found = primitive.bind(rows, many[1], *masks, **options)
        return found.reshape(*groups, *found.shape[1:]), 0
    sizes = (a.size if axis is None else a.size // len(a) for a, axis in zip(many, axes, strict=True))
    if several is not None and max(sizes) <= SMALL:
        return jax.vmap(functools.partial(several, **options), axes)(*arrays), 0
    some = [a for a, axis in zip(many, axes, strict=True) if axis is not None]

    def one(parts: Any) -> Any:
        given = iter(parts)
        return primitive.bind(*(a if x is None else next(given) for a, x in zip(many, axes, strict=True)), **options)

    return jax.lax.map(one, some), 0
