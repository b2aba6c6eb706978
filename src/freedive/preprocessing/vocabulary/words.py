"""Vocabularies of words and of characters. Chinese needs nothing: every Han character is a word of its own, or a
segmenter finds the words. Accents, vowel signs and other marks are of the letter that they stand at.
"""

from __future__ import annotations

import collections
import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from ...config import one_of
from ...data.writing import JOINERS, composed, marks, simple, unspaced
from ...errors import VocabularyError
from .base import OLDER, RESERVED, Vocabulary, distinct_words, each_text, limit, prepared

Words = Annotated[Any, distinct_words]
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # written without spaces between words
WORD = re.compile(rf"[{HAN}]|[^\W{HAN}]+(?:['’][^\W{HAN}]+)*|[^\w\s]")  # of texts without marks
CLOSING, OPENING, WIDE = ",.!?;:%)]}”’…", "([{“‘", re.compile(rf"[{HAN}\u3000-\u303f\uff00-\uffef]")


def single_characters(value: Any) -> tuple[str, ...]:
    """Characters, each once."""
    found = distinct_words(value)
    if any(len(character) != 1 for character in found):
        raise VocabularyError("expected single characters")
    return found


def words_of(text: str) -> list[str]:
    """Words, numbers and signs, with their marks; every Han character by itself, and every letter of Thai, Lao, Burmese
    and Khmer, which have no spaces between words either.

    >>> words_of("Don't panic: 42 深潜!"), words_of("हिन्दी में"), words_of("ดีมาก")
    (["Don't", 'panic', ':', '42', '深', '潜', '!'], ['हिन्दी', 'में'], ['ดี', 'ม', 'า', 'ก'])
    """
    return (WORD if simple(text) else _marked_word()).findall(text)


@functools.cache
def _marked_word() -> re.Pattern[str]:
    letter, mark, alone = rf"[^\W{HAN}{unspaced()}]", rf"[{marks()}]", rf"[{unspaced()}]"
    word = rf"{letter}+(?:[{marks()}{JOINERS}]+{letter}*)*"
    below = rf"[\u1039\u17d2]{alone}"  # a Burmese or Khmer letter under another
    return re.compile(
        rf"[{HAN}]{mark}*|{alone}(?:{below}|[{marks()}\u0e33\u0eb3])*|{word}(?:['’]{word})*|[^\w\s]{mark}*"
    )


@functools.cache
def segmenter(name: str | None) -> Callable[[str], list[str]]:
    """The function that finds the words of a text."""
    if name is None:
        return words_of
    try:
        import jieba
    except ImportError:
        raise ImportError("segmenter='jieba' needs the package jieba: pip install jieba") from None
    jieba.setLogLevel("WARNING")
    return lambda text: [word for word in jieba.lcut(text) if not word.isspace()]


class WordVocabulary(Vocabulary):
    """Words and signs of punctuation, the most frequent first.

    Args:
        words: those that have a number, from 4 on.
        lower: small letters first.
        segmenter: "jieba" finds the words of Chinese text (`pip install jieba`); None takes every Han character as a
            word.
        normal: whether texts are brought to Unicode's normal form C, and marks are of the letter that they stand at;
            files from before have it off.

    >>> words = WordVocabulary.learned(["A deep dive.", "a deep breath."])
    >>> words.encode("a deep, deep dive.")
    [4, 5, 1, 5, 7, 6]
    >>> words.decode([4, 5, 7, 6])
    'a deep dive.'
    """

    words: Words
    lower: bool = True
    segmenter: Annotated[Any, one_of(None, "jieba")] = None
    normal: bool = True
    older: ClassVar[Mapping[str, Any]] = OLDER

    def __post_init__(self):
        super().__post_init__()
        if self.normal:
            object.__setattr__(self, "words", distinct_words([composed(word) for word in self.words]))

    @classmethod
    def learned(
        cls,
        texts: Iterable[str],
        size: int | None = None,
        least: int = 1,
        lower: bool = True,
        segmenter: str | None = None,
    ) -> WordVocabulary:
        """The vocabulary of some texts.

        Args:
            texts: to learn from.
            size: numbers at most, the four reserved ones included.
            least: how often a word occurs at least.
            lower, segmenter: as for the class.
        """
        alone = cls((), lower, segmenter)
        return cls(most_frequent(map(alone.pieces, each_text(texts)), size, least), lower, segmenter)

    @functools.cached_property
    def tokens(self) -> tuple[str, ...]:
        return (*RESERVED, *self.words)

    def pieces(self, text: str) -> list[str]:
        text = prepared(text, self.lower, self.normal)
        return segmenter(self.segmenter)(text) if self.normal or self.segmenter else WORD.findall(text)

    def joined(self, pieces: Sequence[str]) -> str:
        """Words with spaces between them, none before closing signs, after opening ones and beside Han characters."""
        text = ""
        for piece in pieces:
            close = not text or piece in CLOSING or text[-1] in OPENING or (WIDE.match(text[-1]) or WIDE.match(piece))
            text += piece if close else f" {piece}"
        return text


class CharacterVocabulary(Vocabulary):
    """Characters, the most frequent first.

    Args:
        characters: those that have a number, from 4 on.
        lower: small letters first.
        normal: whether texts are brought to Unicode's normal form C; files from before have it off.

    >>> characters = CharacterVocabulary.learned(["深潜", "深海"])
    >>> characters.encode("深海!"), characters.decode(characters.encode("海深"))
    ([4, 6, 1], '海深')
    """

    characters: Annotated[Any, single_characters]
    lower: bool = False
    normal: bool = True
    older: ClassVar[Mapping[str, Any]] = OLDER

    @classmethod
    def learned(
        cls, texts: Iterable[str], size: int | None = None, least: int = 1, lower: bool = False
    ) -> CharacterVocabulary:
        """The characters of some texts: at most `size` numbers, each occurring at least `least` times."""
        return cls(most_frequent((prepared(text, lower) for text in each_text(texts)), size, least), lower)

    @functools.cached_property
    def tokens(self) -> tuple[str, ...]:
        return (*RESERVED, *self.characters)

    def pieces(self, text: str) -> list[str]:
        return list(prepared(text, self.lower, self.normal))


def most_frequent(texts: Iterable[Iterable[str]], size: int | None, least: int = 1) -> list[str]:
    """The pieces that occur most often, ties in the order of first sight.

    >>> most_frequent([["a", "b"], ["b"]], size=5)
    ['b']
    """
    counts: collections.Counter[str] = collections.Counter()
    for pieces in texts:
        counts.update(pieces)
    kept = counts.most_common(limit(size) - len(RESERVED))
    return [piece for piece, count in kept if count >= least and len(piece) <= 256]
