"""Where layers stand: every layer under a root has one path, whatever shares it.

A walk over all attributes of all layers takes longer than a small model's answer, so a root remembers what the last
walk found, with what it saw; it counts as long as everything that was seen is still there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import chain
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import Configured, snake
from ..initializers import Initializer

if TYPE_CHECKING:
    from .layer import Layer

UNSEEN = ("_values", "_specs", "_nodes", "_common", "_arguments", "_sight")  # attributes whose content no walk looks at


# what was seen ------------------------------------------------------------------------------------------------------
class Sight:
    """What a walk under a root found, and the content of everything that it met on its way."""

    def __init__(self, owner: Any = None) -> None:
        self.owner = id(owner)  # a shallow copy of the owner must walk anew
        self.views: list[Any] | None = None  # live views of all that was met; None where a walk cannot tell
        self.sizes: tuple[int, ...] = ()  # theirs, and
        self.content: list[Any] = []  # what stood in them, one after the other
        self.paths: dict[Layer, str] = {}
        self.memo: dict[Any, Any] = {}  # what else was computed from the same sight

    def __deepcopy__(self, _: Any) -> Sight:
        return Sight()

    def __reduce__(self) -> Any:
        return Sight, ()

    def holds(self) -> bool:
        """Whether everything that was met has the content it had."""
        if self.views is None or tuple(map(len, self.views)) != self.sizes:
            return False
        return all(map(is_, chain.from_iterable(self.views), self.content))

    def renew(self, root: Layer) -> None:
        """Walk again."""
        self.views, self.paths, self.memo = None, _walk(root), {}
        met: dict[int, Any] = {}
        if all(_meet(layer, met) for layer in self.paths):
            views = [view for group in met.values() for view in group]
            self.sizes, self.content = tuple(map(len, views)), list(chain.from_iterable(views))
            self.views = views


class looked_at:
    """While it lasts, this thread takes a root to be as it was at the beginning: one look for a whole call.

    For code that reads a root several times and changes nothing that a walk meets; values may change.
    """

    held = threading.local()

    def __init__(self, root: Layer):
        self.root = root

    def __enter__(self) -> None:
        self.before = vars(self.held).get("sight")
        self.held.sight = (self.root, sight(self.root))

    def __exit__(self, *_: Any) -> None:
        self.held.sight = self.before


def sight(root: Layer) -> Sight:
    """What there is to see under a root now."""
    held = vars(looked_at.held).get("sight")
    if held is not None and held[0] is root:
        return held[1]
    known = vars(root).get("_sight")
    if known is None or known.owner != id(root):
        known = vars(root)["_sight"] = Sight(root)
    if not known.holds():
        known.renew(root)
    return known


def _meet(thing: Any, views: dict[int, Any]) -> bool:
    """Note live views of a thing's content; whether a change of it would be seen, which that of an array would not."""
    if isinstance(thing, np.ndarray):
        return False
    if id(thing) in views:
        return True
    if isinstance(thing, (list, tuple)):
        views[id(thing)], inside = [thing], thing
    elif isinstance(thing, dict):
        views[id(thing)], inside = [thing.keys(), thing.values()], thing.values()
    elif isinstance(thing, Configured) and not isinstance(thing, Initializer):
        views[id(thing)] = [vars(thing).values()]
        inside = [value for name, value in vars(thing).items() if name not in UNSEEN]
    else:
        return True
    return all(_meet(value, views) for value in inside)


# the walk -----------------------------------------------------------------------------------------------------------
def paths(root: Layer) -> dict[Layer, str]:
    """Every layer under `root` once, by identity, with the path of its first appearance; the root's is ""."""
    return sight(root).paths


def _walk(root: Layer) -> dict[Layer, str]:
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
