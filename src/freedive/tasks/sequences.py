"""Sequences of measurements and what they are of."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from .. import layers
from ..config import Fraction, NonNegativeFloat, PositiveInt
from ..core.graph import Input
from ..models import Sequential
from ..train.inputs import one_array
from .base import Settings
from .beside import over_time
from .classifier import Classifier
from .reading import Numbers, Reader


class SequenceClassifier(Classifier):
    """Tell what sequences of measurements are of: speech as frames, movements, signals.

    Rows are (time, features); shorter ones are filled up with rows of 0, which are passed over. The network brings
    every feature to mean 0 and deviation 1 over the steps that are there.

    Args:
        units: of the recurrent layer, in each direction.
        noise: that is put to every number in training, in deviations of its feature.
        dropout: before the last layer.

    >>> import freedive as fd
    >>> (x, y), (x_test, y_test) = fd.datasets.vowels.load_data()
    >>> SequenceClassifier(epochs=2, verbose=0).fit(x, y).predict(x_test).shape
    (370,)
    """

    noun: ClassVar[str] = "sequences"

    _: dataclasses.KW_ONLY
    units: PositiveInt = 64
    noise: NonNegativeFloat = 0.4
    dropout: Fraction = 0.3

    def checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        where = "SequenceClassifier.fit(X=...)"
        X = one_array(X, where)
        if X.ndim != 3:
            raise ValueError(f"{where}: expected (rows, time, features). Received shape {X.shape}")
        return super().checked(X, y)

    def learn_reader(self, X: Any) -> Reader:
        return Numbers(X.shape[1:])

    def features(self, x: Any) -> Any:
        return over_time(x)

    def usual(self, rows: int) -> Settings:
        return Settings(epochs=40, batch_size=32, learning_rate=3e-3)

    def make_network(self, x: Any, y: Any) -> Any:
        return Sequential(
            [
                Input(x.shape[1:]),
                layers.Masking(0.0),
                standardised(x),
                *([layers.GaussianNoise(self.noise)] if self.noise else []),
                layers.Bidirectional(layers.GRU(self.units)),
                *([layers.Dropout(self.dropout)] if self.dropout else []),
                self.target.head(),
            ]
        )


def standardised(x: np.ndarray) -> layers.Normalization:
    """The layer that brings every feature to mean 0 and deviation 1 over the steps that are not all 0.

    >>> standardised(np.array([[[3.0], [5.0], [0.0]]]))(np.array([[[5.0]]])).tolist()
    [[[1.0]]]
    """
    there = x[(x != 0).any(axis=-1)]
    scale = layers.Normalization()
    scale.adapt(there if len(there) else x)
    return scale
