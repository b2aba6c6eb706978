"""Sequences of measurements and what they are of."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from .. import layers
from ..config import Fraction, PositiveInt
from ..core.graph import Input
from ..models import Sequential
from .base import Classifier, Settings
from .reading import Numbers, Reader
from .targets import Target


class SequenceClassifier(Classifier):
    """Tell what sequences of measurements are of: speech as frames, movements, signals.

    Rows are (time, features); shorter ones are filled up with rows of 0, which are passed over.

    Args:
        units: of the recurrent layer, in each direction.
        dropout: before the last layer.

    >>> import freedive as fd
    >>> (x, y), (x_test, y_test) = fd.datasets.vowels.load_data()
    >>> SequenceClassifier(epochs=2, verbose=0).fit(x, y).predict(x_test).shape
    (370,)
    """

    noun: ClassVar[str] = "sequences"

    _: dataclasses.KW_ONLY
    units: PositiveInt = 32
    dropout: Fraction = 0.3

    def learn_reader(self, X: Any) -> Reader:
        return Numbers(X.shape[1:])

    def usual(self, rows: int) -> Settings:
        return Settings(epochs=40, batch_size=32, learning_rate=3e-3)

    def make_network(self, x: Any, target: Target) -> Any:
        return Sequential(
            [
                Input(x.shape[1:]),
                layers.Masking(0.0),
                layers.Bidirectional(layers.GRU(self.units)),
                *([layers.Dropout(self.dropout)] if self.dropout else []),
                target.head(),
            ]
        )
