"""Plain descent and momentum: SGD, the averaged momentum of the textbooks, and Lion, which keeps only the sign."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from ..config import Fraction, positive
from .base import Decay, Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum where wanted.

    Without momentum w <- w - learning_rate · g. With momentum v <- momentum · v - learning_rate · g and w <- w + v;
    with `nesterov` w <- w + momentum · v - learning_rate · g, the step from where the momentum is about to lead.

    Args:
        learning_rate: a number or a schedule.
        momentum: how much of the last move is kept, from 0 to 1. 0 keeps no slot at all.
        nesterov: look ahead.
        **common: see `Optimizer`.

    Reference: Polyak 1964; Sutskever et al., "On the importance of initialization and momentum in deep learning",
    2013.

    >>> SGD(0.1, momentum=0.9).hyper()
    {'learning_rate': 0.1, 'momentum': 0.9}
    """

    optional: ClassVar[tuple[str, ...]] = ("momentum",)

    learning_rate: Any = 0.01
    momentum: Fraction = 0.0
    nesterov: bool = False

    def slots(self):
        return ("momentum",) if self.momentum else ()

    def rule(self, g, p, s, h, t):
        move = -h.learning_rate * g
        if not self.momentum:
            return p + move, {}
        v = h.momentum * s["momentum"] + move
        return p + (h.momentum * v + move if self.nesterov else v), {"momentum": v}


class AveragedMomentum(Optimizer):
    """Momentum as a moving average of the gradients: v <- beta · v + (1 - beta) · g, w <- w - learning_rate · v.

    The same path as `SGD(learning_rate · (1 - beta), momentum=beta)`: here `beta` can be changed without the step
    size changing with it.

    Args:
        learning_rate: a number or a schedule.
        beta: how much of the average is kept, from 0 to below 1.
        **common: see `Optimizer`.

    >>> AveragedMomentum(0.1, beta=0.8).hyper()
    {'learning_rate': 0.1, 'beta': 0.8}
    """

    learning_rate: Any = 0.01
    beta: Decay = 0.9

    def slots(self):
        return ("momentum",)

    def rule(self, g, p, s, h, t):
        v = h.beta * s["momentum"] + (1 - h.beta) * g
        return p - h.learning_rate * v, {"momentum": v}


class Lion(Optimizer):
    """Steps of one size in the direction of the sign of a mean: w <- w - lr · sign(beta_1 · m + (1 - beta_1) · g).

    Afterwards m <- beta_2 · m + (1 - beta_2) · g. It wants a learning rate 3 to 10 times below Adam's
    and a weight decay as many times above.

    Args:
        learning_rate: a number or a schedule.
        beta_1: the weight of the mean against the newest gradient, above 0 (at 0 only the gradient's sign counts).
        beta_2: how much of the mean is kept.
        **common: see `Optimizer`.

    Reference: Chen et al., "Symbolic discovery of optimization algorithms", 2023, arXiv:2302.06675.

    >>> Lion(1e-4).hyper()
    {'learning_rate': 0.0001, 'beta_1': 0.9, 'beta_2': 0.99}
    """

    beta_1: Annotated[Fraction, positive] = 0.9
    beta_2: Fraction = 0.99

    def slots(self):
        return ("momentum",)

    def rule(self, g, p, s, h, t):
        m = s["momentum"]
        direction = jnp.sign(h.beta_1 * m + (1 - h.beta_1) * g)
        return p - h.learning_rate * direction, {"momentum": h.beta_2 * m + (1 - h.beta_2) * g}
