"""Renyi accounting of the sampled Gaussian: a few numbers a step that add up over steps. Quick, and an upper bound.

A step samples every row with probability q, adds up vectors of length at most C and adds noise N(0, (sigma C)^2). With
mu_0 = N(0, sigma^2) and mu_1 = (1 - q) N(0, sigma^2) + q N(1, sigma^2), its Renyi divergence of order a is at most

    R(a) = log E_{x ~ mu_0} [(mu_1(x) / mu_0(x))^a] / (a - 1),

and steps that spent R(a) together are (epsilon, delta)-private for

    epsilon = R(a) + log((a - 1) / a) - (log delta + log a) / (a - 1),   the least over all a.

Reference: I. Mironov et al., "Renyi differential privacy of the sampled Gaussian mechanism", 2019,
https://arxiv.org/abs/1908.10530; the conversion is Proposition 12 of C. Canonne et al., "The discrete Gaussian for
differential privacy", 2020, https://arxiv.org/abs/2004.00010
"""

from __future__ import annotations

import functools
import math

import numpy as np

ORDERS = np.array([*np.arange(1.1, 11, 0.1), *range(11, 65), 80, 96, 128, 192, 256, 384, 512, 768, 1024])


@functools.lru_cache(maxsize=256)
def divergences(noise: float, rate: float) -> np.ndarray:
    """R(a) of one step for each of ORDERS.

    Args:
        noise: sigma, above 0.
        rate: q, above 0 and up to 1.
    """
    if rate == 1:
        return ORDERS / (2 * noise**2)
    return np.array([_log_moment(a, noise, rate) / (a - 1) for a in ORDERS])


def _log_moment(order: float, noise: float, rate: float) -> float:
    """log E_{mu_0} (mu_1 / mu_0)^a, by a sum over a line that holds the whole bell at 0 and the one at a."""
    from scipy.special import logsumexp

    step = noise / 20  # the rule of trapezoids is exact for bells but for exp(-2 (20 pi)^2)
    x = np.arange(-14 * noise, order + 14 * noise, step)
    ratio = np.logaddexp(math.log1p(-rate), math.log(rate) + (2 * x - 1) / (2 * noise**2))
    bell = -((x / noise) ** 2) / 2 - math.log(noise * math.sqrt(2 * math.pi))
    return max(0.0, float(np.asarray(logsumexp(order * ratio + bell))) + math.log(step))


def epsilon_of(spent: np.ndarray, delta: float) -> float:
    """The least epsilon for what was spent of each of ORDERS.

    >>> round(epsilon_of(1000 * divergences(1.0, 0.01), 1e-5), 3)
    2.101
    """
    each = spent + np.log1p(-1 / ORDERS) - (math.log(delta) + np.log(ORDERS)) / (ORDERS - 1)
    return max(0.0, float(np.min(each)))
