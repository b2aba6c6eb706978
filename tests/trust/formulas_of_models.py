"""Formulas of losses of generative models, of quantiles and of transcripts in many digits; see `formulas`."""

from __future__ import annotations

import jax.numpy as jnp
import mpmath as mp
from formulas import REAL, VECTORS, WIDE, Formula, f32, mean, pairs, softmax, softplus

import freedive as fd
from freedive.generative.adversary import LOSSES
from freedive.generative.vae import divergence, log_bernoulli

SCORES = {
    "original real": (LOSSES["original"].real, lambda s: softplus(-s)),
    "original made": (LOSSES["original"].made, softplus),
    "least_squares real": (LOSSES["least_squares"].real, lambda s: (s - 1) ** 2 / 2),
    "hinge real": (LOSSES["hinge"].real, lambda s: max(1 - s, 0)),
    "hinge made": (LOSSES["hinge"].made, lambda s: max(1 + s, 0)),
    "wasserstein taken": (LOSSES["wasserstein"].taken, lambda s: -s),
}
LEVELS = (0.1, 0.5, 0.9)


def pinball(y):
    """Of the target 0.25."""
    errors = [f32(0.25) - v for v in y]
    return mean([max(f32(q) * e, (f32(q) - 1) * e) for q, e in pairs(LEVELS, errors)])


def transcript(x):
    """The text "1" in two frames of two classes, of which 0 is the blank: in both frames, or in one."""
    first, second = softmax(x[:2]), softmax(x[2:])
    return -mp.log(first[1] * second[1] + first[0] * second[1] + first[1] * second[0])


def ctc(x):
    return fd.losses.CTC()(jnp.array([[1, 0]]), x.reshape(1, 2, 2))


def kl(x):
    """Of a code of one number, its mean and its log variance."""
    return (x[0] ** 2 + (mp.expm1(x[1]) - x[1])) / 2


FORMULAS = [
    *(Formula(f"GAN, {name}", function, exact, REAL) for name, (function, exact) in SCORES.items()),
    Formula(
        "Quantile",
        lambda y: fd.losses.Quantile(LEVELS)(jnp.array([0.25]), y[None]),
        pinball,
        (*VECTORS, (1e38, -1e38, 0.0)),
        3e-6,
    ),
    Formula(
        "CTC",
        ctc,
        transcript,
        ((0.5, -1.0, 2.0, 0.0), (3.0, 0.0, 0.0, 3.0), (1e4, 0.0, 0.0, 1e4), (0.0, 1e4, -1e4, 0.0), (1e-30, 0, 0, 0)),
        1e-5,
        size=1.0,
    ),
    Formula(
        "KL of a code",
        lambda x: divergence(x[:1][None], x[1:][None])[0],
        kl,
        ((0.3, -0.7), (1e-3, 1e-3), (10.0, 5.0), (1e15, -200.0), (0.0, 40.0), (-2.0, -1e4), (0.5, 1e-6)),
        1e-5,
        size=1e-3,
    ),
    Formula("likelihood of 1", lambda l: log_bernoulli(jnp.float32(1), l), lambda l: -softplus(-l), WIDE),
    Formula("likelihood of 0", lambda l: log_bernoulli(jnp.float32(0), l), lambda l: -softplus(l), WIDE),
    Formula(
        "likelihood of 0.3",
        lambda l: log_bernoulli(jnp.float32(0.3), l),
        lambda l: f32(0.3) * l - softplus(l),
        REAL,
        5e-6,
    ),
]
