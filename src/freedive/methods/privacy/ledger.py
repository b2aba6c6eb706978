"""What was spent of privacy: the steps that were done, the epsilon that they come to, and the noise for a given one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from . import losses

LARGEST_NOISE, LEAST_NOISE = 1e4, 2**-5
CLOSE = 1e-3  # how close the noise for an epsilon is to the least that does, relatively
CRUMB = 0.01  # of an epsilon: what is left of it then is less than any training needs


class Spent(NamedTuple):
    """Steps of one kind: the noise multiplier, the share of rows that a step samples, and how many there were."""

    noise: float
    rate: float
    steps: int


class Ledger:
    """The private steps of a model, in order; it only grows.

    Args:
        entries: (noise multiplier, sampling rate, steps) of each kind.

    >>> Ledger([(1.0, 0.01, 600), (1.0, 0.01, 400)]).entries
    [Spent(noise=1.0, rate=0.01, steps=1000)]
    """

    def __init__(self, entries: Iterable[Iterable[float]] = ()):
        self.entries: list[Spent] = []
        for entry in entries:
            if isinstance(entry, str) or len(found := tuple(entry)) != len(Spent._fields):
                raise ValueError(
                    f"a ledger holds {', '.join(Spent._fields)} of every kind of step. Received: {entry!r:.80}"
                )
            noise, rate, steps = found
            self.add(Spent(float(noise), float(rate), int(steps)))

    def add(self, spent: Spent) -> None:
        """Write steps down; with those before them, where they are of one kind."""
        if not (spent.noise >= 0 and 0 < spent.rate <= 1 and spent.steps >= 0):
            raise ValueError(
                f"a ledger holds a noise of 0 or more, a rate up to 1, a number of steps. Received: {spent}"
            )
        if self.entries and self.entries[-1][:2] == spent[:2]:
            spent = spent._replace(steps=spent.steps + self.entries.pop().steps)
        if spent.steps:
            self.entries.append(spent)

    def and_(self, spent: Spent) -> Ledger:
        """This ledger with further steps; it stays as it is."""
        longer = Ledger(self.entries)
        longer.add(spent)
        return longer

    def within(self, other: Ledger) -> bool:
        """Whether another ledger has all that stands in this one.

        >>> Ledger([(1.0, 0.01, 400)]).within(Ledger([(1.0, 0.01, 600)]))
        True
        """
        pairs = zip(self.entries, other.entries, strict=False)
        longer = len(self.entries) > len(other.entries)
        return not longer and all(a[:2] == b[:2] and a.steps <= b.steps for a, b in pairs)

    def epsilon(self, delta: float) -> float:
        """The least epsilon of all that was spent; infinite where a step had no noise."""
        if not self.entries:
            return 0.0
        if any(entry.noise == 0 for entry in self.entries):
            return math.inf
        return losses.epsilon_of(self.entries, delta)

    def noise_for(self, epsilon: float, delta: float, rate: float, steps: int) -> float:
        """The least noise multiplier, within one part in 1000, with which further steps stay within an epsilon.

        It is looked for from 1/32 on; any epsilon that promises something needs more.

        Raises:
            ValueError: there is none: the epsilon is spent, or too small for any sensible noise.

        >>> round(Ledger().noise_for(2.0, 1e-5, rate=0.01, steps=1000), 2)
        0.96
        """
        gone = self.epsilon(delta)
        if gone >= (1 - CRUMB) * epsilon:
            raise ValueError(
                f"private(epsilon={epsilon}): {gone:.4g} of it is spent by {sum(e.steps for e in self.entries)} steps, "
                "so nothing is left for further ones. A larger epsilon must be meant for the training as a whole"
            )

        def enough(noise: float) -> bool:
            return self.and_(Spent(noise, rate, steps)).epsilon(delta) <= epsilon

        before = f": {gone:.4g} is spent before them" if self.entries else ""
        high = 1.0
        while not enough(high):
            high *= 2
            if high > LARGEST_NOISE:
                raise ValueError(
                    f"private(epsilon={epsilon}, delta={delta}): it cannot be reached with {steps} steps that sample a "
                    f"share of {rate:.3g}, however much noise there is (up to {LARGEST_NOISE:g}){before}. Take a "
                    "larger epsilon or delta, a smaller batch_size, or fewer epochs"
                )
        low = high / 2
        while low > LEAST_NOISE and enough(low):
            high, low = low, low / 2
        while high / low > 1 + CLOSE:
            middle = math.sqrt(high * low)
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high
