"""Lines of text as rows of word numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from ...config import PositiveInt
from ...data.errors import DataFileError
from ...data.opening import read_text
from ...preprocessing.vocabulary import Vocabulary
from .base import Path, Reader, Rows, numbered, suffix


class _Lines(Reader):
    """A text in every line of a file."""

    def read(self, path: Path) -> Rows:
        if suffix(path) not in (".txt", ""):
            raise DataFileError(path, "expected a .txt file with a text in every line")
        lines = [line for line in read_text(path).splitlines() if line.strip()]
        if not lines:
            raise DataFileError(path, "no text")
        return Rows(numbered(path, len(lines)), self.encoded(lines), [])


class Texts(_Lines):
    """Texts as rows of numbers, filled up with 0.

    Args:
        vocabulary: what texts are made of, and its numbers.
        length: of a row; longer texts are cut at their end.

    >>> from freedive.preprocessing import WordVocabulary
    >>> Texts(WordVocabulary(["deep", "dive"]), length=4).encoded(["Deep deep dive", "no"]).tolist()
    [[4, 4, 5, 0], [1, 0, 0, 0]]
    """

    example: ClassVar[str] = "texts.txt"

    vocabulary: Vocabulary
    length: PositiveInt

    def encoded(self, X: Iterable[str]) -> np.ndarray:
        """int32 (texts, length)."""
        return self.vocabulary.rows(map(str, X), self.length)

    def labelled(self, path: Path, column: str | None) -> tuple[np.ndarray, list[str]]:
        """From lines of a class, a tab and a text."""
        rows = [line.split("\t", 1) for line in read_text(path).splitlines() if line.strip()]
        short = next((number for number, row in enumerate(rows, 1) if len(row) < 2), None)
        if short is not None or not rows:
            raise DataFileError(path, "expected a class, a tab and a text", short, "line")
        return self.encoded(row[1] for row in rows), [row[0].strip() for row in rows]
