"""When two models are equal: a key made of classes, fields and how layers are joined, never of values or identity.

What is compiled for one model serves every equal model; values and swept numbers are inputs of the compiled program,
so they are no part of the key.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import jax
import numpy as np

from ..config import Configured, configured_fields


class ById:
    """Holds an object that has no describable structure; equal only to itself."""

    def __init__(self, thing: Any):
        self.thing = thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ById) and other.thing is self.thing


def structure(thing: Any, seen: dict[int, int] | None = None) -> Hashable:
    """The key of a layer, a configured thing or a tree of plain values.

    Shared layers are numbered when first met, so sharing is part of the key.
    """
    seen = {} if seen is None else seen
    if thing is None or isinstance(thing, (bool, int, float, str, bytes, type)):
        return (type(thing).__name__, thing)
    if hasattr(thing, "_structure"):
        if id(thing) in seen:
            return ("again", seen[id(thing)])
        seen[id(thing)] = len(seen)
        swept = {name.split(".")[0] for name in thing._hyper}
        items = [(n, v) for n, v in sorted(thing._structure().items()) if n not in swept or not isinstance(v, float)]
        return (type(thing), thing._trainable, tuple((n, structure(v, seen)) for n, v in items))
    if isinstance(thing, Configured):
        swept = set(getattr(thing, "strengths", dict)()) | set(getattr(thing, "hyper", dict)())
        fields = [f.name for f in configured_fields(type(thing)) if f.name not in swept]
        return (type(thing), tuple((n, structure(getattr(thing, n), seen)) for n in fields))
    if isinstance(thing, Mapping):
        return ("dict", tuple((str(k), structure(v, seen)) for k, v in thing.items()))
    if isinstance(thing, (list, tuple)):
        return ("list", tuple(structure(v, seen) for v in thing))
    if isinstance(thing, (np.generic, np.dtype)):
        return (type(thing).__name__, str(thing))
    if isinstance(thing, np.ndarray) and thing.size < 4096:
        return ("array", thing.shape, thing.dtype.str, thing.tobytes())
    return ById(thing)


# compiled functions by structure -------------------------------------------------------------------------------------
class Compiled:
    """A jitted `function(subject, *arrays)`; the subject is read while tracing only, so equal subjects share it.

    The cache holds no subject, and so no weights: the caller's is lent to it for the time of a call.
    """

    def __init__(self, function: Callable[..., Any], **options: Any):
        self.lent = threading.local()
        self.jitted = jax.jit(lambda *args: function(self.lent.subject, *args), **options)

    def __call__(self, subject: Any, *args: Any) -> Any:
        self.lent.subject = subject
        try:
            return self.jitted(*args)
        finally:
            self.lent.subject = None


_cache: OrderedDict[Hashable, Any] = OrderedDict()
_lock = threading.Lock()
MOST = 256


def kept(key: Hashable, make: Callable[[], Any]) -> Any:
    """What was made under this key before, or is made now; the least used things are let go."""
    with _lock:
        found = _cache.get(key)
    if found is None:
        found = make()
    with _lock:
        found = _cache.setdefault(key, found)
        _cache.move_to_end(key)
        while len(_cache) > MOST:
            _cache.popitem(last=False)
    return found


def compiled(key: Hashable, function: Callable[..., Any], **options: Any) -> Compiled:
    """The compiled function of this key."""
    return kept(key, lambda: Compiled(function, **options))
