"""The Free Spoken Digit Dataset: 3,000 recordings of ten digits by six speakers, from a folder or its public home."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..data.audio import fit_length, read_audio
from ..data.errors import DataFileError
from ..files.errors import missing_file
from .catalog import CATALOG
from .embedded import Split
from .public import PublicFile, find_files

class_names = CATALOG["spoken_digits"].class_names
SAMPLE_RATE = 8000
ARCHIVE = PublicFile("v1.0.10.zip", ("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/",), "", 17)
_RECORDING = re.compile(r"(\d)_([^_/]+)_(\d{1,4})\.wav")
_MOST_BYTES = 10**6  # of one recording; two minutes


def load_data(
    path: str | os.PathLike[str] | None = None,
    download: bool = True,
    frames: int | None = None,
    test_takes: int = 5,
) -> Split:
    """The recordings and their digits.

    Args:
        path: the folder of DIGIT_SPEAKER_TAKE.wav files, or a .zip of it; None looks in the cache.
        download: whether to fetch the archive (17 MB), once, where it is not on this machine.
        frames: cut every recording to that many samples, or lengthen it with silence; None keeps the lengths.
        test_takes: the takes numbered below this are for testing; the authors use 0 to 4.

    Returns:
        (x_train, y_train), (x_test, y_test): float32 (n, frames), or lists of arrays (samples,), at 8,000 samples a
        second; uint8 labels (n,) from 0 to 9.

    Raises:
        DatasetNotFoundError: it is neither on this machine nor could it be fetched.

    Reference: https://github.com/Jakobovski/free-spoken-digit-dataset
    """
    raw = load_raw(path, download)
    clips: Any = raw["clips"] if frames is None else np.stack([fit_length(clip, frames) for clip in raw["clips"]])
    testing = raw["takes"] < test_takes
    parts = []
    for rows in (np.flatnonzero(~testing), np.flatnonzero(testing)):
        x = [clips[row] for row in rows] if frames is None else clips[rows]
        parts.append((x, raw["digits"][rows]))
    return parts[0], parts[1]


def load_raw(path: str | os.PathLike[str] | None = None, download: bool = True) -> dict[str, Any]:
    """Everything, in the order of digit, speaker and take.

    Returns:
        clips: list of float32 (samples,); digits: uint8 (n,); speakers: (n,) of str; takes: int64 (n,).
    """
    path = os.fspath(path if path is not None else find_files("spoken_digits", [ARCHIVE], None, download)[0])
    found = {}
    for name, content in _contents(path):
        where = os.path.join(path, name)
        samples, rate = read_audio(content, name=where)
        if rate != SAMPLE_RATE:
            raise DataFileError(where, f"{rate} samples a second; expected {SAMPLE_RATE}")
        digit, speaker, take = name.removesuffix(".wav").split("_")
        found[int(digit), speaker, int(take)] = samples
    if not found:
        raise DataFileError(path, "no recordings called DIGIT_SPEAKER_TAKE.wav, as 7_jackson_32.wav")
    keys = sorted(found)
    return {
        "clips": [found[key] for key in keys],
        "digits": np.array([digit for digit, _, _ in keys], np.uint8),
        "speakers": np.array([speaker for _, speaker, _ in keys]),
        "takes": np.array([take for _, _, take in keys]),
    }


def _contents(path: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of each recording in a folder or a .zip file."""
    if os.path.isdir(path):
        inner = os.path.join(path, "recordings")
        folder = inner if os.path.isdir(inner) else path
        for name in sorted(os.listdir(folder)):
            if _RECORDING.fullmatch(name):
                with open(os.path.join(folder, name), "rb") as file:
                    yield name, file.read(_MOST_BYTES)
        return
    if not os.path.exists(path):
        raise missing_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = member.filename.rpartition("/")[2]
                if _RECORDING.fullmatch(name):
                    with archive.open(member) as file:
                        yield name, file.read(_MOST_BYTES)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataFileError(path, f"no .zip file, or a damaged one: {error}") from error
