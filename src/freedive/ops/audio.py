"""Sounds as pictures of time and frequency: frames, the short-time Fourier transform, mel filters, decibels, cepstra.

Sounds are (..., samples), spectra (..., frames, frequencies). What depends on sizes alone (windows, filters, the cosine
transform) is made by numpy on the host and becomes a constant of the compiled program; the rest is compiled. On a CPU
XLA's FFT beats a product with the matrix of sines three to nine times (windows of 256 to 2,048 samples), so there is
no second lowering.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


# frames and spectra ---------------------------------------------------------------------------------------------------
def framed(x: jax.Array, length: int, step: int) -> jax.Array:
    """Overlapping pieces of a sound: frame t holds the samples from t * step on.

    Args:
        x: (..., samples), at least `length` of them.
        length: of a frame.
        step: from one frame to the next.

    Returns:
        (..., 1 + (samples - length) // step, length).

    >>> framed(jnp.arange(6), 4, 2).tolist()
    [[0, 1, 2, 3], [2, 3, 4, 5]]
    """
    starts = np.arange(0, x.shape[-1] - length + 1, step)
    return x[..., starts[:, None] + np.arange(length)]


def window_of(window: Any, length: int, fft_length: int | None = None, periodic: bool = True) -> np.ndarray:
    """The weights of a frame's samples.

    Args:
        window: a name that scipy.signal.get_window knows ("hann", "hamming", ...), `length` numbers, or None for ones.
        length: of the window.
        fft_length: if given, the window stands in the middle of so many numbers, zeros on both sides.
        periodic: whether the window's period is its length, as for spectra; else it is symmetric, as for filters.

    Returns:
        float32, (fft_length or length,).

    >>> window_of("hann", 4, 6).tolist()
    [0.0, 0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if window is None:
        values = np.ones(length)
    elif isinstance(window, str):
        from scipy.signal import get_window

        values = get_window(window, length, periodic)
    else:
        values = np.asarray(window, np.float64)
        if values.shape != (length,):
            raise ValueError(f"window: expected {length} numbers, one a sample of a frame. Received: {values.shape}")
    before = 0 if fft_length is None else (fft_length - length) // 2
    after = 0 if fft_length is None else fft_length - length - before
    return np.pad(values, (before, after)).astype(np.float32)


def stft(x: jax.Array, window: Any, step: int, center: bool = True) -> jax.Array:
    """The short-time Fourier transform: X[t, f] = sum over n of x[t step + n] window[n] exp(-2 pi i f n / length).

    Args:
        x: (..., samples).
        window: (length,), as `window_of` makes it; its length is that of the transform.
        step: from one frame to the next.
        center: whether frame t stands around sample t * step; the sound is continued by its mirror image at both ends.

    Returns:
        complex64, (..., frames, length // 2 + 1).

    >>> stft(jnp.ones((2, 800)), window_of("hann", 256), 128).shape
    (2, 7, 129)
    """
    length = window.shape[0]
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(length // 2, length // 2)], mode="reflect")
    return jnp.fft.rfft(framed(x, length, step) * window)


def decibels(power: jax.Array, floor: float = 1e-10, reference: float = 1.0, top: float | None = 80.0) -> jax.Array:
    """10 log10(power / reference), no less than `top` below the loudest of each sound.

    Args:
        power: (..., frames, frequencies).
        floor: what power and reference are raised to where they are less.
        reference: the power of 0 decibels.
        top: the range; None keeps all.

    >>> decibels(jnp.array([[1.0, 100.0, 0.0]])).tolist()
    [[0.0, 20.0, -60.0]]
    """
    scale = 10 / np.log(10)
    levels = scale * jnp.log(jnp.maximum(power, floor)) - scale * float(np.log(max(abs(reference), floor)))
    return levels if top is None else jnp.maximum(levels, levels.max(axis=(-2, -1), keepdims=True) - top)


# mel filters ----------------------------------------------------------------------------------------------------------
class Bank(NamedTuple):
    """How filters are made: the scale of pitch, where the triangles are straight, whether their areas agree."""

    to_mel: Callable[[Any], Any]
    to_hertz: Callable[[Any], Any]
    straight_in_hertz: bool = True
    equal_areas: bool = False


def htk_mel(hertz: Any) -> Any:
    """2595 log10(1 + hertz / 700), the scale of HTK.

    >>> round(float(htk_mel(1000.0)))
    1000
    """
    return 2595 * np.log10(1 + np.asarray(hertz, np.float64) / 700)


def htk_hertz(mel: Any) -> Any:
    """The inverse of `htk_mel`."""
    return 700 * (10 ** (np.asarray(mel, np.float64) / 2595) - 1)


KNEE, PER_MEL, LOG_STEP = 1000.0, 200 / 3, np.log(6.4) / 27  # Slaney's: even up to 1 kHz, 27 mels to 6.4 kHz


def slaney_mel(hertz: Any) -> Any:
    """Slaney's scale: even below 1,000 hertz, logarithmic above.

    >>> slaney_mel([500.0, 1000.0, 6400.0]).round(3).tolist()
    [7.5, 15.0, 42.0]
    """
    hertz = np.asarray(hertz, np.float64)
    above = KNEE / PER_MEL + np.log(np.maximum(hertz, KNEE) / KNEE) / LOG_STEP
    return np.where(hertz < KNEE, hertz / PER_MEL, above)


def slaney_hertz(mel: Any) -> Any:
    """The inverse of `slaney_mel`."""
    mel = np.asarray(mel, np.float64)
    above = KNEE * np.exp(LOG_STEP * (np.maximum(mel, KNEE / PER_MEL) - KNEE / PER_MEL))
    return np.where(mel < KNEE / PER_MEL, mel * PER_MEL, above)


BANKS: dict[str, Bank] = {
    "keras": Bank(htk_mel, htk_hertz, straight_in_hertz=False),  # and TensorFlow
    "htk": Bank(htk_mel, htk_hertz),  # torchaudio; librosa with htk=True, norm=None
    "slaney": Bank(slaney_mel, slaney_hertz, equal_areas=True),  # librosa
}


def mel_filters(
    bins: int, frequencies: int, rate: float, low: float = 20.0, high: float | None = None, scale: str = "keras"
) -> np.ndarray:
    """Triangles that are evenly spaced on a scale of pitch; each overlaps with half of either neighbour.

    Args:
        bins: how many.
        frequencies: of the spectrum: fft_length // 2 + 1, from 0 to half the rate.
        rate: samples a second.
        low, high: in hertz, where the first begins and the last ends; high is half the rate by default.
        scale: "keras" (HTK's mel; triangles straight in mel, highest 1, nothing of frequency 0), "htk" (HTK's mel,
            straight in hertz), or "slaney" (Slaney's mel, straight in hertz, all of one area, as librosa's).

    Returns:
        float32, (frequencies, bins).

    >>> mel_filters(3, 129, 8000).shape
    (129, 3)
    """
    to_mel, to_hertz, straight_in_hertz, equal_areas = BANKS[scale]
    hertz = np.linspace(0, rate / 2, frequencies)
    edges = np.linspace(to_mel(low), to_mel(rate / 2 if high is None else high), bins + 2)
    places, points = (hertz, to_hertz(edges)) if straight_in_hertz else (to_mel(hertz), edges)
    rising = (places[:, None] - points[:-2]) / np.diff(points)[:-1]  # (frequencies, bins)
    falling = (points[2:] - places[:, None]) / np.diff(points)[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    if not straight_in_hertz:
        filters[0] = 0
    if equal_areas:
        hertz_points = to_hertz(edges)
        filters *= 2 / (hertz_points[2:] - hertz_points[:-2])
    return filters.astype(np.float32)


# cepstra --------------------------------------------------------------------------------------------------------------
def cosines(inputs: int, outputs: int) -> np.ndarray:
    """The orthonormal cosine transform (DCT-II): C[n, k] = sqrt((2 - [k = 0]) / N) cos(pi k (2 n + 1) / 2 N).

    Returns:
        float32, (inputs, outputs).

    >>> bool(np.allclose(cosines(5, 5) @ cosines(5, 5).T, np.eye(5), atol=1e-6))
    True
    """
    n, k = np.arange(inputs)[:, None], np.arange(outputs)
    basis = np.cos(np.pi * k * (2 * n + 1) / (2 * inputs)) * np.sqrt(np.where(k == 0, 1, 2) / inputs)
    return basis.astype(np.float32)


def lifter(outputs: int, strength: float) -> np.ndarray:
    """1 + strength / 2 sin(pi (k + 1) / strength): brings cepstra of high order to the size of low ones; 0 is ones."""
    k = np.arange(1, outputs + 1)
    return (np.ones(outputs) if strength == 0 else 1 + strength / 2 * np.sin(np.pi * k / strength)).astype(np.float32)
