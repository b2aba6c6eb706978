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
import numpy as np

from ..errors import show_shape
from .forward import BATCH, LENGTHS
from .outline import outputs_of

if TYPE_CHECKING:
    from .layer import Layer


STRING = np.dtypes.StringDType()  # the type of a symbol that stands for texts


class Symbol:
    """An array to come: its shape (None where unknown), its dtype and the call that makes it.

    Operators and indexing between symbols record an operation: `a + b`, `2 * a`, `a[:, 0]`.
    """

    def __init__(self, shape: Iterable[int | None], dtype: Any, node: Any = None):
        self.shape = tuple(None if d is None else int(d) for d in shape)
        self.dtype = STRING if dtype == "string" else jnp.dtype(dtype)
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
        return f"Symbol(shape={show_shape(self.shape)}, dtype={'string' if self.dtype == STRING else self.dtype.name})"

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
    if any(s.dtype == STRING for s in node.needs):
        raise layer.error("takes numbers, and received texts: put a TextVectorization or StringLookup before it")
    first = second = _traced(node, BATCH, LENGTHS[0])
    lengths = any(None in s.shape[1:] for s in node.needs)
    if lengths or any(_unclear(s.shape) for s in jax.tree.leaves(first)):
        second = _traced(node, BATCH + 2, LENGTHS[1])  # sizes that differ now follow the unknown ones

    def symbol(a: Any, b: Any) -> Symbol:
        sizes = [m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)]
        return Symbol([None, *sizes[1:]] if second is first else sizes, a.dtype, node)

    node.outputs = jax.tree.map(symbol, first, second)
    layer._nodes.append(node)
    return node.outputs


def _unclear(shape: tuple[int, ...]) -> bool:
    """Whether a size beside the batch's may follow it, or the batch's own is missing: then one trace does not tell."""
    return not shape or shape[0] != BATCH or any(d and d % BATCH == 0 for d in shape[1:])


def _traced(node: Node, batch: int, length: int) -> Any:
    def struct(x: Any) -> Any:
        if not is_symbol(x):
            return x
        sizes = (d if d is not None else batch if axis == 0 else length for axis, d in enumerate(x.shape))
        return jax.ShapeDtypeStruct(tuple(sizes), x.dtype)

    args, kwargs = jax.tree.map(struct, (node.args, node.kwargs))
    return outputs_of(node.layer, args, kwargs)
