"""Adam and its relatives: moving means of the gradient and of its square.

All share m <- m + (1 - beta_1)(g - m) and v <- v + (1 - beta_2)(g^2 - v); they differ in what they make of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ..config import NonNegativeFloat, non_negative, positive
from ..ops import updates
from ..ops.host import zeros_like
from .base import Decay, Given, Optimizer
from .clipping import root

Array = jax.Array


def moments(g: Array, s: dict[str, Array], beta_1: Any, beta_2: Any) -> tuple[Array, Array]:
    """The new means of the gradient and of its square, from the slots "momentum" and "velocity"."""
    m, v = s["momentum"], s["velocity"]
    return m + (g - m) * (1 - beta_1), v + (jnp.square(g) - v) * (1 - beta_2)


def corrected(rate: Any, beta_1: Any, beta_2: Any, t: Array) -> Array:
    """A learning rate that makes up for means that began at zero: rate · sqrt(1 - beta_2^t) / (1 - beta_1^t)."""
    return rate * jnp.sqrt(1 - beta_2**t) / (1 - beta_1**t)


class Adam(Optimizer):
    """Adaptive moments: w <- w - rate · m / (sqrt(v) + epsilon), rate = lr · sqrt(1 - beta_2^t) / (1 - beta_1^t).

    With `amsgrad` the largest v so far stands in the place of v.

    Args:
        learning_rate: a number or a schedule.
        beta_1: how much of the mean of the gradients is kept.
        beta_2: how much of the mean of their squares is kept.
        epsilon: keeps the division finite; it is the "epsilon hat" of the paper, outside the correction.
        amsgrad: never let the divisor fall.
        **common: see `Optimizer`.

    Reference: Kingma and Ba, "Adam: a method for stochastic optimization", 2014, arXiv:1412.6980; Reddi, Kale and
    Kumar, "On the convergence of Adam and beyond", 2018 (amsgrad).

    >>> Adam(0.01).hyper()
    {'learning_rate': 0.01, 'beta_1': 0.9, 'beta_2': 0.999, 'epsilon': 1e-07}
    """

    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: NonNegativeFloat = 1e-7
    amsgrad: bool = False

    def slots(self):
        return ("momentum", "velocity") + ("velocity_hat",) * self.amsgrad

    def rule(self, g, p, s, h, t):
        m, v = moments(g, s, h.beta_1, h.beta_2)
        new = {"momentum": m, "velocity": v}
        if self.amsgrad:
            v = new["velocity_hat"] = jnp.maximum(s["velocity_hat"], v)
        return p - m * corrected(h.learning_rate, h.beta_1, h.beta_2, t) / (root(v) + h.epsilon), new

    def rules(self, given, t):
        """All arrays that are float32 together, by one pass over what they have."""
        plain = type(self).rule is Adam.rule and not self.amsgrad
        together = [plain and updates.suits((x.g, x.p, *x.s.values())) for x in given]
        if not any(together):
            return super().rules(given, t)
        many = [x for x, joined in zip(given, together, strict=True) if joined]
        arrays = [(x.g, x.p, x.s["momentum"], x.s["velocity"]) for x in many]
        moved = iter(updates.adam(_numbers(many, t), arrays))
        rest = iter(super().rules([x for x, joined in zip(given, together, strict=True) if not joined], t))

        def named(p: Array, m: Array, v: Array) -> tuple[Array, dict[str, Array]]:
            return p, {"momentum": m, "velocity": v}

        return [named(*next(moved)) if joined else next(rest) for joined in together]


def _numbers(given: Sequence[Given], t: Array) -> Array:
    """What `updates.adam` is told of some arrays, (arrays, 5); most of them have the same numbers, computed once."""
    rows: dict[tuple[int, int], int] = {}
    found, which = [], []
    for _, _, _, h, rate in given:
        key = id(h), id(rate)
        if key not in rows:
            rows[key] = len(found)
            decay = 0.0 if rate is None else rate * h.learning_rate
            numbers = corrected(h.learning_rate, h.beta_1, h.beta_2, t), 1 - h.beta_1, 1 - h.beta_2, h.epsilon, decay
            found.append(jnp.stack([jnp.asarray(number, jnp.float32) for number in numbers]))
        which.append(rows[key])
    return jnp.stack(found)[np.array(which)]


class AdamW(Adam):
    """Adam with decoupled weight decay: w <- w - learning_rate · weight_decay · w, then Adam's step.

    Args:
        learning_rate: a number or a schedule.
        weight_decay: how much of the weights an update takes away, times the learning rate.
        beta_1, beta_2, epsilon, amsgrad: as in `Adam`.
        **common: see `Optimizer`.

    Reference: Loshchilov and Hutter, "Decoupled weight decay regularization", 2017, arXiv:1711.05101.

    >>> AdamW(0.001, 0.01).weight_decay
    0.01
    """

    aliases: ClassVar[tuple[str, ...]] = ("adamw",)

    weight_decay: NonNegativeFloat = 0.004  # pyright: ignore[reportIncompatibleVariableOverride]


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the root mean square: u <- max(beta_2 · u, |g|).

    w <- w - learning_rate / (1 - beta_1^t) · m / (u + epsilon).

    Args:
        learning_rate: a number or a schedule.
        beta_1: how much of the mean of the gradients is kept.
        beta_2: how slowly the largest gradient is forgotten.
        epsilon: keeps the division finite.
        **common: see `Optimizer`.

    Reference: Kingma and Ba, 2014, section 7.1, arXiv:1412.6980.

    >>> Adamax().slots()
    ('momentum', 'norm')
    """

    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: NonNegativeFloat = 1e-7

    def slots(self):
        return ("momentum", "norm")

    def rule(self, g, p, s, h, t):
        m = s["momentum"] + (g - s["momentum"]) * (1 - h.beta_1)
        u = jnp.maximum(h.beta_2 * s["norm"], jnp.abs(g))
        return p - h.learning_rate * m / ((1 - h.beta_1**t) * (u + h.epsilon)), {"momentum": m, "norm": u}


class Nadam(Optimizer):
    """Adam with Nesterov's look ahead, beta_1 rising with the update: u_t = beta_1 · (1 - 0.96^t / 2).

    With U_t = u_1 · ... · u_t: m^ = u_{t+1} m / (1 - U_{t+1}) + (1 - u_t) g / (1 - U_t), v^ = v / (1 - beta_2^t),
    w <- w - learning_rate · m^ / (sqrt(v^) + epsilon).

    Args:
        learning_rate: a number or a schedule.
        beta_1, beta_2: how much of the means of the gradients and of their squares is kept.
        epsilon: keeps the division finite.
        **common: see `Optimizer`.

    Reference: Dozat, "Incorporating Nesterov momentum into Adam", 2016.

    >>> Nadam().slots()
    ('momentum', 'velocity')
    """

    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: NonNegativeFloat = 1e-7

    def slots(self):
        return ("momentum", "velocity")

    def rule(self, g, p, s, h, t):
        m, v = moments(g, s, h.beta_1, h.beta_2)
        u, u_next = (h.beta_1 * (1 - 0.5 * 0.96**n) for n in (t, t + 1))
        product, product_next = (h.beta_1**n * _rising(n) for n in (t, t + 1))
        ahead = u_next * m / (1 - product_next) + (1 - u) * g / (1 - product)
        step = ahead / (root(v / (1 - h.beta_2**t)) + h.epsilon)
        return p - h.learning_rate * step, {"momentum": m, "velocity": v}


# Products of (1 - 0.96^i / 2) for i = 1 .. n: a table in place of a state, as they stop changing long before its end.
_RISING = np.cumprod(1 - 0.5 * 0.96 ** np.arange(1, 1025))


def _rising(n: Array) -> Array:
    return jnp.asarray(_RISING, n.dtype)[jnp.minimum(n, len(_RISING)).astype(int) - 1]


class Lamb(Optimizer):
    """Adam's direction with a step as long as the weights are: w <- w - learning_rate · (‖w‖ / ‖u‖) · u.

    u = (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon); the ratio is 1 where a norm is 0. Made for very
    large batches.

    Args:
        learning_rate: a number or a schedule.
        beta_1, beta_2: how much of the means of the gradients and of their squares is kept.
        epsilon: keeps the division finite.
        **common: see `Optimizer`.

    Reference: You et al., "Large batch optimization for deep learning", 2019, arXiv:1904.00962.

    >>> Lamb(weight_decay=0.01).hyper()["weight_decay"]
    0.01
    """

    beta_1: Decay = 0.9
    beta_2: Decay = 0.999
    epsilon: NonNegativeFloat = 1e-7

    def slots(self):
        return ("momentum", "velocity")

    def rule(self, g, p, s, h, t):
        m, v = moments(g, s, h.beta_1, h.beta_2)
        u = m / (1 - h.beta_1**t) / (root(v / (1 - h.beta_2**t)) + h.epsilon)
        w_norm, u_norm = (root(jnp.sum(jnp.square(x))) for x in (p, u))
        usable = (w_norm > 0) & (u_norm > 0)
        ratio = jnp.where(usable, w_norm / jnp.where(usable, u_norm, 1), 1)
        return p - ratio * h.learning_rate * u, {"momentum": m, "velocity": v}


class ScheduleFreeAdamW(Optimizer):
    """AdamW that needs no schedule: it trains at a point between the fast weights z and their running mean x.

    v as in Adam; z <- z - learning_rate · g / (sqrt(v / (1 - beta_2^t)) + epsilon); x <- (1 - 1/t) x + z / t; the
    weights are y = beta_1 x + (1 - beta_1) z. The learning rate rises linearly over `warmup_steps`.

    Args:
        learning_rate: a number or a schedule.
        beta_1: how near to the mean the gradients are taken, above 0.
        beta_2: how much of the mean of the squares is kept.
        epsilon: keeps the division finite.
        warmup_steps: updates until the full learning rate.
        **common: see `Optimizer`.

    Reference: Defazio et al., "The road less scheduled", 2024, arXiv:2405.15682.

    >>> ScheduleFreeAdamW().slots()
    ('momentum', 'velocity')
    """

    learning_rate: Any = 0.0025
    beta_1: Annotated[Decay, positive] = 0.9
    beta_2: Decay = 0.999
    epsilon: NonNegativeFloat = 1e-8
    warmup_steps: Annotated[int, non_negative] = 0

    def slots(self):
        return ("momentum", "velocity")

    def initial(self, slot, p, where):
        return jnp.copy(p) if slot == "momentum" else zeros_like(p)  # z begins at the weights

    def rule(self, g, p, s, h, t):
        z, v = s["momentum"], s["velocity"]
        rate = h.learning_rate * jnp.minimum(t / self.warmup_steps, 1) if self.warmup_steps else h.learning_rate
        v = v + (jnp.square(g) - v) * (1 - h.beta_2)
        x = (p - (1 - h.beta_1) * z) / h.beta_1
        z = z - rate * g / (root(v / (1 - h.beta_2**t)) + h.epsilon)
        x = (1 - 1 / t) * x + z / t
        return (1 - h.beta_1) * z + h.beta_1 * x, {"momentum": z, "velocity": v}
