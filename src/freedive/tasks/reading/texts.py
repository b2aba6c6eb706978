"""Texts as rows of word numbers: lines of a file, whole files, or a column of a table."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import Annotated, Any, ClassVar

import numpy as np

from ...config import PositiveInt, text
from ...data.errors import DataFileError
from ...data.folders import list_class_folder
from ...data.opening import read_lines, read_text
from ...data.table_files import READERS
from ...data.tables import Table
from ...errors import unknown
from ...preprocessing.vocabulary import Vocabulary, WordVocabulary
from ..told import ANYWHERE, table_as
from .base import Path, Reader, Rows, numbered, suffix
from .tables import label_column

LINES = (".txt", "")
TEXT_FILES = (".txt", ".txt.gz")
USUAL = ("text", "texts", "sentence", "review", "comment", "message", "content")  # names of columns of texts


class _Lines(Reader):
    """A text in every line of a file."""

    def read(self, path: Path) -> Rows:
        texts = self.texts(path)
        return Rows(numbered(path, texts), self.encoded(list(texts.values())), [])

    def texts(self, path: Path) -> dict[int, str]:
        """The texts that a file holds, by their places in it."""
        if suffix(path) not in LINES:
            raise DataFileError(path, "expected a .txt file with a text in every line")
        return filled_lines(path, self.encoding)


def filled_lines(path: Path, encoding: str) -> dict[int, str]:
    """The lines of a file that are not empty, by their places among all, from 0.

    Raises:
        DataFileError: there are none.
    """
    lines = {place: line for place, line in enumerate(read_lines(path, encoding)) if line.strip()}
    if not lines:
        raise DataFileError(path, "no text")
    return lines


def words(cells: Any) -> float:
    """How many words the cells have on average; every Chinese character counts as one."""
    pieces = WordVocabulary(()).pieces
    looked_at = [str(cell) for cell in cells[:1000] if cell is not None]
    return sum(len(pieces(cell)) for cell in looked_at) / max(1, len(looked_at))


def _column(value: Any) -> str | None:
    return None if value is None else text(value)


class Texts(_Lines):
    """Texts as rows of numbers, filled up with 0.

    Args:
        vocabulary: what texts are made of, and its numbers.
        length: of a row; longer texts are cut at their end.
        column: of a table, that holds the texts; None: the only one called as texts usually are.
        whole: whether a .txt file is one text, rather than a text in every line.

    >>> from freedive.preprocessing import WordVocabulary
    >>> Texts(WordVocabulary(["deep", "dive"]), length=4).encoded(["Deep deep dive", "no"]).tolist()
    [[4, 4, 5, 0], [1, 0, 0, 0]]
    """

    example: ClassVar[str] = "texts.txt"
    endings: ClassVar[tuple[str, ...]] = TEXT_FILES
    ways: ClassVar[Collection[str]] = ANYWHERE

    vocabulary: Vocabulary
    length: PositiveInt
    column: Annotated[Any, _column] = None
    whole: bool = False

    @property
    def row_shape(self) -> tuple[int | None, ...] | None:
        return (self.length,)

    def encoded(self, X: Iterable[str]) -> np.ndarray:
        """int32 (texts, length)."""
        return self.vocabulary.rows(X, self.length)

    def texts(self, path: Path) -> dict[int, str]:
        if suffix(path) in READERS and suffix(path) not in LINES:
            return dict(enumerate(self._cells(path, table_as(path, self.reading))))
        lines = super().texts(path)
        return {0: "\n".join(lines.values())} if self.whole else lines

    def labelled(self, path: Path, column: str | None) -> tuple[np.ndarray, list[str]]:
        """From class folders, a table, or lines of a class, a tab and a text."""
        if os.path.isdir(path):
            files, labels, names = list_class_folder(path, TEXT_FILES)
            texts = (read_text(file, self.encoding).strip() for file in files)
            return self.encoded(texts), [names[label] for label in labels]
        if self.column is not None or column is not None:
            table = table_as(path, self.reading)
            return self.encoded(self._cells(path, table)), table[label_column(path, table, column)].tolist()
        rows = {place: line.split("\t", 1) for place, line in filled_lines(path, self.encoding).items()}
        short = next((place for place, row in rows.items() if len(row) < 2), None)
        if short is not None:
            raise DataFileError(path, "expected a class, a tab and a text", short + 1, "line")
        sides = [[row[side].strip() for row in rows.values()] for side in (0, 1)]
        labels, texts = sorted(sides, key=lambda side: (len(set(side)), words(side)))  # as they stand where both are so
        return self.encoded(texts), labels

    def _cells(self, path: Path, table: Table) -> list[str]:
        """The texts of a table."""
        name = self.column or next((name for name in table.columns if name.lower() in USUAL), None)
        if name is None:
            raise DataFileError(path, f"no column of texts; it has {', '.join(table.columns)}")
        if name not in table.columns:
            raise DataFileError(path, str(unknown("column", name, table.columns)))
        return ["" if cell is None else str(cell) for cell in table[name].tolist()]
