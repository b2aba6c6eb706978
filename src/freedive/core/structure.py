"""When two models are equal: a key made of classes, fields and how layers are joined, never of values or identity.

What is compiled for one model serves every equal model; values and swept numbers are inputs of the compiled program,
so they are no part of the key.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import jax
import numpy as np

from ..config import Configured
from ..initializers import Initializer
from .paths import sight
from .variables import swept


class ById:
    """Stands for an object that has no describable structure; equal only to itself, and does not keep it alive."""

    def __init__(self, thing: Any):
        self.number = id(thing)
        try:
            self.thing: Any = weakref.ref(thing)
        except TypeError:
            self.thing = lambda: thing

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ById) and self.thing() is not None and other.thing() is self.thing()


def structure(thing: Any, seen: dict[int, int] | None = None, inputs: Mapping[str, Any] | None = None) -> Hashable:
    """The key of a layer, a configured thing or a tree of plain values.

    Args:
        thing: what is to be described.
        seen: layers met before, by number: sharing is part of the key.
        inputs: the numbers under `thing` that enter the compiled program as inputs, by dotted name; only whether they
            are zero is part of the key, since layers leave out what a zero switches off.
    """
    seen = {} if seen is None else seen
    if thing is None or isinstance(thing, (bool, int, float, str, bytes, type)):
        return (type(thing).__name__, thing)
    if isinstance(thing, Initializer):
        return "initializer"  # first values are inputs too
    if hasattr(thing, "_structure"):
        if id(thing) in seen:
            return ("again", seen[id(thing)])
        return _of_layer(thing, seen) if seen else _remembered(thing, seen)
    if isinstance(thing, Configured):
        inputs = thing.hyper() if hasattr(thing, "hyper") else inputs or {}  # type: ignore[attr-defined]
        return (type(thing), _attributes(vars(thing), seen, inputs))
    if isinstance(thing, Mapping):
        return ("dict", tuple((str(k), structure(v, seen)) for k, v in thing.items()))
    if isinstance(thing, (list, tuple)):
        return ("list", tuple(structure(v, seen) for v in thing))
    if isinstance(thing, (np.generic, np.dtype)):
        return (type(thing).__name__, str(thing))
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        return ("array", thing.shape, thing.dtype.str, hashlib.sha256(thing.tobytes()).digest())
    return ById(thing)


def _of_layer(layer: Any, seen: dict[int, int]) -> Hashable:
    seen[id(layer)] = len(seen)
    places = [name for name, _ in layer._children()] if hasattr(layer, "_children") else []
    return (type(layer), tuple(places), _attributes(layer._structure(), seen, swept(layer)))


def _remembered(root: Any, seen: dict[int, int]) -> Hashable:
    """The key of the first layer that is met, from its last sight as long as that holds."""
    if not hasattr(root, "_children"):
        return _of_layer(root, seen)
    memo = sight(root).memo
    if "structure" not in memo:
        met: dict[int, int] = {}
        memo["structure"] = (_of_layer(root, met), met)
    key, met = memo["structure"]
    seen.update(met)
    return key


def _attributes(written: Mapping[str, Any], seen: dict[int, int], inputs: Mapping[str, Any]) -> Hashable:
    def key(name: str, value: Any) -> Hashable:
        if name in inputs and isinstance(value, (int, float)):
            return ("input", value == 0)
        return structure(value, seen, {n.split(".", 1)[1]: v for n, v in inputs.items() if n.startswith(f"{name}.")})

    return tuple((name, key(name, value)) for name, value in sorted(written.items()))


def fingerprint(key: Hashable) -> str:
    """A structure as text that is the same in every process; functions and objects stand in it by their names.

    >>> fingerprint(structure({"units": 3})) == fingerprint(structure({"units": 3}))
    True
    """
    return hashlib.sha256(_spelled(key).encode()).hexdigest()[:16]


def _spelled(key: Any) -> str:
    if isinstance(key, (tuple, list)):
        return f"({','.join(map(_spelled, key))})"
    thing = key.thing() if isinstance(key, ById) else key
    if isinstance(thing, type) or hasattr(thing, "__qualname__"):
        return f"{thing.__module__}.{thing.__qualname__}"
    return repr(thing) if thing is key else f"{type(thing).__module__}.{type(thing).__qualname__}"


# compiled functions by structure ------------------------------------------------------------------------------------
_began_in: list[int] = []  # the process in which something was run


def check_process() -> None:
    """Refuse to run in a process that was forked off one that ran something: the threads that compute are not there."""
    if not _began_in:
        _began_in.append(os.getpid())
    if _began_in[0] != os.getpid():
        raise RuntimeError(
            "this process was forked off one in which freedive had run, and would wait for ever for threads that it "
            "does not have. Start processes by multiprocessing.get_context('spawn'), or run nothing before the fork"
        )


class Compiled:
    """A jitted `function(subject, *arrays)`; the subject is read while tracing only, so equal subjects share it.

    The cache holds no subject, and so no weights: the caller's is lent to it for the time of a call.
    """

    def __init__(self, function: Callable[..., Any], **options: Any):
        self.lent = threading.local()

        def traced(*args: Any) -> Any:
            self.lent.began = time.perf_counter()
            return function(self.lent.subject, *args)

        self.jitted = jax.jit(traced, **options)

    def __call__(self, subject: Any, *args: Any) -> Any:
        check_process()
        self.lent.subject, self.lent.began = subject, None
        try:
            return self.jitted(*args)
        finally:
            self.lent.subject = None

    def compiling(self) -> float:
        """Seconds since the last call began to be traced, if it was: of a call that just ended, those that compiled."""
        return 0.0 if self.lent.began is None else time.perf_counter() - self.lent.began


_cache: OrderedDict[Hashable, Any] = OrderedDict()
_lock = threading.Lock()
MOST = 64


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


def compiled_for(root: Any, name: tuple, function: Callable[..., Any]) -> Compiled:
    """The compiled function of this name for all roots of one structure; a root remembers its own while it looks the
    same."""
    memo = sight(root).memo
    if ("compiled", name) not in memo:
        memo["compiled", name] = compiled((*name, structure(root)), function)
    return memo["compiled", name]


def compiled(key: Hashable, function: Callable[..., Any], **options: Any) -> Compiled:
    """The compiled function of this key."""
    return kept(key, lambda: Compiled(function, **options))
