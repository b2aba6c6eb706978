"""Word vectors that others trained, as what an `Embedding` begins with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..data.opening import Path
from ..data.word_vectors import read_word_vectors
from .vocabulary import RESERVED, Vocabulary


class PretrainedEmbeddings(NamedTuple):
    """A table of word vectors for a vocabulary.

    Attributes:
        table: float32 (vocabulary.size, width); row 0, padding, is 0.
        found: how many words of the vocabulary the file has.
        words: how many there are, the reserved numbers apart.
        missing: the most frequent words that it has not, up to 20.
    """

    table: np.ndarray
    found: int
    words: int
    missing: list[str]

    @property
    def coverage(self) -> float:
        """The part of the vocabulary that the file has."""
        return self.found / max(1, self.words)

    def __str__(self) -> str:
        absent = f"; missing: {', '.join(self.missing[:8])}" if self.missing else ""
        return f"{self.found:,} of {self.words:,} words have vectors ({self.coverage:.1%}){absent}"


def load_embeddings(path: Path, vocabulary: Vocabulary, seed: int = 0) -> PretrainedEmbeddings:
    """The vectors that a word2vec or GloVe file has for the words of a vocabulary.

    A word that the file lacks is looked for in small letters, then drawn from a normal distribution with the mean and
    deviation of the vectors that were found.

    Args:
        path: see `data.read_word_vectors`.
        vocabulary: whose numbers are the rows.
        seed: of what is drawn.

    Raises:
        DataFileError: the file cannot be read so, or has none of the words.

    >>> from freedive.preprocessing import WordVocabulary
    >>> _ = open("vectors.txt", "w").write("deep 0.5 1.0\\nsea 2.0 0.0\\n")
    >>> found = load_embeddings("vectors.txt", WordVocabulary(["deep", "dive"]))
    >>> print(found)
    1 of 2 words have vectors (50.0%); missing: dive
    >>> found.table[4].tolist()
    [0.5, 1.0]
    """
    words = vocabulary.tokens[len(RESERVED) :]
    vectors = read_word_vectors(path, {*words, *map(str.lower, words)})
    rows = [vectors.get(word, vectors.get(word.lower())) for word in words]
    known = [row for row in rows if row is not None]
    if not known:
        from ..data.errors import DataFileError

        raise DataFileError(path, "has none of the words of the vocabulary: is it of another language?")
    stacked = np.stack(known)
    draw = np.random.default_rng(seed)
    table = draw.normal(stacked.mean(), stacked.std(), (vocabulary.size, stacked.shape[1])).astype(np.float32)
    table[0] = 0
    for number, row in enumerate(rows, len(RESERVED)):
        if row is not None:
            table[number] = row
    missing = [word for word, row in zip(words, rows, strict=True) if row is None]
    return PretrainedEmbeddings(table, len(known), len(words), missing[:20])
