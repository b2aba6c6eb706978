"""The kinds of data that `freedive train PATH` knows when it sees them, in the order in which it looks."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..data import contents
from ..data.audio import EXTENSIONS as SOUNDS
from ..data.errors import DataFileError
from ..data.idx import read_idx
from ..data.images import EXTENSIONS
from ..data.transcripts import list_transcripts
from ..preprocessing.split import twins
from .class_folders import class_folders, holds, unbalanced
from .images import ImageClassifier
from .parallel import parallel_text
from .reading.numbers import TARGETS, arrays_in, chosen
from .reading.pictures import Thumbnails
from .sequences import SequenceClassifier
from .sources import Recogniser, Source, Told, divided, listed, named, told_copies
from .speech import SpeechClassifier, Transcriber
from .table_sources import series_file, table_file
from .text_sources import labelled_lines, text_files, text_folder
from .told import READING, TABLE


# folders ------------------------------------------------------------------------------------------------------------
def picture_folder(path: str, told: Told) -> Source | None:
    """a folder of class folders of pictures: photos/cat/1.jpg, photos/dog/7.png (with or without train/ and test/)"""
    if not holds(path, EXTENSIONS):
        return None
    parts, names = class_folders(path, EXTENSIONS, told)
    found = f"{len(parts.y_train) + len(parts.y_test):,} pictures in {len(names)} class folders: {listed(names)}"
    found += told_copies(parts.copies) + unbalanced(parts.y_train)
    task, facts = ImageClassifier(classes=names), [("data", path)]
    return Source(named(path), task, *parts[:4], "pictures", Thumbnails, facts, found, parts.groups)


def sound_folder(path: str, told: Told) -> Source | None:
    """a folder of class folders of sounds: words/yes/1.wav, words/no/7.flac (with or without train/ and test/)"""
    if not holds(path, SOUNDS):
        return None
    parts, names = class_folders(path, SOUNDS, told)
    found = f"{len(parts.y_train) + len(parts.y_test):,} sounds in {len(names)} class folders: {listed(names)}"
    found, task = found + told_copies(parts.copies), SpeechClassifier(classes=names)
    return Source(named(path), task, *parts[:4], "sounds", None, [("data", path)], found, parts.groups)


def transcribed_folder(path: str, told: Told) -> Source | None:
    """a folder of sounds and what is said: transcripts.csv with columns file and transcript, or a.wav beside a.txt"""
    if not os.path.isdir(path) or (found := list_transcripts(path, SOUNDS, told.encoding)) is None:
        return None
    files, texts = found
    if not all(file.lower().endswith(SOUNDS) for file in files):
        return None
    alike = twins(contents.of_each(files)) if told.together else None
    parts = divided(files, np.array(texts, object), told.seed, None, alike)
    x_train, y_train, x_test, y_test = (list(part) for part in parts[:4])
    told_of = f"{len(files):,} sounds with their transcripts, as {texts[0]!r:.60}{told_copies(parts.copies)}"
    facts = [("data", path)]
    return Source(
        named(path), Transcriber(), x_train, y_train, x_test, y_test, "sounds", None, facts, told_of, parts.groups
    )


# arrays -------------------------------------------------------------------------------------------------------------
def idx_folder(path: str, told: Told) -> Source | None:
    """a folder of IDX files as MNIST has them: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-... (or .gz)"""
    if not os.path.isdir(path):
        return None
    files = {name.removesuffix(".gz").replace(".", "-"): os.path.join(path, name) for name in sorted(os.listdir(path))}
    wanted = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    if not all(name in files for name in wanted):
        return None
    x_train, y_train, x_test, y_test = (read_idx(files[name]) for name in wanted)
    drawn: dict[str, Any] = {"ground": "dark"} if np.median(x_train[:, 0]) < 64 else {}
    task, found = ImageClassifier(**drawn), f"{len(x_train) + len(x_test):,} pictures in IDX files"
    return Source(named(path), task, x_train, y_train, x_test, y_test, "pictures", x_test, [("data", path)], found)


def array_file(path: str, told: Told) -> Source | None:
    """an .npz file of arrays x and y, or x_train, y_train, x_test and y_test"""
    if not path.lower().endswith(".npz"):
        return None
    arrays = dict(arrays_in(path))
    if {"x_train", "y_train", "x_test", "y_test"} <= arrays.keys():
        x_train, y_train, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    else:
        told.refuse_unknown(path, arrays, ["target"], "array")
        y = chosen(path, arrays, told.target, TARGETS)
        others = {name: array for name, array in arrays.items() if array is not y}
        x = chosen(path, others, None, ("x",))
        if len(x) != len(y):
            raise DataFileError(path, f"{len(x):,} rows, but {len(y):,} labels")
        x_train, y_train, x_test, y_test = divided(x, np.asarray(y).reshape(len(y)), told.seed)[:4]
    pictures = x_train.dtype == np.uint8 and (x_train.ndim == 3 or x_train.shape[-1] in (1, 3, 4))
    found = f"{len(x_train) + len(x_test):,} rows of shape {x_train.shape[1:]}"
    if pictures:
        return Source(named(path), ImageClassifier(), x_train, y_train, x_test, y_test, "pictures", x_test, [], found)
    if x_train.ndim == 3:
        return Source(named(path), SequenceClassifier(), x_train, y_train, x_test, y_test, "sequences", found=found)
    raise DataFileError(path, f"rows of shape {x_train.shape[1:]} of {x_train.dtype}: neither pictures nor sequences")


# What looks at a path, and the options that mean something for what it finds there.
RECOGNISERS: dict[Recogniser, tuple[str, ...]] = {
    picture_folder: (),
    transcribed_folder: ("encoding",),
    sound_folder: (),
    text_folder: ("encoding",),
    text_files: ("encoding",),
    idx_folder: (),
    array_file: ("target",),
    parallel_text: ("encoding",),
    labelled_lines: ("encoding",),
    series_file: ("target", "horizon", *READING),
    table_file: ("target", "group", "text", *TABLE),
}
