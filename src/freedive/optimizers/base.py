"""What an optimizer is: a rule for one array, and a pure `init` and `update` around it for all of them.

The parameters, the gradients and every slot (momentum, velocity, ...) are two-level trees {path: {name: array}}. A
concrete optimizer writes its fields, the names of its slots and its `rule`; undoing the loss scale, accumulation,
clipping, decoupled weight decay and the moving average of the weights stand here, once, in Keras' order. Numbers that
may be swept by `vmap` or changed between steps come in as `hyper`, so that a change compiles nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from ..config import (
    Configured,
    Family,
    Fraction,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    configured_fields,
    real,
    snake,
)
from ..core.habits import OF_OPTIMIZERS, absent
from ..ops.host import copy, zeros_like
from . import clipping

Array = jax.Array
Tree = dict[str, dict[str, Any]]  # {path: {name: array}}
State = dict[str, Tree]  # {slot: tree}

CLIPS: dict[str, Callable[[Any, Any], Any]] = {
    "clipnorm": clipping.by_norm,
    "clipvalue": clipping.by_value,
    "global_clipnorm": clipping.by_global_norm,
}


class Given(NamedTuple):
    """What an update of one array begins with: gradient, value, slots, numbers, and the weight decay or None."""

    g: Any
    p: Any
    s: dict[str, Any]
    h: Any
    decay: Any


def below_one(value: float) -> float:
    """A number from 0 up to, but not, 1: how much of an average is kept."""
    if not 0 <= value < 1:
        raise ValueError(f"expected a number from 0 to below 1. Received: {value!r}")
    return value


Decay = Annotated[float, below_one]
FAMILY = Family("optimizer")


class Optimizer(Configured):
    """Base of all optimizers.

    A subclass lists its fields, names its slots and writes one `rule`:

        class Heavy(Optimizer):
            momentum: float = 0.9

            def slots(self):
                return ("momentum",)

            def rule(self, g, p, s, h, t):
                v = h.momentum * s["momentum"] + g
                return p - h.learning_rate * v, {"momentum": v}

    Args:
        learning_rate: a number, or a function of the number of steps done (a `LearningRateSchedule`); where gradients
            are accumulated, every step counts, as in Keras.
        weight_decay: w <- w - learning_rate · weight_decay · w before each update (decoupled from the gradient).
        clipnorm, clipvalue, global_clipnorm: bounds for the gradients, see `clipping`. At most one of them.
        use_ema: keep a moving average of the weights, from those after the first update on:
            a <- ema_momentum · a + (1 - ema_momentum) · w.
        ema_momentum: how much of the average is kept in an update.
        ema_overwrite_frequency: every so many updates the weights become their average. None: only at the end
            of training, by `finalize`.
        loss_scale_factor: the loss is multiplied by it (`scale_loss`) and the gradients divided.
        gradient_accumulation_steps: the mean of the gradients of so many steps makes one update.
        name: what it is called; by default the class name in snake case.
        no_weight_decay: patterns of "path/name" that `weight_decay` leaves alone, see `exclude_from_weight_decay`.

    Example: one step down the parabola w^2 from w = 1.

    >>> import freedive
    >>> sgd = freedive.optimizers.SGD(learning_rate=0.1)
    >>> params = {"dense": {"kernel": jnp.array([1.0])}}
    >>> grads = {"dense": {"kernel": jnp.array([2.0])}}
    >>> params, state = sgd.update(grads, sgd.init(params), params, sgd.hyper(), step=0)
    >>> print(params["dense"]["kernel"])
    [0.8]
    """

    family: ClassVar[Family | None] = FAMILY
    optional: ClassVar[tuple[str, ...]] = ()  # numbers whose 0 leaves a part of the rule out
    fixed: ClassVar[tuple[str, ...]] = ()  # numbers that `update` does not read
    course: ClassVar[Any] = None  # a schedule from 0 to 1, by which a rate goes that stays a number to be swept

    learning_rate: Any = 0.001
    weight_decay: NonNegativeFloat | None = field(default=None, kw_only=True)
    clipnorm: PositiveFloat | None = field(default=None, kw_only=True)
    clipvalue: PositiveFloat | None = field(default=None, kw_only=True)
    global_clipnorm: PositiveFloat | None = field(default=None, kw_only=True)
    use_ema: bool = field(default=False, kw_only=True)
    ema_momentum: Fraction = field(default=0.99, kw_only=True)
    ema_overwrite_frequency: PositiveInt | None = field(default=None, kw_only=True)
    loss_scale_factor: PositiveFloat | None = field(default=None, kw_only=True)
    gradient_accumulation_steps: PositiveInt | None = field(default=None, kw_only=True)
    name: str | None = field(default=None, kw_only=True, repr=False)
    no_weight_decay: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        self.name = self.name or snake(type(self).__name__)
        self.no_weight_decay = tuple(self.no_weight_decay)
        chosen = {name: getattr(self, name) for name in CLIPS if getattr(self, name) is not None}
        if len(chosen) > 1:
            shown = ", ".join(f"{name}={limit}" for name, limit in chosen.items())
            raise ValueError(f"{type(self).__name__}: gradients are clipped in one way only. Received: {shown}")

    def __getattr__(self, name: str) -> Any:
        raise absent(self, name, OF_OPTIMIZERS)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "learning_rate":  # it may be set later too, by people and callbacks
            value = _checked_rate(value, type(self).__name__)
        object.__setattr__(self, name, value)

    # what a subclass writes ---------------------------------------------------------------------------------------
    def slots(self) -> tuple[str, ...]:
        """The names of the arrays that are kept for each parameter."""
        return ()

    def initial(self, slot: str, p: Array, where: str) -> Array | None:
        """The first value of a slot of the parameter at `where` ("path/name"); None where it has no such slot."""
        return zeros_like(p)

    def rule(self, g: Array, p: Array, s: dict[str, Array], h: Any, t: Array) -> tuple[Array, dict[str, Array]]:
        """The update of one array.

        Args:
            g: its gradient.
            p: its value.
            s: its slots by name.
            h: the numbers of `hyper`, as attributes; `h.learning_rate` is always there.
            t: the number of this update, from 1, as a float scalar.

        Returns:
            The new value and the new slots.
        """
        raise NotImplementedError(f"{type(self).__name__} must write rule(self, g, p, s, h, t)")

    def decay(self, s: dict[str, Array], h: Any) -> Any:
        """The weight decay of an array with these slots; None for none."""
        return getattr(h, "weight_decay", None)

    # the pure interface -------------------------------------------------------------------------------------------
    def hyper(self) -> dict[str, float]:
        """The numbers in use that may be swept or changed without compiling again.

        >>> import freedive
        >>> freedive.optimizers.SGD(0.1, clipnorm=1.0).hyper()
        {'learning_rate': 0.1, 'clipnorm': 1.0}
        """
        unused = {"loss_scale_factor", *self.fixed, *(() if self.use_ema else ("ema_momentum",))}
        numbers = {f.name: getattr(self, f.name) for f in configured_fields(type(self)) if f.name not in unused}
        return {
            name: value
            for name, value in numbers.items()
            if isinstance(value, float) and not (value == 0 and name in self.optional)
        }

    def init(self, params: Tree) -> State:
        """The first state for these parameters: {slot: {path: {name: array}}}."""
        state = self.initial_slots(params)
        if self.use_ema:
            state["average"] = jax.tree.map(copy, params)  # what `finalize` gives before any update
        if self._accumulated > 1:
            state["gradient_accumulator"] = jax.tree.map(zeros_like, params)
        return state

    def update(
        self,
        grads: Tree,
        state: State,
        params: Tree,
        hyper: Mapping[str, Any] | None = None,
        step: int | Array = 0,
        factors: Mapping[str, Any] | None = None,
    ) -> tuple[Tree, State]:
        """One step: pure, may be compiled, and mapped over any of its arguments.

        Args:
            grads: the gradients, of the structure of `params`; of the scaled loss where there is a loss scale.
            state: what `init` or the last `update` returned.
            params: the parameters.
            hyper: the numbers of `hyper()`, perhaps changed. None: those.
            step: how many steps were done before.
            factors: what the learning rate is multiplied by, by path, where that is not 1.

        Returns:
            The new parameters and the new state, in the dtypes of the old ones.

        Raises:
            ValueError: where `grads` and `params` differ in structure, or `hyper` is not the set of numbers in use.
        """
        self._check_structure(grads, params)
        h = self._numbers(hyper, step)
        h.factors = factors or {}
        if self.loss_scale_factor is not None:
            grads = jax.tree.map(lambda g: g / self.loss_scale_factor, grads)
        if self._accumulated == 1:
            return self._apply(grads, state, params, h, step)
        total = jax.tree.map(lambda a, g: (a + g).astype(a.dtype), state["gradient_accumulator"], grads)

        def act():
            mean = jax.tree.map(lambda a: a / self._accumulated, total)
            new_params, new_state = self._apply(mean, state, params, h, step // self._accumulated)
            return new_params, {**new_state, "gradient_accumulator": jax.tree.map(jnp.zeros_like, total)}

        def wait():
            return jax.tree.map(jnp.asarray, params), {**state, "gradient_accumulator": total}

        return jax.lax.cond((step + 1) % self._accumulated == 0, act, wait)

    def learning_rate_at(self, step: int | Array, hyper: Mapping[str, Any] | None = None) -> Any:
        """The learning rate that the update after `step` steps uses."""
        if callable(self.learning_rate):
            return self.learning_rate(step)
        rate = (self.hyper() if hyper is None else hyper)["learning_rate"]
        return rate if self.course is None else rate * self.course(step)

    def scale_loss(self, loss: Any, state: State | None = None) -> Any:
        """The loss to differentiate: times `loss_scale_factor` where there is one, or the scale that `state` holds."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def finalize(self, params: Tree, state: State) -> Tree:
        """The parameters to keep after training: their moving average with `use_ema`, else themselves."""
        return state["average"] if self.use_ema else params

    def exclude_from_weight_decay(
        self, var_list: Iterable[str] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave parameters out of `weight_decay`. A model that was compiled before must be compiled again.

        Args:
            var_list: whole paths, such as "dense/bias".
            var_names: regular expressions looked for in "path/name", such as "bias" or "norm.*/".

        >>> import freedive
        >>> adamw = freedive.optimizers.AdamW()
        >>> adamw.exclude_from_weight_decay(var_names=["bias"])
        >>> adamw.no_weight_decay
        ('bias',)
        """
        exact = tuple(f"^{re.escape(str(path))}$" for path in var_list or ())
        self.no_weight_decay = (*self.no_weight_decay, *exact, *(var_names or ()))

    # the parts of an update ---------------------------------------------------------------------------------------
    def initial_slots(self, params: Tree) -> State:
        """The first values of the slots of all parameters."""
        state: State = {slot: {path: {} for path in params} for slot in self.slots()}
        for path, name, p in leaves(params):
            for slot in state:
                value = self.initial(slot, jnp.asarray(p), f"{path}/{name}")
                if value is not None:
                    state[slot][path][name] = value
        return state

    def apply_rule(self, grads: Tree, state: State, params: Tree, h: Any, t: Array) -> tuple[Tree, State]:
        """Weight decay and `rule` on every parameter; the new parameters and the new slots."""
        new_params: Tree = {path: {} for path in params}
        new_state: State = {slot: {path: {} for path in params} for slot in self.slots()}
        own: dict[str, Any] = {path: _slowed(h, factor) for path, factor in h.factors.items()}
        given: list[Given] = []
        for path, name, p in leaves(params):
            s, at = {slot: state[slot][path][name] for slot in new_state if name in state[slot][path]}, own.get(path, h)
            rate = self.decay(s, at) if self._decays(f"{path}/{name}") else None
            given.append(Given(grads[path][name], p, s, at, rate))
        for (path, name, p), its, (new_p, new_s) in zip(leaves(params), given, self.rules(given, t), strict=True):
            new_params[path][name] = new_p.astype(p.dtype)
            for slot, old in its.s.items():
                new_state[slot][path][name] = new_s[slot].astype(old.dtype)
        return new_params, new_state

    def rules(self, given: Sequence[Given], t: Array) -> list[tuple[Array, dict[str, Array]]]:
        """Weight decay and `rule` on each of some arrays; a subclass may do some of them in one call."""
        return [
            self.rule(g, p if rate is None else p - p * rate * h.learning_rate, s, h, t) for g, p, s, h, rate in given
        ]

    def _apply(self, grads: Tree, state: State, params: Tree, h: Any, done: int | Array) -> tuple[Tree, State]:
        for name, clip in CLIPS.items():
            if hasattr(h, name):
                grads = clip(grads, getattr(h, name))
        t = jnp.asarray(done + 1, jnp.result_type(float))
        params, slots = self.apply_rule(grads, state, params, h, t)
        state = {**state, **slots}
        if self.use_ema:
            kept = jnp.where(t == 1, 0.0, h.ema_momentum)  # the first average is the first weights
            average = jax.tree.map(lambda a, p: (kept * a + (1 - kept) * p).astype(a.dtype), state["average"], params)
            state["average"] = average
            if self.ema_overwrite_frequency is not None:
                now = (done + 1) % self.ema_overwrite_frequency == 0
                params = jax.tree.map(lambda a, p: jnp.where(now, a, p), average, params)
        return params, state

    @property
    def _accumulated(self) -> int:
        return self.gradient_accumulation_steps or 1

    def _decays(self, where: str) -> bool:
        return not any(re.search(pattern, where) for pattern in self.no_weight_decay)

    def _numbers(self, hyper: Mapping[str, Any] | None, step: int | Array) -> SimpleNamespace:
        expected = self.hyper()
        given = expected if hyper is None else dict(hyper)
        if given.keys() != expected.keys():
            raise ValueError(
                f"{type(self).__name__}.update(hyper=...): expected {', '.join(expected) or 'nothing'}. "
                f"Received: {', '.join(given) or 'nothing'}. A number is swept or changed only where the optimizer "
                "was made with it (not None; for momentum, not 0)."
            )
        return SimpleNamespace(**{**given, "learning_rate": self.learning_rate_at(step, given)})

    def _check_structure(self, grads: Tree, params: Tree) -> None:
        wanted, came = ({f"{path}/{name}" for path, name, _ in leaves(tree)} for tree in (params, grads))
        if wanted != came:
            missing, extra = sorted(wanted - came), sorted(came - wanted)
            raise ValueError(
                f"{type(self).__name__}.update: the gradients do not belong to these parameters. "
                f"Without gradient: {missing}; gradient without parameter: {extra}"
            )


def leaves(tree: Tree) -> Iterator[tuple[str, str, Any]]:
    """(path, name, array) for every array of a two-level tree."""
    for path, names in tree.items():
        if not isinstance(names, Mapping):
            raise TypeError(
                f"expected a tree {{path: {{name: array}}}}. Received under {path!r}: {type(names).__name__}"
            )
        for name, leaf in names.items():
            yield path, name, leaf


def _slowed(h: SimpleNamespace, factor: Any) -> SimpleNamespace:
    """The numbers with the learning rate times a factor."""
    return SimpleNamespace(**{**vars(h), "learning_rate": h.learning_rate * factor})


def _checked_rate(value: Any, owner: str) -> Any:
    """A learning rate: a function of the step, or a number that is not negative, infinite or NaN."""
    if callable(value):
        return value
    try:
        rate = real(value.item() if getattr(value, "ndim", None) == 0 else value)
    except (TypeError, ValueError):
        rate = math.nan
    if 0 <= rate < math.inf:
        return rate
    raise ValueError(
        f"{owner}(learning_rate={value!r}): expected a finite number of 0 or more, or a function of the step "
        "such as freedive.optimizers.schedules.CosineDecay(0.1, decay_steps=1000)"
    )
