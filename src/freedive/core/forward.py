"""One pass through a model: where each layer's values are, the key, the mode; and the pure functions built on it.

`plan` finds out what a root asks for without computing; `apply(root, variables, *inputs) -> (outputs, Pass)` computes.
The context variable that holds the current Pass is ambient, and beside it only the bounds of `bounds.py`.
"""

from __future__ import annotations

import contextlib
import contextvars
import operator
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.extend.core import get_opaque_trace_state

from .. import constraints, initializers, regularizers
from ..errors import show_shape
from .arguments import call_arguments, in_order
from .bounds import bounds
from .paths import paths
from .variables import Spec, Variables, gather

if TYPE_CHECKING:
    from .layer import Layer

BATCH, LENGTHS = 7919, (1021, 2053)  # stand for unknown sizes while shapes are traced: unlikely primes, far apart

_pass: contextvars.ContextVar[Pass | None] = contextvars.ContextVar("pass", default=None)


class Pass:
    """One pass through a root: finds each layer's values by who it is; collects what the layers write.

    Args:
        root: the layer that is run; only layers under it have values here.
        variables: its values.
        key: a jax random key, for layers that draw; None refuses them.
        training: the mode.
        creating: note what layers ask for instead of refusing what has no value.
        frozen: paths of the layers whose weights this run leaves alone.
        compute_dtype: the type that layers compute in ("bfloat16" in mixed precision); None leaves values alone.
        taps: filled, where given, with every layer's z and a (path -> name -> array).
        probes: path -> zeros added to that layer's z: the gradient by them is its delta.
        watch: called with (layer, path, inputs, outputs) after every layer; what it returns are the outputs.
    """

    def __init__(
        self,
        root: Layer,
        variables: Variables,
        key: Any = None,
        training: bool = False,
        creating: bool = False,
        frozen: frozenset[str] = frozenset(),
        compute_dtype: Any = None,
        taps: dict[str, dict[str, Any]] | None = None,
        probes: dict[str, Any] | None = None,
        watch: Any = None,
    ):
        self.root, self.where = root, paths(root)
        self.params, self.hyper = variables.params, variables.hyper
        self.state = {path: dict(values) for path, values in variables.state.items()}
        self.key, self.training, self.creating, self.compute_dtype = key, training, creating, compute_dtype
        self.frozen, self.taps, self.probes, self.watch = frozen, taps, probes or {}, watch
        self.specs: dict[tuple[Layer, str, str], Spec] = {}  # values asked for while creating
        self.losses: dict[str, Any] = {}  # "path/name" -> scalar
        self.flags: dict[str, Any] = {}  # path -> how many wrong values came in
        self.masks: dict[int, tuple[Any, Any]] = {}  # id of an array -> (the array, its mask)
        self.offers: dict[int, tuple[Any, Any]] = {}  # id of an array -> (the array, what computes it for a pooling)
        self.shapes: dict[str, Any] = {}  # path -> shapes of its outputs
        self.kept: dict[str, Any] = {}  # path -> what somebody who watches keeps of it, for the loss
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
        inputs, kwargs = in_order(type(layer), inputs, kwargs)
        mode = kwargs.pop("training", None)
        self.training = before if mode is None else bool(mode)
        if "training" in takes:
            kwargs["training"] = self.training
        mask = self._mask_for(inputs, kwargs, "mask" in takes)
        given = inputs
        inputs, kwargs = jax.tree.map(lambda x: self._carried(x, self.cast(layer, x)), (inputs, kwargs))
        self.stack.append((layer, inputs))
        try:
            with self._handed(inputs, mask):
                outputs = layer.call(*inputs, **kwargs)
        finally:
            self.stack.pop()
            self.training = before
        if self.watch is not None and get_opaque_trace_state() == self.trace:
            outputs = self.watch(layer, path, given, outputs)
        self._after(layer, path, inputs, mask, outputs)
        return outputs

    def _mask_for(self, inputs: tuple, kwargs: dict[str, Any], takes: bool) -> Any:
        """The mask of the inputs: the one given, or what travels with the first input (a list for a list of them)."""
        mask = kwargs.pop("mask", None)
        if mask is None and inputs:
            found = jax.tree.map(self.mask_of, inputs[0])
            mask = found if jax.tree.leaves(found) else None
        if takes and mask is not None:
            kwargs["mask"] = mask
        return mask

    @contextlib.contextmanager
    def _handed(self, inputs: tuple, mask: Any) -> Iterator[None]:
        """Let the mask of a call travel with its first input, into the layers inside and nowhere else."""
        pairs = zip(jax.tree.leaves(inputs[:1]), mask if isinstance(mask, (list, tuple)) else [mask], strict=False)
        handed = {id(x): (x, m) for x, m in pairs if m is not None}
        before = {number: self.masks.get(number, (None, None)) for number in handed}
        self.masks |= handed
        try:
            yield
        finally:
            self.masks |= before

    def _carried(self, x: Any, cast: Any) -> Any:
        """A cast array keeps the mask of the one it was made from."""
        if cast is not x and id(x) in self.masks:
            self.set_mask(cast, self.mask_of(x))
        return cast

    def _after(self, layer: Layer, path: str, inputs: tuple, mask: Any, outputs: Any) -> None:
        if self.creating:
            self.shapes[path] = jax.tree.map(jnp.shape, outputs)
            if (limits := bounds()) is not None:
                limits.check_output(layer.path, map(jnp.shape, jax.tree.leaves(outputs)), BATCH)
        if inputs:
            mask = layer.compute_mask(inputs[0] if len(inputs) == 1 else inputs, mask)
            masks = mask if isinstance(mask, (list, tuple)) else [mask]
            for y, its in zip(jax.tree.leaves(outputs), masks, strict=False):
                if its is not None:
                    self.set_mask(y, its)
        if getattr(layer, "activity_regularizer", None) is not None:
            self._same_trace(layer, "penalises its activity")
            first = jax.tree.leaves(outputs)[0]
            penalty = self.penalty(layer, "activity_regularizer", first.astype(jnp.float32)) / first.shape[0]
            label = f"{path}/activity"
            self.losses[label] = self.losses.get(label, 0.0) + penalty
        for name, value in vars(layer).items():
            if isinstance(value, Tracer):
                raise layer.error(
                    f"its call kept an intermediate value as self.{name}, which would be lost in a compiled run. "
                    "Return it, or keep it as state: self.variable and self.update"
                )

    def cast(self, layer: Layer, x: Any) -> Any:
        """Floating values in the type the layer computes in."""
        dtype = (layer.dtype or self.compute_dtype) if layer.autocast else None
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

    # values ---------------------------------------------------------------------------------------------------------
    def value(self, layer: Layer, kind: str, name: str, asked: Spec) -> Any:
        """A layer's value; while creating, what it asks for is noted and zeros stand for it."""
        path = self.path(layer)
        have = (self.params if kind == "params" else self.state).get(path, {}).get(name)
        spec = layer._specs[kind].get(name) or self.specs.get((layer, kind, name))
        if have is None:
            if not self.creating:
                raise ValueError(f"{path}/{name} has no value yet: build the model, or call it once on data")
            if spec is None:
                if (limits := bounds()) is not None:
                    limits.count_weight(f"{layer.path}/{name}", asked.shape)
                spec = self.specs[layer, kind, name] = complete(layer, asked)
            have = jnp.zeros(spec.shape, spec.dtype)
        if have.shape != asked.shape:
            raise layer.error(self._misshapen(name, have.shape, asked.shape))
        return self.cast(layer, have) if kind == "params" else have

    def weight(self, layer: Layer, name: str) -> Any:
        """A layer's weight as it is now, in its own type; None where the layer never asked for one of that name."""
        held = self.params.get(self.path(layer), {})
        spec = layer._specs["params"].get(name) or self.specs.get((layer, "params", name))
        return held[name] if name in held else None if spec is None else jnp.zeros(spec.shape, spec.dtype)

    @contextlib.contextmanager
    def instead(self, layer: Layer, **weights: Any) -> Iterator[None]:
        """Let a layer compute with other weights than its own for a while."""
        path, before = self.path(layer), self.params
        self.params = {**before, path: {**before.get(path, {}), **weights}}
        try:
            yield
        finally:
            self.params = before

    def _misshapen(self, name: str, have: tuple, want: tuple) -> str:
        if any(d in LENGTHS or (d and d % BATCH == 0) for d in (*have, *want)):
            return f"the shape of its {name} depends on a size that is not known: give Input a fixed size there"
        arrays = jax.tree.leaves(self.stack[-1][1]) if self.stack else []
        came = ", ".join(shape_of(a) for a in arrays)
        return (
            f"its {name} has shape {have}, but the input received, of shape {came}, asks for {want}. "
            "Give inputs with as many features as the model was built for, or build a new model"
        )

    def hyper_value(self, layer: Layer, name: str) -> Any:
        """The number in a field, from the run's hyper tree where the run has one."""
        if self.creating and name not in layer._hyper:
            layer._hyper.append(name)
        numbers = self.hyper.get(self.path(layer), {})
        return numbers[name] if name in numbers else operator.attrgetter(name)(layer)

    # penalties ------------------------------------------------------------------------------------------------------
    def penalty(self, layer: Layer, field: Any, value: Any) -> Any:
        """A regularizer of a value: the rule in a field, whose strengths may be swept, or a rule given as it is."""
        rule = getattr(layer, field) if isinstance(field, str) else field
        if not isinstance(field, str) or not hasattr(rule, "strengths"):
            return rule(value)
        return rule.penalty(value, **{name: self.hyper_value(layer, f"{field}.{name}") for name in rule.strengths()})

    def penalties(self) -> dict[str, Any]:
        """What layers added to the loss, and the penalties of the weights that this run changes."""
        found = dict(self.losses)
        for layer, path in self.where.items():
            for name, spec in layer._specs["params"].items():
                field = spec.regularizer
                ruled = getattr(layer, field) is not None if isinstance(field, str) else field is not None
                if ruled and path not in self.frozen and name in self.params.get(path, {}):
                    found[f"{path}/{name}"] = self.penalty(layer, field, self.params[path][name])
        return found

    def note_strengths(self) -> None:
        """Note the strengths of regularizers in fields as numbers that may be swept."""
        for (layer, kind, _), spec in self.specs.items():
            rule = getattr(layer, spec.regularizer, None) if isinstance(spec.regularizer, str) else None
            for name in rule.strengths() if rule is not None and kind == "params" else ():
                self.hyper_value(layer, f"{spec.regularizer}.{name}")

    # what layers write ----------------------------------------------------------------------------------------------
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

    def flag(self, layer: Layer, wrong: Any) -> None:
        """Count wrong values; what happens within a loop stays there."""
        if get_opaque_trace_state() == self.trace:
            path = self.path(layer)
            self.flags[path] = self.flags.get(path, 0) + jnp.sum(wrong, dtype=jnp.int32)

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
        if self.taps is None or get_opaque_trace_state() != self.trace:  # what happens within a loop stays there
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


def refuse_flagged(root: Layer, flags: dict[str, Any], where: str = "", exact: bool = True) -> None:
    """An error where wrong values came into a layer; it says how many where that is exact."""
    for layer, path in paths(root).items() if flags else ():
        count = int(np.sum(flags.get(path, 0)))
        if count:
            place = f"{where}{path or layer.name or type(layer).__name__}"
            raise ValueError(f"{place}: received {f'{count} ' * exact}{layer.flagged()}")


def shape_of(x: Any) -> str:
    """The shape of an array as people know it: the stand-ins for unknown sizes as None."""
    return show_shape(None if d and (d % BATCH == 0 or d in LENGTHS) else d for d in jnp.shape(x))


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
    """What a layer asked for, with names made into functions; a field that holds the regularizer stays a name."""
    field = asked.regularizer
    if not (isinstance(field, str) and hasattr(layer, field)):
        field = regularizers.get(field)
    initializer, constraint = initializers.get(asked.initializer), constraints.get(asked.constraint)
    return asked._replace(initializer=initializer, regularizer=field, constraint=constraint)


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
        # In training mode a call asks for all it ever needs.
        with Pass(root, gather(root), jax.random.key(0), training=True, creating=True) as made:
            passes.append(made)
            outputs = made.call(root, inputs, named)
            made.note_strengths()
            return outputs

    outputs = jax.eval_shape(trace, arrays)
    for (layer, kind, name), spec in passes[0].specs.items():
        layer._specs[kind][name] = spec
    for layer in passes[0].where:
        layer._planned = True
    return outputs, passes[0]
