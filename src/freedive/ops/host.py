"""Arrays from the host: zeros, numbers, keys and copies that compile nothing.

`jnp.zeros` and its kin compile a program for each new shape, 10 to 20 ms each; the first run of a model would wait for
dozens of them.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


def zeros(shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """`jnp.zeros`.

    >>> zeros((2,), "float32").tolist()
    [0.0, 0.0]
    """
    return jax.device_put(np.zeros(shape, dtype))


def zeros_like(array: Any) -> Any:
    """`jnp.zeros_like`; of a traced array by jax itself, so that zeros are no constants of the program."""
    return jnp.zeros_like(array) if isinstance(array, Tracer) else zeros(array.shape, array.dtype)


def number(value: Any, dtype: Any = np.float32) -> Any:
    """A scalar array of this type, which is not weak.

    >>> number(0.5).dtype, number(3, "int32").dtype
    (dtype('float32'), dtype('int32'))
    """
    plain = isinstance(value, (int, float, np.number))
    return jax.device_put(np.asarray(value, dtype)) if plain else jnp.asarray(value, dtype)


def key(seed: Any, kind: str) -> Any:
    """`jax.random.key(seed, impl=kind)` of a Threefry kind, whose key is the seed itself."""
    if isinstance(seed, (int, np.integer)) and 0 <= seed < 2**32:
        return jax.random.wrap_key_data(jax.device_put(np.array([0, seed], np.uint32)), impl=kind)
    return jax.random.key(seed, impl=kind)


def copy(array: Any) -> Any:
    """The same values in an array of their own."""
    given = np.array(array) if isinstance(array, np.ndarray) else array
    return jax.device_put(given, may_alias=False)
