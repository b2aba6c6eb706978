"""Folders of class folders, as pictures, sounds and texts lie on disks: what is in them, and how they are split."""

from __future__ import annotations

import collections
import os
from collections.abc import Sequence

import numpy as np

from ..data import contents
from ..data.errors import DataFileError
from ..data.folders import list_class_folder
from ..data.writing import composed
from ..errors import counted
from ..preprocessing.split import twins
from .sources import Parts, Told, divided, taken

UNBALANCED = 4  # times as many rows of a class as of another are worth a word
PARTS = ({"train", "training"}, {"test", "testing"}, {"validation", "valid", "val"})


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


def class_folders(path: str, endings: tuple[str, ...], told: Told) -> tuple[Parts, list[str]]:
    """(files and their classes in parts, classes) of a folder of class folders.

    Parts that lie in folders `train` and `test` (and `validation`, which is then learned from) stay as they are; where
    there are none, files that hold the same are not parted.
    """
    inside = {name.lower(): os.path.join(path, name) for name in sorted(os.listdir(path))}
    train, test, validation = (next((inside[n] for n in inside if n in part), None) for part in PARTS)
    if train and (test or validation):
        learned = [labelled_files(part, endings) for part in (train, validation if test else None) if part]
        x_train, y_train = ([item for part in learned for item in part[i]] for i in (0, 1))
        order = np.random.default_rng(told.seed).permutation(len(x_train))  # so that the first rows are of all classes
        x_train, y_train = (taken(rows, [order])[0] for rows in (x_train, y_train))
        parts = Parts(x_train, y_train, *labelled_files(test or validation or "", endings))
    else:
        files, labels = labelled_files(path, endings)
        parts = divided(
            files, labels, told.seed, None, twins(contents.of_each(files), labels) if told.together else None
        )
    names = sorted({*parts.y_train, *parts.y_test})
    few(path, parts.y_train, names, [*parts.y_train, *parts.y_test])
    return parts, names


def labelled_files(path: str, endings: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The files of a folder of class folders, and the class of each."""
    files, labels, names = list_class_folder(path, endings)
    return files, [composed(names[label]) for label in labels]


def few(path: str, labels: list[str], names: list[str], every: Sequence[str] | None = None) -> None:
    """Refuse what cannot be learned: one class only, or a class of a single row.

    Args:
        path: of the data.
        labels: of the rows to learn from.
        names: of the classes.
        every: labels of the rows kept for the test too; None: there are none yet.
    """
    if len(names) < 2:
        raise DataFileError(path, f"only one class, {names[0]!r}; expected two or more")
    counts = {name: labels.count(name) for name in names}
    rare = min(names, key=counts.__getitem__)
    if counts[rare] < 2:
        have = counts[rare] if every is None else every.count(rare)
        left = "" if have in (1, counts[rare]) else f", of which the test takes {have - counts[rare]}"
        told = f"the class {rare!r} has {counted(have, 'rows')}{left}; expected 2 or more to learn from"
        raise DataFileError(path, told)


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
