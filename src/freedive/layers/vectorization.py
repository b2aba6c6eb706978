"""Texts as rows of numbers: standardised, split into words, and looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np

from ..config import PositiveInt, integer, one_of, positive
from ..core.door import HostLayer, one_text_a_row
from .categories import Dense
from .lookup import LookupMode, StringLookup, batches_of

PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")
STANDARDIZE = {
    None: lambda text: text,
    "lower": str.lower,
    "strip_punctuation": lambda text: PUNCTUATION.sub("", text),
    "lower_and_strip_punctuation": lambda text: PUNCTUATION.sub("", text.lower()),
}
SPLIT = {None: lambda text: [text], "whitespace": str.split, "character": list}


def word_or_function(*allowed: Any) -> Any:
    """One of a few words, or a function."""

    def check(value: Any) -> Any:
        return value if callable(value) else one_of(*allowed)(value)

    return check


def widths(value: Any) -> int | tuple[int, ...] | None:
    """How many words are taken together: up to so many, or exactly these numbers of words."""
    if value is None or not isinstance(value, (list, tuple)):
        return None if value is None else positive(integer(value))
    return tuple(positive(integer(v)) for v in value)


class TextVectorization(HostLayer):
    """Texts as rows of word numbers, or as vectors of words.

    Number 0 is padding, 1 an unknown word; vectors have no place for padding.

    Args:
        max_tokens: numbers at most, padding and unknown included.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a function text -> text.
        split: "whitespace", "character" (as suits Chinese), None, or a function text -> words.
        ngrams: 2 takes pairs of neighbours too; (2, 3) pairs and threes alone.
        output_mode: "int", "multi_hot", "count" or "tf_idf".
        output_sequence_length: of a row; None: the longest text's of a batch.
        pad_to_max_tokens: whether vectors have `max_tokens` numbers whatever the vocabulary.
        vocabulary: the words; None: `adapt(texts)` learns them. A list, never a path.
        idf_weights: a weight for each word, for "tf_idf".
        sparse, ragged: False; nothing here is sparse or ragged.
        encoding: "utf-8", the only one.

    Works on the host: by itself, or first in a `Sequential` or functional model.

    >>> import freedive as fd
    >>> words = fd.layers.TextVectorization()
    >>> words.adapt(["A deep dive!", "a deep breath"])
    >>> words.get_vocabulary()
    ['', '[UNK]', 'deep', 'a', 'dive', 'breath']
    >>> words(["deep, deep dive", "no dive"]).tolist()
    [[2, 2, 4], [1, 4, 0]]
    """

    max_tokens: PositiveInt | None = None
    standardize: Annotated[Any, word_or_function(*STANDARDIZE)] = "lower_and_strip_punctuation"
    split: Annotated[Any, word_or_function(*SPLIT)] = "whitespace"
    ngrams: Annotated[Any, widths] = None
    output_mode: LookupMode = "int"
    output_sequence_length: PositiveInt | None = None
    pad_to_max_tokens: bool = False
    vocabulary: Any = None
    idf_weights: Any = None
    sparse: Dense = False
    ragged: Dense = False
    encoding: Annotated[str, one_of("utf-8")] = "utf-8"

    def __post_init__(self):
        super().__post_init__()
        if self.output_mode == "one_hot":
            raise ValueError("TextVectorization(output_mode='one_hot'): expected 'int', 'multi_hot', 'count', 'tf_idf'")
        if self.vocabulary is not None:
            self.set_vocabulary(self.vocabulary, self.idf_weights)

    # the vocabulary -------------------------------------------------------------------------------------------------
    def _lookup(self) -> StringLookup:
        shared = {"max_tokens": self.max_tokens, "pad_to_max_tokens": self.pad_to_max_tokens}
        return StringLookup(mask_token="", output_mode=self.output_mode, **shared)

    def _learned(self) -> StringLookup:
        lookup = self._lookup()
        lookup.vocabulary, lookup.idf_weights = self.vocabulary, self.idf_weights  # which were checked when they came
        return lookup

    def _take(self, lookup: StringLookup) -> None:
        self.vocabulary, self.idf_weights = lookup.vocabulary, lookup.idf_weights

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary: words, most frequent first, with or without those for padding and unknown."""
        lookup = self._lookup()
        lookup.set_vocabulary(vocabulary, idf_weights)
        self._take(lookup)

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary of texts: an array, a list, or batches of them."""
        lookup = self._lookup()
        texts = (text for array in batches_of(data, steps) for text in array.ravel().tolist())
        lookup.adapt(_Rows(self.words(text) for text in texts))
        self._take(lookup)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words by number."""
        return self._learned().get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many numbers there are: for `Embedding`."""
        return self._learned().vocabulary_size()

    # texts to numbers -----------------------------------------------------------------------------------------------
    def words(self, text: str) -> list[str]:
        """The words of a text, with their n-grams."""
        standardize = self.standardize if callable(self.standardize) else STANDARDIZE[self.standardize]
        split: Any = self.split if callable(self.split) else SPLIT[self.split]
        words = list(split(standardize(text)))
        if self.ngrams is None:
            return words
        sizes = self.ngrams if isinstance(self.ngrams, tuple) else range(1, self.ngrams + 1)
        return [" ".join(words[at : at + n]) for n in sizes for at in range(len(words) - n + 1)]

    def on_host(self, x: np.ndarray) -> np.ndarray:
        if self.vocabulary is None:
            raise self.error("has no vocabulary yet: call adapt(texts), or give vocabulary=[...]")
        single = x.ndim == 0
        rows = [self.words(text) for text in one_text_a_row(np.atleast_1d(x), self).tolist()]
        longest = max(map(len, rows), default=0)
        length = self.output_sequence_length if self.output_mode == "int" and self.output_sequence_length else longest
        lookup = self._learned()
        found = lookup.ids([word for row in rows for word in row])
        table = np.full((len(rows), length), 0 if self.output_mode == "int" else -1, np.int64)
        at = 0
        for place, row in enumerate(rows):
            table[place, : len(row)] = found[at : at + min(len(row), length)]
            at += len(row)
        table = lookup.vectors(table)
        return table[0] if single else table

    def gives_for(self, shape: Any) -> Any:
        if shape[1:] not in ((), (1,)):
            raise self.error(f"expected one text a row, Input((), dtype='string'). Received shape {shape}")
        if self.output_mode == "int":
            return (None, self.output_sequence_length), "int32"
        return self._learned().gives_for((None, None))


class _Rows:
    """Rows of words, one batch each."""

    def __init__(self, rows: Iterator[list[str]]):
        self.rows = rows

    def __iter__(self) -> Iterator[Any]:
        return (np.array([row], object) if row else np.empty((1, 0), object) for row in self.rows)
