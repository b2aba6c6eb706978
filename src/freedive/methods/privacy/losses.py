"""Accounting by the distribution of privacy losses: the composition of steps is a convolution, done by FFT.

An observer who tells two data sets apart that differ in one row sees samples of a pair of distributions, P or Q. The
privacy loss log(P(x) / Q(x)), x ~ P, says how much a sample tells him; losses of steps add up, and

    delta(epsilon) = E [max(0, 1 - exp(epsilon - loss))].

For a step that samples rows with probability q and adds noise of sigma, P and Q are mu_1 = (1 - q) N(0, sigma^2) +
q N(1, sigma^2) and mu_0 = N(0, sigma^2) where a row is taken away, and the other way round where one is added. Losses
are put on a grid by splitting the mass between two points so that it stays what it is under P and under Q: then delta
is exact on the grid, and nowhere too small between its points. Whatever is cut off counts as an infinite loss.

Reference: A. Koskela et al., "Computing tight differential privacy guarantees using FFT", 2020,
https://arxiv.org/abs/1906.03049; V. Doroshenko et al., "Connect the dots: tighter discrete approximations of privacy
loss distributions", 2022, https://arxiv.org/abs/2207.04380
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

REACH = 9.5  # standard deviations of the noise that the grid holds; beyond lie 1e-21
TAIL = 1e-15  # of all steps together, cut off at each end
MOST_POINTS = 2**21
MOST_PLACES = 1 << 22  # of the sum of all steps
FINEST, COARSEST = 1e-6, 1e-3


class Losses(NamedTuple):
    """A distribution on a grid: the mass of the losses (first + i) * width, and that of infinity."""

    first: int
    width: float
    mass: np.ndarray
    infinite: float

    @property
    def values(self) -> np.ndarray:
        """The losses."""
        return (self.first + np.arange(len(self.mass))) * self.width

    def epsilon(self, delta: float) -> float:
        """The least epsilon with delta(epsilon) <= delta; between two points of the grid delta is linear in e^epsilon.

        Args:
            delta: above 0 and below 1.
        """
        from scipy.signal import lfilter

        if self.infinite > delta:
            return math.inf
        start = max(0, -self.first)  # the place of the loss 0
        mass, values = self.mass[start:], self.values[start:]
        above = np.cumsum(mass[::-1])[::-1]  # of the losses from each point v on
        fading = np.exp(-self.width)
        beside = lfilter([1.0], [1.0, -fading], mass[::-1])[::-1]  # the sum of mass e^(v - loss) over them
        at = np.flatnonzero(above - beside + self.infinite <= delta)
        place = int(at[0]) if len(at) else len(mass)
        if place == 0:
            return 0.0
        if place == len(mass):
            return float(values[-1])
        excess, low = above[place] + self.infinite - delta, float(values[place - 1])
        return max(low, float(values[place]) + math.log(excess / beside[place])) if excess > 0 else low


def epsilon_of(steps: Sequence[tuple[float, float, int]], delta: float) -> float:
    """The least epsilon for steps of some kinds, whichever of taking away and adding a row tells more.

    Args:
        steps: (sigma, q, how many) of each kind.
        delta: above 0 and below 1.

    >>> round(epsilon_of([(1.0, 0.01, 1000)], 1e-5), 2)
    1.83
    """
    return max(composed(steps, taken_away).epsilon(delta) for taken_away in (True, False))


def composed(steps: Sequence[tuple[float, float, int]], taken_away: bool) -> Losses:
    """The losses of all steps together."""
    from scipy.fft import irfft, next_fast_len, rfft

    parts, first, last, width = _within(steps, taken_away, width_for(steps))
    size: Any = next_fast_len(last - first + 1, real=True)
    frequencies: Any = 1.0
    for part, count in parts:
        places = (part.first + np.arange(len(part.mass))) % size
        frequencies = frequencies * np.asarray(rfft(np.bincount(places, part.mass, size))) ** count
    mass = np.roll(np.asarray(irfft(frequencies, size)), -first)
    infinite = sum(count * part.infinite for part, count in parts) + 2 * TAIL
    return Losses(first, width, np.maximum(mass, 0.0), infinite)


def _within(
    steps: Sequence[tuple[float, float, int]], taken_away: bool, width: float
) -> tuple[list[tuple[Losses, int]], int, int, float]:
    """(the losses of each kind of step and how many, the first and last place of their sum, the width of the grid).

    A grid whose sum would have too many places is made coarser; losses are rounded up, so it never says too little.
    """
    while True:
        parts = [(one_step(noise, rate, width, taken_away), count) for noise, rate, count in steps]
        low, high = (_bound(parts, sign) for sign in (-1, 1))
        first, last = math.floor(low / width), math.ceil(high / width)
        if last - first <= MOST_PLACES:
            return parts, first, last, width
        width *= 1.1 * (last - first) / MOST_PLACES


def width_for(steps: Sequence[tuple[float, float, int]]) -> float:
    """The width of a grid that is fine for each kind of step, and has not too many points for any."""
    fine = min(_deviation(noise, rate) / 20 for noise, rate, _ in steps)
    widest = max(_highest(noise, rate) for noise, rate, _ in steps)
    return max(min(max(fine, FINEST), COARSEST), 2 * widest / MOST_POINTS)


def _deviation(noise: float, rate: float) -> float:
    """About the standard deviation of the loss of a step."""
    return min(1.0, rate * math.sqrt(math.expm1(min(1 / noise**2, 100.0))))


def _highest(noise: float, rate: float) -> float:
    return float(loss_at(1 + REACH * noise, noise, rate))


def loss_at(x: np.ndarray | float, noise: float, rate: float) -> np.ndarray:
    """log(mu_1(x) / mu_0(x)) = log(1 - q + q exp((2x - 1) / 2 sigma^2))."""
    with np.errstate(divide="ignore"):
        return np.logaddexp(np.log1p(-rate), math.log(rate) + (2 * np.asarray(x) - 1) / (2 * noise**2))


def place_of(loss: np.ndarray, noise: float, rate: float) -> np.ndarray:
    """The x of a loss; minus infinity for losses that are below all."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = loss + np.log1p(-np.minimum(1.0, (1 - rate) * np.exp(-loss)))  # log(e^loss - (1 - q))
        return noise**2 * (inner - math.log(rate)) + 0.5


def one_step(noise: float, rate: float, width: float, taken_away: bool) -> Losses:
    """The losses of one step on the grid."""
    low, high = float(loss_at(-REACH * noise, noise, rate)), _highest(noise, rate)
    first, last = math.floor(low / width), math.ceil(high / width)
    edges = place_of(np.arange(first, last + 1) * width, noise, rate)
    without = _cells(edges / noise)
    mixed = rate * _cells((edges - 1) / noise) + (1 - rate) * without
    if taken_away:
        return _on_grid(first, width, mixed, without)
    return _on_grid(-last, width, without[::-1], mixed[::-1])


def _cells(edges: np.ndarray) -> np.ndarray:
    """The mass of a standard bell below the first edge, between each two, and above the last."""
    from scipy.special import ndtr

    lower, upper = ndtr(edges), ndtr(-edges)
    between = np.where(edges[:-1] > 0, upper[:-1] - upper[1:], lower[1:] - lower[:-1])
    return np.concatenate([lower[:1], between, upper[-1:]])


def _on_grid(first: int, width: float, p: np.ndarray, q: np.ndarray) -> Losses:
    """Mass of cells put on their edges so that it is what it was under P and under Q.

    Args:
        p, q: the mass below the first edge, of the cells, and above the last.
    """
    edges = (first + np.arange(len(p) - 2)) * width
    with np.errstate(divide="ignore", over="ignore"):
        moved = np.exp(np.minimum(edges + np.log(q[1:-1]), 700))
    up = np.clip((p[1:-1] - moved) / -math.expm1(-width), 0.0, p[1:-1])
    mass = np.concatenate([[p[0]], up]) + np.concatenate([p[1:-1] - up, [0.0]])
    return Losses(first, width, mass, float(p[-1]))


def _bound(parts: Sequence[tuple[Losses, int]], sign: int) -> float:
    """A loss that all steps together exceed (sign 1) or stay below (-1) with probability TAIL at most, by Chernoff."""
    from scipy.special import logsumexp

    best = sign * math.inf
    slopes = np.geomspace(1e-2, 1e4, 60)
    for slope in slopes:
        with np.errstate(divide="ignore"):
            moments = sum(
                n * float(np.asarray(logsumexp(sign * slope * part.values, b=part.mass))) for part, n in parts
            )
        bound = sign * (moments - math.log(TAIL)) / slope
        best = min(best, bound) if sign > 0 else max(best, bound)
    return float(best)
