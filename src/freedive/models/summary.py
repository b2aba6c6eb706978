"""The table of a model: its layers, the shapes of their outputs, and how many numbers they hold."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from ..config import snake
from ..core.forward import BATCH, LENGTHS, plan
from ..core.graph import InputLayer
from ..core.layer import Layer
from ..core.paths import paths
from ..errors import show_shape


class Row(NamedTuple):
    """One layer of a model."""

    depth: int
    name: str
    kind: str
    shape: str
    params: int
    trainable: bool
    connected: str = ""  # the calls whose outputs it takes, "name[call][output]"


def rows(model: Any, expand_nested: bool = False) -> list[Row]:
    """The layers of a model, with those inside them if asked."""
    shapes, sources = output_shapes(model), connections(model)

    def visit(parent: Layer, prefix: str, depth: int) -> Iterator[Row]:
        for name, layer in parent._children():
            path = f"{prefix}/{name}" if prefix else name
            known = (None, *layer.shape) if isinstance(layer, InputLayer) else None
            shape = show_shape(known) if known else _shown(shapes[path]) if path in shapes else "?"
            yield Row(depth, name, type(layer).__name__, shape, count(layer), layer.trainable, sources.get(path, ""))
            if expand_nested and hasattr(layer, "layers"):
                yield from visit(layer, path, depth + 1)

    return list(visit(model, "", 0))


def connections(model: Any) -> dict[str, str]:
    """What each layer of a functional model takes, by its name, as Keras writes it; nothing of a plain stack."""
    graph = model._graph
    if graph is None or all(len(node.needs) <= 1 and len(node.layer._nodes) <= 1 for node in graph.nodes):
        return {}

    def place(symbol: Any) -> str:
        node = symbol.node
        return f"{symbol.name}[{node.layer._nodes.index(node)}][{[id(s) for s in node.gives].index(id(symbol))}]"

    found: dict[str, list[str]] = {}
    for node in graph.nodes:
        found.setdefault(node.layer.name, []).extend(map(place, node.needs))
    return {name: ", ".join(places) for name, places in found.items()}


def count(layer: Layer, kinds: tuple[str, ...] = ("params", "state"), trainable: bool | None = None) -> int:
    """The numbers in the weights of a layer and of those inside it."""
    return sum(
        int(np.prod(spec.shape))
        for inside in paths(layer)
        if trainable is None or inside.trainable == trainable
        for kind in kinds
        for spec in inside._specs[kind].values()
    )


def output_shapes(model: Any) -> dict[str, Any]:
    """path -> shape of the output of every layer that the model calls; found by tracing it once."""
    from .loading import structs

    if model._graph is not None:
        inputs: Any = jax.tree.map(_struct, model._graph.inputs)
    elif model._seen is not None:
        inputs = structs(model._seen)
    else:
        return {}
    return plan(model, (inputs,))[1].shapes


def _struct(symbol: Any) -> Any:
    sizes = (BATCH, *(LENGTHS[0] if d is None else d for d in symbol.shape[1:]))
    return jax.ShapeDtypeStruct(sizes, symbol.dtype)


def _shown(shapes: Any) -> str:
    def is_shape(s: Any) -> bool:
        return isinstance(s, tuple) and all(isinstance(d, int) for d in s)

    return ", ".join(
        show_shape(None if d and (d % BATCH == 0 or d == LENGTHS[0]) else d for d in shape)
        for shape in jax.tree.leaves(shapes, is_leaf=is_shape)
    )


def text(
    model: Any,
    expand_nested: bool = False,
    show_trainable: bool = False,
    line_length: int | None = None,
    title: str | None = None,
) -> str:
    """The table as text; `title` stands over it instead of the model's name."""
    from rich.console import Console
    from rich.table import Table

    named = title or f'Model: "{model.name or snake(type(model).__name__)}"'
    table, shown = Table(title=named, title_justify="left", title_style="bold"), rows(model, expand_nested)
    for header, side in (("Layer (type)", "left"), ("Output shape", "left"), ("Param #", "right")):
        table.add_column(header, justify=side)  # type: ignore[arg-type]
    joined = any(row.connected for row in shown)
    if joined:
        table.add_column("Connected to")
    if show_trainable:
        table.add_column("Trainable", justify="center")
    for row in shown:
        cells = [f"{'  ' * row.depth}{row.name} ({row.kind})", row.shape, f"{row.params:,}"]
        cells += [row.connected or "-"] if joined else []
        table.add_row(*cells, *([("yes" if row.trainable else "no")] if show_trainable else []))
    total, trained = count(model), count(model, ("params",), True)
    out = io.StringIO()
    console = Console(file=out, width=line_length or (104 if joined else 78), no_color=True)
    console.print(table)
    if not model.built:
        console.print("Not built yet: shapes and weights follow from the first data, or from model.build((None, ...)).")
    for what, n in (("Total", total), ("Trainable", trained), ("Non-trainable", total - trained)):
        console.print(f"{what} params: {n:,} ({_bytes(4 * n)})", highlight=False)
    return out.getvalue()


def _bytes(size: int) -> str:
    """A size as people read it.

    >>> _bytes(1234), _bytes(0)
    ('1.21 KB', '0.00 B')
    """
    amount, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1024 or unit == "GB":
            break
        amount /= 1024
    return f"{amount:.2f} {unit}"


__all__ = ["Row", "count", "output_shapes", "rows", "text"]
