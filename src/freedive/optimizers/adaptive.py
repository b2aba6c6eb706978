"""A step size for every weight from its squared gradients: Adagrad, RMSprop, Adadelta, Ftrl, Adafactor."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from ..config import Fraction, NonNegativeFloat, PositiveFloat
from ..ops.host import zeros_like
from .base import Optimizer
from .clipping import root


def not_positive(value: float) -> float:
    """Zero or less."""
    if not value <= 0:
        raise ValueError(f"expected 0 or less. Received: {value!r}")
    return value


class Adagrad(Optimizer):
    """Steps that shrink with the squared gradients so far: a <- a + g^2, w <- w - lr · g / sqrt(a + epsilon).

    Args:
        learning_rate: a number or a schedule; larger ones than for other optimizers suit it.
        initial_accumulator_value: where the sums of squares begin.
        epsilon: keeps the division finite.
        **common: see `Optimizer`.

    Reference: Duchi, Hazan and Singer, "Adaptive subgradient methods", JMLR 12, 2011.

    >>> Adagrad(0.5).hyper()
    {'learning_rate': 0.5, 'epsilon': 1e-07}
    """

    fixed: ClassVar[tuple[str, ...]] = ("initial_accumulator_value",)

    initial_accumulator_value: NonNegativeFloat = 0.1
    epsilon: NonNegativeFloat = 1e-7

    def slots(self):
        return ("accumulator",)

    def initial(self, slot, p, where):
        return jnp.full_like(p, self.initial_accumulator_value)

    def rule(self, g, p, s, h, t):
        a = s["accumulator"] + jnp.square(g)
        return p - h.learning_rate * g / root(a + h.epsilon), {"accumulator": a}


class RMSprop(Optimizer):
    """Steps over a moving root mean square: v <- rho · v + (1 - rho) · g^2, w <- w - lr · g / sqrt(v + epsilon).

    `centered` takes the variance v - mean(g)^2 in place of v; `momentum` adds the steps up, m <- momentum · m + step.

    Args:
        learning_rate: a number or a schedule.
        rho: how much of the averages is kept.
        momentum: how much of the last step is kept. 0 keeps no slot at all.
        epsilon: keeps the division finite; it stands under the root.
        centered: divide by the standard deviation.
        **common: see `Optimizer`.

    Reference: Hinton, "Neural networks for machine learning", lecture 6, 2012.

    >>> RMSprop(centered=True).slots()
    ('velocity', 'average_gradient')
    """

    aliases: ClassVar[tuple[str, ...]] = ("rmsprop",)
    optional: ClassVar[tuple[str, ...]] = ("momentum",)

    rho: Fraction = 0.9
    momentum: Fraction = 0.0
    epsilon: NonNegativeFloat = 1e-7
    centered: bool = False

    def slots(self):
        return ("velocity",) + ("momentum",) * bool(self.momentum) + ("average_gradient",) * self.centered

    def rule(self, g, p, s, h, t):
        v = h.rho * s["velocity"] + (1 - h.rho) * jnp.square(g)
        new, spread = {"velocity": v}, v
        if self.centered:
            mean = new["average_gradient"] = h.rho * s["average_gradient"] + (1 - h.rho) * g
            spread = v - jnp.square(mean)
        step = h.learning_rate * g / root(spread + h.epsilon)
        if self.momentum:
            step = new["momentum"] = h.momentum * s["momentum"] + step
        return p - step, new


class Adadelta(Optimizer):
    """Steps in the units of the weights: the root mean square of past steps over that of past gradients.

    a <- rho · a + (1 - rho) · g^2, step = g · sqrt(d + epsilon) / sqrt(a + epsilon), d <- rho · d + (1 - rho) · step^2,
    w <- w - learning_rate · step. The paper's form has learning_rate = 1.

    Args:
        learning_rate: a number or a schedule.
        rho: how much of the averages is kept.
        epsilon: keeps the division finite and starts the first steps.
        **common: see `Optimizer`.

    Reference: Zeiler, "ADADELTA: an adaptive learning rate method", 2012, arXiv:1212.5701.

    >>> Adadelta(1.0).slots()
    ('accumulated_grad', 'accumulated_delta_var')
    """

    rho: Fraction = 0.95
    epsilon: NonNegativeFloat = 1e-7

    def slots(self):
        return ("accumulated_grad", "accumulated_delta_var")

    def rule(self, g, p, s, h, t):
        a = h.rho * s["accumulated_grad"] + (1 - h.rho) * jnp.square(g)
        d = s["accumulated_delta_var"]
        step = root(d + h.epsilon) * g / root(a + h.epsilon)
        d = h.rho * d + (1 - h.rho) * jnp.square(step)
        return p - h.learning_rate * step, {"accumulated_grad": a, "accumulated_delta_var": d}


class Ftrl(Optimizer):
    """Follow the regularised leader: per-weight steps with L1 that makes weights exactly zero.

    With r = -learning_rate_power, l2 = l2_regularization_strength + beta / (2 · learning_rate), a the sum of squared
    gradients (a' the new one) and g' = g + 2 · l2_shrinkage · w:
    z <- z + g' - (a'^r - a^r) / learning_rate · w; w <- (clip(z, -l1, l1) - z) / (a'^r / learning_rate + 2 · l2).

    Args:
        learning_rate: a number or a schedule, above 0.
        learning_rate_power: 0 or less; 0 keeps the step size.
        initial_accumulator_value: where the sums of squares begin.
        l1_regularization_strength, l2_regularization_strength: strengths of the penalties.
        l2_shrinkage_regularization_strength: a penalty on the size of the weights in the gradient alone.
        beta: the paper's beta.
        **common: see `Optimizer`.

    Reference: McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013.

    >>> Ftrl(0.1, l1_regularization_strength=0.01).slots()
    ('accumulator', 'linear')
    """

    fixed: ClassVar[tuple[str, ...]] = ("initial_accumulator_value",)

    learning_rate_power: Annotated[float, not_positive] = -0.5
    initial_accumulator_value: NonNegativeFloat = 0.1
    l1_regularization_strength: NonNegativeFloat = 0.0
    l2_regularization_strength: NonNegativeFloat = 0.0
    l2_shrinkage_regularization_strength: NonNegativeFloat = 0.0
    beta: NonNegativeFloat = 0.0

    def slots(self):
        return ("accumulator", "linear")

    def initial(self, slot, p, where):
        return jnp.full_like(p, self.initial_accumulator_value if slot == "accumulator" else 0)

    def rule(self, g, p, s, h, t):
        a, r, l1 = s["accumulator"], -h.learning_rate_power, h.l1_regularization_strength
        l2 = h.l2_regularization_strength + h.beta / (2 * h.learning_rate)
        new_a = a + jnp.square(g)
        pull = (new_a**r - a**r) / h.learning_rate * p
        z = s["linear"] + g + 2 * h.l2_shrinkage_regularization_strength * p - pull
        new_p = (jnp.clip(z, -l1, l1) - z) / (new_a**r / h.learning_rate + 2 * l2)
        return new_p, {"accumulator": new_a, "linear": z}


class Adafactor(Optimizer):
    """Adaptive steps whose squared gradients are kept as row and column means: memory of n + m for n times m weights.

    With b = 1 - t^beta_2_decay: r <- b · r + (1 - b) · rowmean(g^2 + epsilon_1), c the same over columns,
    v = r c / mean(r); u = g / sqrt(v), u <- u / max(1, rms(u) / clip_threshold);
    w <- w - max(epsilon_2, rms(w)) · min(learning_rate, 1 / sqrt(t)) · u. Vectors keep v itself.

    Args:
        learning_rate: a number or a schedule.
        beta_2_decay: how fast the averages grow longer, below 0.
        epsilon_1: keeps the division finite.
        epsilon_2: the least size of a weight array that steps are measured by.
        clip_threshold: the largest root mean square of an update.
        relative_step: steps of at most 1 / sqrt(t); False takes the learning rate as it is.
        **common: see `Optimizer`.

    Reference: Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018,
    arXiv:1804.04235.

    >>> state = Adafactor().init({"dense": {"kernel": jnp.zeros((3, 5)), "bias": jnp.zeros(5)}})
    >>> {slot: {name: a.shape for name, a in tree["dense"].items()} for slot, tree in state.items()}
    {'row': {'kernel': (3,)}, 'column': {'kernel': (5,)}, 'velocity': {'bias': (5,)}}
    """

    beta_2_decay: Annotated[float, not_positive] = -0.8
    epsilon_1: NonNegativeFloat = 1e-30
    epsilon_2: NonNegativeFloat = 1e-3
    clip_threshold: PositiveFloat = 1.0
    relative_step: bool = True

    def slots(self):
        return ("row", "column", "velocity")

    def initial(self, slot, p, where):
        if slot == "velocity":
            return zeros_like(p) if p.ndim < 2 else None
        return jnp.zeros_like(p.mean(axis=-1 if slot == "row" else -2)) if p.ndim >= 2 else None

    def rule(self, g, p, s, h, t):
        kept = 1 - t**h.beta_2_decay
        squared = jnp.square(g) + h.epsilon_1
        if p.ndim < 2:
            v = kept * s["velocity"] + (1 - kept) * squared
            new = {"velocity": v}
        else:
            r = kept * s["row"] + (1 - kept) * squared.mean(axis=-1)
            c = kept * s["column"] + (1 - kept) * squared.mean(axis=-2)
            v = (r / r.mean(axis=-1, keepdims=True))[..., None] * c[..., None, :]
            new = {"row": r, "column": c}
        u = g / jnp.sqrt(v)
        u = u / jnp.maximum(1.0, _rms(u) / h.clip_threshold)
        rate = jnp.minimum(h.learning_rate, 1 / jnp.sqrt(t)) if self.relative_step else h.learning_rate
        return p - jnp.maximum(h.epsilon_2, _rms(p)) * rate * u, new


def _rms(x: Any) -> Any:
    return root(jnp.mean(jnp.square(x)))
