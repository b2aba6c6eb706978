"""Text to numbers: words, and the tokenizer that gives each a number by how often it occurs."""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
Words = Iterable[str]
MODES: dict[str, Callable[[int, int, int, float], float]] = {
    # (count of the word in the text, length of the text, documents, documents that have it) -> value
    "binary": lambda count, length, documents, having: 1.0,
    "count": lambda count, length, documents, having: float(count),
    "freq": lambda count, length, documents, having: count / length,
    "tfidf": lambda count, length, documents, having: (1 + np.log(count)) * np.log(1 + documents / (1 + having)),
}


def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text.

    Args:
        input_text: the text.
        filters: each of these characters counts as `split`.
        lower: small letters first.
        split: what stands between words.

    >>> text_to_word_sequence("Still waters, deep dive!")
    ['still', 'waters', 'deep', 'dive']
    """
    text = input_text.lower() if lower else input_text
    text = text.translate({ord(letter): split for letter in filters})
    return [word for word in text.split(split) if word]


def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[str], int] | str | None = "md5",
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Words] | None = None,
) -> list[int]:
    """A number from 1 to n - 1 for each word, without a vocabulary: two words may share one.

    Args:
        text: the text.
        n: the size of the space.
        hash_function: "md5", or a function word -> int. Python's own `hash` gives other numbers in every run.
        filters, lower, split: as for `text_to_word_sequence`.
        analyzer: text -> words, instead.

    >>> hashing_trick("deep deep dive", 50)
    [12, 12, 43]
    """
    if n < 2:
        raise ValueError(f"hashing_trick(n={n}): expected 2 or more")
    if isinstance(hash_function, str) and hash_function != "md5":
        raise ValueError(f"hashing_trick(hash_function={hash_function!r}): expected 'md5' or a function")
    function = hash_function if callable(hash_function) else _md5
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    return [function(word) % (n - 1) + 1 for word in words]


class Tokenizer:
    """Numbers for words: 1 for the most frequent, 2 for the next, ...; 0 is left for padding.

    Args:
        num_words: keep numbers below this; the rarer words are left out, or become `oov_token`.
        filters, lower, split: as for `text_to_word_sequence`.
        char_level: every character is a word, as for Chinese.
        oov_token: the word for unknown words; it has number 1.
        analyzer: text -> words, instead of splitting.

    Attributes, after `fit_on_texts`: `word_index` (word -> number), `index_word`, `word_counts`, `word_docs` (in how
    many texts), `index_docs`, `document_count`.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["deep dive", "a deep breath"])
    >>> tokenizer.texts_to_sequences(["A deep, deep dive"])
    [[3, 1, 1, 2]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], Words] | None = None,
        document_count: int = 0,
    ):
        if num_words is not None and num_words < 1:
            raise ValueError(f"Tokenizer(num_words={num_words}): expected None or at least 1")
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer
        self.document_count = document_count
        self.word_counts: dict[str, int] = {}
        self.word_docs: dict[str, int] = {}
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.index_docs: dict[int, int] = {}

    # learning ---------------------------------------------------------------------------------------------------
    def fit_on_texts(self, texts: Iterable[str | Sequence[str]]) -> None:
        """Count the words of texts (or of lists of words), in addition to those counted before."""
        counts, documents = collections.Counter(self.word_counts), collections.Counter(self.word_docs)
        for words in self._all_words(texts):
            self.document_count += 1
            counts.update(words)
            documents.update(dict.fromkeys(words, 1))
        self.word_counts, self.word_docs = dict(counts), dict(documents)
        ranked = sorted(counts, key=lambda word: -counts[word])  # ties in the order of first sight
        if self.oov_token is not None:
            ranked = [self.oov_token, *(word for word in ranked if word != self.oov_token)]
        self.word_index = {word: place for place, word in enumerate(ranked, 1)}
        self.index_word = {place: word for word, place in self.word_index.items()}
        self.index_docs = {self.word_index[word]: count for word, count in documents.items()}

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Count in how many sequences each number occurs, for "tfidf" without texts."""
        documents = collections.Counter(self.index_docs)
        for sequence in sequences:
            self.document_count += 1
            documents.update(set(sequence))
        self.index_docs = dict(documents)

    # texts and numbers --------------------------------------------------------------------------------------------
    def texts_to_sequences(self, texts: Iterable[str | Sequence[str]]) -> list[list[int]]:
        """The numbers of the words of each text; unknown words are left out, or are `oov_token`'s."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[str | Sequence[str]]) -> Iterator[list[int]]:
        """As `texts_to_sequences`, one at a time."""
        for words in self._all_words(texts):
            yield list(self._known(map(self.word_index.get, words)))

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of numbers, with a space between them."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """As `sequences_to_texts`, one at a time."""
        for sequence in sequences:
            known = self._known(number if number in self.index_word else None for number in map(int, sequence))
            yield " ".join(self.index_word[number] for number in known)

    def texts_to_matrix(self, texts: Iterable[str | Sequence[str]], mode: str = "binary") -> np.ndarray:
        """One row a text, one column a word: (texts, num_words), float32.

        Args:
            texts: the texts.
            mode: "binary" (1 where the word occurs), "count", "freq" (count / length of the text) or "tfidf":
                (1 + ln count) ln(1 + documents / (1 + documents that have the word)).
        """
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Iterable[Sequence[int]], mode: str = "binary") -> np.ndarray:
        """As `texts_to_matrix`, from numbers."""
        if mode not in MODES:
            raise ValueError(f"mode={mode!r}: expected one of {', '.join(map(repr, MODES))}")
        if not self.num_words and not self.word_index:
            raise ValueError(
                "the number of columns is unknown: pass Tokenizer(num_words=...) or call fit_on_texts first"
            )
        if mode == "tfidf" and not self.document_count:
            raise ValueError("mode='tfidf' needs counted documents: call fit_on_texts first")
        columns = self.num_words or len(self.word_index) + 1
        sequences = list(sequences)
        matrix = np.zeros((len(sequences), columns), np.float32)
        value = MODES[mode]
        for row, sequence in zip(matrix, sequences, strict=True):
            for number, count in collections.Counter(n for n in sequence if n < columns).items():
                row[number] = value(count, len(sequence), self.document_count, self.index_docs.get(number, 0))
        return matrix

    # files --------------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """Arguments and counts; the tables are JSON texts, as in Keras' files."""
        tables = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        plain = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        return {name: getattr(self, name) for name in plain} | {
            name: json.dumps(getattr(self, name)) for name in tables
        }

    def to_json(self, **kwargs: Any) -> str:
        """Everything as JSON, for `tokenizer_from_json`; an `analyzer` is a function and cannot be kept."""
        if self.analyzer is not None:
            raise ValueError("a Tokenizer with an analyzer cannot be written as JSON: a function is no data")
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)

    # helpers --------------------------------------------------------------------------------------------------------
    def _all_words(self, texts: Iterable[str | Sequence[str]]) -> Iterator[list[str]]:
        if isinstance(texts, str):
            raise TypeError(f"expected a list of texts. Received one text: {texts[:40]!r}; put it into a list")
        for place, text in enumerate(texts):
            if not isinstance(text, (str, list, tuple)):
                raise TypeError(f"text {place}: expected a str or a list of words. Received: {type(text).__name__}")
            yield self._words(text)

    def _words(self, text: str | Sequence[str]) -> list[str]:
        if not isinstance(text, str):
            return [word.lower() for word in text] if self.lower else list(text)
        if self.char_level:
            return list(text.lower() if self.lower else text)
        if self.analyzer is not None:
            return list(self.analyzer(text))
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def _known(self, numbers: Iterable[int | None]) -> Iterator[int]:
        """The numbers that are kept; others (None, or too rare) become the one of `oov_token`, or vanish."""
        unknown = None if self.oov_token is None else self.word_index.get(self.oov_token)
        for number in numbers:
            if number is None or (self.num_words and number >= self.num_words):
                number = unknown
            if number is not None:
                yield number


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer that `Tokenizer.to_json` wrote, here or in Keras.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["deep dive"])
    >>> tokenizer_from_json(tokenizer.to_json()).word_index
    {'deep': 1, 'dive': 2}
    """
    config = dict(json.loads(json_string)["config"])
    tables = {name: json.loads(config.pop(name)) for name in ("word_counts", "word_docs", "word_index")}
    numbered = {name: json.loads(config.pop(name)) for name in ("index_docs", "index_word")}
    tokenizer = Tokenizer(**config)
    for name, table in tables.items():
        setattr(tokenizer, name, table)
    for name, table in numbered.items():
        setattr(tokenizer, name, {int(number): value for number, value in table.items()})
    return tokenizer


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)
