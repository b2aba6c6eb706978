"""Texts and what they say."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar

from .. import layers
from ..config import Fraction, PositiveInt, one_of
from ..core.graph import Input
from ..models import Sequential
from .base import Classifier, Settings
from .reading import Reader, Texts
from .targets import Target


class TextClassifier(Classifier):
    """Tell what texts are about, or how they are meant.

    Args:
        network: "cnn", words as vectors, their neighbourhoods, and the strongest of each feature.
        words: how many of the most frequent words are known.
        length: words of a text that are read.
        characters: whether every character is a word, as suits Chinese.
        dropout: before the last layer.

    >>> texts = ["deep and good", "good", "bad and long", "bad"] * 8
    >>> task = TextClassifier(epochs=20, verbose=0).fit(texts, [1, 1, 0, 0] * 8)
    >>> task.predict(["good"]).tolist()
    [1]
    """

    noun: ClassVar[str] = "texts"

    _: dataclasses.KW_ONLY
    network: Annotated[Any, one_of("cnn")] = "cnn"
    words: PositiveInt = 8000
    length: PositiveInt = 48
    characters: bool = False
    dropout: Fraction = 0.5

    def learn_reader(self, X: Any) -> Reader:
        return Texts.learned(X, self.words, self.length, self.characters)

    def usual(self, rows: int) -> Settings:
        return Settings(epochs=6, batch_size=32, learning_rate=1e-3)

    def make_network(self, x: Any, target: Target) -> Any:
        return Sequential(
            [
                Input((self.length,), dtype="int32"),
                layers.Embedding(self.reader.size, 32),
                layers.Conv1D(64, 3, activation="relu"),
                layers.GlobalMaxPooling1D(),
                *([layers.Dropout(self.dropout)] if self.dropout else []),
                target.head(),
            ]
        )
