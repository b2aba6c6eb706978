"""Layers that make spectra of sounds inside the compiled program: in training, in use, and in the saved model."""

from __future__ import annotations

import math
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np

from ..config import NonNegativeFloat, PositiveFloat, PositiveInt, one_of, real
from ..core.layer import Layer
from ..initializers import Initializer
from ..numerics import floating, widen
from ..ops import audio
from ..ops.conv import conv
from .preprocessing import _floats
from .spatial import DataFormat


def _window(value: Any) -> Any:
    """A window's name, numbers as a list, or None."""
    if value is None or isinstance(value, str):
        audio.window_of(value, 1)  # an unknown name is an error here
        return value
    return [real(number) for number in np.asarray(value).tolist()]


Window = Annotated[Any, _window]
FLOOR = 1e-7  # Keras' epsilon: what powers and magnitudes are raised to before a root or a logarithm


class STFT(Initializer):
    """The waves of a short-time Fourier transform, windowed: cos or sin of -2 pi n f / (2 frequencies - 2).

    Args:
        side: "real" for cosines, "imag" for sines.
        window: as in STFTSpectrogram; None for neither window nor scaling.
        scaling: "density", "spectrum" or None.
        periodic: the argument `fftbins` of scipy.signal.get_window.

    Shapes are (frame_length, 1, frequencies).

    >>> STFT("real", None)((2, 1, 3)).round(3).ravel().tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0, -1.0]
    """

    side: Annotated[str, one_of("real", "imag")] = "real"
    window: Window = "hann"
    scaling: Annotated[str | None, one_of("density", "spectrum", None)] = "density"
    periodic: bool = False

    def draw(self, shape, dtype, rng):
        length, _, frequencies = shape
        args = -2 * np.pi * np.outer(np.arange(length), np.arange(frequencies) / (2 * (frequencies - 1)))
        waves = np.cos(args) if self.side == "real" else np.sin(args)
        if self.window is not None:
            window = audio.window_of(self.window, length, periodic=self.periodic).astype(np.float64)
            sizes = {"density": np.sqrt((window**2).sum()), "spectrum": np.abs(window).sum(), None: 1.0}
            waves *= window[:, None] / sizes[self.scaling]
        return waves[:, None]


class STFTSpectrogram(Layer):
    """Spectra of sounds by convolution with windowed waves, which training may change.

    re[t, f] + i im[t, f] = sum over n of x[t step + n] w[n] exp(-2 pi i f n / fft_length)

    Args:
        mode: "log" (log of the magnitude), "magnitude", "psd" (power), "real", "imag", "angle", or "stft" (real, then
            imaginary parts).
        frame_length: samples of a frame.
        frame_step: samples from one frame to the next; by default half a frame.
        fft_length: of the transform, at least frame_length; by default the next power of two.
        window: "hann", "hamming" or another name of scipy.signal.get_window, frame_length numbers, or None.
        periodic: whether the window is made periodic, as Keras names it: the argument `fftbins` of get_window.
        scaling: "density" (window of length 1 in the square), "spectrum" (its sum is 1) or None.
        padding: "valid" or "same".
        expand_dims: keep the channels of the sound as a last axis of its own.
        data_format: "channels_last" (the default) or "channels_first".

    Input: (batch, samples, channels). Output: (batch, frames, channels * frequencies), or with expand_dims
    (batch, frames, frequencies, channels); with channels_first the frames are behind the channels in all of them.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.STFTSpectrogram()(np.ones((2, 800, 1), "float32")).shape
    (2, 5, 129)
    """

    mode: Annotated[str, one_of("log", "magnitude", "psd", "real", "imag", "angle", "stft")] = "log"
    frame_length: PositiveInt = 256
    frame_step: PositiveInt | None = None
    fft_length: PositiveInt | None = None
    window: Window = "hann"
    periodic: bool = False
    scaling: Annotated[str | None, one_of("density", "spectrum", None)] = "density"
    padding: Annotated[str, one_of("valid", "same")] = "valid"
    expand_dims: bool = False
    data_format: DataFormat = None
    autocast = False  # logarithms of half a precision are none

    def __post_init__(self):
        super().__post_init__()
        if self.frame_step is not None and self.frame_step > self.frame_length:
            raise ValueError(
                f"STFTSpectrogram(frame_step={self.frame_step}): expected no more than frame_length="
                f"{self.frame_length}, else samples between frames are never seen"
            )
        if self.fft_length is not None and self.fft_length < self.frame_length:
            raise ValueError(
                f"STFTSpectrogram(fft_length={self.fft_length}): expected at least frame_length={self.frame_length}"
            )

    def call(self, x: Any) -> Any:
        if x.ndim != 3:
            raise self.error(f"expected sounds (batch, samples, channels). Received {x.ndim} axes; add x[..., None]")
        first = self.data_format == "channels_first"
        sounds = _floats(x if first else x.swapaxes(1, 2))  # (batch, channels, samples)
        parts = {side: self._waves(sounds, side) for side in SIDES if self.mode == side or self.mode not in SIDES}
        spectra = MODES[self.mode](**parts)  # (batch, channels, frames, frequencies)
        if self.expand_dims:
            return spectra if first else jnp.moveaxis(spectra, 1, 3)
        batch, channels, frames, frequencies = spectra.shape
        joined = spectra.swapaxes(2, 3).reshape(batch, channels * frequencies, frames)
        return joined if first else joined.swapaxes(1, 2)

    def _waves(self, sounds: Any, side: str) -> Any:
        """One side of the transform: (batch, channels, samples) -> (batch, channels, frames, frequencies)."""
        length = self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))
        shape = (self.frame_length, 1, length // 2 + 1)
        kernel = self.param(f"{side}_kernel", shape, STFT(side, self.window, self.scaling, self.periodic))
        step = self.frame_step or self.frame_length // 2
        found = conv(sounds.reshape(-1, sounds.shape[-1], 1), kernel.astype(sounds.dtype), step, self.padding)
        return found.reshape(*sounds.shape[:2], *found.shape[1:])


def _magnitude(real: Any, imag: Any) -> Any:
    return jnp.sqrt(jnp.maximum(real**2 + imag**2, FLOOR))


def _density(real: Any, imag: Any) -> Any:
    """Power; what lies between the first and the last frequency counts for its mirror image too."""
    power = real**2 + imag**2
    return power * jnp.ones(power.shape[-1]).at[1:-1].set(2)


SIDES = ("real", "imag")
MODES = {
    "log": lambda real, imag: jnp.log(jnp.maximum(_magnitude(real, imag), FLOOR)),
    "magnitude": _magnitude,
    "psd": _density,
    "real": lambda real: real,
    "imag": lambda imag: imag,
    "angle": lambda real, imag: jnp.arctan2(imag, real),
    "stft": lambda real, imag: jnp.concatenate([real, imag], axis=-1),
}


class MelSpectrogram(Layer):
    """How loud a sound is over time, at pitches that are evenly spaced for the ear.

    Args:
        fft_length: samples of a frame, and of its transform.
        sequence_stride: samples from one frame to the next.
        sequence_length: samples that the window spans, in the middle of the frame; by default all.
        window: "hann", "hamming" or another name of scipy.signal.get_window, sequence_length numbers, or None.
        sampling_rate: samples a second.
        num_mel_bins: how many pitches.
        min_freq, max_freq: in hertz; by default up to half the rate.
        power_to_db: whether to answer in decibels.
        top_db: decibels below the loudest of a sound are raised to this distance; None keeps them.
        mag_exp: 1 for magnitudes, 2 for powers.
        min_power: what powers are raised to before the logarithm.
        ref_power: the power of 0 decibels.
        mel_scale: "keras", "htk" (torchaudio's) or "slaney" (librosa's), see `ops.audio.mel_filters`.

    Input: (batch, samples), or one sound (samples,). Output: (batch, num_mel_bins, frames); Permute((2, 1)) brings time
    first, as recurrent layers want it.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.MelSpectrogram(256, 80, sampling_rate=8000, num_mel_bins=40)(np.ones((2, 800), "float32")).shape
    (2, 40, 11)
    """

    fft_length: PositiveInt = 2048
    sequence_stride: PositiveInt = 512
    sequence_length: PositiveInt | None = None
    window: Window = "hann"
    sampling_rate: PositiveInt = 16000
    num_mel_bins: PositiveInt = 128
    min_freq: NonNegativeFloat = 20.0
    max_freq: PositiveFloat | None = None
    power_to_db: bool = True
    top_db: NonNegativeFloat | None = 80.0
    mag_exp: PositiveFloat = 2.0
    min_power: PositiveFloat = 1e-10
    ref_power: float = 1.0
    mel_scale: Annotated[str, one_of(*audio.BANKS)] = "keras"
    autocast = False  # half a precision has no room for powers

    def __post_init__(self):
        super().__post_init__()
        where, top = type(self).__name__, self.max_freq or self.sampling_rate / 2
        if (self.sequence_length or 0) > self.fft_length:
            raise ValueError(
                f"{where}(sequence_length={self.sequence_length}): expected at most fft_length={self.fft_length}"
            )
        if not self.min_freq < top <= self.sampling_rate / 2:
            raise ValueError(
                f"{where}(min_freq={self.min_freq:g}, max_freq={top:g}): expected min_freq < max_freq <= "
                f"{self.sampling_rate / 2:g}, half the sampling_rate"
            )

    def call(self, x: Any) -> Any:
        return self._levels(x).swapaxes(-1, -2)

    def _levels(self, x: Any) -> Any:  # (..., samples) -> (..., frames, num_mel_bins)
        if x.ndim not in (1, 2):
            raise self.error(f"expected sounds (batch, samples). Received {x.ndim} axes; of several channels take one")
        window = audio.window_of(self.window, self.sequence_length or self.fft_length, self.fft_length)
        magnitudes = jnp.abs(audio.stft(_floats(x), window, self.sequence_stride))
        powers = magnitudes if self.mag_exp == 1 else magnitudes**self.mag_exp
        bounds = (self.sampling_rate, self.min_freq, self.max_freq, self.mel_scale)
        levels = powers @ audio.mel_filters(self.num_mel_bins, self.fft_length // 2 + 1, *bounds)
        return audio.decibels(levels, self.min_power, self.ref_power, self.top_db) if self.power_to_db else levels


class MFCC(MelSpectrogram):
    """Mel-frequency cepstral coefficients: the cosine transform of a mel spectrogram, of which few numbers tell much.

    Args:
        fft_length ... mel_scale: as in MelSpectrogram.
        num_mfccs: how many coefficients, from the first, at most num_mel_bins.
        lifter: strength of a sine that brings high coefficients to the size of low ones; 0 leaves them, 22 is HTK's.

    Input: (batch, samples), or one sound (samples,). Output: (batch, num_mfccs, frames).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.MFCC(256, 80, sampling_rate=8000, num_mel_bins=40, num_mfccs=13)(np.ones((2, 800), "float32")).shape
    (2, 13, 11)
    """

    num_mfccs: PositiveInt = 20
    lifter: NonNegativeFloat = 0.0

    def __post_init__(self):
        super().__post_init__()
        if self.num_mfccs > self.num_mel_bins:
            raise ValueError(f"MFCC(num_mfccs={self.num_mfccs}): expected at most num_mel_bins={self.num_mel_bins}")

    def call(self, x: Any) -> Any:
        basis = audio.cosines(self.num_mel_bins, self.num_mfccs) * audio.lifter(self.num_mfccs, self.lifter)
        return (self._levels(x) @ basis).swapaxes(-1, -2)


class CepstralMeanNormalization(Layer):
    """Spectra without what is the same at all times of a sound: the microphone, the room, the loudness.

    y[t, f] = x[t, f] - mean over t of x[t, f], of logarithms (decibels, cepstra)

    Frames that are masked neither count nor change.

    Input and output: (batch, frames, features).

    Reference: Atal 1974, https://doi.org/10.1121/1.1914702

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.CepstralMeanNormalization()(np.array([[[1.0, 5.0], [3.0, 5.0]]])).tolist()
    [[[-1.0, 0.0], [1.0, 0.0]]]
    """

    supports_masking = True

    def call(self, x: Any, mask: Any = None) -> Any:
        wide, counts = widen(x), True if mask is None else jnp.expand_dims(mask, -1) != 0  # (batch, frames, 1)
        counts = jnp.broadcast_to(counts, x.shape)
        number = jnp.maximum(jnp.sum(counts, axis=1, keepdims=True), 1)
        mean = jnp.sum(jnp.where(counts, wide, 0), axis=1, keepdims=True) / number
        return jnp.where(counts, wide - mean, wide).astype(floating(x))
