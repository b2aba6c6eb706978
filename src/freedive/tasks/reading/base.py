"""What a reader is, and the rows that it gives."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, NamedTuple

from ...config import Configured, Family
from ...data.errors import DataFileError
from ...data.folders import files_in
from ...files.errors import missing_file

Path = str | os.PathLike[str]


class Rows(NamedTuple):
    """Rows of data from a file.

    names: what each row is called: "a.png", "b.csv:3", or more, where the target knows how to say it.
    x: what the model takes: (rows, ...).
    notes: what was done to the data that its owner should know.
    """

    names: list[Any]
    x: Any
    notes: list[str]


class Reader(Configured):
    """How files become rows; a subclass writes its fields and `read`."""

    family: ClassVar[Family | None] = Family("reader")
    example: ClassVar[str] = "rows.npy"  # a file that it reads
    reading: ClassVar[Mapping[str, Any]] = {}  # how tables and texts are read, as was said of those learned from
    endings: ClassVar[tuple[str, ...]] = ()  # of the files that it takes of a folder
    ways: ClassVar[Collection[str]] = ()  # in which that can be said: names of `told.READING`

    @property
    def row_shape(self) -> tuple[int | None, ...] | None:
        """The shape of a row that it makes; None where it is not told by its fields alone."""
        return None

    def is_one(self, X: Any) -> bool:
        """Whether `X` is a row, where several are expected: a path or a text, whose letters would be taken for rows."""
        return isinstance(X, (str, os.PathLike))

    @property
    def encoding(self) -> str:
        """Of texts."""
        return self.reading.get("encoding", "utf-8")

    def encoded(self, X: Any) -> Any:
        """Raw rows, as people hold them in memory (arrays, texts, paths, tables), as the model takes them."""
        raise NotImplementedError

    def read(self, path: Path) -> Rows:
        """The rows that a file holds.

        Raises:
            FileNotFoundError, DataFileError: says what is wrong with the file.
        """
        raise NotImplementedError

    def files(self, path: Path) -> list[str]:
        """The files that a path stands for: itself, or those in a folder.

        Raises:
            DataFileError: none in the folder is of its kind.
        """
        if not self.endings or not os.path.isdir(path):
            return [os.fspath(path)]
        found = files_in(path, self.endings)
        if not found:
            raise DataFileError(path, f"no files in this folder. Expected {', '.join(self.endings)}")
        return found

    def labelled(self, path: Path, column: str | None) -> tuple[Any, Any]:
        """The rows of a file and their labels, as they stand there.

        Args:
            path: the file, or a folder.
            column: the column or array that holds the labels; None for the usual names.
        """
        raise DataFileError(path, f"{type(self).__name__.lower()} with their labels cannot be read from such a file")


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


def numbered(path: Path, places: Collection[int]) -> list[str]:
    """The names of the rows of a file of several, by their places in it, from 0.

    >>> numbered("a.npy", range(2)), numbered("a.npy", range(1))
    (['a.npy:0', 'a.npy:1'], ['a.npy'])
    """
    return [os.fspath(path)] if len(places) == 1 else [f"{os.fspath(path)}:{place}" for place in places]
