"""What a layer gives and asks for, found out once for all layers that are alike.

Tracing a call takes milliseconds, and a deep network or a search makes many layers of one structure for inputs of one
shape. Freedive's own layers without layers inside are traced once; the others of their kind get what was found, with
their own initializers, regularizers and constraints. Layers and functions that people write are traced each time: a
call of theirs may do more than compute.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from ..initializers import Initializer
from .bounds import bounds
from .forward import plan
from .structure import structure
from .variables import Spec, leaves

if TYPE_CHECKING:
    from .layer import Layer

MOST = 512  # outlines that are kept
RULES = ("initializer", "regularizer", "constraint")


class Outline(NamedTuple):
    """What tracing a layer found: its outputs, the values it asks for, the numbers that may be swept."""

    outputs: Any
    specs: list[tuple[str, str, Spec, dict[str, str]]]  # kind, name, spec, and the fields that hold its rules
    hyper: list[str]

    def give(self, layer: Layer) -> None:
        """Note in an alike layer what tracing it would have noted."""
        for kind, name, spec, fields in self.specs:
            layer._specs[kind][name] = spec._replace(**{rule: getattr(layer, field) for rule, field in fields.items()})
        layer._hyper.extend(name for name in self.hyper if name not in layer._hyper)
        layer._planned = True


_outlines: OrderedDict[Hashable, Outline] = OrderedDict()


def outputs_of(layer: Layer, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Shapes and dtypes of a layer's outputs, as `plan` says them; what the layer asks for is kept in it."""
    key = _key(layer, args, kwargs)
    found = None if key is None else _outlines.get(key)
    if found is not None:
        found.give(layer)
        return found.outputs
    before = dict(layer._written())
    outputs = plan(layer, args, kwargs)[0]
    made = _outline(layer, outputs) if key is not None and _same(before, layer._written()) else None
    if made is not None:
        _outlines[key] = made
        while len(_outlines) > MOST:
            _outlines.popitem(last=False)
    return outputs


def _key(layer: Layer, args: tuple, kwargs: dict[str, Any]) -> Hashable:
    """What alike layers and inputs share; None where a layer is to be traced by itself."""
    theirs = not all(map(_known, (type(layer), *filter(callable, layer._written().values()))))
    if theirs or layer._planned or any(True for _ in layer._children()) or bounds() is not None:
        return None
    flat, tree = jax.tree.flatten((args, kwargs))
    inputs = tuple((x.shape, x.dtype) if hasattr(x, "shape") else x for x in flat)
    key = (structure(layer), tree, inputs)
    try:
        hash(key)
    except TypeError:  # an argument that is no plain value
        return None
    return key


def _known(thing: Any) -> bool:
    """Whether a class, a function or an object is freedive's or jax'."""
    home = getattr(thing, "__module__", None) or type(thing).__module__
    return home.partition(".")[0] in ("freedive", "jax")


def _outline(layer: Layer, outputs: Any) -> Outline | None:
    """What tracing noted in a layer; None where a rule of it was made from one in a field."""
    fields = {id(value): name for name, value in layer._written().items() if value is not None}
    specs = []
    for kind, name, spec in leaves(layer._specs):
        rules = {rule: getattr(spec, rule) for rule in RULES}
        held = {rule: fields[id(value)] for rule, value in rules.items() if id(value) in fields}
        if not all(rule in held or _plain(value) for rule, value in rules.items()):
            return None
        specs.append((kind, name, spec, held))
    return Outline(outputs, specs, list(layer._hyper))


def _plain(rule: Any) -> bool:
    """Whether a rule is the same for all layers of the same fields: nothing, a field's name, or one of mere numbers."""
    if rule is None or isinstance(rule, str):
        return True
    mere = (bool, int, float, str, tuple, type(None))
    return isinstance(rule, Initializer) and all(isinstance(value, mere) for value in vars(rule).values())


def _same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(a[name] is b[name] for name in a)
