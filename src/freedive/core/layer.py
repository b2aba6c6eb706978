"""What a layer is: a dataclass of configuration with one method to write, `call`.

A layer holds no scopes and no names but its own: its values rest in it between runs, and during a forward pass it
asks the current `Pass` for them. Where it stands in its model (attribute, or type and position) is its path.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from .. import activations
from ..config import Configured, Family, configured_fields, from_json, hand_written, to_json
from ..errors import refuse_misspelt
from ..numerics import widen
from ..ops.classes import softmax
from . import forward
from .arguments import COMMON, checked_dtype, checked_factor, checked_flag, checked_name, given_shape
from .bounds import bounds
from .calling import call_root
from .habits import OF_LAYERS, absent, refuse_unused
from .paths import layers_in, paths
from .symbol import record, symbols_in
from .variables import Spec, claim, draw_missing


class LayerType(type):
    """Making a layer: arguments that every layer understands are taken here, so that no class repeats them."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        signature = inspect.signature(cls.__init__)
        own = signature.parameters
        open_ended = any(p.kind is p.VAR_KEYWORD for p in own.values())
        common = {k: kwargs.pop(k) for k in COMMON if k in kwargs and k not in own}
        if not open_ended:
            refuse_misspelt(cls.__name__, kwargs, [n for n in (*own, *COMMON) if n != "self"])
        if (limits := bounds()) is not None:
            limits.count_layer()
        layer: Any = object.__new__(cls)
        layer._start(**common)
        try:
            bound = signature.bind(layer, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}. Its arguments are {signature}".replace("(self, ", "(")) from None
        layer._arguments = dict(list(bound.arguments.items())[1:])
        layer.__init__(*args, **kwargs)
        layer._hand_down()
        return layer


class Layer(Configured, metaclass=LayerType):
    """A description of a computation with weights; subclass it and write `call`.

    Fields are the configuration. Inside `call`, `self.param(name, shape, initializer)` is a weight,
    `self.variable(...)` and `self.update(...)` are state that is no subject of gradients, `self.rng()` is a fresh
    random key, `self.training` tells training from use, and `self.hyper(name)` is a field that may be swept.
    Sublayers are attributes, made in `__init__` (or fields) and called in `call`.

    Args (of every layer):
        name: how the layer is called in its model; by default its type and position.
        trainable: whether gradients change its weights.
        learning_rate_factor: what the learning rate is multiplied by for its weights; may be changed while it trains.
        dtype: the type it computes in, where that differs from the model's.
        input_shape: the shape of one sample, for the first layer of a `Sequential`.

    Example:

    >>> import numpy as np
    >>> import freedive as fd
    >>> class Scale(fd.layers.Layer):
    ...     factor: float = 1.0
    ...     def call(self, x):                                   # (..., features) -> (..., features)
    ...         return x * self.factor * self.param("scale", (x.shape[-1],), "ones")
    >>> Scale(3.0)(np.ones((1, 2))).tolist()
    [[3.0, 3.0]]
    """

    family: ClassVar[Family | None] = Family("layer")
    supports_masking: ClassVar[bool] = False
    takes_texts: ClassVar[bool] = False  # whether its dtype may be "string"
    autocast: ClassVar[bool] = True  # whether inputs and weights come in the type that the layer computes in
    bookkeeping: ClassVar[frozenset[str]] = frozenset(
        (
            *("name", "_common", "_arguments", "_trainable", "_given_shape", "_planned"),
            *("_values", "_specs", "_hyper", "_nodes", "_origin", "_sight"),
        )
    )  # the attributes that are the engine's; all others are what the layer's author wrote

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        refuse_unused(cls, Layer, OF_LAYERS, "freedive")

    def __init__(self, **common: Any):
        self._start(**{**self._common, **common})

    def _start(self, **common: Any) -> None:
        """Take the arguments that every layer has; make room for values. Runs before any __init__, so none must."""
        unknown = [k for k in common if k not in COMMON]
        if unknown:
            raise TypeError(f"{type(self).__name__} has no argument {unknown[0]!r}. Known to every layer: {COMMON}")
        self._common = common
        self.name = checked_name(common.get("name"))
        self.dtype = None if common.get("dtype") is None else checked_dtype(common["dtype"], self.takes_texts)
        self._trainable = checked_flag("trainable", common.get("trainable", True))
        vars(self)["learning_rate_factor"] = checked_factor(common.get("learning_rate_factor"))
        self._given_shape = given_shape(common)  # of one sample, without the batch
        self._planned = False  # whether its shapes have been traced
        self._values: dict[str, dict[str, Any]] = {"params": {}, "state": {}}
        self._specs: dict[str, dict[str, Spec]] = {"params": {}, "state": {}}
        self._hyper: list[str] = []  # fields that may be swept, dotted
        if self.learning_rate_factor is not None:
            self._hyper.append("learning_rate_factor")
        self._nodes: list[Any] = []  # its calls on symbols
        self._origin: tuple[int, str] | None = None  # seed and path that its first values are drawn from

    # to write -------------------------------------------------------------------------------------------------------
    def call(self, *inputs: Any, **kwargs: Any) -> Any:
        """The computation; every layer writes it."""
        raise NotImplementedError(f"{type(self).__name__} needs a method call(self, x)")

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        """The mask of the first output: which time steps count; of several outputs, a list of masks and None.

        Handed on by layers with `supports_masking`.
        """
        if not self.supports_masking:
            return None
        return next((m for m in mask if m is not None), None) if isinstance(mask, (list, tuple)) else mask

    # to use in call -------------------------------------------------------------------------------------------------
    def param(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: Any = "glorot_uniform",
        regularizer: Any = None,
        constraint: Any = None,
        dtype: Any = "float32",
    ) -> Any:
        """A weight: made when the layer first sees an input, changed by gradients.

        `regularizer` may be the name of the field that holds it, so that its strength can be swept.
        """
        if not name.isidentifier():
            raise self.error(f"a weight's name is an identifier, like 'kernel'. Received: {name!r}")
        asked = Spec(_sizes(shape), jnp.dtype(dtype), initializer, regularizer, constraint)
        return forward.current(self).value(self, "params", name, asked)

    def variable(self, name: str, shape: tuple[int, ...], initializer: Any = "zeros", dtype: Any = "float32") -> Any:
        """A value that the forward pass keeps from step to step, without gradient."""
        return forward.current(self).value(self, "state", name, Spec(_sizes(shape), jnp.dtype(dtype), initializer))

    def update(self, **values: Any) -> None:
        """Write new values of variables; they take effect after this step."""
        forward.current(self).update(self, values)

    def rng(self) -> Any:
        """A fresh random key: a function of the run's key, the layer's path and how often it was asked."""
        return forward.current(self).rng(self)

    def hyper(self, name: str) -> Any:
        """The number in field `name`, which a search may sweep and a callback may change without compiling again."""
        return forward.current(self).hyper_value(self, name)

    def add_loss(self, value: Any) -> None:
        """Add a scalar to what training minimises."""
        forward.current(self).add_loss(self, value)

    def flag(self, wrong: Any) -> None:
        """Say which of the values that came in are wrong; a compiled run counts them, and ends with an error.

        `flagged` says in words what they are.
        """
        forward.current(self).flag(self, wrong)

    def flagged(self) -> str:
        """What the values are that `flag` is called for."""
        return "values that it does not know"

    def activate(self, z: Any, activation: Any = None) -> Any:
        """a = f(z) with the layer's activation; both are kept for `Model.inspect`.

        Probabilities are computed in float32: those near 1 would be 1 in half a precision, where a loss learns nothing.
        """
        current = forward.current(self)
        z, function = current.tap(self, "z", z), activation or self.activation  # type: ignore[attr-defined]
        if function is activations.sigmoid or function is activations.softmax:
            z = widen(z)
        return current.tap(self, "a", (softmax if function is activations.softmax else function)(z))

    def offer_to_pool(self, a: Any, run: Callable[..., Any]) -> None:
        """Say how an output (batch, *sizes, channels) is computed anew for a pooling, which may read less of it.

        `run(first=, pooled=)` gets how many places of each axis are read, and whether only the largest of each window
        counts. What nobody reads then is not computed.
        """
        forward.current(self).offers[id(a)] = (a, run)

    def offered(self, x: Any, **reading: Any) -> Any:
        """An input as the layer that made it offers it to a pooling; as it is, where that layer offers nothing."""
        _, run = forward.current(self).offers.get(id(x), (x, None))
        return x if run is None else run(**reading)

    @property
    def tapped(self) -> bool:
        """Whether z and a are kept, so that they must be there apart."""
        return forward.current(self).taps is not None

    @property
    def training(self) -> bool:
        """True in training, False in evaluation and prediction."""
        return forward.current(self).training

    @property
    def frozen(self) -> bool:
        """Whether the run that is under way leaves this layer's weights alone."""
        current = forward.current(self)
        return current.path(self) in current.frozen

    @property
    def path(self) -> str:
        """Where this layer stands in the model that is running, or its name; for messages."""
        running = forward.running()
        return (running.where.get(self) if running else None) or self.name or type(self).__name__

    def error(self, message: str) -> ValueError:
        """An error that names this layer by its path and type."""
        kind = type(self).__name__
        return ValueError(f"{self.path} ({kind}): {message}" if self.path != kind else f"{kind}: {message}")

    # calling --------------------------------------------------------------------------------------------------------
    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        if symbols_in((inputs, kwargs)):
            return record(self, inputs, kwargs)
        running = forward.running()
        return call_root(self, inputs, kwargs) if running is None else running.call(self, inputs, kwargs)

    # freezing -------------------------------------------------------------------------------------------------------
    @property
    def trainable(self) -> bool:
        """Whether gradients change the weights of this layer and those inside it. Takes effect with `compile`."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        learns = checked_flag("trainable", value)
        for layer in paths(self):
            layer._trainable = learns

    def _hand_down(self) -> None:
        """Let what a new layer was told hold for those inside it; a factor only where they have none of their own."""
        if not self._trainable:
            self.trainable = False
        if (factor := self.learning_rate_factor) is not None:
            for layer in paths(self):
                if layer.learning_rate_factor is None:
                    layer.learning_rate_factor = factor

    @property
    def learning_rate_factor(self) -> float | None:
        """What the learning rate is multiplied by for the weights of this layer and of those inside it; None for 1.

        A number that may be swept or changed while the model trains: 0 holds the weights, and compiles nothing.
        """
        return vars(self)["learning_rate_factor"]

    @learning_rate_factor.setter
    def learning_rate_factor(self, value: float | None) -> None:
        factor = checked_factor(value)
        for layer in paths(self):
            others = [name for name in layer._hyper if name != "learning_rate_factor"]
            layer._hyper = others + ["learning_rate_factor"] * (factor is not None)
            vars(layer)["learning_rate_factor"] = factor

    # values ---------------------------------------------------------------------------------------------------------
    @property
    def built(self) -> bool:
        """Whether the shapes of this layer and of those inside it are known."""
        return self._planned

    def build(self, input_shape: Any = None, seed: int | None = None) -> None:
        """Make the values: find their shapes by tracing, draw them.

        Args:
            input_shape: of a batch, the first size None: (None, 28, 28); not needed where the layer knows it.
            seed: of the first values; by default the next of the process' sequence.
        """
        if seed is not None:
            claim(self, seed, anew=True)
        if not self._planned:
            shape = self._given_shape if input_shape is None else tuple(input_shape)[1:]
            if shape is None:
                raise ValueError(
                    f"{self.name or type(self).__name__} has no weights yet, because it has not seen the shape of its "
                    "input. Call it on data, fit it, give its first layer input_shape=..., or call build((None, ...))"
                )
            self._plan(shape)
        draw_missing(self)

    def _plan(self, shape: tuple[int | None, ...]) -> None:
        """Trace a call on one input of this sample shape."""
        sizes = (forward.LENGTHS[0] if d is None else d for d in shape)
        self._plan_for((jax.ShapeDtypeStruct((forward.BATCH, *sizes), jnp.dtype("float32")),), {})

    def _plan_for(self, inputs: tuple, kwargs: dict[str, Any]) -> None:
        """Trace a call on inputs like these."""
        forward.plan(self, inputs, kwargs)

    def _weights(self, kinds: tuple[str, ...] = ("params", "state")) -> Iterator[tuple[Layer, str, str]]:
        """(layer, kind, name) in Keras' order: a layer's own weights, its state, then its sublayers'."""
        self.build()
        for layer in paths(self):
            for kind in kinds:
                for name in layer._specs[kind]:
                    yield layer, kind, name

    @property
    def weights(self) -> list[Any]:
        """All weights as arrays, in the order of `get_weights`."""
        return [layer._values[kind][name] for layer, kind, name in self._weights()]

    @property
    def trainable_weights(self) -> list[Any]:
        """The weights that gradients change."""
        return [l._values[kind][name] for l, kind, name in self._weights(("params",)) if l._trainable]

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The weights that gradients do not change: frozen ones and state."""
        return [l._values[k][name] for l, k, name in self._weights() if k == "state" or not l._trainable]

    variables = weights
    trainable_variables = trainable_weights

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, in Keras' order and shapes."""
        return [np.array(w) for w in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        """Put back what `get_weights` gave."""
        slots = list(self._weights())
        if not isinstance(weights, (list, tuple)):
            raise TypeError(f"set_weights: expected a list of {len(slots)} arrays. Received: {type(weights).__name__}")
        if len(weights) != len(slots):
            raise ValueError(f"set_weights: this model has {len(slots)} arrays, received {len(weights)}")
        where = paths(self)
        new = []
        for i, ((layer, kind, name), value) in enumerate(zip(slots, weights, strict=True)):
            label = f"set_weights: array {i} ({where[layer]}/{name})".replace("(/", "(")
            new.append(layer._specs[kind][name].holding(value, label))
        for (layer, kind, name), value in zip(slots, new, strict=True):
            layer._values[kind][name] = value

    def count_params(self) -> int:
        """The number of numbers in all weights."""
        return sum(int(np.prod(l._specs[kind][name].shape)) for l, kind, name in self._weights())

    def __setattr__(self, name: str, value: Any) -> None:
        own = vars(self)
        for kind, specs in own.get("_specs", {}).items():
            if name in specs and name not in own and forward.running() is None:
                draw_missing(self)
                self._values[kind][name] = specs[name].holding(value, f"{self.name or type(self).__name__}.{name}")
                return
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for kind, specs in vars(self).get("_specs", {}).items():
            if name in specs:
                draw_missing(self)
                return self._values[kind][name]
        raise absent(self, name)

    # symbols --------------------------------------------------------------------------------------------------------
    @property
    def output(self) -> Any:
        """The symbolic output of this layer where it was called on symbols: `Model(model.inputs, layer.output)`."""
        return self._first_call().outputs

    @property
    def input(self) -> Any:
        """The symbolic input of this layer where it was called on symbols."""
        needs = self._first_call().needs
        return needs[0] if len(needs) == 1 else needs

    def _first_call(self) -> Any:
        if not self._nodes:
            raise ValueError(
                f"{self.name or type(self).__name__} has not been called on symbols yet: "
                "give its model an input shape, or call it on an Input"
            )
        return self._nodes[0]

    def _written(self) -> dict[str, Any]:
        """The attributes that the layer's author wrote, without the engine's."""
        return {name: value for name, value in vars(self).items() if name not in self.bookkeeping}

    def _structure(self) -> dict[str, Any]:
        """What makes this layer equal to another; its name matters only to the model that it stands in."""
        return self._written()

    # configuration --------------------------------------------------------------------------------------------------
    def _children(self) -> Iterator[tuple[str, Layer]]:
        """(name, sublayer): attributes that are layers, and layers in lists, tuples and dicts."""
        for name, value in self._written().items():
            yield from layers_in(name.lstrip("_"), value)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer, as JSON values; its weights apart."""
        config: dict[str, Any] = {"name": self.name} if self.name is not None else {}
        if not self._trainable:
            config["trainable"] = False
        if self.learning_rate_factor is not None:
            config["learning_rate_factor"] = self.learning_rate_factor
        if self.dtype is not None:
            config["dtype"] = str(self.dtype)
        if self._given_shape is not None:
            config["input_shape"] = list(self._given_shape)
        fields = configured_fields(type(self))
        own = {f.name: getattr(self, f.name) for f in fields} if not hand_written(type(self)) else self._arguments
        where = type(self).__name__
        return config | {name: to_json(value, f"{where}.{name}") for name, value in own.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """A layer with these arguments and no values yet."""
        if not isinstance(config, Mapping):
            raise TypeError(f"{cls.__name__}: expected its arguments by name. Received: {config!r:.100}")
        return cls(**{name: from_json(value) for name, value in config.items()})

    def __repr__(self) -> str:
        if not hand_written(type(self)):
            return super().__repr__()
        return f"{type(self).__name__}(name={self.name!r})"


def _sizes(shape: Any) -> tuple[int, ...]:
    return tuple(operator.index(d) for d in shape)
