"""Sound files and waves in memory, brought to one rate and one length."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection
from typing import Annotated, Any, ClassVar

import numpy as np

from ...config import PositiveInt, boolean
from ...data.audio import EXTENSIONS, fit_length, read_audio, sound_header
from ...data.errors import DataFileError
from ...errors import warn
from .base import Path, Reader, Rows
from .decoding import SKIP, attempted, check, decoded, wrong

LONGEST = 30  # seconds that are read of a sound, where nothing is said
LONGER = 1.1  # times as long as what is heard of each is worth a word


class Sounds(Reader):
    """Waves as float32 (rows, samples): one channel, one rate, silence behind those that are shorter.

    Args:
        rate: samples a second.
        samples: of every row.
        level: whether the strongest sample of every sound is brought to 1, so that it does not matter how loud it is.

    >>> reader = Sounds(8000, 4)
    >>> reader.encoded([np.array([0.0, 0.25, -0.5])]).tolist()
    [[0.0, 0.5, -1.0, 0.0]]
    """

    example: ClassVar[str] = "sound.wav"
    endings: ClassVar[tuple[str, ...]] = EXTENSIONS
    ways: ClassVar[Collection[str]] = ("encoding",)  # of transcripts

    rate: PositiveInt
    samples: PositiveInt
    level: Annotated[bool, boolean] = True

    @classmethod
    def learned(
        cls, X: Any, rate: int | None = None, seconds: float | None = None, level: bool = True, skip: bool = False
    ) -> Sounds:
        """The reader for sounds like these.

        Args:
            X: files, or arrays (samples,).
            rate: samples a second; None: of files, what most of them have. Others are resampled, with a warning.
            seconds: that are read of each; None: as long as the longest is, up to `LONGEST`.
            level: see above.
            skip: whether files that cannot be read are passed over, rather than named.
        """
        headers = looked_at(X, rate, skip)
        rates = Counter(found for _, found in headers)
        if None in rates:
            raise ValueError("X holds arrays, which do not say how fast they play: give sampling_rate=")
        chosen = rate or max(rates, key=lambda found: (rates[found], found))
        if others := len(headers) - rates[chosen]:
            told = ", ".join(f"{found:,}" for found in sorted(rates))
            warn(
                f"{others} of {len(headers)} sounds are resampled to {chosen:,} samples a second (found: {told})",
            )
        longest = max(frames * chosen / found for frames, found in headers)
        return cls(chosen, max(1, round(min(longest, (seconds or LONGEST) * chosen))), level)

    @property
    def row_shape(self) -> tuple[int | None, ...] | None:
        return (self.samples,)

    @property
    def seconds(self) -> float:
        """That are read of each."""
        return self.samples / self.rate

    def is_one(self, X: Any) -> bool:
        """Also one array (samples,)."""
        return super().is_one(X) or (isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "iuf")

    def encoded(self, X: Any) -> np.ndarray:
        """float32 (rows, samples), of files or arrays (samples,)."""
        rows = decoded(self._one, files_or_waves(X))
        self._tell(X, rows)
        return np.stack([row for row, _ in rows]) if rows else np.zeros((0, self.samples), np.float32)

    def read(self, path: Path) -> Rows:
        frames, rate = sound_header(path)
        notes = [] if rate == self.rate else [f"{os.fspath(path)}: resampled from {rate:,} to {self.rate:,} a second"]
        if frames / rate > self.seconds + 0.01:
            notes.append(f"{os.fspath(path)}: the first {self.seconds:.3g} of {frames / rate:.3g} seconds are heard")
        return Rows([os.fspath(path)], self._one(path)[0][None], notes)

    def labelled(self, path: Path, column: str | None) -> tuple[Any, Any]:
        """From a folder of class folders, or one of sounds and their transcripts."""
        from ...data.folders import list_class_folder
        from ...data.transcripts import list_transcripts

        if not os.path.isdir(path):
            raise DataFileError(path, "expected a folder: class folders of sounds, or sounds with their transcripts")
        found = list_transcripts(path, EXTENSIONS, self.encoding)
        if found is None:
            files, places, names = list_class_folder(path, EXTENSIONS)
            found = files, [names[place] for place in places]
        return self.encoded(found[0]), found[1]

    def _one(self, item: Any) -> tuple[np.ndarray, int]:
        """(samples,) of a sound, and how many it has in whole."""
        whole = read_audio(item, self.rate)[0] if is_path(item) else item
        samples = fit_length(whole, self.samples)
        strongest = np.abs(samples).max() if self.level else 0.0
        return samples / strongest if strongest > 0 else samples, len(whole)

    def _tell(self, X: Any, rows: list[tuple[np.ndarray, int]]) -> None:
        """Warn of sounds that are heard in part, and of those in which nothing is heard."""
        odd = {
            f"longer than the {self.seconds:.3g} seconds that are heard of each (seconds=...)": [
                row for row, (_, whole) in enumerate(rows) if whole > LONGER * self.samples
            ],
            "all silence": [row for row, (samples, _) in enumerate(rows) if not samples.any()],
        }
        for what, found in odd.items():
            if found:
                first = os.fspath(X[found[0]]) if is_path(X[found[0]]) else f"row {found[0]}"
                warn(f"{len(found):,} of {len(rows):,} sounds are {what}, the first: {first}")


def looked_at(X: Any, rate: int | None = None, skip: bool = False) -> list[tuple[int, Any]]:
    """(samples, rate) of every sound, of files without decoding them; arrays have the rate that is given, or None.

    Args:
        X: the sounds.
        rate: of arrays.
        skip: whether files that cannot be read are passed over, as long as there are others.

    Raises:
        UnreadableFilesError: names the files that cannot be read, those too whose sound alone tells it.
    """
    items = files_or_waves(X)
    found = attempted(lambda item: sound_header(item) if is_path(item) else (len(item), rate), items)
    good = [header for header in found if wrong(header) is None]
    if len(good) < len(found) and not (skip and good):
        check([item for item in items if is_path(item)], read_audio, SKIP)
    return good


def files_or_waves(X: Any) -> list[Any]:
    """Files as they are, sounds in memory as `wave` makes them."""
    return [item if is_path(item) else wave(item, row) for row, item in enumerate(X)]


def is_path(item: Any) -> bool:
    """Whether a row is a file, and no array."""
    return isinstance(item, (str, os.PathLike))


def wave(item: Any, row: int) -> np.ndarray:
    """A sound in memory as float32 (samples,); whole numbers by the size of their type."""
    given = np.asarray(item)
    if given.ndim != 1 or given.dtype.kind not in "iuf":
        shape = f"shape {given.shape} of {given.dtype}"
        raise ValueError(f"row {row}: expected a file, or numbers (samples,). Received: {shape}")
    if not len(given):
        raise ValueError(f"row {row}: the sound has no samples")
    if given.dtype.kind == "f":
        if not np.isfinite(given).all():
            raise ValueError(f"row {row}: sample {int(np.argmin(np.isfinite(given)))} is not finite")
        return given.astype(np.float32)
    limits = np.iinfo(given.dtype)
    middle = 0 if limits.min else (limits.max + 1) / 2
    return ((given - np.float64(middle)) / (limits.max - middle)).astype(np.float32)
