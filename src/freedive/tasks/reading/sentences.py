"""Sentences as rows of the numbers of a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from ...config import PositiveInt
from ...data.errors import DataFileError
from ...data.opening import read_text
from ...preprocessing.vocabulary import Vocabulary
from .base import Path, Reader, Rows, numbered, suffix


class Sentences(Reader):
    """Every line of a text file as the numbers of its pieces, filled up with 0.

    Args:
        vocabulary: the pieces.
        length: the most pieces of a sentence that are read.
    """

    example: ClassVar[str] = "sentences.txt"

    vocabulary: Vocabulary
    length: PositiveInt = 128

    def encoded(self, X: Iterable[str]) -> np.ndarray:
        """int32 (sentences, the longest one's pieces)."""
        return self.vocabulary.rows([clean(text) for text in X])[:, : self.length]

    def read(self, path: Path) -> Rows:
        if suffix(path) not in (".txt", ""):
            raise DataFileError(path, "expected a .txt file with a sentence in every line")
        lines = [line for line in read_text(path).splitlines() if line.strip()]
        if not lines:
            raise DataFileError(path, "no text")
        return Rows(numbered(path, len(lines)), self.encoded(lines), [])


def clean(text: str) -> str:
    """A sentence without spaces around it.

    >>> clean(" deep dive ")
    'deep dive'
    """
    return text.strip()
