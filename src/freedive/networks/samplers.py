"""How a network writes: the likeliest token always, by beam search, or by chance."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from .. import config
from ..config import Configured, Family, Fraction, NonNegativeFloat, PositiveFloat, PositiveInt
from ..ops.decoding import Rules, Step, Written, beam, greedy, penalised, sample

FAMILY = Family("sampler")


class Sampler(Configured):
    """Base of the ways to write. `numbers` are the fields that may change without compiling again."""

    family: ClassVar[Family | None] = FAMILY
    numbers: ClassVar[tuple[str, ...]] = ()

    def hyper(self) -> dict[str, float]:
        """The numbers that enter the compiled program as inputs."""
        return {name: getattr(self, name) for name in self.numbers if getattr(self, name) is not None}

    def write(self, step: Step, state: Any, rows: int, rules: Rules, key: Any, numbers: dict[str, Any]) -> Written:
        """Write `rows` sequences, one a row, with the log-probability of each."""
        raise NotImplementedError(f"{type(self).__name__} needs a method write")


class Greedy(Sampler):
    """The likeliest token at every place."""

    def write(self, step: Step, state: Any, rows: int, rules: Rules, key: Any, numbers: dict[str, Any]) -> Written:
        return greedy(step, state, rows, rules)


class Beam(Sampler):
    """Beam search: the best sequence that was found.

    Args:
        width: how many beginnings are followed.
        penalty: ranks by log-probability / ((5 + length) / 6)^penalty; larger ones prefer longer sequences.

    Reference: Wu et al. 2016, arXiv 1609.08144.
    """

    width: PositiveInt = 4
    penalty: NonNegativeFloat = 0.6
    numbers: ClassVar[tuple[str, ...]] = ("penalty",)

    def write(self, step: Step, state: Any, rows: int, rules: Rules, key: Any, numbers: dict[str, Any]) -> Written:
        found = beam(step, state, rows, rules, self.width, numbers["penalty"])
        best = jax.tree.map(lambda x: x[:, 0], found)
        lengths = jnp.sum(best.tokens != rules.pad, axis=1)
        return best._replace(scores=best.scores * penalised(lengths, numbers["penalty"]))


class Sample(Sampler):
    """A token by its probability at every place.

    Args:
        temperature: below 1 the likely becomes likelier.
        top_k: only so many of the likeliest.
        top_p: only the likeliest that together have this probability.

    Reference: Holtzman et al. 2019, arXiv 1904.09751.
    """

    temperature: PositiveFloat = 1.0
    top_k: PositiveInt | None = None
    top_p: Fraction | None = None
    numbers: ClassVar[tuple[str, ...]] = ("temperature", "top_p")

    def write(self, step: Step, state: Any, rows: int, rules: Rules, key: Any, numbers: dict[str, Any]) -> Written:
        return sample(step, state, rows, rules, key, numbers["temperature"], self.top_k, numbers.get("top_p"))


def get(identifier: Any) -> Sampler:
    """The sampler that an argument means: an object, "greedy", "beam" or "sample".

    >>> get("beam")
    Beam()
    """
    return config.get(FAMILY, identifier, Sampler)
