"""What a vocabulary is: pieces of text with a number each, learned once, then fixed, and kept as plain JSON.

The first four numbers mean the same in every vocabulary: padding, an unknown piece, the start of a text, its end.
Whatever a file says of a vocabulary is checked here: its size, that its words are words, and that none stands twice.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from ...config import Configured, Family, argument, from_config, integer, non_negative
from ...data.writing import composed
from ...errors import VocabularyError

RESERVED = ("", "[UNK]", "[START]", "[END]")
PAD, UNKNOWN, START, END = range(len(RESERVED))
MOST_WORDS, LONGEST_WORD = 2**19, 256
OLDER = {"normal": False}  # texts were read as they were written


def distinct_words(value: Any) -> tuple[str, ...]:
    """Words, each once.

    Raises:
        VocabularyError: no list, too many, one that is no text or too long, or one that stands twice.

    >>> distinct_words(["deep", "dive"])
    ('deep', 'dive')
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, (list, tuple, np.ndarray)):
        raise VocabularyError(f"expected a list of words. Received: {value!r:.80}")
    if len(value) > MOST_WORDS:
        raise VocabularyError(f"{len(value):,} words; at most {MOST_WORDS:,}")
    words = tuple(value.tolist() if isinstance(value, np.ndarray) else value)
    for place, word in enumerate(words):
        if not isinstance(word, str) or len(word) > LONGEST_WORD:
            raise VocabularyError(f"word {place}: expected up to {LONGEST_WORD} characters. Received: {word!r:.80}")
    if len(set(words)) < len(words):
        seen: set[str] = set()
        place, word = next((i, w) for i, w in enumerate(words) if w in seen or seen.add(w))
        raise VocabularyError(f"word {place}: {word!r:.80} stands twice")
    return words


class Vocabulary(Configured):
    """Texts to numbers and back. Numbers 0 to 3 are reserved: padding, unknown, start, end.

    `learned(texts, size)` makes one from texts; `get_config` and `from_config` keep it. A subclass gives `learned`,
    `tokens` and `pieces`, and `joined` where pieces are not simply put side by side.
    """

    family: ClassVar[Family | None] = Family("vocabulary")

    @staticmethod
    def convert(value: Any) -> Vocabulary:
        """What an argument means: a vocabulary, or its configuration."""
        if isinstance(value, dict):
            value = from_config(Vocabulary.family, value)  # type: ignore[arg-type]
        if not isinstance(value, Vocabulary):
            raise TypeError(f"expected a vocabulary. Received: {type(value).__name__}")
        return value

    @classmethod
    def learned(cls, texts: Iterable[str], size: int | None = None) -> Any:
        """The vocabulary of some texts, with at most `size` numbers."""
        raise NotImplementedError(f"{cls.__name__} needs a method learned(texts, size)")

    @functools.cached_property
    def tokens(self) -> tuple[str, ...]:
        """What each number stands for, for people to read; the four reserved ones first."""
        raise NotImplementedError(f"{type(self).__name__} needs its tokens")

    def pieces(self, text: str) -> list[str]:
        """The pieces of a text, as `tokens` writes them, unknown ones too."""
        raise NotImplementedError(f"{type(self).__name__} needs a method pieces(text)")

    def joined(self, pieces: Sequence[str]) -> str:
        """The text of some pieces."""
        return "".join(pieces)

    @property
    def size(self) -> int:
        """How many numbers there are: for `Embedding(vocabulary.size, ...)`."""
        return len(self.tokens)

    @functools.cached_property
    def numbers(self) -> dict[str, int]:
        """Piece -> number."""
        return {piece: number for number, piece in enumerate(self.tokens) if number >= len(RESERVED)}

    def encode(self, text: str, start: bool = False, end: bool = False) -> list[int]:
        """The numbers of a text.

        Args:
            text: any.
            start, end: whether the number of the start, of the end, stands there too.
        """
        find = self.numbers.get
        return [START] * start + [find(piece, UNKNOWN) for piece in self.pieces(checked(text))] + [END] * end

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of numbers, up to the first END; padding and START are nothing."""
        return self.joined([self.tokens[number] for number in self.spoken(numbers)])

    def spoken(self, numbers: Iterable[int]) -> list[int]:
        """The numbers that stand for text, up to the first END."""
        kept: list[int] = []
        for number in map(int, numbers):
            if number == END:
                break
            if not 0 <= number < self.size:
                raise ValueError(f"decode: {number} is none of the numbers 0..{self.size - 1} of this vocabulary")
            if number not in (PAD, START):
                kept.append(number)
        return kept

    def rows(
        self, texts: Iterable[str], length: int | None = None, start: bool = False, end: bool = False
    ) -> np.ndarray:
        """Texts as rows of numbers, filled up with 0 at their end.

        Args:
            texts: any.
            length: of a row, the longest text's unless given; longer texts are cut, and keep their END.
            start, end: as for `encode`.

        Returns:
            int32 (texts, length).
        """
        if length is not None:
            argument("rows", "length", length, integer, non_negative)
        found = [self.encode(text, start, end) for text in each_text(texts)]
        length = max(map(len, found), default=0) if length is None else length
        table = np.zeros((len(found), length), np.int32)
        for row, numbers in zip(table, found, strict=True):
            row[: len(numbers)] = numbers[:length]
            if end and len(numbers) > length:
                row[-1:] = END
        return table


def checked(text: Any, where: str = "") -> str:
    """A text, or an error."""
    if not isinstance(text, str):
        raise TypeError(f"{where}expected a text. Received: {text!r:.60} of type {type(text).__name__}")
    return text


def prepared(text: str, lower: bool, normal: bool = True) -> str:
    """A text as its pieces are taken from it: in small letters, in normal form."""
    text = text.lower() if lower else text
    return composed(text) if normal else text


def each_text(texts: Any) -> Iterable[str]:
    """Several texts: one alone is an error, as its letters would be taken for texts."""
    if isinstance(texts, str):
        raise TypeError(f"expected a list of texts. Received one text: {texts[:40]!r}; put it into a list")
    if not isinstance(texts, Iterable):
        raise TypeError(f"expected a list of texts. Received: {texts!r:.60} of type {type(texts).__name__}")
    return (checked(text, f"row {row}: ") for row, text in enumerate(texts))


def limit(size: int | None, least: int = len(RESERVED) + 1) -> int:
    """How many numbers a vocabulary that is learned may have."""
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < least):
        raise ValueError(f"size={size!r}: expected a whole number, {least} or more; {len(RESERVED)} are reserved")
    return min(size or MOST_WORDS, MOST_WORDS)
