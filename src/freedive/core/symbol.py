"""Symbols: arrays to come. Calling a layer on symbols records a node and gives the symbols of its outputs.

The shapes come from tracing the layer's own call, so no layer describes its shapes by hand. Unknown sizes are traced
as unlikely primes; a size of the output that follows them is unknown too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ..errors import show_shape
from .forward import ANY, BATCH, plan

if TYPE_CHECKING:
    from .layer import Layer


class Symbol:
    """An array to come: its shape (None where unknown), its dtype and the call that makes it.

    Operators and indexing between symbols record an operation: `a + b`, `2 * a`, `a[:, 0]`.
    """

    def __init__(self, shape: Iterable[int | None], dtype: Any, node: Node | None = None):
        self.shape = tuple(None if d is None else int(d) for d in shape)
        self.dtype = jnp.dtype(dtype)
        self.node = node

    @property
    def ndim(self) -> int:
        """The number of axes, the batch's included."""
        return len(self.shape)

    @property
    def name(self) -> str | None:
        """The name of the layer that makes it."""
        return self.node.layer.name if self.node is not None else None

    def __repr__(self) -> str:
        return f"Symbol(shape={show_shape(self.shape)}, dtype={self.dtype.name})"

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            f"{self!r} stands for data to come: layers take it, numpy cannot. Wrap the function in a Lambda layer"
        )

    def __jax_array__(self) -> Any:
        raise TypeError(
            f"{self!r} stands for data to come: layers take it, jax cannot. Wrap the function in a Lambda layer"
        )

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} stands for data to come and has no truth value: use a layer, or subclass Model")

    def __iter__(self) -> Any:
        raise TypeError(f"{self!r} stands for data to come and cannot be iterated over: index it, or use a layer")


@dataclasses.dataclass(eq=False)
class Node:
    """One call of a layer on symbols."""

    layer: Layer
    args: tuple
    kwargs: dict[str, Any]
    outputs: Any = None

    @property
    def needs(self) -> list[Symbol]:
        """The symbols it was called on."""
        return symbols_in((self.args, self.kwargs))

    @property
    def gives(self) -> list[Symbol]:
        """The symbols of its outputs."""
        return symbols_in(self.outputs)


def is_symbol(x: Any) -> bool:
    """Whether x is a symbol."""
    return isinstance(x, Symbol)


def symbols_in(tree: Any) -> list[Symbol]:
    """The symbols of a tree, in order."""
    return [x for x in jax.tree.leaves(tree) if is_symbol(x)]


def record(layer: Layer, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call a layer on symbols: trace its shapes, note what weights it asks for, keep the call."""
    node = Node(layer, args, kwargs)
    first = _traced(node, BATCH, ANY)
    # Lengths other than the batch may shrink or grow inside: a second trace tells which sizes follow them.
    second = _traced(node, BATCH, ANY + 1) if any(None in s.shape[1:] for s in node.needs) else first

    def symbol(a: Any, b: Any) -> Symbol:
        sizes = zip(a.shape, b.shape, strict=True)
        return Symbol((None if m != n or (m and m % BATCH == 0) else m for m, n in sizes), a.dtype, node)

    node.outputs = jax.tree.map(symbol, first, second)
    layer._nodes.append(node)
    return node.outputs


def _traced(node: Node, batch: int, length: int) -> Any:
    def struct(x: Any) -> Any:
        if not is_symbol(x):
            return x
        sizes = (d if d is not None else batch if axis == 0 else length for axis, d in enumerate(x.shape))
        return jax.ShapeDtypeStruct(tuple(sizes), x.dtype)

    args, kwargs = jax.tree.map(struct, (node.args, node.kwargs))
    return plan(node.layer, args, kwargs)[0]
