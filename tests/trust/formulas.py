"""Formulas in many digits: what each function of freedive should give, for `test_stability`.

Each row is (name, function of one array, formula of mpmath numbers, points). Elementwise functions are mapped over
points that are numbers; the others take a vector and give one number.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import mpmath as mp
import numpy as np

import freedive as fd
from freedive.optimizers import clipping

a, los = fd.activations, fd.losses
EPSILON = mp.mpf(float(np.float32(1e-7)))

TINY, LARGE, MOST = 1e-30, 1e4, 3e38
REAL = (0.3, -0.7, 2.5, -3.1, 1e-6, -1e-6, TINY, -TINY, 15.0, -15.0, 40.0, -40.0, 87.0, -87.0, 200.0, -200.0)
WIDE = (*REAL, LARGE, -LARGE, 1e18, -1e18, MOST, -MOST)
LOGITS = ((1.0, 2.0, 3.0), (1e4, 0.0, -1e4), (1e4, 1e4, 1e4), (-1e4, -1e4 + 1, -1e4), (1e-30, 0.0, -1e-30), (88, 90, 1))
LOGITS = (*LOGITS, (3e38, 0.0, -3e38), (-3e38, -3e38, 0.0), (100.0, -100.0, 0.5))
PROBABILITIES = (
    (0.2, 0.3, 0.5),
    (0.9999, 5e-5, 5e-5),
    (1 / 3, 1 / 3, 1 / 3),
    (1e-3, 0.998, 1e-3),
    (1e-6, 0.9, 0.099999),
)
VECTORS = ((0.5, -1.5, 2.0), (1e-15, 2e-15, -1e-15), (1e15, -2e15, 3e15), (100.0, 100.5, 101.0), (1e-3, 1.0, 1e3))
TARGETS = (0.2, 0.5, 0.3)


class Formula(NamedTuple):
    """One row; `rtol` is for values and for gradients, whose error is measured against the largest part of a gradient
    and against the largest slope of the function, if that is below 1: what is left of 1 - sigmoid(15) has few digits.
    """

    name: str
    function: Any
    exact: Any
    points: Any
    rtol: float = 2e-6
    slope: bool = True
    size: float = 0.0  # where a value is the difference of things of this size, its error is measured against that


# helpers in many digits -----------------------------------------------------------------------------------------------
def pairs(*lists: Any) -> Any:
    return zip(*lists, strict=True)


def f32(x: Any) -> Any:
    return mp.mpf(float(np.float32(x)))


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x))


def clip(x: Any, low: Any, high: Any) -> Any:
    return max(low, min(high, x))


def logsumexp(x: Any) -> Any:
    top = max(x)
    return top + mp.log(mp.fsum(mp.exp(v - top) for v in x))


def mean(x: Any) -> Any:
    return mp.fsum(x) / len(x)


def variance(x: Any) -> Any:
    return mean([(v - mean(x)) ** 2 for v in x])


def norm(x: Any) -> Any:
    return mp.sqrt(mp.fsum(v * v for v in x))


def weighed(x: Any) -> Any:
    """One number of a vector, so that no gradient is zero by symmetry."""
    return mp.fsum(v * w for v, w in zip(x, (1, f32(0.5), -2), strict=True))


def weigh(x: Any) -> Any:
    return jnp.sum(x * jnp.array([1.0, 0.5, -2.0]))


def softmax(x: Any) -> Any:
    return [mp.exp(v - logsumexp(x)) for v in x]


def cdf(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


# activations ----------------------------------------------------------------------------------------------------------
SELU = (f32(1.6732632423543772848170429916717), f32(1.0507009873554804934193349852946))
ACTIVATIONS = [
    Formula("relu", a.relu, lambda x: max(x, 0), WIDE),
    Formula("relu6", a.relu6, lambda x: clip(x, 0, 6), WIDE),
    Formula("leaky_relu", a.leaky_relu, lambda x: x if x > 0 else x * f32(0.2), WIDE),
    Formula("elu", a.elu, lambda x: x if x > 0 else mp.expm1(x), WIDE),
    Formula("celu", a.celu, lambda x: x if x > 0 else mp.expm1(x), WIDE),
    Formula("selu", a.selu, lambda x: SELU[1] * (x if x > 0 else SELU[0] * mp.expm1(x)), REAL),
    Formula("gelu", a.gelu, lambda x: x * cdf(x), (*REAL, 5.0, -5.0, -10.0), 1e-5),
    Formula(
        "gelu, approximate",
        lambda x: a.gelu(x, approximate=True),
        lambda x: x * sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)),
        WIDE,
        3e-6,
    ),
    Formula("silu", a.silu, lambda x: x * sigmoid(x), WIDE),
    Formula("mish", a.mish, lambda x: x * mp.tanh(softplus(x)), REAL, 5e-6),
    Formula("sigmoid", a.sigmoid, sigmoid, WIDE),
    Formula("log_sigmoid", a.log_sigmoid, lambda x: -softplus(-x), WIDE),
    Formula("hard_sigmoid", a.hard_sigmoid, lambda x: clip(x / 6 + f32(0.5), 0, 1), WIDE),
    Formula("hard_silu", a.hard_silu, lambda x: x * clip(x / 6 + f32(0.5), 0, 1), REAL),
    Formula("tanh", a.tanh, mp.tanh, WIDE, 3e-6),
    Formula("hard_tanh", a.hard_tanh, lambda x: clip(x, -1, 1), WIDE),
    Formula("tanh_shrink", a.tanh_shrink, lambda x: x - mp.tanh(x), (0.3, -0.7, 2.5, 15.0, -40.0, 1e4, -MOST), 1e-5),
    Formula("softsign", a.softsign, lambda x: x / (1 + abs(x)), REAL),
    Formula("softplus", a.softplus, softplus, WIDE),
    Formula("squareplus", a.squareplus, lambda x: (x + mp.sqrt(x * x + 4)) / 2, WIDE, 3e-6),
    Formula("sparse_plus", a.sparse_plus, lambda x: 0 if x < -1 else x if x > 1 else (x + 1) ** 2 / 4, WIDE),
    Formula("sparse_sigmoid", a.sparse_sigmoid, lambda x: clip((x + 1) / 2, 0, 1), WIDE),
    Formula("exponential", a.exponential, mp.exp, REAL[:-2]),
    Formula("soft_shrink", a.soft_shrink, lambda x: mp.sign(x) * max(abs(x) - f32(0.5), 0), WIDE),
    Formula("hard_shrink", a.hard_shrink, lambda x: x if abs(x) > 0.5 else 0, WIDE),
    Formula("glu", lambda x: a.glu(x)[0], lambda x: x[0] * sigmoid(x[1]), ((1.0, 200.0), (1e30, -60.0), (2.0, 1e4))),
    Formula("softmax", lambda x: weigh(a.softmax(x)), lambda x: weighed(softmax(x)), LOGITS),
    Formula(
        "log_softmax", lambda x: weigh(a.log_softmax(x)), lambda x: weighed([v - logsumexp(x) for v in x]), LOGITS[:-3]
    ),
]

# losses: of three predictions, the targets fixed ----------------------------------------------------------------------
T = np.array([TARGETS], np.float32)
t = [f32(v) for v in TARGETS]
ZERO_ONE = np.array([[1.0, 0.0, 1.0]], np.float32)


def of(loss: Any, targets: Any = T) -> Any:
    return lambda y: loss(targets, y[None])


def clipped(p: Any) -> Any:
    return [clip(v, EPSILON, 1 - EPSILON) for v in p]


def log_cosh(e: Any) -> Any:
    return mp.log(mp.cosh(e))


def entropy(p: Any, signs: Any) -> Any:
    return -mp.log(p if signs else 1 - p)


def huber(e: Any) -> Any:
    return e * e / 2 if abs(e) <= 1 else abs(e) - f32(0.5)


ERRORS = ((0.1, 0.9, -3.0), (1e4, -1e4, 0.4), (1e-10, 0.4, 1e15))
ODD = ZERO_ONE[0].tolist()
LOSSES = [
    Formula(
        "mean_squared_error", of(los.MeanSquaredError()), lambda y: mean([(u - v) ** 2 for u, v in pairs(t, y)]), ERRORS
    ),
    Formula(
        "mean_absolute_error", of(los.MeanAbsoluteError()), lambda y: mean([abs(u - v) for u, v in pairs(t, y)]), ERRORS
    ),
    Formula(
        "mean_absolute_percentage_error",
        of(los.MeanAbsolutePercentageError()),
        lambda y: 100 * mean([abs(u - v) / max(abs(u), EPSILON) for u, v in pairs(t, y)]),
        ERRORS,
    ),
    Formula(
        "mean_squared_logarithmic_error",
        of(los.MeanSquaredLogarithmicError()),
        lambda y: mean([(mp.log1p(max(u, EPSILON)) - mp.log1p(max(v, EPSILON))) ** 2 for u, v in pairs(t, y)]),
        ((0.1, 0.9, 3.0), (1e4, 1e-4, 0.2), (1e30, 1e-30, 5.0)),
        5e-6,
    ),
    Formula("log_cosh", of(los.LogCosh()), lambda y: mean([log_cosh(v - u) for u, v in pairs(t, y)]), ERRORS, 5e-6),
    Formula("huber", of(los.Huber()), lambda y: mean([huber(u - v) for u, v in pairs(t, y)]), ERRORS),
    Formula(
        "poisson",
        of(los.Poisson()),
        lambda y: mean([v - u * mp.log(v + EPSILON) for u, v in pairs(t, y)]),
        ((0.1, 0.9, 3.0), (1e4, 1e-4, 0.2), (1e30, 1e-30, 5.0)),
        5e-6,
    ),
    Formula(
        "cosine_similarity",
        of(los.CosineSimilarity()),
        lambda y: -mp.fsum(u * v for u, v in pairs(t, y)) / norm(t) / norm(y),
        ((0.1, 0.9, -3.0), (1e-3, 2e-3, 1e-3), (1e15, -1e15, 3e14)),
        5e-6,
    ),
    Formula(
        "binary_crossentropy",
        of(los.BinaryCrossentropy(), ZERO_ONE),
        lambda y: mean([entropy(v, s) for v, s in pairs(clipped(y), ODD)]),
        PROBABILITIES,
        5e-6,
    ),
    Formula(
        "binary_crossentropy, logits",
        of(los.BinaryCrossentropy(from_logits=True), ZERO_ONE),
        lambda y: mean([softplus(-v if s else v) for v, s in pairs(y, ODD)]),
        (*LOGITS[:6], (200.0, -200.0, -200.0), (-1e30, 1e30, 0.0)),
    ),
    Formula(
        "binary_focal_crossentropy, logits",
        of(los.BinaryFocalCrossentropy(from_logits=True), ZERO_ONE),
        lambda y: mean([(1 - sigmoid(v if s else -v)) ** 2 * softplus(-v if s else v) for v, s in pairs(y, ODD)]),
        (LOGITS[0], (5.0, -5.0, 3.0), (-10.0, 8.0, -6.0)),
        5e-5,
    ),
    Formula(
        "categorical_crossentropy, logits",
        of(los.CategoricalCrossentropy(from_logits=True)),
        lambda y: mp.fsum(u * (logsumexp(y) - v) for u, v in pairs(t, y)),
        LOGITS[:6],
    ),
    Formula(
        "categorical_crossentropy",
        of(los.CategoricalCrossentropy()),
        lambda y: -mp.fsum(u * mp.log(v) for u, v in pairs(t, clipped([v / mp.fsum(y) for v in y]))),
        PROBABILITIES,
        5e-6,
    ),
    Formula(
        "sparse_categorical_crossentropy, logits",
        of(los.SparseCategoricalCrossentropy(from_logits=True), np.array([2])),
        lambda y: logsumexp(y) - y[2],
        LOGITS[:6],
    ),
    Formula(
        "sparse_categorical_crossentropy",
        of(los.SparseCategoricalCrossentropy(), np.array([2])),
        lambda y: -mp.log(clipped([v / mp.fsum(y) for v in y])[2]),
        PROBABILITIES,
        5e-6,
    ),
    Formula(
        "kl_divergence",
        of(los.KLDivergence()),
        lambda y: mp.fsum(u * mp.log(u / v) for u, v in pairs(t, [clip(v, EPSILON, 1) for v in y])),
        PROBABILITIES,
        5e-6,
    ),
    Formula(
        "hinge",
        of(los.Hinge(), ZERO_ONE),
        lambda y: mean([max(0, 1 - (2 * s - 1) * v) for v, s in pairs(y, ODD)]),
        ERRORS,
    ),
    Formula(
        "squared_hinge",
        of(los.SquaredHinge(), ZERO_ONE),
        lambda y: mean([max(0, 1 - (2 * s - 1) * v) ** 2 for v, s in pairs(y, ODD)]),
        ERRORS,
    ),
    Formula(
        "categorical_hinge",
        of(los.CategoricalHinge(), np.array([[0.0, 1.0, 0.0]], np.float32)),
        lambda y: max(0, max(y[0], y[2], 0) - y[1] + 1),
        ERRORS,
    ),
]

# layers, norms, penalties, metrics, schedules -------------------------------------------------------------------------


def called(layer: Any) -> Any:
    layer.build((None, 3))
    return lambda x: weigh(layer(x[None])[0])


def standard(x: Any, epsilon: Any) -> Any:
    return [(v - mean(x)) / mp.sqrt(variance(x) + epsilon) for v in x]


def shown(metric: Any, targets: Any = T) -> Any:
    return lambda y: metric.compute(metric.sums(targets, y[None], None, None))


SMOOTH = ((0.5, -1.5, 2.0), (1e-3, 2e-3, -1e-3), (1e12, -2e12, 3e12), (1e-3, 1.0, 1e3), (0.0, 0.0, 1e-20))
LAYERS = [
    Formula(
        "LayerNormalization",
        called(fd.layers.LayerNormalization()),
        lambda x: weighed(standard(x, f32(1e-3))),
        SMOOTH,
        5e-6,
    ),
    Formula(
        "GroupNormalization",
        called(fd.layers.GroupNormalization(groups=1)),
        lambda x: weighed(standard(x, f32(1e-3))),
        SMOOTH,
        5e-6,
    ),
    Formula(
        "RMSNormalization",
        called(fd.layers.RMSNormalization()),
        lambda x: weighed([v / mp.sqrt(mean([u * u for u in x]) + f32(1e-6)) for v in x]),
        SMOOTH,
        5e-6,
    ),
    Formula(
        "UnitNormalization",
        called(fd.layers.UnitNormalization()),
        lambda x: weighed([v / max(norm(x), mp.sqrt(f32(1e-12))) for v in x]),
        ((0.5, -1.5, 2.0), (1e15, -2e15, 3e15), (1e-5, 1e-5, -1e-5)),
        5e-6,
    ),
    Formula("Softmax layer", called(fd.layers.Softmax()), lambda x: weighed(softmax(x)), LOGITS),
    Formula(
        "global norm",
        lambda x: clipping.global_norm({"w": x}),
        norm,
        (*VECTORS, (1e38, 1e38, 1e38), (2e-38, 4e-38, 0.0)),
    ),
    Formula("L1", fd.regularizers.L1(0.5), lambda x: mp.fsum(map(abs, x)) / 2, VECTORS),
    Formula("L2", fd.regularizers.L2(0.5), lambda x: mp.fsum(v * v for v in x) / 2, VECTORS),
    Formula("L1L2", fd.regularizers.L1L2(0.5, 0.25), lambda x: mp.fsum(abs(v) / 2 + v * v / 4 for v in x), VECTORS),
    Formula(
        "MaxNorm",
        lambda w: weigh(fd.constraints.MaxNorm(2.0)(w)),
        lambda w: weighed([v * min(norm(w), 2) / (norm(w) + EPSILON) for v in w]),
        ((0.5, -1.5, 2.0), (1e15, -2e15, 3e15), (1e-3, 2e-3, 1e-3)),
        5e-6,
        False,
    ),
    Formula(
        "UnitNorm",
        lambda w: weigh(fd.constraints.UnitNorm()(w)),
        lambda w: weighed([v / (EPSILON + norm(w)) for v in w]),
        ((0.5, -1.5, 2.0), (1e15, -2e15, 3e15), (1e-9, 2e-9, 1e-9)),
        5e-6,
        False,
    ),
]
METRICS = [
    Formula(
        "RootMeanSquaredError",
        shown(fd.metrics.RootMeanSquaredError()),
        lambda y: mp.sqrt(mean([(u - v) ** 2 for u, v in pairs(t, y)])),
        ERRORS,
        slope=False,
    ),
    Formula(
        "LogCoshError",
        shown(fd.metrics.LogCoshError()),
        lambda y: mean([log_cosh(v - u) for u, v in pairs(t, y)]),
        ERRORS,
        5e-6,
        False,
    ),
    Formula(
        "KLDivergence metric",
        shown(fd.metrics.KLDivergence()),
        lambda y: mp.fsum(u * mp.log(u / v) for u, v in pairs(t, y)),
        PROBABILITIES,
        5e-6,
        False,
    ),
    Formula(
        "CosineSimilarity metric",
        shown(fd.metrics.CosineSimilarity()),
        lambda y: mp.fsum(u * v for u, v in pairs(t, y)) / norm(t) / norm(y),
        ((0.1, 0.9, -3.0), (1e15, -1e15, 3e14)),
        5e-6,
        False,
    ),
]
s = fd.optimizers.schedules
FAR = (0.0, 1.0, 10.0, 999.0, 1000.0, 123456.0, 1e7)
SCHEDULES = [
    Formula(
        "ExponentialDecay",
        s.ExponentialDecay(0.1, 1000, 0.96),
        lambda n: f32(0.1) * f32(0.96) ** (n / 1000),
        FAR[:-1],
        2e-5,
        False,
    ),
    Formula(
        "InverseTimeDecay",
        s.InverseTimeDecay(0.1, 1000, 0.5),
        lambda n: f32(0.1) / (1 + f32(0.5) * n / 1000),
        FAR,
        slope=False,
    ),
    Formula(
        "PolynomialDecay",
        s.PolynomialDecay(0.1, 1000, 1e-4, 0.5),
        lambda n: (f32(0.1) - f32(1e-4)) * (1 - min(n, 1000) / 1000) ** f32(0.5) + f32(1e-4),
        FAR,
        1e-5,
        False,
    ),
    Formula(
        "CosineDecay",
        s.CosineDecay(0.1, 1000),
        lambda n: f32(0.1) * (1 + mp.cos(mp.pi * min(n, 1000) / 1000)) / 2,
        FAR,
        3e-6,
        False,
    ),
]
FORMULAS = [*ACTIVATIONS, *LOSSES, *LAYERS, *METRICS, *SCHEDULES]
