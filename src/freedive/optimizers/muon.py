"""Muon: momentum whose matrices are made orthogonal before the step."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any

import jax.numpy as jnp

from ..config import Fraction, NonNegativeFloat, PositiveInt
from ..ops.host import zeros_like
from .adam import corrected, moments
from .base import Decay, Optimizer
from .clipping import root


class Muon(Optimizer):
    """Momentum, orthogonalised, for matrices; AdamW for all else (vectors, embeddings, excluded layers).

    m <- momentum · m + g; u = orthogonal(g + momentum · m), or of m without `nesterov`;
    w <- w - learning_rate · rms_rate · sqrt(max(rows, columns)) · u. The orthogonal factor comes from `ns_steps`
    Newton-Schulz iterations x <- a x + (b x x' + c (x x')^2) x.

    Args:
        learning_rate: a number or a schedule.
        adam_beta_1, adam_beta_2, adam_weight_decay, epsilon: AdamW's part.
        weight_decay: for the matrices.
        **common: see `Optimizer`.
        exclude_layers: regular expressions; matrices whose "path/name" has one take AdamW.
        exclude_embeddings: matrices with "embedding" in "path/name" take AdamW.
        muon_a, muon_b, muon_c: coefficients of the iteration.
        adam_lr_ratio: AdamW's learning rate over Muon's.
        momentum: how much of the momentum is kept.
        ns_steps: iterations.
        nesterov: look ahead.
        rms_rate: scales updates to the size of AdamW's; None leaves them as they are.

    Reference: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; Liu et al., "Muon is
    scalable for LLM training", 2025, arXiv:2502.16982 (rms_rate).

    >>> state = Muon().init({"dense": {"kernel": jnp.zeros((3, 5)), "bias": jnp.zeros(5)}})
    >>> {slot: sorted(tree["dense"]) for slot, tree in state.items()}
    {'momentum': ['bias', 'kernel'], 'velocity': ['bias']}
    """

    adam_beta_1: Decay = 0.9
    adam_beta_2: Decay = 0.999
    adam_weight_decay: NonNegativeFloat | None = 0.004
    epsilon: NonNegativeFloat = 1e-7
    weight_decay: NonNegativeFloat | None = field(default=0.004, kw_only=True)
    exclude_layers: tuple[str, ...] = field(default=(), kw_only=True)
    exclude_embeddings: bool = field(default=True, kw_only=True)
    muon_a: float = field(default=3.4445, kw_only=True)
    muon_b: float = field(default=-4.7750, kw_only=True)
    muon_c: float = field(default=2.0315, kw_only=True)
    adam_lr_ratio: NonNegativeFloat = field(default=1.0, kw_only=True)
    momentum: Fraction = field(default=0.95, kw_only=True)
    ns_steps: PositiveInt = field(default=5, kw_only=True)
    nesterov: bool = field(default=True, kw_only=True)
    rms_rate: NonNegativeFloat | None = field(default=0.2, kw_only=True)

    def slots(self):
        return ("momentum", "velocity")

    def initial(self, slot, p, where):
        patterns = [*(self.exclude_layers or ()), *(["(?i)embedding"] if self.exclude_embeddings else [])]
        adam = p.ndim != 2 or any(re.search(pattern, where) for pattern in patterns)
        return zeros_like(p) if adam or slot == "momentum" else None  # a velocity marks AdamW's arrays

    def decay(self, s, h):
        return getattr(h, "adam_weight_decay" if "velocity" in s else "weight_decay", None)

    def rule(self, g, p, s, h, t):
        if "velocity" in s:
            m, v = moments(g, s, h.adam_beta_1, h.adam_beta_2)
            rate = corrected(h.learning_rate * h.adam_lr_ratio, h.adam_beta_1, h.adam_beta_2, t)
            return p - rate * m / (root(v) + h.epsilon), {"momentum": m, "velocity": v}
        m = h.momentum * s["momentum"] + g
        u = orthogonal(g + h.momentum * m if self.nesterov else m, self.ns_steps, h.muon_a, h.muon_b, h.muon_c)
        size = 1.0 if self.rms_rate is None else h.rms_rate * max(p.shape) ** 0.5
        return p - h.learning_rate * size * u, {"momentum": m}


def orthogonal(x: Any, steps: int, a: Any, b: Any, c: Any) -> Any:
    """Roughly the nearest matrix with orthonormal rows or columns, by Newton-Schulz iterations.

    >>> u = orthogonal(jnp.array([[3.0, 0.0], [0.0, 2.0]]), 5, 3.4445, -4.7750, 2.0315)
    >>> bool(jnp.all(jnp.abs(u - jnp.eye(2)) < 0.35))
    True
    """
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (root(jnp.sum(jnp.square(x), axis=(-2, -1), keepdims=True)) + 1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x
