"""The values of a model: three flat trees, path -> name -> array, and the seeds that first values are drawn from.

`params` are what gradients change, `state` is what a forward pass writes, `hyper` are numbers that stay constant in a
step and can be swept or changed without compiling again. The path of a layer is also its key in a file and in a mask.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import zlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .paths import paths

if TYPE_CHECKING:
    from .layer import Layer

Array = jax.Array
Tree = dict[str, dict[str, Any]]  # "block/conv" -> "kernel" -> array


class Variables(NamedTuple):
    """All values of a root: what `gather` collects, `apply` reads and `scatter` puts back."""

    params: Tree
    state: Tree
    hyper: Tree


class Spec(NamedTuple):
    """What a layer asked for: enough to draw its first value and to treat it as asked."""

    shape: tuple[int, ...]
    dtype: Any
    initializer: Any  # a function of shape, dtype and rng; a name, until the layer that asked is complete
    regularizer: Any = None  # a rule, or the name of the field that holds it
    constraint: Callable[..., Any] | None = None

    def holding(self, value: Any, label: str) -> Array:
        """A value that somebody assigns, as the layer keeps it.

        Raises:
            TypeError, ValueError: no numbers, another shape, NaN or infinity; begins with the label.
        """
        value = np.asarray(value)
        if value.dtype.kind in "OUSMm":
            raise TypeError(f"{label} holds {value.dtype}, expected numbers")
        if value.shape != self.shape:
            raise ValueError(f"{label} has shape {value.shape}, expected {self.shape}")
        if jnp.issubdtype(value.dtype, jnp.inexact) and not np.isfinite(value).all():
            at = tuple(np.argwhere(~np.isfinite(value))[0].tolist())
            raise ValueError(f"{label} holds {value[at]} at index {at}")
        return jax.device_put(value.astype(self.dtype))

    def draw(self, seed: int, label: str) -> Array:
        """The first value: a function of the model's seed and the value's full name only."""
        rng = np.random.default_rng([seed, zlib.crc32(label.encode())])
        try:
            value = np.asarray(self.initializer(self.shape, dtype=np.dtype(self.dtype).name, rng=rng))
        except MemoryError:
            size = math.prod(self.shape) * np.dtype(self.dtype).itemsize / 2**30
            raise ValueError(f"{label} of shape {self.shape} takes {size:,.0f} GiB, more than there is") from None
        if value.shape != self.shape:
            raise ValueError(f"{label}: the initializer gave shape {value.shape}, expected {self.shape}")
        return jax.device_put(value.astype(self.dtype, copy=False))


def leaves(tree: Tree) -> Iterator[tuple[str, str, Any]]:
    """(path, name, value) of a two-level tree, in order."""
    for path, values in tree.items():
        for name, value in values.items():
            yield path, name, value


def split(tree: Tree, chosen: Callable[[str, str], bool]) -> tuple[Tree, Tree]:
    """(those chosen by path and name, the rest), without empty paths.

    >>> split({"a": {"w": 1, "b": 2}}, lambda path, name: name == "w")
    ({'a': {'w': 1}}, {'a': {'b': 2}})
    """
    yes: Tree = {}
    no: Tree = {}
    for path, name, value in leaves(tree):
        (yes if chosen(path, name) else no).setdefault(path, {})[name] = value
    return yes, no


def merge(*trees: Tree) -> Tree:
    """One tree with the values of all; later trees win.

    >>> merge({"a": {"w": 1}}, {"a": {"b": 2}, "c": {}})
    {'a': {'w': 1, 'b': 2}, 'c': {}}
    """
    merged: Tree = {}
    for tree in trees:
        for path, values in tree.items():
            merged.setdefault(path, {}).update(values)
    return merged


# values rest in the layers between runs -----------------------------------------------------------------------------
def gather(root: Layer) -> Variables:
    """The values that rest in the layers under a root, as trees; hyper is read afresh from their fields."""
    params: Tree = {}
    state: Tree = {}
    hyper: Tree = {}
    for layer, path in paths(root).items():
        if layer._values["params"]:
            params[path] = dict(layer._values["params"])
        if layer._values["state"]:
            state[path] = dict(layer._values["state"])
        numbers = swept(layer)
        if numbers:
            hyper[path] = {name: np.float32(value) for name, value in numbers.items()}
    return Variables(params, state, hyper)


def swept(layer: Layer) -> dict[str, float]:
    """The numbers of a layer that its calls read through `hyper`, by the dotted names of their fields."""
    found = {}
    for name in layer._hyper:
        value: Any = layer
        for part in name.split("."):
            value = getattr(value, part, None)
        if isinstance(value, (int, float)):
            found[name] = float(value)
    return found


def scatter(root: Layer, params: Tree, state: Tree) -> None:
    """Put values back into the layers; paths that a tree lacks keep theirs."""
    for layer, path in paths(root).items():
        for kind, tree in (("params", params), ("state", state)):
            if path in tree:
                layer._values[kind] = dict(tree[path])


def frozen_paths(root: Layer) -> frozenset[str]:
    """The layers under a root whose weights gradients leave alone."""
    return frozenset(path for layer, path in paths(root).items() if not layer.trainable)


def claim(root: Layer, seed: int, anew: bool = False) -> None:
    """Settle from which seed and path the first values under a root come, whoever looks at them first.

    Args:
        anew: also where that was settled before, for values that are not drawn yet.
    """
    for layer, path in paths(root).items():
        if layer._origin is None or anew:
            layer._origin = (seed, path)


def draw(root: Layer, seed: int) -> Variables:
    """First values for everything under a planned root, from another seed; nothing is put into the layers."""
    drawn: dict[str, Tree] = {"params": {}, "state": {}}
    for layer, path in paths(root).items():
        for kind, specs in layer._specs.items():
            for name, spec in specs.items():
                drawn[kind].setdefault(path, {})[name] = spec.draw(seed, f"{path}/{name}")
    return Variables(drawn["params"], drawn["state"], gather(root).hyper)


def draw_missing(root: Layer) -> None:
    """Draw first values for what was asked for and has none yet."""
    for layer in paths(root):
        for kind, specs in layer._specs.items():
            for name in specs:
                if name not in layer._values[kind]:
                    if layer._origin is None:
                        claim(root, next_seed())
                    seed, place = layer._origin or (0, "")
                    with jax.ensure_compile_time_eval():  # a value, also where a caller's jit traces
                        layer._values[kind][name] = specs[name].draw(seed, f"{place}/{name}")


# seeds --------------------------------------------------------------------------------------------------------------
def derived_seed(*numbers: int) -> int:
    """A 32-bit seed that is a function of whole numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


class _Seeds:
    """One sequence a process: every model takes the next number, so that a script run twice gives the same bits."""

    def __init__(self) -> None:
        self.start(0)

    def start(self, seed: int) -> None:
        self.base, self.count = seed, itertools.count()

    def next(self) -> int:
        return derived_seed(self.base, next(self.count))


_seeds = _Seeds()
_own_seeds: ContextVar[_Seeds | None] = ContextVar("own seeds", default=None)


def set_seed(seed: int) -> None:
    """Start the process' sequence of model and run seeds at another place.

    A script run twice gives the same numbers without this; call it to get others.

    Args:
        seed: a whole number, 0 or more.

    >>> import freedive as fd
    >>> fd.set_seed(7)
    """
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"set_seed expects a whole number, 0 or more. Received: {seed!r}")
    _seeds.start(int(seed))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it, models take their seeds from a sequence that begins here; that of the process is left as it is."""
    own = _Seeds()
    own.start(seed)
    token = _own_seeds.set(own)
    try:
        yield
    finally:
        _own_seeds.reset(token)


def next_seed() -> int:
    """The next number of the process' sequence."""
    return (_own_seeds.get() or _seeds).next()
