"""What a reader is, and the rows that it gives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...config import Configured, Family
from ...data.errors import DataFileError
from ...files.errors import missing_file

Path = str | os.PathLike[str]


class Rows(NamedTuple):
    """Rows of data from a file.

    names: what each row is called: "a.png", "b.csv:3".
    x: what the model takes: (rows, ...).
    notes: what was done to the data that its owner should know.
    """

    names: list[str]
    x: Any
    notes: list[str]


class Reader(Configured):
    """How files become rows; a subclass writes its fields and `read`."""

    family: ClassVar[Family | None] = Family("reader")
    example: ClassVar[str] = "rows.npy"  # a file that it reads

    def read(self, path: Path) -> Rows:
        """The rows that a file holds.

        Raises:
            FileNotFoundError, DataFileError: says what is wrong with the file.
        """
        raise NotImplementedError

    def labelled(self, path: Path, target: str | None, classes: Sequence[str]) -> tuple[Any, np.ndarray]:
        """The rows of a file and their true classes.

        Args:
            path: the file, or a folder.
            target: the column or array that holds the classes; None for the usual names.
            classes: the names of the classes.
        """
        raise DataFileError(path, f"{type(self).__name__.lower()} with their classes cannot be read from such a file")


def suffix(path: Path) -> str:
    """The ending of a file's name in small letters, without .gz; a path where nothing is, is an error.

    >>> import tempfile, os
    >>> folder = tempfile.mkdtemp(); _ = open(os.path.join(folder, "A.CSV.gz"), "w")
    >>> suffix(os.path.join(folder, "A.CSV.gz"))
    '.csv'
    """
    if not os.path.exists(path):
        raise missing_file(path)
    name = os.fspath(path).lower().removesuffix(".gz")
    return os.path.splitext(name)[1]


def numbered(path: Path, count: int) -> list[str]:
    """The names of the rows of a file of several.

    >>> numbered("a.npy", 2), numbered("a.npy", 1)
    (['a.npy:0', 'a.npy:1'], ['a.npy'])
    """
    return [os.fspath(path)] if count == 1 else [f"{os.fspath(path)}:{i}" for i in range(count)]


def class_numbers(path: Path, labels: Any, classes: Sequence[str]) -> np.ndarray:
    """Labels as places in the list of classes: names of classes, or their numbers."""
    places = {str(name): i for i, name in enumerate(classes)}
    found = np.empty(len(labels), np.int64)
    for row, label in enumerate(np.asarray(labels).reshape(len(labels)).tolist()):
        whole = isinstance(label, (int, float)) and float(label).is_integer()
        text = str(int(label)) if whole else str(label)
        place = places.get(text, int(label) if whole else -1)
        if not 0 <= place < len(classes):
            shown = ", ".join(map(str, classes[:12])) + (", ..." if len(classes) > 12 else "")
            raise DataFileError(path, f"the class {label!r} is none of the model's: {shown}", row, "row")
        found[row] = place
    return found
