"""Lines of text as rows of word numbers."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

import numpy as np

from ...config import PositiveInt, text
from ...data.errors import DataFileError
from ...data.opening import read_text
from ...preprocessing.sequence import pad_sequences
from ...preprocessing.text import text_to_word_sequence
from .base import Path, Reader, Rows, numbered, suffix

RESERVED = 2  # 0 fills up, 1 stands for words that are not known


def word_list(value: Any) -> tuple[str, ...]:
    """Words, each once."""
    words = tuple(text(word) for word in value)
    if len(set(words)) != len(words):
        raise ValueError("expected words, each once")
    return words


class Texts(Reader):
    """Every line of a text file as a row of numbers, 2 for the first word of the list, filled up with 0.

    Args:
        words: those that have a number.
        length: of a row; longer texts are cut at their end.
        characters: whether every character is a word, as suits Chinese.

    >>> Texts(["deep", "dive"], length=4).encoded(["Deep, deep dive", "no"]).tolist()
    [[2, 2, 3, 0], [1, 0, 0, 0]]
    """

    example: ClassVar[str] = "texts.txt"

    words: Annotated[Any, word_list]
    length: PositiveInt
    characters: bool = False

    @classmethod
    def learned(cls, texts: Iterable[str], most: int, length: int, characters: bool = False) -> Texts:
        """The reader with the most frequent words of some texts."""
        counts = collections.Counter(word for line in texts for word in split(line, characters))
        return cls([word for word, _ in counts.most_common(most)], length, characters)

    @property
    def size(self) -> int:
        """How many different numbers there are: for `Embedding`."""
        return len(self.words) + RESERVED

    def encoded(self, X: Iterable[str]) -> np.ndarray:
        """int32 (texts, length)."""
        places = {word: place for place, word in enumerate(self.words, RESERVED)}
        rows = [[places.get(word, 1) for word in split(line, self.characters)] for line in X]
        return pad_sequences(rows, self.length, padding="post", truncating="post")

    def read(self, path: Path) -> Rows:
        if suffix(path) not in (".txt", ""):
            raise DataFileError(path, "expected a .txt file with a text in every line")
        lines = [line for line in read_text(path).splitlines() if line.strip()]
        if not lines:
            raise DataFileError(path, "no text")
        return Rows(numbered(path, len(lines)), self.encoded(lines), [])

    def labelled(self, path: Path, column: str | None) -> tuple[Any, Any]:
        """From lines of a class, a tab and a text."""
        rows = [line.split("\t", 1) for line in read_text(path).splitlines() if line.strip()]
        short = next((number for number, row in enumerate(rows, 1) if len(row) < 2), None)
        if short is not None or not rows:
            raise DataFileError(path, "expected a class, a tab and a text", short, "line")
        return self.encoded(row[1] for row in rows), [row[0].strip() for row in rows]


def split(line: str, characters: bool) -> list[str]:
    """The words of a text."""
    return [c for c in line.lower() if not c.isspace()] if characters else text_to_word_sequence(line)
