"""Random changes of sounds and their spectra inside the compiled program, drawn anew for every sound, in training only.

Sounds are (batch, samples), spectra (batch, time, features).
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from ..config import Fraction, non_negative, one_of, real
from ..core.layer import Layer
from ..ops.random import random_words
from .draws import Factor, bounds, uniform
from .dropping import seeded_key
from .preprocessing import _floats


def _decibels(value: Any) -> tuple[float, float]:
    """(lower, upper), or one number for both."""
    pair = value if isinstance(value, (list, tuple)) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"expected a number of decibels, or (lower, upper). Received: {value!r}")
    low, high = sorted(map(real, pair))
    return low, high


Count = Annotated[int, non_negative]


# sounds ---------------------------------------------------------------------------------------------------------------
class RandomTimeShift(Layer):
    """Sounds, or sequences of features, moved in time.

    Args:
        factor: the farthest way, a fraction of the length; or (lower, upper), positive is later.
        fill_mode: what comes in at the end that becomes free: "constant" (fill_value) or "wrap" (what left).
        fill_value: for "constant".
        seed: sets the draws of this layer apart from others'; the run's seed decides them.

    Input: (batch, time) or (batch, time, features). Output: the same shape. `factor`, where it is a number, may be
    swept or changed without compiling again.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.RandomTimeShift((0.5, 0.5))(np.arange(4.0)[None], training=True).tolist()
    [[0.0, 0.0, 0.0, 1.0]]
    """

    factor: Factor
    fill_mode: Annotated[str, one_of("constant", "wrap")] = "constant"
    fill_value: float = 0.0
    seed: int | None = None

    def call(self, x: Any) -> Any:
        x = _floats(x)
        if not self.training:
            return x
        length = x.shape[1]
        shift = jnp.round(length * uniform(seeded_key(self), x, bounds(self, "factor"))).astype(jnp.int32)
        places = jnp.arange(length) - shift[:, None]  # (batch, time)
        moved = _taken(x, places % length)
        if self.fill_mode == "wrap":
            return moved
        inside = (places >= 0) & (places < length)
        return jnp.where(_beside(inside, x), moved, jnp.asarray(self.fill_value, x.dtype))


class RandomSpeed(Layer):
    """Sounds, played faster or slower, as a tape is: tempo, pitch and timbre change together.

    y[n] = x(n speed), between samples on a straight line; behind the end of a sound played faster comes silence.
    Speakers that were not heard in training differ in this way from those that were.

    Args:
        factor: the speed lies between 1 - factor and 1 + factor; or (lower, upper), 0.1 is a tenth faster.
        seed: sets the draws of this layer apart from others'; the run's seed decides them.

    Input: (batch, samples). Output: the same shape. `factor`, where it is a number, may be swept or changed without
    compiling again.

    Reference: Ko et al. 2015, "Audio augmentation for speech recognition", Interspeech.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.RandomSpeed((0.5, 0.5))(np.arange(1.0, 5.0)[None], training=True).tolist()
    [[1.0, 2.5, 4.0, 0.0]]
    """

    factor: Factor
    seed: int | None = None

    def call(self, x: Any) -> Any:
        if x.ndim != 2:
            raise self.error(f"expected sounds (batch, samples). Received {x.ndim} axes")
        x = _floats(x)
        if not self.training:
            return x
        speed = 1 + uniform(seeded_key(self), x, bounds(self, "factor"))
        places = jnp.arange(x.shape[1], dtype=jnp.float32) * speed[:, None]  # (batch, samples)
        before = places.astype(jnp.int32)
        part = (places - before).astype(x.dtype)
        last = x.shape[1] - 1
        mixed = _taken(x, jnp.minimum(before, last)) * (1 - part) + _taken(x, jnp.minimum(before + 1, last)) * part
        return jnp.where(before <= last, mixed, 0)


class RandomNoise(Layer):
    """Sounds with white noise, whose loudness is drawn.

    y = x + e rms(x) 10^(-snr / 20) with e of mean 0 and variance 1

    Args:
        snr: how many decibels the sound is above the noise: one number, or (lower, upper).
        seed: sets the draws of this layer apart from others'; the run's seed decides them.

    Input: (batch, samples). Output: the same shape.

    >>> import numpy as np
    >>> import freedive as fd
    >>> noisy = fd.layers.RandomNoise(20.0)(np.ones((1, 9999)), training=True)
    >>> round(float(np.std(noisy)), 2)
    0.1
    """

    snr: Annotated[Any, _decibels] = (10.0, 40.0)
    seed: int | None = None

    def call(self, x: Any) -> Any:
        x = _floats(x)
        if not self.training:
            return x
        keys = jax.random.split(seeded_key(self))
        level = 10 ** (-uniform(keys[0], x, self.snr) / 20)
        loudness = jnp.sqrt(jnp.mean(jnp.square(x.astype(jnp.float32)), axis=tuple(range(1, x.ndim))))
        # Every frequency of a spectrum is a sum of many samples, so their distribution does not matter; even is cheap.
        noise = random_words(keys[1], x.shape).astype(jnp.float32) * 2**-32 - 0.5
        return x + (noise * 12**0.5 * _beside(level * loudness, x)).astype(x.dtype)


# spectra --------------------------------------------------------------------------------------------------------------
class SpecAugment(Layer):
    """Spectra with stripes of time and of frequency blanked out.

    Each stripe has a width from 0 to the largest, and stands anywhere, whatever else is blanked.

    Args:
        frequency_masks: how many stripes of frequency.
        frequency_width: features that one covers at most.
        time_masks: how many stripes of time.
        time_width: steps that one covers at most.
        time_fraction: of the length that a stripe of time covers at most, so that short sounds keep something.
        fill_value: what stands in a stripe; 0 is the mean of normalised spectra.
        seed: sets the draws of this layer apart from others'; the run's seed decides them.

    Input: (batch, time, features). Output: the same shape.

    Reference: Park et al. 2019, "SpecAugment", arXiv 1904.08779.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.SpecAugment()(np.ones((2, 100, 40)), training=True).shape
    (2, 100, 40)
    """

    frequency_masks: Count = 1
    frequency_width: Count = 8
    time_masks: Count = 1
    time_width: Count = 20
    time_fraction: Fraction = 0.3
    fill_value: float = 0.0
    seed: int | None = None
    supports_masking = True

    def call(self, x: Any) -> Any:
        if x.ndim != 3:
            raise self.error(f"expected spectra (batch, time, features). Received {x.ndim} axes")
        x = _floats(x)
        if not self.training:
            return x
        batch, time, features = x.shape
        keys = jax.random.split(seeded_key(self))
        longest = min(self.time_width, self.time_fraction * time)
        blank = _stripes(keys[0], batch, self.time_masks, time, longest)[:, :, None]
        blank |= _stripes(keys[1], batch, self.frequency_masks, features, self.frequency_width)[:, None]
        return jnp.where(blank, jnp.asarray(self.fill_value, x.dtype), x)


def _stripes(key: Any, batch: int, count: int, size: int, widest: float) -> Any:
    """Where `count` stripes of random width and place lie along an axis: (batch, size)."""
    wide, place = jax.random.uniform(key, (2, batch, count, 1))
    widest = math.floor(min(widest, size) + 1e-6)  # 0.29 * 100 is 29
    width = jnp.floor(wide * (widest + 1))
    start = jnp.floor(place * (size - width + 1))
    at = jnp.arange(size)
    return ((at >= start) & (at < start + width)).any(axis=1)


def _taken(x: Any, places: Any) -> Any:
    """x[b, places[b, t]], whatever axes follow."""
    return jax.vmap(lambda row, at: row.at[at].get(mode="promise_in_bounds"))(x, places)


def _beside(values: Any, x: Any) -> Any:
    """Values of the first axes, with axes of length one for the rest of x."""
    return values.reshape(values.shape + (1,) * (x.ndim - values.ndim))
