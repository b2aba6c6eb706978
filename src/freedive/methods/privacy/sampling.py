"""Poisson sampling inside the compiled run: every row is in a step's batch with probability q, whatever the others are.

Drawing how many rows there are from Binomial(n, q), and then that many rows by a keyed bijection of 0..n-1, is the same
as tossing a coin for every row, and takes time for the rows of the batch only. The batch is worked through in groups of
one size, the last of which is masked, by a loop that turns as often as there are rows: so one compiled program serves
batches of any size up to all rows, and none is ever cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...metrics.moments import added
from ...train.order import shuffled

NEVER = 2.0**-53  # what is less likely than this is not drawn; a uniform number of 64 bits could hardly tell


class Poisson:
    """A feed whose every batch is all the rows: a private step samples its own.

    Args:
        arrays: a tree of arrays with equal first sizes.
        batch_size: how many rows a step samples on average.
        steps: how many steps make an epoch.
    """

    own: Any = None
    rest, shuffle = 0, True

    def __init__(self, arrays: Any, batch_size: int, steps: int):
        self.arrays = jax.tree.map(jnp.asarray, arrays)
        self.rows, self.batch_size, self.full = len(jax.tree.leaves(arrays)[0]), batch_size, steps

    @property
    def key(self) -> Hashable:
        return ("poisson", self.rows, self.batch_size, self.full)

    def batch(self, arrays: Any, seed: Any, epoch: Any, at: Any) -> Any:
        return arrays

    def last(self, arrays: Any, seed: Any, epoch: Any) -> Any:
        raise NotImplementedError("there is no short batch")


def thresholds(rows: int, rate: float) -> np.ndarray:
    """P(K > k) for k = 0, 1, ... and K ~ Binomial(rows, rate), as numbers of 64 bits, until it is next to nothing.

    >>> [int(t >> np.uint64(60)) for t in thresholds(2, 0.5)]            # 3/4 and 1/4 of 16
    [12, 4]
    """
    from scipy.special import bdtrc

    chances = bdtrc(np.arange(rows, dtype=np.float64), rows, rate) if rate < 1 else np.ones(rows)
    kept = chances[: np.count_nonzero(chances > NEVER)]
    return np.minimum(np.round(kept * 2.0**64), 2.0**64 - 2.0**11).astype(np.uint64)


def count(key: Any, limits: np.ndarray) -> Any:
    """How many rows there are, drawn by the inverse of the distribution function; `limits` are its `thresholds`."""
    high, low = jax.random.bits(key, (2,), jnp.uint32)
    above, below = (limits >> np.uint64(32)).astype(np.uint32), limits.astype(np.uint32)
    return jnp.sum((high < above) | ((high == above) & (low < below)), dtype=jnp.int32)


def size_of(key: Any, limits: np.ndarray, rows: int) -> Any:
    """How many of the rows are sampled; with probability 1 all of them."""
    everyone = len(limits) == rows and int(limits[-1]) >= 2**64 - 2**11
    return jnp.int32(rows) if everyone else count(key, limits)


def over_groups(
    key: Any, limits: np.ndarray, rows: int, size: int, work: Callable[[Any, Any, Any], Any], zero: Any
) -> Any:
    """The sum of `work(rows, places, live)` over the groups of a sampled batch.

    Args:
        key: of the sample.
        limits: the `thresholds` of its size.
        rows: n.
        size: rows in a group.
        work: of (rows of the data, their places in the batch, whether they are in it), each (size,).
        zero: the sum over no groups.
    """
    for_count, for_rows = jax.random.split(key)
    total = size_of(for_count, limits, rows)
    first, second = jax.random.bits(for_rows, (2,), jnp.uint32)

    def turn(i: Any, sums: Any) -> Any:
        places = i * size + jnp.arange(size, dtype=jnp.int32)
        live = places < total
        found = work(shuffled(jnp.where(live, places, 0), rows, first, second), places, live)
        return added(sums, found)

    return lax.fori_loop(0, (total + size - 1) // size, turn, zero)
