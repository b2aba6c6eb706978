"""Sentences as rows of the numbers of a vocabulary."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import ClassVar

import numpy as np

from ...config import PositiveInt
from ...preprocessing.vocabulary import Vocabulary
from .texts import _Lines


class Sentences(_Lines):
    """Every line of a text file as the numbers of its pieces, filled up with 0.

    Args:
        vocabulary: the pieces.
        length: the most pieces of a sentence that are read.
    """

    example: ClassVar[str] = "sentences.txt"
    ways: ClassVar[Collection[str]] = ("encoding",)

    vocabulary: Vocabulary
    length: PositiveInt = 128

    def encoded(self, X: Iterable[str]) -> np.ndarray:
        """int32 (sentences, the longest one's pieces)."""
        return self.vocabulary.rows([text.strip() for text in X])[:, : self.length]
