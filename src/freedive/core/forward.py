"""One pass through a model: where each layer's values are, the key, the mode; and the pure functions built on it.

`plan` finds out what a root asks for without computing; `apply(root, variables, *inputs) -> (outputs, Pass)` computes.
The context variable that holds the current Pass is the only ambient thing in the package.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import operator
import zlib
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax.extend.core import get_opaque_trace_state

from .. import constraints, initializers, regularizers
from ..errors import show_shape
from .paths import paths
from .variables import Spec, Variables, gather

if TYPE_CHECKING:
    from .layer import Layer

BATCH, ANY = 7919, 6007  # stand for an unknown batch size and length while shapes are traced: unlikely primes

_pass: contextvars.ContextVar[Pass | None] = contextvars.ContextVar("pass", default=None)


class Pass:
    """One pass through a root: finds each layer's values by who it is; collects what the layers write.

    Args:
        root: the layer that is run; only layers under it have values here.
        variables: its values.
        key: a jax random key, for layers that draw; None refuses them.
        training: the mode.
        creating: note what layers ask for instead of refusing what has no value.
        compute_dtype: the type that layers compute in ("bfloat16" in mixed precision); None leaves values alone.
        taps: filled, where given, with every layer's z and a (path -> name -> array).
        probes: path -> zeros added to that layer's z: the gradient by them is its delta.
    """

    def __init__(
        self,
        root: Layer,
        variables: Variables,
        key: Any = None,
        training: bool = False,
        creating: bool = False,
        compute_dtype: Any = None,
        taps: dict[str, dict[str, Any]] | None = None,
        probes: dict[str, Any] | None = None,
    ):
        self.root, self.where = root, paths(root)
        self.params, self.hyper = variables.params, variables.hyper
        self.state = {path: dict(values) for path, values in variables.state.items()}
        self.key, self.training, self.creating, self.compute_dtype = key, training, creating, compute_dtype
        self.taps, self.probes = taps, probes or {}
        self.specs: dict[tuple[Layer, str, str], Spec] = {}  # values asked for while creating
        self.losses: dict[str, Any] = {}  # "path/name" -> scalar
        self.masks: dict[int, tuple[Any, Any]] = {}  # id of an array -> (the array, its mask)
        self.shapes: dict[str, Any] = {}  # path -> shapes of its outputs
        self.draws: dict[str, int] = {}  # path -> keys drawn so far
        self.calls: dict[str, int] = {}  # path -> activations so far, for taps
        self.stack: list[tuple[Layer, tuple]] = []  # the calls under way, with their inputs
        self.trace = get_opaque_trace_state()

    def __enter__(self) -> Pass:
        self._token = _pass.set(self)
        return self

    def __exit__(self, *_: Any) -> None:
        _pass.reset(self._token)

    # calling --------------------------------------------------------------------------------------------------------
    def path(self, layer: Layer) -> str:
        """Where the layer stands under the root."""
        if layer not in self.where:
            caller = f" of {type(self.stack[-1][0]).__name__}" if self.stack else ""
            made = type(layer).__name__
            raise ValueError(
                f"{made} was made inside the call{caller}, so its weights would be lost. "
                f"Make it in __init__ and keep it: self.{layer.name or 'layer'} = {made}(...)"
            )
        return self.where[layer]

    def call(self, layer: Layer, inputs: tuple, kwargs: dict[str, Any]) -> Any:
        """Run one layer: mode, masks and precision are settled here; the layer only computes."""
        path, takes, before = self.path(layer), call_arguments(type(layer)), self.training
        kwargs = dict(kwargs)
        if kwargs.get("training") is not None:
            self.training = bool(kwargs["training"])
        kwargs.pop("training", None)
        if "training" in takes:
            kwargs["training"] = self.training and layer.trainable
        mask = self._mask_for(inputs, kwargs, "mask" in takes)
        inputs = jax.tree.map(lambda x: self.cast(layer, x), inputs)
        self.stack.append((layer, inputs))
        try:
            outputs = layer.call(*inputs, **kwargs)
        finally:
            self.stack.pop()
            self.training = before
        if self.creating:
            self.shapes[path] = jax.tree.map(jnp.shape, outputs)
        self._after(layer, path, inputs, mask, outputs)
        return outputs

    def _mask_for(self, inputs: tuple, kwargs: dict[str, Any], takes: bool) -> Any:
        """The mask that came with the inputs; handed to calls that take one, unless one was given."""
        mask = kwargs.get("mask")
        if mask is None and inputs:
            found = jax.tree.map(self.mask_of, inputs if len(inputs) > 1 else inputs[0])
            mask = found if jax.tree.leaves(found) else None
        kwargs.pop("mask", None)
        if takes and mask is not None:
            kwargs["mask"] = mask
        return mask

    def _after(self, layer: Layer, path: str, inputs: tuple, mask: Any, outputs: Any) -> None:
        if inputs:
            mask = layer.compute_mask(inputs[0] if len(inputs) == 1 else inputs, mask)
            if mask is not None:
                self.set_mask(jax.tree.leaves(outputs)[0], mask)
        penalty = getattr(layer, "activity_regularizer", None)
        if penalty is not None:
            first = jax.tree.leaves(outputs)[0]
            self.losses[f"{path}/activity"] = penalty(first.astype(jnp.float32)) / first.shape[0]

    def cast(self, layer: Layer, x: Any) -> Any:
        """Floating values in the type the layer computes in."""
        dtype = layer.dtype or self.compute_dtype
        if dtype is None or not hasattr(x, "dtype") or not jnp.issubdtype(x.dtype, jnp.floating):
            return x
        return x.astype(dtype)

    def mask_of(self, x: Any) -> Any:
        """The mask that travels with an array, or None."""
        held = self.masks.get(id(x))
        return held[1] if held is not None else None

    def set_mask(self, x: Any, mask: Any) -> None:
        """Let a mask travel with an array."""
        self.masks[id(x)] = (x, mask)

    # values -----------------------------------------------------------------------------------------------------------
    def value(self, layer: Layer, kind: str, name: str, asked: Spec) -> Any:
        """A layer's value; while creating, what it asks for is noted and zeros stand for it."""
        path = self.path(layer)
        have = (self.params if kind == "params" else self.state).get(path, {}).get(name)
        spec = layer._specs[kind].get(name) or self.specs.get((layer, kind, name))
        if have is None:
            if not self.creating:
                raise ValueError(f"{path}/{name} has no value yet: build the model, or call it once on data")
            if spec is None:
                spec = self.specs[layer, kind, name] = complete(layer, asked)
            have = jnp.zeros(spec.shape, spec.dtype)
        if have.shape != asked.shape:
            raise layer.error(
                f"its {name} has shape {have.shape}, but the input received, of shape {self._received()}, asks for "
                f"{asked.shape}. Give inputs with as many features as the model was built for, or build a new model"
            )
        if kind == "state":
            return have
        if spec is not None and spec.regularizer is not None and layer.trainable:
            self._regularize(layer, f"{path}/{name}", asked.regularizer, spec.regularizer, have)
        return self.cast(layer, have)

    def _received(self) -> str:
        arrays = jax.tree.leaves(self.stack[-1][1]) if self.stack else []
        return ", ".join(show_shape(None if d % BATCH == 0 else d for d in jnp.shape(a)) for a in arrays)

    def _regularize(self, layer: Layer, label: str, field: Any, rule: Any, value: Any) -> None:
        """The penalty of one weight, once a pass; strengths held in a field may be swept."""
        if label in self.losses:
            return
        if isinstance(field, str) and getattr(layer, field, None) is rule and hasattr(rule, "strengths"):
            strengths = {name: self.hyper_value(layer, f"{field}.{name}") for name in rule.strengths()}
            self.losses[label] = rule.penalty(value, **strengths)
        else:
            self.losses[label] = rule(value)

    def hyper_value(self, layer: Layer, name: str) -> Any:
        """The number in a field, from the run's hyper tree where the run has one."""
        if name not in layer._hyper:
            layer._hyper.append(name)
        swept = self.hyper.get(self.path(layer), {})
        return swept[name] if name in swept else operator.attrgetter(name)(layer)

    # what layers write --------------------------------------------------------------------------------------------------
    def update(self, layer: Layer, values: dict[str, Any]) -> None:
        """New values of a layer's variables."""
        path = self.path(layer)
        self._same_trace(layer, "updates its state")
        have = self.state.get(path, {})
        for name, value in values.items():
            if not self.creating and name not in have:
                raise layer.error(f"update({name}=...) before self.variable({name!r}, ...)")
            if not self.creating:
                have[name] = jnp.asarray(value, have[name].dtype)

    def add_loss(self, layer: Layer, value: Any) -> None:
        """A scalar that training minimises too."""
        self._same_trace(layer, "adds a loss")
        label = f"{self.path(layer)}/added"
        self.losses[label] = self.losses.get(label, 0.0) + value

    def rng(self, layer: Layer) -> Any:
        """A fresh key: a function of the run's key, the layer's path and the number of the draw."""
        path = self.path(layer)
        self._same_trace(layer, "draws random numbers")
        if self.key is None:
            raise layer.error("draws random numbers, and this pass was given no key")
        n = self.draws[path] = self.draws.get(path, -1) + 1
        return jax.random.fold_in(jax.random.fold_in(self.key, zlib.crc32(path.encode())), n)

    def tap(self, layer: Layer, what: str, value: Any) -> Any:
        """Keep z and a for `inspect`, a layer's later calls apart; add the probe whose gradient is delta."""
        if self.taps is None:
            return value
        path = self.path(layer)
        calls = self.calls[path] = self.calls.get(path, 0) + (what == "z")
        label = path if calls < 2 else f"{path}@{calls}"
        if what == "z" and label in self.probes:
            value = value + self.probes[label]
        self.taps.setdefault(label, {})[what] = value
        return value

    def _same_trace(self, layer: Layer, deed: str) -> None:
        """Refuse what would leak out of a raw jax transformation inside a call."""
        if get_opaque_trace_state() != self.trace:
            raise layer.error(
                f"it {deed} inside a raw jax.lax.scan, jit, grad or vmap, where that would be lost or repeated. "
                "Call the layer outside of it, or use freedive.layers.RNN or TimeDistributed"
            )


def current(layer: Layer) -> Pass:
    """The Pass that runs; outside one there is nothing to ask."""
    found = _pass.get()
    if found is None:
        raise ValueError(f"{type(layer).__name__}: this works inside call only; call the layer itself: layer(x)")
    return found


def running() -> Pass | None:
    """The Pass that runs, if one does."""
    return _pass.get()


def complete(layer: Layer, asked: Spec) -> Spec:
    """What a layer asked for, with names and field names made into functions."""
    field = asked.regularizer
    rule = getattr(layer, field) if isinstance(field, str) and hasattr(layer, field) else field
    return asked._replace(
        initializer=initializers.get(asked.initializer),
        regularizer=regularizers.get(rule),
        constraint=constraints.get(asked.constraint),
    )


@functools.cache
def call_arguments(cls: type) -> frozenset[str]:
    """The names of the arguments that a layer's call takes."""
    return frozenset(inspect.signature(cls.call).parameters)  # type: ignore[attr-defined]


# pure functions -----------------------------------------------------------------------------------------------------
def apply(root: Layer, variables: Variables, *inputs: Any, **options: Any) -> tuple[Any, Pass]:
    """Pure: the outputs, and the Pass with the new state, the losses and the masks.

    Args:
        root: a layer or model.
        variables: its values, as `gather` gives them.
        *inputs: what its call takes.
        **options: of the Pass: key, training, compute_dtype, ...
    """
    with Pass(root, variables, **options) as made:
        return made.call(root, inputs, {}), made


def plan(root: Layer, args: tuple, kwargs: dict[str, Any] | None = None) -> tuple[Any, Pass]:
    """Find out, without computing, what a root gives and asks for; what it asks for is kept in the layers.

    Args:
        root: a layer or model.
        args, kwargs: of its call; what has a shape stands for an array, the rest is as it is.

    Returns:
        (shapes and dtypes of the outputs, the Pass that traced them).
    """
    flat, tree = jax.tree.flatten((args, kwargs or {}))
    arrays = {i: jax.ShapeDtypeStruct(x.shape, x.dtype) for i, x in enumerate(flat) if hasattr(x, "shape")}
    passes: list[Pass] = []

    def trace(arrays: dict[int, Any]) -> Any:
        inputs, named = jax.tree.unflatten(tree, [arrays.get(i, x) for i, x in enumerate(flat)])
        with Pass(root, gather(root), jax.random.key(0), creating=True) as made:
            passes.append(made)
            return made.call(root, inputs, named)

    outputs = jax.eval_shape(trace, arrays)
    for (layer, kind, name), spec in passes[0].specs.items():
        layer._specs[kind][name] = spec
    for layer in passes[0].where:
        layer._planned = True
    return outputs, passes[0]
