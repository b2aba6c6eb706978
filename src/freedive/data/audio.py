"""Sound files to arrays: WAV, FLAC, OGG and whatever else libsndfile reads, one channel or several, at one rate."""

from __future__ import annotations

import contextlib
import io
import math
import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from .errors import DataFileError
from .folders import ClassFolder, read_class_folder, stack
from .opening import Path, open_file

EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au")
MAX_SAMPLES = 2**28  # an hour and a half at 48 kHz: a small file may claim anything
MAX_RATE = 2**20  # samples a second
_TAPS = 32  # zero crossings of the sinc on either side


def read_audio(
    path: Path | bytes, sample_rate: int | None = None, mono: bool = True, name: str = ""
) -> tuple[np.ndarray, int]:
    """The samples of a sound file.

    Args:
        path: the file, or its content as bytes (then `name` stands in errors).
        sample_rate: the wanted samples a second; None keeps the file's.
        mono: average the channels.

    Returns:
        (samples, sample_rate): float32 in -1..1, (frames,) if mono, else (frames, channels).

    Raises:
        DataFileError: no sound file, a damaged or an empty one.

    >>> import soundfile
    >>> soundfile.write("silence.wav", np.zeros((800, 2)), 8000)
    >>> samples, rate = read_audio("silence.wav", sample_rate=4000)
    >>> samples.shape, rate
    ((400,), 4000)
    """
    name = name or ("sound" if isinstance(path, bytes) else os.fspath(path))
    with io.BytesIO(path) if isinstance(path, bytes) else open_file(path) as source:
        _refuse_cut(source, name)
        samples, rate = _decode(source, name)
    if not np.isfinite(samples).all():
        raise DataFileError(name, "a sample is not finite", int(np.argmin(np.isfinite(samples).all(1))), "sample")
    if mono:
        samples = samples.mean(axis=1)
    if sample_rate is not None:
        _refuse_resampling(name, len(samples), rate, sample_rate)
        samples, rate = resample(samples, rate, sample_rate), sample_rate
    return samples, rate


def sound_header(path: Path) -> tuple[int, int]:
    """(frames, samples a second) as a sound file announces them; no sample is read, so that it may be wrong.

    Raises:
        DataFileError: no sound file, a cut or an empty one.
    """
    name = os.fspath(path)
    with open_file(path) as source:
        _refuse_cut(source, name)
        with _opened(source, name) as file:
            frames, rate = file.frames, file.samplerate
    if not frames:
        raise DataFileError(name, "the sound has no samples")
    return frames, rate


def read_audio_folder(
    folder: Path,
    sample_rate: int | None = None,
    frames: int | None = None,
    on_error: str = "raise",
    follow_links: bool = False,
) -> ClassFolder:
    """A folder of class folders of sounds.

    Args:
        folder: as FOLDER/CLASS/FILE.
        sample_rate: the wanted rate; None expects that all files have the same.
        frames: cut every sound to that many samples, or lengthen it with silence; None keeps the lengths.
        on_error: "raise", or "skip" damaged files with a warning.
        follow_links: whether links may lead out of the folder.

    Returns:
        A `ClassFolder`; `x` is float32 (n, frames), or a list of arrays (frames,) where lengths are kept.
    """
    rates: dict[int, str] = {}

    def read(file: str) -> np.ndarray:
        samples, rate = read_audio(file, sample_rate)
        rates.setdefault(rate, file)
        if len(rates) > 1:
            (other, first), *_ = rates.items()
            raise ValueError(f"{file} has {rate} samples a second, {first} has {other}: pass sample_rate=")
        return samples if frames is None else fit_length(samples, frames)

    found = read_class_folder(folder, EXTENSIONS, read, on_error, follow_links)
    if frames is not None:
        found.x = stack(found.x, found.files, "Pass frames=")
    return found


def fit_length(samples: np.ndarray, frames: int) -> np.ndarray:
    """The first `frames` samples, with silence behind a sound that is shorter.

    >>> fit_length(np.ones(2), 4)
    array([1., 1., 0., 0.])
    """
    return np.pad(samples[:frames], [(0, max(0, frames - len(samples)))] + [(0, 0)] * (samples.ndim - 1))


def resample(samples: Any, from_rate: int, to_rate: int) -> np.ndarray:
    """A sound at another rate, by band-limited interpolation with a windowed sinc.

    y[n] = sum_k x[k] h(n from/to - k),  h(t) = c sinc(c t) window(t),  c = min(1, to/from)

    Args:
        samples: (frames,) or (frames, channels).

    Returns:
        float32 (ceil(frames to/from), ...).

    Reference: J. O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/

    >>> resample(np.ones(8), 8000, 4000).shape
    (4,)
    """
    for what, rate in (("from_rate", from_rate), ("to_rate", to_rate)):
        if isinstance(rate, bool) or rate != int(rate) or rate <= 0:
            raise ValueError(f"resample({what}={rate!r}): expected a positive whole number of samples a second")
    x = np.asarray(samples, np.float32)
    divisor = math.gcd(int(from_rate), int(to_rate))
    down, up = int(from_rate) // divisor, int(to_rate) // divisor
    if down == up:
        return x
    cutoff = min(1.0, up / down)
    half = math.ceil(_TAPS / cutoff)
    kernels = _phases(up, cutoff, half)  # (up, 2 half)
    padded = np.pad(x, [(half - 1, half + 1)] + [(0, 0)] * (x.ndim - 1))
    places = np.arange(-(-len(x) * up // down)) * down  # of the outputs, in steps of 1/up
    result = np.empty((len(places), *x.shape[1:]), np.float32)
    window = np.arange(2 * half)
    for start in range(0, len(places), 8192):  # bounds the memory of the gathered windows
        place = places[start : start + 8192]
        gathered = padded[place[:, None] // up + window]  # (outputs, 2 half, ...)
        result[start : start + 8192] = np.einsum("nk...,nk->n...", gathered, kernels[place % up])
    return result


def _refuse_resampling(name: str, frames: int, rate: int, wanted: int) -> None:
    """A header may say any rate; the result and the filter for it are to have a size."""
    divisor = math.gcd(rate, wanted)
    filters = wanted // divisor * 2 * math.ceil(_TAPS * max(1.0, rate / wanted))
    if rate != wanted and max(frames * wanted // rate, filters) > MAX_SAMPLES // 8:
        raise DataFileError(name, f"{frames:,} samples at {rate:,} a second: too many to bring them to {wanted:,}")


def _decode(source: BinaryIO, name: str) -> tuple[np.ndarray, int]:
    """All samples (frames, channels) and their rate."""
    with _opened(source, name) as file:
        announced, rate = file.frames, file.samplerate
        if announced * file.channels > MAX_SAMPLES:
            detail = f"{announced * file.channels:,} samples announced; at most {MAX_SAMPLES:,} are read"
            raise DataFileError(name, detail)
        samples = file.read(dtype="float32", always_2d=True)
    if not len(samples):
        raise DataFileError(name, "the sound has no samples")
    if len(samples) < announced:
        raise DataFileError(name, f"the sound ends after {len(samples):,} of {announced:,} samples")
    return samples, rate


@contextlib.contextmanager
def _opened(source: BinaryIO, name: str) -> Iterator[Any]:
    """A sound file under the decoder's hands; what goes wrong inside names the file."""
    import soundfile

    try:
        with soundfile.SoundFile(source) as file:
            if file.samplerate > MAX_RATE:
                raise DataFileError(name, f"{file.samplerate:,} samples a second; at most {MAX_RATE:,} are read")
            yield file
    except (soundfile.SoundFileError, RuntimeError, TypeError) as error:
        why = getattr(error, "error_string", error)  # without the name of Python's object
        raise DataFileError(name, f"cannot be read as a sound: {why}") from error


def _refuse_cut(source: BinaryIO, name: str) -> None:
    """An empty file is none of sound; a WAV file shorter than it says is damaged, though the decoder would not mind."""
    head = source.read(8)
    have = source.seek(0, os.SEEK_END)
    source.seek(0)
    if not have:
        raise DataFileError(name, "the file is empty")
    said = int.from_bytes(head[4:], "little") + 8
    if head[:4] == b"RIFF" and have < said < 2**32:  # programs that write to a pipe say 0 or the largest number
        raise DataFileError(name, f"the file is cut: {have:,} of {said:,} bytes")


def _phases(up: int, cutoff: float, half: int) -> np.ndarray:
    """The filter seen from each of the `up` places an output may have between two inputs; each sums to 1."""
    t = np.arange(up)[:, None] / up - np.arange(-half + 1, half + 1)  # (up, 2 half)
    kernels = np.sinc(cutoff * t) * np.cos(np.pi * t / (2 * half)) ** 2
    return (kernels / kernels.sum(axis=1, keepdims=True)).astype(np.float32)
