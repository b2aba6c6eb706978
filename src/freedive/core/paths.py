"""Where layers stand: every layer under a root has one path, whatever shares it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..config import snake

if TYPE_CHECKING:
    from .layer import Layer


def paths(root: Layer) -> dict[Layer, str]:
    """Every layer under `root` once, by identity, with the path of its first appearance; the root's is ""."""
    found: dict[Layer, str] = {}
    taken: set[str] = set()

    def visit(layer: Layer, path: str) -> None:
        if layer not in found:
            if path and path in taken:
                raise ValueError(
                    f"two layers of {type(root).__name__} would both stand at {path!r}: rename one of them"
                )
            taken.add(path)
            found[layer] = path
            for name, child in layer._children():
                visit(child, f"{path}/{name}" if path else name)

    visit(root, "")
    return found


def named(layers: list[Layer]) -> Iterator[tuple[str, Layer]]:
    """(name, layer) for a list: the layer's name, or its type and position; it keeps the first name it gets."""
    taken: set[str] = set()
    counts: dict[str, int] = {}  # how many numbers of a base are gone
    for layer in dict.fromkeys(layers):
        base = name = layer.name or snake(type(layer).__name__)
        while name in taken:
            counts[base] = counts.get(base, 0) + 1
            name = f"{base}_{counts[base]}"
        taken.add(name)
        if layer.name is None:
            layer.name = name
        yield name, layer


def layers_in(name: str, value: Any) -> Iterator[tuple[str, Layer]]:
    """(name, layer) for the layers in an attribute: itself, or those in its lists, tuples and dicts."""
    if hasattr(value, "_children"):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from layers_in(f"{name}/{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from layers_in(f"{name}/{key}", item)
