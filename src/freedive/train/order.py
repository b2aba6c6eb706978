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
    height, width = rectangle(count)
    return shuffled_in(rows, (count, height, width), seed, epoch)


def rectangle(count: int) -> tuple[int, int]:
    """The sides of a rectangle of at least so many cells, and hardly more.

    >>> rectangle(10)
    (4, 3)
    """
    height = math.isqrt(count - 1) + 1
    return height, -(-count // height)


def shuffled_in(rows: Any, sizes: tuple[Any, Any, Any], seed: Any, epoch: Any) -> Any:
    """`shuffled`, where the number of rows may be traced: `sizes` are that number and the sides of its `rectangle`."""
    plain = (int, np.integer, np.ndarray)
    xp: Any = np if all(isinstance(v, plain) for v in (rows, seed, epoch)) else jnp
    fixed = isinstance(sizes[0], plain)
    count, height, width = (np.uint32(size) if fixed else jnp.asarray(size, jnp.uint32) for size in sizes)
    with np.errstate(over="ignore"):
        key = _mix(xp, xp.asarray(seed).astype(xp.uint32), _mix(xp, xp.asarray(epoch).astype(xp.uint32), np.uint32(1)))
        keys = [_mix(xp, key, np.uint32(0x9E3779B9 * (r + 1) & 0xFFFFFFFF)) for r in range(ROUNDS)]

        def once(cells: Any) -> Any:
            high, low = cells // width, cells % width
            for r, k in enumerate(keys):
                if r % 2 == 0:
                    high = (high + _mix(xp, low, k) % height) % height
                else:
                    low = (low + _mix(xp, high, k) % width) % width
            return high * width + low

        cells = once(xp.asarray(rows).astype(xp.uint32))
        if not fixed or height * width > count:
            outside, again = lambda c: c >= count, lambda c: xp.where(c >= count, once(c), c)
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
