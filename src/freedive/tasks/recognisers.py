"""The kinds of data that `freedive train PATH` knows when it sees them, in the order in which it looks."""

from __future__ import annotations

import collections
import os
from typing import Any

import numpy as np

from ..data.audio import EXTENSIONS as SOUNDS
from ..data.errors import DataFileError
from ..data.folders import list_class_folder
from ..data.idx import read_idx
from ..data.images import EXTENSIONS
from ..data.transcripts import list_transcripts
from .images import ImageClassifier
from .parallel import parallel_text
from .reading.numbers import TARGETS, arrays_in, chosen
from .reading.pictures import Thumbnails
from .sequences import SequenceClassifier
from .sources import Recogniser, Source, Told, divided, taken
from .speech import SpeechClassifier, Transcriber
from .table_sources import series_file, table_file

UNBALANCED = 4  # times as many rows of a class as of another are worth a word
PARTS = ({"train", "training"}, {"test", "testing"}, {"validation", "valid", "val"})


# folders ------------------------------------------------------------------------------------------------------------
def picture_folder(path: str, told: Told) -> Source | None:
    """a folder of class folders of pictures: photos/cat/1.jpg, photos/dog/7.png (with or without train/ and test/)"""
    if not holds(path, EXTENSIONS):
        return None
    (x_train, y_train), (x_test, y_test), names = class_folders(path, EXTENSIONS, told)
    found = f"{len(x_train) + len(x_test):,} pictures in {len(names)} class folders: {listed(names)}"
    found += unbalanced(y_train)
    task, facts = ImageClassifier(classes=names), [("data", path)]
    return Source(named(path), task, x_train, y_train, x_test, y_test, "pictures", Thumbnails, facts, found)


def sound_folder(path: str, told: Told) -> Source | None:
    """a folder of class folders of sounds: words/yes/1.wav, words/no/7.flac (with or without train/ and test/)"""
    if not holds(path, SOUNDS):
        return None
    (x_train, y_train), (x_test, y_test), names = class_folders(path, SOUNDS, told)
    found = f"{len(x_train) + len(x_test):,} sounds in {len(names)} class folders: {listed(names)}"
    task = SpeechClassifier(classes=names)
    return Source(named(path), task, x_train, y_train, x_test, y_test, "sounds", None, [("data", path)], found)


def transcribed_folder(path: str, told: Told) -> Source | None:
    """a folder of sounds and what is said: transcripts.csv with columns file and transcript, or a.wav beside a.txt"""
    if not os.path.isdir(path) or (found := list_transcripts(path, SOUNDS)) is None:
        return None
    files, texts = found
    if not all(file.lower().endswith(SOUNDS) for file in files):
        return None
    rows = divided(files, np.array(texts, object), told.seed)
    x_train, y_train, x_test, y_test = (list(part) for part in rows)
    told_of = f"{len(files):,} sounds with their transcripts, as {texts[0]!r:.60}"
    facts = [("data", path)]
    return Source(named(path), Transcriber(), x_train, y_train, x_test, y_test, "sounds", None, facts, told_of)


def holds(path: str, endings: tuple[str, ...]) -> bool:
    """Whether a folder has folders with files of these endings, at most three deep."""
    if not os.path.isdir(path):
        return False
    for where, folders, files in os.walk(path):
        depth = os.path.relpath(where, path).count(os.sep) + (where != path)
        if depth and any(name.lower().endswith(endings) for name in files):
            return True
        if depth >= 3:
            folders.clear()
    return False


def class_folders(path: str, endings: tuple[str, ...], told: Told) -> tuple[Any, Any, list[str]]:
    """((files, classes) to learn from, (files, classes) to test with, classes), of a folder of class folders.

    Parts that lie in folders `train` and `test` (and `validation`, which is then learned from) stay as they are.
    """
    inside = {name.lower(): os.path.join(path, name) for name in sorted(os.listdir(path))}
    train, test, validation = (next((inside[n] for n in inside if n in part), None) for part in PARTS)
    if train and (test or validation):
        learned = [labelled_files(part, endings) for part in (train, validation if test else None) if part]
        x_train, y_train = ([item for part in learned for item in part[i]] for i in (0, 1))
        order = np.random.default_rng(told.seed).permutation(len(x_train))  # so that the first rows are of all classes
        x_train, y_train = (taken(rows, [order])[0] for rows in (x_train, y_train))
        x_test, y_test = labelled_files(test or validation or "", endings)
    else:
        files, labels = labelled_files(path, endings)
        x_train, y_train, x_test, y_test = divided(files, labels, told.seed)
    names = sorted(set(y_train) | set(y_test))
    few(path, y_train, names)
    return (x_train, y_train), (x_test, y_test), names


def labelled_files(path: str, endings: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The files of a folder of class folders, and the class of each."""
    files, labels, names = list_class_folder(path, endings)
    return files, [names[label] for label in labels]


def few(path: str, labels: list[str], names: list[str]) -> None:
    """Refuse what cannot be learned: one class only, or a class of a single file."""
    if len(names) < 2:
        raise DataFileError(path, f"only one class, {names[0]!r}. Expected a folder for each of two classes or more")
    counts = {name: labels.count(name) for name in names}
    rare = min(names, key=counts.__getitem__)
    if counts[rare] < 2:
        raise DataFileError(path, f"the class {rare!r} has {counts[rare]} to learn from; expected 2 files or more")


def unbalanced(labels: list[str]) -> str:
    """What there is to say where a class has many more rows than another.

    >>> unbalanced(["cat"] * 9 + ["dog"] * 2)
    "\\nunbalanced: 9 of 'cat', 2 of 'dog'; --set class_weight=balanced lets all classes count the same"
    """
    counts = collections.Counter(labels).most_common()
    (most, many), (least, few) = counts[0], counts[-1]
    if many < UNBALANCED * few:
        return ""
    told = f"{many:,} of {most!r}, {few:,} of {least!r}"
    return f"\nunbalanced: {told}; --set class_weight=balanced lets all classes count the same"


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
        y = chosen(path, arrays, told.target, TARGETS)
        others = {name: array for name, array in arrays.items() if array is not y}
        x = chosen(path, others, None, ("x",))
        if len(x) != len(y):
            raise DataFileError(path, f"{len(x):,} rows, but {len(y):,} labels")
        x_train, y_train, x_test, y_test = divided(x, np.asarray(y).reshape(len(y)), told.seed)
    pictures = x_train.dtype == np.uint8 and (x_train.ndim == 3 or x_train.shape[-1] in (1, 3, 4))
    found = f"{len(x_train) + len(x_test):,} rows of shape {x_train.shape[1:]}"
    if pictures:
        return Source(named(path), ImageClassifier(), x_train, y_train, x_test, y_test, "pictures", x_test, [], found)
    if x_train.ndim == 3:
        return Source(named(path), SequenceClassifier(), x_train, y_train, x_test, y_test, "sequences", found=found)
    raise DataFileError(path, f"rows of shape {x_train.shape[1:]} of {x_train.dtype}: neither pictures nor sequences")


# words --------------------------------------------------------------------------------------------------------------
def named(path: str) -> str:
    """What data of a path is called."""
    name = os.path.basename(os.path.abspath(path))
    return name.split(".")[0] or name


def listed(names: list[str], most: int = 8) -> str:
    """Names in a line.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


RECOGNISERS: list[Recogniser] = [
    picture_folder,
    transcribed_folder,
    sound_folder,
    idx_folder,
    array_file,
    parallel_text,
    series_file,
    table_file,
]
