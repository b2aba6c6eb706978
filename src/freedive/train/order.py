"""The order of the data: row i of epoch e is a function of (seed, e, i), computed where it is needed.

No permutation is stored or sorted: a keyed bijection of 0..n-1 is evaluated at the rows of one batch, a third of a
microsecond inside the compiled run, and the same arithmetic in numpy tells a streamed feed which rows to read. So a
run resumes at any batch from three integers.

The bijection is a Feistel network over a rectangle of at least n cells; rows outside 0..n-1 are sent through it again
until they fall inside (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002,
https://doi.org/10.1007/3-540-45760-7_9).
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

ROUNDS = 6


def shuffled(rows: Any, count: int, seed: Any, epoch: Any) -> Any:
    """Where the shuffled epoch finds its rows.

    Args:
        rows: positions in the epoch, whole numbers in 0..count-1, any shape.
        count: the number of rows of the data.
        seed, epoch: whole numbers; each pair has its own order.

    Returns:
        Rows of the data, of the shape of `rows`: numpy for numpy, traced for traced.

    >>> sorted(shuffled(np.arange(5), 5, seed=0, epoch=3).tolist())
    [0, 1, 2, 3, 4]
    """
    xp: Any = np if all(isinstance(v, (int, np.integer, np.ndarray)) for v in (rows, seed, epoch)) else jnp
    with np.errstate(over="ignore"):
        height = math.isqrt(count - 1) + 1
        width = -(-count // height)
        key = _mix(xp, xp.asarray(seed).astype(xp.uint32), _mix(xp, xp.asarray(epoch).astype(xp.uint32), np.uint32(1)))
        keys = [_mix(xp, key, np.uint32(0x9E3779B9 * (r + 1) & 0xFFFFFFFF)) for r in range(ROUNDS)]

        def once(cells: Any) -> Any:
            high, low = cells // np.uint32(width), cells % np.uint32(width)
            for r, k in enumerate(keys):
                if r % 2 == 0:
                    high = (high + _mix(xp, low, k) % np.uint32(height)) % np.uint32(height)
                else:
                    low = (low + _mix(xp, high, k) % np.uint32(width)) % np.uint32(width)
            return high * np.uint32(width) + low

        cells = once(xp.asarray(rows).astype(xp.uint32))
        if height * width > count:
            outside, again = lambda c: c >= np.uint32(count), lambda c: xp.where(c >= np.uint32(count), once(c), c)
            if xp is np:
                while np.any(outside(cells)):
                    cells = again(cells)
            else:
                cells = lax.while_loop(lambda c: jnp.any(outside(c)), again, cells)
        return cells.astype(xp.int32)


def _mix(xp: Any, value: Any, key: Any) -> Any:
    """A 32-bit hash of value and key in which every bit depends on every other (murmur3's finaliser)."""
    h = xp.bitwise_xor(value * np.uint32(0x9E3779B1), key)
    h = xp.bitwise_xor(h, h >> np.uint32(16)) * np.uint32(0x85EBCA6B)
    h = xp.bitwise_xor(h, h >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    return xp.bitwise_xor(h, h >> np.uint32(16))
